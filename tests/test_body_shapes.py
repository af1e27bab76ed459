"""Bodies that are no event stream: whole completions, and text that is neither that nor an error."""

import json
import re
from typing import Any

import pytest
from helpers import ID, anomalies, chunk, counted, cut, fed, run, said
from hypothesis import given
from hypothesis import strategies as st

from streamfsm import Limits, StreamParser, coalesce
from streamfsm.cli import main
from streamfsm.replay import capture
from streamfsm.wires.sse import EventStream

# -- completions -------------------------------------------------------------------------------------------------------


def completion(message: dict[str, Any], finish: str | None = "stop", **fields: Any) -> dict[str, Any]:
    """A whole answer, not streamed."""
    return {
        **chunk(),
        "object": "chat.completion",
        **fields,
        "choices": [{"message": message, "finish_reason": finish}],
    }


WHOLE = {
    "text": {"role": "assistant", "content": "Hé 😀\n"},
    "a refusal": {"role": "assistant", "content": None, "refusal": "No."},
    "reasoning": {"reasoning_content": "Hm.", "content": "Hi"},
    "calls": {
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
            {"id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
        ]
    },
    "speech": {"tool_calls": [{"id": "a", "function": {"name": "send_message", "arguments": '{"message":"Hi"}'}}]},
}


@pytest.mark.parametrize("message", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("finish", ["stop", "tool_calls", "length", None])
def test_a_whole_completion_says_what_its_chunk_says(message, finish):
    whole = completion(message, finish, usage={"prompt_tokens": 1, "completion_tokens": 2})
    calls = [{**call, "index": at} for at, call in enumerate(message.get("tool_calls", []))]
    delta = {**message, "tool_calls": calls}
    expected, streamed = run([{**whole, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}])
    for body in (json.dumps(whole), json.dumps(whole, indent=1), json.dumps([whole]), capture.body([whole])):
        messages, parser = fed(body.encode(), 1, 7)
        assert said(messages) == said(expected)
        assert parser.result == streamed.result


def test_several_choices_of_a_whole_completion_are_read():
    choices = [{"index": at, "message": {"content": str(at)}, "finish_reason": "stop"} for at in range(2)]
    parser = fed(json.dumps({**chunk(), "choices": choices}).encode(), 1)[1]
    assert [choice.content for choice in parser.result.choices] == ["0", "1"]


@given(st.data())
def test_no_cut_changes_what_a_body_that_is_no_stream_says(data):
    lines = st.sampled_from([json.dumps(completion({"content": "Hi"})), '{"error":"m"}', "{", "}", "oops", "", "a: b"])
    ends = st.sampled_from(["\n", "\r\n", "\n\n"])
    lines |= st.sampled_from([f"data: {json.dumps(chunk(content='Hi'))}", "data: [DONE]", "data:", ": c", "event: x"])
    body = "".join(data.draw(lines) + data.draw(ends) for _ in range(data.draw(st.integers(0, 6)))).encode()
    whole = fed(body)
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=6))
    parser = StreamParser(message_id=ID)
    messages = [each for piece in cut(body, cuts) for each in parser.feed_bytes(piece)] + parser.close()
    assert said(messages) == said(whole[0])
    assert parser.result == whole[1].result


def test_a_snapshot_goes_on_anywhere_in_a_body_that_is_no_stream():
    for body in (
        json.dumps(completion(WHOLE["calls"]), indent=1).encode(),
        b'data: {"choices":[]}\nevent: error\ndata: {"message":"m"}\n<p>\n\n{"error"\n:5}',
    ):
        expected = fed(body)
        for at in range(0, len(body), 3):
            parser = StreamParser(message_id=ID)
            messages = parser.feed_bytes(body[:at])
            parser = StreamParser.restore(json.loads(json.dumps(parser.snapshot())))
            messages += parser.feed_bytes(body[at:]) + parser.close()
            assert said(messages) == said(expected[0])
            assert parser.result == expected[1].result


def test_an_object_is_read_as_soon_as_its_line_ends():
    parser = StreamParser(message_id=ID)
    assert parser.feed_bytes(b'{"error":"m"}') == []
    assert said(parser.feed_bytes(b"\n")) == [("stop", "error")]
    parser = StreamParser(message_id=ID)
    line = f"data: {json.dumps(chunk(content='Hi'))}\n".encode()
    assert parser.feed_bytes(line) == []
    assert said(parser.feed_bytes(line)) == [("assistant", "HiHi")]
    assert said(parser.feed_bytes(line)) == [("assistant", "Hi")]


