"""``streamfsm conform``: programs that are right, wrong, broken and slow, asked a few cases."""

import json
import shlex
import sys
from contextlib import closing
from importlib.util import find_spec
from typing import get_args
from xml.etree import ElementTree as ET

import pytest

from streamfsm.cli import main
from streamfsm.conform import cases, cuts, facts, judge, reports, runner
from streamfsm.conform.program import Failure, Limits, Program
from streamfsm.errors import MisuseError
from streamfsm.testing.streams import Stream, call, finish, text

# The program of the documentation, with a place for what is wrong with it.
PROGRAM = """
import json, sys

HELLO = {{"name": "toy", "version": "1", "language": "Python",
         "claims": ["content", "calls", "ids", "safe", "usage", "ending", "warnings", "choices"]}}
ENDINGS = {{"stop": "complete", "tool_calls": "complete", "length": "cut"}}

def answer(chunks):
    choices, usage, ending = {{}}, None, "broken"
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for part in chunk["choices"]:
            choice = choices.setdefault(part["index"], {{"index": part["index"], "content": "", "calls": {{}}}})
            choice["content"] += part["delta"].get("content") or ""
            for entry in part["delta"].get("tool_calls") or ():
                made = choice["calls"].setdefault(entry["index"], {{"id": None, "name": "", "arguments": ""}})
                made["id"] = entry.get("id") or made["id"]
                for name, text in entry["function"].items():
                    made[name] += text
            ending = ENDINGS.get(part["finish_reason"], ending)
    for choice in choices.values():
        choice["calls"] = [dict(each, safe=ending == "complete") for each in choice["calls"].values()]
    return {{"choices": list(choices.values()), "usage": usage, "ending": ending, "warnings": []}}

def main():
    for line in sys.stdin:
        request = json.loads(line)
        if "hello" in request:
            print(json.dumps(HELLO), flush=True)
        elif "open" in request:
            chunks = []
        elif "feed" in request:
            chunks.append(request["feed"])
        else:
            print(json.dumps(answer(chunks)), flush=True)

{wrong}
main()
"""
STREAM = Stream([*text("content", "a b"), *call(0, "f", '{"a":1}'), *finish("tool_calls")], cut_names=False)


def case(stream=STREAM, *, events=None, **fields):
    record = {
        "id": "toy/case",
        "wire": "chat",
        "title": "A case",
        "why": "To test.",
        "law": "texts",
        "stream": [],
        "events": stream.plain() if events is None else events,
        "expected": {
            "choices": [
                {
                    "content": "a b",
                    "calls": [{"id": "call_0_0", "name": "f", "arguments": '{"a": 1}', "safe": True}],
                }
            ],
            "ending": "complete",
        },
    }
    return cases.Case.model_validate({**record, **fields})


@pytest.fixture
def command(tmp_path):
    """Writes a program, and gives the command that runs it."""

    def write(wrong=""):
        path = tmp_path / "program.py"
        path.write_text(PROGRAM.format(wrong=wrong), encoding="utf-8")
        return shlex.join([sys.executable, str(path)])

    return write


@pytest.fixture
def found(command):
    """The findings of a program with this fault, as ``law → finding``."""

    def ask(wrong="", *asked, seconds=5.0, **options):
        located = [cases.Located(each, None, at, str(at)) for at, each in enumerate(asked or [case()], 1)]
        _, outcomes = runner.run(command(wrong), located, limits=Limits(seconds=seconds), **options)
        return {finding.law: finding for outcome in outcomes for finding in outcome.findings}

    return ask


# -- what is found -----------------------------------------------------------------------------------------------------


def test_a_right_program_breaks_no_law(found):
    assert found() == {}


