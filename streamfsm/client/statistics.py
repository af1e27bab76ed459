"""Usage in the form that clients of the agent server read."""

from typing import Any

from streamfsm.messages import UsageStatistics
from streamfsm.result import Usage

# The fields in which servers report tokens written to a cache; a pair is an object and the field in it.
_CACHE_WRITE = (
    ("prompt_tokens_details", "cache_write_tokens"),
    ("input_tokens_details", "cache_write_tokens"),
    ("prompt_tokens_details", "cache_creation_tokens"),
    "cache_write_tokens",
    "cache_creation_input_tokens",
)


def statistics(usage: Usage, prompt_tokens: int, completion_tokens: int) -> UsageStatistics:
    """Return the token counts of one response, with these totals."""
    return UsageStatistics(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_tokens=prompt_tokens + completion_tokens,
        cached_input_tokens=usage.cached_tokens,
        cache_write_tokens=_cache_write(usage.raw or {}),
        reasoning_tokens=usage.reasoning_tokens,
    )


def _cache_write(raw: dict[str, Any]) -> int | None:
    for name in _CACHE_WRITE:
        place = raw if isinstance(name, str) else raw.get(name[0])
        count = place.get(name if isinstance(name, str) else name[1]) if isinstance(place, dict) else None
        if isinstance(count, int) and not isinstance(count, bool):
            return count
    return None
