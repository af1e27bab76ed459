"""How a choice ended: two declared tables.

The first ranks the wire's finish reasons. Servers finish twice (``tool_calls``, then an empty delta with ``stop``), so
among the words that came the first of the highest rank counts. A cut outranks everything.

The second takes how the stream ended, what the word says, and whether the calls are structurally whole. Its first row
that fits tells the stop reason, and whether a whole call is ready to run: never if anything was cut.
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


class Outcome(NamedTuple):
    """A row of the second table. ``*`` fits anything."""

    stream: str
    """State of the stream's machine."""
    word: str
    """``cut`` or ``whole``, as the finish reason says; without one ``trusted`` if the dialect trusts that, or ``none``."""
    came: str
    """``nothing``; ``text`` alone; ``calls``, all structurally whole; or an ``open`` call."""
    stop_reason: StopReasonType | None
    """``None``: the finish reason's own."""
    ready: bool
    because: str


# fmt: off
OUTCOMES = (
    Outcome("failed",    "*",       "*",     StopReasonType.error,      False, "what was to come is unknown"),
    Outcome("cancelled", "*",       "*",     StopReasonType.cancelled,  False, "the caller wants nothing of it to run"),
    Outcome("done",      "cut",     "*",     None,                      False, "by the server's word something is missing"),
    Outcome("done",      "whole",   "*",     None,                      True,  "by the server's word all is there"),
    Outcome("done",      "trusted", "text",  StopReasonType.end_turn,   True,  "this server never says"),
    Outcome("done",      "trusted", "calls", StopReasonType.tool_calls, True,  "this server never says; nothing is open"),
    Outcome("done",      "*",       "*",     StopReasonType.incomplete, False, "nobody says that all is there"),
)
# fmt: on


def outcome(stream: str, finish_reason: str | None, came: str, *, trusted: bool) -> tuple[StopReasonType, bool]:
    """The stop reason of a choice, and whether its whole calls are ready: the first row of ``OUTCOMES`` that fits.

    Args:
        stream: state of the stream's machine, which is not ``open``.
        finish_reason: the wire's word that stands, if any.
        came: see :class:`Outcome`.
        trusted: whether the dialect trusts an end without a finish reason.
    """
    said = ending(finish_reason) if finish_reason is not None else None
    word = ("cut" if said.rank == CUT else "whole") if said else ("trusted" if trusted else "none")
    row = next(row for row in OUTCOMES if row.stream == stream and row.word in ("*", word) and row.came in ("*", came))
    return row.stop_reason or (said or UNKNOWN).stop_reason, row.ready
