"""What a stream of the Responses API becomes: however it is fed, and whatever of it is missing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from helpers import ID, anomalies, chunk, counted, dumped, fed, run, said
from openai._models import construct_type
from openai.types.responses import ResponseStreamEvent
from response_events import (
    USAGE,
    added,
    argued,
    body,
    created,
    done,
    ended,
    event,
    function,
    message,
    named,
    placed,
    thoughts,
)
from response_events import said as spoken

from streamfsm import Dialect, Limits, MisuseError, StreamParser
from streamfsm.wires.template import Template

SPEECH = [
    created(),
    event("in_progress", response={"id": "resp_1"}),
    added(message()),
    event("content_part.added", part={"type": "output_text", "text": ""}, **named("m1", 0), **placed(0)),
    spoken("Hel"),
    spoken("lo"),
    event("output_text.done", text="Hello", **named("m1", 0), **placed(0)),
    event("content_part.done", part={"type": "output_text", "text": "Hello"}, **named("m1", 0), **placed(0)),
    done(message("Hello")),
    ended(message("Hello")),
]
HELLO = [("assistant", "Hello"), ("stop", "end_turn")]


def ways(stream: list[Any], **options: Any) -> list[tuple[list[Any], StreamParser]]:
    """The stream as dicts, as the client's objects, as a body with and without names of events, and in pieces."""
    objects = [construct_type(type_=ResponseStreamEvent, value=each) for each in stream]
    return [
        run(stream, **options),
        run(objects, **options),
        fed(body(stream), 1, 7, **options),
        fed(body(stream, names=False) + b"data: [DONE]\n\n", 1, 7, **options),
    ]


def read(stream: list[Any], **options: Any) -> tuple[list[tuple[str, str]], StreamParser]:
    """What the stream says, which is the same in each way."""
    (messages, parser), *others = ways(stream, **options)
    for other_messages, other in others:
        assert said(other_messages) == said(messages)
        assert other.result == parser.result
    return said(messages), parser


def calls(parser: StreamParser) -> list[tuple[str, str, str, bool]]:
    return [(call.kind, call.name, call.arguments, call.ready) for call in parser.result.tool_calls]


# -- texts that are told several times ---------------------------------------------------------------------------------


def test_a_text_that_is_told_four_times_is_said_once():
    assert read(SPEECH)[0] == HELLO


@pytest.mark.parametrize("kept", range(4, 10))
def test_any_one_telling_is_enough(kept: int):
    if kept == 5:
        pytest.skip("the second half of the deltas")
    telling = SPEECH[4:6] if kept == 4 else [SPEECH[kept]]
    found, parser = read([created(), *telling, ended()])
    assert found == HELLO
    assert anomalies(parser) == []


@pytest.mark.parametrize("at", range(1, len(SPEECH)))
def test_a_snapshot_at_any_event_goes_on(at: int):
    whole, _ = run(SPEECH)
    parser = StreamParser(message_id=ID)
    before = [each for event in SPEECH[:at] for each in parser.feed(event)]
    restored = StreamParser.restore(json.loads(json.dumps(parser.snapshot())))
    after = [each for event in SPEECH[at:] for each in restored.feed(event)] + restored.close()
    strip = [{**each, "date": None} for each in dumped(before + after)]
    assert strip == [{**each, "date": None} for each in dumped(whole)]


def test_a_snapshot_amid_a_body_goes_on():
    data = body(SPEECH)
    whole, _ = fed(data)
    for at in range(0, len(data), 61):
        parser = StreamParser(message_id=ID)
        before = parser.feed_bytes(data[:at])
        restored = StreamParser.restore(json.loads(json.dumps(parser.snapshot())))
        assert said(before + restored.feed_bytes(data[at:]) + restored.close()) == said(whole)


def test_what_goes_on_from_the_deltas_is_new_and_what_contradicts_them_is_not_read():
    whole = event("output_text.done", text="Hello!", **named("m1", 0), **placed(0))
    found, parser = read([created(), *SPEECH[2:6], whole, done(message("Hello!!")), ended(message("Bye"))])
    assert found == [("assistant", "Hello!!"), ("stop", "end_turn")]
    assert anomalies(parser) == ["snapshot_conflict"]


def test_a_whole_text_that_is_shorter_contradicts_the_deltas():
    _, parser = read([created(), *SPEECH[2:6], done(message("Hel")), ended()])
    assert anomalies(parser) == ["snapshot_conflict"]


def test_arguments_that_are_contradicted_put_their_call_in_doubt():
    stream = [created(), added(function()), argued('{"a":1}'), done(function('{"a":2}')), ended()]
    found, parser = read(stream)
    assert found == [("name", "f"), ("arguments", '{"a":1}'), ("stop", "tool_calls")]
    assert calls(parser) == [("function", "f", '{"a":1}', False)]
    assert anomalies(parser) == ["snapshot_conflict"]


def test_a_delta_after_the_whole_text_is_not_read():
    found, parser = read([*SPEECH[:7], spoken("?"), SPEECH[8], spoken("!", part=1), ended()])
    assert found == HELLO
    assert anomalies(parser) == ["late_delta", "late_delta"]
    stream = [added(function()), argued("{}"), done(function("{}")), argued("{}"), ended()]
    assert calls(read([created(), *stream])[1]) == [("function", "f", "{}", False)]


