"""Scrubbing: what was said is gone, and everything else is as it was."""

import json
import os
import re
from typing import Any

import pytest
from helpers import call, call_chunks, chunk, cut
from hypothesis import assume, given
from hypothesis import strategies as st
from recordings import CAPTURES, FILES, RESPONSES
from streams import chunkings, streams

from streamfsm import StreamParser
from streamfsm.cli import main
from streamfsm.replay import capture
from streamfsm.replay.recording import Piece, Recording, parse
from streamfsm.replay.scrub import KEEP, reading, scrub

KEY = b"for tests"
keys = st.integers(0, 2**16).map(lambda number: number.to_bytes(4, "big"))
PROTOCOL = {*KEEP, "chunk", "completion", "function", "reasoning"}


def scrubbed(text: str, **options: Any) -> str:
    """A body, scrubbed."""
    return scrub(parse(text.encode()), key=KEY, **options).body.decode()


def texts(body: str) -> list[str]:
    """All strings that a body's chunks hold as values."""

    def within(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [text for inner in value.values() for text in within(inner)]
        if isinstance(value, list):
            return [text for inner in value for text in within(inner)]
        return [value] if isinstance(value, str) else []

    return [text for each in capture.chunks(body) for text in within(each)]


def words(body: str) -> set[str]:
    """Words of five letters and more that its chunks say: in fewer letters, one word becomes another by chance."""
    return set(re.findall(r"[^\W\d_]{5,}", " ".join(texts(body))))


# -- the property ------------------------------------------------------------------------------------------------------


def alike(before: Recording, after: Recording) -> bool:
    """Whether both are read alike, if that can be: whether arguments that are no JSON overlap themselves is an anomaly
    that a word has in itself, such as 10100, in which 10 begins 100."""
    expected = [*reading(before)]
    assume(not any(step.startswith("anomaly unmerged_arguments") for step in expected))
    return [*reading(after)] == expected


@given(streams().flatmap(chunkings), st.booleans(), st.data())
def test_a_scrubbed_stream_is_read_alike_and_its_cuts_stay(chunks, ascii_only, data):
    body = "".join(f"data: {json.dumps(each, ensure_ascii=ascii_only)}\n\n" for each in chunks) + "data: [DONE]\n\n"
    pieces = body.encode("utf-8", "surrogatepass")
    cuts = data.draw(st.lists(st.integers(0, len(pieces)), max_size=5))
    before = Recording(tuple(Piece(at, piece) for at, piece in enumerate(cut(pieces, cuts))), "end")
    after = scrub(before, key=data.draw(keys))
    assert [len(piece.wire) for piece in after.pieces] == [len(piece.wire) for piece in before.pieces]
    assert [piece.at for piece in after.pieces] == [piece.at for piece in before.pieces]
    assert alike(before, after)


@given(streams().flatmap(chunkings), keys)
@pytest.mark.usefixtures("uncounted")
def test_decoded_chunks_are_scrubbed_alike(chunks, key):
    before = Recording(tuple(Piece(at, each) for at, each in enumerate(chunks)), "left")
    after = scrub(before, key=key)
    assert alike(before, after)
    assert [[*piece.data] for piece in after.pieces] == [[*piece.data] for piece in before.pieces]


WORDS = (
    "Alice",
    "secret",
    "Straße",
    "пароль",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "東京都新宿区",
    "\U00020001\U00020002ab",
)
prose = st.lists(st.sampled_from([*WORDS, " ", ", ", "\n", "\\", '"', "{", "}", ":", "[", "<", "1", "\U0001f600"])).map(
    "".join
)


@given(prose, prose, st.data())
def test_no_word_of_a_text_is_left_wherever_it_is_cut(said, thought, data):
    arguments = json.dumps({"thinking": thought, "message": said, said: thought}, ensure_ascii=data.draw(st.booleans()))

    def pieces(text: str) -> list[str]:
        return cut(text, data.draw(st.lists(st.integers(0, len(text)), max_size=4)))

    chunks = [chunk(reasoning_content=piece) for piece in pieces(thought)]
    chunks += [chunk(content=piece) for piece in pieces(said)]
    chunks += call_chunks("send_message", pieces(arguments))
    before = capture.body(chunks)
    after = scrub(parse(before.encode()), key=data.draw(keys))
    assert [*reading(after)] == [*reading(parse(before.encode()))]
    told = [text.lower() for text in (*texts(after.body.decode()), "".join(texts(after.body.decode())))]
    for word in ("alice", "secret", "straße", "пароль", "4ec39hqlyjwdarjt", "東京都"):
        assert not any(word in text for text in told)


# -- what goes ---------------------------------------------------------------------------------------------------------

SAYS = {
    "content": chunk(content="Hello Alice"),
    "a refusal": chunk(refusal="Sorry Alice"),
    "reasoning": chunk(
        reasoning_details=[{"type": "reasoning.text", "text": "Alice wants", "signature": "c2lnbmF0dXJl"}]
    ),
    "an id": {**chunk(content="x"), "id": "chatcmpl-Alice123"},
    "a tool": chunk(call(0, "call_abcdef", "find_alice", "{}")),
    "arguments as an object": chunk({"index": 0, "function": {"name": "finding", "arguments": {"name": "Alice"}}}),
    "an unknown field": {**chunk(content="x"), "note": ["Alice", {"deeper": "Secret"}]},
    "the text's tokens": chunk(content="x")
    | {"choices": [{"index": 0, "logprobs": {"content": [{"token": "Alice"}]}}]},
    "an error": {"error": {"message": "Alice has no quota", "param": "Secret"}},
    "a tuned model": {**chunk(content="x"), "model": "ft:gpt-4o:Alice:secret"},
    "a protocol's word that is a sentence": chunk(content="x") | {"object": "Alice has no quota"},
}


@pytest.mark.parametrize("says", SAYS.values(), ids=SAYS)
def test_what_says_something_goes(says):
    before = capture.body([says])
    after = scrubbed(before)
    assert "lice" not in after
    assert "ecret" not in after
    assert len(after) == len(before)
    assert words(before) - PROTOCOL
    assert words(after).isdisjoint(words(before) - PROTOCOL)


@pytest.mark.parametrize(
    "body",
    [
        ": Alice waits\n\ndata: {}\n\n",
        "id: Alice\ndata: {}\n\n",
        "event: Alice waits\ndata: {}\n\n",
        "data: Alice waits\n\n",
        "data: [DONE] Alice waits\n\n",
        'data: {"content": "Alice wai',
        "<html>Alice waits</html>",
        '{"error": "Alice waits"}',
        'data: {"choices":\ndata: [{"index": 0, "delta": {"content": "Alice"}}]}\n\n',
        "data: {Alice: 1} Alice ]]\n\n",
        "data: \\Alice \ufffd\n\n",
    ],
)
def test_what_is_no_chunk_is_scrubbed_too(body):
    after = scrubbed(body)
    assert "lice" not in after
    assert len(after) == len(body)
    assert re.sub(r"\w", "", after) == re.sub(r"\w", "", body)


def test_numbers_that_spell_the_text_go_and_counts_stay():
    before = chunk(content="x") | {"usage": {"prompt_tokens": 12, "details": {"cached": 34}}, "created": 1732689421}
    before["choices"][0]["logprobs"] = {"bytes": [72, 101], "token_ids": [5501], "logprob": -0.25}
    (after,) = capture.chunks(scrubbed(capture.body([before])))
    assert after["usage"] == before["usage"]
    assert after["choices"][0]["index"] == 0
    told = after["choices"][0]["logprobs"]
    assert 72 not in told["bytes"]
    assert told["token_ids"] != [5501]
    assert str(told["logprob"]).startswith("-0.")
    assert (after["created"], len(str(after["created"]))) != (before["created"], 9)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_only_decoders_know_stays_one(value):
    chunks = [{"choices": [{"index": 0, "delta": value}], "usage": {"cost": value}}]
    (piece,) = scrub(Recording((Piece(None, chunks[0]),)), key=KEY).pieces
    assert repr(piece.data) == repr(chunks[0])


@pytest.mark.parametrize("word", ["send_messages", "abcdefgh", "send", "se", "sesend", "aa", "abab"])
def test_a_name_begins_with_the_same_twice_only_if_it_did(word):
    def doubles(name: str) -> set[int]:
        return {at for at in range(1, len(name)) if name.startswith(name[:at], at)}

    text = json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"name": word}}]}}]})
    for key in range(1000):
        after = scrub(parse(f"data: {text}\n\n".encode()), key=key.to_bytes(2, "big"), keep=())
        (chunk,) = capture.chunks(after.body.decode())
        assert doubles(chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["name"]) <= doubles(word)


