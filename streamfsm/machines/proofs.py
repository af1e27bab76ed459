"""Proves the properties that every table must have, given where each event leads.

A declaration is checked before anything runs, with the moves that its rows declare. ``machines.checks`` checks the
engine that was built from it, with the moves that the engine makes. A proof returns its evidence, which says what was
counted, and the problems that it found.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import TypeAlias

from streamfsm.machines.declaration import Declaration

Moves: TypeAlias = Mapping[tuple[str, str], str]
"""State and event → the target, for all legal pairs."""
Proof: TypeAlias = tuple[str, list[str]]


def reach(states: Iterable[str], edges: Iterable[tuple[str, str]]) -> set[str]:
    """Return ``states``, and all states that can be reached from them along ``edges``."""
    reached, edges = set(states), set(edges)
    while ahead := {target for state, target in edges if state in reached} - reached:
        reached |= ahead
    return reached


def edges(moves: Moves) -> set[tuple[str, str]]:
    """Return the pairs of a state and a state that it leads to."""
    return {(state, target) for (state, _), target in moves.items()}


def _deterministic(table: Declaration, _: Moves) -> Proof:
    cells = [(row.state, row.event) for row in table.expanded()]
    problems = [f"{cells.count(cell)} rows for {cell}" for cell in dict.fromkeys(cells) if cells.count(cell) > 1]
    return f"{len(cells)} rows, each the only one for its state and event", problems


def _total(table: Declaration, moves: Moves) -> Proof:
    legal, cells = len(moves), len(table.states) * len(table.events)
    declared = {cell: row.target for cell, row in table.by_cell.items()}
    problems = [
        f"{cell} leads to {moves.get(cell)}, but is declared to lead to {declared.get(cell)}"
        for cell in sorted({*declared, *moves})
        if moves.get(cell) != declared.get(cell)
    ]
    return f"{cells} pairs of state and event fired: {legal} legal, {cells - legal} illegal, as declared", problems


def _reachable(table: Declaration, moves: Moves) -> Proof:
    reached = reach([table.initial], edges(moves))
    problems = [f"{state.name} is never reached" for state in table.states if state.name not in reached]
    return f"{len(table.states)} states, from {table.initial}", problems


def _no_dead_ends(table: Declaration, moves: Moves) -> Proof:
    ending = reach(table.final, ((target, state) for state, target in edges(moves)))
    stuck = [f"{state} leads to no final state" for state in table.live if state not in ending]
    left = [
        f"{event} leaves the final state {state}"
        for (state, event), target in moves.items()
        if state in table.final and target != state
    ]
    return f"live states that lead to a final one: {len(table.live)}; final ones: {len(table.final)}", stuck + left


def _silent_end(table: Declaration, _: Moves) -> Proof:
    texts = [
        f"the final state {state.name} emits text" for state in table.states if state.name in table.final and state.text
    ]
    rows = [
        f"{row.event} emits in the final state {row.state}"
        for row in table.rows
        if row.state in table.final and row.emits
    ]
    return "nothing is emitted in a final state", texts + rows


def _ends_anywhere(table: Declaration, moves: Moves) -> Proof:
    cells = product(table.live, table.endings)
    problems = [f"{cell} does not end" for cell in cells if moves.get(cell) not in table.final]
    return f"{', '.join(table.endings)} lead from every live state to a final one", problems


def _every_event_used(table: Declaration, moves: Moves) -> Proof:
    used = {event for _, event in moves}
    return f"{len(table.events)} events", [
        f"{event} is illegal everywhere" for event in table.events if event not in used
    ]


PROOFS: Mapping[str, Callable[[Declaration, Moves], Proof]] = {
    "deterministic": _deterministic,
    "total": _total,
    "reachable": _reachable,
    "no dead ends": _no_dead_ends,
    "silent end": _silent_end,
    "ends anywhere": _ends_anywhere,
    "every event used": _every_event_used,
}
