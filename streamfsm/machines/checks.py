"""What can be proven of a machine without a stream: all that it can do is finite, so it is tried.

:class:`Table` checks a declaration before anything runs. This fires every event in every state of the engine that was
built from it, so what is proven is proven of what runs. The one property that firing does not show is how much text a
state may hold back: that is declared here, state by state, and held against parsers at work by the tests.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import NamedTuple, TypeAlias

from streamfsm.errors import IllegalTransition
from streamfsm.limits import Limits
from streamfsm.machines import ENDINGS, StateMachine


class Hold(NamedTuple):
    """What text a live state may hold back, and how much at most: the sum of its bounds.

    A bound is a number of characters, a field of :class:`Limits`, or ``think_tags``: the longest tag but one.
    """

    what: str
    bounds: tuple[int | str, ...]


_HALF = 1
_ESCAPE = len(r"\ud83d\ude0")

# fmt: off
HOLDS: Mapping[tuple[str, str], Hold] = {
    ("stream",    "open"):            Hold("nothing: text belongs to the lanes", ()),
    ("text",      "awaiting_text"):   Hold("nothing: the first text leaves it", ()),
    ("text",      "undecided"):       Hold("all that came", ("text",)),
    ("text",      "before_answer"):   Hold("half a surrogate pair, the beginning of a tag", (_HALF, "think_tags")),
    ("text",      "before_thought"):  Hold("half a surrogate pair, the beginning of a tag", (_HALF, "think_tags")),
    ("text",      "interleaved"):     Hold("half a surrogate pair, the beginning of a tag", (_HALF, "think_tags")),
    ("text",      "reasoning"):       Hold("half a surrogate pair, the beginning of a tag", (_HALF, "think_tags")),
    ("text",      "answer"):          Hold("half a surrogate pair", (_HALF,)),
    ("tool_call", "awaiting_name"):   Hold("the name; arguments that came before it", ("name", "arguments")),
    ("tool_call", "raw_args"):        Hold("separators and a key; or an unfinished escape", ("arguments",)),
    ("tool_call", "between_members"): Hold("separators and a key", ("arguments",)),
    ("tool_call", "inner_thoughts"):  Hold("an unfinished escape or null; half a surrogate pair", (_ESCAPE, _HALF)),
    ("tool_call", "message_kwarg"):   Hold("an unfinished escape or null; half a surrogate pair", (_ESCAPE, _HALF)),
    ("tool_call", "text_input"):      Hold("half a surrogate pair", (_HALF,)),
    ("tool_call", "closed"):          Hold("half a surrogate pair; what may be the object again", (_HALF, "arguments")),
    ("tool_call", "malformed"):       Hold("half a surrogate pair", (_HALF,)),
}
# fmt: on

MOMENTARY = {
    ("text", "awaiting_text"): "a field is known by its first text, which leaves that state at once",
    ("text", "undecided"): "the end decides too: what came was the answer",
}
"""States in which no stream ends, and why; they accept every ending because a table asks it of all live states."""


class Finding(NamedTuple):
    """One property of one machine: what was counted, and what contradicts it."""

    machine: str
    property: str
    evidence: str
    problems: list[str]


def findings(machine: StateMachine, holds: Mapping[tuple[str, str], Hold] = HOLDS) -> Iterator[Finding]:
    """Every property of ``machine``, whose states hold back what ``holds`` says."""
    explored = Explored(machine, holds)
    for name, prove in _PROPERTIES.items():
        evidence, problems = prove(explored)
        yield Finding(machine.table.name, name, evidence, list(problems))


class Explored:
    """A machine, and where each event leads from each of its states."""

    def __init__(self, machine: StateMachine, holds: Mapping[tuple[str, str], Hold]) -> None:
        self.table = table = machine.table
        self.states = [state.name for state in table.states]
        self.holds = {state: hold for (name, state), hold in holds.items() if name == table.name}
        self.moves = {
            (state, event): target
            for state, event in product(self.states, table.events)
            if (target := _fire(machine, state, event))
        }
        """Where each legal event leads."""
        self.edges = {(state, target) for (state, _), target in self.moves.items()}


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


def _reach(states: Iterable[str], edges: set[tuple[str, str]]) -> set[str]:
    """``states``, and all that ``edges`` lead to from there."""
    reached = set(states)
    while ahead := {target for state, target in edges if state in reached} - reached:
        reached |= ahead
    return reached


# -- the properties: each gives what it counted, and what contradicts it -----------------------------------------------

_Proof: TypeAlias = tuple[str, Iterable[str]]


def _deterministic(machine: Explored) -> _Proof:
    cells = [(row.state, row.event) for row in machine.table.expanded()]
    problems = (f"{cells.count(cell)} rows for {cell}" for cell in dict.fromkeys(cells) if cells.count(cell) > 1)
    return f"{len(cells)} rows, each the only one for its state and event", problems


def _total(machine: Explored) -> _Proof:
    legal, cells = len(machine.moves), len(machine.states) * len(machine.table.events)
    declared = {cell: row.target for cell, row in machine.table.by_cell.items()}
    problems = (
        f"{cell} leads to {machine.moves.get(cell)}, and is declared to lead to {declared.get(cell)}"
        for cell in sorted({*declared, *machine.moves})
        if machine.moves.get(cell) != declared.get(cell)
    )
    return f"{cells} pairs of state and event fired: {legal} legal, {cells - legal} illegal, as declared", problems


def _reachable(machine: Explored) -> _Proof:
    reached = _reach([machine.table.initial], machine.edges)
    problems = (f"{state} is never reached" for state in machine.states if state not in reached)
    return f"{len(machine.states)} states, from {machine.table.initial}", problems


def _no_dead_ends(machine: Explored) -> _Proof:
    table = machine.table
    ending = _reach(table.final, {(target, state) for state, target in machine.edges})
    stuck = [f"{state} never ends" for state in table.live if state not in ending]
    left = [f"{event} leaves {state}, which is final" for state, event in machine.moves if state in table.final]
    return f"live states that lead to a final one: {len(table.live)}; final ones: {len(table.final)}", stuck + left


def _ends_anywhere(machine: Explored) -> _Proof:
    cells = product(machine.table.live, ENDINGS)
    problems = (f"{cell} does not end" for cell in cells if machine.moves.get(cell) not in machine.table.final)
    return f"{', '.join(ENDINGS)} lead from every live state to a final one", problems


def _every_event_used(machine: Explored) -> _Proof:
    used = {event for _, event in machine.moves}
    problems = (f"{event} is illegal everywhere" for event in machine.table.events if event not in used)
    return f"{len(machine.table.events)} events", problems


def _bounded_hold_back(machine: Explored) -> _Proof:
    """Each live state names its bound. Those that emit nothing form no cycle, so that bounds do not add up for ever."""
    table, holds = machine.table, machine.holds
    unnamed = [f"{state} names no bound" for state in table.live if state not in holds]
    idle = [f"{state} is not live, and names a bound" for state in holds if state not in table.live]
    known = {*Limits.model_fields, "think_tags"}
    unknown = [
        f"{state} names an unknown bound {bound!r}"
        for state, hold in holds.items()
        for bound in hold.bounds
        if not (isinstance(bound, int) or bound in known)
    ]
    silent = [
        state.name for state in table.states if not state.text and state.name in holds and holds[state.name].bounds
    ]
    ways = {(state, target) for state, target in machine.edges if {state, target} <= {*silent}}
    rounds = [
        f"{state} holds text back, emits nothing and leads back to itself"
        for state in silent
        if state in _reach([target for source, target in ways if source == state], ways)
    ]
    named = sorted({str(bound) for hold in holds.values() for bound in hold.bounds if isinstance(bound, str)})
    told = f"every live state names its bound ({', '.join(named) or 'nothing is held back'})"
    return (
        f"{told}; {' → '.join(silent)}: silent, and no cycle" if silent else told,
        unnamed + idle + unknown + rounds,
    )


_PROPERTIES: dict[str, Callable[[Explored], _Proof]] = {
    "deterministic": _deterministic,
    "total": _total,
    "reachable": _reachable,
    "no dead ends": _no_dead_ends,
    "ends anywhere": _ends_anywhere,
    "every event used": _every_event_used,
    "bounded hold-back": _bounded_hold_back,
}
