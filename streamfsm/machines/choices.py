"""Which choice does an entry of a chunk's `choices` belong to? Its index and the entries before it decide.

Some servers omit the index. Others count tokens with it, so that each token looks like a choice of its own. The first
rule whose evidence fits decides. An entry that may be the next choice or the next token waits until another entry shows
which it is: the indexes of choices come again, and each choice is finished; the indexes of tokens only increase. At
most 16 entries wait. Entries that still wait at the end of the stream are read as one answer if there are several and
only the last has a finish reason; otherwise each entry is a choice. With `Dialect(choice=…)`, nothing waits.

Copilot has sent one answer as two choices: text in the first, calls in the other, a finish reason in either. The
choices stay separate, because their messages are emitted before this is known. But `result.tool_calls` holds the calls,
and they are `ready`, if the first choice has no calls and its finish reason says that it waits for tools, or only the
other choice has such a finish reason.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from streamfsm.machines import rules

TOKENS = 16
"""How many entries may wait. If more choices than that speak before the first one speaks again, they are read as tokens
of one choice."""

Counting: TypeAlias = Literal["maybe", "no", "yes"]
"""Whether the index counts tokens."""


@dataclass(slots=True)
class Entry:
    """The evidence for which choice an entry belongs to: the entry itself, and the entries before it."""

    policy: Literal["auto", "one", "many"]
    """The dialect's policy."""
    index: int | None
    alone: bool
    """Whether it is the only entry of its chunk."""
    speaks: bool
    """Whether its delta has anything besides the role."""
    known: bool
    """Whether a choice with this index has begun."""
    silent: bool
    """Whether that choice has said nothing so far."""
    begun: int
    """The number of choices that have begun."""
    latest: int | None
    """The index of the previous entry."""
    finished: bool
    """Whether the previous entry had a finish reason."""
    waiting: int
    """The number of entries that wait."""
    counting: Counting
    ends: bool = False
    """Whether it has a finish reason."""

    @property
    def goes_on(self) -> bool:
        """Whether the index is one higher than that of the previous entry."""
        return self.index is not None and self.latest is not None and self.index == self.latest + 1

    @property
    def may_count(self) -> bool:
        """Whether all entries so far may be tokens of one answer, and this entry the next token."""
        return (
            (self.policy, self.counting) == ("auto", "maybe")
            and self.goes_on
            and self.alone
            and not self.finished
            and (self.speaks or self.waiting > 0)
        )

    @property
    def may_end(self) -> bool:
        """Whether the entry may finish one answer whose tokens wait: it has the last one's index, and says nothing."""
        last = self.waiting > 0 and self.index == self.latest and not self.finished
        return last and self.counting == "maybe" and self.alone and self.ends and not self.speaks


Owner: TypeAlias = Literal["own", "position", "one", "wait"]
"""The choice at its ``own`` index or its ``position``; the ``one`` that began first; or the entry must ``wait``."""


@dataclass(frozen=True, slots=True)
class Rule(rules.Rule[Entry, Owner]):
    """The first rule that ``fits`` an entry decides which choice it belongs to."""

    counting: Counting | None = None
    """Whether the index counts tokens, if this is known from now on."""


# fmt: off
RULES = (
    Rule("one by policy", "one",
         lambda e: e.policy == "one",
         "the dialect says that there is only one answer"),
    Rule("no index, one choice", "one",
         lambda e: e.index is None and e.alone and e.begun == 1,
         "no index, and only one choice has begun"),
    Rule("no index", "position",
         lambda e: e.index is None,
         "no index: the position in the list is used instead"),
    Rule("next token", "one",
         lambda e: e.counting == "yes" and e.goes_on,
         "the index counts tokens, and this is the next one"),
    Rule("token out of order", "one",
         lambda e: e.counting == "yes",
         "the index has counted tokens, and this is not the next one", records="ambiguous_choice"),
    Rule("known, silent", "own",
         lambda e: e.known and e.silent,
         "the index of a choice that has begun but said nothing yet"),
    Rule("known", "own",
         lambda e: e.known,
         "the index of a choice that has spoken: a token would have the next index", counting="no"),
    Rule("first", "own",
         lambda e: e.latest is None,
         "no choice has begun"),
    Rule("counts", "one",
         lambda e: e.may_count and e.waiting == TOKENS,
         "the index went up by one with each entry, to more choices than anybody requests",
         counting="yes", records="ambiguous_choice"),
    Rule("may count", "wait",
         lambda e: e.may_count,
         "the next index, alone in its chunk, while the choice before it has spoken once and is not finished"),
    Rule("may end", "wait",
         lambda e: e.may_end,
         "only a finish reason, at the index of the last entry that waits"),
    Rule("new", "own",
         lambda _: True,
         "an index that no choice has", counting="no"),
)
# fmt: on


def counted(waiting: int, *, finished: bool) -> bool:
    """Whether the entries that wait at the end of the stream are tokens of one answer; choices would all be finished.

    Args:
        waiting: the number of their indexes. A single one is more likely the second choice of a stream that lost some.
        finished: whether the last of them has a finish reason; none of the others has one.
    """
    return finished and waiting > 1


class Part(NamedTuple):
    """What came in one choice."""

    text: bool
    calls: bool
    waits: bool | None
    """Whether its finish reason says that the model waits for tools; ``None`` without a finish reason."""


def belongs(first: Part, other: Part) -> bool:
    """Whether the calls of the other choice are those that the first choice waits for."""
    return not first.calls and other.calls and not other.text and (first.waits, other.waits) in _ONE_ANSWER


_ONE_ANSWER = ((True, None), (True, True), (None, True))
