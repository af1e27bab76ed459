"""Reading a response, whoever reads it: :class:`Reading`, which does no I/O, and its two loops.

The façade's ``process`` and ``aiter_messages`` are :func:`read` with options, their twins :func:`read_sync`.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator
from typing import Any, Protocol

from streamfsm.client.deadlines import NO_DEADLINES, Deadlines
from streamfsm.client.log import harmless, logger
from streamfsm.client.observer import Observer
from streamfsm.client.stream import END, SyncWire, Wire
from streamfsm.errors import MisuseError, StreamError
from streamfsm.messages import StreamMessage
from streamfsm.parser import StreamParser

_BYTES = (bytes, bytearray, memoryview)


class Flag(Protocol):
    """What says that the caller wants no more, such as an ``asyncio.Event`` or a ``threading.Event``."""

    def is_set(self) -> bool:
        """Whether it does."""


class Reading:
    """One response, piece by piece: feeds the parser, tells the observers, and raises in the end what failed.

    A context manager around the loop that reads. Leaving it ends the stream if it is still open, as cancelled; if the
    loop ended by itself and the stream failed, leaving raises the failure.

    Args:
        parser: that takes the response; open.
        observers: told what happens.
        cancelled: once set, the next piece is not read and the stream ends as cancelled.
        keep: gets all messages, also those that nobody gets because the consumer left, and gives those to be yielded.

    Raises:
        MisuseError: on entering, if the parser's stream is over.
    """

    def __init__(
        self,
        parser: StreamParser,
        observers: Collection[Observer] = (),
        *,
        cancelled: Flag | None = None,
        keep: Callable[[list[StreamMessage]], list[StreamMessage]] = lambda messages: messages,
    ) -> None:
        self.parser = parser
        self.chunks = 0
        """Pieces read so far."""
        self.has_ended = False
        """Whether the stream is over, and the observers know."""
        self._observers = tuple(observers)
        self._cancelled = cancelled
        self._keep = keep
        self._types: set[str] = set()
        self._errors: list[Exception] = []  # at most one

    @property
    def is_open(self) -> bool:
        """Whether there is more to read."""
        return self.parser.state == "open"

    @property
    def has_failed(self) -> bool:
        """Whether leaving raises."""
        return bool(self._errors)

    def __enter__(self) -> "Reading":  # noqa: PYI034 - typing.Self is of Python 3.11
        if not self.is_open:
            raise MisuseError("the parser's stream is over; make another parser")
        self._tell("started", self.parser)
        return self

    def next(self, piece: Any) -> list[StreamMessage]:
        """Take a chunk, bytes of a body, or ``END``; give the messages for the consumer. Raises nothing."""
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
        """The transport raised ``error``: fail the stream with it; give the messages for the consumer."""
        self._errors.append(error)
        return self._take(self.parser.fail(error))

    def finish(self) -> None:
        """Nobody reads any more. Idempotent; a stream that is still open ends as cancelled."""
        self._keep(self.parser.cancel())
        self._end()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.finish()
        errors, self._errors = self._errors, []
        if errors and kind is None:
            # Nothing keeps it: its traceback holds the frames of those who read, and all would wait for a collection.
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
            except Exception:  # noqa: BLE001, PERF203 - who only watches must not end the stream
                harmless(logger.warning)("%s of %r failed", hook, observer, exc_info=True)


async def read(
    stream: Any,
    reading: Reading,
    deadlines: Deadlines = NO_DEADLINES,
    then: Callable[[], Awaitable[None]] | None = None,
) -> AsyncGenerator[StreamMessage, None]:
    """Yield the messages of an asynchronous stream, and close it however this ends.

    Args:
        stream: see :class:`Wire`.
        reading: not yet entered.
        deadlines: for each piece.
        then: awaited after the last message of a stream that did not fail.

    Raises:
        Exception: what failed, after the :class:`StopReason`.
    """
    with reading:
        start = time.monotonic()
        wire = Wire(stream)
        try:
            while reading.is_open:
                try:
                    piece = await wire.read(*deadlines.next(reading.chunks, time.monotonic() - start))
                except Exception as error:  # noqa: BLE001 - raised again in the end
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
    """The synchronous twin of :func:`read`."""
    with reading:
        wire = SyncWire(stream)
        try:
            while reading.is_open:
                try:
                    piece = wire.read()
                except Exception as error:  # noqa: BLE001 - raised again in the end
                    messages = reading.failed(error)
                else:
                    messages = reading.next(piece)
                if reading.has_ended:
                    wire.close()
                yield from messages
        finally:
            wire.close()
