"""A transition table as data, and the checks that it must pass before anything runs.

``transitions`` silently accepts duplicate rows, unreachable states and ways out of a final state, so the declaration is
checked here. A table is immutable and shared by every stream.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from streamfsm.errors import TableError
from streamfsm.machines.emission import Emission
from streamfsm.machines.proofs import PROOFS

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
class Table:
    """A declared state machine. Raises :class:`TableError` if the declaration contradicts itself.

    ``states[0]`` is the initial state; ``final`` names the states that nothing leaves, and in which nothing is emitted.
    A row whose state is :data:`LIVE` stands for one row per live state. Every live state must accept the ``endings``.
    """

    name: str
    states: tuple[State, ...]
    final: tuple[str, ...]
    rows: tuple[Row, ...]
    events: tuple[str, ...]
    endings: tuple[str, ...] = ENDINGS

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise TableError(f"table {self.name!r}: " + "; ".join(problems))

    def __format__(self, spec: str) -> str:
        """Give the table as ``mermaid``, ``dot``, ``svg`` (drawn by Graphviz) or ``md`` (Markdown)."""
        if not spec:
            return str(self)
        from streamfsm.machines.diagrams import FORMATS

        if spec not in FORMATS:
            raise ValueError(f"a table has no format {spec!r}; it has {', '.join(FORMATS)}")
        return FORMATS[spec](self, None)

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

    def _problems(self) -> Iterator[str]:
        names = [state.name for state in self.states]
        rows = list(self.expanded())
        yield from (f"state {name!r} is declared twice" for name in sorted({n for n in names if names.count(n) > 1}))
        yield from (f"final state {name!r} is not declared" for name in self.final if name not in names)
        for row in rows:
            yield from (f"{row} names unknown state {name!r}" for name in row[0:3:2] if name not in names)
            if row.event not in self.events:
                yield f"event {row.event!r} is not declared"
            if not row.because:
                yield f"row {row[:2]} gives no because"
        moves = {cell: row.target for cell, row in self.by_cell.items()}
        for prove in PROOFS.values():
            yield from prove(self, moves)[1]
