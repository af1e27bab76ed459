"""Which call does an entry of a tool-call list belong to? What the entry claims and the calls so far decide.

Servers give calls an index, an id, both or neither, repeat them, change them, or use one for all. The rules below are
tried in order, each with the evidence that decides. A rule with ``records`` is a guess, or a contradiction on the wire:
an anomaly is recorded, and after some kinds of anomalies no call without arguments is ready.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias

from streamfsm.result import AnomalyKind

_PLACEHOLDERS = frozenset({"", "null", "none", "nil", "undefined"})


def is_placeholder(text: str) -> bool:
    """Whether an id or a name is a placeholder: white space, or a programming language's word for nothing."""
    return text.strip().casefold() in _PLACEHOLDERS


class Call(Protocol):
    """What the rules need to know about a call that has started."""

    @property
    def id(self) -> str | None:
        """Its id, if it has one yet."""

    @property
    def name(self) -> str:
        """Its name so far."""

    @property
    def size(self) -> int:
        """Characters of its arguments so far."""

    @property
    def named(self) -> bool:
        """Whether its name is complete."""

    @property
    def closed(self) -> bool:
        """Whether its arguments are structurally whole."""

    @property
    def is_open(self) -> bool:
        """Whether arguments have come, and more may follow."""

    @property
    def is_empty(self) -> bool:
        """Whether it has no arguments so far, or only an object without members."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The identity that an entry claims, and the calls that it may belong to."""

    index: int | None
    id: str
    name: str
    entry: int
    """Position in the delta's list."""
    cumulative: bool
    """Whether the entry is part of a cumulative message."""
    here: Call | None
    """The call at this index that was fed last; without an index, the call that was fed last."""
    own: Call | None
    """The call that has this id, at this index if both have one."""
    elsewhere: Call | None
    """The latest call that has this id, at another index."""
    latest: Call | None
    """The call that was fed last, at any index."""
    before: Call | None
    """The call that started before that one."""

    @property
    def names_another(self) -> bool:
        """Whether the name is not that of the call here, also where that came more than once and was joined."""
        if not (self.name and self.here):
            return False
        known = self.here.name
        return known != self.name * max(len(known) // len(self.name), 1)


Owner: TypeAlias = Literal["here", "own", "elsewhere", "latest", "new"]


class Rule(NamedTuple):
    """One way to decide: the first rule that ``fits`` a claim says which call the entry belongs to."""

    name: str
    owner: Owner
    """The call of the claim that the entry continues; ``new``: the entry starts a call."""
    fits: Callable[[Claim], object]
    because: str
    records: AnomalyKind | None = None
    """What is recorded where the rule decides."""
    doubts: bool = False
    """Whether the entry's call is in doubt, and so never ready."""
    repeats: bool = False
    """Whether the call that the entry starts may repeat the call here."""


# fmt: off
RULES = (
    Rule("same id, other name, no members", "new",
         lambda c: c.own and c.own.closed and c.own.is_empty and c.name and c.name != c.own.name,
         "the call with this id has an empty object, and the name is another: one name in pieces or two calls",
         "ambiguous_call", doubts=True),
    Rule("same id, other name, closed", "new",
         lambda c: c.own and c.own.closed and c.name and c.name != c.own.name,
         "the call with this id is whole, and the name is another: one id for two calls", "duplicate_id"),
    Rule("same id", "own",
         lambda c: c.own,
         "the id and the index, if any, are those of a call that has started"),
    Rule("id at another index, open", "elsewhere",
         lambda c: c.elsewhere and not c.name and not c.elsewhere.closed,
         "the id is that of a call which is not whole, and the entry has no name"),
    Rule("id at another index, same name, open", "elsewhere",
         lambda c: c.elsewhere and c.name == c.elsewhere.name and c.elsewhere.is_open,
         "id and name are those of a call whose arguments are not whole"),
    Rule("id at another index", "new",
         lambda c: c.elsewhere,
         "the id is taken, but the index says that it is another call: one id for two calls", "duplicate_id",
         repeats=True),
    Rule("late id", "here",
         lambda c: c.id and c.here and c.here.id is None and not (c.name and c.here.name),
         "the call here has no id yet, and the entry starts no name"),
    Rule("changed id", "here",
         lambda c: c.id and c.here and c.index is not None and not c.here.closed and not c.name,
         "the call at this index is not whole, and the entry has no name: its id has changed", "changed_id"),
    Rule("new id, same name, open", "new",
         lambda c: c.id and c.here and c.here.size and not c.here.closed and c.name == c.here.name,
         "another id, but the name of the call here, whose arguments are not whole: one call or two",
         "ambiguous_call", doubts=True),
    Rule("new id, nothing fed", "new",
         lambda c: c.id and c.here and c.index is not None and c.here.name and not c.here.size and c.names_another,
         "another id and name, and the call at this index has no arguments: one name in pieces or two calls",
         "ambiguous_call", doubts=True),
    Rule("new id, same name, nothing fed", "new",
         lambda c: c.id and c.here and c.here.name and c.name == c.here.name and c.here.is_empty,
         "another id, but the name of the call here, which has no arguments yet: one call or two",
         "ambiguous_call", repeats=True),
    Rule("new id, same name, closed", "new",
         lambda c: c.id and c.here and c.here.closed and c.name == c.here.name,
         "another id, but the name of the call here, which is whole: another call, if it says something else",
         repeats=True),
    Rule("new id", "new",
         lambda c: c.id,
         "an id that no call has"),
    Rule("new index, same name, nothing fed", "new",
         lambda c: c.here is None and c.name and c.latest and c.name == c.latest.name and not c.latest.size,
         "no id, a new index, but the name of the call before it, which has no arguments: one call or two",
         "ambiguous_call"),
    Rule("new index, same name, open", "latest",
         lambda c: c.here is None and c.name and c.latest and c.name == c.latest.name and c.latest.is_open,
         "no id, a new index, but the name of the call before it, whose arguments are not whole",
         "ambiguous_call", doubts=True),
    Rule("new index, same name, closed", "new",
         lambda c: c.here is None and c.name and c.latest and c.name == c.latest.name and c.latest.closed
         and not c.cumulative,
         "no id, a new index, the name of the whole call before it: another call, if it says something else",
         repeats=True),
    Rule("first here", "new",
         lambda c: c.here is None,
         "no id, and no call at this index, or none at all"),
    Rule("cumulative message", "here",
         lambda c: c.cumulative,
         "no id; a cumulative message repeats its calls in order"),
    Rule("new name", "new",
         lambda c: c.here and c.names_another and c.here.named and not c.here.is_empty,
         "no id, and not the name of the call, whose name is complete"),
    Rule("new name, nothing fed", "new",
         lambda c: c.here and c.names_another and c.here.named,
         "no id, and not the name of the call, which has no arguments yet, or an empty object", "ambiguous_call",
         doubts=True),
    Rule("same name, closed", "new",
         lambda c: c.here and c.name and c.here.named and c.here.closed,
         "no id, the call's own name, and the call's JSON is whole", "ambiguous_call", repeats=True),
    Rule("same name, open", "here",
         lambda c: c.here and c.name and c.here.named,
         "no id, the call's own name again, and its JSON is open"),
    Rule("other entry, same name", "new",
         lambda c: c.here and c.name and c.name == c.here.name and c.here.id is None and c.index is None and c.entry,
         "no id, no index, and the name of the call in an entry before it: another call, if it says something else",
         repeats=True),
    Rule("other entry", "new",
         lambda c: c.here and c.name and c.here.name and c.here.id is None and c.index is None and c.entry,
         "no id, no index, a name, and the call began in an entry before it"),
    Rule("more name, no id", "here",
         lambda c: c.here and c.name and c.here.name and c.here.id is None,
         "no id on either, and no arguments between two names: one name in pieces", "ambiguous_call", doubts=True),
    Rule("more, another waits", "here",
         lambda c: c.here and c.index is None and not c.here.size and c.before and not c.before.size,
         "no id, no index, no name, and two calls have no arguments: it may belong to either", "ambiguous_call",
         doubts=True),
    Rule("more", "here",
         lambda c: c.here,
         "no id, no new name: it continues the call here that was fed last"),
)
# fmt: on
