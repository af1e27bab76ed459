"""With ``keep=False`` the same is told, and what was told leaves: a stream takes the same, however long it is."""

import copy
import gc
import json
import pickle
import tracemalloc
from datetime import datetime, timezone
from functools import partial

import pytest
from helpers import ID, call, call_chunks, chunk, fed, feed
from hypothesis import given
from hypothesis import strategies as st
from keeping import check_keeping
from rich_stream import RICH, RICH_OPTIONS
from streams import chunkings, options, streams

from streamfsm import Channel, Dialect, Limits, MisuseError, OpenAIStreamingInterface, StreamParser, TraceLog
from streamfsm.sinks import AgUi, AnthropicEvents, ResponsesEvents, Sse, UiMessageStream
from streamfsm.testing import (
    Stream,
    accented,
    dialects,
    faults,
    garbage_chunks,
    garbage_events,
    responses_faults,
    responses_streams,
)
from streamfsm.testing import responses as of
from streamfsm.trace import HELD
from streamfsm.wires.chat.chunking import split

DATE = datetime(2026, 1, 2, tzinfo=timezone.utc)
LONG = json.dumps({"path": "a.txt", "text": "word " * 200})


# -- the law -----------------------------------------------------------------------------------------------------------


@given(streams(), st.data(), options, st.booleans())
def test_chat_says_the_same(stream, data, chosen, boundaries):
    check_keeping(data.draw(chunkings(stream)), boundaries=boundaries, **chosen)


@given(responses_streams(), st.data(), st.booleans())
def test_responses_say_the_same(stream, data, boundaries):
    check_keeping(data.draw(chunkings(stream)), boundaries=boundaries)


@given(streams(), dialects(), faults())
def test_chat_of_any_accent_and_damage_says_the_same(stream, dialect, fault):
    check_keeping(accented(fault(stream).plain(), dialect))


@given(responses_streams(), responses_faults(), st.lists(garbage_events(), max_size=3))
def test_damaged_responses_say_the_same(stream, fault, garbage):
    check_keeping([*fault(stream).plain(), *garbage])


@given(st.lists(garbage_chunks(), max_size=6))
def test_garbage_says_the_same(chunks):
    check_keeping(chunks)


@given(streams(), st.sampled_from(["snapshot", "final_repeat"]))
def test_policies_that_compare_texts_say_the_same(stream, policy):
    chunks = stream.plain()
    check_keeping([*chunks, *chunks], dialect=Dialect(content=policy, reasoning=policy))


@given(streams(), st.sampled_from([["search"], ["get_weather", "search", "send_message"]]))
def test_sealed_calls_say_the_same(stream, tools):
    check_keeping(stream.plain(), seal_tools=tools, channels=[Channel(path="$..*", tool="search")], assistant_tool=None)


@pytest.mark.parametrize("options", [RICH_OPTIONS, {"boundaries": True}, {}])
def test_the_rich_stream_says_the_same(options):
    check_keeping(RICH, **options)


# -- what is told after the arguments are over -------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", ["{}", '{"a":1}', LONG, f" {LONG} "])
@pytest.mark.parametrize(
    "more", ["", " ", "{}", "x", "again", "again and more", "again, but for its end", "a beginning"]
)
@pytest.mark.parametrize("size", [7, 10_000])
def test_what_follows_arguments(arguments, more, size):
    again = {
        "again": arguments.strip(),
        "again and more": arguments.strip() + "x",
        "again, but for its end": arguments.strip()[:-1] + ",",
        "a beginning": arguments.strip()[: len(arguments) // 2],
    }.get(more, more)
    pieces = [again[at : at + size] for at in range(0, len(again), size)]
    parser = check_keeping(call_chunks("write_file", [arguments, *pieces]))
    [call] = parser.result.tool_calls
    assert call.verdict == ("valid" if more in ("", " ") or again == arguments.strip() else "trailing")


@pytest.mark.parametrize(
    ("more", "verdict"), [('{"a"', "trailing"), ('{"a":1}', "valid"), ('{"a":2}', "trailing"), ('{"a":1}x', "trailing")]
)
def test_arguments_that_begin_again_anywhere_in_a_piece(more, verdict):
    whole = '{"a":1}' + more
    for at in range(len(whole) + 1):
        parser = check_keeping(call_chunks("write_file", [whole[:at], whole[at:]]))
        assert [call.verdict for call in parser.result.tool_calls] == [verdict]


def test_a_delta_after_all_of_the_arguments_is_counted_alike_by_a_restored_parser():
    item = {"id": "fc", "type": "function_call", "call_id": "c", "name": "f", "arguments": ""}
    events = [
        {"type": "created", "response": {"id": "r", "model": "m", "status": "in_progress"}},
        {"type": "output_item.added", "output_index": 0, "item": item},
        {"type": "function_call_arguments.done", "output_index": 0, "arguments": "{}"},
        {"type": "function_call_arguments.delta", "output_index": 0, "item_id": "fc", "delta": "{}"},
    ]
    check_keeping([{**event, "type": f"response.{event['type']}"} for event in events])


def test_the_input_of_a_custom_tool_is_not_empty_if_it_is_short():
    entry = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "shell", "input": ""}}
    parser = check_keeping([chunk(entry), chunk({"index": 0, "custom": {"input": "ls"}}), chunk(finish="tool_calls")])
    assert not parser._response.run.choices[0].calls.lanes[0].is_empty


