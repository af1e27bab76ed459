"""The grammar of a protocol that streams events: what may follow what, and what must have ended when.

It is a declaration: a table for the stream, and one for each kind of part that begins and ends inside it, such as a
text or a call. The events of the tables are the protocol's own words. A :class:`Reading` runs the tables over a stream
of events, whoever wrote it: a sink lets no event out that its grammar forbids, and ``streamfsm verify`` reads the
streams of others by the same tables.
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
        name: what the part is called.
        states: each state with its *because*, the initial one first.
        final: the states that nothing leaves.
        rows: of which the events are the protocol's words. A stream can break off anywhere, so no ending is an event.
    """
    rows = tuple(rows)
    events = tuple(dict.fromkeys(row.event for row in rows))
    return Table(name, tuple(State(state, None, why) for state, why in states.items()), final, rows, events, ())


class Word(NamedTuple):
    """What an event says, in a word of the tables."""

    word: str
    fields: Mapping[str, Any]
    """Those that the event must have, if it must, and those that tell which part it speaks of."""


@dataclass(frozen=True, eq=False)
class Part:
    """One kind of part: its table, and how it lies in the whole. Parts of a kind are told apart by a key."""

    table: Table
    key: tuple[str, ...] = ()
    """Fields whose values tell which part an event speaks of; they begin with the key of the part that it lies in."""
    inside: str | None = None
    """The kind of part that it lies in; ``None``: it is the stream itself."""
    may_speak: tuple[str, ...] = ()
    """States of the part that it lies in, in which its events are legal."""
    ends_before: tuple[str, ...] = ()
    """States of the part that it lies in, which that one may not enter before this part has ended."""
    ends_in: tuple[str, ...] = ()
    """States in which it has ended, if not only in the final ones."""
    again: bool = False
    """Whether another part may have the key of one that has ended."""
    counts: bool = False
    """Whether the last field of the key counts the parts: 0, 1, 2, …"""

    @cached_property
    def machine(self) -> StateMachine:
        """The table, as what runs."""
        return StateMachine(self.table)

    def has_ended(self, state: str) -> bool:
        """Whether a part in ``state`` needs nothing more."""
        return state in (*self.table.final, *self.ends_in)


def _by_type(event: Event) -> Iterator[Word]:
    yield Word(event["type"], event)


@dataclass(frozen=True, eq=False)
class Grammar:
    """A protocol: its parts, the stream first, and the fields that its events must have."""

    wire: str
    """The name by which the command line knows it."""
    parts: tuple[Part, ...]
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Word → names of the fields that must be there, besides those that tell which part is meant."""
    read: Callable[[Event], Iterable[Word]] = _by_type
    """What an event says. It may raise ``KeyError`` or ``TypeError`` for what is not an event."""
    counter: str | None = None
    """A field that counts the events: each has the number after that of the one before."""

    @cached_property
    def by_word(self) -> Mapping[str, tuple[Part, ...]]:
        """The parts that a word moves, from the outermost."""
        words = dict.fromkeys(event for part in self.parts for event in part.table.events)
        return {word: tuple(part for part in self.parts if word in part.table.events) for word in words}

    @cached_property
    def by_name(self) -> Mapping[str, Part]:
        """The parts by the names of their tables."""
        return {part.table.name: part for part in self.parts}

    def check(self, events: Iterable[Event]) -> "Violation | None":
        """Return the first thing that is wrong with a whole stream; ``None``: it is lawful."""
        reading = Reading(self)
        for place, event in enumerate(events):
            if found := reading.step(event):
                return found._replace(place=place)
        found = reading.end()
        return found and found._replace(place=None)


_NOT_AN_EVENT = "this is not an event"
_SHOWN = 8  # words that a person reads


class Violation(NamedTuple):
    """The first step of a stream that its grammar forbids."""

    why: str
    legal: tuple[str, ...]
    """What would have been legal in its place."""
    word: str | None
    """What the event said, in a word of the grammar; ``None``: it said nothing that the grammar knows."""
    place: int | None = None
    """Number of the event, from 0; ``None``: the stream ended too early."""

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
    """A stream of events as far as it has come: the state of each of its parts."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._stream = _Instance(grammar.parts[0], (), grammar.parts[0].table.initial)
        self._instances = {self._stream.place: self._stream}
        self._open = dict(self._instances)
        """Those that have not ended."""
        self._numbers: dict[tuple[str, Key], int] = {}
        """How many parts of a kind there are in the one that they lie in."""
        self._due: int | None = None
        """The number of the next event."""

    def step(self, event: Event) -> Violation | None:
        """Take the next event; return what is wrong with it. After that the reading is of no use."""
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
        """Take the end of the stream; return what is missing."""
        stream = self._stream
        if stream.part.has_ended(stream.state):
            return None
        return self._violation(f"the stream ends while {stream.said}", None)

    def legal(self) -> list[str]:
        """What may come now: words, and of which open part; first what goes on with one, last what changes nothing."""
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
        """Whether a part in which ``part`` may speak is there."""
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
        """The part that ``part`` lies in, if that is in a state in which ``part`` may not speak."""
        if part.inside is None:
            return None
        outer = self._grammar.by_name[part.inside]
        place = part.inside, key[: len(outer.key)]
        parent = self._instances.get(place) or _Instance(outer, place[1], outer.table.initial)
        return None if parent.state in part.may_speak else parent

    def _open_before(self, instance: _Instance, target: str) -> _Instance | None:
        """A part within ``instance`` that must have ended before it enters ``target``, and has not."""
        for each in self._open.values():
            lies_in_it = each.part.inside == instance.part.table.name and each.key[: len(instance.key)] == instance.key
            if lies_in_it and target in each.part.ends_before:
                return each
        return None

    def _violation(self, why: str, word: str | None) -> Violation:
        return Violation(why, tuple(self.legal()), word)
