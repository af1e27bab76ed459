"""``Declaration``: a transition table as data, with its states and rows. :class:`Table` checks it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from streamfsm.machines.emission import Emission

LIVE = "*"
"""In place of a row's state: every state that is not final."""

ENDINGS = ("end", "error", "cancel", "limit")
"""Events that every live state of a lane's table must accept, because a stream can stop anywhere."""


class State(NamedTuple):
    """A state, and what text that arrives in it becomes (``None``: it is not emitted)."""

    name: str
    text: Emission | None
    because: str


class Row(NamedTuple):
    """One transition: in ``state``, on ``event``, go to ``target`` and emit; ``because`` has the protocol's reason."""

    state: str
    event: str
    target: str
    emits: Emission | None
    because: str


@dataclass(frozen=True)
class Declaration:
    """The declaration of a state machine, which may contradict itself."""

    name: str
    states: tuple[State, ...]
    final: tuple[str, ...]
    rows: tuple[Row, ...]
    events: tuple[str, ...]
    endings: tuple[str, ...] = ENDINGS

    @cached_property
    def by_cell(self) -> Mapping[tuple[str, str], Row]:
        """(State, event) → its row, if it is legal."""
        return MappingProxyType({(row.state, row.event): row for row in self.expanded()})

    @property
    def initial(self) -> str:
        """The state in which a lane begins."""
        return self.states[0].name

    @property
    def live(self) -> tuple[str, ...]:
        """The names of the states that are not final, in order."""
        return tuple(state.name for state in self.states if state.name not in self.final)

    def expanded(self) -> Iterator[Row]:
        """Yield the rows, each :data:`LIVE` row once per live state."""
        for row in self.rows:
            for state in self.live if row.state == LIVE else (row.state,):
                yield row._replace(state=state)
