"""Diagrams show every row of a table and nothing else; the renderers' own programs accept them."""

import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from streamfsm.machines import ENDINGS, LIVE, TABLES, Row, State, Table
from streamfsm.machines.diagrams import coverage, dot, grid, markdown, mermaid
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


def test_a_mermaid_diagram_reads_like_this():
    assert mermaid(TOY) == (
        "stateDiagram-v2\n"
        "    [*] --> live\n"
        "    state live {\n"
        "        [*] --> a\n"
        "        b --> b: text / AssistantMessage, stay\n"
        "        a --> b: go / ToolCallMessage (name)\n"
        "        a --> b: jump\n"
        "    }\n"
        "    live --> z: end / StopReason, error, cancel, limit\n"
        "    z --> [*]\n"
    )


def test_a_graphviz_diagram_reads_like_this():
    assert dot(TOY) == (
        'digraph "toy" {\n'
        "    compound=true\n"
        "    node [shape=box, style=rounded]\n"
        "    start [shape=point]\n"
        '    subgraph "cluster_live" {\n'
        '        label="live"\n'
        '        "a"\n'
        '        "b"\n'
        "    }\n"
        '    "z" [peripheries=2]\n'
        '    start -> "a"\n'
        '    "b" -> "b" [label="text / AssistantMessage, stay"]\n'
        '    "a" -> "b" [label="go / ToolCallMessage (name)"]\n'
        '    "a" -> "b" [label="jump"]\n'
        '    "b" -> "z" [label="end / StopReason, error, cancel, limit", ltail="cluster_live"]\n'
        "}\n"
    )


def test_markdown_tables_read_like_this():
    assert markdown(TOY) == (
        "## States\n\n"
        "| State | Text that arrives becomes | Because |\n"
        "| --- | --- | --- |\n"
        "| `a` (initial) | nothing | a \\| b |\n"
        "| `b` | `AssistantMessage` | second |\n"
        "| `z` (final) | nothing | last |\n"
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
        "A cell names the target. What is — is illegal, and would be a defect of this library.\n\n"
        "| State | `go` | `jump` | `stay` | `end` | `error` | `cancel` | `limit` |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| `a` | `b` | `b` | — | `z` | `z` | `z` | `z` |\n"
        "| `b` | — | — | `b` | `z` | `z` | `z` | `z` |\n"
        "| `z` | — | — | — | — | — | — | — |\n"
    )


def test_a_flowchart_of_coverage_reads_like_this():
    assert coverage(TOY, {("a", "go"), ("b", "stay"), ("b", "end")}) == (
        "flowchart TB\n"
        "    subgraph live\n"
        '        a -->|"go"| b\n'
        '        a -->|"jump"| b\n'
        '        b -->|"stay"| b\n'
        "    end\n"
        '    live -->|"end"| z\n'
        '    live -->|"error"| z\n'
        '    live -->|"cancel"| z\n'
        '    live -->|"limit"| z\n'
        "    linkStyle 0,2,3 stroke:#1a7f37,stroke-width:2px\n"
        "    linkStyle 1,4,5,6 stroke:#9a6700,stroke-dasharray:4\n"
    )


# -- every table -------------------------------------------------------------------------------------------------------


def declared(table: Table, live: str) -> list[tuple[str, str, str, str]]:
    """What a diagram is to show: source, event, target and label of the emission, ``live`` for any live state."""
    texts = [(state.name, "text", state.name, state.text.label) for state in table.states if state.text]
    rows = [(row.state.replace(LIVE, live), row.event, row.target, row.emits and row.emits.label) for row in table.rows]
    return texts + [(*row[:3], row[3] or "") for row in rows]


def drawn(edges: list[tuple[str, str, str]]) -> list[tuple[str, str, str, str]]:
    """The same, from a diagram's edges."""
    parts = [(source, part, target) for source, target, label in edges for part in label.split(", ")]
    return [(source, part.partition(" / ")[0], target, part.partition(" / ")[2]) for source, part, target in parts]


@pytest.mark.parametrize("table", TABLES)
def test_mermaid_draws_every_row_and_every_text_and_nothing_else(table: Table):
    edges = re.findall(r"^ +(\w+) --> (\w+): (.+)$", mermaid(table), re.MULTILINE)
    assert sorted(drawn(edges)) == sorted(declared(table, "live"))


@pytest.mark.parametrize("table", TABLES)
def test_mermaid_draws_one_edge_for_all_self_transitions_of_a_state(table: Table):
    loops = re.findall(r"^ +(\w+) --> \1:", mermaid(table), re.MULTILINE)
    assert len(set(loops)) == len(loops)