def test_a_pair_that_deltas_cut_is_whole_where_the_whole_text_has_it():
    halves = [created(), added(message()), spoken("a\ud83d"), spoken("\ude00b"), done(message("a\U0001f600b")), ended()]
    found, parser = read(halves)
    assert found == [("assistant", "a\U0001f600b"), ("stop", "end_turn")]
    assert anomalies(parser) == []
    half = [created(), added(message()), spoken("a\ud83d"), done(message("a\U0001f600")), ended()]
    assert read(half)[0] == [("assistant", "a\U0001f600"), ("stop", "end_turn")]


@pytest.mark.parametrize("tag", ["<thi", "<think>b</thi"])
def test_what_was_held_back_is_said_when_its_text_is_whole(tag: str):
    parser = StreamParser(think_tags=("<think>", "</think>"))
    for each in (created(), added(message()), spoken(tag)):
        parser.feed(each)
    last = parser.feed(event("output_text.done", text=tag, **named("m1", 0), **placed(0)))
    assert len(last) == 1


def test_an_item_that_begins_with_text_has_said_it():
    assert read([created(), added(message("Hel")), spoken("lo"), done(message("Hello")), ended()])[0] == HELLO
    whole = [created(), added(function('{"a":1}')), ended()]
    assert calls(read(whole)[1]) == [("function", "f", '{"a":1}', True)]
    placeholder = [created(), added(function("{}")), argued('{"a":1}'), ended()]
    assert calls(read(placeholder)[1]) == [("function", "f", '{"a":1}', True)]


def test_null_and_empty_texts_say_nothing():
    stream = [
        *(created(), added(message()), spoken("")),
        event("output_text.delta", delta=None, **placed(0)),
        event("content_part.added", part={"type": "output_text", "text": None}, **placed(0)),
        event("output_text.done", text=None, **placed(0)),
        *(spoken("Hello"), ended()),
    ]
    assert read(stream)[0] == HELLO


def test_a_text_of_the_wrong_type_is_recorded_and_kept():
    found, parser = read([created(), event("output_text.delta", delta=[7], **placed(0)), *SPEECH[2:6], ended()])
    assert found == HELLO
    assert anomalies(parser) == ["wrong_type"]


def test_older_events_have_their_text_in_an_object():
    older = event("reasoning.delta", delta={"text": "Hm"}, item_id="r1", output_index=0, content_index=0)
    assert read([created(), older, ended()])[0] == [("reasoning", "Hm"), ("stop", "end_turn")]


# -- messages ----------------------------------------------------------------------------------------------------------


def test_parts_and_items_stay_apart_after_joining():
    stream = [created(), added(message()), spoken("a"), spoken("b", part=1), done(message(None)),
              added(message(None, "m2"), 1), spoken("c", "m2", 1), ended()]  # fmt: skip
    messages, parser = ways(stream)[0]
    assert [each.content for each in messages[:-1]] == ["a", "b", "c"]
    assert len({each.otid for each in messages}) == 4
    assert parser.result.content == "abc"


def test_refusals_and_transcripts_are_spoken():
    refusal = event("refusal.delta", delta="No", **named("m1", 0), **placed(0))
    spoken_aloud = [event("audio.transcript.delta", delta="Hi"), event("audio.delta", delta="UklGRg=="),
                    event("audio.transcript.done"), event("audio.done")]  # fmt: skip
    found, parser = read([created(), added(message()), refusal, *spoken_aloud, ended()])
    assert found == [("assistant", "No"), ("assistant", "Hi"), ("stop", "end_turn")]
    assert (parser.result.refusal, parser.result.choices[0].transcript) == ("No", "Hi")
    assert parser.result.choices[0].extras == {"audio": ["8 characters of base64 were left out"]}


def test_what_is_told_beside_a_text_is_kept_once():
    note = {"type": "url_citation", "url": "u", "start_index": 0}
    part = {"type": "output_text", "text": "Hello", "annotations": [note], "logprobs": [{"token": "Hello"}], "more": 1}
    item = {**message(), "content": [part], "phase": "final_answer"}
    stream = [
        *(created(), added(message())),
        event("output_text.delta", delta="Hello", logprobs=[{"token": "Hello"}], **named("m1", 0), **placed(0)),
        event("output_text.annotation.added", annotation=dict(reversed(note.items())), annotation_index=0, **placed(0)),
        event("content_part.done", part=part, **named("m1", 0), **placed(0)),
        *(done(item), ended(item)),
    ]
    found, parser = read(stream)
    assert found == HELLO
    assert parser.result.choices[0].extras == {
        "logprobs": [{"token": "Hello"}],
        "annotations": [note],
        "content_part": [{"more": 1}],
        "phase": ["final_answer"],
    }


def test_content_that_is_a_text_and_parts_of_unknown_types():
    item = {**message(), "content": "Hello"}
    assert read([created(), done(item), ended(item)])[0] == HELLO
    odd = {**message(), "content": [{"type": "video", "url": "u"}]}
    frame = event("content_part.done", part={"type": "video", "url": "u"}, **placed(0))
    _, parser = read([created(), frame, done(odd), ended(odd)])
    assert parser.result.choices[0].extras == {"content_part": [{"type": "video", "url": "u"}]}


# -- thoughts ----------------------------------------------------------------------------------------------------------


def thought(text: str, number: int = 0, item_id: str = "r1", index: int = 0) -> dict[str, Any]:
    return event("reasoning_summary_text.delta", delta=text, **named(item_id, number, "summary_index"), **placed(index))


