"""The cost of a delta: ``StreamParser.feed`` compared with a floor, at growing sizes, and with hostile input, too.

The floor is a loop that reads the same fields of the same ready chunk objects, and builds one message per delta with
its validating constructor. Floor and parser run in turn on the same batches, so the ratio holds when the machine's
speed drifts. One exponent is fitted over all sizes (1.00: linear), and one over the two largest, which excludes costs
that are paid once per stream.

    python benchmarks/feed.py [--quick] [--json] [NAME ...]
"""

import statistics
import time
from collections.abc import Sequence

from measure import Rows, exponent, main, no_collections, ratio, significant, spread
from workloads import HOSTILE, KINDS, LIMITS, Pool, check, floor, text_of

from streamfsm import StreamMessage, StreamParser

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
QUICK = 100_000  # the largest size for quick runs
BASE = 10_000  # the size for the time per delta
STEPS = (1, 4, 64)
MANY = 500_000  # deltas: a run of this many is long enough to be measured once


def race(pool: Pool, text: str, step: int) -> tuple[float, float]:
    """Return the CPU seconds of the floor, and of the parser."""
    parser = StreamParser(limits=LIMITS)
    for chunk in pool.head:
        parser.feed(chunk)
    floor_time = parser_time = 0.0
    with no_collections():
        for chunks in pool.batches(text, step):
            out: list[StreamMessage] = []
            start = time.process_time()
            floor(pool.kind, chunks, out)
            floor_time += time.process_time() - start
            out.clear()
            start = time.process_time()
            for chunk in chunks:
                out += parser.feed(chunk)
            parser_time += time.process_time() - start
    parser.close()
    check(pool.kind, text, parser.result)
    return floor_time, parser_time


def rows(quick: bool, kinds: Sequence[str]) -> Rows:  # noqa: FBT001 - one option
    """Return a row for each kind or shape, and delta size."""
    found = []
    ratios = {size: f"{size // 1000:,} KB, × floor" for size in SIZES if not quick or size <= QUICK}
    for kind in kinds:
        pool = Pool(kind)
        for step in STEPS:
            row: dict[str, object] = {"stream": kind, "characters a delta": step, "ns a delta": None, "spread": None}
            row |= dict.fromkeys(ratios.values())
            largest = QUICK if quick else 1_000_000 if kind in HOSTILE or step == 1 else 10_000_000
            sizes = [size for size in SIZES if size <= largest]
            totals = []
            for size in sizes:
                text = text_of(kind, size)
                deltas = -(-len(text) // step)
                repetitions = 1 if deltas > MANY else 3 if quick or deltas > MANY // 10 else 9
                floors, feeds = zip(*(race(pool, text, step) for _ in range(repetitions)), strict=True)
                totals.append(statistics.median(feeds))
                if size == BASE:
                    row["ns a delta"] = round(totals[-1] / deltas * 1e9)
                    row["spread"] = significant(spread(feeds), 2)
                if kind in KINDS:
                    row[ratios[size]] = round(ratio(feeds, floors), 2)
            row["exponent"] = round(exponent(sizes, totals), 3)
            row["at the top"] = round(exponent(sizes[-2:], totals[-2:]), 3)
            found.append(row)
    return found


if __name__ == "__main__":
    main(rows, __doc__, (*KINDS, *HOSTILE))
