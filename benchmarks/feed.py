"""What a delta costs: ``StreamParser.feed`` over a floor, at growing sizes and delta sizes, hostile shapes as well.

The floor is one loop that reads the same fields of the same ready chunk objects and builds one of our messages per
delta with its validated constructor. Floor and parser run in turn on the same batches, so the ratio holds when the
machine's speed drifts. One exponent is fitted over all sizes (1.00: linear), and one over the two largest, which is not
flattered by what is paid once per stream.

    python benchmarks/feed.py [--quick] [--json]
"""

import statistics
import time

from measure import Rows, exponent, main, no_collections, ratio, significant, spread
from workloads import HOSTILE, KINDS, LIMITS, Pool, check, floor, text_of

from streamfsm import StreamMessage, StreamParser

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
STEPS = (1, 4, 64)


def race(pool: Pool, text: str, step: int) -> tuple[float, float, int]:
    """Seconds of the floor, seconds of the parser, and the number of deltas."""
    parser = StreamParser(limits=LIMITS)
    for chunk in pool.head:
        parser.feed(chunk)
    floor_time = parser_time = 0.0
    deltas = 0
    with no_collections():
        for chunks in pool.batches(text, step):
            out: list[StreamMessage] = []
            start = time.perf_counter()
            floor(pool.kind, chunks, out)
            floor_time += time.perf_counter() - start
            out.clear()
            start = time.perf_counter()
            for chunk in chunks:
                out += parser.feed(chunk)
            parser_time += time.perf_counter() - start
            deltas += len(chunks)
    parser.close()
    check(pool.kind, text, parser.result)
    return floor_time, parser_time, deltas


def rows(quick: bool) -> Rows:  # noqa: FBT001 - one option
    """A row per kind or shape, and delta size."""
    sizes = SIZES[:3] if quick else SIZES
    found = []
    for kind in (*KINDS, *HOSTILE):
        pool = Pool(kind)
        for step in STEPS:
            row: dict[str, object] = {"stream": kind, "characters a delta": step}
            totals = []
            for size in sizes:
                text = text_of(kind, size)
                repetitions = 1 if size > 1_000_000 * step else 3 if quick or size > 25_000 * step else 9
                floors, feeds, deltas = zip(*(race(pool, text, step) for _ in range(repetitions)), strict=True)
                totals.append(statistics.median(feeds))
                if size == sizes[1]:
                    row["ns a delta"] = round(totals[-1] / deltas[0] * 1e9)
                    row["spread"] = significant(spread(feeds), 2)
                if kind in KINDS:
                    row[f"× floor, {size // 1000:,} KB"] = round(ratio(feeds, floors), 2)
            row["exponent"] = round(exponent(sizes, totals), 3)
            row["at the top"] = round(exponent(sizes[-2:], totals[-2:]), 3)
            found.append(row)
    return found


if __name__ == "__main__":
    main(rows, __doc__)
