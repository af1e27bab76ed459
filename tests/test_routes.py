"""What is looked up by its address goes where it would go without."""

import itertools

import pytest
from helpers import ID, call, call_chunks, chunk, feed, run
from rich_stream import RICH_OPTIONS

from streamfsm import Dialect, Limits, StreamParser
from streamfsm.core.call_reader import CallReader

FOLLOWERS = [
    chunk(content="a"),
    chunk(content="b", choice=1),
    chunk(reasoning="c"),
    chunk(call(0, arguments="{")),
    chunk(call(1, arguments="[")),
    chunk(call(0, arguments='"}'), choice=1),
    chunk(call(1, arguments="n"), choice=1),
    chunk(call(0, arguments="m"), choice=True),
    chunk(content=""),
    chunk(call(None, arguments="x")),
    chunk(call(True, arguments="y")),
    chunk(call(0, arguments=7)),
    chunk(call(0, "call_2", "g", "{")),
    chunk(call(1, arguments="z"), content="d"),
    chunk(finish="stop"),
]
OPENED = [chunk(content="Hi"), chunk(call(0, "call_1", "f", "{"), call(1, "call_3", "h", "["), choice=1)]
FOLLOWED = [
    ({}, 3),
    ({"dialect": Dialect(content="snapshot")}, 2),
    ({"dialect": Dialect(arguments="snapshot", reasoning="snapshot")}, 2),
    ({"limits": Limits(text=2, arguments=3)}, 2),
]


def without_routes(chunks, **options):
    """What is said if every address is forgotten before each chunk."""
    parser = StreamParser(message_id=ID, **options)
    messages = []
    for each in chunks:
        parser._response._text_routes.clear()
        parser._response._call_routes.clear()
        messages += parser.feed(each)
    return messages + parser.close(), parser.result


@pytest.mark.slow("3,375 triples of chunks")
@pytest.mark.parametrize(("options", "length"), FOLLOWED)
@pytest.mark.usefixtures("uncounted")
def test_what_is_looked_up_is_read_as_if_it_were_not(options, length):
    options = {"date": RICH_OPTIONS["date"], **options}
    for followers in itertools.product(FOLLOWERS, repeat=length):
        messages, parser = run([*OPENED, *followers], **options)
        assert (messages, parser.result) == without_routes([*OPENED, *followers], **options)


def test_an_error_of_the_trace_leaves_no_chunk_to_the_wrong_call():
    broken = []

    def trace(_):
        if broken:
            raise OSError("no trace")

    parser = StreamParser(trace=trace)
    feed(parser, [chunk(call(at, f"call_{at}", "f", '{"a": "')) for at in (0, 1)])
    parser.feed(chunk(call(0, arguments="x")))
    broken.append(True)
    with pytest.raises(OSError, match="no trace"):
        parser.feed(chunk(call(1, arguments="y")))
    broken.clear()
    feed(parser, [chunk(call(0, arguments="z")), chunk(call(None, arguments="w"))])
    assert [each.arguments for each in parser.result.tool_calls] == ['{"a": "xzw', '{"a": "y']


def test_nearly_every_entry_is_looked_up(monkeypatch):
    asked = []
    resolve = CallReader.resolve

    def spy(self, *entry, **cumulative):
        asked.append(entry[4])
        return resolve(self, *entry, **cumulative)

    monkeypatch.setattr(CallReader, "resolve", spy)
    feed(StreamParser(), call_chunks("f", '{"a": "some text"}'))
    assert asked == ["f"]
