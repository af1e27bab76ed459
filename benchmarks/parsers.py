"""Many open parsers: the memory of each, and whether feeding them in turn costs more than one after the other.

Memory is measured in two ways: what Python allocated (``tracemalloc``), and how much the process grew (its resident
set). Each case has a process of its own, because freed memory is used again. Feeding in turn gives one delta to each
parser, so that with many parsers none finds its data in the caches; a test counts that there is no other cost. Garbage
collection is off.

    python benchmarks/parsers.py [--quick] [--json]
"""

import gc
import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import Rows, main, no_collections, ratio, significant

from streamfsm import StreamParser

PARSERS = 10_000
DELTAS = 20
ROUNDS = 7


def chunk(**delta: Any) -> dict[str, Any]:
    """Return a chunk as a dict, as ``feed_bytes`` decodes it."""
    return {"id": "c", "model": "gpt-4o", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def arguments(text: str) -> dict[str, Any]:
    """Return a chunk of a call's arguments."""
    return chunk(tool_calls=[{"index": 0, "function": {"arguments": text}}])


CALL = chunk(tool_calls=[{"index": 0, "id": "call_1", "function": {"name": "send_message", "arguments": ""}}])
BEGUN = [CALL, arguments('{"message":"Hello')]
CASES: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "idle": list,
    "in its content": lambda: [chunk(content="Hello")],
    "in its message": lambda: BEGUN,
    "in its message, after 4,000 characters": lambda: [*BEGUN, *(arguments(f"{at:04}" * 25) for at in range(40))],
}


def opened(chunks: list[dict[str, Any]]) -> StreamParser:
    """Return a parser that has read these chunks."""
    parser = StreamParser()
    for each in chunks:
        parser.feed(each)
    return parser


def weight(case: str, parsers: int) -> dict[str, int]:
    """Return the bytes per parser, in a process of its own."""
    make = CASES[case]  # new for each parser, because shared texts take no memory
    spare = [opened(make()) for _ in range(100)]  # allocates what is made only once
    gc.collect()
    before = resident()
    kept = [opened(make()) for _ in range(parsers)]
    grown = resident() - before
    del kept
    gc.collect()
    tracemalloc.start()
    kept = [opened(make()) for _ in range(parsers)]
    gc.collect()
    allocated = tracemalloc.get_traced_memory()[0]
    del kept, spare
    return {"allocated": round(allocated / parsers), "resident": round(grown / parsers)}


def resident() -> int:
    """Return the resident memory of the process in bytes."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def weights(parsers: int) -> Rows:
    """Return a row for each case."""
    found = []
    for case in CASES:
        command = [sys.executable, __file__, "--weigh", case, str(parsers)]
        weighed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ourselves
        found.append({"each parser is": case, "parsers": parsers, **json.loads(weighed.stdout)})
    return found


def turns(parsers: int) -> Rows:
    """Return a row for feeding one after the other, and one for feeding in turn."""
    deltas = [arguments("word") for _ in range(DELTAS)]
    alone, interleaved = [], []
    for _ in range(ROUNDS):
        with no_collections():
            flock = [opened(BEGUN) for _ in range(parsers)]
            begin = time.process_time()
            for parser in flock:
                for delta in deltas:
                    parser.feed(delta)
            alone.append((time.process_time() - begin) / parsers / DELTAS)
            flock = [opened(BEGUN) for _ in range(parsers)]
            begin = time.process_time()
            for delta in deltas:
                for parser in flock:
                    parser.feed(delta)
            interleaved.append((time.process_time() - begin) / parsers / DELTAS)
    return [
        {"fed": name, "parsers": parsers, "ns a delta": round(statistics.median(costs) * 1e9), "×": over}
        for name, costs, over in (
            ("one after the other", alone, None),
            ("in turns", interleaved, significant(ratio(interleaved, alone))),
        )
    ]


def rows(quick: bool) -> Rows:  # noqa: FBT001 - one option
    """Return the rows for memory, then for feeding few and many parsers."""
    parsers = PARSERS // 10 if quick else PARSERS
    return weights(parsers) + [row for count in (10, parsers) for row in turns(count)]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--weigh"]:
        print(json.dumps(weight(sys.argv[2], int(sys.argv[3]))))
    else:
        main(rows, __doc__)
