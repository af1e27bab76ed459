"""Documents of quirks: what stands in them, and the check that the parser says it; test_quirks tells their form."""

import json
import re
from typing import Any, NamedTuple

from helpers import anomalies, fed, run, told

from streamfsm import Dialect, Limits, coalesce
from streamfsm.replay.capture import chunks as chunks_of
from streamfsm.wires.chat.chunking import every, whole

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


def assert_is_read_as_told(section: str) -> None:
    """The parser reads the streams of a section as it says, in several cuts."""
    streams, bodies, expected, result, options = quirk(section)
    cuts = (list,) if "snapshot" in options.get("dialect", Dialect()).model_dump(exclude={"extras"}).values() else CUTS
    runs = [run(cut(stream), **options) for stream in streams for cut in cuts]
    runs += [fed(body, 1, 7, **options) for body in bodies]
    for messages, parser in runs:
        assert lines(messages) == expected
        found = {**parser.result.model_dump(mode="json"), "anomalies": anomalies(parser)}
        wanted = {"anomalies": [], **result}
        assert {path: at(path, found) for path in wanted} == wanted
