"""Reads a usage report: the token counts under any of their names, and the report as it came."""

from streamfsm.core.events import AnomalyReport, Handler, UsageReport
from streamfsm.core.json_values import fields_and_extra, fields_of, show
from streamfsm.wires.checked import integer

# The names of each count, in order of preference; a pair names an object, and the count in it.
_INPUT = ("prompt_tokens", "input_tokens")
_OUTPUT = ("completion_tokens", "output_tokens")
_CACHED = (
    ("prompt_tokens_details", "cached_tokens"),
    ("input_tokens_details", "cached_tokens"),
    *("cached_tokens", "num_cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens"),
)
_REASONING = (
    ("completion_tokens_details", "reasoning_tokens"),
    ("output_tokens_details", "reasoning_tokens"),
    "reasoning_tokens",
)


def read_usage(usage: object, to: Handler) -> None:
    """Report the usage; a count that is missing is ``None``."""
    fields, _ = fields_and_extra(usage)
    if fields is None:
        to.take(AnomalyReport("wrong_type", f"usage is {show(usage)}", None, {"usage": usage}))
        return

    def count(names: tuple[str | tuple[str, str], ...]) -> int | None:
        for name in names:
            place, key = (fields, name) if isinstance(name, str) else (fields_of(fields.get(name[0])), name[1])
            if (found := integer(place, key, None, to)) is not None:
                return found
        return None

    to.take(
        UsageReport(
            count(_INPUT),
            count(_OUTPUT),
            count(_CACHED),
            count(_REASONING),
            raw={key: value for key, value in fields.items() if value is not None},
        )
    )
