"""Streams of chunks or bytes: entered, read one piece at a time, and closed in any case.

A stream may be one of ``openai``, of any version; any iterator, with or without a context manager; or a response whose
body has not been read: a raw or streaming one of ``openai``, or one of ``httpx``, ``httpx2`` or ``aiohttp``.
"""

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, ExitStack
from typing import Any

from streamfsm.client.log import harmless, log_failure, logger
from streamfsm.client.waiting import Late, in_time
from streamfsm.errors import StreamError, StreamTimeout

END = object()
"""Stands for the end of the stream, in place of a chunk."""

_CLOSING = 5.0  # seconds that closing may take before it is abandoned


class Wire:
    """An asynchronous stream."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._chunks: AsyncIterator[Any] | None = None
        self._stack = AsyncExitStack()
        self._came = False

    async def read(self, deadline: str = "", seconds: float | None = None) -> Any:
        """Return the next piece, or :data:`END`.

        Raises:
            StreamTimeout: the piece takes longer than ``seconds``.
            StreamError: the stream is empty, and the response's headers show why.
            Exception: the exception that the stream raises.
        """
        if seconds is not None and seconds <= 0:  # a stream that never waits would never be interrupted
            raise StreamTimeout(deadline)
        try:
            piece = await (self._read() if seconds is None else in_time(self._read, seconds))
        except Late:
            raise StreamTimeout(deadline) from None
        except StopAsyncIteration:
            if not self._came:
                _check_headers(self._stream)
            return END
        self._came = True
        return piece

    async def _read(self) -> Any:
        if self._chunks is None:
            self._chunks = await self._enter(self._stream)
        return await self._chunks.__anext__()

    async def _enter(self, stream: Any) -> AsyncIterator[Any]:
        if isinstance(stream, AbstractAsyncContextManager):
            entered = await self._stack.enter_async_context(stream)
            stream = stream if entered is None else entered
        else:
            self._stack.push_async_callback(_close, stream)
        self._stream = stream
        response, pieces = _opened(stream, AsyncIterable, "aiter_bytes")
        chunks: AsyncIterator[Any] = pieces if isinstance(pieces, AsyncIterator) else aiter(pieces)
        for opened in (response, chunks):
            if opened is not stream:
                self._stack.push_async_callback(_close, opened)
        return chunks

    async def close(self) -> None:
        """Close the stream; a failure to close is logged. Idempotent."""
        # Shielded, because it often follows a cancellation; limited in time, because a dead peer may never answer.
        try:
            await in_time(self._stack.aclose, _CLOSING, shield=True)
        except Late:
            harmless(logger.warning)("the stream did not close within %g s", _CLOSING)
        except Exception as error:  # noqa: BLE001 - the stream is not needed any more
            log_failure("closing the stream", error)


async def _close(closable: object) -> None:
    """Close an object by whichever of the usual methods it has."""
    close = getattr(closable, "aclose", None) or getattr(closable, "close", None)
    if close:
        closing = close()
        if inspect.isawaitable(closing):
            await closing


class SyncWire:
    """A synchronous stream. It has no deadlines, because nothing can interrupt a blocking read."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._chunks: Iterator[Any] | None = None
        self._stack = ExitStack()
        self._came = False

    def read(self) -> Any:
        """Return the next piece, or :data:`END`. It raises the same as :meth:`Wire.read`, except for timeouts."""
        if self._chunks is None:
            self._chunks = self._enter(self._stream)
        piece = next(self._chunks, END)
        if piece is END and not self._came:
            _check_headers(self._stream)
        self._came = True
        return piece

    def _enter(self, stream: Any) -> Iterator[Any]:
        if isinstance(stream, AbstractContextManager):
            entered = self._stack.enter_context(stream)
            stream = stream if entered is None else entered
        else:
            self._close_later(stream)
        self._stream = stream
        response, pieces = _opened(stream, Iterable, "iter_bytes")
        chunks: Iterator[Any] = pieces if isinstance(pieces, Iterator) else iter(pieces)
        for opened in (response, chunks):
            if opened is not stream:
                self._close_later(opened)
        return chunks

    def _close_later(self, closable: object) -> None:
        if close := getattr(closable, "close", None):
            self._stack.callback(close)

    def close(self) -> None:
        """Close the stream; a failure to close is logged. Idempotent."""
        harmless(self._stack.close)()


def _opened(stream: Any, iterable: type, reader: str) -> tuple[Any, Any]:
    """Return the response with an unread body that ``stream`` is, else ``stream``, and an iterable of its pieces."""
    if isinstance(stream, iterable):
        return stream, stream
    response = getattr(stream, "http_response", stream)  # an attribute of openai's raw response
    if hasattr(response, reader):
        return response, getattr(response, reader)()
    content: Any = getattr(response, "content", None)
    return response, content.iter_any() if hasattr(content, "iter_any") else response  # aiohttp's


def _check_headers(stream: Any) -> None:
    """Raise if an empty stream's response has an error status, or is not an event stream.

    So an error page, or a JSON body with status 200, fails even if the client found no event in it and raised nothing.
    """
    response = getattr(stream, "response", stream)
    response = getattr(response, "http_response", response)
    status = getattr(response, "status_code", getattr(response, "status", None))
    if isinstance(status, int) and status >= 400:  # noqa: PLR2004 - HTTP's error statuses
        raise StreamError(f"the server answered with status {status}", str(status))
    headers: Any = getattr(response, "headers", None)
    kind = headers.get("content-type") if hasattr(headers, "get") else None
    if isinstance(kind, str) and not kind.lower().startswith("text/event-stream"):
        raise StreamError(f"the server sent {kind} instead of an event stream", "not_a_stream")