# -- text --------------------------------------------------------------------------------------------------------------

TEXTS = {
    "HTML": b"<html>\n<body>502</body>\n</html>\n",
    "plain text": b"oops",
    "words like a field": b"error: oops",
    "JSON cut off": b'{"choices": [{"mess',
    "JSON that is no object": b"[1, 2]\n",
    "JSON that says nothing": b'{"ok": true}',
    "gzip": b"\x1f\x8b\x08\x00\x00\xff\x0a\x0a",
    "too deep": b"[" * 100_000,
    "broken UTF-8": b'{"a": "\xff',
    "control characters": b"\x1b[31m\x07" + "\u202e".encode(),
}


@pytest.mark.parametrize("body", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("end", [b"", b"\ndata: [DONE]\n\n", b"\n\nevent: x\n\n"])
def test_text_in_place_of_a_stream_fails_it_with_its_beginning(body, end):
    messages, parser = fed(body + end, 1_000_003 if len(body) > 1000 else 1, 7)
    assert said(messages) == [("stop", "error")]
    error = parser.result.error
    assert error.code == "not_a_stream"
    assert error.message.startswith("the body is not an event stream: ")
    assert error.message.isprintable()
    assert len(error.message) < 1000
    assert anomalies(parser) == (["not_a_chunk"] if body == TEXTS["JSON that says nothing"] else [])


def test_the_beginning_of_a_text_is_bounded():
    message = fed(b"<" * 1000)[1].result.error.message
    assert re.search("<+", message)[0] == "<" * 200


def test_text_beside_an_answer_that_ends_is_an_anomaly_and_beside_one_that_does_not_the_failure():
    text = b"<p>\n\n"
    answer = capture.body([chunk(content="Hi"), chunk(finish="stop")]).encode()
    for body in (text + answer, answer.replace(b"data: [DONE]", text + b"data: [DONE]")):
        messages, parser = fed(body, 1)
        assert said(messages) == [("assistant", "Hi"), ("stop", "end_turn")]
        assert anomalies(parser) == ["not_a_chunk"]
    messages, parser = fed(capture.body([chunk(content="Hi")]).encode().replace(b"data: [DONE]", text), 1)
    assert said(messages) == [("assistant", "Hi"), ("stop", "error")]
    assert parser.result.error.code == "not_a_stream"


@pytest.mark.parametrize("body", [b"\n", b": c\n\n", b"event: ping\n\n", b"  \r\n", b"id: 1\n"])
def test_a_body_that_says_nothing_is_incomplete_and_told(body):
    messages, parser = fed(body, 1)
    assert said(messages) == [("stop", "incomplete")]
    assert anomalies(parser) == ["not_a_chunk"]


def test_an_event_that_is_not_json_fails_with_its_beginning():
    error = fed(b"data: oops\x1b\n\n", 1)[1].result.error
    assert error.code == "not_json"
    assert error.message.endswith(r": 'oops\x1b'")


# -- bounds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "limit", "fits"),
    [
        (b'{"error":"m"}', 13, True),
        (b'{"error":"m"}', 12, False),
        (b'{\n"error":"m"\n}', 15, True),
        (b'{\n"error":"m"\n}', 14, False),
        (b"\xef\xbb\xbfdata: {}\n\n", 8, True),
        (b"<p>\n\n<p>\n\n<p>", 12, False),
        (b"data: {\ndata: }\n\n", 15, True),
        (b"data: {\ndata: }\n\n", 14, False),
        (b"data: {}\ndata: {}\n", 17, True),
        (b"data: {}\ndata: {}\n", 16, False),
    ],
)
def test_what_is_held_of_a_body_is_bounded_wherever_it_is_cut(body, limit, fits):
    error = fed(body, 1, 2, 3, limits=Limits(event=limit))[1].result.error
    assert (error is not None and error.code == "limit") is not fits


@pytest.mark.slow("long bodies, timed")
@pytest.mark.parametrize(
    "line",
    [b"data: [\n", b"data: {}\n", b"data:\n", b"<p>\n", b"\n", b"id: 1\n", b"{}\n", b"event: x\n", b"{\n"],
)
@pytest.mark.parametrize("head", [b"", b"data: [" + b"1," * 5000 + b"\n", b"<p>\n"])
def test_reading_lines_takes_linear_time(line, head):
    def steps(lines):
        stream = EventStream()
        with counted() as count:
            for piece in [head, *[line] * lines]:
                stream.feed(piece, 1 << 26)
            return count()

    assert steps(4000) < 2.5 * steps(2000)


