"""A transition table as data: states, rows, and what follows from them. :class:`Table` checks it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from streamfsm.machines.emission import Emission

LIVE = "*"
"""As the state of a row: every state that is not final."""

ENDINGS = ("end", "error", "cancel", "limit")
"""Events that every live state of a lane's table must accept: a stream can stop anywhere."""


class State(NamedTuple):
    """A state, and what text becomes that arrives in it (``None``: nothing is emitted)."""

    name: str
    text: Emission | None
    because: str


class Row(NamedTuple):
    """One transition: in ``state``, on ``event``, go to ``target`` and emit; ``because`` is the protocol's reason."""

    state: str
    event: str
    target: str
    emits: Emission | None
    because: str


@dataclass(frozen=True)
class Declaration:
    """What is declared of a state machine, whether or not it contradicts itself."""

    name: str
    states: tuple[State, ...]
    final: tuple[str, ...]
    rows: tuple[Row, ...]
    events: tuple[str, ...]
    endings: tuple[str, ...] = ENDINGS

    @cached_property
    def by_cell(self) -> Mapping[tuple[str, str], Row]:
        """The row for each legal (state, event)."""
        return MappingProxyType({(row.state, row.event): row for row in self.expanded()})

    @property
    def initial(self) -> str:
        """The state in which a lane begins."""
        return self.states[0].name

    @property
    def live(self) -> tuple[str, ...]:
        """Names of the states that can be left, in order."""
        return tuple(state.name for state in self.states if state.name not in self.final)

    def expanded(self) -> Iterator[Row]:
        """The rows, each :data:`LIVE` row written out once per live state."""
        for row in self.rows:
            for state in self.live if row.state == LIVE else (row.state,):
                yield row._replace(state=state)
