"""The conformance suite's files: what is generated is what is there, and this library's parser is right about it."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from streamfsm.conform.cases import directory, load
from streamfsm.conform.cuts import cuts

ROOT = Path(__file__).parents[1] / "conformance"
CASES = load([directory()])


@pytest.mark.slow("all cases are made")
def test_the_files_are_those_that_the_generator_writes():
    command = [sys.executable, str(ROOT / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own code
    assert (done.returncode, done.stderr) == (0, "")


def test_there_are_enough_cases_and_no_file_is_large():
    assert len(CASES) >= 600
    assert {path.name: path.stat().st_size for path in ROOT.rglob("cases/*") if path.stat().st_size > 1 << 20} == {}


def test_no_two_cases_send_the_same():
    sent = Counter(json.dumps([each.case.events, each.case.wire]) for each in CASES)
    assert [events for events, count in sent.items() if count > 1] == []


def test_every_case_that_is_cut_is_cut_in_more_than_one_way():
    assert [
        each.case.id for each in CASES if each.case.cut and each.case.events and len(list(cuts(each.case))) < 1
    ] == []


def test_the_pages_say_how_many_there_are():
    pages = ["docs/conformance.md", "docs/index.md", "conformance/CHANGELOG.md", "CHANGELOG.md"]
    texts = [(ROOT.parent / page).read_text(encoding="utf-8") for page in pages]
    assert [page for page, text in zip(pages, texts, strict=True) if f"{len(CASES):,} cases" not in text] == []


def test_the_page_has_every_finding_and_says_what_was_found():
    page = (ROOT.parent / "docs" / "conformance.md").read_text(encoding="utf-8")
    findings = json.loads((ROOT / "findings.json").read_text(encoding="utf-8"))
    ids = {each.case.id for each in CASES}
    assert [case for _, _, case, _ in findings if case not in ids] == []
    assert [says for _, law, case, says in findings if f"| {law} | `{case}` | {says} | `` " not in page] == []


def test_every_parser_that_is_measured_has_an_adapter():
    parsers = json.loads((ROOT / "parsers.json").read_text(encoding="utf-8"))
    places = {"Python": ("python", "py"), "JavaScript": ("node", "mjs")}
    files = [
        "{}/{}.{}".format(place, about["adapter"], end)
        for about in parsers.values()
        for place, end in [places[about["language"]]]
    ]
    assert [file for file in files if not (ROOT / "adapters" / file).exists()] == []
