"""Arguments shown while they stream: which laws parsers keep, and the cost of a piece.

Each parser reads the same random objects, cut in every place, under ``check_channels``; and then one long text in
pieces of four characters, after each of which the arguments so far are read.

    python benchmarks/growing.py [--quick] [--json]
"""

import json
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from measure import Rows, exponent, main
from pydantic_core import from_json

from streamfsm.testing import GrowingArguments, LawBroken, check_channels
from streamfsm.testing.channels import Growing

HERE = Path(__file__).parent
NODE = HERE.parent / "conformance" / "adapters" / "node"
"""Where ``make conform`` installs pi-ai."""
SIZES = (2_000, 8_000)
TEXTS = ("a", "two words", "\u00e9", "\U0001f426", 'a "quote"', "line\nbreak", "")


class Reparsing:
    """Reads all of the text again for each piece."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        self._read, self._text = read, ""

    def feed(self, piece: str) -> Any:
        """Return the value of the text so far."""
        self._text += piece
        return self._read(self._text)


class Weir:
    """Builds a value from jsonweir's events; a fatal event raises an exception."""

    def __init__(self) -> None:
        from jsonweir import IncrementalJsonParser

        self._parser = IncrementalJsonParser()
        self._root: dict[str, Any] = {}

    def feed(self, piece: str) -> Any:
        """Return the value of the text so far."""
        for event in self._parser.feed(piece):
            match type(event).__name__:
                case "StartObject":
                    self._put(event.path, {})
                case "StartArray":
                    self._put(event.path, [])
                case "StartString":
                    self._put(event.path, "")
                case "StringDelta":
                    self._put(event.path, self._at(event.path) + event.text)
                case "EndString" | "Scalar":
                    self._put(event.path, event.value)
                case "JsonParseError" if event.fatal:
                    raise ValueError(event.message)
        return self._root.get("value", {})

    def _at(self, path: Any) -> Any:
        value: Any = self._root["value"]
        for step in path:
            value = value[step]
        return value

    def _put(self, path: Any, value: Any) -> None:
        *above, last = ("value", *path)
        place: Any = self._root
        for step in above:
            place = place[step]
        if isinstance(place, list) and last == len(place):
            place.append(value)
        else:
            place[last] = value


class InNode:
    """pi-ai's parser, in one Node process; it reads all of the text again for each piece."""

    def __init__(self) -> None:
        command = ["node", str(HERE / "growing.mjs"), str(NODE)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603

    def ask(self, **request: Any) -> Any:
        """Return the answer to a request."""
        assert self._process.stdin  # noqa: S101
        assert self._process.stdout  # noqa: S101
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def parser(self) -> Growing:
        """Return a parser."""
        return Reparsing(lambda text: self.ask(text=text))


def parsers() -> dict[str, Callable[[], Growing]]:
    """Return the parsers that are installed."""
    found: dict[str, Callable[[], Growing]] = {
        "streamfsm": GrowingArguments,
        "jiter, trailing-strings": lambda: Reparsing(lambda text: from_json(text, allow_partial="trailing-strings")),
        "jiter, partial": lambda: Reparsing(lambda text: from_json(text, allow_partial=True)),
    }
    if find_spec("partial_json_parser"):
        from partial_json_parser import loads

        found["partial-json-parser"] = lambda: Reparsing(loads)
    if find_spec("jsonweir"):
        found["jsonweir"] = Weir
    if shutil.which("node") and (NODE / "node_modules" / "@earendil-works" / "pi-ai").is_dir():
        found["pi-ai (Node)"] = InNode().parser
    return found


def document(choose: random.Random, depth: int = 2) -> Any:
    """Return a random object without repeated keys."""

    def value(depth: int) -> Any:
        kind = choose.randrange(6 if depth else 4)
        if kind < 2:  # noqa: PLR2004 - as likely as the other scalars
            return choose.choice(TEXTS)
        if kind < 4:  # noqa: PLR2004
            return choose.choice([0, 12, -1.5e3, True, None])
        if kind == 4:  # noqa: PLR2004
            return [value(depth - 1) for _ in range(choose.randrange(3))]
        return document(choose, depth - 1)

    return {key: value(depth) for key in choose.sample(["a", "b", "first name", "\u00e9"], choose.randrange(4))}


def broken(parse: Callable[[], Growing], texts: list[str]) -> Counter[str]:
    """Return the number of texts that break each law; ``total`` if the parser raises."""
    found: Counter[str] = Counter()
    for text in texts:
        try:
            check_channels(parse, text)
        except Exception as error:  # noqa: BLE001, PERF203 - parsers raise anything for incomplete objects
            found[error.law if isinstance(error, LawBroken) else "total"] += 1
    return found


def seconds(parse: Callable[[], Growing], size: int) -> float:
    """Return the CPU seconds for a text of this size in pieces of four characters."""
    text = json.dumps({"items": [{"id": number, "name": "a name"} for number in range(size // 30)]})
    if isinstance(node := getattr(parse, "__self__", None), InNode):
        return float(node.ask(text=text, step=4))
    parser = parse()
    start = time.process_time()
    for at in range(0, len(text), 4):
        parser.feed(text[at : at + 4])
    return time.process_time() - start


def rows(quick: bool) -> Rows:  # noqa: FBT001 - one option
    """Return a row for each parser."""
    choose = random.Random(1)  # noqa: S311 - the same documents each time
    texts = [json.dumps(document(choose), ensure_ascii=choose.random() < 0.5) for _ in range(40 if quick else 200)]  # noqa: PLR2004
    found = []
    for name, parse in parsers().items():
        laws = broken(parse, texts)
        costs = [min(seconds(parse, size) for _ in range(3)) for size in SIZES]
        found.append(
            {
                "parser": name,
                "objects right at every cut": f"{len(texts) - laws.total()} of {len(texts)}",
                "breaks": ", ".join(f"{law} ({count})" for law, count in laws.most_common()),
                "µs a piece at 2 KB": round(costs[0] / SIZES[0] * 4e6, 1),
                "at 8 KB": round(costs[1] / SIZES[1] * 4e6, 1),
                "exponent": round(exponent(SIZES, costs), 2),
            }
        )
    return found


if __name__ == "__main__":
    main(rows, __doc__)