@pytest.mark.parametrize("pieces", [[" ", " "], [" ", "\n", " {}"], [" ", " x"], ["", " ", ""]])
def test_white_space_in_pieces_begins_nothing(pieces):
    parser = check_keeping(call_chunks("f", pieces))
    begins = len("".join(pieces)) - len("".join(pieces).lstrip(" \n"))
    scanner = parser._response.run.choices[0].calls.lanes[0].scanner
    assert scanner.begins == (begins if "".join(pieces).strip() else 0)


@pytest.mark.parametrize("arguments", ["\u2028", " { } ", "nu ll", "null", "", " "])
def test_arguments_that_are_empty_or_look_so_beside_others_that_are_wrong(arguments):
    chunks = [chunk(call(0, "a", "f", "0")), chunk(call(1, "b", "f", arguments)), chunk(finish="tool_calls")]
    parser = check_keeping(chunks, seal_tools=("f",))
    is_empty = arguments in (" { } ", "null", "", " ")
    assert [each.kind for each in parser.result.anomalies].count("ambiguous_call") == is_empty


@pytest.mark.parametrize("again", ["{}", '{"a": 1.0, "b": [true]}', '{"b":[1],"a":1}', LONG, "x", '{"a": 1, "b": [2]}'])
@pytest.mark.parametrize("first", ['{"a": 1, "b": [1]}', LONG, "{}", "x"])
def test_a_call_that_may_repeat_the_one_before(first, again):
    parser = check_keeping(
        [chunk(call(0, "a", "f", first)), chunk(call(1, "a", "f", again)), chunk(finish="tool_calls")]
    )
    assert len(parser.result.tool_calls) == 2


@pytest.mark.parametrize("again", ['{"a": 1.0}', '{"a": 2}'])
def test_a_call_that_may_repeat_a_sealed_one(again):
    calls = [chunk(call(0, "a", "f", '{"a":1}')), chunk(call(0, "b", "f", again))]
    check_keeping([*calls, "not a chunk", chunk(finish="tool_calls")], seal_tools=["f"])


def test_what_is_told_again_as_a_whole_is_known_by_its_print():
    whole = of.response([*of.message(0, [("content", "word " * 999)]), *of.call(1, "f", LONG)])
    right = check_keeping(whole)
    assert not right.result.anomalies
    assert right.result.tool_calls[0].ready
    wrong = json.loads(json.dumps(whole).replace(json.dumps(json.dumps(LONG))[1:-1], "never"))
    for event in wrong:
        if event["type"] == "response.function_call_arguments.done":
            event["arguments"] = LONG[:-3] + 'x"}'
    assert not check_keeping(wrong).result.tool_calls[0].ready


@pytest.mark.parametrize("place", [0, 900, 1000, 1020, 1024, 3000])
@pytest.mark.parametrize("size", [1, 100, 5000])
def test_a_call_that_came_as_text_is_found_wherever_it_is(place, size):
    text = "x" * place + "<tool_call>{" + "y" * 3000
    pieces = [chunk(content=text[at : at + size]) for at in range(0, len(text), size)]
    parser = StreamParser(keep=False)
    feed(parser, [*pieces, chunk(finish="stop")])
    parser.close()
    assert [each.kind for each in parser.result.anomalies] == ["call_in_text"]


# -- what stays --------------------------------------------------------------------------------------------------------


