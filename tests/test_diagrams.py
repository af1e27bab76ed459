"""Diagrams show every row of a table and nothing else; Graphviz accepts them."""

import re
import shutil
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from streamfsm.errors import MisuseError
from streamfsm.machines import ENDINGS, LIVE, TABLES, TOOL_CALL, Row, State, Table
from streamfsm.machines.diagrams import FORMATS, dot, grid, markdown, mermaid, svg
from streamfsm.machines.emission import Emission

TOY = Table(
    name="toy",
    states=(State("a", None, "a | b"), State("b", Emission.ANSWER, "second"), State("z", None, "last")),
    final=("z",),
    events=("go", "jump", "stay", *ENDINGS),
    rows=(
        Row("a", "go", "b", Emission.TOOL_NAME, "why"),
        Row("a", "jump", "b", None, "why"),
        Row("b", "stay", "b", None, "why"),
        *(Row(LIVE, ending, "z", Emission.STOP if ending == "end" else None, "why") for ending in ENDINGS),
    ),
)
TABLES = [pytest.param(table, id=table.name) for table in (TOY, *TABLES)]
RENDERERS = pytest.mark.parametrize("render", [mermaid, dot, markdown])
TAKEN = {("a", "go"): 2, ("b", "text"): 30, ("b", "stay"): 1, ("b", "end"): 1}
NEEDS_GRAPHVIZ = pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz is not installed")


def test_a_mermaid_diagram_reads_like_this():
    assert mermaid(TOY).splitlines()[1:] == [
        "flowchart TB",
        '    begin((" ")) --> a_',
        '    a_("<b>a</b>")',
        '    b_("<b>b</b><br>text / AssistantMessage<br>stay"):::assistant_message',
        '    z_((("<b>z</b>")))',
        '    several_1["any live state"]',
        '    a_ -->|"go / ToolCallMessage (name)<br>jump"| b_',
        '    several_1 -->|"end / StopReason<br>error<br>cancel<br>limit"| z_',
        "    classDef assistant_message fill:#2da44e29,stroke:#2da44e",
    ]


def test_what_a_trace_took_is_counted_and_what_it_did_not_take_is_dashed():
    lines = mermaid(TOY, TAKEN).splitlines()
    assert lines[4:9] == [
        '    b_("<b>b</b><br>text / AssistantMessage ×30<br>stay ×1"):::assistant_message',
        '    z_((("<b>z</b>")))',
        '    several_1["any live state"]',
        '    a_ -->|"go / ToolCallMessage (name) ×2<br>jump"| b_',
        '    several_1 -->|"end / StopReason ×1<br>error<br>cancel<br>limit"| z_',
    ]
    nothing = mermaid(TOY, {})
    assert "-->|" not in nothing
    assert nothing.count("-.->|") == 2


def bare(text: str) -> str:
    """A Graphviz diagram without what makes its text small, or keeps it off the arrows."""
    return re.sub(r"&#160;|</?font.*?>", "", text)


def test_a_graphviz_diagram_reads_like_this():
    assert bare(dot(TOY)).splitlines()[4:] == [
        '    "the beginning" [shape=point, width=0.12, class="beginning"]',
        '    "the beginning" -> "a" [class="row"]',
        '    "a" [label=<<b>a</b>>, class="state"]',
        '    "b" [label=<<b>b</b><br/>text / AssistantMessage<br/>stay>, class="state assistant_message"]',
        '    "z" [label=<<b>z</b>>, class="state", peripheries=2]',
        '    "a" -> "b" [label=<go<br/>/ ToolCallMessage (name)<br/>jump>, class="row"]',
        '    "any live state" [style=dashed, fontsize=10.5, class="several"]',
        '    "any live state" -> "z" [label=<end<br/>/ StopReason<br/>error<br/>cancel<br/>limit>, class="row"]',
        "}",
    ]


