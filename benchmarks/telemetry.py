"""The cost of observers per delta: one stream read from bytes, without an observer and with each of the telemetry's.

The spans and metrics are recorded by OpenTelemetry's SDK, and exported to nowhere.

    python benchmarks/telemetry.py [--quick] [--json]
"""

import statistics
from collections.abc import Callable

from measure import Rows, clock, in_turn, main, no_collections, significant, spread
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from streamfsm import iter_messages
from streamfsm.client.observer import Observer
from streamfsm.client.telemetry import GenAi, Telemetry
from streamfsm.replay import capture

DELTAS = 2000
ROUNDS = 40
CHUNKS = [{"choices": [{"index": 0, "delta": {"content": f"word {number} "}}]} for number in range(DELTAS)]
PIECES = [capture.body([chunk]).removesuffix("data: [DONE]\n\n").encode() for chunk in CHUNKS]


def rows(quick: bool) -> Rows:  # noqa: FBT001 - one option
    """Return a row for each observer."""
    tracers, meters = TracerProvider(), MeterProvider([InMemoryMetricReader()])
    providers = {"tracer_provider": tracers, "meter_provider": meters}
    gen_ai, per_chunk = GenAi(**providers), GenAi(per_chunk=True, **providers)
    span = tracers.get_tracer("benchmark").start_span("request")
    makers: dict[str, Callable[[], list[Observer]]] = {
        "none": list,
        "one that does nothing": lambda: [Observer()],
        "Telemetry": lambda: [Telemetry(span)],
        "GenAi": lambda: [gen_ai.observer("m")],
        "GenAi(per_chunk=True)": lambda: [per_chunk.observer("m")],
    }

    def read(make: Callable[[], list[Observer]]) -> Callable[[], float]:
        def run() -> float:
            with no_collections():
                return clock(lambda: sum(1 for _ in iter_messages(iter(PIECES), observers=make())))

        return run

    costs = in_turn({name: read(make) for name, make in makers.items()}, ROUNDS // 8 if quick else ROUNDS)
    base = costs["none"]
    return [
        {
            "observer": name,
            "µs a delta": significant(statistics.median(found) / DELTAS * 1e6),
            "more than none": significant(
                statistics.median(one - other for one, other in zip(found, base, strict=True)) / DELTAS * 1e6, 2
            ),
            "spread": significant(spread(found), 2),
        }
        for name, found in costs.items()
    ]


if __name__ == "__main__":
    main(rows, __doc__)
