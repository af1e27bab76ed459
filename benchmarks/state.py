"""The size of a keyed stream's state as text, when the parser keeps texts and when not, and the cost of a step.

The state is a snapshot as compact JSON, which an engine such as Valkey or Flink keeps for each open stream. A step is
what ``examples/streams/folding.py`` does: restore a parser, feed ten pieces, and take a snapshot.

    python benchmarks/state.py [--quick] [--json] [DIR …]

With directories: the largest state of each recorded stream in them.
"""

import json
import statistics
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from measure import Rows, clock, main, significant

from streamfsm import StreamParser
from streamfsm.replay.recording import parse

WORD = "word by word "
STEP = 10  # pieces


def content(deltas: int) -> Iterator[dict[str, Any]]:
    """An answer."""
    yield from ({"content": WORD} for _ in range(deltas))


def message(deltas: int) -> Iterator[dict[str, Any]]:
    """A call of the message tool, whose message is still open."""
    yield {"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "send_message", "arguments": ""}}]}
    parts = ['{"message": "', *[WORD] * (deltas - 1)]
    yield from ({"tool_calls": [{"index": 0, "function": {"arguments": part}}]} for part in parts)


def calls(deltas: int) -> Iterator[dict[str, Any]]:
    """Calls of ten deltas each, one after the other, the last of which is open or has just been closed."""
    for number in range((deltas + 9) // 10):
        yield {"tool_calls": [{"index": number, "id": f"call_{number}", "function": {"name": "search"}}]}
        parts = ['{"query": "', *[WORD] * 8, '"}']
        yield from ({"tool_calls": [{"index": number, "function": {"arguments": part}}]} for part in parts)


KINDS = {"content": content, "one open message": message, "calls of ten deltas": calls}


def pieces(deltas: Iterable[dict[str, Any]]) -> list[bytes]:
    """Events as servers send them."""
    return [f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta}]})}\n\n".encode() for delta in deltas]


def written(parser: StreamParser) -> str:
    """The state as text."""
    return json.dumps(parser.snapshot(), separators=(",", ":"))


def state(body: list[bytes], *, keep: bool) -> str:
    """The state after these pieces."""
    parser = StreamParser(keep=keep)
    for piece in body:
        parser.feed_bytes(piece)
    return written(parser)


def step(before: str, body: list[bytes]) -> None:
    """A step from a state."""
    parser = StreamParser.restore(json.loads(before))
    for piece in body:
        parser.feed_bytes(piece)
    written(parser)


def largest(body: bytes, *, keep: bool) -> int:
    """The most that the state of a recorded stream weighs, looked at after every twentieth of the body."""
    parser, most = StreamParser(keep=keep), 0
    size = len(body) // 20 + 1
    for at in range(0, len(body), size):
        parser.feed_bytes(body[at : at + size])
        if parser.state == "open":
            most = max(most, len(written(parser)))
    return most


def recorded(directories: list[str]) -> Rows:
    """The largest states of recorded streams."""
    paths = sorted(path for name in directories for path in Path(name).rglob("*.sse"))
    bodies = [parse(path.read_bytes()).body for path in paths]
    found = []
    for keep in (True, False):
        sizes = [largest(body, keep=keep) for body in bodies]
        *_, ninety, _ = statistics.quantiles(sizes, n=20)[::2]
        numbers = {
            "median B": round(statistics.median(sizes)),
            "90th percentile B": round(ninety),
            "most B": max(sizes),
        }
        found.append({"recorded streams": len(bodies), "keep": str(keep), **numbers})
    return found


def rows(quick: bool) -> Rows:  # noqa: FBT001 - one option
    """A row for each kind of stream and way."""
    found = []
    for kind, make in KINDS.items():
        for keep in (True, False):
            sizes = {f"B after {n:,}": len(state(pieces(make(n)), keep=keep)) for n in (10, 100, 1000)}
            before, more = state(pieces(make(100)), keep=keep), pieces(content(STEP))
            times = [clock(lambda before=before, more=more: step(before, more)) for _ in range(3 if quick else 50)]
            found.append(
                {"stream": kind, "keep": str(keep), **sizes, "µs a step, after 100": significant(min(times) * 1e6)}
            )
    return found


if __name__ == "__main__":
    directories = [name for name in sys.argv[1:] if not name.startswith("-")]
    sys.argv = [name for name in sys.argv if name not in directories]
    main(lambda quick: recorded(directories) if directories else rows(quick), __doc__)
