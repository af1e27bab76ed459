"""The grammar of a protocol that streams events: the legal orders of events, and which parts must have ended when.

It is declared as a table for the stream, and one for each kind of part that begins and ends inside it, such as a text
or a call. The events of the tables are the protocol's own words. A :class:`Reading` runs the tables over any stream of
events: a sink emits no event that its grammar forbids, and ``streamfsm verify`` checks the streams of others by the
same tables.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from streamfsm.machines.declaration import Row, State
from streamfsm.machines.engine import StateMachine
from streamfsm.machines.table import Table

Event: TypeAlias = Any
"""An event as it was sent: a JSON object, or the text ``[DONE]``."""
DONE = "[DONE]"

Key: TypeAlias = tuple[Any, ...]


def table(name: str, states: Mapping[str, str], final: tuple[str, ...], rows: Iterable[Row]) -> Table:
    """Return the table of a kind of part.

    Args:
        name: the name of the kind of part.
        states: each state with the reason for it, the initial state first.
        final: the states that no row leaves.
        rows: the transitions, by the protocol's words. The end of a stream is not an event, because it can come
            anywhere.
    """
    rows = tuple(rows)
    events = tuple(dict.fromkeys(row.event for row in rows))
    return Table(name, tuple(State(state, None, why) for state, why in states.items()), final, rows, events, ())


class Word(NamedTuple):
    """An event of the tables that an event of the stream stands for."""

    word: str
    fields: Mapping[str, Any]
    """The fields of the event: those that it must have, and those that identify the part."""


@dataclass(frozen=True, eq=False)
class Part:
    """One kind of part: its table, and its place among the other parts. A key distinguishes parts of a kind."""

    table: Table
    key: tuple[str, ...] = ()
    """The fields whose values identify the part of an event; they begin with the key of the enclosing part."""
    inside: str | None = None
    """The kind of the enclosing part; ``None``: this is the stream itself."""
    may_speak: tuple[str, ...] = ()
    """The states of the enclosing part in which the events of this part are legal."""
    ends_before: tuple[str, ...] = ()
    """The states that the enclosing part may enter only after this part has ended."""
    ends_in: tuple[str, ...] = ()
    """States, besides the final ones, in which this part has ended."""
    again: bool = False
    """Whether the key of a part that has ended may be used again."""
    counts: bool = False
    """Whether the last field of the key counts the parts: 0, 1, 2, …"""

    @cached_property
    def machine(self) -> StateMachine:
        """The state machine of the table."""
        return StateMachine(self.table)

    def has_ended(self, state: str) -> bool:
        """Whether a part in ``state`` is complete."""
        return state in (*self.table.final, *self.ends_in)


def _by_type(event: Event) -> Iterator[Word]:
    yield Word(event["type"], event)


@dataclass(frozen=True, eq=False)
class Grammar:
    """A protocol: its parts, the stream first, and the required fields of its events."""

    wire: str
    """Its name on the command line."""
    parts: tuple[Part, ...]
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Word → names of the required fields, besides those that identify the part."""
    read: Callable[[Event], Iterable[Word]] = _by_type
    """Returns the words of an event. It may raise ``KeyError`` or ``TypeError`` for anything that is not an event."""
    counter: str | None = None
    """A field that numbers the events consecutively."""

    @cached_property
    def by_word(self) -> Mapping[str, tuple[Part, ...]]:
        """Word → the parts in whose tables it is an event, the outermost first."""
        words = dict.fromkeys(event for part in self.parts for event in part.table.events)
        return {word: tuple(part for part in self.parts if word in part.table.events) for word in words}

    @cached_property
    def by_name(self) -> Mapping[str, Part]:
        """The parts by the names of their tables."""
        return {part.table.name: part for part in self.parts}

    def check(self, events: Iterable[Event]) -> "Violation | None":
        """Return the first violation in a complete stream; ``None``: it is legal."""
        reading = Reading(self)
        for place, event in enumerate(events):
            if found := reading.step(event):
                return found._replace(place=place)
        found = reading.end()
        return found and found._replace(place=None)


_NOT_AN_EVENT = "this is not an event"
_SHOWN = 8  # more would be too many to read


class Violation(NamedTuple):
    """The first event of a stream that its grammar forbids."""

    why: str
    legal: tuple[str, ...]
    """The words that would have been legal instead."""
    word: str | None
    """The event's word; ``None``: the event is not in the grammar."""
    place: int | None = None
    """The number of the event, from 0; ``None``: the stream ended too early."""

    def __str__(self) -> str:
        more = f", and {len(self.legal) - _SHOWN} more" if len(self.legal) > _SHOWN else ""
        return f"{self.why}; legal here: {', '.join(self.legal[:_SHOWN]) or 'nothing'}{more}"


@dataclass(slots=True)
class _Instance:
    part: Part
    key: Key
    state: str

    @property
    def place(self) -> tuple[str, Key]:
        return self.part.table.name, self.key

    @property
    def name(self) -> str:
        return " ".join([self.part.table.name, *(repr(each) for each in self.key)])

    @property
    def said(self) -> str:
        if self.part.inside and self.state == self.part.table.initial:
            return f"the {self.name} has not begun"
        return f"the {self.name} is in state {self.state}"