def test_graphviz_shows_where_a_trace_did_not_come():
    lines = bare(dot(TOY, {("a", "end"): 1})).splitlines()[6:]
    assert [line.partition(" [")[0].strip() for line in lines if " idle" in line] == ['"b"', '"a" -> "b"']
    assert [line for line in lines if "style=dashed" in line and " idle" in line] == [lines[3]]


def test_rows_of_many_states_share_an_arrow():
    names = tuple("abcdefg")
    many = Table(
        name="many",
        states=(*(State(name, None, "why") for name in names), State("z", None, "last")),
        final=("z",),
        events=("go", "stop"),
        rows=(
            *(Row(here, "go", there, None, "why") for here, there in pairwise(names)),
            *(Row(name, "stop", "z", None, "why") for name in names[1:]),
        ),
        endings=(),
    )
    assert '    several_6["b, c, d,<br>e, f, g"]\n' in mermaid(many)
    assert '    several_6 -->|"stop"| z_\n' in mermaid(many)
    assert '    "b, c, d,\\ne, f, g" -> "z" [' in dot(many)


def test_markdown_tables_read_like_this():
    assert markdown(TOY) == (
        "## States\n\n"
        "|  | State | Text that arrives becomes | Because |\n"
        "| --- | --- | --- | --- |\n"
        "| a | `a` (initial) | nothing | a \\| b |\n"
        "| b | `b` | `AssistantMessage` | second |\n"
        "| c | `z` (final) | nothing | last |\n"
        "\n## Transitions\n\n"
        "| State | Event | Target | Emits | Because |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| `a` | `go` | `b` | `ToolCallMessage (name)` | why |\n"
        "| `a` | `jump` | `b` | nothing | why |\n"
        "| `b` | `stay` | `b` | nothing | why |\n"
        "| any live state | `end` | `z` | `StopReason` | why |\n"
        "| any live state | `error` | `z` | nothing | why |\n"
        "| any live state | `cancel` | `z` | nothing | why |\n"
        "| any live state | `limit` | `z` | nothing | why |\n"
        "\n## Every state, every event\n\n"
        "Each column is a state, each row an event, and each cell the next state; letters stand for states.\n"
        "A — means that the event is illegal in that state; it would be a bug in this library.\n\n"
        "| Event | a | b | c |\n"
        "| --- | --- | --- | --- |\n"
        "| `go` | b | — | — |\n"
        "| `jump` | b | — | — |\n"
        "| `stay` | — | b | — |\n"
        "| `end` | c | c | — |\n"
        "| `error` | c | c | — |\n"
        "| `cancel` | c | c | — |\n"
        "| `limit` | c | c | — |\n"
    )


def test_markdown_counts_what_a_trace_took():
    assert markdown(TOY, TAKEN).partition("\n## What was taken\n\n")[2] == (
        "| Event | a | b | c |\n"
        "| --- | --- | --- | --- |\n"
        "| `go` | 2 | — | — |\n"
        "| `jump` | 0 | — | — |\n"
        "| `stay` | — | 1 | — |\n"
        "| `end` | 0 | 1 | — |\n"
        "| `error` | 0 | 0 | — |\n"
        "| `cancel` | 0 | 0 | — |\n"
        "| `limit` | 0 | 0 | — |\n"
    )


# -- every table -------------------------------------------------------------------------------------------------------


def declared(table: Table) -> list[tuple[str, str, str, str]]:
    """What a diagram is to show: source, event, target and label of the emission, a line for each legal cell."""
    texts = [(state.name, "text", state.name, state.text.label) for state in table.states if state.text]
    return texts + [(*row[:3], row.emits.label if row.emits else "") for row in table.expanded()]


def shown(table: Table, source: str, text: str, target: str) -> list[tuple[str, str, str, str]]:
    """The same, of an arrow or a box; ``text`` has an event with its emission a line."""
    sources = table.live if source == "any live state" else source.split(", ")
    lines = [line.partition(" / ") for line in text.split("\n")]
    return [(each, event, target, emits) for each in sources for event, _, emits in lines]