@pytest.mark.parametrize(
    ("wrong", "law", "detail"),
    [
        ("ENDINGS.clear()", "ending", "ending: complete → broken"),
        ("right = answer\ndef answer(c): return {**right(c), 'choices': []}", "texts", "content: 'a b' → ''"),
        ("right = answer\ndef answer(c): return {**right(c), 'raised': 'KeyError: 1'}", "total", "raised KeyError: 1"),
        ("def answer(c): sys.exit('so long')", "total", "ended with code 1: so long"),
        ("def answer(c): return 7", "total", "nonsense: "),
        ("def answer(c): return {'ending': 'odd'}", "total", "nonsense: ending: Input should be 'complete'"),
        ("json.dumps = lambda x, d=json.dumps: d(x) if 'name' in x else 'no json'", "total", "nonsense: "),
        ("def answer(c): sys.stdout.write('x' * (1 << 25)); sys.stdout.flush()", "total", "more than 16777216 bytes"),
    ],
)  # fmt: skip
def test_what_is_wrong_breaks_a_law(found, wrong, law, detail):
    finding = found(wrong)[law]
    assert finding.detail.startswith(detail)
    assert (finding.case, finding.cut, finding.again) == ("toy/case", "as sent", True)


def test_a_hang_is_a_finding(found):
    finding = found("import time\ndef answer(c): time.sleep(60)", seconds=0.3)["total"]
    assert finding.detail == "no answer within 0.3 seconds"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_too_much_memory_is_a_finding(command):
    with closing(Program(command("def answer(c): return bytearray(1 << 32)"), Limits(megabytes=500))) as program:
        with pytest.raises(Failure, match="MemoryError"):
            program.read("chat", [])
        assert program.hello().name == "toy"  # a new process