def test_reading_what_was_not_kept_is_a_misuse():
    parser = StreamParser(keep=False)
    feed(parser, [*call_chunks("f", ['{"a": "secret"}'], finish=None), chunk(content="words", odd=1)])
    parser.close()
    result = parser.result
    [found] = result.tool_calls
    for read in (
        *(lambda name=name: getattr(result, name) for name in ("content", "thoughts", "extras")),
        lambda: result.choices[0].content_parts,
        lambda: found.arguments,
        found.as_tool_call,
        result.assistant_message,
        lambda: parser.final_response,
    ):
        with pytest.raises(MisuseError, match="was not kept, because the parser was made with keep=False"):
            read()
    with pytest.raises(AttributeError):
        getattr(result, "odd")  # noqa: B009 - of which mypy knows nothing
    assert (found.name, found.verdict, found.id, result.ready_calls) == ("f", "valid", "call_1", [])
    assert "secret" not in result.model_dump_json() + json.dumps(parser.snapshot()["run"]["choices"]["0"]["texts"])
    assert {"content", "arguments"}.isdisjoint({*result.model_dump(), *found.model_dump()})
    assert copy.deepcopy(result) == result == pickle.loads(pickle.dumps(result))  # noqa: S301


def test_the_arguments_of_an_open_call_stay_until_they_are_over():
    parser = StreamParser(keep=False)
    feed(parser, call_chunks("f", ['{"a": "', "word" * 3000], finish=None))
    assert "wordword" in json.dumps(parser.snapshot())
    parser.feed(chunk(call(0, None, None, '"}')))
    assert json.dumps(parser.snapshot()).count("word") < 600
    parser.close()
    assert parser.result.tool_calls[0].verdict == "valid"


def test_a_trace_log_hears_what_it_hears_of_a_parser_that_keeps_texts():
    logs = [TraceLog(), TraceLog()]
    for log in logs:
        parser = StreamParser(trace=log, keep=log is logs[0])
        feed(parser, call_chunks("f", [LONG, LONG[:-9], LONG[-9:]]))
        parser.close()
    assert [*logs[0].records] == [*logs[1].records]
    assert HELD in [record.event for record in logs[1].records]


def test_a_parser_that_keeps_nothing_can_be_copied_and_pickled():
    options = {**RICH_OPTIONS, "keep": False}
    parser = StreamParser(**options)
    feed(parser, RICH[:10])
    twins = [copy.deepcopy(parser), pickle.loads(pickle.dumps(parser))]  # noqa: S301
    expected = feed(parser, RICH[10:])
    for twin in twins:
        assert feed(twin, RICH[10:]) == expected