def test_summaries_and_raw_text_are_thoughts_and_details():
    raw = event("reasoning_text.delta", delta="raw", **named("r1", 0), **placed(0))
    item = thoughts("one", "two", encrypted_content="E", content=[{"type": "reasoning_text", "text": "raw"}])
    found, parser = read(
        [created(), added(thoughts()), thought("one"), thought("two", 1), raw, done(item), ended(item)]
    )
    assert found == [*(("reasoning", text) for text in ("one", "two", "raw")), ("stop", "end_turn")]
    details = parser.result.choices[0].reasoning_details
    assert [(each.type, each.index, each.id, each.text, each.data) for each in details] == [
        ("summary", 0, "r1", "one", ""),
        ("summary", 1, "r1", "two", ""),
        ("text", 0, "r1", "raw", ""),
        ("encrypted", None, "r1", "", "E"),
    ]


@pytest.mark.parametrize(("data", "state"), [({}, "omitted"), ({"encrypted_content": "E"}, "redacted")])
def test_thoughts_that_show_nothing_are_announced_once(data: Any, state: str):
    items = [done(thoughts(**data)), added(thoughts(item_id="r2"), 1), done(thoughts(item_id="r2", **data), 1)]
    found, parser = read([created(model="gpt-5"), added(thoughts()), *items, added(message(), 2), ended(message("Hi"))])
    assert found == [("hidden", state), ("assistant", "Hi"), ("stop", "end_turn")]
    encrypted = [each.data for each in parser.result.choices[0].reasoning_details]
    assert encrypted == [*data.values()] * 2


def test_hidden_thoughts_are_announced_before_what_follows_and_at_the_end_at_the_latest():
    began = [created(), added(thoughts(encrypted_content="provisional"))]
    found, parser = read([*began, added(message(), 1), spoken("Hi", index=1), ended()])
    assert found == [("hidden", "redacted"), ("assistant", "Hi"), ("stop", "end_turn")]
    assert parser.result.choices[0].reasoning_details == []
    assert read([*began, ended()])[0] == [("hidden", "redacted"), ("stop", "end_turn")]
    assert read(began)[0] == [("hidden", "redacted"), ("stop", "incomplete")]


def test_of_several_hidden_thoughts_the_first_is_announced_whether_or_not_its_end_comes():
    first, second = {"type": "reasoning", "id": "r1"}, {"type": "reasoning", "id": "r2", "encrypted_content": "E"}
    stream = [created(), added(first), done(first), added(second, 1), done(second, 1), ended()]
    expected = [("hidden", "omitted"), ("stop", "end_turn")]
    assert read(stream)[0] == read([each for at, each in enumerate(stream) if at != 2])[0] == expected


def test_thoughts_may_show_something_while_a_later_item_has_begun():
    stream = [created(), added(thoughts()), added(message(), 1), thought("Hm"), spoken("Hi", index=1), ended()]
    assert read(stream)[0] == [("reasoning", "Hm"), ("assistant", "Hi"), ("stop", "end_turn")]


def test_only_the_data_at_the_end_of_an_item_counts_and_else_that_of_the_final_list():
    began, over = thoughts(encrypted_content="A"), thoughts(encrypted_content="B")
    last = ended(thoughts(encrypted_content="C"))
    both = read([created(), added(began), done(over), last])[1]
    assert [each.data for each in both.result.choices[0].reasoning_details] == ["B"]
    end_only = read([created(), added(began), last])[1]
    assert [each.data for each in end_only.result.choices[0].reasoning_details] == ["C"]


def test_the_models_name_says_nothing_where_the_wire_tells_thoughts():
    assert read([created(model="o3"), *SPEECH[2:]], inner_thoughts_kwarg=None)[0] == HELLO
    hidden = read([created(model="o3"), *SPEECH[2:]], reasoning_model=True)[0]
    assert hidden == [("hidden", "omitted"), *HELLO]


# -- calls -------------------------------------------------------------------------------------------------------------


def test_a_functions_call_has_channels_as_on_the_other_wire():
    item = function('{"thinking":"Hm","message":"Hi"}', name="send_message")
    stream = [created(), added({**item, "arguments": ""}), argued(item["arguments"]), done(item), ended(item)]
    found, parser = read(stream)
    assert found == [("reasoning", "Hm"), ("assistant", "Hi"), ("stop", "tool_calls")]
    assert calls(parser)[0][3]


def test_a_call_is_named_when_it_begins():
    parser = StreamParser()
    parser.feed(created())
    (message_,) = parser.feed(added(function()))
    assert (message_.tool_call.name, message_.tool_call.tool_call_id) == ("f", "c1")


def test_an_item_that_is_not_whole_is_not_ready():
    for status, ready in (("completed", True), ("in_progress", True), ("incomplete", False), ("failed", False)):
        _, parser = read([created(), added(function()), done(function("{}", status=status)), ended()])
        assert calls(parser) == [("function", "f", "{}", ready)]


def test_a_custom_tool_takes_text():
    item = {"type": "custom_tool_call", "id": "t1", "call_id": "c1", "name": "sql", "input": 'say("', "extra": 1}
    delta = event("custom_tool_call_input.delta", delta='say("', item_id="t1", **placed(0))
    for stream in (
        [added({**item, "input": ""}), delta],
        [done(item)],
        [added({**item, "input": ""}), delta, done(item)],
    ):
        found, parser = read([created(), *stream, ended()])
        assert found == [("name", "sql"), ("arguments", 'say("'), ("stop", "tool_calls")]
        assert calls(parser) == [("custom", "sql", 'say("', True)]
        (call,) = parser.result.tool_calls
        assert (call.verdict, call.extras) == ("text", {"extra": [1]})


