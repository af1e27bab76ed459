"""Reports of outcomes: a table for people, and JSON, JUnit and SARIF for programs."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from streamfsm.conform.cases import Located
from streamfsm.conform.facts import PROTOCOL, Hello
from streamfsm.conform.judge import LAWS, MEANING, Law
from streamfsm.conform.runner import Finding, Outcome, repeat
from streamfsm.testing.streams import shown

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def counts(outcomes: Iterable[Outcome]) -> dict[Law, tuple[int, int]]:
    """Return law → the number of cases in which a parser was judged on it, and in which it broke it."""
    judged: Counter[Law] = Counter()
    broken: Counter[Law] = Counter()
    for outcome in outcomes:
        judged.update(outcome.laws)
        broken.update({finding.law for finding in outcome.findings})
    return {law: (judged[law], broken[law]) for law in LAWS}


def table(command: str, hello: Hello, outcomes: Sequence[Outcome], most: int = 10, files: Sequence[Path] = ()) -> str:
    """Return the laws with their counts, and up to ``most`` findings of each law with the command to repeat them."""
    runs = sum(outcome.runs for outcome in outcomes)
    lines = [f"{hello.name} {hello.version} ({hello.language}): {len(outcomes)} cases, {runs} runs", ""]
    lines += [f"{'law':<10}{'judged':>8}{'broken':>8}"]
    for law, (judged, broken) in counts(outcomes).items():
        lines.append(f"{law:<10}" + (f"{judged:>8}{broken:>8}" if judged else f"{'not asked':>16}"))
    for law in LAWS:
        found = [finding for outcome in outcomes for finding in outcome.findings if finding.law == law]
        lines += [line for finding in found[:most] for line in ["", *_lines(command, finding, files)]]
        if len(found) > most:
            lines += ["", f"{law}: {len(found) - most} more findings"]
    return "\n".join(lines)


def _lines(command: str, finding: Finding, files: Sequence[Path]) -> Iterator[str]:
    cut = "" if finding.law != "split" else f", in {finding.cuts} cut{'s' if finding.cuts > 1 else ''}"
    yield f"{finding.law} {finding.case} ({finding.cut}{cut}){'' if finding.again else ', not seen again'}"
    yield f"    {finding.detail}"
    if finding.than is not None:
        yield from _events("the same as", finding.than)
    yield from _events("sent", finding.events)
    yield f"    {repeat(command, finding, files)}"


def _events(title: str, events: Sequence[Any]) -> Iterator[str]:
    yield f"    {title}:"
    yield from (f"        {shown(event)}" for event in events)


def as_json(command: str, hello: Hello, outcomes: Sequence[Outcome], files: Sequence[Path] = ()) -> str:
    """Return all outcomes as JSON."""
    record = {
        "protocol": PROTOCOL,
        "command": command,
        "parser": {**hello.model_dump(), "claims": sorted(hello.claims), "wires": sorted(hello.wires)},
        "laws": {law: {"judged": judged, "broken": broken} for law, (judged, broken) in counts(outcomes).items()},
        "outcomes": [
            {
                **outcome.model_dump(exclude={"findings"}),
                "findings": [
                    {**each.model_dump(), "repeat": repeat(command, each, files)} for each in outcome.findings
                ],
            }
            for outcome in outcomes
        ],
    }
    return json.dumps(record, indent=1) + "\n"


def junit(command: str, hello: Hello, outcomes: Sequence[Outcome], files: Sequence[Path] = ()) -> str:
    """Return JUnit XML with a suite for each law, which has a test for each case judged on that law."""
    root = ET.Element("testsuites", name=f"{hello.name} {hello.version}")
    for law, (judged, broken) in counts(outcomes).items():
        if not judged:
            continue
        suite = ET.SubElement(root, "testsuite", name=law, tests=str(judged), failures=str(broken))
        for outcome in outcomes:
            if law not in outcome.laws:
                continue
            test = ET.SubElement(suite, "testcase", classname=law, name=outcome.case)
            if found := next((finding for finding in outcome.findings if finding.law == law), None):
                failure = ET.SubElement(test, "failure", message=_plain(found.detail))
                failure.text = _plain("\n".join(_lines(command, found, files)))
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _plain(text: str) -> str:
    """Return the text with characters that XML does not allow escaped."""
    return "".join(char if char in "\t\n" or char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def sarif(
    command: str,
    hello: Hello,
    outcomes: Sequence[Outcome],
    cases: Mapping[str, Located],
    files: Sequence[Path] = (),
) -> str:
    """Return a SARIF log with a rule for each law, and a result for each finding, at the line of its case."""
    results = [
        {
            "ruleId": finding.law,
            "level": "error" if finding.again else "warning",
            "message": {"text": "\n".join(_lines(command, finding, files))},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": cases[finding.case].file.name},
                        "region": {"startLine": cases[finding.case].line},
                    }
                }
            ],
            "partialFingerprints": {"law/case/v1": f"{finding.law}/{finding.case}"},
        }
        for outcome in outcomes
        for finding in outcome.findings
    ]
    rules = [{"id": law, "shortDescription": {"text": MEANING[law]}} for law in LAWS]
    driver = {"name": "streamfsm conform", "version": str(PROTOCOL), "rules": rules}
    about = {"parser": f"{hello.name} {hello.version}", "command": command}
    run = {"tool": {"driver": driver}, "results": results, "properties": about, "columnKind": "unicodeCodePoints"}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"
