"""The log of one run: one producer appends to it, and any number of readers read from it.

If a producer dies, another one can replace it. It sends the request again, and gets a different answer, which is
another *attempt*. Readers get only the messages of the latest attempt, all of them, and discard those of an earlier
one.
"""

import asyncio
import json
import re
from bisect import bisect_right
from collections.abc import AsyncGenerator
from typing import NamedTuple, Protocol

from pydantic import TypeAdapter

from streamfsm.errors import MisuseError, StaleAttempt
from streamfsm.messages import Message, StopReason, StreamMessage

_ADAPTER: TypeAdapter[StreamMessage] = TypeAdapter(StreamMessage)
_CURSOR = re.compile(r"(?P<run>.*)/(?P<attempt>[0-9]{1,18})-(?P<seq_id>[0-9]{1,18})", re.DOTALL)


class Cursor(NamedTuple):
    """A place in the log of a run: the message after which a reader continues. Its text is the id of an SSE event."""

    attempt: int
    """The number of the attempt: 1, 2, 3, …"""
    seq_id: int

    def text(self, run: str) -> str:
        """Return the cursor as text; it is valid for this ``run`` only."""
        return f"{run}/{self.attempt}-{self.seq_id}"

    @classmethod
    def of(cls, text: str | None, run: str) -> "Cursor":
        """Return the cursor that ``text`` represents; the beginning, if it is not a cursor of this ``run``."""
        found = _CURSOR.fullmatch(text or "")
        return cls(int(found["attempt"]), int(found["seq_id"])) if found and found["run"] == run else BEGINNING


BEGINNING = Cursor(0, 0)
"""The place before the first message."""


class Entry(NamedTuple):
    """A message in a log."""

    cursor: Cursor
    json: str
    """The message as compact JSON without nulls."""
    is_last: bool
    """Whether it is the :class:`StopReason`."""

    @property
    def message(self) -> StreamMessage:
        """The message as an object."""
        return _ADAPTER.validate_json(self.json)


class Log(Protocol):
    """The log of one run."""

    run: str
    """The run's name, which is part of its cursors."""

    async def begin(self) -> int:
        """Begin an attempt, and return its number. Messages of earlier attempts are dropped.

        Raises:
            StaleAttempt: an attempt has ended, and its answer is final, because a client may have acted on it.
        """

    async def append(self, attempt: int, message: Message) -> None:
        """Append a message. Readers get it at once.

        Raises:
            StaleAttempt: another attempt has begun since, or this attempt has ended.
            MisuseError: the message's ``seq_id`` does not come after that of the previous message.
        """

    def read_from(self, cursor: Cursor = BEGINNING) -> AsyncGenerator[Entry, None]:
        """Yield the messages after ``cursor``, and wait for more until the :class:`StopReason`.

        A cursor of an earlier attempt counts as the beginning.
        """


def written(message: Message) -> str:
    """Return the JSON of a message in the form in which the log keeps it."""
    return message.model_dump_json(exclude_none=True)


class MemoryLog:
    """A :class:`Log` in the memory of this process. It needs ``asyncio``."""

    def __init__(self, run: str) -> None:
        self.run = run
        self._attempt = 0
        self._entries: list[Entry] = []
        self._changed = asyncio.Condition()

    async def begin(self) -> int:
        """See :class:`Log`."""
        async with self._changed:
            if self._entries and self._entries[-1].is_last:
                raise StaleAttempt(self.run, self._attempt)
            self._attempt += 1
            self._entries = []
            return self._attempt

    async def append(self, attempt: int, message: Message) -> None:
        """See :class:`Log`."""
        cursor = Cursor(attempt, number_of(message))
        async with self._changed:
            last = self._entries[-1] if self._entries else None
            if attempt != self._attempt or (last and last.is_last):
                raise StaleAttempt(self.run, attempt)
            if last and cursor <= last.cursor:
                raise MisuseError(f"message {cursor.seq_id} after message {last.cursor.seq_id}")
            self._entries.append(Entry(cursor, written(message), isinstance(message, StopReason)))
            self._changed.notify_all()

    async def read_from(self, cursor: Cursor = BEGINNING) -> AsyncGenerator[Entry, None]:
        """See :class:`Log`."""
        while True:
            async with self._changed:
                while not self._has_news(cursor):
                    await self._changed.wait()
                place = bisect_right(self._entries, cursor, key=lambda entry: entry.cursor)
                found = self._entries[place:]
            for entry in found:
                yield entry
                cursor = entry.cursor
            if not found or found[-1].is_last:
                return

    def _has_news(self, cursor: Cursor) -> bool:
        last = self._entries[-1] if self._entries else None
        return last is not None and (last.is_last or last.cursor > cursor)


def number_of(message: Message) -> int:
    """Return the number by which messages are ordered."""
    if message.seq_id is None:
        raise MisuseError(f"a message in a log needs a seq_id: {message!r}")
    return message.seq_id


async def events(log: Log, last_event_id: str | None = None) -> AsyncGenerator[bytes, None]:
    """Yield server-sent events: the messages of a run after the last one that the client has.

    The id of each event is its cursor, which a browser sends as ``Last-Event-ID`` when it reconnects. An event
    ``attempt`` with the attempt's number precedes the first message of another attempt than the client's. It tells the
    client to discard what it has.
    """
    cursor = Cursor.of(last_event_id, log.run)
    attempt = cursor.attempt
    async for entry in log.read_from(cursor):
        head = ""
        if entry.cursor.attempt != attempt:
            attempt = entry.cursor.attempt
            head = f"event: attempt\ndata: {json.dumps(attempt)}\n\n"
        yield f"{head}id: {entry.cursor.text(log.run)}\ndata: {entry.json}\n\n".encode()