def test_data_after_white_space_is_scrubbed_as_data():
    text = ' data: {"choices":[{"index":0,"delta":{"content":"secret"},"finish_reason":null}]}\n\n'
    after = scrubbed(text)
    assert after.startswith(' data: {"choices"')
    assert "secret" not in after
    assert [*reading(parse(after.encode()))] == [*reading(parse(text.encode()))]


def test_the_errors_text_of_a_recording_goes():
    after = scrub(Recording((), "error", "APIError: Alice has no quota"), key=KEY)
    assert re.fullmatch(r"APIError: [A-Z]\w{4} \w{3} \w\w \w{5}", after.error)
    assert "Alice" not in after.error
    assert scrub(Recording((), "error", "gone")).error == "gone"
    assert scrub(Recording((), "end")).error is None


# -- what stays --------------------------------------------------------------------------------------------------------


def test_the_protocols_own_words_stay():
    before = [chunk(call(0, "call_1", "f", "{}"), role="assistant"), chunk(finish="tool_calls")]
    after = capture.chunks(scrubbed(capture.body(before)))
    assert [each["object"] for each in after] == ["chat.completion.chunk"] * 2
    assert after[0]["model"] == before[0]["model"]
    assert after[0]["choices"][0]["delta"]["role"] == "assistant"
    assert after[0]["choices"][0]["delta"]["tool_calls"][0]["type"] == "function"
    assert after[1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_the_names_that_decide_how_a_call_is_read_stay_however_they_are_cut(size):
    text = '{"thinking":"the message is thinking","message":"send_message","other":"message"}'
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    after = "".join(
        each["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]
        for each in capture.chunks(scrubbed(capture.body(call_chunks("send_message", pieces))))[:-1]
    )
    assert re.fullmatch(r'\{"thinking":"\w{3} \w{7} \w\w \w{8}","message":"send_message","\w{5}":"message"\}', after), (
        "a text that is such a name, alone, stays, too"
    )
    assert "the message" not in after


def test_another_name_stays_if_asked_for():
    before = capture.body(call_chunks("speak", ['{"text":"hello"}']))
    assert "speak" not in scrubbed(before)
    after = scrubbed(before, keep=("speak", "text"))
    assert '\\"text\\":' in after
    assert '"speak"' in after
    assert "hello" not in after


SHAPES = {
    "escapes": '{"a":"\\n\\t\\"\\\\\\u00e9\\ud83d\\ude00\\/"}',
    "a wrong escape": '{"a":"\\x \\u12G4 \\u12"}',
    "numbers": '{"a":[0,-0.5,1e5,1E+05,10,2.50e-7]}',
    "a number that is none": '{"a":007}',
    "literals": '{"a":[true,false,null]}',
    "a literal that is none": '{"a":trust}',
    "another": '{"a":nothing}',
    "a word in place of a value": '{"a": yes}',
    "a literal that was cut": '{"a":tr',
    "a literal and more": '{"a":nullable}',
    "white space": '{ "a" :\t1 }\n',
    "trailing text": '{"a":1} and more',
    "twice": '{"q":"one"}{"q":"one"}',
    "a key twice": '{"key":1,"key":2}',
    "keys that differ": '{"ab":1,"cd":2,"a":3,"b":4}',
    "think tags": "<think>I think</think> so",
    "a call in text": '<tool_call>{"name": "search"}',
    "another's": "<|python_tag|>search",
    "a text twice": "The quick brown foxThe quick brown fox" * 2,
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_the_shape_of_a_text_stays(text, size):
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    for chunks in (
        call_chunks("search", pieces),
        call_chunks("send_message", pieces),
        [chunk(content=p) for p in pieces],
    ):
        before = Recording(tuple(Piece(at, each) for at, each in enumerate(chunks)), "end")

        def tagged(**options):
            return StreamParser(think_tags=("<think>", "</think>"), **options)

        assert [*reading(scrub(before), tagged)] == [*reading(before, tagged)]


REPEATS = {
    "a text so far": [chunk(content="The qui"), chunk(content="The quick bro"), chunk(content="The quick brown fox")],
    "a name in each chunk": [chunk(call(0, "call_1", "send_message", piece)) for piece in ('{"mess', 'age":', '"Hi"}')],
    "another's name": [chunk(call(0, "call_1", "search", piece)) for piece in ('{"mess', 'age":', '"Hi"}')],
    "the arguments again": [
        *call_chunks("f", ['{"key":', '"one"}'], finish=None),
        chunk(call(0, arguments='{"key":"one"}')),
    ],
    "an id again": [chunk(call(0, "call_1", "f", "{}")), chunk(call(1, "call_1", "g", "{}"))],
    "ids that differ at the end": [chunk(call(0, "call_1", "f", "{}")), chunk(call(1, "call_2", "g", "{}"))],
    "a name in pieces": [chunk(call(0, "call_1", "send_")), chunk(call(0, None, "message", '{"message":"Hi"}'))],
}


@pytest.mark.parametrize("chunks", REPEATS.values(), ids=REPEATS)
def test_what_servers_say_twice_is_still_the_same(chunks):
    before = parse(capture.body([*chunks, chunk(finish="tool_calls")]).encode())
    assert [*reading(scrub(before))] == [*reading(before)]


@pytest.mark.parametrize("place", [{"item_id": "msg_1", "output_index": 0}, {"item_id": "msg_1"}], ids=len)
def test_deltas_and_the_whole_text_still_agree(place):
    """As Responses has it: two fields of two events, of which one holds what the other brought in pieces."""
    whole = 'A quick word, in pieces. {"a": tr'
    events = [{"type": "response.output_text.delta", **place, "delta": piece} for piece in cut(whole, [3, 9, 12, 20])]
    events.append({"type": "response.output_text.done", **place, "text": whole})
    *deltas, done = capture.chunks(scrubbed(capture.body(events)))
    assert "".join(each["delta"] for each in deltas) == done["text"] != whole
    assert {each["item_id"] for each in (*deltas, done)} == {done["item_id"]}
    assert [each["type"] for each in (*deltas, done)] == [each["type"] for each in events]


def test_items_of_one_list_are_told_apart_and_an_id_that_changes_tells_nothing():
    """As Responses has it: the last event repeats all items; some servers give each event another item id."""
    names = ("search", "searching", "send_message")
    events: list[Any] = [
        {"type": "response.output_item.added", "output_index": at, "item": {"type": "function_call", "name": name}}
        for at, name in enumerate(names)
    ]
    for at, piece in enumerate(cut("A quick word", [3, 9])):
        events.append({"type": "response.output_text.delta", "item_id": f"msg_{at}", "output_index": 3, "delta": piece})
    output: list[Any] = [{"type": "function_call", "name": name} for name in names]
    output.append({"type": "message", "content": [{"type": "output_text", "text": "A quick word"}]})
    events.append({"type": "response.completed", "response": {"output": output}})
    *after, last = capture.chunks(scrubbed(capture.body(events)))
    assert [each["item"]["name"] for each in after[:3]] == [each["name"] for each in last["response"]["output"][:3]]
    assert last["response"]["output"][2]["name"] == "send_message"
    assert "".join(each["delta"] for each in after[3:]) == last["response"]["output"][3]["content"][0]["text"]


def test_an_events_name_stays():
    assert scrubbed("event: response.created\ndata: {}\n\n") == "event: response.created\ndata: {}\n\n"


def test_bytes_that_are_not_utf_8_stay():
    assert scrub(parse(b"data: \xff\xc3\n\n"), key=KEY).body == b"data: \xff\xc3\n\n"


def test_each_run_scrubs_differently():
    before = parse(capture.body([chunk(content="A sentence of several words")]).encode())
    assert len({scrub(before).body for _ in range(3)}) == 3
    assert len({scrub(before, key=KEY).body for _ in range(3)}) == 1


# -- recorded streams, and the command ---------------------------------------------------------------------------------


@pytest.mark.slow("hundreds of files")
@pytest.mark.skipif(not FILES, reason="no recorded streams lie beside the project")
@pytest.mark.parametrize("file", [*FILES, *RESPONSES])
@pytest.mark.usefixtures("uncounted")
def test_recordings_are_read_alike(file):
    before = parse((CAPTURES / file).read_bytes())
    after = scrub(before, key=b"recorded")  # of others, one in many makes two short words alike
    assert len(after.body) == len(before.body)
    assert [*reading(after)] == [*reading(before)]


def test_the_command_writes_the_form_that_it_read(tmp_path, capsys):
    body, recording = tmp_path / "a.sse", tmp_path / "b.jsonl"
    body.write_text(capture.body([chunk(content="Alice")]))
    recording.write_text(Recording((Piece(0.5, b"data: Alice"),), "left").lines())
    for path in (body, recording):
        assert main(["scrub", str(path), str(tmp_path / "out")]) == 0
        out = (tmp_path / "out").read_bytes()
        assert len(out) == path.stat().st_size
        assert b"Alice" not in out
        assert parse(out).is_timed == (path is recording)
    assert capsys.readouterr() == ("", "")


def test_the_command_keeps_what_it_is_told(tmp_path):
    path = tmp_path / "a.sse"
    path.write_text(capture.body(call_chunks("speak", ["{}"])))
    assert main(["scrub", str(path), str(tmp_path / "out"), "--keep", "speak"]) == 0
    assert "speak" in (tmp_path / "out").read_text()


def test_the_command_does_not_overwrite_its_input_under_any_name(tmp_path, capsys):
    path = tmp_path / "a.sse"
    text = capture.body([chunk(content="Alice")])
    path.write_text(text)
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "hard").hardlink_to(path)
    for out in (path, tmp_path / "." / "a.sse", tmp_path / "link", tmp_path / "hard"):
        assert main(["scrub", str(path), str(out)]) == 2
        expected = f"streamfsm: {out}: this would overwrite the input; choose another name\n"
        assert capsys.readouterr() == ("", expected)
    assert path.read_text() == text


def test_the_command_may_write_to_a_device_and_over_another_file(tmp_path):
    path, out = tmp_path / "a.sse", tmp_path / "out"
    path.write_text(capture.body([chunk(content="Alice")]))
    out.write_text("another")
    assert main(["scrub", str(path), str(out)]) == main(["scrub", str(path), os.devnull]) == 0
    assert "Alice" not in out.read_text()
    assert main(["scrub", os.devnull, os.devnull]) == 0


def test_the_command_tells_if_the_parser_reads_it_differently(tmp_path, capsys, monkeypatch):
    path = tmp_path / "a.sse"
    path.write_text(capture.body([chunk(content="Alice")]))
    monkeypatch.setattr("streamfsm.cli.scrub.scrub", lambda *_, **__: Recording(()))
    assert main(["scrub", str(path), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.startswith("read differently: piece 0: assistant_message of 5 characters")


def test_the_command_names_what_it_cannot_write(tmp_path, capsys):
    path = tmp_path / "a.sse"
    path.write_text("data: {}\n\n")
    assert main(["scrub", str(path), str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"streamfsm: {tmp_path}: Is a directory\n"