SHAPES = {
    "content": lambda at: chunk(content=f"word {at} "),
    "reasoning": lambda at: chunk(reasoning_content=f"word {at} "),
    "reasoning with details": lambda at: chunk(
        reasoning=f"word {at} ", reasoning_details=[{"type": "reasoning.text", "text": f"word {at} ", "index": 0}]
    ),
    "speech and thoughts in turns": lambda at: chunk(**{("content", "reasoning_content")[at % 2]: f"word {at} "}),
    "extras": lambda at: chunk(content="x", logprobs={"content": [{"token": f"{at}"}]}, odd={"at": at}),
    "a custom tool": lambda at: chunk(
        {"index": 0, "type": "custom", "custom": {"input": "word "}}
        if at
        else {"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "input": "x"}}
    ),
    "arguments that are not JSON": lambda at: chunk(
        call(0, None, None, "word ") if at else call(0, "a", "f", "not an object ")
    ),
    "what follows arguments": lambda at: chunk(call(0, None, None, "word ") if at else call(0, "a", "f", "{} ")),
    "a call after another": lambda at: (
        chunk(call(0, None, None, '{"a":"' + "word " * 99 + '"}'))
        if at % 1000
        else chunk(call(at // 1000, f"c{at}", f"f{at}", "{"))
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_takes_the_same_however_long_it_is(shape):
    make = SHAPES[shape]
    parser = StreamParser(keep=False)

    def size(start, end):
        for at in range(start, end):
            parser.feed(make(at))
        return len(json.dumps(parser.snapshot()))

    early = size(0, 1500)
    assert size(1500, 6000) < early + 2500 * (3 if shape == "a call after another" else 1)


@pytest.mark.slow
@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize(
    ("shape", "count"), [("content", 100_000), ("reasoning with details", 10_000), ("extras", 10_000)]
)
def test_a_hundred_thousand_deltas_take_no_memory(shape, count):
    make = SHAPES[shape]
    parser = StreamParser(keep=False)
    for at in range(1000):
        parser.feed(make(at))
    gc.collect()
    tracemalloc.start()
    for at in range(1000, count):
        parser.feed(make(at))
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert taken < 40_000


def test_a_body_of_responses_leaves_too():
    events = of.response([*of.message(0, [("content", "word " * 9999)]), *of.call(1, "f", LONG)])
    body = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in split_evenly(events))
    _, parser = fed(body, 4096, keep=False)
    assert parser.state == "done"
    assert len(json.dumps(parser.snapshot())) < 20_000


def split_evenly(events):
    return Stream(split(events)).cut(range(0, 50_000, 7))


# -- snapshots ---------------------------------------------------------------------------------------------------------

CALL = ("run", "choices", "0", "calls", "lanes", 0)
CONTENT = ("run", "choices", "0", "texts", "content")


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ((*CALL, "remains"), None),
        ((*CALL, "scanner"), None),
        ((*CALL, "arguments"), LONG),
        ((*CALL, "name"), ""),
        ((*CALL, "state"), "malformed"),
        ((*CALL, "state"), "raw_args"),
        ((*CALL, "form"), "text"),
        ((*CALL, "scanner", "verdict"), "invalid"),
        ((*CALL, "scanner", "begins"), 5000),
        ((*CALL, "scanner", "mode"), "odd"),
        ((*CALL, "again"), 1),
        ((*CALL, "remains", "head"), ""),
        ((*CALL, "remains", "again"), "{"),
        ((*CONTENT, "answer"), "words"),
        ((*CONTENT, "answer", "rest"), 5),
        ((*CONTENT, "answer", "rest"), "\ud83d"),
        ((*CONTENT, "answer", "digest"), "odd"),
        ((*CONTENT, "answer", "digest"), ""),
        ((*CONTENT, "answer", "digested"), 5),
        ((*CONTENT, "answer", "marker"), "odd"),
        (("options", "keep"), True),
        (("run", "extras"), {"odd": {"policy": "last", "texts": {"0": "1"}}}),
        (("run", "choices", "0", "extras"), {"odd": {"policy": "last", "texts": {"0": "1"}}}),
    ],
)
def test_a_snapshot_of_what_no_such_parser_keeps_is_refused(path, to):
    parser = StreamParser(keep=False)
    feed(parser, [chunk(call(0, "a", "f", LONG), content="words " * 999)])
    snapshot = parser.snapshot()
    StreamParser.restore(snapshot)
    *outer, last = path
    place = snapshot
    for key in outer:
        place = place[key]
    place[last] = to
    with pytest.raises(MisuseError, match="not a snapshot of this version"):
        StreamParser.restore(snapshot)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("fed", [chunk(call(0, "a", "f", LONG)), chunk(odd=1), {"id": "r", "odd": 1, "choices": []}])
def test_a_snapshot_whose_option_was_changed_is_refused(keep, fed):
    parser = StreamParser(keep=keep)
    parser.feed(fed)
    snapshot = parser.snapshot()
    snapshot["options"]["keep"] = not keep
    if keep or "tool_calls" in str(fed):
        with pytest.raises(MisuseError, match="not a snapshot of this version"):
            StreamParser.restore(snapshot)


# -- the façade, and sinks ---------------------------------------------------------------------------------------------


def test_the_facade_passes_messages_on():
    chunks = [*call_chunks("send_message", ['{"thinking":"t","message":"m"}']), chunk(finish="tool_calls")]
    facades = [OpenAIStreamingInterface(use_assistant_message=True, keep=keep) for keep in (True, False)]
    kept, passed = ([each.text for each in facade.process_sync(iter(chunks))] for facade in facades)
    assert passed == kept
    facade = facades[1]
    assert facade.reasoning_messages == []
    assert (facade.tool_call_name, facade.output_tokens) == ("send_message", 0)
    for read in (facade.get_content, facade.get_tool_call_object, facade.get_reasoning_content):
        with pytest.raises(MisuseError, match="keep=False"):
            read()


@pytest.mark.parametrize("sink", [partial(AgUi, "t", "r"), AnthropicEvents, ResponsesEvents, Sse, UiMessageStream])
@pytest.mark.parametrize(
    "stream", [RICH, of.response([*of.reasoning(0, ["why"], encrypted="gAAA"), *of.call(1, "f", LONG)])]
)
def test_sinks_write_the_same(sink, stream):
    def body(**options):
        parser, to = StreamParser(message_id=ID, date=DATE, boundaries=True, **options), sink()
        events = [event for each in feed(parser, stream) + parser.close() for event in to.feed(each)]
        return [*events, *to.close(parser.result)]

    assert body(keep=False) == body()


@pytest.mark.parametrize("option", ["is_openai_proxy", "reasoning_as_text"])
def test_the_facade_refuses_what_needs_the_texts(option):
    with pytest.raises(MisuseError, match=f"{option} needs the texts, which keep=False does not keep"):
        OpenAIStreamingInterface(keep=False, **{option: True})


def test_limits_count_what_came():
    chunks = [chunk(content="word " * 10)] * 10
    parser = check_keeping(chunks, limits=Limits(text=400))
    assert (parser.state, parser.result.error.code) == ("failed", "limit")