def test_memory_is_not_limited_where_the_system_cannot(command, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with closing(Program(command(), Limits(megabytes=1))) as program:
        assert program.hello().name == "toy"


def test_a_program_that_leaves_before_it_has_read_is_a_finding(command):
    with (
        closing(
            Program(command("if len(sys.argv) == 1: print(json.dumps(HELLO), flush=True); sys.exit(4)"))
        ) as program,
        pytest.raises(Failure, match="ended with code 4"),
    ):
        program.read("chat", ["x" * (1 << 20)])  # more than a pipe holds


def test_a_crash_while_a_finding_is_made_smaller_is_not_taken_for_it(found):
    wrong = (
        "right = answer\ndef answer(c):\n    if all('f' not in str(x['choices'][0]['delta']) for x in c): sys.exit(5)\n"
        "    return {**right(c), 'ending': None} if len(c) == 2 else right(c)"
    )
    texts = str(found(wrong)["split"].events)
    assert "'name': 'f'" in texts or "arguments" in texts


def test_what_depends_on_the_cut_is_found_and_made_smaller(found):
    finding = found(
        "right = answer\ndef answer(c):\n    for x in c:\n        for p in x['choices']:\n"
        "            if p['delta'].get('content'): p['delta']['content'] = p['delta']['content'].strip()\n"
        "    return right(c)"
    )["split"]
    assert finding.detail == "content: 'a b' → 'ab'"
    assert finding.cut == "at 1"
    assert finding.cuts > 2
    texts = [
        [part["delta"]["content"] for event in events for part in event["choices"]]
        for events in (finding.than, finding.events)
    ]
    assert texts == [["a b"], ["a ", "b"]], "calls and ending are left out"
    assert finding.again


def test_a_crash_in_one_cut_ends_the_case(found):
    wrong = "right = answer\ndef answer(c): return right(c) if len(c) == 4 else sys.exit(3)"
    finding = found(wrong)["total"]
    assert (finding.detail, finding.cut, finding.again) == ("ended with code 3", "whole", True)


def test_what_is_not_seen_in_a_new_process_is_marked(found):
    wrong = (
        "from pathlib import Path\nright, first = answer, Path(__file__ + '.seen')\ndef answer(c):\n"
        "    if first.exists(): return right(c)\n    first.touch()\n    return {**right(c), 'choices': []}"
    )
    assert {law: finding.again for law, finding in found(wrong).items()} == {
        "texts": False,
        "safe": False,
        "split": False,
    }


def test_a_difference_that_pieces_do_not_show_is_kept_as_it_is(found):
    """A choice without a finish reason, which gets a null one where it is cut."""
    sent = [{"choices": [{"index": 0, "delta": {"content": "ab"}}]}]
    wrong = "def answer(c): return {'ending': 'cut' if 'finish_reason' in c[0]['choices'][0] else 'broken'}"
    finding = found(wrong, case(events=sent, expected={}))["split"]
    assert finding.than == tuple(sent)


@pytest.mark.parametrize("wrong", ["'raised': 'E'", "'usage': {'prompt_tokens': 1}"])
def test_any_fact_that_changes_with_the_cut_breaks_the_law_of_cuts(found, wrong):
    broken = f"right = answer\ndef answer(c): return {{**right(c), {wrong}}} if len(c) != 4 else right(c)"
    assert set(found(broken)) == {"split"}


# -- what is judged ----------------------------------------------------------------------------------------------------

ALL = frozenset(get_args(facts.Claim))


def laws(asked, answer, claims=ALL):
    return dict(judge.judge(asked, claims, facts.Answer.model_validate(answer)))


RIGHT = case().expected.model_dump(exclude={"tell"})


def test_only_what_is_claimed_is_judged():
    assert set(laws(case(), {})) == {"texts", "safe", "ending"}
    assert laws(case(), {}, frozenset()) == {}
    assert judge.laws_of(case(), frozenset()) == {"total", "split"}
    assert judge.laws_of(case(cut=False, certain=False, expected={"tell": "a guess"}), ALL) == {"total", "warnings"}


def test_arguments_are_compared_as_values_and_text_that_is_not_json_as_text():
    values = [facts.Call(name="f", arguments=each).value for each in ("", " null", "{}", {}, None)]
    assert set(values) == {"{}"}
    assert (
        facts.Call(name="f", arguments='{"b":1, "a":2}').value == facts.Call(name="f", arguments={"a": 2, "b": 1}).value
    )
    assert facts.Call(name="f", arguments='{"a"').value == '{"a"'
    assert facts.Call(name="f", arguments='["\\ud83d\\ude00","\\ud83d"]').value == '["\U0001f600", "\ufffd"]'


def test_a_call_that_is_not_whole_is_not_safe():
    cut = case(expected={"choices": [{"calls": [{"name": "f", "arguments": "{", "safe": False}]}]})
    answer = {"choices": [{"calls": [{"name": "f", "arguments": "{", "safe": True}]}]}
    assert laws(cut, answer) == {"safe": "safe, and not a whole call of the model: f({)"}
    assert (
        laws(case(), {**RIGHT, "choices": [{**RIGHT["choices"][0], "calls": []}]})["safe"]
        == 'whole, and not safe: f({"a": 1})'
    )


def test_who_says_which_calls_are_safe_may_leave_out_the_others():
    cut = {"choices": [{"calls": [{"name": "f", "arguments": "{", "safe": False}, {"name": "g", "safe": True}]}]}
    answer = {"choices": [{"calls": [{"name": "g", "safe": True}]}]}
    assert laws(case(expected=cut), answer) == {}
    assert set(laws(case(expected=cut), answer, ALL - {"safe"})) == {"texts"}
    assert set(laws(case(expected=cut), {})) == {"texts", "safe"}


def test_ids_are_judged_where_the_wire_gave_them():
    def called(id_):
        return {"choices": [{"calls": [{"id": id_, "name": "f"}]}]}

    assert laws(case(expected=called("a")), called("b")) == {"texts": "id of f: 'a' → 'b'"}
    assert laws(case(expected=called("a")), called("b"), ALL - {"ids"}) == {}
    assert laws(case(expected=called(None)), called("b")) == {}
    given = [facts.Answer.model_validate(called(id_)) for id_ in "bc"]
    assert judge.differs(case(expected=called("a")), ALL, *given) == "id of f: 'b' → 'c'"
    assert judge.differs(case(expected=called(None)), ALL, *given) is None


def test_other_choices_are_judged_if_they_are_claimed():
    two = {"choices": [{"content": "a"}, {"index": 1, "content": "b"}]}
    assert laws(case(expected=two), {"choices": two["choices"][:1]}) == {"texts": "choice 1 content: 'b' → ''"}
    assert laws(case(expected=two), {"choices": two["choices"][:1]}, ALL - {"choices"}) == {}
    assert laws(case(expected={}), {}, ALL - {"choices"}) == {}


def test_a_failure_that_is_told_is_no_silence():
    asked = case(expected={"tell": "a guess"})
    assert laws(asked, {}) == {"warnings": "silent about: a guess"}
    assert laws(asked, {"warnings": ["Hm."]}) == {}
    assert laws(asked, {"ending": "failed"}) == {}


def test_what_a_parser_keeps_of_a_failed_response_is_its_own_affair():
    for ending in ("failed", "broken"):
        asked = case(expected={"choices": [{"content": "a"}], "ending": ending})
        assert "texts" not in laws(asked, {"ending": "failed"})
        assert "texts" in laws(asked, {"ending": "broken"})
    assert "texts" in laws(case(expected={"choices": [{"content": "a"}], "ending": "cut"}), {"ending": "failed"})


def test_counts_are_compared_as_reported():
    asked = case(expected={"usage": {"prompt_tokens": 1, "completion_tokens": 2}})
    assert list(laws(asked, {"usage": {"prompt_tokens": 1}})) == ["usage"]
    assert laws(asked, {"usage": {"prompt_tokens": 1, "completion_tokens": 2}}) == {}


def test_safe_calls_that_change_with_the_cut_differ():
    one, other = (
        facts.Answer.model_validate({"choices": [{"calls": [{"name": "f", "safe": safe}]}]}) for safe in (True, False)
    )
    assert judge.differs(case(), ALL, one, other) == "safe calls: f({}) → none"


# -- cases and cuts ----------------------------------------------------------------------------------------------------


def test_every_cut_has_a_name_that_gives_it_again():
    asked = case()
    named = {name: events() for name, events in cuts.cuts(asked)}
    assert len(STREAM.pieces) == 12
    assert list(named) == ["whole", *(f"at {n}" for n in range(1, 12)), *(f"every {n}" for n in range(1, 6))]
    assert {name: cuts.cut(asked, name) for name in named} == named
    assert cuts.cut(asked, "as sent") == list(asked.events)
    assert [len(named[name]) for name in ("whole", "at 1", "every 1")] == [1, 2, 12]


def test_snapshots_are_not_cut():
    assert list(cuts.cuts(case(cut=False))) == []
    with pytest.raises(MisuseError, match="toy/case is not cut 'at 1'"):
        cuts.cut(case(cut=False), "at 1")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "cases.jsonl:1: not JSON: "),
        ("{}", "cases.jsonl:1: not a case: id: Field required"),
        ("7", "cases.jsonl:1: not a case: the line: Input should be"),
    ],
)
def test_a_line_that_is_not_a_case_is_named(tmp_path, line, complaint):
    (tmp_path / "cases.jsonl").write_text(line)
    with pytest.raises(MisuseError, match=complaint):
        cases.load([tmp_path])