class Reading:
    """Checks a stream event by event: it has the state of each of the stream's parts."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._stream = _Instance(grammar.parts[0], (), grammar.parts[0].table.initial)
        self._instances = {self._stream.place: self._stream}
        self._open = dict(self._instances)
        """The parts that have not ended."""
        self._numbers: dict[tuple[str, Key], int] = {}
        """The number of parts of each kind in each enclosing part."""
        self._due: int | None = None
        """The number of the next event."""

    def step(self, event: Event) -> Violation | None:
        """Read the next event, and return the violation, if it is one; after a violation, do not use this object."""
        try:
            words = [*self._grammar.read(event)]
        except (AttributeError, KeyError, TypeError) as error:
            missing = f"an event without {error}" if isinstance(error, KeyError) else _NOT_AN_EVENT
            return self._violation(missing, None)
        if not all(isinstance(word, str) for word, _ in words):
            return self._violation(_NOT_AN_EVENT, None)
        for word, fields in words:
            if why := self._take(word, fields):
                return self._violation(why, word)
        number = event.get(self._grammar.counter) if isinstance(event, dict) else None
        if isinstance(number, int):
            due, self._due = self._due, number + 1
            if due not in (None, number):
                return Violation(f"{self._grammar.counter} {number}, where {due} is due", (), words[-1].word)
        return None

    def end(self) -> Violation | None:
        """Read the end of the stream, and return the violation if something is missing."""
        stream = self._stream
        if stream.part.has_ended(stream.state):
            return None
        return self._violation(f"the stream ends while {stream.said}", None)

    def legal(self) -> list[str]:
        """The legal words, with their open part: first those that continue a part, last those that change nothing."""
        going_on: list[str] = []
        idle: list[str] = []
        said: set[str] = set()
        for each in [*self._open.values()][::-1]:  # the stream itself is the last
            for word in each.part.table.events:
                row = each.part.table.by_cell.get((each.state, word))
                if row is None or self._forbids(each.part, each.key) or self._open_before(each, row.target):
                    continue
                if each is not self._stream:
                    going_on.append(f"{word} of {each.name}")
                    said.add(word)
                elif word not in said:
                    (idle if row.target == each.state else going_on).append(word)
        beginning = [
            row.event
            for part in self._grammar.parts[1:]
            if self._has_room(part)
            for row in part.table.rows
            if row.state == part.table.initial and self._grammar.by_word[row.event][0] is part
        ]
        return [*going_on, *beginning, *idle]

    def _has_room(self, part: Part) -> bool:
        """Whether there is an enclosing part in which ``part`` may begin."""
        return any(each.part.table.name == part.inside and each.state in part.may_speak for each in self._open.values())

    def _take(self, word: str, fields: Mapping[str, Any]) -> str | None:
        parts = self._grammar.by_word.get(word)
        if parts is None:
            return f"{word!r} is not an event of {self._grammar.wire}"
        if missing := [name for name in self._grammar.fields.get(word, ()) if name not in fields]:
            return f"{word} without {', '.join(missing)}"
        for part in parts:
            if missing := [name for name in part.key if name not in fields]:
                return f"{word} without {', '.join(missing)}"
            key = tuple([fields[name] for name in part.key])
            if why := self._move(part, key, word):
                return why
        return None

    def _move(self, part: Part, key: Key, word: str) -> str | None:
        place = part.table.name, key
        try:
            instance = self._instances.get(place)
        except TypeError:
            return f"{word} with {', '.join(part.key)} that is neither a name nor a number"
        if instance is None or (part.again and part.has_ended(instance.state)):
            if part.counts and key[-1] != (due := self._numbers.get((place[0], key[:-1]), 0)):
                return f"{word} with {part.key[-1]} {key[-1]!r}, where {due} is due"
            instance = _Instance(part, key, part.table.initial)
        row = part.table.by_cell.get((instance.state, word))
        if row is None:
            return f"{word} while {instance.said}"
        if parent := self._forbids(part, key):
            return f"{word} while {parent.said}"
        if row.target == instance.state:
            return None
        if still := self._open_before(instance, row.target):
            return f"{word} while {still.said}"
        if instance.state == part.table.initial and part.counts:
            self._numbers[place[0], key[:-1]] = key[-1] + 1
        part.machine.advance(instance, word)
        self._instances[place] = instance
        if part.has_ended(instance.state):
            self._open.pop(place, None)
        else:
            self._open[place] = instance
        return None

    def _forbids(self, part: Part, key: Key) -> _Instance | None:
        """Return the enclosing part, if events of ``part`` are illegal in its state."""
        if part.inside is None:
            return None
        outer = self._grammar.by_name[part.inside]
        place = part.inside, key[: len(outer.key)]
        parent = self._instances.get(place) or _Instance(outer, place[1], outer.table.initial)
        return None if parent.state in part.may_speak else parent

    def _open_before(self, instance: _Instance, target: str) -> _Instance | None:
        """Return a part inside ``instance`` that has not ended, and must before ``instance`` enters ``target``."""
        for each in self._open.values():
            lies_in_it = each.part.inside == instance.part.table.name and each.key[: len(instance.key)] == instance.key
            if lies_in_it and target in each.part.ends_before:
                return each
        return None

    def _violation(self, why: str, word: str | None) -> Violation:
        return Violation(why, tuple(self.legal()), word)
