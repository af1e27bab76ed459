"""Which call does an entry of a tool-call list belong to? The entry's id, index and name and the calls so far decide.

Servers give calls an index, an id, both or neither; they repeat them, change them, or use one for all calls. The first
rule whose evidence fits decides. A rule with an anomaly is a guess, or shows a contradiction on the wire. After some
kinds of anomalies no call without arguments is ready. Where the evidence says "another call, if its arguments differ"
and they do not differ, the call may be a repetition: it is not ready, and no anomaly is recorded.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from streamfsm.machines import rules

_PLACEHOLDERS = frozenset({"", "null", "none", "nil", "undefined"})


def is_placeholder(text: str) -> bool:
    """Whether an id or a name is a placeholder: white space, or a programming language's word for nothing."""
    return text.strip().casefold() in _PLACEHOLDERS


class Call(Protocol):
    """What the rules need to know about a call that has begun."""

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
        """Whether its arguments are structurally complete."""

    @property
    def is_open(self) -> bool:
        """Whether arguments have arrived and more may follow."""

    @property
    def is_empty(self) -> bool:
        """Whether it has no arguments so far, or only an object without members."""


@dataclass(slots=True)
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
    """The latest call at this index; without an index, the same as ``latest``."""
    own: Call | None
    """The call with this id, at this index if both have one."""
    elsewhere: Call | None
    """The latest call with this id at another index."""
    latest: Call | None
    """The call that the previous entry belonged to."""
    before: Call | None
    """The call that began before ``latest``."""
    shared: bool = False
    """Whether the id is that of several calls."""

    @property
    def names_another(self) -> bool:
        """Whether the name differs from that of the call here, and the latter is not this name repeated."""
        if not (self.name and self.here):
            return False
        known = self.here.name
        return known != self.name * max(len(known) // len(self.name), 1)


Owner: TypeAlias = Literal["here", "own", "elsewhere", "latest", "new"]
"""Which call of the claim the entry continues; ``new``: it begins a call."""


@dataclass(frozen=True, slots=True)
class Rule(rules.Rule[Claim, Owner]):
    """The first rule that ``fits`` a claim decides which call the entry belongs to."""

    repeats: bool = False
    """Whether the call that the entry begins may repeat the call here."""


# fmt: off
RULES = (
    Rule("message after deltas, same id", "own",
         lambda c: c.cumulative and c.index is None and c.own,
         "a message that repeats what deltas said, and the id of a call that they began"),
    Rule("message after deltas, other id", "here",
         lambda c: c.cumulative and c.index is None and c.here and c.id and c.here.id,
         "a message that repeats what deltas said, in order, but with an id that no call has", "changed_id"),
    Rule("message after deltas", "here",
         lambda c: c.cumulative and c.index is None and c.here,
         "a message that repeats what deltas said, in order"),
    Rule("same id, other name, no members", "new",
         lambda c: c.own and c.own.closed and c.own.is_empty and c.name and c.name != c.own.name,
         "the call with this id has an empty object and another name: one name in pieces, or two calls",
         "ambiguous_call", doubts=True),
    Rule("same id, other name, closed", "new",
         lambda c: c.own and c.own.closed and c.name and c.name != c.own.name,
         "the call with this id is complete and has another name: one id for two calls", "duplicate_id"),
    Rule("same id, several calls", "own",
         lambda c: c.own and c.shared and c.index is None,
         "no index, and several calls have this id: it may belong to any of them", "ambiguous_call", doubts=True),
    Rule("same id", "own",
         lambda c: c.own,
         "the id and the index, if any, are those of a call that has begun"),
    Rule("id of another call", "here",
         lambda c: c.elsewhere and c.index is not None and c.here and not c.here.closed and not c.name,
         "the id is that of another call, but the call at this index is incomplete: it may belong to either",
         "changed_id", doubts=True),
    Rule("id at another index, open", "elsewhere",
         lambda c: c.elsewhere and not c.name and not c.elsewhere.closed,
         "the id is that of an incomplete call, and the entry has no name"),
    Rule("id at another index, same name, open", "elsewhere",
         lambda c: c.elsewhere and c.name == c.elsewhere.name and c.elsewhere.is_open,
         "the id and the name are those of a call with incomplete arguments, but the index is new: one call or two",
         "ambiguous_call", doubts=True),
    Rule("id at another index", "new",
         lambda c: c.elsewhere,
         "the id is taken, but the index is that of another call: one id for two calls", "duplicate_id",
         repeats=True),
    Rule("late id, another waits", "here",
         lambda c: c.id and c.here and c.here.id is None and c.index is None and not (c.name or c.here.size)
         and c.before and not c.before.size,
         "the call here has no id yet, but there is no index, and two calls have no arguments: it may belong to either",
         "ambiguous_call", doubts=True),
    Rule("late id", "here",
         lambda c: c.id and c.here and c.here.id is None and not (c.name and c.here.name),
         "the call here has no id yet, and the entry does not begin a name"),
    Rule("changed id", "here",
         lambda c: c.id and c.here and c.index is not None and not c.here.closed and not c.name,
         "the call at this index is incomplete, and the entry has no name: the call's id has changed", "changed_id"),
    Rule("new id, same name, open", "new",
         lambda c: c.id and c.here and c.here.size and not c.here.closed and c.name == c.here.name,
         "another id, but the name of the call here, whose arguments are incomplete: one call or two",
         "ambiguous_call", doubts=True),
    Rule("new id, nothing fed", "new",
         lambda c: c.id and c.here and c.index is not None and c.here.name and not c.here.size and c.names_another,
         "another id and name, and the call at this index has no arguments: one name in pieces, or two calls",
         "ambiguous_call", doubts=True),
    Rule("new id, same name, nothing fed", "new",
         lambda c: c.id and c.here and c.here.name and c.name == c.here.name and c.here.is_empty,
         "another id, but the name of the call here, which has no arguments yet: one call or two",
         "ambiguous_call", repeats=True),
    Rule("new id, same name, closed", "new",
         lambda c: c.id and c.here and c.here.closed and c.name == c.here.name,
         "another id, but the name of the call here, whose JSON is complete: another call, if its arguments differ",
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
         "no id, a new index, but the name of the call before it, whose arguments are incomplete",
         "ambiguous_call", doubts=True),
    Rule("new index, same name, closed", "new",
         lambda c: c.here is None and c.name and c.latest and c.name == c.latest.name and c.latest.closed
         and not c.cumulative,
         "no id, a new index, the name of the complete call before it: another call, if its arguments differ",
         repeats=True),
    Rule("first here", "new",
         lambda c: c.here is None,
         "no id, and no call at this index, or no call at all"),
    Rule("cumulative message", "here",
         lambda c: c.cumulative,
         "no id; a cumulative message repeats its calls in order"),
    Rule("new name", "new",
         lambda c: c.here and c.names_another and c.here.named and not c.here.is_empty,
         "no id, and another name than that of the call here, which is complete"),
    Rule("new name, nothing fed", "new",
         lambda c: c.here and c.names_another and c.here.named,
         "no id, and another name than that of the call here, which has no arguments or an empty object",
         "ambiguous_call", doubts=True),
    Rule("same name, closed", "new",
         lambda c: c.here and c.name and c.here.named and c.here.closed,
         "no id, the name of the call here, and its JSON is complete", "ambiguous_call", repeats=True),
    Rule("same name, open", "here",
         lambda c: c.here and c.name and c.here.named,
         "no id, the name of the call here again, and its JSON is open"),
    Rule("other entry, same name", "new",
         lambda c: c.here and c.name and c.name == c.here.name and c.here.id is None and c.index is None and c.entry,
         "no id, no index, and the name of the call in an earlier entry: another call, if its arguments differ",
         repeats=True),
    Rule("other entry", "new",
         lambda c: c.here and c.name and c.here.name and c.here.id is None and c.index is None and c.entry,
         "no id, no index, a name, and the call began in an earlier entry"),
    Rule("more name, no id", "here",
         lambda c: c.here and c.name and c.here.name and c.here.id is None,
         "neither has an id, and no arguments came between the two names: one name in pieces", "ambiguous_call",
         doubts=True),
    Rule("more, another waits", "here",
         lambda c: c.here and c.index is None and not c.here.size and c.before and not c.before.size,
         "no id, no index, no name, and two calls have no arguments: it may belong to either", "ambiguous_call",
         doubts=True),
    Rule("more", "here",
         lambda c: c.here,
         "no id, no new name: it continues the latest call here"),
)
# fmt: on
