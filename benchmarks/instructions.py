"""The instructions per delta, of floor and parser: the same in every run (within 0.1 %), even on a busy machine.

Runs itself once under valgrind's callgrind, with a fixed hash seed. After the imports it forks a process per kind,
side and size; each counts its own instructions. The difference between two sizes, divided by the difference in deltas,
excludes all that is paid once. Instructions are not time (they do not show cache misses), but they show at once that a
change adds some, which no clock on a shared machine can.

    python benchmarks/instructions.py [--json] [KIND ...]
"""

import gc
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from measure import Rows, main, significant
from wire import KINDS as WIRE_KINDS
from wire import chunks
from workloads import KINDS, Pool, floor, text_of

from streamfsm import StreamMessage, StreamParser
from streamfsm.replay.capture import body

EVERY = (*KINDS, *(f"bytes {kind}" for kind in WIRE_KINDS))
SIZES = (600, 1800)  # deltas
STEP = 4  # characters per delta
INSIDE = "STREAMFSM_BENCHMARK_INSIDE"  # set in the process that valgrind runs


def runs(kind: str, deltas: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what is counted for a kind: a name, and a function that processes ``deltas`` deltas."""
    if kind.startswith("bytes "):
        data = body(chunks(kind.removeprefix("bytes "), deltas)).encode()
        yield "feed", lambda: StreamParser().feed_bytes(data)
        return
    pool = Pool(kind)
    (batch,) = pool.batches(text_of(kind, deltas * STEP)[: deltas * STEP], STEP)
    yield "floor", lambda: floor(kind, batch, [])
    yield "feed", lambda: feed(pool.head + batch)


def feed(chunks: list[Any]) -> list[StreamMessage]:
    """Feed ready chunk objects."""
    parser = StreamParser()
    out: list[StreamMessage] = []
    for chunk in chunks:
        out += parser.feed(chunk)
    return out


def inside(kinds: list[str]) -> None:
    """Under valgrind, run a process per kind, so that counts do not depend on what other kinds left in memory."""
    gc.disable()
    for kind in kinds:
        forked(lambda: inside_kind(kind))  # noqa: B023 - it has run when the loop continues
    os._exit(0)


def inside_kind(kind: str) -> None:
    """Run a process per count, and print a line that identifies it.

    A process inherits its parent's count, so everything is prepared first, and then the parent only forks.
    """
    ready = [(name, deltas, run) for deltas in SIZES for name, run in runs(kind, deltas)]
    processes = [forked(run) for *_, run in ready]
    for (name, deltas, _), process in zip(ready, processes, strict=True):
        print(f"{process}\t{kind}\t{name}\t{deltas}", flush=True)


def forked(run: Callable[[], object]) -> int:
    """Run a function in a new process, and return the id of the process."""
    process = os.fork()
    if not process:
        run()
        os._exit(0)
    if os.waitpid(process, 0)[1]:
        os._exit(1)
    return process


def count(kinds: list[str]) -> dict[tuple[str, str, int], int]:
    """Return kind, side and deltas → instructions."""
    valgrind = shutil.which("valgrind")
    if not valgrind:
        sys.exit("valgrind is not installed; on Debian: apt install valgrind")
    command = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, __file__, *kinds]
    environment = {**os.environ, "PYTHONHASHSEED": "0", INSIDE: "1"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - ourselves
    collected = dict(re.findall(r"^==(\d+)== Collected : (\d+)", ran.stderr, re.MULTILINE))
    counts = {}
    for line in ran.stdout.splitlines():
        process, kind, name, deltas = line.split("\t")
        counts[kind, name, int(deltas)] = int(collected[process])
    return counts


def per_delta(counts: dict[tuple[str, str, int], int], kind: str, name: str) -> int | None:
    """Return the instructions for one more delta."""
    few, many = (counts.get((kind, name, deltas)) for deltas in SIZES)
    return None if few is None or many is None else round((many - few) / (SIZES[1] - SIZES[0]))


def rows(_quick: bool, kinds: Sequence[str]) -> Rows:  # noqa: FBT001 - the same, quick or not
    """Return a row for each kind."""
    counts = count(list(kinds))
    found = []
    for kind in kinds:
        row: dict[str, object] = {"stream": kind}
        least, cost = per_delta(counts, kind, "floor"), per_delta(counts, kind, "feed")
        row |= {"floor": least, "feed": cost, "×": significant(cost / least) if cost and least else None}
        found.append(row)
    return found


if __name__ == "__main__":
    if INSIDE in os.environ:
        inside(sys.argv[1:])
    main(rows, __doc__, EVERY)
