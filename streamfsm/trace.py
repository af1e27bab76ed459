"""The trace of a parser: which rows of which tables were taken, and what they emitted."""

import json
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, TypeAlias


class Transition(NamedTuple):
    """One record of the trace: a row that was taken, or text that arrived in a state (event ``text``, a self-loop).

    Every emitted message belongs to exactly one record.
    """

    machine: str
    choice: int
    lane: str
    """``stream``, the text field, or ``call`` and the call's position."""
    state: str
    event: str
    target: str
    seq_id: int | None
    """``seq_id`` of the message that this emitted, if any."""


HELD = "held back"
"""The event of a record that shows what is held back at the end of a chunk."""


class Record(NamedTuple):
    """A :class:`Transition` with its place and reason: a row that was taken, or text that arrived in a state.

    Text that is held back at the end of a chunk is a record too (event ``held back``), with the reason.
    """

    sequence: int
    chunk: int
    """Position of the chunk, from 0; for the end of the stream, the number of chunks."""
    field: int | None
    """Index of the provenance's field that contains the character that caused this record. ``None``: no text caused it,
    or the record was made live, by a :class:`TraceLog`."""
    offset: int
    """The number of characters of that field, or in a live record of that lane, that had arrived."""
    machine: str
    choice: int
    lane: str
    state: str
    event: str
    target: str
    because: str
    message_type: str | None
    """Type of the message that was emitted, if any."""
    text: str
    """The message's text; for the event ``held back``, the text that is held back."""


class TraceLog:
    """Records what a parser does while it runs: ``StreamParser(trace=TraceLog())``.

    Args:
        write: called with each record as a line of JSON, for example a file's ``write``; then no record is kept.
        limit: the number of records to keep (the latest ones), or to write (the first ones).
    """

    def __init__(self, write: Callable[[str], object] | None = None, *, limit: int = 100_000) -> None:
        self.records: deque[Record] = deque(maxlen=limit)
        self.count: int = 0
        """The number of records so far, including those beyond the limit."""
        self.chunks: int = 0
        """The number of chunks, or calls of ``feed_bytes``, that have been read completely."""
        self.write: Callable[[str], object] | None = write
        self._limit = limit

    def add(self, offset: int, step: Transition, because: str, message_type: str | None, text: str) -> None:
        """Add the next record."""
        record = Record(self.count, self.chunks, None, offset, *step[:-1], because, message_type, text)
        self.count += 1
        if self.write is None:
            self.records.append(record)
        elif record.sequence < self._limit:
            self.write(json.dumps(record._asdict()) + "\n")


Trace: TypeAlias = Callable[[Transition], object] | list[Transition] | TraceLog | None
"""The type of the parser's ``trace`` argument."""
