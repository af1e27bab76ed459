"""The transition log: which row of which table did what."""

import json
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, TypeAlias


class Transition(NamedTuple):
    """One record of the trace: a row that was taken, or text that arrived in a state (event ``text``, a self-loop).

    Every emitted message is in exactly one record.
    """

    machine: str
    choice: int
    lane: str
    """``stream``; the text field; or ``call`` and the call's position."""
    state: str
    event: str
    target: str
    seq_id: int | None
    """``seq_id`` of the message that this emitted, if any."""


HELD = "held back"
"""The event of a record that says what is held back when a chunk is over."""


class Record(NamedTuple):
    """A :class:`Transition` with where, why and what: a row that was taken, or what text became in a state.

    What is held back when a chunk is over is a record too (event ``held back``), with the reason.
    """

    sequence: int
    chunk: int
    """Position of the chunk, from 0; the number of chunks if the end of the stream was the cause."""
    field: int | None
    """Which of the provenance's fields the character was in that was the cause; ``None``: it was in none that is text,
    or the record was made live, by a :class:`TraceLog`."""
    offset: int
    """Characters of that field, or live of the lane, that had come."""
    machine: str
    choice: int
    lane: str
    state: str
    event: str
    target: str
    because: str
    message_type: str | None
    """Type of the message that was emitted, if one was."""
    text: str
    """The message's text; of the event ``held back``, what is."""


class TraceLog:
    """Records of what a parser does, as it does it: ``StreamParser(trace=TraceLog())``.

    Args:
        write: is given each record as a line of JSON, such as a file's ``write``; then none is kept.
        limit: how many records are kept, the latest, or written, the first.
    """

    def __init__(self, write: Callable[[str], object] | None = None, *, limit: int = 100_000) -> None:
        self.records: deque[Record] = deque(maxlen=limit)
        self.count: int = 0
        """How many records there were, those included that the limit left out."""
        self.chunks: int = 0
        """How many chunks, or pieces of a body's bytes, were read to their end."""
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
"""What a parser takes as ``trace``."""
