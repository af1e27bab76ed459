"""How a choice ended, from the wire's word: a declared table.

Servers finish twice (``tool_calls``, then an empty delta with ``stop``), so the words are ranked: among those that
came, the first of the highest rank counts. A cut outranks everything: what it cut is never ready to run.
"""

from typing import NamedTuple

from streamfsm.messages import StopReasonType


class Ending(NamedTuple):
    """What a finish reason means. ``rank`` 3 means that the output was cut."""

    stop_reason: StopReasonType
    rank: int
    because: str


CUT = 3
UNKNOWN = Ending(StopReasonType.unknown, CUT, "whether it means a cut is unknown, so nothing of it is run")
ENDINGS: dict[str, Ending] = {
    "stop": Ending(StopReasonType.end_turn, 1, "also what servers send after a better word"),
    "tool_calls": Ending(StopReasonType.tool_calls, 2, "the model waits for its tools"),
    "function_call": Ending(StopReasonType.tool_calls, 2, "the same, in the legacy wire"),
    "length": Ending(StopReasonType.max_tokens_exceeded, CUT, "the token limit cut the output"),
    "content_filter": Ending(StopReasonType.content_filter, CUT, "a filter cut the output"),
    "error": Ending(StopReasonType.error, CUT, "some routers' word for a provider that broke off"),
}


def ending(finish_reason: str) -> Ending:
    """The row for the wire's word."""
    return ENDINGS.get(finish_reason, UNKNOWN)