def test_a_custom_tools_text_is_not_whole_if_nothing_says_so():
    item = {"type": "custom_tool_call", "id": "t1", "call_id": "c1", "name": "sql", "input": ""}
    delta = event("custom_tool_call_input.delta", delta="x", item_id="t1", **placed(0))
    trusting = {"dialect": Dialect(unmarked_end="complete")}
    assert calls(read([created(), added(item), delta], **trusting)[1]) == [("custom", "sql", "x", False)]
    whole = done({**item, "input": "x"})
    assert calls(read([created(), added(item), delta, whole], **trusting)[1]) == [("custom", "sql", "x", True)]


def test_a_call_that_the_server_runs_is_shown_and_never_ready():
    item = {
        "type": "mcp_call",
        "id": "mc1",
        "name": "send_message",
        "server_label": "docs",
        "arguments": '{"message":1}',
    }
    stream = [
        *(created(), added({**item, "arguments": ""})),
        event("mcp_call.in_progress", item_id="mc1", **placed(0)),
        event("mcp_call_arguments.delta", delta=item["arguments"], item_id="mc1", **placed(0)),
        event("mcp_call_arguments.done", arguments=item["arguments"], item_id="mc1", **placed(0)),
        *(done({**item, "output": "found"}), added(message(), 1), ended(message("Hello"))),
    ]
    found, parser = read(stream)
    assert found == [("name", "send_message"), ("arguments", '{"message":1}'), *HELLO]
    assert calls(parser) == [("mcp", "send_message", '{"message":1}', False)]
    (call,) = parser.result.tool_calls
    assert (call.id, call.hosted, call.extras) == ("mc1", True, {"server_label": ["docs"], "output": ["found"]})
    assert "tool_calls" not in parser.result.assistant_message()


def test_a_request_for_approval_is_announced_as_one():
    item = {"type": "mcp_approval_request", "id": "mr1", "name": "rm", "server_label": "s", "arguments": '{"a":1}'}
    (messages, parser), *_ = ways([created(), added(item), done(item), ended(item)])
    assert [each.message_type for each in messages] == ["approval_request_message"] * 2 + ["stop_reason"]
    assert messages[0].tool_call.tool_call_id == "mr1"
    assert parser.result.stop_reason.value == "end_turn"


ACTION = {"type": "exec", "command": ["ls"]}
WHOLE = [
    ({"type": "computer_call", "action": {"x": 1}}, '{"x": 1}'),
    ({"type": "computer_call", "actions": [{"x": 1}]}, '{"actions": [{"x": 1}]}'),
    ({"type": "local_shell_call", "action": ACTION}, '{"command": ["ls"], "type": "exec"}'),
    ({"type": "shell_call", "action": {"commands": ["ls"]}, "environment": {"type": "local"}}, '{"commands": ["ls"]}'),
    ({"type": "apply_patch_call", "operation": {"type": "x", "diff": "d"}}, '{"diff": "d", "type": "x"}'),
    ({"type": "tool_search_call", "execution": "client", "arguments": {"q": "x"}}, '{"q": "x"}'),
]


@pytest.mark.parametrize(("item", "arguments"), WHOLE)
def test_a_call_without_arguments_of_its_own_comes_when_it_is_whole(item: Any, arguments: str):
    item = {**item, "id": "i1", "call_id": "c1", "status": "completed"}
    kind = item["type"]
    found, parser = read([created(), added({"type": kind, "id": "i1"}), done(item), ended(item)])
    assert found == [("name", kind), ("arguments", arguments), ("stop", "tool_calls")]
    assert calls(parser) == [(kind, kind, arguments, True)]
    cut = read([created(), added(item)])[0]
    assert cut == [("stop", "incomplete")]


HOSTED = [
    {"type": "web_search_call", "id": "w1", "action": {"query": "x"}},
    {
        "type": "shell_call",
        "id": "s1",
        "action": {"commands": ["ls"]},
        "environment": {"type": "container_reference", "container_id": "k"},
    },
    {"type": "tool_search_call", "id": "t1", "execution": "server", "arguments": {}},
    {"type": "something_new", "id": "n1", "value": 1},
]


@pytest.mark.parametrize("item", HOSTED, ids=lambda item: item["type"])
def test_what_only_the_server_uses_is_kept_once_and_says_nothing(item: Any):
    pieces = [event("code_interpreter_call_code.delta", delta="x", **placed(0)), event("web_search_call.searching")]
    found, parser = read([created(), added(item), *pieces, done(item), ended({**item, "id": "other"})])
    assert found == [("stop", "end_turn")]
    assert parser.result.choices[0].extras == {"output": [item]}


