"""Reading a response: :class:`Reading`, which does no I/O, and its two loops.

The façade's ``process`` and ``aiter_messages`` call :func:`read`; their synchronous versions call :func:`read_sync`.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator
from typing import Any, Protocol
from weakref import WeakSet

from streamfsm.client.deadlines import NO_DEADLINES, Deadlines
from streamfsm.client.log import log_failure
from streamfsm.client.observer import Observer
from streamfsm.client.stream import END, SyncWire, Wire
from streamfsm.errors import MisuseError, StreamError
from streamfsm.messages import StreamMessage
from streamfsm.parser import StreamParser

_BYTES = (bytes, bytearray, memoryview)
_BEING_READ = WeakSet[StreamParser]()


class Flag(Protocol):
    """A flag by which the caller asks to stop, such as an ``asyncio.Event`` or a ``threading.Event``."""

    def is_set(self) -> bool:
        """Whether the caller asks to stop."""


class Reading:
    """Reads one response, piece by piece: feeds the parser, calls the observers, and raises any failure at the end.

    It is a context manager around the loop that reads. If the stream is still open on exit, it ends as cancelled. If
    the loop ended by itself and the stream failed, the exit raises the failure.

    Args:
        parser: the parser of the response; its stream must be open.
        observers: notified of what happens.
        cancelled: once set, the next piece is not read and the stream ends as cancelled.
        begin: returns the messages that come before the first piece.
        keep: receives all messages, even those after the consumer left, and returns the ones to yield.

    Raises:
        MisuseError: on entering, if the parser's stream has ended, or another reading of it has not been left.
    """

    def __init__(
        self,
        parser: StreamParser,
        observers: Collection[Observer] = (),
        *,
        cancelled: Flag | None = None,
        begin: Callable[[], list[StreamMessage]] = list,
        keep: Callable[[list[StreamMessage]], list[StreamMessage]] = lambda messages: messages,
    ) -> None:
        self.parser = parser
        self.chunks = 0
        """Pieces read so far."""
        self.has_ended: bool = False
        """Whether the stream has ended and the observers have been notified."""
        self._observers = tuple(observers)
        self._cancelled = cancelled
        self._begin = begin
        self._keep = keep
        self._types: set[str] = set()
        self._errors: list[Exception] = []  # at most one

    @property
    def is_open(self) -> bool:
        """Whether the stream is open, so that more may follow."""
        return self.parser.state == "open"

    @property
    def has_failed(self) -> bool:
        """Whether leaving the context will raise the failure."""
        return bool(self._errors)

    def __enter__(self) -> "Reading":  # noqa: PYI034 - typing.Self needs Python 3.11
        if not self.is_open:
            raise MisuseError("the parser's stream has ended; make another parser")
        if self.parser in _BEING_READ:
            raise MisuseError("the parser's stream is being read; make another parser for another stream")
        _BEING_READ.add(self.parser)
        self._tell("started", self.parser)
        return self

    def begin(self) -> list[StreamMessage]:
        """Return the messages for the consumer before the first piece."""
        return self._take(self._begin())

    def next(self, piece: Any) -> list[StreamMessage]:
        """Read a chunk, bytes of a body, or ``END``, and return the messages for the consumer. Never raises."""
        if piece is END:
            return self._take(self.parser.close())
        if self._cancelled and self._cancelled.is_set():
            return self._take(self.parser.cancel())
        self.chunks += 1
        self._tell("chunk_read")
        if isinstance(piece, _BYTES):
            return self._take(self.parser.feed_bytes(bytes(piece)))
        return self._take(self.parser.feed(piece))

    def failed(self, error: Exception) -> list[StreamMessage]:
        """Fail the stream because the transport raised ``error``, and return the messages for the consumer."""
        self._errors.append(error)
        return self._take(self.parser.fail(error))

    def finish(self) -> None:
        """End the reading; a stream that is still open ends as cancelled. Idempotent."""
        try:
            self._keep(self.parser.cancel())
        finally:  # a trace may raise
            self._end()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        _BEING_READ.discard(self.parser)
        self.finish()
        errors, self._errors = self._errors, []
        if errors and kind is None:
            # Keep no reference: the traceback refers to the frames here, and the cycle would wait for the garbage
            # collector.
            raise errors.pop()

    def _take(self, messages: list[StreamMessage]) -> list[StreamMessage]:
        messages = self._keep(messages)
        if self._observers and messages:
            for message in messages:
                if message.message_type not in self._types:
                    self._types.add(message.message_type)
                    self._tell("first", message)
            self._tell("messages", messages)
        if not self.is_open:
            self._end()
        return messages

    def _end(self) -> None:
        if self.has_ended:
            return
        self.has_ended = True
        if self.parser.state == "failed" and not self._errors:
            error = self.parser.result.error
            self._errors.append(StreamError(error.message, error.code) if error else StreamError("the stream failed"))
        if self._observers:
            self._tell("ended", self.parser.result, self._errors[0] if self._errors else None)

    def _tell(self, hook: str, *values: object) -> None:
        for observer in self._observers:
            try:
                getattr(observer, hook)(*values)
            except Exception as error:  # noqa: BLE001, PERF203 - an observer must not end the stream
                log_failure(f"{type(observer).__qualname__}.{hook}", error)


async def read(
    stream: Any,
    reading: Reading,
    deadlines: Deadlines = NO_DEADLINES,
    then: Callable[[], Awaitable[None]] | None = None,
) -> AsyncGenerator[StreamMessage, None]:
    """Yield the messages of an asynchronous stream, and always close it.

    Args:
        stream: see :class:`Wire`.
        reading: the reading, not yet entered.
        deadlines: how long to wait for each piece.
        then: awaited after the last message of a stream that did not fail.

    Raises:
        Exception: the failure of the stream, after the :class:`StopReason`.
    """
    with reading:
        start = time.monotonic()
        wire = Wire(stream)
        try:
            for message in reading.begin():
                yield message
            while reading.is_open:
                try:
                    piece = await wire.read(*deadlines.next(reading.chunks, time.monotonic() - start))
                except Exception as error:  # noqa: BLE001 - raised again at the end
                    messages = reading.failed(error)
                else:
                    messages = reading.next(piece)
                if reading.has_ended:
                    await wire.close()
                for message in messages:
                    yield message
            if then and not reading.has_failed:
                await then()
        finally:
            await wire.close()


def read_sync(stream: Any, reading: Reading) -> Generator[StreamMessage, None, None]:
    """The synchronous version of :func:`read`."""
    with reading:
        wire = SyncWire(stream)
        try:
            yield from reading.begin()
            while reading.is_open:
                try:
                    piece = wire.read()
                except Exception as error:  # noqa: BLE001 - raised again at the end
                    messages = reading.failed(error)
                else:
                    messages = reading.next(piece)
                if reading.has_ended:
                    wire.close()
                yield from messages
        finally:
            wire.close()
