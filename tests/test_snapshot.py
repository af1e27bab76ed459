"""A parser that is stored, moved, copied or pickled goes on as if nothing had been."""

import copy
import json
import pickle
from datetime import datetime, timezone

import pytest
from helpers import ID, call, chunk, dumped, feed
from response_events import added, ended, function
from rich_stream import RICH, RICH_OPTIONS, each_end, each_prefix, rich

from streamfsm import StreamParser
from streamfsm.errors import MisuseError

DATE = datetime(2026, 1, 2, tzinfo=timezone.utc)


def restored(parser, trace):
    return StreamParser.restore(json.loads(json.dumps(parser.snapshot())), trace=trace)


@each_prefix
def test_a_restored_parser_goes_on_as_if_nothing_had_been(uninterrupted, at):
    trace = []
    parser, messages = rich(at, trace)
    result = parser.result
    again = restored(parser, trace)
    assert (again.result, again.state, again.message_id) == (result, parser.state, parser.message_id)
    messages += feed(again, RICH[at:]) + again.close()
    assert (dumped(messages), trace, again.result) == uninterrupted
    assert parser.result == result  # the two share nothing


def test_a_parser_can_be_moved_after_every_chunk(uninterrupted):
    trace, messages = [], []
    parser = StreamParser(trace=trace, **RICH_OPTIONS)
    for each in RICH:
        messages += parser.feed(each)
        parser = restored(parser, trace.append)
    messages += parser.close()
    assert (dumped(messages), trace, parser.result) == uninterrupted


@each_prefix
@pytest.mark.parametrize("again", [copy.deepcopy, lambda parser: pickle.loads(pickle.dumps(parser))])  # noqa: S301
def test_a_parser_can_be_copied_and_pickled(uninterrupted, at, again):
    parser, messages = rich(at)
    twin = again(parser)
    result = parser.result
    messages += feed(twin, RICH[at:]) + twin.close()
    assert (dumped(messages), twin.result) == uninterrupted[::2]
    assert parser.result == result


@each_end
def test_an_ended_parser_stays_ended(end):
    parser, _ = rich(len(RICH))
    end(parser)
    again = restored(parser, None)
    assert (again.state, again.result) == (parser.state, parser.result)
    assert again.close() == again.feed(chunk(content="late")) == []


def test_a_snapshot_keeps_every_option():
    parser, _ = rich(0)
    again = restored(parser, None)
    assert again._response.options == parser._response.options
    assert again._wire == parser._wire
    snapshot = parser.snapshot()
    assert set(RICH_OPTIONS) - {"date"} <= {*snapshot["options"], *snapshot["wire"]["source"]}


@pytest.mark.parametrize(
    "snapshot",
    [
        None,
        {},
        [],
        "snapshot",
        {**StreamParser().snapshot(), "version": 1},
        {**StreamParser().snapshot(), "version": None},
        {key: value for key, value in StreamParser().snapshot().items() if key != "run"},
        {**StreamParser().snapshot(), "run": {"stream": 5}},
        {**StreamParser().snapshot(), "options": {}},
    ],
)
def test_what_is_no_snapshot_of_this_version_is_refused(snapshot):
    with pytest.raises(MisuseError, match="not a snapshot of this version"):
        StreamParser.restore(snapshot)


@pytest.mark.parametrize("at", range(6))
def test_arguments_without_a_name_go_where_they_would_have_gone(at):
    """The event that names their call comes after them, and once more of them after that."""
    events = [
        {"type": "response.created", "response": {"id": "r", "model": "m", "output": []}},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "item_id": "a", "delta": '{"q":'},
        added(function(), 1),
        {"type": "response.function_call_arguments.delta", "output_index": 0, "item_id": "a", "delta": "1"},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "item_id": "a", "delta": "}"},
        ended(),
    ]
    parser, whole = StreamParser(message_id=ID, date=DATE), StreamParser(message_id=ID, date=DATE)
    messages = feed(parser, events[:at])
    parser = restored(parser, None)
    messages += feed(parser, events[at:]) + parser.close()
    assert messages == feed(whole, events) + whole.close()
    assert parser.snapshot() == whole.snapshot()


def test_a_call_that_got_arguments_without_a_name_goes_on_as_if_nothing_had_been():
    chunks = [
        chunk(call(1, None, None, '{"q":')),
        chunk(call(0, "a", "search", "")),
        chunk(finish="tool_calls"),
        *(chunk(call(1, None, None, each)) for each in ("1", "}")),
    ]
    whole = StreamParser(message_id=ID, date=DATE)
    expected = feed(whole, chunks) + whole.close()
    for at in range(len(chunks)):
        parser = StreamParser(message_id=ID, date=DATE)
        messages = feed(parser, chunks[:at])
        parser = restored(parser, None)
        assert messages + feed(parser, chunks[at:]) + parser.close() == expected
        assert parser.snapshot() == whole.snapshot()


def test_nothing_reaches_a_call_that_got_arguments_at_the_end():
    parser = StreamParser()
    feed(parser, [chunk(call(1, None, None, '{"q":1}')), chunk(call(0, "a", "search", ""))])
    parser.close()
    assert parser.feed(chunk(call(1, None, None, "more"))) == []
    assert parser.result.tool_calls[0].arguments == '{"q":1}'


def test_usage_that_no_json_can_hold_is_kept_as_null():
    parser = StreamParser()
    parser.feed({"choices": [], "usage": {"odd": float("nan"), "completion_tokens": 3}})
    assert parser.result.usage.raw == {"odd": None, "completion_tokens": 3}
    assert restored(parser, None).result == parser.result


def test_half_a_character_in_an_item_that_has_begun_is_in_no_snapshot():
    item = {"type": "web_search_call", "id": "a", "action": {"query": "\ud83d"}}
    parser = StreamParser()
    parser.feed({"type": "response.output_item.added", "output_index": 0, "item": item})
    json.dumps(parser.snapshot(), ensure_ascii=False).encode()
    parser = restored(parser, None)
    parser.close()
    assert parser.result.choices[0].extras["unfinished"][0]["action"] == {"query": "\ufffd"}


def test_the_final_response_is_no_part_of_a_snapshot():
    parser = StreamParser()
    parser.feed({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}})
    assert parser.final_response["id"] == "r"
    assert StreamParser.restore(parser.snapshot()).final_response is None
