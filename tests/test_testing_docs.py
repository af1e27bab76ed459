"""What the page on testing shows is so."""

import inspect
import re
from pathlib import Path

import pytest

import streamfsm.testing
from streamfsm.testing import LawBroken, Stream
from streamfsm.testing.streams import text

PAGE = (Path(__file__).parents[1] / "docs" / "testing.md").read_text(encoding="utf-8")
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
