"""Streams of chunks as the façade needs them: entered, read one at a time, closed whatever happens.

They may be ``openai``'s, of any version, or anybody's iterators, with or without a context manager.
"""

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, ExitStack
from typing import Any

from streamfsm._log import harmless, logger
from streamfsm.errors import StreamTimeout

END = object()
"""In place of a chunk: the wire has no more."""

_CLOSING = 5.0  # seconds that closing may take before it is given up


class Wire:
    """An asynchronous stream: entered if it can be, read one chunk at a time, closed whatever happens."""

    def __init__(self, stream: AsyncIterable[Any]) -> None:
        self._stream = stream
        self._chunks: AsyncIterator[Any] | None = None
        self._stack = AsyncExitStack()

    async def read(self, deadline: str, seconds: float | None) -> Any:
        """The next chunk, or :data:`END`; :class:`StreamTimeout` if it takes longer than ``seconds``."""
        if seconds is None:
            return await self._read()
        import anyio

        with anyio.move_on_after(seconds):
            return await self._read()
        raise StreamTimeout(deadline)

    async def _read(self) -> Any:
        if self._chunks is None:
            self._chunks = await self._enter(self._stream)
        try:
            return await self._chunks.__anext__()
        except StopAsyncIteration:
            return END

    async def _enter(self, stream: AsyncIterable[Any]) -> AsyncIterator[Any]:
        if isinstance(stream, AbstractAsyncContextManager):
            stream = await self._stack.enter_async_context(stream)
        else:
            self._stack.push_async_callback(_close, stream)
        if isinstance(stream, AsyncIterator):
            return stream
        chunks = aiter(stream)  # an object of its own, to be closed as well
        self._stack.push_async_callback(_close, chunks)
        return chunks

    async def close(self) -> None:
        """Close it; what goes wrong with that is logged. Idempotent."""
        import anyio

        # Shielded, because a cancellation is what closes most wires; bounded, because a dead peer may never answer.
        with anyio.move_on_after(_CLOSING, shield=True):
            try:
                await self._stack.aclose()
            except Exception:  # noqa: BLE001 - nothing more is wanted of it
                logger.warning("the wire did not close cleanly", exc_info=True)


async def _close(closable: object) -> None:
    """Close what has any of the usual ways to be closed."""
    close = getattr(closable, "aclose", None) or getattr(closable, "close", None)
    if close:
        closing = close()
        if inspect.isawaitable(closing):
            await closing


class SyncWire:
    """A synchronous stream, likewise, but for deadlines: nothing interrupts a blocking read."""

    def __init__(self, stream: Iterable[Any]) -> None:
        self._stream = stream
        self._chunks: Iterator[Any] | None = None
        self._stack = ExitStack()

    def read(self) -> Any:
        """The next chunk, or :data:`END`."""
        if self._chunks is None:
            self._chunks = self._enter(self._stream)
        return next(self._chunks, END)

    def _enter(self, stream: Iterable[Any]) -> Iterator[Any]:
        if isinstance(stream, AbstractContextManager):
            stream = self._stack.enter_context(stream)
        else:
            self._close_later(stream)
        if isinstance(stream, Iterator):
            return stream
        chunks = iter(stream)
        self._close_later(chunks)
        return chunks

    def _close_later(self, closable: object) -> None:
        if close := getattr(closable, "close", None):
            self._stack.callback(close)

    def close(self) -> None:
        """Close it; what goes wrong with that is logged. Idempotent."""
        harmless(self._stack.close)()
