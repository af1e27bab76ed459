"""Many open parsers at once: what each weighs, and whether feeding them in turns costs more than one after the other.

Memory is counted twice: what Python allocated (``tracemalloc``) and what the process grew by (its resident set). Each
case has a process of its own, because memory that was freed is used again. Turns go around all parsers, a delta each,
so that among many no parser finds its data in the caches; that this is all that turns cost, a test counts. Garbage
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
    """A chunk as a dict, as ``feed_bytes`` decodes it."""
    return {"id": "c", "model": "gpt-4o", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def arguments(text: str) -> dict[str, Any]:
    """A chunk of a call's arguments."""
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
    """A parser that has read some."""
    parser = StreamParser()
    for each in chunks:
        parser.feed(each)
    return parser


def weight(case: str, parsers: int) -> dict[str, int]:
    """Bytes a parser, in a process that has nothing else to do."""
    make = CASES[case]  # anew for each parser: texts that are shared weigh nothing
    spare = [opened(make()) for _ in range(100)]  # what is made once
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
    """Bytes of memory that the process has."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def weights(parsers: int) -> Rows:
    """A row for each case."""
    found = []
    for case in CASES:
        command = [sys.executable, __file__, "--weigh", case, str(parsers)]
        weighed = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ourselves
        found.append({"each parser is": case, "parsers": parsers, **json.loads(weighed.stdout)})
    return found


def turns(parsers: int) -> Rows:
    """A row each for feeding one after the other, and for feeding in turns."""
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
    """Weights, then turns among few and many."""
    parsers = PARSERS // 10 if quick else PARSERS
    return weights(parsers) + [row for count in (10, parsers) for row in turns(count)]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--weigh"]:
        print(json.dumps(weight(sys.argv[2], int(sys.argv[3]))))
    else:
        main(rows, __doc__)