@pytest.mark.parametrize("table", TABLES)
def test_mermaid_draws_every_row_and_every_text_and_nothing_else(table: Table):
    text = mermaid(table)
    several = {
        name: sources.replace(",<br>", ", ")
        for name, sources in re.findall(r'^    (\w+)\["(.*)"\]$', text, re.MULTILINE)
    }
    arrows = re.findall(r'^    (\w+) -->\|"(.*)"\| (\w+)_$', text, re.MULTILINE)
    boxes = re.findall(r'^    (\w+)_\(+"<b>\1</b>(?:<br>(.*?))?"\)+(?::::\w+)?$', text, re.MULTILINE)
    assert [name for name, _ in boxes] == [state.name for state in table.states]
    found = [(several.get(source) or source.removesuffix("_"), inner, target) for source, inner, target in arrows]
    found += [(name, inner, name) for name, inner in boxes if inner]
    lines = [
        line for source, inner, target in found for line in shown(table, source, inner.replace("<br>", "\n"), target)
    ]
    assert sorted(lines) == sorted(declared(table))


@pytest.mark.parametrize("table", TABLES)
def test_graphviz_draws_every_row_and_every_text_and_nothing_else(table: Table):
    text = bare(dot(table))
    arrows = re.findall(r'^    "(.*)" -> "(\w+)" \[label=<(.*)>, ', text, re.MULTILINE)
    boxes = re.findall(r'^    "(\w+)" \[label=<<b>\1</b>(?:<br/>(.*?))?>, class="', text, re.MULTILINE)
    found = [(source.replace("\\n", " "), inner, target) for source, target, inner in arrows]
    found += [(name, inner, name) for name, inner in boxes if inner]
    # An emission has a line of its own, below the events that share it.
    lines = [
        (source, event, target)
        for source, inner, target in found
        for source, event, target, _ in shown(
            table, source, re.sub(r"<br/>/ [\w ()]+", "", inner).replace("<br/>", "\n"), target
        )
    ]
    assert sorted(lines) == sorted(row[:3] for row in declared(table))
    emitting = {row[3] for row in declared(table)} - {""}
    assert set(re.findall(r"/ ([\w ()]+)", text)) == emitting


@pytest.mark.parametrize("table", TABLES)
def test_markdown_lists_every_state_every_row_and_every_cell(table: Table):
    states, rows, cells = [
        [[cell.strip() for cell in line.strip("|").split(" | ")] for line in part.split("\n") if line.startswith("| ")]
        for part in markdown(table).replace("\\|", "&").replace("|  |", "| x |").split("## ")[1:]
    ]
    names = {row[0]: row[1].split("`")[1] for row in states[2:]}
    assert [*names.values()] == [state.name for state in table.states]
    assert [tuple(cell.replace("nothing", "").strip("`") for cell in row[:4]) for row in rows[2:]] == [
        (row.state.replace(LIVE, "any live state"), row.event, row.target, row.emits.label if row.emits else "")
        for row in table.rows
    ]
    found = {
        (names[letter], row[0].strip("`")): names[cell]
        for row in cells[2:]
        for letter, cell in zip(cells[0][1:], row[1:], strict=True)
        if cell != "—"
    }
    assert found == {cell: row.target for cell, row in table.by_cell.items()}


@RENDERERS
@pytest.mark.parametrize("table", TABLES)
def test_text_is_the_same_each_time_and_tidy(render, table: Table):
    text = render(table)
    again = replace(table)
    assert render(again) == text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert not re.search(r"[ \t]$", text, re.MULTILINE)


# -- SVG ---------------------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


