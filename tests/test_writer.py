"""What the writer makes of a text."""

import pytest
from helpers import call, call_chunks, chunk, feed
from rich_stream import ENDS, RICH, RICH_OPTIONS

from streamfsm import Channel, StreamParser, messages
from streamfsm.core.lanes import TextLane


def test_text_in_a_state_that_emits_nothing_is_dropped():
    writer = StreamParser()._response.writer
    writer.text(TextLane(0, "content"), "x")
    assert writer.drain() == []


SEALED_AND_REVOKED = [
    *call_chunks("f", '{"a": [1], "b": "x"}'),
    chunk(call(0, arguments="{")),
    chunk(call(1, "call_2", "g", '{"c": {"d": 2}}')),
]
STREAMS = {
    "everything": (RICH, RICH_OPTIONS),
    "seals and channels": (
        SEALED_AND_REVOKED,
        {"seal_tools": ["f", "g"], "channels": [Channel("$.b"), Channel("$..*")]},
    ),
}


def test_the_streams_below_have_messages_of_each_class():
    kinds = {kind for kind in vars(messages).values() if isinstance(kind, type) and issubclass(kind, messages.Message)}
    told = {
        type(each) for chunks, options in STREAMS.values() for end in ENDS for each in told_of(chunks, options, end)
    }
    others = {"Message", "_CallMessage", "_WholeCall", "LettaPing", "UsageStatistics"}
    assert {kind.__name__ for kind in kinds - told} <= others


def told_of(chunks, options, end):
    parser = StreamParser(**options)
    return feed(parser, chunks) + ENDS[end](parser)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", STREAMS)
def test_a_message_is_what_the_constructor_makes_of_its_fields(name, end):
    for told in told_of(*STREAMS[name], end):
        built = type(told).model_validate({field: vars(told)[field] for field in told.model_fields_set}, strict=True)
        assert built == told
        assert list(vars(built)) == list(vars(told))
        assert [type(each) for each in vars(built).values()] == [type(each) for each in vars(told).values()]
        assert built.model_fields_set == told.model_fields_set
        assert built.model_dump_json() == told.model_dump_json()