@pytest.mark.parametrize("table", TABLES)
def test_mermaid_draws_where_a_machine_begins_and_ends(table: Table):
    text = mermaid(table)
    begins = [table.initial] if "state live {" not in text else ["live", table.initial]
    assert re.findall(r"\[\*\] --> (\w+)\n", text) == begins
    assert re.findall(r"(\w+) --> \[\*\]\n", text) == list(table.final)


@pytest.mark.parametrize("table", TABLES)
def test_mermaid_puts_the_live_states_and_no_other_into_a_composite_state_where_a_row_is_for_all_of_them(table: Table):
    composite = re.search(r"^    state live \{\n(.*?)^    \}\n", mermaid(table), re.MULTILINE | re.DOTALL)
    assert (composite is not None) == any(row.state == LIVE for row in table.rows)
    if composite:
        assert set(re.findall(r"(\w+)(?: -->|:|\n)", re.sub(":.*", "", composite[1]))) == set(table.live)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("share", [0, 1, 2])
def test_a_flowchart_draws_every_row_and_colours_it_once_by_whether_it_was_taken(table: Table, share: int):
    taken = [cell for place, cell in enumerate(table.by_cell) if place % 2 < share]
    text = coverage(table, taken)
    edges = re.findall(r'^ +(\w+) -->\|"(\w+)"\| (\w+)$', text, re.MULTILINE)
    rows = [(row.state.replace(LIVE, "live"), row.event, row.target) for row in table.rows]
    assert sorted(edges) == sorted(rows)
    styles = re.findall(r"^    linkStyle ([\d,]+) (\S+)$", text, re.MULTILINE)
    coloured = {edges[int(place)]: style for places, style in styles for place in places.split(",")}
    assert sum(places.count(",") + 1 for places, _ in styles) == len(coloured) == len(rows)
    for (state, event, _), style in coloured.items():
        sources = table.live if state == "live" else (state,)
        assert ("dash" not in style) == any((source, event) in taken for source in sources)


@pytest.mark.parametrize("table", TABLES)
def test_graphviz_draws_every_row_and_every_text_and_nothing_else(table: Table):
    found = re.findall(r'^ +"(\w+)" -> "(\w+)" \[label="([^"]+)"(, ltail="cluster_live")?\]$', dot(table), re.MULTILINE)
    edges = [("live" if tail else source, target, label) for source, target, label, tail in found]
    assert sorted(drawn(edges)) == sorted(declared(table, "live"))


@pytest.mark.parametrize("table", TABLES)
def test_markdown_lists_every_state_every_row_and_every_cell(table: Table):
    states, rows, cells = [
        [[cell.strip() for cell in line.strip("|").split(" | ")] for line in part.split("\n") if line.startswith("| ")]
        for part in markdown(table).replace("\\|", "&").split("## ")[1:]
    ]
    assert [row[0].split("`")[1] for row in states[2:]] == [state.name for state in table.states]
    assert [tuple(cell.replace("nothing", "").strip("`") for cell in row[:4]) for row in rows[2:]] == [
        (source, event, target, emits)
        for source, event, target, emits in declared(table, "any live state")
        if event != "text"
    ]
    matrix = {
        (row[0].strip("`"), event.strip("`")): cell.strip("`")
        for row in cells[2:]
        for event, cell in zip(cells[0][1:], row[1:], strict=True)
    }
    assert matrix == {
        (state.name, event): table.by_cell[state.name, event].target if (state.name, event) in table.by_cell else "—"
        for state in table.states
        for event in table.events
    }


@RENDERERS
@pytest.mark.parametrize("table", TABLES)
def test_text_is_the_same_each_time_and_tidy(render, table: Table):
    text = render(table)
    again = replace(table)
    assert render(again) == text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert not re.search(r"[ \t]$", text, re.MULTILINE)


@pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz is not installed")
@pytest.mark.parametrize("table", TABLES)
def test_graphviz_itself_draws_the_text_without_a_warning(table: Table):
    drawing = subprocess.run(["dot", "-Tsvg"], input=dot(table), capture_output=True, text=True, check=True)  # noqa: S607 - whichever is installed
    assert drawing.stderr == ""
    assert all(f">{state.name}</text>" in drawing.stdout for state in table.states)


def test_a_grid_escapes_what_would_end_a_cell():
    assert grid(("a", "b"), [("x|y", "z")]) == "| a | b |\n| --- | --- |\n| x\\|y | z |\n"
