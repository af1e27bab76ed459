"""Draws a table, or writes it as text: Graphviz, SVG, Mermaid, Markdown. Equal tables give equal output.

All pictures have one form: a box for each state, with what text that arrives in it becomes, and an arrow for all rows
that lead from one state to another. Rows that lead from many states to one target, on one event, share an arrow.
"""

import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from shutil import which
from string import ascii_lowercase
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from streamfsm.errors import MisuseError
from streamfsm.machines.declaration import LIVE, State
from streamfsm.machines.emission import Emission
from streamfsm.machines.table import Table

Taken: TypeAlias = Mapping[tuple[str, str], int]
"""State and event → how often a trace took that row; the arrival of text is the event ``text``."""

_MANY = 4
"""If more states than this have a row for the same event and target, the rows share an arrow."""


class Label(NamedTuple):
    """A line next to an arrow or in a box: an event, and what it emits."""

    event: str
    emits: Emission | None
    times: int | None
    """How often it was taken; ``None``: there is no trace."""


class Box(NamedTuple):
    """A state, and what happens without leaving it."""

    state: State
    labels: tuple[Label, ...]
    idle: bool
    """Whether there is a trace that never reached the state."""


class Arrow(NamedTuple):
    """The rows that lead from one state, or from each of several states, to a target."""

    sources: tuple[str, ...]
    target: str
    labels: tuple[Label, ...]
    idle: bool


def picture(table: Table, taken: Taken | None = None) -> tuple[list[Box], list[Arrow]]:
    """Return what every picture of ``table`` shows; with ``taken``, also how often each row was taken."""

    def label(event: str, emits: Emission | None, sources: Iterable[str]) -> Label:
        return Label(event, emits, None if taken is None else sum(taken.get((each, event), 0) for each in sources))

    loops = {state.name: [label("text", state.text, [state.name])] if state.text else [] for state in table.states}
    rows: dict[tuple[str, str, Emission | None], list[str]] = {}
    for row in table.expanded():
        if row.state == row.target:
            loops[row.state].append(label(row.event, row.emits, [row.state]))
        else:
            rows.setdefault((row.event, row.target, row.emits), []).append(row.state)
    found: dict[tuple[tuple[str, ...], str], list[Label]] = {}
    for (event, target, emits), states in rows.items():
        together = len(states) > _MANY or tuple(states) == table.live
        for sources in [states] if together else [[state] for state in states]:
            found.setdefault((tuple(sources), target), []).append(label(event, emits, sources))
    passed = {cell[0] for cell in taken or ()} | {
        table.by_cell[cell].target for cell in taken or () if cell[1] != "text"
    }
    return (
        [
            Box(state, tuple(loops[state.name]), taken is not None and state.name not in passed)
            for state in table.states
        ],
        [
            Arrow(sources, target, tuple(labels), not any(each.times != 0 for each in labels))
            for (sources, target), labels in found.items()
        ],
    )


# -- pictures ----------------------------------------------------------------------------------------------------------


def dot(table: Table, taken: Taken | None = None) -> str:
    """Return a Graphviz ``digraph``. Final states have a double border; rows that ``taken`` lacks are dashed."""
    boxes, arrows = picture(table, taken)
    body = [
        'graph [bgcolor="transparent", nodesep=0.3, ranksep=0.4, outputorder="edgesfirst"]',
        'node [shape=box, style=rounded, fontname="Helvetica", fontsize=12, margin="0.14,0.07"]',
        'edge [fontname="Helvetica", fontsize=10.5, arrowsize=0.7]',
        '"the beginning" [shape=point, width=0.12, class="beginning"]',
        f'"the beginning" -> "{table.initial}" [class="row"]',
    ]
    for box in boxes:
        name = box.state.name
        text = "<br/>".join([f"<b>{name}</b>", *(_small(_text(label)) for label in box.labels)])
        classes = _classes("state", *_kinds(box), idle=box.idle)
        body.append(f'"{name}" [label=<{text}>, class="{classes}"{", peripheries=2" * (name in table.final)}]')
    for arrow in arrows:
        source = _sources(table, arrow.sources, ",\\n")
        if len(arrow.sources) > 1:
            body.append(f'"{source}" [style=dashed, fontsize=10.5, class="several"]')
        text = "<br/>".join(f"&#160;{line}&#160;" for line in _beside(arrow))  # the spaces keep it away from the arrow
        classes = _classes("row", idle=arrow.idle)
        body.append(
            f'"{source}" -> "{arrow.target}" [label=<{text}>, class="{classes}"{", style=dashed" * arrow.idle}]'
        )
    return _lines([f'digraph "{table.name}" {{', *_indented(body), "}"])


