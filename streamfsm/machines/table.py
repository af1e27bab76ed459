"""``Table``: a transition table as data, which is checked before anything runs.

``transitions`` silently accepts duplicate rows, unreachable states and transitions out of a final state, so the
declaration is checked here. A table is immutable and shared by all streams.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from streamfsm.errors import TableError
from streamfsm.machines.declaration import Declaration
from streamfsm.machines.proofs import PROOFS


@dataclass(frozen=True)
class Table(Declaration):
    """A declared state machine. Raises :class:`TableError` if the declaration contradicts itself.

    ``states[0]`` is the initial state; ``final`` names the states that are never left, and in which nothing is emitted.
    A row whose state is ``LIVE`` stands for one row per live state. Every live state must accept the ``endings``.
    """

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise TableError(f"table {self.name!r}: " + "; ".join(problems))

    def __format__(self, spec: str) -> str:
        """Return the table as ``mermaid``, ``dot``, ``svg`` (drawn by Graphviz) or ``md`` (Markdown)."""
        if not spec:
            return str(self)
        from streamfsm.machines.diagrams import FORMATS

        if spec not in FORMATS:
            raise ValueError(f"a table has no format {spec!r}; it has {', '.join(FORMATS)}")
        return FORMATS[spec](self, None)

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
