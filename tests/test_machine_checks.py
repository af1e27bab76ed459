"""What can be proven of the machines is proven, and streams of our own take every row of every table."""

import json
import re
import runpy
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from helpers import call, call_chunks, chunk, run
from recordings import CAPTURES, FILES
from response_events import added, done, thoughts
from rows import ANYWHERE, AUTO, CASES, INSIDE, LEGAL, NEVER, REACH, SECRET, TAGS, TEXT_TOOL, Cell, cells, ended
from toy import EVENTS, ROWS, STATES

from streamfsm import Limits, StreamParser, ThinkTags
from streamfsm.machines import ENDINGS, MACHINES, Row, State, StateMachine, Table
from streamfsm.machines.checks import HOLDS, Hold, findings
from streamfsm.replay import capture
from streamfsm.trace import Transition
from streamfsm.wires.chat.chunking import every, whole

ROOT = Path(__file__).parents[1]
NAMES = [machine.table.name for machine in MACHINES]

# -- what is proven ----------------------------------------------------------------------------------------------------


def check(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of ``python -m streamfsm.machines``."""
    monkeypatch.setattr(sys, "argv", ["machines", *arguments])
    with pytest.raises(SystemExit) as left:
        runpy.run_module("streamfsm.machines", run_name="__main__")
    return int(left.value.code or 0)


def test_the_check_proves_every_property_of_every_table_a_line_each(monkeypatch, capsys):
    assert check(monkeypatch, "--check") == 0
    found = [re.split(" {2,}", line) for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in found] == [*(name for name in NAMES for _ in range(8)), *["lexer"] * 6]
    assert found[7][2] == "every live state has a bound (nothing is held back)"
    assert [line[1:] for line in found[16:24]] == [
        ["deterministic", "55 rows, each the only one for its state and event"],
        ["total", "150 pairs of state and event fired: 55 legal, 95 illegal, as declared"],
        ["reachable", "10 states, from awaiting_name"],
        ["no dead ends", "live states that lead to a final one: 9; final ones: 1"],
        ["silent end", "nothing is emitted in a final state"],
        ["ends anywhere", "end, error, cancel, limit lead from every live state to a final one"],
        ["every event used", "15 events"],
        [
            "bounded hold-back",
            "every live state has a bound (arguments, name); silent, in no cycle: awaiting_name → between_members",
        ],
    ]


def test_the_check_fails_if_a_property_does_not_hold(monkeypatch, capsys):
    monkeypatch.delitem(HOLDS, ("text", "answer"))
    assert check(monkeypatch, "--check") == 1
    (failed,) = [line for line in capsys.readouterr().out.splitlines() if "FAILED" in line]
    assert failed == "text       bounded hold-back  FAILED: answer has no bound"


def test_there_is_nothing_to_do_but_to_check(monkeypatch, capsys):
    assert check(monkeypatch) == 2
    assert "the following arguments are required: --check" in capsys.readouterr().err


BOUNDS = {("toy", "a"): Hold("a name", ("name",)), ("toy", "b"): Hold("half a pair", (1,))}


def problems(holds: Any = BOUNDS, **change: Any) -> dict[str, list[str]]:
    """Property → what contradicts it, in a table that its own checks let pass."""
    declared = {"states": STATES, "final": ("z",), "rows": ROWS, "events": EVENTS, **change}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Table, "_problems", lambda _: ())
        machine = StateMachine(Table(name="toy", **declared))
    return {finding.property: finding.problems for finding in findings(machine, holds) if finding.problems}


def test_a_table_that_contradicts_nothing_has_no_problems():
    assert problems() == {}


TO_B = Row("a", "end", "b", None, "why")
CONTRADICTIONS = [
    ({"rows": (*ROWS, TO_B)}, "deterministic", "2 rows for ('a', 'end')"),
    ({"rows": (*ROWS, TO_B)}, "total", "('a', 'end') leads to z, but is declared to lead to b"),
    ({"states": (*STATES, State("c", None, "nowhere")), "final": ("z", "c")}, "reachable", "c is never reached"),
    ({"rows": (Row("b", "go", "b", None, "why"), *ROWS), "final": ()}, "no dead ends", "a leads to no final state"),
    ({"rows": (*ROWS, Row("z", "go", "b", None, "why"))}, "no dead ends", "go leaves the final state z"),
    ({"rows": (*ROWS[:1], TO_B, *list(Table("t", STATES, ("z",), ROWS, ("go", *ENDINGS)).expanded())[2:])},
     "ends anywhere", "('a', 'end') does not end"),
    ({"events": ("go", "stay", *ENDINGS)}, "every event used", "stay is illegal everywhere"),
    ({"holds": {**BOUNDS, ("toy", "z"): Hold("x", (1,))}}, "bounded hold-back", "z is not live, but has a bound"),
    ({"holds": {("toy", "a"): BOUNDS["toy", "a"]}}, "bounded hold-back", "b has no bound"),
    ({"holds": {**BOUNDS, ("toy", "b"): Hold("x", ("much",))}}, "bounded hold-back", "b has an unknown bound 'much'"),
    ({"rows": (*ROWS, Row("a", "stay", "a", None, "why")), "events": ("go", "stay", *ENDINGS)},
     "bounded hold-back", "a holds text back, emits nothing and leads back to itself"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "name", "problem"), CONTRADICTIONS, ids=[problem for *_, problem in CONTRADICTIONS])
def test_a_property_that_does_not_hold_is_named_with_what_contradicts_it(change, name, problem):
    assert problem in problems(**change)[name]


# -- what is exercised -------------------------------------------------------------------------------------------------


def traced(chunks: list[Any], **options: Any) -> list[Transition]:
    trace: list[Transition] = []
    run(chunks, trace=trace, **options)
    return trace


@cache
def own() -> set[Cell]:
    """What our own streams take: those above, the cases of the laws and the example captures."""
    traces = [ended(place, event) for place in REACH for event in ENDINGS]
    traces += [traced(call_chunks(name, [text])) for name in ("send_message", "search") for text in CASES]
    traces += [traced(call_chunks("send_message", [text])) for text in ('{"message":-x}', '{"thinking":nil}')]
    traces += [traced(call_chunks("search", [text])) for text in ('{"thinking":nil}', '{"thinking":"Hm"?}')]
    traces += [traced([chunk(content="Hi")], reasoning_model=True)]
    traces += [traced([SECRET]), traced([chunk(reasoning_content="Hm"), SECRET]), traced([chunk(finish="stop")])]
    traces += [traced([added(thoughts()), done(thoughts())])]
    for file in sorted((ROOT / "examples" / "captures").glob("*.sse")):
        traces.append(traced(capture.chunks(file.read_text(encoding="utf-8")), think_tags=TAGS))
    for mode in (INSIDE, AUTO, ThinkTags(*TAGS, "auto", "anywhere")):
        traces += [traced([chunk(content=text)], think_tags=mode) for text in ("<think>a</think>b", "a</think>b", "a")]
    return set().union(*map(cells, traces))


@pytest.mark.parametrize("cell", [cell for cell in LEGAL if cell not in NEVER], ids="-".join)
def test_every_legal_row_is_taken_by_a_stream_of_our_own(cell: Cell):
    assert cell in own()


def test_nothing_else_is_taken():
    assert own().isdisjoint(NEVER)
    assert own() < set(LEGAL)


@pytest.mark.parametrize("place", REACH, ids="-".join)
def test_the_streams_above_reach_the_state_that_they_are_for(place: tuple[str, str]):
    assert {(*place, event) for event in ENDINGS} <= set().union(*(cells(ended(place, event)) for event in ENDINGS))


def test_the_counts_of_recorded_streams_are_those_of_the_recordings():
    if not FILES:
        pytest.skip("no recordings; they are not part of the project")
    recorded_rows = runpy.run_path(str(ROOT / "docs" / "generate.py"))["recorded_rows"]
    committed = json.loads((ROOT / "docs" / "machines" / "recorded.json").read_text(encoding="utf-8"))
    assert recorded_rows(CAPTURES) == committed, "run: python docs/generate.py --count with the recordings"


def test_the_counts_of_recorded_streams_are_of_legal_rows():
    committed = json.loads((ROOT / "docs" / "machines" / "recorded.json").read_text(encoding="utf-8"))
    counted = {(name, *cell.split()): count for name, rows in committed["rows"].items() for cell, count in rows.items()}
    assert set(counted) <= set(LEGAL)
    assert all(0 < count <= committed["streams"] for count in counted.values())


# -- what is held back -------------------------------------------------------------------------------------------------

HALF = "\ud83d"
LIMITS = Limits(name=12, arguments=48, text=48)
# What makes a state hold back as much as it can; texts of content, with the tags that they are read by.
TEXTS: list[tuple[str, Any]] = [
    ("a" * (LIMITS.text - 7) + TAGS[0][:-1] + HALF, AUTO),
    (" " + TAGS[0][:-1] + HALF, TAGS),
    (" " + TAGS[0][:-1] + HALF, INSIDE),
    ("a" + TAGS[0][:-1] + HALF, ANYWHERE),
    (TAGS[0] + "a" + TAGS[1][:-1] + HALF, TAGS),
    ("a" + HALF, TAGS),
]
HOLDING = [
    [chunk(reasoning_content="a" + HALF)],
    [SECRET, chunk(reasoning_content="a" + HALF)],
    [chunk(call(0, name="n" * LIMITS.name)), chunk(call(0, arguments="{"))],
    [chunk(call(0, arguments="{" + " " * (LIMITS.arguments - 1))), chunk(call(0, name="n" * LIMITS.name))],
    call_chunks("search", [r'{"a":"\ud83d\ude0', HALF], finish=None),
    call_chunks("search", ['{ "' + "k" * (LIMITS.arguments - 3)], finish=None),
    call_chunks("send_message", ['{"thinking":"Hm" , "' + "k" * (LIMITS.arguments - 20)], finish=None),
    call_chunks("search", [r'{"thinking":"\ud83d\ude0', HALF], finish=None),
    call_chunks("send_message", [r'{"message":"\ud83d\ude0', HALF], finish=None),
    call_chunks("send_message", ['{"message":nul', HALF], finish=None),
    [chunk({**TEXT_TOOL, "custom": {"name": "code", "input": "x" + HALF}})],
    call_chunks("search", ["{} ", HALF], finish=None),
    call_chunks("search", ["x", HALF], finish=None),
    call_chunks("send_message", ["x", HALF], finish=None),
]


def held(lane: Any) -> int:
    """Characters that ``lane`` was given and has neither told nor dropped."""
    if lane.machine.table.name == "text":
        return len(lane._held.getvalue() + lane._prefix + lane.half)
    scanner = lane.scanner
    if scanner is None:
        return len(lane.name + lane._name_half + lane.arguments.getvalue() + lane.half)
    return len(lane.half + scanner._tail) + max(scanner._held.size, scanner._key.size)


@cache
def most_held() -> dict[tuple[str, str], int]:
    """The most that each state holds back after any chunk, one character at a time and whole."""
    most: dict[tuple[str, str], int] = {}
    streams = [([chunk(content=text)], tags) for text, tags in TEXTS] + [(chunks, None) for chunks in HOLDING]
    for chunks, tags, cut in ((*each, cut) for each in streams for cut in (every(1), whole)):
        parser = StreamParser(think_tags=tags, limits=LIMITS)
        for piece in cut(chunks):
            parser.feed(piece)
            for choice in parser._response.run.choices.values():
                for lane in (*choice.texts.values(), *choice.calls.lanes):
                    place = (lane.machine.table.name, lane.state)
                    most[place] = max(most.get(place, 0), held(lane))
        assert parser.state == "open"
    return most


@pytest.mark.parametrize("place", [place for place, hold in HOLDS.items() if hold.bounds], ids="-".join)
def test_a_state_holds_back_no_more_than_it_says(place: tuple[str, str]):
    told = {**LIMITS.model_dump(), "think_tags": max(map(len, TAGS)) - 1}
    bounds = HOLDS[place].bounds
    bound = sum(bound if isinstance(bound, int) else told[bound] for bound in bounds)
    assert 0 < most_held()[place] <= bound
    if all(isinstance(bound, int) for bound in bounds):
        assert most_held()[place] == bound
