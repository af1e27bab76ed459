r"""What real servers do, a document a family in ``quirks/``, a few chunks a quirk. Every document is run.

Under each ``## heading`` and its reason stand fenced blocks:

- ``wire``: one JSON chunk a line; or ``sse``: a body, whose events are read with each of the three line ends; or
  ``body``: the same for a body whose bytes are fed, whole and in pieces.
- ``messages``: the coalesced messages, one a line: ``reasoning "…"``, ``assistant "…"`` and ``arguments "…"`` with the
  text as JSON, ``call name (id)``, ``hidden omitted``, ``stop end_turn``. Arguments of another call than the line
  before are ``arguments (id) "…"``; a line of another choice than 0 begins with its index, as in ``1: assistant "…"``.
- ``result``, optional: ``path: value`` as JSON, a path into the result. ``anomalies`` are kinds, none where not given.

A line ``options: {…}`` before them gives the parser's options as JSON.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from helpers import anomalies, fed, run, told

from streamfsm import Dialect, Limits, coalesce
from streamfsm.replay.capture import chunks as chunks_of
from streamfsm.wires.chat.chunking import every, whole

DOCUMENTS = Path(__file__).parent / "quirks"
LINE_ENDS = ("\n", "\r\n", "\r")
CUTS = (list, every(1), whole)  # but snapshots are only themselves as they came: cut or joined they say another thing


class Quirk(NamedTuple):
    """One section of a document."""

    streams: list[list[Any]]
    bodies: list[bytes]
    messages: list[str]
    result: dict[str, Any]
    options: dict[str, Any]


def quirk(section: str) -> Quirk:
    blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
    options = json.loads((re.findall(r"^options: (.+)$", section, re.MULTILINE) or ["{}"])[0])
    if "dialect" in options:
        options["dialect"] = Dialect(**options["dialect"])
    if "limits" in options:
        options["limits"] = Limits(**options["limits"])
    streams, bodies = [], []
    if "wire" in blocks:
        streams = [[json.loads(line) for line in blocks["wire"].splitlines()]]
    elif "body" in blocks:
        bodies = [blocks["body"].replace("\n", line_end).encode() for line_end in LINE_ENDS]
    else:
        streams = [chunks_of(blocks["sse"].replace("\n", line_end)) for line_end in LINE_ENDS]
    expected = (line.split(": ", 1) for line in blocks.get("result", "").splitlines())
    return Quirk(
        streams,
        bodies,
        blocks["messages"].splitlines(),
        {path: json.loads(value) for path, value in expected},
        options,
    )


def sections() -> dict[str, str]:
    """Heading → the text under it."""
    found: dict[str, str] = {}
    for document in sorted(DOCUMENTS.glob("*.md")):
        for section in document.read_text(encoding="utf-8").split("\n## ")[1:]:
            name, text = section.split("\n", 1)
            assert name not in found, f"two quirks called {name!r}"
            found[name] = text
    return found


SECTIONS = sections()


def lines(messages: list[Any]) -> list[str]:
    """Messages as the documents write them."""
    found, latest = [], None
    for choice, kind, call, text in told(coalesce(messages)):
        before, who = f"{choice}: " if choice else "", f" ({call})" if call else ""
        if kind == "name":
            found.append(f"{before}call {text}{who}")
        elif kind == "arguments":
            found.append(f"{before}arguments{'' if latest == (choice, call) else who} {quoted(text)}")
        else:
            found.append(f"{before}{kind} {text if kind in ('hidden', 'stop') else quoted(text)}")
        latest = (choice, call) if kind in ("name", "arguments") else latest
    return found


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def at(path: str, value: Any) -> Any:
    """What stands at a dotted path."""
    for step in path.split("."):
        value = value[int(step) if isinstance(value, list) else step]
    return value


@pytest.mark.parametrize("name", SECTIONS)
def test_a_quirk_is_read_as_its_document_says(name):
    streams, bodies, expected, result, options = quirk(SECTIONS[name])
    cuts = (list,) if "snapshot" in options.get("dialect", Dialect()).model_dump(exclude={"extras"}).values() else CUTS
    runs = [run(cut(stream), **options) for stream in streams for cut in cuts]
    runs += [fed(body, 1, 7, **options) for body in bodies]
    for messages, parser in runs:
        assert lines(messages) == expected
        found = {**parser.result.model_dump(mode="json"), "anomalies": anomalies(parser)}
        wanted = {"anomalies": [], **result}
        assert {path: at(path, found) for path in wanted} == wanted
