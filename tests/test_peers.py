"""The adapters for other parsers say what those say, and the comparison judges each on what it claims.

What is not installed here is skipped; ``make peers`` installs all of it.
"""

import importlib
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamfsm.testing import LawBroken, Said, Stream, responses, run, standard_chunkings
from streamfsm.testing.responses import response
from streamfsm.testing.streams import call, finish, text
from streamfsm.wires.chat.chunking import split

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "examples" / "peers"
PAGE = (ROOT / "docs" / "peers.md").read_text(encoding="utf-8")
MODULES = sorted(path.stem for path in PEERS.glob("*.py") if "\nPACKAGES = (" in path.read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def _beside_the_script(monkeypatch):
    monkeypatch.syspath_prepend(PEERS)


@pytest.fixture
def compare():
    return importlib.import_module("compare")


# -- adapters ----------------------------------------------------------------------------------------------------------

STREAM = Stream(
    [
        *text("reasoning", "hm"),
        *text("content", "hello"),
        *call(0, "send_message", r'{"message":"a\n\ud83d\ude00"}'),
        *call(1, "f", "{}"),
        *finish("tool_calls"),
    ],
    cut_names=False,
)
TEXTS = [
    ("reasoning", 0, "hm"),
    ("content", 0, "hello"),
    ("name", "call_0_0", "send_message"),
    ("arguments", "call_0_0", r'{"message":"a\n\ud83d\ude00"}'),
    ("name", "call_0_1", "f"),
    ("arguments", "call_0_1", "{}"),
]
RESPONSES_TEXTS = [
    (kind, {"call_0_0": "call_2", "call_0_1": "call_3"}.get(key, key), text) for kind, key, text in TEXTS
]


RESPONSES = Stream(
    split(
        response(
            [
                *responses.reasoning(0, ["h", "m"]),
                *responses.message(1, [("content", "hello")]),
                *responses.call(2, "send_message", r'{"message":"a\n\ud83d\ude00"}'),
                *responses.call(3, "f", "{}"),
            ]
        )
    )
)
ARGUMENT = Stream(call(0, "send_message", r'{"message":"a\nb"}'), cut_names=False)


def test_every_adapter_is_in_a_table(compare):
    assert sorted([*compare.TEXT_PEERS, *compare.RESPONSES_PEERS, *compare.ARGUMENT_PEERS]) == MODULES


def stream_for(name, compare):
    """The example that a peer is tried with, as it is sent."""
    if name in compare.RESPONSES_PEERS:
        return RESPONSES
    return compare.as_sent(ARGUMENT if name in compare.ARGUMENT_PEERS else STREAM)


def imported(name, compare):
    """The adapter's module, which has read the example: the first time, a client may build its models for seconds."""
    peer = pytest.importorskip(name)
    run(peer.Adapter, stream_for(name, compare).plain(), seconds=60)
    return peer


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("_argument")])
def test_an_adapter_says_the_texts_and_calls_that_its_peer_gives(name, compare):
    peer = imported(name, compare)
    said = run(peer.Adapter, stream_for(name, compare).cut(range(1, 99, 2))).coalesced()
    texts = RESPONSES_TEXTS if name in compare.RESPONSES_PEERS else TEXTS
    assert [each[:3] for each in said if each.kind != "stop"] == [each for each in texts if each[0] in peer.KINDS]


@pytest.mark.parametrize("name", [name for name in MODULES if name.endswith("_argument")])
def test_an_adapter_says_the_argument_as_it_grows(name, compare):
    peer = pytest.importorskip(name)
    found = run(peer.Adapter, compare.as_sent(ARGUMENT).cut([2, 14, 15, 16, 17]))
    steps = [said for step in found.steps for said in step if said.kind == "content"]
    assert steps == [Said("content", 0, "a"), Said("content", 0, "\n"), Said("content", 0, "b")]


# -- what is found -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_what_is_claimed_is_held_for_one_stream(name, compare):
    peer = imported(name, compare)
    stream = stream_for(name, compare)
    broken = BROKEN if name == "append_then_loads" else {}
    for law in compare.RESPONSES_LAWS if name in compare.RESPONSES_PEERS else compare.LAWS:
        if law.name in peer.CLAIMS and law.name not in broken and law.name != "linear":
            for chunks in standard_chunkings(stream):
                law.check(peer, stream, chunks)