def test_two_cases_of_one_id_are_named(tmp_path):
    path = tmp_path / "cases.jsonl"
    path.write_text(f"{case().model_dump_json()}\n\n{case().model_dump_json()}\n")
    with pytest.raises(MisuseError, match=r"cases.jsonl:3: toy/case is also at .*cases.jsonl:1"):
        cases.load([path])


def test_paths_without_cases_are_named(tmp_path):
    with pytest.raises(MisuseError, match="no cases"):
        cases.load([tmp_path])
    with pytest.raises(MisuseError, match="No such file"):
        cases.load([tmp_path / "nowhere.jsonl"])


def test_the_cases_of_an_installed_package_are_in_it(tmp_path, monkeypatch):
    assert cases.directory().name == "cases"
    (tmp_path / "cases").mkdir()
    monkeypatch.setattr(cases, "__file__", str(tmp_path / "cases.py"))
    assert cases.directory() == tmp_path / "cases"


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def suite(tmp_path):
    path = tmp_path / "suite.jsonl"
    other = case(id="toy/other", needs=["parts"])
    path.write_text(f"{case().model_dump_json()}\n{other.model_dump_json()}\n")
    return path


@pytest.fixture
def conform(command, suite, capsys):
    """Runs the command on a program with this fault; gives its exit code, and what it printed."""

    def run(wrong="", *options):
        code = main(["conform", "--command", command(wrong), "--cases", str(suite), *map(str, options)])
        return code, capsys.readouterr()

    return run