# -- replay ------------------------------------------------------------------------------------------------------------


def replay(tmp_path, capsys, body):
    file = tmp_path / "body.sse"
    file.write_bytes(body)
    code = main(["replay", str(file), "--json"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_replay_reads_what_feeding_the_bytes_reads(tmp_path, capsys):
    hi = json.dumps(chunk(content="Hi", finish="stop"))
    for body in (
        json.dumps(completion({"content": "Hi"}), indent=1),
        f"data: {hi}\ndata: [DONE]\n",
        f"data:\n\ndata: : c\n\ndata: {hi}\n\ndata: [DONE]\n\n",
        f"{hi}\n[DONE]",
    ):
        code, messages = replay(tmp_path, capsys, body.encode())
        assert (code, [message.get("content") for message in messages]) == (0, ["Hi", None])


@pytest.mark.parametrize("body", [b'{"error":"m"}', b"<html>", b"data: {\n"])
def test_replay_of_a_body_that_fails_exits_with_1(tmp_path, capsys, body):
    code, messages = replay(tmp_path, capsys, body)
    assert (code, messages[-1]["stop_reason"]) == (1, "error")


def test_recutting_leaves_lines_of_no_event_in_place():
    body = f"<p>\ndata: {json.dumps(chunk(content='Hi'))}\n\n"
    assert capture.recut(body, list) == f"<p>\n\ndata: {json.dumps(chunk(content='Hi'))}\n\n"
    assert capture.events(body) == [("", json.dumps(chunk(content="Hi")))]
    assert coalesce(fed(capture.recut(body, list).encode())[0])


def lines(*texts, finish="stop"):
    """A body of server-sent events, each with its own beginning."""
    chunks = [
        *(completion_delta(text) for _, text in texts),
        {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
    ]
    begins = [*(begin for begin, _ in texts), "data: "]
    return "".join(f"{begin}{json.dumps(each)}\n\n" for begin, each in zip(begins, chunks, strict=True)).encode()


def completion_delta(text):
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


@pytest.mark.parametrize("size", [1, 7, 9999])
@pytest.mark.parametrize(
    "begins", [("data: ", " data: ", "data: "), (" data: ", "\tdata:", "data: "), ("  data:  ",) * 3]
)
def test_data_after_white_space_is_read(begins, size):
    messages, parser = fed(lines(*zip(begins, "abc", strict=True)) + b" data: [DONE]\n\ndata: oops\n\n", size)
    assert said(messages) == [("assistant", "abc"), ("stop", "end_turn")]
    assert anomalies(parser) == []


def test_data_after_white_space_may_take_several_lines():
    body = b'data: {"choices":[]}\n\n data: {"choices":[{"delta":\n data: {"content":"a"}}]}\n\n' + lines()
    messages, parser = fed(body, 5)
    assert said(messages) == [("assistant", "a"), ("stop", "end_turn")]
    assert anomalies(parser) == []


def test_a_line_after_the_failure_is_recorded_only_as_late():
    _, parser = fed(b'data: {"error":"no"}\n\n data: {"choices":[]}\n\n', 99)
    assert anomalies(parser) == ["late_chunk"]


@pytest.mark.parametrize("field", ["dat: ", "Data: ", "x.y:"])
def test_an_object_in_another_field_is_not_read_but_recorded(field):
    messages, parser = fed(lines(("data: ", "a"), (field, "b")), 99)
    assert said(messages) == [("assistant", "a"), ("stop", "end_turn")]
    assert anomalies(parser) == ["not_a_chunk"]


@pytest.mark.parametrize("size", [1, 7, 99])
@pytest.mark.parametrize("rest", ["", "\n", "\n\n", "\nid: 1\n\n", "\n\ndata: [DONE]\n\n", "\n: comment\n\n"])
def test_an_error_event_without_any_data_is_a_failure(rest, size):
    body = lines(("data: ", "a"))[: -len("\n\n")] + f"\n\nevent: error{rest}".encode()
    messages, parser = fed(body, size)
    assert said(messages) == [("assistant", "a"), ("stop", "error")]
    assert (parser.result.error.message, anomalies(parser)) == ("error", [])


@pytest.mark.parametrize("name", ["message", "errors", ""])
def test_another_event_without_data_is_nothing(name):
    messages, parser = fed(f"event: {name}\n\n".encode() + lines(("data: ", "a")), 7)
    assert said(messages) == [("assistant", "a"), ("stop", "end_turn")]
    assert anomalies(parser) == []
