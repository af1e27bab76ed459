"""Boundaries as values: they nest, every message lies in its run, and messages are as they are without them."""

from typing import Any

import pytest
from helpers import ID, call, call_chunks, chunk, chunked
from hypothesis import given
from hypothesis import strategies as st
from streams import streams

from streamfsm import CallClosed, RunEnded, RunStarted, StreamParser, coalesce
from streamfsm.messages import Message
from streamfsm.testing import Stream, chunkings, garbage_chunks
from streamfsm.wires.chat.chunking import every, whole

CLOSE = {"close": lambda p: p.close(), "cancel": lambda p: p.cancel(), "fail": lambda p: p.fail("broken")}


def run(chunks: Any, ending: str = "close", **options: Any) -> tuple[list[Any], StreamParser]:
    """All that the verbs return, and the parser."""
    parser = StreamParser(message_id=ID, **options)
    given = [each for piece in chunks for each in parser.feed(piece)]
    return given + CLOSE[ending](parser), parser


def short(given: list[Any]) -> list[Any]:
    """What was given, messages coalesced within their runs."""
    found: list[Any] = []
    for each in given:
        if isinstance(each, Message) and found and isinstance(found[-1], Message) and each.continues(found[-1]):
            found[-1] = found[-1].joined([each])
        else:
            found.append(each.model_copy(update={"seq_id": None}) if isinstance(each, Message) else each)
    return found


def assert_nested(given: list[Any]) -> None:
    opened: RunStarted | None = None
    empty = True
    otids = []
    for each in given:
        match each:
            case RunStarted():
                assert opened is None
                opened, empty = each, True
                otids.append(each.otid)
            case RunEnded():
                assert opened is not None
                assert (each.otid, empty) == (opened.otid, False)
                opened = None
            case Message():
                assert opened is not None
                empty = False
                assert (each.otid, each.message_type, each.choice_index) == (
                    opened.otid,
                    opened.message_type,
                    opened.choice_index,
                )
                if (part := getattr(each, "tool_call", None)) is not None:
                    assert part.tool_call_id == opened.tool_call_id
    assert opened is None
    assert len(otids) == len({*otids})


def test_a_stream_with_boundaries_reads_like_this():
    chunks = [chunk(content="Hi"), *call_chunks("search", ['{"thinking":"Hm"', ',"q":1}'])]
    shown = [
        each.text
        if isinstance(each, Message)
        else (type(each).__name__, *(getattr(each, name) for name in names(each)))
        for each in run(chunks, boundaries=True)[0]
    ]
    assert shown == [
        ("RunStarted", "assistant_message", None),
        "Hi",
        ("RunEnded",),
        ("RunStarted", "tool_call_message", "call_1"),
        "search",
        "{",
        ("RunEnded",),
        ("RunStarted", "reasoning_message", None),
        "Hm",
        ("RunEnded",),
        ("RunStarted", "tool_call_message", "call_1"),
        '"q":1}',
        ("CallClosed", 0, "call_1", "search", "valid"),
        ("RunEnded",),
        ("RunStarted", "stop_reason", None),
        "tool_calls",
        ("RunEnded",),
    ]


def names(boundary: Any) -> tuple[str, ...]:
    if isinstance(boundary, RunStarted):
        return ("message_type", "tool_call_id")
    return ("index", "tool_call_id", "name", "verdict") if isinstance(boundary, CallClosed) else ()


@given(st.data(), streams(), st.sampled_from(sorted(CLOSE)))
def test_boundaries_nest_and_leave_messages_as_they_are_whatever_the_chunking(
    data: st.DataObject, stream: Stream, ending: str
):
    chunks = data.draw(chunkings(stream))
    given, parser = run(chunks, ending, boundaries=True)
    assert_nested(given)
    messages = [each for each in given if isinstance(each, Message)]
    plain, _ = run(chunks, ending)
    drop = {"date"}
    assert [each.model_dump(exclude=drop) for each in messages] == [each.model_dump(exclude=drop) for each in plain]
    assert coalesce(coalesce(messages)) == coalesce(messages)
    closed = {(each.choice_index, each.index): each.verdict for each in given if isinstance(each, CallClosed)}
    calls = [(choice.index, each) for choice in parser.result.choices for each in choice.tool_calls]
    assert closed == {(choice, each.index): each.verdict for choice, each in calls if each.name}


@given(st.data(), streams())
def test_boundaries_stand_at_the_same_place_whatever_the_chunking(data: st.DataObject, stream: Stream):
    def told(chunks: Any) -> list[Any]:
        found = short(run(chunks, boundaries=True)[0])
        return [each.model_dump(exclude={"date"}) if isinstance(each, Message) else each for each in found]

    assert told(data.draw(chunkings(stream))) == told(stream.plain())


@given(st.lists(garbage_chunks(), max_size=6), st.sampled_from(sorted(CLOSE)))
def test_boundaries_nest_whatever_a_server_sends(chunks: list[Any], ending: str):
    assert_nested(run(chunks, ending, boundaries=True)[0])


@pytest.mark.parametrize("cut", [every(1), whole], ids=["by character", "whole"])
@pytest.mark.parametrize(
    ("name", "text", "verdicts"),
    [
        ("search", '{"a":1}', ["valid"]),
        ("search", '{"a":1} \n', ["valid"]),
        ("search", '{"a":"\t"} x', ["lenient", "trailing"]),
        ("search", '{"a":1} x', ["valid", "trailing"]),
        ("search", '{"a":"\\q"} x', ["invalid", "invalid"]),
        ("search", '{"a":', ["incomplete"]),
        ("search", "x", ["invalid"]),
        ("search", "null", ["empty"]),
        ("search", "", ["empty"]),
        ("send_message", '{"message":"Hi"}', ["valid"]),
        ("send_message", '{"message":"Hi', ["incomplete"]),
    ],
)
def test_a_call_closes_with_its_verdict(cut, name: str, text: str, verdicts: list[str]):
    given, _ = run(cut(call_chunks(name, [text])), boundaries=True)
    closed = [each for each in given if isinstance(each, CallClosed)]
    assert [(each.name, each.tool_call_id, each.verdict) for each in closed] == [
        (name, "call_1", verdict) for verdict in verdicts
    ]


def test_a_call_without_a_name_does_not_close():
    given, _ = run([chunk(call(0, "call_1", arguments="{}"))], boundaries=True)
    assert not any(isinstance(each, CallClosed) for each in given)


@pytest.mark.parametrize("at", range(6))
def test_a_snapshot_keeps_the_run_that_is_open(at: int):
    chunks = [chunk(content="Hi"), *call_chunks("search", chunked('{"thinking":"Hm","q":1}', 9))]
    parser = StreamParser(message_id=ID, boundaries=True)
    given = [each for piece in chunks[:at] for each in parser.feed(piece)]
    again = StreamParser.restore(parser.snapshot())
    given += [each for piece in chunks[at:] for each in again.feed(piece)] + again.close()
    assert_nested(given)
    drop = {"date"}
    expected = [e.model_dump(exclude=drop) if isinstance(e, Message) else e for e in run(chunks, boundaries=True)[0]]
    assert [e.model_dump(exclude=drop) if isinstance(e, Message) else e for e in given] == expected