def test_a_program_that_conforms_exits_with_code_0(conform):
    code, printed = conform()
    assert code == 0
    assert printed.out.splitlines() == [
        "toy 1 (Python): 1 cases, 18 runs",
        "",
        "law         judged  broken",
        "total            1       0",
        "split            1       0",
        "texts            1       0",
        "dialects         not asked",
        "safe             1       0",
        "ending           1       0",
        "usage            not asked",
        "warnings         not asked",
    ]


WRONG = "right = answer\ndef answer(c): return {**right(c), 'ending': 'cut\\x00'[:3] if len(c) > 9 else 'broken'}"


def test_a_finding_exits_with_code_1_and_says_how_to_repeat_it(conform, tmp_path):
    files = {name: tmp_path / f"found.{name}" for name in ("json", "junit", "sarif")}
    code, printed = conform(WRONG, "--jobs", 2, *(part for name, path in files.items() for part in (f"--{name}", path)))
    assert code == 1
    assert "\nending toy/case (as sent)\n    ending: complete → broken\n    sent:\n        {" in printed.out
    assert "\nsplit toy/case (every 1, in 1 cut)\n    ending: broken → cut\n    the same as:\n" in printed.out
    repeats = [shlex.split(line) for line in printed.out.splitlines() if line.startswith("    streamfsm conform")]
    for repeat in repeats:
        assert main(repeat[1:]) == 1
    record = json.loads(files["json"].read_text())
    assert record["laws"]["ending"] == {"judged": 1, "broken": 1}
    assert [each["law"] for outcome in record["outcomes"] for each in outcome["findings"]] == ["ending", "split"]
    suites = {each.get("name"): each for each in ET.fromstring(files["junit"].read_text())}  # noqa: S314 - our own
    assert list(suites) == ["total", "split", "texts", "safe", "ending"]
    assert suites["ending"].find("testcase/failure").get("message") == "ending: complete → broken"
    assert suites["texts"].find("testcase/failure") is None
    assert suites["texts"].find("testcase").get("name") == "toy/case"
    results = json.loads(files["sarif"].read_text())["runs"][0]["results"]
    assert [each["ruleId"] for each in results] == ["ending", "split"]
    place = results[0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("suite.jsonl", 1)


def test_more_findings_are_counted(conform, suite):
    lines = [case(id=f"toy/case-{n}").model_dump_json() for n in range(3)]
    suite.write_text("\n".join(lines))
    assert "\nending: 2 more findings\n" in conform("ENDINGS.clear()", "--findings", 1)[1].out + "\n"


def test_what_was_asked_is_not_asked_again(conform, tmp_path):
    kept = tmp_path / "kept.jsonl"
    first = conform(WRONG, "--resume", kept)
    assert conform("def answer(c): sys.exit()", "--resume", kept) == first
    kept.write_text("[]\n")
    code, printed = conform("", "--resume", kept)
    assert (code, printed.err) == (2, f"streamfsm: {kept}:1: not an outcome of an earlier run\n")
    kept.write_text('{"asked": "another"}\n')
    assert conform("", "--resume", kept)[0] == 0


def test_a_case_can_be_asked_alone_in_one_cut(conform):
    assert conform("", "--case", "toy/c*", "--cut", "every 2")[1].out.startswith("toy 1 (Python): 1 cases, 2 runs\n")


def test_progress_is_told_on_a_long_run(conform, monkeypatch):
    now = iter(range(0, 100, 3))
    monkeypatch.setattr("streamfsm.cli.progress.monotonic", lambda: next(now))
    assert conform()[1].err == "[####################] 1 of 1 cases, 0 broken\n"


def test_an_interrupt_ends_the_run_and_says_how_far_it_came(conform, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "examine", interrupted)
    code, printed = conform()
    assert (code, printed.err) == (130, "stopped after 0 cases\n")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--command", "no-such-program"], "--command: no-such-program: No such file or directory"),
        (["--command", "'"], "--command ': No closing quotation"),
        (["--command", ""], "--command is empty"),
        (["--command", f"{sys.executable} -c 'print(7)'"], "--command: nonsense: the answer: Input should be an ob"),
        (["--case", "nothing/of-the-kind"], "no case has the id nothing/of-the-kind"),
        (["--cut", "at 99"], "toy/case is not cut 'at 99'"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_one_line_and_exit_code_2(conform, options, complaint):
    code, printed = conform("", *options)
    assert (code, printed.out) == (2, "")
    assert printed.err.startswith(f"streamfsm: {complaint}")
    assert printed.err.count("\n") == 1


def test_it_names_what_is_not_installed(conform, monkeypatch):
    monkeypatch.setattr(
        "streamfsm.cli.conform.find_spec", lambda name: None if name == "hypothesis" else find_spec(name)
    )
    code, printed = conform()
    assert (code, printed.err) == (
        2,
        "streamfsm: conform needs hypothesis: install streamfsm with its extra 'testing'\n",
    )


def test_junit_has_a_test_for_each_case_that_a_law_judges():
    hello = facts.Hello(name="toy", version="1", language="Python", claims=frozenset())
    outcomes = [
        runner.Outcome(case=f"toy/{law}", digest="", laws=(law,), runs=1, findings=()) for law in ("total", "usage")
    ]
    suites = ET.fromstring(reports.junit("toy", hello, outcomes))  # noqa: S314 - our own
    assert [[test.get("name") for test in suite] for suite in suites] == [["toy/total"], ["toy/usage"]]


def test_junit_holds_no_character_that_xml_cannot():
    finding = runner.Finding(law="texts", case="toy/case", cut="as sent", detail="a\x00b\ufffe", events=())
    outcome = runner.Outcome(case="toy/case", digest="", laws=("texts",), runs=1, findings=(finding,))
    hello = facts.Hello(name="toy", version="1", language="Python", claims=frozenset())
    written = reports.junit("toy", hello, [outcome])
    assert ET.fromstring(written).find("testsuite/testcase/failure").get("message") == "a\\x00b\\xfffe"  # noqa: S314 - our own


def test_the_schema_requires_what_a_case_must_have():
    assert set(cases.schema()["required"]) == {"id", "wire", "title", "why", "law", "stream", "events", "expected"}


def test_the_events_of_a_cut_have_numbers_of_their_own():
    event = {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0}
    asked = case(events=[{**event, "delta": "abc", "sequence_number": 0}, {"type": "keepalive"}], wire="responses")
    found = cuts.cut(asked, "every 1")
    assert [(each.get("delta"), each.get("sequence_number")) for each in found] == [
        ("a", 0),
        ("b", 1),
        ("c", 2),
        (None, None),
    ]