CODE = {"type": "code_interpreter_call", "id": "ci_1", "status": "in_progress"}
SEARCH = {"type": "web_search_call", "id": "ws_1"}
PATCH = {"type": "apply_patch_call", "id": "ap_1", "call_id": "c1", "operation": {"type": "create_file", "path": "a"}}
CUT = {
    "code": (
        [
            added(CODE),
            *(event("code_interpreter_call_code.delta", delta=text, item_id="ci_1") for text in ("pri", "nt(")),
        ],
        [{**CODE, "code_interpreter_call_code": "print("}],
    ),
    "the whole text": (
        [
            *(added(CODE), event("code_interpreter_call_code.delta", delta="pri", **placed(0))),
            *(event("code_interpreter_call_code.done", code=code, **placed(0)) for code in ("print()", "print()", "p")),
        ],
        [{**CODE, "code_interpreter_call_code": "print()"}],
    ),
    "a diff": (
        [added(PATCH), event("apply_patch_call_operation_diff.delta", delta="+a", **placed(0))],
        [{**PATCH, "apply_patch_call_operation_diff": "+a"}],
    ),
    "two commands": (
        [event("shell_call_command.delta", delta=text, command_index=at, **placed(3)) for at, text in enumerate("ab")],
        [{"shell_call_command/0": "a", "shell_call_command/1": "b"}],
    ),
    "an output": (
        [event("shell_call_output_content.delta", delta={"stdout": "x", "stderr": ""})],
        [{"shell_call_output_content": '{"stderr": "", "stdout": "x"}'}],
    ),
    "no text": ([added(PATCH)], [PATCH]),
    "another item ends": ([added(CODE), added(SEARCH, 1), done(SEARCH, 1)], [CODE]),
}


@pytest.mark.parametrize("end", ["close", "cancel", "fail", "error", "failed", "completed"])
@pytest.mark.parametrize(("stream", "kept"), CUT.values(), ids=CUT)
def test_what_came_of_an_item_that_never_ends_is_kept(stream: list[Any], kept: list[Any], end: str):
    parser = StreamParser()
    error = {"type": "error", "error": {"code": "c", "message": "m"}}
    last = {"error": [error], "failed": [ended(status="failed", error=error["error"])], "completed": [ended()]}
    for each in [created(), *stream, *last.get(end, [])]:
        parser.feed(each)
    _ = parser.fail("gone") if end == "fail" else parser.cancel() if end == "cancel" else parser.close()
    assert parser.result.choices[0].extras["unfinished"] == kept
    assert not parser.result.ready_calls


@pytest.mark.parametrize(("stream", "kept"), CUT.values(), ids=CUT)
def test_what_came_of_it_is_kept_once_from_bytes(stream: list[Any], kept: list[Any]):
    _, parser = fed(body([created(), *stream]), 1)
    assert parser.result.choices[0].extras["unfinished"] == kept


def test_what_comes_of_an_item_that_has_ended_is_not_kept_again():
    late = event("code_interpreter_call_code.delta", delta="x", item_id="ci_1", **placed(0))
    _, parser = read([created(), added(CODE), done(CODE), late, ended()])
    assert parser.result.choices[0].extras == {"output": [CODE]}


def test_pieces_of_an_item_that_does_not_end_have_a_limit():
    delta = event("code_interpreter_call_code.delta", delta="x" * 600_000, **placed(0))
    parser = StreamParser(limits=Limits(extras=10**7))
    for each in (created(), added(CODE), delta, delta):
        parser.feed(each)
    parser.close()
    (kept,) = parser.result.choices[0].extras["unfinished"]
    assert kept == {**CODE, "code_interpreter_call_code": "x" * 2**20}


def test_an_image_is_left_out_and_that_is_said():
    item = {"type": "image_generation_call", "id": "i1", "result": "AAAA"}
    partial = event("image_generation_call.partial_image", partial_image_b64="AA", item_id="i1", **placed(0))
    _, parser = read([created(), added({**item, "result": None}), partial, done(item), ended(item)])
    left = {**item, "result": "4 characters of base64 were left out"}
    assert parser.result.choices[0].extras == {"output": [left]}


def test_a_name_may_come_with_the_arguments_and_an_id_at_the_end():
    named_ = event("function_call_arguments.done", arguments="{}", name="f", item_id="f1", **placed(0))
    found, parser = read([created(), argued("{}"), named_, done(function("{}")), ended()])
    assert found == [("name", "f"), ("arguments", "{}"), ("stop", "tool_calls")]
    assert [(call.id, call.ready) for call in parser.result.tool_calls] == [("c1", True)]


def test_a_call_whose_name_or_id_changes_is_in_doubt():
    for over in (function("{}", name="g"), function("{}", call_id="c9")):
        _, parser = read([created(), added(function()), done(over), ended()])
        assert calls(parser) == [("function", "f", "{}", False)]
        assert set(anomalies(parser)) <= {"late_name", "changed_id"}


def test_two_calls_with_one_id_are_recorded():
    stream = [created(), added(function(), 0), done(function("{}"), 0), added(function(item_id="f2"), 1), ended()]
    assert "duplicate_id" in anomalies(read(stream)[1])


def test_a_name_or_an_id_that_says_nothing_is_taken_for_none():
    _, parser = read([created(), added(function(name="null")), argued("{}"), ended()])
    assert anomalies(parser)[0] == "placeholder"
    assert calls(parser) == [("function", "", "{}", False)]


def test_arguments_that_come_as_a_value_are_its_json():
    item = {**function(), "arguments": {"b": 1, "a": 2}}
    assert calls(read([created(), done(item), ended()])[1]) == [("function", "f", '{"a": 2, "b": 1}', True)]


