"""How every benchmark here measures: things in turn, medians and spreads, ratios pair by pair.

A shared machine changes its speed from second to second. What runs in turn meets the same machine, so a ratio of two
neighbours holds where neither of their times does.
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
"""What a benchmark found, a row per case."""


@contextmanager
def no_collections() -> Iterator[None]:
    """No garbage collection while this lasts: whose turn it falls into is chance."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def clock(run: Callable[[], object]) -> float:
    """Seconds of CPU that ``run`` takes."""
    start = time.process_time()
    run()
    return time.process_time() - start


def in_turn(runs: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each run returns, ``rounds`` times, each time one after the other."""
    costs: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            costs[name].append(run())
    return costs


def ratio(costs: Sequence[float], least: Sequence[float]) -> float:
    """The median of the ratios, over as many pairs as there are."""
    return statistics.median(cost / base for cost, base in zip(costs, least, strict=False))


def spread(costs: Sequence[float]) -> float:
    """Half of the costs lie within this part of the median of each other."""
    if len(costs) < 2:  # noqa: PLR2004 - no spread of one
        return 0.0
    low, middle, high = statistics.quantiles(costs, n=4, method="inclusive")
    return (high - low) / middle


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The power of the size with which the cost grows: the slope of a line through their logarithms."""
    return statistics.linear_regression([math.log(size) for size in sizes], [math.log(cost) for cost in costs]).slope


def significant(number: float, digits: int = 3) -> float:
    """No more digits than were measured."""
    return float(f"{number:.{digits}g}")


def markdown(rows: Sequence[Mapping[str, object]]) -> str:
    """The rows as a Markdown table, numbers to the right."""
    heads = list(dict.fromkeys(name for row in rows for name in row))
    right = [any(isinstance(row.get(head), int | float) for row in rows) for head in heads]
    lines = [heads, ["---:" if each else "---" for each in right]]
    lines += [[_cell(row.get(head)) for head in heads] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value >= 100:  # noqa: PLR2004 - no decimals that say nothing
        value = round(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def main(rows: Callable[..., Rows], about: str | None, names: Sequence[str] = ()) -> None:
    """The command line of a benchmark: its rows as a Markdown table, or as JSON.

    ``rows`` is told whether to be quick and, where there are ``names``, which of them to measure.
    """
    arguments = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="fewer sizes and rounds")
    arguments.add_argument("--json", action="store_true", help="JSON instead of a table")
    if names:
        arguments.add_argument("names", nargs="*", metavar="NAME", help=f"all, or some of: {', '.join(names)}")
    options = arguments.parse_args()
    found = rows(options.quick, options.names or names) if names else rows(options.quick)
    print(json.dumps(found, indent=1, ensure_ascii=False) if options.json else markdown(found))
