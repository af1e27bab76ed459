"""Verdicts on recorded streams: the first violation of a protocol's grammar, with its line, as text, JSON and SARIF."""

import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

from streamfsm.replay import capture
from streamfsm.sinks.grammar import DONE, Event, Grammar, Violation
from streamfsm.wires.sse import EventStream


class Verdict(NamedTuple):
    """The verdict of a grammar on one file."""

    file: str
    wire: str
    events: int
    """The number of events."""
    line: int
    """The line of the violation, or the last line; from 1."""
    violation: Violation | None

    def __str__(self) -> str:
        if self.violation is None:
            return f"{self.file}: lawful {self.wire}, {self.events} events"
        return f"{self.file}:{self.line}: {self.violation}"

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as an object."""
        found = self.violation
        told = {} if found is None else {"line": self.line, "why": found.why, "word": found.word, "legal": found.legal}
        return {"file": self.file, "wire": self.wire, "events": self.events, "lawful": found is None, **told}


def verdict(file: str, body: str, grammar: Grammar) -> Verdict:
    """Judge the events of a body: server-sent events, a JSON list, or one JSON value per line."""
    placed = list(_placed(body))
    found = grammar.check(event for _, event in placed)
    last = placed[-1][0] if placed else 1
    line = last if found is None or found.place is None else placed[found.place][0]
    return Verdict(file, grammar.wire, len(placed), line, found)


def _placed(body: str) -> Iterator[tuple[int, Event]]:
    """Yield the events, each with the number of its first line."""
    lines = body.encode().splitlines(keepends=True)
    if capture.is_framed(body):
        yield from _sent(lines)
        return
    whole = _value(body)
    if isinstance(whole, list):
        yield from ((1, event) for event in whole)
    else:
        yield from ((number, _value(line)) for number, line in enumerate(lines, 1) if line.strip())


def _sent(lines: Sequence[bytes]) -> Iterator[tuple[int, Event]]:
    stream, begun, is_new = EventStream(), 1, True
    for number, line in enumerate(lines, 1):
        if is_new and line.startswith(b"data"):
            begun, is_new = number, False
        for _, data in stream.feed(line, _NO_LIMIT):
            yield begun, _value(data)
            is_new = True
    for _, data in stream.close():
        yield begun, _value(data)


_NO_LIMIT = 2**62


def _value(data: str | bytes) -> Event:
    """Return the JSON value; if it is not JSON, the text, which every grammar rejects."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        text = data if isinstance(data, str) else data.decode(errors="replace")
        return DONE if text.strip() == DONE else text


def sarif(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the violations as a SARIF 2.1.0 log, which code hosts show next to the lines."""
    results = [
        {
            "ruleId": each.wire,
            "level": "error",
            "message": {"text": str(each.violation)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": each.file},
                        "region": {"startLine": each.line},
                    }
                }
            ],
        }
        for each in verdicts
        if each.violation
    ]
    rules = [{"id": wire} for wire in dict.fromkeys(each.wire for each in verdicts)]
    driver = {"name": "streamfsm verify", "version": version("streamfsm"), "rules": rules}
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