# -- the end -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "stop", "word"),
    [
        (ended(), "end_turn", "completed"),
        (ended(status="incomplete", incomplete_details={"reason": "max_output_tokens"}), "max_tokens_exceeded",
         "max_output_tokens"),
        (ended(status="incomplete", incomplete_details={"reason": "content_filter"}), "content_filter",
         "content_filter"),
        (ended(status="incomplete", incomplete_details={"reason": "steered"}), "unknown", "steered"),
        (ended(status="incomplete"), "incomplete", "incomplete"),
        (ended(status="failed"), "error", "failed"),
        (ended(status="cancelled"), "cancelled", "cancelled"),
        ({"type": "response.completed", "response": {"status": "in_progress"}}, "end_turn", "completed"),
        ({"type": "response.completed"}, "end_turn", "completed"),
    ],
)  # fmt: skip
def test_the_last_event_says_how_it_ended(last: Any, stop: str, word: str):
    for stream in ([*SPEECH[:-1], last], [*SPEECH[:-1], last, {"type": "keepalive"}]):
        found, parser = read(stream)
        assert found == [("assistant", "Hello"), ("stop", stop)]
        assert (parser.result.finish_reason, anomalies(parser)) == (word, [])


def test_usage_comes_with_the_last_event():
    usage = read(SPEECH)[1].result.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens) == (9, 4, 2, 1)
    assert usage.raw == USAGE


def test_a_stream_without_a_last_event_is_incomplete_and_its_calls_are_not_ready():
    found, parser = read([created(), added(function()), done(function("{}"))])
    assert found[-1] == ("stop", "incomplete")
    assert calls(parser) == [("function", "f", "{}", False)]
    trusted = read([created(), done(function("{}"))], dialect=Dialect(unmarked_end="complete"))[1]
    assert calls(trusted) == [("function", "f", "{}", True)]


ERRORS = [
    {"type": "error", "code": "c", "message": "No.", "param": None, "sequence_number": 3},
    {"type": "error", "error": {"type": "t", "code": "c", "message": "No."}, "sequence_number": 3},
    {"type": "response.error", "code": "c", "message": "No."},
    {"error": {"code": "c", "message": "No."}},
    {"type": "response.in_progress", "error": {"code": "c", "message": "No."}},
    ended(status="failed", error={"code": "c", "message": "No."}),
]


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_fails_the_stream_and_the_first_one_stands(error: Any):
    other = ended(status="failed", error={"code": "d", "message": "Other."})
    for after in ([], [other]):
        found, parser = read([created(), added(message()), spoken("Hello"), error, *after])
        assert found == [("assistant", "Hello"), ("stop", "error")]
        assert (parser.result.error.code, parser.result.error.message) == ("c", "No.")
        assert anomalies(parser) == []


@pytest.mark.parametrize("text", ["lo", ""])
def test_an_error_beside_a_delta_fails_the_stream_after_its_text(text: str):
    error = {"code": "c", "message": "No.", "hint": "later"}
    found, parser = read([created(), added(message()), spoken("Hel"), {**spoken(text), "error": error}])
    assert found == [("assistant", "Hel" + text), ("stop", "error")]
    assert (parser.result.error.code, parser.result.error.message) == ("c", "No.")
    assert parser.result.extras == {"error": [{"hint": "later"}]}


def test_an_event_named_error_is_read_as_the_error_that_it_is():
    flat = b'event: error\ndata: {"type":"error","code":null,"message":"No.","sequence_number":1}\n\n'
    _, parser = fed(body([created()]) + flat, 1)
    assert (parser.result.error.code, parser.result.error.message) == (None, "No.")


def test_an_error_after_the_end_fails_the_stream():
    found, parser = read([*SPEECH, {"type": "error", "message": "No."}])
    assert found == [("assistant", "Hello"), ("stop", "error")]
    assert parser.result.usage.input_tokens == 9


def test_an_error_without_words_fails_the_stream():
    assert read([created(), {"type": "error"}])[1].result.error.message == "error"


def test_a_second_response_in_one_body_is_not_read():
    found, parser = read([*SPEECH, created(id="resp_2"), spoken("more"), ended(message("x"))])
    assert found == HELLO
    assert anomalies(parser) == ["late_chunk"]


def test_a_resumed_stream_needs_no_beginning():
    found, parser = read([{"type": "response.queued", "response": {"id": "r"}, "sequence_number": 5}, *SPEECH[2:]])
    assert found == HELLO
    assert (parser.result.response_id, parser.result.model) == ("r", "m")


def test_what_is_told_of_the_response_as_a_whole_is_kept_and_the_request_is_not():
    first = created(service_tier="auto", temperature=1, content_filters=[{"blocked": False}])
    details = {"reason": "max_output_tokens", "by": 1}
    last = ended(status="incomplete", service_tier="default", tools=[{"type": "x"}], incomplete_details=details)
    _, parser = read([{**first, "agent": "a"}, last])
    assert parser.result.extras == {
        "agent": ["a"],
        "incomplete_details": [{"by": 1}],
        "service_tier": ["default"],
        "content_filters": [[{"blocked": False}]],
    }


# -- which wire --------------------------------------------------------------------------------------------------------


def test_a_whole_response_is_read_as_an_object_and_as_a_body():
    whole = ended(thoughts("Hm"), message("Hello"))["response"]
    expected = [("reasoning", "Hm"), *HELLO]
    for messages, parser in (
        run([whole]),
        fed(json.dumps(whole).encode(), 1),
        fed(json.dumps(whole, indent=1).encode(), 1),
    ):
        assert said(messages) == expected
        assert (parser.result.usage.input_tokens, anomalies(parser)) == (9, [])
    queued = {"id": "r", "object": "response", "status": "queued"}
    assert said(run([queued])[0]) == [("stop", "incomplete")]
    assert said(run([created(), {"response": queued}, ended()])[0]) == [("stop", "end_turn")]


