"""A table as text: Mermaid, Graphviz and Markdown. Pure functions; the same table always gives the same text."""

from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias

from streamfsm.machines import LIVE, State, Table
from streamfsm.machines.emission import Emission


def mermaid(table: Table) -> str:
    """A Mermaid ``stateDiagram-v2``.

    Text that a state emits is its self-transition. The rows of :data:`~streamfsm.machines.LIVE` leave a composite
    state ``live`` that holds all live states.
    """
    inner, leaving, ended = _edges(table)
    body = [f"[*] --> {table.initial}", *(f"{source} --> {target}: {label}" for source, target, label in inner)]
    if leaving:
        body = ["[*] --> live", "state live {", *_indented(body), "}"]
        body += [f"live --> {target}: {label}" for _, target, label in leaving]
    body += [f"{source} --> {target}: {label}" for source, target, label in ended]
    body += [f"{name} --> [*]" for name in table.final]
    return _lines(["stateDiagram-v2", *_indented(body)])


def dot(table: Table) -> str:
    """A Graphviz ``digraph`` of the same picture; final states have a double border."""
    inner, leaving, ended = _edges(table)
    states = [f'"{name}"' for name in table.live]
    edges = [f'"{source}" -> "{target}" [label="{label}"]' for source, target, label in inner + ended]
    if leaving:
        states = ['subgraph "cluster_live" {', *_indented(['label="live"', *states]), "}"]
        # An edge of Graphviz joins nodes; ``ltail`` clips it where it leaves the cluster.
        last = table.live[-1]
        edges += [f'"{last}" -> "{target}" [label="{label}", ltail="cluster_live"]' for _, target, label in leaving]
    finals = [f'"{name}" [peripheries=2]' for name in table.final]
    begin = ["compound=true", "node [shape=box, style=rounded]", "start [shape=point]"]
    body = [*begin, *states, *finals, f'start -> "{table.initial}"', *edges]
    return _lines([f'digraph "{table.name}" {{', *_indented(body), "}"])


def coverage(table: Table, taken: Collection[tuple[str, str]]) -> str:
    """A Mermaid ``flowchart`` of the rows: green and solid where ``taken`` holds the state and event, else dashed.

    A row of :data:`~streamfsm.machines.LIVE` is taken where any live state took it. A flowchart, because Mermaid
    colours no edges of a state diagram.
    """
    edges: list[str] = []
    styles: dict[str, list[str]] = {_TAKEN: [], _NOT_TAKEN: []}
    inner = [row for row in table.rows if row.state in table.live]
    leaving = [row for row in table.rows if row.state == LIVE]
    ended = [row for row in table.rows if row.state in table.final]
    for place, row in enumerate([*inner, *leaving, *ended]):
        sources = table.live if row.state == LIVE else (row.state,)
        style = _TAKEN if any((source, row.event) in taken for source in sources) else _NOT_TAKEN
        styles[style].append(str(place))
        edges.append(f'{"live" if row.state == LIVE else row.state} -->|"{row.event}"| {row.target}')
    if leaving:
        edges = ["subgraph live", *_indented(edges[: len(inner)]), "end", *edges[len(inner) :]]
    links = [f"linkStyle {','.join(places)} {style}" for style, places in styles.items() if places]
    return _lines(["flowchart TB", *_indented([*edges, *links])])


_TAKEN = "stroke:#1a7f37,stroke-width:2px"
_NOT_TAKEN = "stroke:#9a6700,stroke-dasharray:4"


def markdown(table: Table) -> str:
    """Three Markdown tables: the states, the rows as declared, and every state with every event."""
    states = ((_code(state.name) + _role(table, state), _becomes(state.text), state.because) for state in table.states)
    rows = (
        (
            "any live state" if row.state == LIVE else _code(row.state),
            _code(row.event),
            _code(row.target),
            _becomes(row.emits),
            row.because,
        )
        for row in table.rows
    )
    matrix = ((_code(state.name), *(_cell(table, state, event) for event in table.events)) for state in table.states)
    return "\n".join(
        [
            *("## States", ""),
            grid(("State", "Text that arrives becomes", "Because"), states),
            *("## Transitions", ""),
            grid(("State", "Event", "Target", "Emits", "Because"), rows),
            *("## Every state, every event", ""),
            *("A cell names the target. What is — is illegal, and would be a defect of this library.", ""),
            grid(("State", *map(_code, table.events)), matrix),
        ]
    )


def grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table that ends with one newline; ``|`` inside cells is escaped."""
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return _lines(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *escaped))


Edge: TypeAlias = tuple[str, str, str]
"""Source, target and label."""


def _edges(table: Table) -> tuple[list[Edge], list[Edge], list[Edge]]:
    """The edges of live states, of ``LIVE`` and of final states: what text does in each state, then what each row does.

    Self-transitions of one state share an edge, because Mermaid draws only the last; rows of ``LIVE`` to one target do
    too.
    """
    labels: dict[tuple[str, str, str], list[str]] = {}
    for state in table.states:
        if state.text:
            labels[state.name, state.name, ""] = [_label("text", state.text)]
    for row in table.rows:
        own = "" if row.state in (LIVE, row.target) else row.event
        labels.setdefault((row.state, row.target, own), []).append(_label(row.event, row.emits))
    edges = [(source, target, ", ".join(found)) for (source, target, _), found in labels.items()]
    inner, leaving, ended = (
        [edge for edge in edges if edge[0] in sources] for sources in (table.live, (LIVE,), table.final)
    )
    return inner, leaving, ended


def _label(event: str, emits: Emission | None) -> str:
    return f"{event} / {emits.label}" if emits else event


def _role(table: Table, state: State) -> str:
    return " (initial)" if state.name == table.initial else " (final)" if state.name in table.final else ""


def _cell(table: Table, state: State, event: str) -> str:
    row = table.by_cell.get((state.name, event))
    return _code(row.target) if row else "—"


def _becomes(emission: Emission | None) -> str:
    return _code(emission.label) if emission else "nothing"


def _code(text: str) -> str:
    return f"`{text}`"


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
