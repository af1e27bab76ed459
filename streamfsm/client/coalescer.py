"""``Coalescer``: joins deltas for a consumer that is slow, or that pays for each message."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import aclosing, nullcontext
from typing import Any, Generic, TypeVar, cast

from streamfsm.errors import MisuseError
from streamfsm.messages import Message

T = TypeVar("T")


class Coalescer(Generic[T]):
    """Joins deltas of one run, until enough time has passed or enough text has arrived.

    The output of :func:`streamfsm.coalesce` is the same with and without it. A joined message has the ``seq_id`` of its
    first delta. Boundaries, and messages that are not deltas, are passed on at once, after any text that was held.

    Args:
        seconds: the longest time that the first delta of a message is held. Only :meth:`stream` watches the clock; if
            you use :meth:`feed`, call :meth:`flush` when :attr:`due` says so.
        characters: the most characters of text that are held. Without either limit, a run becomes one message.
        clock: returns the time in seconds.

    Raises:
        MisuseError: a limit is not positive.
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
        """Accept the next message or boundary, and return the messages and boundaries to pass on now, in order."""
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
        """Return the text that is held, if any, as one message."""
        held, self._held, self._size = self._held, [], 0
        return [held[0].joined(held[1:]) if len(held) > 1 else held[0]] if held else []

    @property
    def due(self) -> float | None:
        """Seconds until :meth:`flush` should be called; ``None``: nothing is held, or there is no time limit."""
        if not self._held or self._seconds is None:
            return None
        return max(self._since + self._seconds - self._clock(), 0.0)

    async def stream(self, items: AsyncIterable[T]) -> AsyncGenerator[T, None]:
        """Yield the items, joined, and flush them in time. It needs ``asyncio``.

        While the consumer is busy, at most one more item is read. So a slow consumer slows down the source, and gets
        longer deltas.

        Args:
            items: messages and boundaries, for example from :func:`streamfsm.aiter_messages`. The iterable is closed at
                the end.

        Raises:
            Exception: the exception that ``items`` raised, after the text that was held.
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