def svg(table: Table, taken: Taken | None = None) -> str:
    """Return the picture as an ``<svg>`` element, drawn by Graphviz, which follows the page's light or dark theme.

    Raises:
        MisuseError: Graphviz is not installed.
    """
    program = which("dot")
    if program is None:
        raise MisuseError("SVG requires Graphviz, whose program dot is not installed")
    command = [program, "-Tsvg"]
    drawn = subprocess.run(command, input=dot(table, taken), capture_output=True, encoding="utf-8", check=True)  # noqa: S603 - our own text
    opening, inner = drawn.stdout[drawn.stdout.index("<svg") :].split(">", maxsplit=1)
    inner = re.sub(r"<!--.*?-->\n", "", inner, flags=re.DOTALL)
    inner = re.sub(r' (?:fill|stroke|stroke-dasharray|font-family)="[^"]*"', "", inner)  # the style sets these
    inner = re.sub(r'id="(\w+)"', rf'id="{table.name}-\1"', inner)  # unique on a page with several pictures
    sizes = " ".join(re.findall(r'(?:width|viewBox)="[^"]*"', opening))
    label = f'role="img" aria-label="State machine {table.name}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="machine" {label} {sizes}>'
    return f"{head}\n<style>{_STYLE}</style>{_texts_on_top(inner)}"


def _texts_on_top(picture: str) -> str:
    """Move the texts of arrows to the end, so that they are drawn last and no arrow crosses them."""
    texts: list[str] = []

    def without_texts(group: re.Match[str]) -> str:
        found = re.findall(r"<text .*?</text>\n", group[0])
        texts.extend([f'<g class="{group[1]}">\n', *found, "</g>\n"] if found else [])
        return re.sub(r"<text .*?</text>\n", "", group[0])

    picture = re.sub(r'<g id="[\w-]+" class="edge ([\w ]+)">\n.*?</g>\n', without_texts, picture, flags=re.DOTALL)
    end = picture.rindex("</g>")
    return picture[:end] + "".join(texts) + picture[end:]


_COLOURS = MappingProxyType(
    {"reasoning_message": "#8957e5", "assistant_message": "#2da44e", "tool_call_message": "#2f81f7"}
)
"""The colour of a state, by the message that its text becomes; distinguishable on white and on black."""
_STYLE = """
.machine { height: auto; color: var(--ink, #1f2328); --halo: var(--paper, #fff); }
@media (prefers-color-scheme: dark) { .machine { color: var(--ink, #e6edf3); --halo: var(--paper, #131416); } }
.machine text { fill: currentColor; font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
.machine path, .machine polygon, .machine polyline { fill: none; stroke: currentColor; }
.machine .graph > polygon { stroke: none; }
.machine .row polygon, .machine .beginning ellipse { fill: currentColor; }
.machine .row text { paint-order: stroke; stroke: var(--halo); stroke-width: 3px; stroke-linejoin: round; }
.machine .several polygon, .machine .several polyline, .machine .row.idle path { stroke-dasharray: 4 3; }
.machine .idle { opacity: .7; }
""" + "".join(
    f".machine .{kind} path {{ fill: {colour}; fill-opacity: .16; stroke: {colour}; }}\n"
    for kind, colour in _COLOURS.items()
)


def mermaid(table: Table, taken: Taken | None = None) -> str:
    """Return a Mermaid ``flowchart``; in Mermaid's state diagrams, labels cover each other."""
    boxes, arrows = picture(table, taken)
    body = [f'begin((" ")) --> {_id(table.initial)}']
    for box in boxes:
        name = box.state.name
        inside = "<br>".join([f"<b>{name}</b>", *map(_text, box.labels)])
        shape = f'((("{inside}")))' if name in table.final else f'("{inside}")'
        body.append(_id(name) + shape + "".join(f":::{kind}" for kind in _kinds(box)))
    several = {arrow.sources: f"several_{place}" for place, arrow in enumerate(arrows) if len(arrow.sources) > 1}
    body += [f'{name}["{_sources(table, sources, ",<br>")}"]' for sources, name in several.items()]
    for arrow in arrows:
        source = several.get(arrow.sources) or _id(arrow.sources[0])
        line = "-.->" if arrow.idle else "-->"
        body.append(f'{source} {line}|"{"<br>".join(map(_text, arrow.labels))}"| {_id(arrow.target)}')
    used = {kind for box in boxes for kind in _kinds(box)}
    body += [f"classDef {kind} fill:{colour}29,stroke:{colour}" for kind, colour in _COLOURS.items() if kind in used]
    return _lines([_MERMAID, "flowchart TB", *_indented(body)])


