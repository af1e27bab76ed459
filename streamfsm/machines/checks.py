"""Proves properties of a machine without a stream: it has finitely many states and events, so all pairs are tried.

:class:`Table` checks a declaration before anything runs. This module fires every event in every state of the engine
that was built from the table, so it proves what runs. Only how much text a state may hold back cannot be proven like
this: it is declared here, state by state, and tests compare it with running parsers.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple

from streamfsm.errors import IllegalTransition
from streamfsm.limits import Limits
from streamfsm.machines import TOOL_CALL, StateMachine, Table
from streamfsm.machines.proofs import PROOFS, Moves, Proof, edges, reach
from streamfsm.machines.tool_call import MESSAGE, THOUGHTS, Capture


class Hold(NamedTuple):
    """What text a live state may hold back. The most characters are the sum of its bounds.

    A bound is a number of characters, a field of :class:`Limits`, or ``think_tags``: the longest tag's length less one.
    """

    what: str
    bounds: tuple[int | str, ...]


_HALF = 1
_ESCAPE = len(r"\ud83d\ude0")


def channel_holds(*captures: Capture) -> dict[tuple[str, str], Hold]:
    """Return what the states of ``captures`` may hold back."""
    piece = Hold("an unfinished escape or null; half a surrogate pair", (_ESCAPE, _HALF))
    value = Hold("a value that is emitted when it is complete", ("arguments",))
    return {
        (TOOL_CALL.table.name, each.state): value if each.closes and not each.becomes else piece for each in captures
    }


# fmt: off
HOLDS: Mapping[tuple[str, str], Hold] = {
    ("stream",    "silent"):          Hold("nothing: text belongs to the lanes", ()),
    ("stream",    "heard"):           Hold("nothing: text belongs to the lanes", ()),
    ("text",      "awaiting_text"):   Hold("nothing: the first text leaves it", ()),
    ("text",      "undecided"):       Hold("all text so far", ("text",)),
    ("text",      "before_answer"):   Hold("half a surrogate pair, the beginning of a tag", (_HALF, "think_tags")),
    ("text",      "before_thought"):  Hold("half a surrogate pair, the beginning of a tag", (_HALF, "think_tags")),
    ("text",      "interleaved"):     Hold("half a surrogate pair, the beginning of a tag", (_HALF, "think_tags")),
    ("text",      "reasoning"):       Hold("half a surrogate pair, the beginning of a tag", (_HALF, "think_tags")),
    ("text",      "answer"):          Hold("half a surrogate pair", (_HALF,)),
    ("text",      "redacted"):        Hold("half a surrogate pair", (_HALF,)),
    ("tool_call", "awaiting_name"):   Hold("the name; arguments that came before it", ("name", "arguments")),
    ("tool_call", "raw_args"):        Hold("separators and a key; or an unfinished escape", ("arguments",)),
    ("tool_call", "between_members"): Hold("separators and a key", ("arguments",)),
    **channel_holds(THOUGHTS, MESSAGE),
    ("tool_call", "text_input"):      Hold("half a surrogate pair", (_HALF,)),
    ("tool_call", "closed"):          Hold("half a surrogate pair; what may repeat the object", (_HALF, "arguments")),
    ("tool_call", "malformed"):       Hold("half a surrogate pair", (_HALF,)),
    ("tool_call", "spoken_verbatim"): Hold("half a surrogate pair", (_HALF,)),
}
# fmt: on
SEALED_HOLDS = {**HOLDS, ("tool_call", "sealed"): HOLDS["tool_call", "closed"]}
"""The same, with the state of sealed calls."""

MOMENTARY = {
    ("text", "awaiting_text"): "a lane begins with its first text, which leaves that state at once",
    ("text", "undecided"): "the end decides too: all text so far was the answer",
}
"""States in which no stream ends, and why. They accept every ending, because a table requires it of all live states."""


class Finding(NamedTuple):
    """One property of one machine: the evidence for it, and the problems that contradict it."""

    machine: str
    property: str
    evidence: str
    problems: list[str]


def findings(machine: StateMachine, holds: Mapping[tuple[str, str], Hold] = HOLDS) -> Iterator[Finding]:
    """Check every property of ``machine``, whose states may hold back what ``holds`` says.

    A machine without endings is part of another machine, which ends and holds back text for it.
    """
    table = machine.table
    moves = {
        (state.name, event): target
        for state, event in product(table.states, table.events)
        if (target := _fire(machine, state.name, event))
    }
    for name, prove in PROOFS.items():
        if table.endings or name != "ends anywhere":
            yield Finding(table.name, name, *prove(table, moves))
    if table.endings:
        own = {state: hold for (name, state), hold in holds.items() if name == table.name}
        yield Finding(table.name, "bounded hold-back", *_bounded_hold_back(table, moves, own))


class _Lane:
    """Anything with a state."""

    def __init__(self, state: str) -> None:
        self.state = state


def _fire(machine: StateMachine, state: str, event: str) -> str | None:
    lane = _Lane(state)
    try:
        machine.advance(lane, event)
    except IllegalTransition:
        return None
    return lane.state


def _bounded_hold_back(table: Table, moves: Moves, holds: Mapping[str, Hold]) -> Proof:
    """Each live state has a declared bound. States that emit nothing form no cycle, so bounds do not add up."""
    unnamed = [f"{state} has no bound" for state in table.live if state not in holds]
    idle = [f"{state} is not live, but has a bound" for state in holds if state not in table.live]
    known = {*Limits.model_fields, "think_tags"}
    unknown = [
        f"{state} has an unknown bound {bound!r}"
        for state, hold in holds.items()
        for bound in hold.bounds
        if not (isinstance(bound, int) or bound in known)
    ]
    silent = [
        state.name for state in table.states if not state.text and state.name in holds and holds[state.name].bounds
    ]
    told = {cell for cell, row in table.by_cell.items() if row.emits}
    quiet = {cell: target for cell, target in moves.items() if cell not in told}
    ways = {(state, target) for state, target in edges(quiet) if {state, target} <= {*silent}}
    rounds = [
        f"{state} holds text back, emits nothing and leads back to itself"
        for state in silent
        if state in reach([target for source, target in ways if source == state], ways)
    ]
    named = sorted({str(bound) for hold in holds.values() for bound in hold.bounds if isinstance(bound, str)})
    evidence = f"every live state has a bound ({', '.join(named) or 'nothing is held back'})"
    return (
        f"{evidence}; silent, in no cycle: {' → '.join(silent)}" if silent else evidence,
        unnamed + idle + unknown + rounds,
    )
