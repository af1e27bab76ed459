"""What the page on testing shows is so."""

import inspect
import json
import re
import sys
from pathlib import Path

import pytest

import streamfsm.testing
from streamfsm.cli import main
from streamfsm.replay import capture
from streamfsm.testing import LawBroken, Stream, run
from streamfsm.testing.streams import text

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```\n", PAGE, re.DOTALL)
REPORT = re.findall(r"```text\n(.*?)```\n", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def shown():
    """The names that the first two examples define."""
    names = {}
    for example in PYTHON[:2]:
        exec(compile(example, "testing.md", "exec"), names)  # noqa: S102 - our own code
    return names


def test_the_example_holds(shown):
    shown["test_no_chunking_changes_what_my_parser_says"]()


def test_the_report_is_the_one_that_is_shown(shown):
    with pytest.raises(LawBroken) as raised:
        exec(compile(PYTHON[2], "testing.md", "exec"), dict(shown))  # noqa: S102 - our own code
    assert [f"{raised.value}\n"] == REPORT


def test_the_example_with_a_process_of_its_own_prints_what_it_says(shown, capsys):
    names = dict(shown)
    names["stream"] = Stream(text("content", "a b"))
    exec(compile(PYTHON[4], "testing.md", "exec"), names)  # noqa: S102 - our own code
    assert capsys.readouterr().out == PYTHON[4].split("# ")[1]


def test_the_example_of_a_proof_holds():
    names = {}
    exec(compile(PYTHON[3], "testing.md", "exec"), names)  # noqa: S102 - our own code
    names["test_every_chunking"]()


def test_the_example_with_recordings_holds(shown, chunkings_of_the_plugin):
    names = dict(shown)
    exec(compile(PYTHON[5], "testing.md", "exec"), names)  # noqa: S102 - our own code
    names["test_recordings"]([{"choices": [{"index": 0, "delta": {"content": "a b"}}]}], chunkings_of_the_plugin)


@pytest.fixture
def searching(tmp_path, monkeypatch):
    """The module of the section on a parser that searches a buffer, which can be imported; its names."""
    text = "\n".join(PYTHON[6:8]).replace('"examples/', f'"{ROOT.as_posix()}/examples/')
    (tmp_path / "test_my_parser.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(text, "testing.md", "exec"), names)  # noqa: S102 - our own code
    yield names
    sys.modules.pop("test_my_parser", None)


def test_a_parser_that_searches_a_buffer_reads_the_recording(searching):
    recorded = capture.chunks(searching["RECORDING"].read_text(encoding="utf-8"))
    said = "".join(each.text for each in run(searching["Buffers"], recorded).said)
    assert json.loads(f'"{said}"').startswith("Grüß dich!")


def test_every_split_of_the_recording_finds_what_the_buffer_does(searching):
    with pytest.raises(LawBroken) as raised:
        searching["test_every_split_of_a_recording"]()
    assert raised.value.detail.split("B  ")[1].endswith("\"}'")


def test_the_command_finds_what_the_buffer_does(searching, capsys):
    [line] = re.findall(r"^streamfsm (fuzz .*)$", PAGE, re.MULTILINE)
    assert searching
    assert main(line.replace("examples/", f"{ROOT.as_posix()}/examples/").split()) == 1
    assert capsys.readouterr().out.startswith("split invariance is broken")


def test_the_example_with_responses_holds():
    names = {}
    exec(compile(PYTHON[-1], "testing.md", "exec"), names)  # noqa: S102 - our own code
    names["test_my_parser_needs_nothing_but_deltas"]()


def test_every_retelling_is_told():
    assert [retelling.name for retelling in streamfsm.testing.RETELLINGS if f"`{retelling.name}`" not in PAGE] == []


@pytest.fixture
def chunkings_of_the_plugin():
    return streamfsm.testing.standard_chunkings


def test_every_check_and_every_strategy_is_told():
    for name in streamfsm.testing.__all__:
        value = getattr(streamfsm.testing, name)
        strategy = inspect.isfunction(value) and "SearchStrategy" in str(inspect.signature(value).return_annotation)
        if name.startswith("check_") or strategy:
            assert re.search(rf"`{name}\W", PAGE), name


def test_every_public_name_of_the_kit_is_there_and_says_what_it_is():
    assert sorted(set(streamfsm.testing.__all__)) == sorted(streamfsm.testing.__all__)
    for name in streamfsm.testing.__all__:
        value = getattr(streamfsm.testing, name)
        assert name in ("Parse", "Read", "Ready", "ALPHABET", "QUIRKS", "RETELLINGS") or value.__doc__, name