_MERMAID = (
    '%%{init: {"flowchart": {"nodeSpacing": 65, "rankSpacing": 50, "curve": "monotoneY", "wrappingWidth": 320}}}%%'
)


def _id(state: str) -> str:
    """Return an id that is not a keyword of Mermaid, as ``end`` is."""
    return f"{state}_"


def _sources(table: Table, sources: tuple[str, ...], newline: str) -> str:
    """Return the text for the states in which an arrow begins."""
    if len(sources) > 1 and sources == table.live:
        return "any live state"
    return newline.join(", ".join(sources[first : first + 3]) for first in range(0, len(sources), 3))


def _kinds(box: Box) -> list[str]:
    """Return the type of the message that text becomes in a state, in a list that may be empty."""
    return [str(box.state.text.message.model_fields["message_type"].default)] if box.state.text else []


def _classes(*names: str, idle: bool) -> str:
    return " ".join([*names, "idle"] if idle else names)


def _beside(arrow: Arrow) -> Iterator[str]:
    """Yield the lines next to an arrow: events, and below them what they emit."""
    for emits, labels in groupby(arrow.labels, key=lambda label: label.emits):
        yield from (label.event + _times(label) for label in labels)
        if emits:
            yield _small(f"/ {emits.label}")


def _small(text: str) -> str:
    return f'<font point-size="9.5">{text}</font>'


def _text(label: Label) -> str:
    return _on(label.event, label.emits) + _times(label)


def _times(label: Label) -> str:
    return f" ×{label.times}" if label.times else ""


def _on(event: str, emits: Emission | None) -> str:
    return f"{event} / {emits.label}" if emits else event


# -- tables ------------------------------------------------------------------------------------------------------------


def markdown(table: Table, taken: Taken | None = None) -> str:
    """Return three Markdown tables: the states, the rows as declared, and every state with every event.

    With ``taken``, a fourth table has how often each row was taken.
    """
    states = (
        (letter, _code(state.name) + _role(table, state), _becomes(state.text), state.because)
        for letter, state in zip(_letters(table), table.states, strict=True)
    )
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
    letters = dict(zip((state.name for state in table.states), _letters(table), strict=True))
    return "\n".join(
        [
            *("## States", ""),
            grid(("", "State", "Text that arrives becomes", "Because"), states),
            *("## Transitions", ""),
            grid(("State", "Event", "Target", "Emits", "Because"), rows),
            *("## Every state, every event", ""),
            *("Each column is a state, each row an event, and each cell the next state; letters stand for states.",),
            *("A — means that the event is illegal in that state; it would be a bug in this library.", ""),
            matrix(table, lambda state, event: letters[table.by_cell[state, event].target]),
            *([] if taken is None else ["## What was taken", "", counts(table, taken)]),
        ]
    )


def counts(table: Table, taken: Taken) -> str:
    """Return a Markdown table of how often each row was taken."""
    return matrix(table, lambda state, event: str(taken.get((state, event), 0)))


def matrix(table: Table, cell: Callable[[str, str], str]) -> str:
    """Return a Markdown table of every event with every state, the states by their letters.

    Args:
        table: the states and the events.
        cell: returns the content of a cell, for a state and an event that is legal in it.
    """
    return grid(
        ("Event", *_letters(table)),
        (
            (
                _code(event),
                *(cell(state.name, event) if (state.name, event) in table.by_cell else "—" for state in table.states),
            )
            for event in table.events
        ),
    )


def grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table that ends with one newline; ``|`` inside cells is escaped."""
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return _lines(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *escaped))


def _letters(table: Table) -> str:
    """Return a letter for each state, so that a matrix is not wider than a page."""
    return ascii_lowercase[: len(table.states)]


def _role(table: Table, state: State) -> str:
    return " (initial)" if state.name == table.initial else " (final)" if state.name in table.final else ""


def _becomes(emission: Emission | None) -> str:
    return _code(emission.label) if emission else "nothing"


def _code(text: str) -> str:
    return f"`{text}`"


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


FORMATS: Mapping[str, Callable[[Table, Taken | None], str]] = MappingProxyType(
    {"mermaid": mermaid, "dot": dot, "svg": svg, "md": markdown}
)
"""Format specification → the function that writes it, as for ``format(machine, "svg")``."""
