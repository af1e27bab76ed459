"""``Coalescer``: joined deltas say the same, boundaries come at once, and nothing is held for longer than it may be."""

import asyncio

import pytest
from helpers import ID, call, chunk
from hypothesis import given
from hypothesis import strategies as st
from streams import options
from written import chunk_lists

from streamfsm import AssistantMessage, Coalescer, MisuseError, StopReason, StreamParser, coalesce
from streamfsm.messages import Message


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def items(chunks, **options):
    parser = StreamParser(**{"message_id": ID, "boundaries": True, **options})
    return [item for each in chunks for item in parser.feed(each)] + parser.close()


def messages(given):
    return [each for each in given if isinstance(each, Message)]


WORDS = [chunk(content=word) for word in ("one ", "two ", "three ", "four ")]


@given(
    chunks=chunk_lists(),
    options=options,
    boundaries=st.booleans(),
    bounds=st.fixed_dictionaries(
        {"seconds": st.none() | st.floats(0.1, 3), "characters": st.none() | st.integers(1, 20)}
    ),
    data=st.data(),
)
def test_whatever_is_joined_says_the_same(chunks, options, boundaries, bounds, data):
    clock = Clock()
    coalescer = Coalescer(**bounds, clock=clock)
    came = items(chunks, boundaries=boundaries, **options)
    went = []
    for item in came:
        clock.now += data.draw(st.floats(0, 1))
        went += coalescer.feed(item)
        if coalescer.due == 0:
            went += coalescer.flush()
    went += coalescer.flush()
    assert coalesce(messages(went)) == coalesce(messages(came))
    others = [each for each in came if not isinstance(each, Message) or each.FIELD is None]
    assert [each for each in went if not isinstance(each, Message) or each.FIELD is None] == others
    assert [each.otid for each in went if hasattr(each, "otid")] == sorted_runs(went)


def sorted_runs(went):
    """The otids of all that has one, as runs that do not overlap would have them."""
    seen = []
    for each in went:
        if hasattr(each, "otid") and (not seen or seen[-1] != each.otid):
            assert each.otid not in seen
            seen.append(each.otid)
    return [otid for otid in seen for each in went if getattr(each, "otid", None) == otid]


def test_text_is_held_until_there_is_enough_of_it():
    coalescer = Coalescer(characters=8)
    given = [coalescer.feed(each) for each in items(WORDS, boundaries=False)[:-1]]
    assert [[each.content for each in passed] for passed in given] == [[], ["one two "], [], ["three four "]]
    assert coalescer.flush() == []


def test_a_joined_message_has_the_number_of_its_first_delta():
    coalescer = Coalescer()
    *held, (joined, stop) = [coalescer.feed(each) for each in items(WORDS, boundaries=False)]
    assert held == [[]] * 4
    assert (joined.content, joined.seq_id) == ("one two three four ", 0)
    assert isinstance(stop, StopReason)


def test_text_is_held_until_it_is_due():
    clock = Clock()
    coalescer = Coalescer(seconds=1, clock=clock)
    one, two, three, *_ = items(WORDS, boundaries=False)
    assert coalescer.due is None
    assert coalescer.feed(one) == []
    assert coalescer.due == 1
    clock.now = 0.75
    assert coalescer.feed(two) == []
    assert coalescer.due == 0.25
    clock.now = 2.0
    assert coalescer.due == 0
    (joined,) = coalescer.feed(three)
    assert joined.content == "one two three "
    assert coalescer.due is None


def test_a_call_waits_for_its_arguments_and_ends_at_once():
    coalescer = Coalescer()
    chunks = [chunk(call(0, "a", "f", '{"x"')), chunk(call(0, arguments=":1}")), chunk(finish="tool_calls")]
    went = [each for item in items(chunks) for each in coalescer.feed(item)]
    assert [type(each).__name__ for each in went] == [
        "RunStarted",
        "ToolCallMessage",
        "CallClosed",
        "RunEnded",
        "RunStarted",
        "StopReason",
        "RunEnded",
    ]
    assert (went[1].tool_call.name, went[1].tool_call.arguments) == ("f", '{"x":1}')


@pytest.mark.parametrize("bound", [{"seconds": 0}, {"characters": -1}, {"seconds": float("nan")}])
def test_a_bound_that_is_not_positive_is_misuse(bound):
    with pytest.raises(MisuseError, match="must be positive"):
        Coalescer(**bound)


# -- as time passes ----------------------------------------------------------------------------------------------------


class Source:
    """Gives items, waits where told to, and may break."""

    def __init__(self, given, error=None):
        self.given, self.error = given, error
        self.read, self.closed = 0, False

    async def __aiter__(self):
        try:
            for each in self.given:
                self.read += 1
                if isinstance(each, asyncio.Event):
                    await each.wait()
                else:
                    yield each
            if self.error:
                raise self.error
        finally:
            self.closed = True


async def collected(stream):
    return [each async for each in stream]


def test_a_stream_is_joined_and_its_source_closed():
    source = Source(items(WORDS))
    went = asyncio.run(collected(Coalescer(characters=8).stream(source)))
    assert [each.content for each in went if isinstance(each, AssistantMessage)] == ["one two ", "three four "]
    assert source.closed


def test_what_is_due_is_given_while_the_source_is_silent():
    async def read():
        more = asyncio.Event()
        one, two, *rest = items(WORDS, boundaries=False)
        stream = Coalescer(seconds=0.001).stream(Source([one, two, more, *rest]))
        first = await anext(stream)
        more.set()
        return [first, *await collected(stream)]

    went = asyncio.run(read())
    assert "".join(each.content for each in went[:-1]) == "one two three four "
    assert went[0].content in ("one ", "one two ")


def test_a_consumer_that_is_busy_stops_the_source():
    async def read():
        source = Source(items(WORDS))
        stream = Coalescer(characters=1).stream(source)
        await anext(stream)
        for _ in range(10):
            await asyncio.sleep(0)
        read = source.read
        await stream.aclose()
        return read, source.closed

    read, closed = asyncio.run(read())
    assert read <= 2
    assert closed


def test_a_consumer_that_leaves_while_the_source_is_silent_closes_it():
    async def read():
        source = Source([*items(WORDS, boundaries=False)[:1], asyncio.Event()])
        stream = Coalescer(seconds=0.001).stream(source)
        await anext(stream)
        waiting = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        return source.closed

    assert asyncio.run(read())


def test_what_is_held_comes_before_the_error_of_the_source():
    async def read():
        stream = Coalescer().stream(Source(items(WORDS, boundaries=False)[:2], ConnectionError("gone")))
        held = await anext(stream)
        with pytest.raises(ConnectionError):
            await anext(stream)
        return held.content

    assert asyncio.run(read()) == "one two "


def test_what_is_held_comes_at_the_end_of_a_source_that_breaks_off():
    went = asyncio.run(collected(Coalescer().stream(Source(items(WORDS, boundaries=False)[:2]))))
    assert [each.content for each in went] == ["one two "]


def test_any_asynchronous_iterable_can_be_the_source():
    class Plain:
        def __init__(self):
            self.given = iter(items(WORDS, boundaries=False))

        def __aiter__(self):
            return self

        async def __anext__(self):
            for each in self.given:
                return each
            raise StopAsyncIteration

    went = asyncio.run(collected(Coalescer().stream(Plain())))
    assert [each.text for each in went] == ["one two three four ", "incomplete"]