def test_the_first_object_tells_the_wire():
    assert read([{"type": "keepalive"}, *SPEECH])[0] == HELLO
    assert read([{"type": "error", "message": "No.", "sequence_number": 0}])[1].result.error.message == "No."
    messages, parser = run([chunk(content="Hi"), SPEECH[4], chunk(finish="stop")])
    assert said(messages) == [("assistant", "Hi"), ("stop", "end_turn")]
    assert anomalies(parser) == ["foreign_wire"]


def test_a_chunk_of_the_other_wire_is_an_anomaly():
    messages, parser = run([*SPEECH[:6], chunk(content="Hi"), ended()])
    assert said(messages) == HELLO
    assert anomalies(parser) == ["foreign_wire"]


def test_a_pinned_wire_reads_no_other():
    assert said(run(SPEECH, wire="responses")[0]) == HELLO
    messages, parser = run(SPEECH, wire="chat")
    assert said(messages) == [("stop", "error")]
    assert parser.result.error.code == "foreign_wire"
    messages, parser = run([chunk(content="Hi")], wire="responses")
    assert (said(messages), anomalies(parser)) == ([("stop", "incomplete")], ["foreign_wire"])
    with pytest.raises(MisuseError, match="wire must be one of auto, chat, responses, not 'grpc'"):
        StreamParser(wire="grpc")


@pytest.mark.parametrize("odd", [7, None, [], {}, {"type": 7}, {"type": []}, {"type": "response.output_item.done"}])
def test_anything_is_taken(odd: Any):
    messages, _ = run([created(), odd, *SPEECH[2:]])
    assert said(messages) == HELLO


@pytest.mark.parametrize(
    "name", ["item", "part", "response", "delta", "text", "item_id", "output_index", "content_index"]
)
@pytest.mark.parametrize("value", [7, [], "x", {"a": 1}, True, None, [7, None], {"type": {}, "id": 7, "content": [3]}])
def test_any_field_may_hold_anything(name: str, value: Any):
    for at in range(len(SPEECH)):
        stream = [*SPEECH[:at], {**SPEECH[at], name: value}, *SPEECH[at + 1 :]]
        assert run(stream)[0]


# -- bounds ------------------------------------------------------------------------------------------------------------


def test_items_and_parts_are_bounded():
    many = [added(message(item_id=f"m{number}"), number) for number in range(5)]
    _, parser = run([created(), *many], limits=Limits(items=4))
    assert parser.result.error.message == "more than 4 items and parts"
    parts = [spoken("x", part=number) for number in range(5)]
    _, parser = run([created(), *parts], limits=Limits(items=4))
    assert parser.result.error.message == "more than 4 items and parts"
    thoughts_only = [added(thoughts(item_id=f"r{number}"), number) for number in range(4)]
    parts = [thought("x", index=number, item_id=f"r{number}") for number in range(1, 4)]
    _, parser = run([created(), *thoughts_only, *parts], limits=Limits(items=2))
    assert parser.state == "failed"


def test_calls_and_names_are_bounded():
    calls_ = [added(function(call_id=f"c{number}", item_id=f"f{number}"), number) for number in range(3)]
    _, parser = run([created(), *calls_], limits=Limits(tool_calls=2))
    assert parser.result.error.message == "more than 2 tool calls"
    _, parser = run([created(), added(function(name="long"))], limits=Limits(name=3))
    assert parser.result.error.message == "more than 3 characters of a tool's name"
    _, parser = run([created(), added(message()), done(message("Hello"))], limits=Limits(text=3))
    assert parser.result.error.message == "more than 3 characters of text"


# -- speed -------------------------------------------------------------------------------------------------------------


def numbered(count: int, *, names: bool) -> bytes:
    deltas = [
        {**spoken("word "), "sequence_number": number, "obfuscation": "x" * (number % 7), "logprobs": []}
        for number in range(count)
    ]
    return body([created(), added(message()), *deltas], names=names)


@pytest.mark.parametrize("names", [False, True])
def test_deltas_with_numbers_and_padding_are_learned(monkeypatch, names):
    told = []
    tell = Template.tell
    monkeypatch.setattr(Template, "tell", lambda *arguments: told.append(tell(*arguments)) or told[-1])
    parser = StreamParser()
    parser.feed_bytes(numbered(50, names=names))
    assert parser.result.content == "word " * 50
    assert sum(told) >= 48


@pytest.mark.slow("lines are counted")
def test_a_stream_is_read_in_linear_time_though_each_text_is_told_four_times():
    def cost(size: int) -> int:
        text = "word " * size
        whole = event("output_text.done", text=text, **named("m1", 0), **placed(0))
        deltas = [spoken("word ") for _ in range(size)]
        stream = [*SPEECH[:4], *deltas, whole, done(message(text)), ended(message(text))]
        data, parser = body(stream), StreamParser(message_id=ID)
        with counted() as count:
            for at in range(0, len(data), 997):
                parser.feed_bytes(data[at : at + 997])
        assert parser.result.content == text
        return count()

    cost(100)
    assert cost(2000) < 2.3 * cost(1000)


# -- values that no server should send ---------------------------------------------------------------------------------

