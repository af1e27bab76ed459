"""Where each message of a recorded stream came from, and what became of each character.

Cutting a stream differently changes nothing (law 1). So a stream that is cut into single characters gives the same
messages as the recorded one, and each step has exactly one character as its cause. None of this is in the parser, so it
costs nothing unless it is used.

Text in structures, such as parts of content, or names and complete texts in events of the Responses API, is not cut:
its messages can be traced to a chunk, but not to a field.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from streamfsm.core.text import without_surrogates
from streamfsm.machines import ENDINGS, MACHINES, STREAM, TEXT, TOOL_CALL
from streamfsm.machines.checks import HOLDS
from streamfsm.messages import StreamMessage, coalesce
from streamfsm.parser import StreamParser
from streamfsm.trace import HELD, Record, Transition
from streamfsm.wires.chat.chunking import Atom, pack, split

Fate: TypeAlias = Literal["emitted", "structure", "held back"]


class Span(NamedTuple):
    """Neighbouring characters of a field with the same fate: ``text[start:end]``."""

    start: int
    end: int
    fate: Fate
    """``structure``: read, and not emitted, such as punctuation, keys, tags, and members that are only in the result.
    ``held back``: never emitted, because the stream ended first."""
    record: int
    """Sequence of the record that decided it."""


@dataclass(slots=True)
class Field:
    """All text of one field of the wire, in order, and its fate."""

    name: str
    choice: int
    text: str
    cuts: list[tuple[int, int]]
    """The offset at which each chunk's text begins, and the chunk's position."""
    spans: list[Span]
    """Spans in order, without gaps, that cover the text."""


@dataclass(slots=True)
class Provenance:
    """What is known about a recorded stream."""

    messages: list[StreamMessage]
    """The messages of the chunks as they were recorded, including those of the end."""
    given: list[int]
    """The number of messages emitted up to each chunk, and, last, up to the end."""
    records: list[Record]
    fields: list[Field]
    exact: bool
    """Whether the stream that was cut into characters gave the same messages, as law 1 says. It does not if each chunk
    repeats all text so far, and a policy says so."""


Make: TypeAlias = Callable[..., StreamParser]
"""Makes a parser, given ``trace``, a list: ``functools.partial(StreamParser, message_id=…)``."""


def ended(parser: StreamParser, breaks: str | None) -> list[StreamMessage]:
    """End a recorded stream; ``breaks`` is why its body breaks off, ``None`` if it does not. Return the messages."""
    return parser.close() if breaks is None else parser.fail(breaks)


def provenance(chunks: Sequence[Any], make: Make, breaks: str | None = None) -> Provenance:
    """Read recorded chunks as they are, and again one character at a time.

    Args:
        chunks: the wire's objects.
        make: creates a new parser; it is called twice, and the messages of both parsers must have the same ids.
        breaks: why the body breaks off after the chunks, which fails the stream; ``None``: it does not.
    """
    parser = make(trace=None)
    messages: list[StreamMessage] = []
    given: list[int] = []
    for chunk in chunks:
        messages += parser.feed(chunk)
        given.append(len(messages))
    messages += ended(parser, breaks)
    reading = _Reading(make)
    for number, chunk in enumerate(chunks):
        reading.chunk(number, chunk)
    reading.end(len(chunks), breaks)
    exact = _said(messages) == _said(reading.messages)
    return Provenance(messages, [*given, len(messages)], reading.records, reading.fields(), exact)


def _said(messages: Iterable[StreamMessage]) -> list[dict[str, Any]]:
    return [message.model_dump(exclude={"date"}) for message in coalesce(messages)]


@dataclass(slots=True)
class _Source:
    """A field while it is being read."""

    place: int
    name: str
    choice: int
    is_event: bool
    """Whether it is the text of events of the Responses API, which do not name a lane."""
    text: list[str] = field(default_factory=list)
    length: int = 0
    cuts: list[tuple[int, int]] = field(default_factory=list)
    settled: int = 0
    """Characters whose fate is known; the others are pending."""
    pending: str = ""
    spans: list[Span] = field(default_factory=list)

    def come(self, text: str, chunk: int) -> None:
        if not self.cuts or self.cuts[-1][1] != chunk:
            self.cuts.append((self.length, chunk))
        self.text.append(text)
        self.length += len(text)
        self.pending += text

    def holds(self, text: str) -> bool:
        """Whether the pending characters end with those that became ``text``."""
        return any(way(self.pending).endswith(text) for way in (without_surrogates, _leniently))

    def settle(self, count: int, fate: Fate, record: int) -> None:
        """Decide the fate of the first ``count`` pending characters."""
        if count < 1:
            return
        start, self.settled = self.settled, self.settled + count
        self.pending = self.pending[count:]
        last = self.spans[-1] if self.spans else None
        if last and last.fate == fate and last.record == record:
            self.spans[-1] = last._replace(end=self.settled)
        else:
            self.spans.append(Span(start, self.settled, fate, record))


class _Reading:
    """Reads a stream one character at a time."""

    def __init__(self, make: Make) -> None:
        self._steps: list[Transition] = []
        self._parser = make(trace=self._steps)
        self._sources: dict[tuple[Any, ...], _Source] = {}
        self._by_lane: dict[tuple[int, str, bool], _Source] = {}
        """Choice, lane, and whether it is a call's name → the field that the lane reads."""
        self._latest: dict[tuple[Any, ...], _Source] = {}
        """For calls: kind, choice and wire index → the latest field."""
        self._states: dict[int, tuple[str, str, str]] = {}
        """Field → the machine, lane and state that read it."""
        self._because = _because()
        self.messages: list[StreamMessage] = []
        self.records: list[Record] = []

    def chunk(self, number: int, chunk: Any) -> None:
        """Read a chunk."""
        for atom in split([chunk]):
            source: _Source | None = None
            calls = self._calls(atom)
            # A name is never cut, because a server may repeat all of it.
            for piece in [atom] if atom.kind == "name" or not atom.text else atom.pieces([1] * len(atom.text)):
                messages = self._parser.feed(pack([piece])[0])
                if piece.text:
                    source = source or self._source(atom, calls)
                    source.come(piece.text, number)
                self._take(number, messages, source)
        self._note_what_is_held(number)

    def end(self, number: int, breaks: str | None) -> None:
        """End the stream."""
        self._take(number, ended(self._parser, breaks), None)
        for source in self._sources.values():
            source.settle(len(source.pending), "held back", len(self.records) - 1)

    def fields(self) -> list[Field]:
        """Return all fields, with the fate of their characters."""
        return [
            Field(each.name, each.choice, "".join(each.text), each.cuts, each.spans) for each in self._sources.values()
        ]

    # -- finding the field ------------------------------------------------------------------------------------------

    def _calls(self, atom: Atom) -> dict[tuple[int, int], tuple[int, int]]:
        """Return the lengths of each call's name and arguments, if the atom may belong to any call."""
        if atom.kind not in ("name", "arguments"):
            return {}
        return {
            (choice.index, at): (len(call.name or ""), len(call.arguments))
            for choice in self._parser.result.choices
            for at, call in enumerate(choice.tool_calls)
        }

    def _source(self, atom: Atom, before: dict[tuple[int, int], tuple[int, int]]) -> _Source:
        """Return the field of an atom whose first piece has just been fed. For a call, it is the one that grew."""
        key: tuple[Any, ...] = (atom.kind, atom.choice)
        lane, choice, name = atom.kind, atom.choice or 0, atom.kind
        if atom.kind == "delta":
            key = (
                atom.kind,
                *(f"{atom.chunk.get(part)}" for part in ("type", "item_id", "output_index", "content_index")),
            )
            name = " ".join(key[1:])
        elif atom.kind in ("name", "arguments"):
            grown = [cell for cell, lengths in self._calls(atom).items() if before.get(cell) != lengths]
            index = (*key, atom.call.get("index"))
            if not grown and index in self._latest:  # it is held back, because it may be a repetition
                return self._latest[index]
            key = (*key, *(grown[0] if grown else (atom.call.get("index"), "none")))
            if grown:
                choice, at = grown[0]
                lane, name = f"call {at}", f"call {at} {atom.kind}"
        if key not in self._sources:
            place = len(self._sources)
            self._sources[key] = _Source(place, name, choice, atom.kind == "delta")
            if atom.kind == "name":
                self._states[place] = (TOOL_CALL.table.name, lane, _NAMELESS)
            self._by_lane.setdefault((choice, lane, atom.kind == "name"), self._sources[key])
        self._latest[atom.kind, atom.choice, atom.call.get("index")] = self._sources[key]
        return self._sources[key]

    # -- finding the fate -------------------------------------------------------------------------------------------

    def _take(self, number: int, messages: list[StreamMessage], current: _Source | None) -> None:
        """Record the steps and messages of a piece of ``current``."""
        self.messages += messages
        said = {message.seq_id: message for message in messages}
        steps, self._steps[:] = [*self._steps], []
        turns: dict[int, list[tuple[int, str]]] = {}  # by field: records, and what they emitted
        for step in steps:
            message = None if step.seq_id is None else said[step.seq_id]
            if message and not message.FIELD:  # an announcement, without text from the wire
                self._record(number, step, message, None)
                continue
            source = self._reads(step, current)
            if source and source is not current and source.is_event and message and not source.holds(message.text):
                source = None  # from an event whose text is not cut, such as one that repeats all text
            record = self._record(number, step, message, source)
            if source:
                self._states[source.place] = (step.machine, step.lane, step.target)
                turns.setdefault(source.place, []).append((record, message.text if message else ""))
        for place, turn in turns.items():
            self._settle([*self._sources.values()][place], turn)

    def _reads(self, step: Transition, current: _Source | None) -> _Source | None:
        """Return the field that a step's lane reads."""
        if current and step.lane == current.name:  # a text field; the choice may have been guessed
            return current
        key = (step.choice, step.lane, step.state == _NAMELESS)
        if current and current.is_event and step.machine != _STREAM and not key[-1]:
            self._by_lane[key] = current  # the first character shows which event's text a lane reads
        return self._by_lane.get(key)

    def _settle(self, source: _Source, turn: list[tuple[int, str]]) -> None:
        """Decide the fate of pending characters, from the last step to the first, because each took the latest ones."""
        if all(not text for _, text in turn):
            last = self.records[turn[-1][0]]
            if last.state != TEXT.table.initial:  # text itself leaves the initial state
                fate: Fate = "held back" if last.event in ENDINGS else "structure"
                # A number ends with the next character, which may belong to something that continues.
                waits = last.event == "value_closed" and not source.pending.endswith('"')
                source.settle(len(source.pending) - waits, fate, last.sequence)
            return
        ends = len(source.pending)
        found: list[tuple[int, Fate, int]] = []
        for at, (record, text) in reversed([*enumerate(turn)]):
            if text:
                start, end = _place(source.pending[:ends], text)
                if found or at + 1 < len(turn):  # otherwise, the rest is still held back
                    found.append((ends - end, "structure", record))
                found.append((end - start, "emitted", record))
                ends = start
        found.append((ends, "structure", turn[0][0]))
        for count, what, record in reversed(found):
            source.settle(count, what, record)

    def _record(self, number: int, step: Transition, message: StreamMessage | None, source: _Source | None) -> int:
        """Add a record, or extend the previous one, and return its sequence."""
        kind, text = (message.message_type, message.text) if message else (None, "")
        field, offset = (source.place, source.length) if source else (None, 0)
        last = self.records[-1] if self.records else None
        same = (number, field, *step[:-1], kind)
        if last and step.event == "text" and same == (last.chunk, last.field, *last[4:10], last.message_type):
            self.records[-1] = last._replace(offset=offset, text=last.text + text)
            return last.sequence
        because = self._because.get((step.machine, step.state, step.event), "")
        self.records.append(Record(len(self.records), number, field, offset, *step[:-1], because, kind, text))
        return len(self.records) - 1

    def _note_what_is_held(self, number: int) -> None:
        for source in self._sources.values():
            machine, lane, state = self._states.get(source.place, ("", "", ""))
            hold = HOLDS.get((machine, state))
            if source.pending and hold and hold.bounds:
                where = (source.choice, lane, state, HELD, state, hold.what)
                record = (len(self.records), number, source.place, source.length, machine, *where, None, source.pending)
                self.records.append(Record(*record))


