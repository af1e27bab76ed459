"""How all benchmarks here measure: alternating runs, medians and spreads, and ratios of neighbouring runs.

The speed of a shared machine changes from second to second. Runs that alternate meet the same machine, so the ratio of
two neighbouring runs is reliable even though their times are not.
"""

import argparse
import gc
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

Rows: TypeAlias = list[dict[str, Any]]
"""The results of a benchmark: a row per case."""


@contextmanager
def no_collections() -> Iterator[None]:
    """Turn garbage collection off, because it is chance which run it falls into."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def clock(run: Callable[[], object]) -> float:
    """Return the CPU seconds that ``run`` takes."""
    start = time.process_time()
    run()
    return time.process_time() - start


def in_turn(runs: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Call each run once per round, one after the other, and return name → the results."""
    costs: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            costs[name].append(run())
    return costs


def ratio(costs: Sequence[float], least: Sequence[float]) -> float:
    """Return the median of the ratios of pairs."""
    return statistics.median(cost / base for cost, base in zip(costs, least, strict=False))


def spread(costs: Sequence[float]) -> float:
    """Return the interquartile range of the costs, as a fraction of their median."""
    if len(costs) < 2:  # noqa: PLR2004 - one value has no spread
        return 0.0
    low, middle, high = statistics.quantiles(costs, n=4, method="inclusive")
    return (high - low) / middle


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the power of the size with which the cost grows: the slope of a line through the logarithms."""
    return statistics.linear_regression([math.log(size) for size in sizes], [math.log(cost) for cost in costs]).slope


def significant(number: float, digits: int = 3) -> float:
    """Round a number to its significant digits."""
    return float(f"{number:.{digits}g}")


def markdown(rows: Sequence[Mapping[str, object]]) -> str:
    """Return the rows as a Markdown table, with numbers aligned to the right."""
    heads = list(dict.fromkeys(name for row in rows for name in row))
    right = [any(isinstance(row.get(head), int | float) for row in rows) for head in heads]
    lines = [heads, ["---:" if each else "---" for each in right]]
    lines += [[_cell(row.get(head)) for head in heads] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value >= 100:  # noqa: PLR2004 - without meaningless decimals
        value = round(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def main(rows: Callable[..., Rows], about: str | None, names: Sequence[str] = ()) -> None:
    """Run a benchmark from the command line: print its rows as a Markdown table, or as JSON.

    ``rows`` gets whether to be quick and, if there are ``names``, those to measure.
    """
    arguments = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="fewer sizes and rounds")
    arguments.add_argument("--json", action="store_true", help="JSON instead of a table")
    if names:
        arguments.add_argument("names", nargs="*", metavar="NAME", help=f"all, or some of: {', '.join(names)}")
    options = arguments.parse_args()
    found = rows(options.quick, options.names or names) if names else rows(options.quick)
    print(json.dumps(found, indent=1, ensure_ascii=False) if options.json else markdown(found))