VALUES = (5, True, "x", [], [1], {"a": 1}, None)
WHOLE = {"type": "output_text", "text": "Hi", "logprobs": [{"token": "Hi"}], "annotations": [{"type": "url"}]}
TOLD = [
    *SPEECH,
    done(message(content=[WHOLE])),
    event("content_part.done", part=WHOLE, **named("m1", 0), **placed(0)),
    event("output_text.done", **{**WHOLE, "type": "response.output_text.done"}, **named("m1", 0), **placed(0)),
    event("output_text.annotation.added", annotation={"type": "url"}, **named("m1", 0), **placed(0)),
    event("reasoning_summary_text.done", text="Plan", **named("r1", 0, "summary_index"), **placed(1)),
    done(thoughts("Plan", encrypted_content="gAAAA"), 1),
    event("function_call_arguments.done", arguments="{}", name="f", **named("f1", None), **placed(2)),
    done(function("{}"), 2),
    done({"type": "shell_call", "id": "s1", "action": {"commands": ["ls"]}, "environment": {"type": "local"}}, 3),
    done({"type": "image_generation_call", "id": "i1", "result": "AAAA"}, 4),
    event("audio.delta", delta="AAAA"),
    event("failed", response={"error": {"code": "c", "message": "m"}, "incomplete_details": {"reason": "r"}}),
    {"type": "error", "error": {"type": "error", "code": "c", "message": "m"}},
    {"object": "response", "status": "completed", "output": [message("Hello")]},
]


def places(value: Any) -> Iterator[list[str | int]]:
    """The way to each value inside ``value``."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inside:
        yield [key]
        yield from ([key, *way] for way in places(below))


def put(value: Any, way: list[str | int], new: Any) -> Any:
    """A copy of ``value`` with another value at the end of the way."""
    if not way:
        return new
    key, *rest = way
    return (dict if isinstance(value, dict) else list)(
        {**value, key: put(value[key], rest, new)}
        if isinstance(value, dict)
        else [put(each, rest, new) if at == key else each for at, each in enumerate(value)]
    )


@pytest.mark.slow("each field of each event")
@pytest.mark.parametrize("number", range(len(TOLD)))
def test_total_whatever_the_type_of_a_field(number):
    for way in places(TOLD[number]):
        for value in VALUES:
            _, parser = run([*SPEECH[:4], put(TOLD[number], way, value), spoken("lo"), ended()], wire="responses")
            assert parser.state != "open", (way, value)


def test_annotations_of_the_wrong_type_are_recorded():
    part = {"type": "output_text", "text": "Hello", "annotations": 5}
    found, parser = read([*SPEECH[:6], event("content_part.done", part=part, **named("m1", 0), **placed(0)), ended()])
    assert found == HELLO
    assert anomalies(parser) == ["wrong_type"]


def test_what_is_new_in_an_error_is_kept():
    _, parser = read([*SPEECH[:6], {"type": "error", "code": "c", "message": "m", "hint": "h"}])
    assert (parser.result.error.code, parser.result.extras["error"]) == ("c", [{"hint": "h"}])


def test_usage_of_an_event_of_an_unknown_type_counts():
    _, parser = read([*SPEECH[:6], event("odd", response={"usage": USAGE}), *SPEECH[6:8]])
    assert (parser.result.usage.input_tokens, anomalies(parser)) == (9, ["unknown_event"])


@pytest.mark.parametrize("kind", ["output_text.done", "content_part.done"])
def test_a_part_that_is_told_after_its_item_was_over_is_late(kind):
    told = {"text": "more"} if kind == "output_text.done" else {"part": {"type": "output_text", "text": "more"}}
    late = event(kind, **told, **named("m1", 7), **placed(0))
    found, parser = read([*SPEECH[:9], late, *SPEECH[9:]])
    assert found == HELLO
    assert anomalies(parser) == ["late_delta"]


def test_parts_that_are_only_told_whole_are_counted():
    parts = [event("output_text.done", text="x", **named("m1", number), **placed(0)) for number in range(3)]
    _, parser = run([created(), *parts], limits=Limits(items=2))
    assert (parser.result.error.code, parser.state) == ("limit", "failed")
    hidden = done({"type": "reasoning", "id": "r1", "summary": []}, 1)
    _, parser = run([created(), *parts[:2], hidden], limits=Limits(items=2))
    assert (parser.result.error.code, parser.state) == ("limit", "failed")


def test_a_call_that_comes_whole_may_have_no_arguments():
    _, parser = read(
        [created(), event("odd"), done({"type": "local_shell_call", "id": "s1", "call_id": "c1"}), ended()]
    )
    assert [(call.name, call.arguments, call.ready) for call in parser.result.tool_calls] == [
        ("local_shell_call", "", True)
    ]


HALF = [
    created(),
    added(message()),
    spoken("a"),
    spoken("\ud83d"),
    event("output_text.done", text="a\ud83d", **named("m1", 0), **placed(0)),
    done(message("a\ud83d")),
    ended(message("a\ud83d")),
]


@pytest.mark.parametrize("left_out", [(), (3,), (4,), (5,), (4, 5), (2, 3), (3, 4, 5)], ids=str)
def test_half_a_character_at_the_end_of_a_text_is_told_once_however_often_the_text_is(left_out: tuple[int, ...]):
    messages, parser = run([each for at, each in enumerate(HALF) if at not in left_out])
    assert said(messages) == [("assistant", "a\ufffd"), ("stop", "end_turn")]
    assert anomalies(parser) == []
