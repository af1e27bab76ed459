"""A plain chunk goes where the one before it went."""

import itertools

import pytest
from helpers import ID, call, call_chunks, chunk, feed, run
from rich_stream import RICH_OPTIONS

from streamfsm import Dialect, Limits, StreamParser
from streamfsm.core.response import _NOWHERE
from streamfsm.wires.chat.reader import ChatCompletions

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


def without_the_latest(chunks, **options):
    """What is said if no chunk is taken to go where the one before it went."""
    parser = StreamParser(message_id=ID, **options)
    messages = []
    for each in chunks:
        parser._response._latest = _NOWHERE
        messages += parser.feed(each)
    return messages + parser.close(), parser.result


@pytest.mark.parametrize(("options", "length"), FOLLOWED)
def test_what_goes_on_with_the_chunk_before_it_is_read_as_if_it_did_not(options, length):
    options = {"date": RICH_OPTIONS["date"], **options}
    for followers in itertools.product(FOLLOWERS, repeat=length):
        messages, parser = run([*OPENED, *followers], **options)
        assert (messages, parser.result) == without_the_latest([*OPENED, *followers], **options)


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


def test_nearly_every_chunk_goes_where_the_one_before_it_went(monkeypatch):
    asked = []
    sound = ChatCompletions.sound
    monkeypatch.setattr(ChatCompletions, "sound", lambda self, plain: asked.append(plain) or sound(self, plain))
    parser = StreamParser()
    feed(parser, call_chunks("f", '{"a": "some text"}'))
    feed(parser, [chunk(content=piece) for piece in "some text"])
    assert [(field, text) for _, field, _, text in asked] == [(None, "{"), ("content", "s")]