@NEEDS_GRAPHVIZ
@pytest.mark.parametrize("taken", [None, {}], ids=["plain", "traced"])
@pytest.mark.parametrize("table", TABLES)
def test_an_svg_shows_every_state_and_every_event_and_has_no_colour_of_its_own(table: Table, taken):
    root = ET.fromstring(svg(table, taken))  # noqa: S314 - our own text
    texts = [f"{text.text}".strip() for text in root.iter(f"{SVG}text")]
    assert {state.name for state in table.states} <= set(texts)
    assert set(table.events) <= {text.partition(" / ")[0] for text in texts}
    assert not any({"fill", "stroke"} & set(element.attrib) for element in root.iter() if "color" not in element.attrib)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(set(ids)) == len(ids)
    assert all(each.startswith(f"{table.name}-") for each in ids)


@NEEDS_GRAPHVIZ
def test_the_texts_of_arrows_lie_on_top_of_everything():
    graph = ET.fromstring(svg(TOY)).find(f"{SVG}g")  # noqa: S314 - our own text
    groups = [(group.get("class"), bool(group.findall(f"{SVG}text"))) for group in graph.findall(f"{SVG}g")]
    assert [texts for kind, texts in groups if "edge" in kind] == [False, False, False]
    assert groups[-2:] == [("row", True), ("row", True)]


DRAWN = """<?xml version="1.0"?>
<!-- Generated by graphviz -->
<svg width="80pt" height="90pt"
 viewBox="0.00 0.00 80.00 90.00" xmlns="http://www.w3.org/2000/svg">
<g id="graph0" class="graph">
<polygon fill="none" stroke="transparent" points="0,0 80,0"/>
<!-- a&#45;&gt;b -->
<g id="edge1" class="edge row idle">
<path fill="none" stroke="black" stroke-dasharray="5,2" d="M0,0"/>
<text font-family="Helvetica" font-size="10">go</text>
</g>
<g id="edge2" class="edge row">
<path fill="none" stroke="black" d="M1,1"/>
</g>
</g>
</svg>
"""


def test_what_graphviz_draws_is_made_fit_for_a_page(monkeypatch):
    monkeypatch.setattr("streamfsm.machines.diagrams.which", lambda _: "dot")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: SimpleNamespace(stdout=DRAWN))
    head, _, rest = svg(TOY).partition("<style>")
    assert head.strip() == (
        '<svg xmlns="http://www.w3.org/2000/svg" class="machine" role="img" aria-label="State machine toy" '
        'width="80pt" viewBox="0.00 0.00 80.00 90.00">'
    )
    assert (
        rest.partition("</style>")[2]
        == """
<g id="toy-graph0" class="graph">
<polygon points="0,0 80,0"/>
<g id="toy-edge1" class="edge row idle">
<path d="M0,0"/>
</g>
<g id="toy-edge2" class="edge row">
<path d="M1,1"/>
</g>
<g class="row idle">
<text font-size="10">go</text>
</g>
</g>
</svg>
"""
    )


def test_an_svg_needs_graphviz(monkeypatch):
    monkeypatch.setattr("streamfsm.machines.diagrams.which", lambda _: None)
    with pytest.raises(MisuseError, match="Graphviz, whose program dot is not installed"):
        svg(TOY)


# -- format ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["mermaid", "dot", "md", pytest.param("svg", marks=NEEDS_GRAPHVIZ)])
def test_format_gives_every_form_of_a_machine_and_of_its_table(spec):
    assert format(TOOL_CALL, spec) == format(TOOL_CALL.table, spec) == FORMATS[spec](TOOL_CALL.table, None)


def test_format_without_a_form_is_as_for_any_object():
    assert f"{TOY}" == str(TOY)
    assert f"{TOOL_CALL}" == str(TOOL_CALL)


def test_format_says_what_forms_there_are():
    with pytest.raises(ValueError, match="no format 'png'; it has mermaid, dot, svg, md"):
        format(TOY, "png")


def test_a_grid_escapes_what_would_end_a_cell():
    assert grid(("a", "b"), [("x|y", "z")]) == "| a | b |\n| --- | --- |\n| x\\|y | z |\n"