_STREAM = STREAM.table.name
_NAMELESS = TOOL_CALL.table.initial


def _because() -> dict[tuple[str, str, str], str]:
    """Return machine, state and event → the reason in the table."""
    tables = [machine.table for machine in MACHINES]
    texts = {(table.name, state.name, "text"): state.because for table in tables for state in table.states}
    return {**texts, **{(table.name, *cell): row.because for table in tables for cell, row in table.by_cell.items()}}


def _place(pending: str, text: str) -> tuple[int, int]:
    """Return the place in ``pending`` of the characters that became ``text``, verbatim or as a JSON string.

    The place is at the beginning, if the text continues earlier text and more may still be held back; otherwise at the
    end, after structure. It is all of ``pending`` if the text began in a chunk that was read as an event.
    """
    if len(text) > _DECODED or not _UNSURE.search(pending):
        return (
            (0, len(text))
            if without_surrogates(pending[: len(text)]) == text
            else (len(pending) - len(text), len(pending))
        )
    longest = min(len(pending), _ESCAPED * len(text))
    spans = [(0, end) for end in range(1, longest + 1)]
    spans += [(start, len(pending)) for start in range(len(pending) - 1, len(pending) - longest - 1, -1)]
    ways = (_decoded, without_surrogates, _leniently)
    found = (span for reads in ways for span in spans if reads(pending[slice(*span)]) == text)
    return next(found, (0, len(pending)))


_UNSURE = re.compile(r"[\\\ud800-\udfff]")  # escapes and lone surrogates
_DECODED = 64  # decoded texts come a few characters at a time; a key is not decoded, and may be longer
_ESCAPED = len(r"\ud83d\ude00")  # the most characters that become one


def says(part: str, text: str) -> bool:
    """Whether a part of a field is ``text``, verbatim or as a JSON string. Lone surrogates count as U+FFFD."""
    return text in (without_surrogates(part), _leniently(part))


def _decoded(text: str) -> str | None:
    try:
        return without_surrogates(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return None


def _leniently(text: str) -> str:
    """Return the decoded text; invalid escapes are left unchanged."""
    units = _ESCAPE.sub(lambda escape: json.loads(f'"{escape[0]}"'), text).encode("utf-16-le", "surrogatepass")
    return units.decode("utf-16-le", "replace")


_ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])')
