"""Streams of chunks, or of a body's bytes: entered, read one piece at a time, closed whatever happens.

They may be ``openai``'s, of any version, or anybody's iterators, with or without a context manager; or responses whose
body is still to be read: ``openai``'s raw and streaming ones, and those of ``httpx``, ``httpx2`` and ``aiohttp``.
"""

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, ExitStack
from typing import Any

from streamfsm.client.log import harmless, logger
from streamfsm.errors import StreamTimeout

END = object()
"""In place of a chunk: the wire has no more."""

_CLOSING = 5.0  # seconds that closing may take before it is given up


class Wire:
    """An asynchronous stream."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._chunks: AsyncIterator[Any] | None = None
        self._stack = AsyncExitStack()

    async def read(self, deadline: str = "", seconds: float | None = None) -> Any:
        """The next piece, or :data:`END`; :class:`StreamTimeout` if it takes longer than ``seconds``."""
        if seconds is None:
            return await self._read()
        import anyio

        if seconds <= 0:  # a wire that never waits is never interrupted
            raise StreamTimeout(deadline)
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

    async def _enter(self, stream: Any) -> AsyncIterator[Any]:
        if isinstance(stream, AbstractAsyncContextManager):
            entered = await self._stack.enter_async_context(stream)
            stream = stream if entered is None else entered
        else:
            self._stack.push_async_callback(_close, stream)
        pieces = stream
        if not isinstance(stream, AsyncIterable):  # a response whose body is still to be read
            response = getattr(stream, "http_response", stream)  # which openai's own raw response holds
            if response is not stream:
                self._stack.push_async_callback(_close, response)
            if hasattr(response, "aiter_bytes"):
                pieces = response.aiter_bytes()
            elif hasattr(response, "content"):
                pieces = response.content.iter_any()
        chunks: AsyncIterator[Any] = pieces if isinstance(pieces, AsyncIterator) else aiter(pieces)
        if chunks is not stream:
            self._stack.push_async_callback(_close, chunks)
        return chunks

    async def close(self) -> None:
        """Close it; what goes wrong with that is logged. Idempotent."""
        import anyio

        # Shielded, because a cancellation is what closes most wires; bounded, because a dead peer may never answer.
        with anyio.move_on_after(_CLOSING, shield=True) as scope:
            try:
                await self._stack.aclose()
            except Exception:  # noqa: BLE001 - nothing more is wanted of it
                harmless(logger.warning)("the wire did not close cleanly", exc_info=True)
        if scope.cancelled_caught:
            harmless(logger.warning)("the wire did not close within %g s", _CLOSING)


async def _close(closable: object) -> None:
    """Close what has any of the usual ways to be closed."""
    close = getattr(closable, "aclose", None) or getattr(closable, "close", None)
    if close:
        closing = close()
        if inspect.isawaitable(closing):
            await closing


class SyncWire:
    """A synchronous stream, likewise, but for deadlines: nothing interrupts a blocking read."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._chunks: Iterator[Any] | None = None
        self._stack = ExitStack()

    def read(self) -> Any:
        """The next piece, or :data:`END`."""
        if self._chunks is None:
            self._chunks = self._enter(self._stream)
        return next(self._chunks, END)

    def _enter(self, stream: Any) -> Iterator[Any]:
        if isinstance(stream, AbstractContextManager):
            entered = self._stack.enter_context(stream)
            stream = stream if entered is None else entered
        else:
            self._close_later(stream)
        pieces = stream
        if not isinstance(stream, Iterable):
            response = getattr(stream, "http_response", stream)
            if response is not stream:
                self._close_later(response)
            pieces = response.iter_bytes() if hasattr(response, "iter_bytes") else response
        chunks: Iterator[Any] = pieces if isinstance(pieces, Iterator) else iter(pieces)
        if chunks is not stream:
            self._close_later(chunks)
        return chunks

    def _close_later(self, closable: object) -> None:
        if close := getattr(closable, "close", None):
            self._stack.callback(close)

    def close(self) -> None:
        """Close it; what goes wrong with that is logged. Idempotent."""
        harmless(self._stack.close)()
