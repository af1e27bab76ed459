"""Many streams at once, on both event loops: each says what it says alone, or the beginning of it; nothing is left."""

import asyncio
import gc
import random
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from helpers import call_chunks, chunk
from hypothesis import settings
from response_events import added, argued, created, ended, function, message, said
from rich_stream import RICH, RICH_OPTIONS

from streamfsm import MisuseError, StreamParser, aiter_messages, iter_messages

STREAMS = min(10 * settings().max_examples, 10_000)  # a thousand, unless the profile is another
WIRES: list[list[Any]] = [
    RICH,
    call_chunks("send_message", ['{"thinking":"Hm.",', '"message":"a', 'b\\u00e9"}']),
    [created(), added(message()), said("Hi"), said(" you"), added(function(), 1), argued('{"a":1}', index=1), ended()],
]
HOW = ("to its end", "cancelled", "cancelled twice", "left", "never started")

each_loop = pytest.mark.parametrize("loop", ["asyncio", "trio"])


def parser() -> StreamParser:
    return StreamParser(**RICH_OPTIONS)


def alone(wire: list[Any]) -> list[Any]:
    return [*iter_messages(wire, parser=parser())]


ALONE = [alone(wire) for wire in WIRES]


class Stream:
    """A wire that lets others run before each chunk and while it is closed."""

    def __init__(self, chunks: list[Any], chance: random.Random) -> None:
        self._chunks = iter(chunks)
        self._chance = chance
        self.closing = anyio.Event()
        self.times_closed = 0

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        for _ in range(self._chance.randint(0, 3)):
            await anyio.lowlevel.checkpoint()
        try:
            return next(self._chunks)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        self.times_closed += 1
        self.closing.set()
        for _ in range(self._chance.randint(1, 5)):
            await anyio.lowlevel.checkpoint()


async def one(seed: int, found: Counter[str]) -> None:
    """One stream, read in one of the ways; what it said is checked."""
    chance = random.Random(seed)
    at = chance.randrange(len(WIRES))
    how = chance.choice(HOW)
    stream, own = Stream(WIRES[at], chance), parser()
    reader = aiter_messages(stream, parser=own)
    seen: list[Any] = []

    async def consume(most: int = 10**9) -> None:
        async with aclosing(reader) as messages:
            async for each in messages:
                seen.append(each)
                if len(seen) == most:
                    break

    if how == "never started":
        await reader.aclose()
        assert (own.state, stream.times_closed) == ("open", 0)
    elif how == "to its end":
        await consume()
        assert own.state == "done"
        assert seen == ALONE[at]
    elif how == "left":
        await consume(chance.randint(1, len(ALONE[at])))
    else:
        async with anyio.create_task_group() as group:
            group.start_soon(consume)
            for _ in range(chance.randint(0, 40)):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
            if how == "cancelled twice" and own.state == "open" and seen:
                with anyio.CancelScope(shield=True):
                    await stream.closing.wait()
                group.cancel_scope.cancel()
    assert seen == ALONE[at][: len(seen)]
    if seen:
        assert own.state in ("done", "cancelled")
        assert stream.times_closed == 1
        assert all(call.ready is False for call in own.result.tool_calls) or own.state == "done"
    found[f"{how}, {own.state}"] += 1


@pytest.mark.slow("a thousand streams")
@pytest.mark.usefixtures("uncounted")
@each_loop
def test_a_thousand_streams_at_once_say_what_each_says_alone_however_they_end(loop: str):
    found: Counter[str] = Counter()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for seed in range(STREAMS):
                group.start_soon(one, seed, found)
        if loop == "asyncio":
            assert asyncio.all_tasks() == {asyncio.current_task()}

    threads = {*threading.enumerate()}
    anyio.run(main, backend=loop)
    gc.collect()  # of what is left, such as a coroutine that nobody awaited, a warning tells, which is an error
    assert {*threading.enumerate()} == threads
    assert found.total() == STREAMS
    assert {"to its end, done", "cancelled, cancelled", "left, cancelled", "never started, open"} <= {*found}
    assert found["cancelled twice, cancelled"] > STREAMS / 20


def test_a_second_cancellation_of_a_task_while_its_wire_closes_ends_it():
    async def main() -> None:
        stream = Stream([chunk(content="a")] * 50, random.Random(1))
        own = parser()

        async def consume() -> None:
            async for _ in aiter_messages(stream, parser=own):
                pass

        task = asyncio.ensure_future(consume())
        while not own.result.content:  # noqa: ASYNC110 - the parser has no event for it
            await asyncio.sleep(0)
        task.cancel()
        await stream.closing.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (own.state, stream.times_closed) == ("cancelled", 1)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    gc.collect()


def test_streams_in_threads_say_what_each_says_alone():
    results: dict[int, list[Any]] = {}

    def work(first: int) -> None:
        for number in range(first, STREAMS // 4, 8):
            results[number] = alone(WIRES[number % len(WIRES)])

    threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [*range(STREAMS // 4)]
    assert all(results[number] == ALONE[number % len(WIRES)] for number in results)


# -- one parser reads one stream ---------------------------------------------------------------------------------------

BEING_READ = "the parser's stream is being read"


@each_loop
def test_two_coroutines_on_one_parser_are_a_misuse_and_the_first_goes_on(loop: str):
    own = parser()
    first, second = (Stream(RICH, random.Random(seed)) for seed in (1, 2))
    refused: list[MisuseError] = []

    async def other() -> None:
        try:
            async for _ in aiter_messages(second, parser=own):
                pytest.fail("it reads")
        except MisuseError as error:
            refused.append(error)

    async def main() -> list[Any]:
        seen = []
        async with aclosing(aiter_messages(first, parser=own)) as messages, anyio.create_task_group() as group:
            async for each in messages:
                if not seen:
                    group.start_soon(other)
                    await anyio.lowlevel.checkpoint()
                seen.append(each)
        return seen

    assert anyio.run(main, backend=loop) == ALONE[0]
    assert [str(error).startswith(BEING_READ) for error in refused] == [True]
    assert second.times_closed == 0


def test_two_loops_on_one_parser_are_a_misuse_and_the_first_goes_on():
    own = parser()
    seen = []
    for each in iter_messages(RICH, parser=own):
        with pytest.raises(MisuseError, match=BEING_READ if own.state == "open" else "the parser's stream has ended"):
            next(iter_messages(RICH, parser=own))
        seen.append(each)
    assert seen == ALONE[0]


def test_a_copy_of_a_parser_that_is_being_read_is_another_parser():
    own = parser()
    reader = iter_messages(RICH, parser=own)
    first = next(reader)
    again = StreamParser.restore(own.snapshot())
    rest = [*iter_messages(RICH[own_chunks(own) :], parser=again)]
    assert [first, *rest][-1] == [first, *reader][-1]


def own_chunks(own: StreamParser) -> int:
    """How many of the rich chunks a parser has read: until its first message came."""
    fresh = parser()
    return next(at for at, each in enumerate(RICH, 1) if fresh.feed(each) and fresh.result == own.result)
