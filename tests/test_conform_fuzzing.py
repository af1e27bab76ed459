"""``streamfsm conform --fuzz``: parsers with planted mistakes, which generated cases show."""

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from streamfsm import StreamParser
from streamfsm.cli import main
from streamfsm.conform import fuzzing
from streamfsm.conform.cases import Case, line, load
from streamfsm.conform.composing import composed, responded
from streamfsm.conform.facts import Answer, Hello
from streamfsm.conform.fuzzing import Found, fuzz
from streamfsm.conform.program import Failure
from streamfsm.conform.runner import Outcome, Pair, examine
from streamfsm.testing.streams import Stream, call, finish, text

CLAIMS = ["content", "reasoning", "refusal", "calls", "ids", "choices", "custom_tools"]


def right(events: list[Any]) -> dict[str, Any]:
    """What this library's parser says."""
    parser = StreamParser(assistant_tool="", inner_thoughts_kwarg=None)
    for event in events:
        parser.feed(event)
    parser.close()
    return {
        "choices": [
            {
                **{name: getattr(choice, name) for name in ("index", "content", "reasoning", "refusal")},
                "calls": [
                    {"id": each.id, "name": each.name, "arguments": each.arguments} for each in choice.tool_calls
                ],
            }
            for choice in parser.result.choices
        ]
    }


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Found]]:
    """Fuzzes a parser in this process for so many examples, or until a case is found that breaks a law.

    Hypothesis draws constants of the modules that are loaded, so that a seed gives other examples when other tests were
    collected: it cannot be said how many of them show a mistake.
    """

    def search(
        read: Callable[[list[Any]], Any], *wires: str, examples: int = 2000, until: str | None = None
    ) -> list[Found]:
        broken: set[str] = set()

        def examined(pair: Pair, hello: Hello, case: Case) -> Outcome:
            outcome = examine(pair, hello, case)
            broken.update(finding.law for finding in outcome.findings)
            return outcome

        class InProcess:
            def __init__(self, *_: Any) -> None:
                pass

            def hello(self) -> Hello:
                return Hello(name="toy", version="1", language="Python", claims=CLAIMS, wires=wires or ["chat"])

            def read(self, _: str, events: list[Any]) -> Answer:
                return Answer.model_validate(read(events))

            def close(self) -> None:
                pass

        monkeypatch.setattr(fuzzing, "Program", InProcess)
        monkeypatch.setattr(fuzzing, "examine", examined)
        asked = count()
        _, new = fuzz("toy", going=lambda: until not in broken and next(asked) < examples, random_seed=1)
        return new

    return search


def changed(change: Callable[[str], str]) -> Callable[[list[Any]], dict[str, Any]]:
    """A parser whose contents are changed."""

    def read(events: list[Any]) -> dict[str, Any]:
        answer = right(events)
        for choice in answer["choices"]:
            choice["content"] = change(choice["content"])
        return answer

    return read


@pytest.mark.slow("hundreds of streams are read")
def test_nothing_is_found_in_a_parser_that_is_right(found: Any):
    assert found(right, "chat", "responses", examples=20) == []


@pytest.mark.slow("hundreds of streams are read, and made smaller")
@pytest.mark.parametrize("wire", ["chat", "responses"])
def test_a_planted_mistake_is_found_and_made_small(found: Any, wire: str):
    case, outcome = found(changed(lambda content: content.replace("b", "")), wire, until="texts")[-1]
    assert {finding.law for finding in outcome.findings} == {"texts"}
    assert outcome.findings[0].again
    assert case.id.startswith("found/texts-")
    assert "b" in case.expected.choice(0).content + case.expected.choice(1).content


@pytest.mark.slow("hundreds of streams are read, and made smaller")
def test_a_planted_mistake_of_cuts_is_found(found: Any):
    def read(events: list[Any]) -> Any:
        pieces = [choice["delta"] for event in events for choice in event.get("choices", ()) if choice.get("delta")]
        lost = any(len(delta.get("content") or "") == 1 for delta in pieces)
        return {"choices": []} if lost else right(events)

    laws = {finding.law for each in found(read, until="split") for finding in each.outcome.findings}
    assert "split" in laws


def test_a_crash_and_an_exception_are_found(found: Any):
    def read(events: list[Any]) -> Any:
        if "search" in json.dumps(events):
            raise Failure("ended with code 1")
        return {"raised": "KeyError: 1"}

    assert {each.outcome.findings[0].detail for each in found(read, examples=20)} >= {"raised KeyError: 1"}


