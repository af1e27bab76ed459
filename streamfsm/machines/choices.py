"""Which of our choices does an entry of a chunk's `choices` speak for? Decided from its index and from those before it.

Servers leave the index out, or count tokens with it, each of which then looks like a choice of its own. The rules below
are tried in order, each with the evidence that decides. An entry that may be the next choice or the next token waits,
until another entry shows which: choices come again, and each is finished; tokens only ever go on. At most 16 entries
wait. What waits at the end of the stream is read as one answer if there is more than one entry and only the last has a
finish reason; else each entry is a choice. `Dialect(choice=…)` says which, and then nothing waits.

Copilot has sent one answer as two choices: text in the first, calls in the other, a finish reason in either. The
choices stay apart, because their messages were given before that shows; but `result.tool_calls` holds the calls, and
they are `ready`, if the first choice has no calls and says that it waits for its tools, or leaves it to the other to
say so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from streamfsm.result import AnomalyKind

TOKENS = 16
"""Entries that wait at most. More choices than that, of which each speaks before the first speaks again, are taken for
the tokens of one."""

Counting: TypeAlias = Literal["maybe", "no", "yes"]
"""Whether the index counts tokens."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry says of which choice it speaks for, beside those before it."""

    policy: Literal["auto", "one", "many"]
    """The dialect's."""
    index: int | None
    alone: bool
    """Whether its chunk holds no other entry."""
    speaks: bool
    """Whether it says anything but the role."""
    known: bool
    """Whether a choice with this index has begun."""
    silent: bool
    """Whether that choice has said nothing so far."""
    begun: int
    """How many choices have."""
    latest: int | None
    """The index of the entry before it."""
    finished: bool
    """Whether that entry had a finish reason."""
    waiting: int
    """How many entries wait."""
    counting: Counting

    @property
    def goes_on(self) -> bool:
        """Whether the index is one higher than that of the entry before."""
        return self.index is not None and self.latest is not None and self.index == self.latest + 1

    @property
    def may_count(self) -> bool:
        """Whether all entries so far may be tokens of one answer, of which this is the next."""
        return (
            (self.policy, self.counting) == ("auto", "maybe")
            and self.goes_on
            and self.alone
            and not self.finished
            and (self.speaks or self.waiting > 0)
        )


Owner: TypeAlias = Literal["own", "position", "one", "wait"]


class Rule(NamedTuple):
    """One way to decide: the first rule that ``fits`` an entry says which choice it speaks for."""

    name: str
    owner: Owner
    """The choice of its ``own`` index, or of its ``position``; the ``one`` that began first; or it has to ``wait``."""
    fits: Callable[[Entry], object]
    because: str
    counting: Counting | None = None
    """What is known from now on of whether the index counts tokens."""
    records: AnomalyKind | None = None
    """What is recorded where the rule decides."""


# fmt: off
RULES = (
    Rule("one by policy", "one",
         lambda e: e.policy == "one",
         "the dialect says that there is one answer"),
    Rule("no index, one choice", "one",
         lambda e: e.index is None and e.alone and e.begun == 1,
         "no index, and only one choice has begun"),
    Rule("no index", "position",
         lambda e: e.index is None,
         "no index: the position in the list stands for it"),
    Rule("next token", "one",
         lambda e: e.counting == "yes" and e.goes_on,
         "the index counts tokens, and this is the next"),
    Rule("token out of order", "one",
         lambda e: e.counting == "yes",
         "the index counted tokens so far, and now it does not", records="ambiguous_choice"),
    Rule("known, silent", "own",
         lambda e: e.known and e.silent,
         "the index of a choice that has begun, and has said nothing yet"),
    Rule("known", "own",
         lambda e: e.known,
         "the index of a choice that has spoken: a token would have the next", counting="no"),
    Rule("first", "own",
         lambda e: e.latest is None,
         "no choice has begun"),
    Rule("counts", "one",
         lambda e: e.may_count and e.waiting == TOKENS,
         "the index went up by one with each entry, to more choices than anybody asks for",
         counting="yes", records="ambiguous_choice"),
    Rule("may count", "wait",
         lambda e: e.may_count,
         "the next index, alone in its chunk, while the choice before it spoke once and is not finished"),
    Rule("new", "own",
         lambda _: True,
         "an index that no choice has", counting="no"),
)
# fmt: on


def counted(waiting: int, *, finished: bool) -> bool:
    """Whether the entries that wait at the end of the stream are tokens of one answer: choices would all be finished.

    Args:
        waiting: how many there are. A single one is more likely the second choice of a stream that lost something.
        finished: whether the last of them has a finish reason, which none of the others has.
    """
    return finished and waiting > 1


class Part(NamedTuple):
    """What came of one choice."""

    text: bool
    calls: bool
    waits: bool | None
    """Whether its finish reason says that the model waits for its tools; ``None`` without one."""


def belongs(first: Part, other: Part) -> bool:
    """Whether the calls of another choice are those that the first one waits for."""
    return not first.calls and other.calls and not other.text and (first.waits, other.waits) in _ONE_ANSWER


_ONE_ANSWER = ((True, None), (True, True), (None, True))
