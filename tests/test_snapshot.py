"""A parser that is stored, moved, copied or pickled goes on as if nothing had been."""

import copy
import json
import pickle

import pytest
from helpers import chunk, dumped, feed
from rich_stream import RICH, RICH_OPTIONS, each_end, each_prefix, rich

from streamfsm import StreamParser
from streamfsm.errors import MisuseError


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