BROKEN = {
    "promptness": (Stream(call(0, "f", "{}")), []),
    "cut off": (Stream([]), Stream(call(0, "f", "")).plain()),
    "dialects": (Stream(call(0, "f", "{}")), [{"choices": [{"index": 0, "delta": None}]}]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_baseline_waits_for_the_end_and_needs_the_usual_wire(name, compare):
    law = next(law for law in compare.LAWS if law.name == name)
    with pytest.raises(LawBroken):
        law.check(importlib.import_module("append_then_loads"), *BROKEN[name])


def test_a_table_tells_what_is_held_or_broken_or_not_claimed_and_by_which_example(compare, monkeypatch):
    monkeypatch.delitem(importlib.import_module("append_then_loads").CLAIMS, "cut off")
    laws = [law for law in compare.LAWS if law.name in ("nothing lost", "promptness", "cut off", "garbage")]
    peers = {"append_then_loads": "the baseline", "jiter_argument": "jiter"}
    table = compare.compared(peers, laws, compare.ARGUMENT, examples=5, first=7)
    assert table.cells == {
        ("nothing lost", "append_then_loads"): "held",
        ("nothing lost", "jiter_argument"): "held",
        ("promptness", "append_then_loads"): "**broken** [7](#7-the-baseline-promptness)",
        ("promptness", "jiter_argument"): "not claimed",
        ("cut off", "append_then_loads"): "not claimed [8](#8-the-baseline-cut-off)",
        ("cut off", "jiter_argument"): "held",
        ("garbage", "append_then_loads"): "—",
        ("garbage", "jiter_argument"): "—",
    }
    assert [title for title, _ in table.reports] == ["7. the baseline: promptness", "8. the baseline: cut off"]
    assert "    said   ''\n    known  '{'\n" in table.reports[0][1]


def test_an_example_that_does_not_fail_again_is_no_finding(compare):
    broken = [LawBroken("moody", "once", [])]

    def once(*_):
        if broken:
            raise broken.pop()

    law = compare.Law("moody", "", None, once)
    with pytest.raises(RuntimeError, match="a peer does not break the law again:\nmoody is broken: once"):
        compare.examined(SimpleNamespace(__name__="a peer"), law, compare.TEXTS, 1)


# -- the page and the command ------------------------------------------------------------------------------------------


def test_the_page_is_of_the_versions_that_are_installed_for_it():
    pins = dict(re.findall(r"^([\w-]+)(?:\[\w+\])?==(\S+)$", (PEERS / "requirements.txt").read_text(), re.MULTILINE))
    shown = dict(re.findall(r"([\w-]+) (\d+(?:\.\w+)+)(?=[,)])", PAGE))
    assert shown == {name: pin for name, pin in pins.items() if name != "hypothesis"}


def test_the_page_has_every_law_and_every_peer_and_a_report_for_every_number(compare):
    for law in compare.LAWS:
        assert f"\n| {law.name}: {law.means} | held |" in PAGE
    for name in [*compare.TEXT_PEERS, *compare.ARGUMENT_PEERS]:
        assert f"[{name}.py](../examples/peers/{name}.py)" in PAGE
    numbers = re.findall(r"\[(\d+)\]\(#\1-", PAGE)
    assert numbers == re.findall(r"^### (\d+)\. ", PAGE, re.MULTILINE) == [str(1 + at) for at in range(len(numbers))]


@pytest.fixture
def command(compare, monkeypatch, tmp_path):
    """Runs the command, with a page that is made at once."""
    monkeypatch.setattr(compare, "PAGE", tmp_path / "peers.md")
    monkeypatch.setattr(compare, "page", lambda examples, _tell: f"{examples} examples\n")

    def run_it(*options):
        monkeypatch.setattr(sys, "argv", ["compare.py", *options])
        return compare.main()

    return run_it


def test_the_page_is_printed_written_and_checked(command, compare, capsys):
    assert command() == 0
    assert capsys.readouterr().out == f"{compare.EXAMPLES} examples\n"
    assert command("--write", "--examples", "3") == 0
    assert compare.PAGE.read_text() == "3 examples\n"
    assert command("--check", "--examples", "3") == 0
    assert command("--check", "--examples", "4") == 1
    assert capsys.readouterr().err == "docs/peers.md is stale; run: make peers\n"


def test_where_a_peer_is_not_installed_the_command_says_how_to_install_it(command, compare, monkeypatch, capsys):
    monkeypatch.setattr(compare, "page", lambda *_: importlib.import_module("no_such_peer"))
    assert command() == 2
    assert capsys.readouterr().err == "No module named 'no_such_peer'; make peers installs what is compared\n"
