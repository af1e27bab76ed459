"""How every benchmark here measures: things in turn, medians and spreads, ratios pair by pair.

A shared machine changes its speed from second to second. What runs in turn meets the same machine, so a ratio of two
neighbours holds where neither of their times does.
"""

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager


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
    """The median of the pairs' ratios."""
    return statistics.median(cost / base for cost, base in zip(costs, least, strict=True))


def spread(costs: Sequence[float]) -> float:
    """Half of the costs lie within this part of the median of each other."""
    if len(costs) < 2:  # noqa: PLR2004 - no spread of one
        return 0.0
    low, middle, high = statistics.quantiles(costs, n=4, method="inclusive")
    return (high - low) / middle


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The power of the size with which the cost grows: the slope of a line through their logarithms."""
    return statistics.linear_regression([math.log(size) for size in sizes], [math.log(cost) for cost in costs]).slope