def test_a_parser_that_answers_one_way_and_then_another_ends_the_search_all_the_same(found: Any):
    asked = count()
    assert len(found(lambda events: {**right(events), **({"choices": []} if next(asked) % 2 else {})}, examples=25)) > 0


def test_nothing_is_asked_once_the_time_is_up(found: Any):
    def read(_: list[Any]) -> Any:
        raise AssertionError

    assert found(read, examples=0) == []
    assert found(read, examples=2) == []


def test_what_is_composed_says_what_a_parser_must_claim_to_be_asked():
    stream = Stream([*text("refusal", "No."), *call(0, "f", "{}"), *finish("stop")])
    assert composed("a/b", "", stream)["needs"] == ["refusal"]
    parts = {
        "choices": [
            {"delta": {"content": [], "tool_calls": [{"custom": {"name": "g"}}], "function_call": {"name": "f"}}}
        ]
    }
    events = [7, {"choices": [5, {"delta": None}, *parts["choices"]]}, {"choices": None}]
    needed = ["custom_tools", "function_call", "parts"]
    assert composed("a/b", "", stream, events=events)["needs"] == needed
    assert responded("a/b", "", [("custom", "run", "x")])["needs"] == ["custom_tools"]


def test_what_is_not_whole_json_is_not_safe():
    def safe(arguments: str, ending: str = "stop") -> Any:
        stream = Stream([*call(0, "f", arguments), *finish(ending)])
        return composed("a/b", "", stream)["expected"]["choices"][0]["calls"][0]["safe"]

    assert [safe(each) for each in ("{}", "", "[]", '{"a":NaN}', '{"a')] == [True, None, None, False, False]
    assert safe("{}", "length") is None


# -- the command -------------------------------------------------------------------------------------------------------

PROGRAM = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    if "hello" in request:
        print(json.dumps({"name": "toy", "version": "1", "language": "Python", "claims": ["content"]}), flush=True)
    elif "close" in request:
        print(json.dumps({"choices": [{"content": "a"}]}), flush=True)
"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    now = count()
    monkeypatch.setattr("streamfsm.cli.conform.monotonic", lambda: next(now))


@pytest.mark.usefixtures("clock")
def test_the_command_writes_cases_that_the_command_asks_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    program, out, sarif = (tmp_path / name for name in ("program.py", "found.jsonl", "found.sarif"))
    program.write_text(PROGRAM)
    command = shlex.join([sys.executable, str(program)])
    ask = ["conform", "--command", command, "--fuzz", "15", "--out", str(out), "--sarif", str(sarif)]
    assert main(ask) == 1
    printed = capsys.readouterr()
    cases = [each.case for each in load([out])]
    assert printed.err.endswith(f" generated cases run, {len(cases)} written to {out}\n")
    assert out.read_text() == "".join(map(line, cases))
    places = [each["locations"][0]["physicalLocation"] for each in json.loads(sarif.read_text())["runs"][0]["results"]]
    assert {each["artifactLocation"]["uri"] for each in places} == {"found.jsonl"}
    repeats = [shlex.split(each) for each in printed.out.splitlines() if each.startswith("    streamfsm conform")]
    assert repeats
    assert [main(repeat[1:]) for repeat in repeats] == [1] * len(repeats)
    before = len(cases)
    assert main(ask) == 1  # what is there stays
    assert [each.case for each in load([out])][:before] == cases


@pytest.mark.usefixtures("clock")
def test_the_command_says_that_nothing_was_found_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    program, out, sarif = (tmp_path / name for name in ("program.py", "found.jsonl", "found.sarif"))
    program.write_text(PROGRAM.replace('["content"]', "[]"))
    command = shlex.join([sys.executable, str(program)])
    ask = ["conform", "--command", command, "--fuzz", "8", "--out", str(out), "--sarif", str(sarif)]
    assert main(ask) == 0
    assert capsys.readouterr().err.endswith(f" generated cases run, 0 written to {out}\n")
    assert not out.exists()
    assert json.loads(sarif.read_text())["runs"][0]["results"] == []


@pytest.mark.usefixtures("clock")
def test_progress_is_told_as_a_number_of_cases(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    now = count(step=3)
    monkeypatch.setattr("streamfsm.cli.progress.monotonic", lambda: next(now))
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.replace('["content"]', "[]"))
    command = shlex.join([sys.executable, str(program)])
    assert main(["conform", "--command", command, "--fuzz", "8", "--out", str(tmp_path / "found.jsonl")]) == 0
    *told, _ = capsys.readouterr().err.splitlines()
    assert told[:1] == ["1 cases"]
    assert told == [f"{number} cases" for number in range(1, len(told) + 1)]
