"""``Coalescer``: joins deltas on the way to a consumer that is slow, or pays for each of them."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import aclosing, nullcontext
from typing import Any, Generic, TypeVar, cast

from streamfsm.errors import MisuseError
from streamfsm.messages import Message

T = TypeVar("T")


class Coalescer(Generic[T]):
    """Joins deltas of one run, until so much time has passed or so much text has come.

    Whatever it joins, :func:`streamfsm.coalesce` makes the same of what it gives as of what it took. A joined message
    has the ``seq_id`` of its first delta. Boundaries, and messages that are not deltas, are never held: they come at
    once, after the text that is held.

    Args:
        seconds: how long the first delta of a message is held at most. Time passes only where somebody looks:
            :meth:`stream` does; with :meth:`feed` alone, call :meth:`flush` when :attr:`due` says so.
        characters: how much text is held at most before it is given. Without either, a run is one message.
        clock: tells the time in seconds.

    Raises:
        MisuseError: a bound that is not positive.
    """

    def __init__(
        self,
        *,
        seconds: float | None = None,
        characters: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for name, bound in (("seconds", seconds), ("characters", characters)):
            if bound is not None and not bound > 0:
                raise MisuseError(f"{name} must be positive, not {bound!r}")
        self._seconds, self._characters, self._clock = seconds, characters, clock
        self._held: list[Any] = []
        self._size = 0
        self._since = 0.0

    def feed(self, item: T) -> list[T]:
        """Take the next message or boundary; return what is to be passed on now, in order."""
        before = self._held[-1] if self._held else None
        if before is not None and isinstance(item, Message) and item.continues(before):
            self._held.append(item)
            passed: list[T] = []
        else:
            passed = self.flush()
            if not isinstance(item, Message) or item.FIELD is None:
                return [*passed, item]
            self._held.append(item)
            self._since = self._clock()
        self._size += len(item.text)
        if (self._characters and self._size >= self._characters) or self.due == 0:
            passed += self.flush()
        return passed

    def flush(self) -> list[T]:
        """Return what is held, as one message, if anything is."""
        held, self._held, self._size = self._held, [], 0
        return [held[0].joined(held[1:]) if len(held) > 1 else held[0]] if held else []

    @property
    def due(self) -> float | None:
        """In how many seconds what is held must be given; ``None``: nothing is held, or it may be held for ever."""
        if not self._held or self._seconds is None:
            return None
        return max(self._since + self._seconds - self._clock(), 0.0)

    async def stream(self, items: AsyncIterable[T]) -> AsyncGenerator[T, None]:
        """Yield the items, joined, as time passes. For ``asyncio``.

        While the consumer is busy, at most one more item is read: a slow consumer slows the source, and gets longer
        deltas of what has come meanwhile.

        Args:
            items: messages and boundaries, as of :func:`streamfsm.aiter_messages`. It is closed in the end.

        Raises:
            Exception: what ``items`` raised, after what is held.
        """
        iterator = aiter(items)
        async with aclosing(cast("Any", iterator)) if hasattr(iterator, "aclose") else nullcontext():
            coming: asyncio.Task[T] | None = None
            try:
                while True:
                    coming = coming or asyncio.create_task(_next(iterator))
                    await asyncio.wait({coming}, timeout=self.due)
                    if not coming.done():
                        passed = self.flush()
                    else:
                        arrived, coming = coming, None
                        passed = self.feed(arrived.result())
                    for each in passed:
                        yield each
            except StopAsyncIteration:
                for each in self.flush():
                    yield each
            except Exception:
                for each in self.flush():
                    yield each
                raise
            finally:
                if coming:
                    coming.cancel()
                    await asyncio.wait({coming})


async def _next(iterator: AsyncIterator[T]) -> T:
    return await anext(iterator)
