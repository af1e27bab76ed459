"""How a choice ended: five declared tables.

The first table says what finish reasons mean, including those of other protocols, which gateways pass on. Case does not
matter; `Dialect(finish_words=…)` adds others. A finish reason that is not in the table counts as a cut.

The second table says which of two finish reasons stands, because servers may finish twice: `tool_calls`, then an empty
delta with `stop`. A cut outranks everything.

The third table combines how the stream ended, what its finish reason means, and whether the calls are structurally
complete. The first row that fits gives the stop reason, and says whether complete calls are ready to run: never if
anything was cut.

The fourth table says whether the stream has ended or failed when the server stops sending.

The fifth table says which word is the finish reason of a response of the Responses API, which says it in up to three
places: the type of the event that ends it, its status, and the reason why it is incomplete. The first row that fits one
of these words decides.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Literal, NamedTuple

from streamfsm.messages import StopReasonType as Reason


class Ending(NamedTuple):
    """What a finish reason means. ``rank`` 3 means that the output was cut."""

    stop_reason: Reason
    rank: int
    because: str
    tells_calls: bool = True
    """Whether the finish reason shows if the model waits for tools."""


ADDED = 1
"""The rank of a finish reason that servers also send before or after a more specific one, without meaning it."""
CUT = 3
UNKNOWN = Ending(Reason.unknown, CUT, "it is unknown whether it means a cut, so no call is run")
# fmt: off
ENDINGS: dict[str, Ending] = {
    "stop":           Ending(Reason.end_turn, 1, "servers also send it after a more specific one"),
    "tool_calls":     Ending(Reason.tool_calls, 2, "the model waits for tools"),
    "function_call":  Ending(Reason.tool_calls, 2, "the same, for the legacy function call"),
    "length":         Ending(Reason.max_tokens_exceeded, CUT, "the token limit cut the output"),
    "content_filter": Ending(Reason.content_filter, CUT, "a filter cut the output"),
    "error":          Ending(Reason.error, CUT, "the provider failed, as some routers report it"),
    # Anthropic's and Bedrock's
    "end_turn":       Ending(Reason.end_turn, 1, "Anthropic's name for `stop`"),
    "stop_sequence":  Ending(Reason.end_turn, 1, "Anthropic, Cohere, TGI: a stop sequence that the caller chose"),
    "tool_use":       Ending(Reason.tool_calls, 2, "Anthropic's name for `tool_calls`"),
    "max_tokens":     Ending(Reason.max_tokens_exceeded, CUT, "Anthropic, Gemini, Cohere: the token limit"),
    "refusal":        Ending(Reason.content_filter, CUT, "Anthropic: a safety classifier stopped the answer"),
    "model_context_window_exceeded":
                      Ending(Reason.max_tokens_exceeded, CUT, "Anthropic, Z.ai: the context window is full"),
    "guardrail_intervened": Ending(Reason.content_filter, CUT, "Bedrock: a guardrail intervened"),
    "content_filtered":     Ending(Reason.content_filter, CUT, "Bedrock's name for `content_filter`"),
    # Gemini's
    "safety":             Ending(Reason.content_filter, CUT, "Gemini: a filter"),
    "recitation":         Ending(Reason.content_filter, CUT, "Gemini: it would have quoted a source at length"),
    "blocklist":          Ending(Reason.content_filter, CUT, "Gemini: a filter"),
    "prohibited_content": Ending(Reason.content_filter, CUT, "Gemini: a filter"),
    "spii":               Ending(Reason.content_filter, CUT, "Gemini: a filter for personal data"),
    "malformed_function_call": Ending(Reason.error, CUT, "Gemini: the model wrote a call that cannot be read"),
    "unexpected_tool_call":    Ending(Reason.error, CUT, "Gemini: a call of a tool that the request does not declare"),
    # Cohere's
    "complete":    Ending(Reason.end_turn, 1, "Cohere's name for `stop`"),
    "tool_call":   Ending(Reason.tool_calls, 2, "Cohere's name for `tool_calls`"),
    "error_toxic": Ending(Reason.content_filter, CUT, "Cohere: a filter"),
    "error_limit": Ending(Reason.max_tokens_exceeded, CUT, "Cohere: the context window is full"),
    "user_cancel": Ending(Reason.cancelled, CUT, "Cohere: the request was cancelled"),
    "timeout":     Ending(Reason.error, CUT, "Cohere: generation took too long"),
    # Responses': statuses of a response, and reasons for one that is incomplete
    "completed":         Ending(Reason.end_turn, 2, "the output is complete; only the calls show whether the model waits for tools", tells_calls=False),
    "max_output_tokens": Ending(Reason.max_tokens_exceeded, CUT, "the token limit cut the output"),
    "incomplete":        Ending(Reason.incomplete, CUT, "something is missing, and no reason was given"),
    "failed":            Ending(Reason.error, CUT, "it failed, and no error was given"),
    "steered":           Ending(Reason.unknown, CUT, "the caller's new input ended the response"),
    "max_messages":      Ending(Reason.unknown, CUT, "the response reached its limit of messages"),
    # others'
    "eos":           Ending(Reason.end_turn, 1, "Together: the model's end-of-sequence token"),
    "eos_token":     Ending(Reason.end_turn, 1, "TGI: the same"),
    "model_length":  Ending(Reason.max_tokens_exceeded, CUT, "Mistral: the context window is full"),
    "sensitive":     Ending(Reason.content_filter, CUT, "Z.ai: a filter"),
    "network_error": Ending(Reason.error, CUT, "Z.ai: inference was interrupted"),
    "insufficient_system_resource": Ending(Reason.error, CUT, "DeepSeek: inference was interrupted"),
    "abort":         Ending(Reason.error, CUT, "vLLM, SGLang: the engine aborted the request"),
    "cancelled":     Ending(Reason.cancelled, CUT, "the request was cancelled"),
    "canceled":      Ending(Reason.cancelled, CUT, "the same"),
}
# fmt: on


def ending(finish_reason: str, taught: Mapping[str, str] | None = None) -> Ending:
    """Return the row for a finish reason.

    Args:
        finish_reason: as the wire spells it.
        taught: finish reasons, in lower case, that a dialect adds or redefines → a finish reason of ``ENDINGS``, or a
            stop reason.
    """
    word = finish_reason.casefold()
    word = taught.get(word, word) if taught else word
    return ENDINGS.get(word) or _BY_STOP_REASON.get(word, UNKNOWN)


_BY_STOP_REASON = {each.stop_reason.value: each for each in reversed(ENDINGS.values())}
TEACHABLE = frozenset({*ENDINGS, *_BY_STOP_REASON} - {Reason.unknown.value})
"""The meanings that a dialect can give to a finish reason."""


class Second(NamedTuple):
    """A row of the second table, for a finish reason that comes after another one."""

    policy: Literal["ranked", "first", "last"]
    """The dialect's policy."""
    rank: Literal["higher", "*"]
    """The rank of the new finish reason, compared with that of the kept one; ``*`` fits any."""
    stands: Literal["kept", "new"]
    because: str


SECONDS = (
    Second("ranked", "higher", "new", "it is more specific"),
    Second("ranked", "*", "kept", "the new one does not outrank it"),
    Second("first", "*", "kept", "the dialect says so"),
    Second("last", "*", "new", "the dialect says so"),
)


def second(policy: str, kept: Ending, new: Ending) -> tuple[bool, bool]:
    """Decide which of two finish reasons stands.

    Returns:
        Whether the new one stands, by the first row of ``SECONDS`` that fits; and whether the two contradict each
        other: they have different meanings, and neither has the rank ``ADDED``.
    """
    rows = (row for row in SECONDS if row.policy == policy and (row.rank == "*" or new.rank > kept.rank))
    return next(rows).stands == "new", kept is not new and ADDED not in (kept.rank, new.rank)


class Outcome(NamedTuple):
    """A row of the third table. ``*`` fits any value."""

    stream: str
    """The state of the stream's machine."""
    word: str
    """``cut`` or ``whole``, by the finish reason, or ``status`` if it means whole but shows nothing about calls; without
    a finish reason, ``trusted`` if the dialect trusts such an end, else ``none``."""
    came: str
    """``nothing``; only ``text``; ``calls`` that are all structurally complete; or an ``open`` call. Calls that the
    server runs do not count."""
    stop_reason: Reason | None
    """``None``: that of the finish reason."""
    ready: bool
    because: str


# fmt: off
OUTCOMES = (
    Outcome("failed",    "*",       "*",     Reason.error,      False, "it is unknown what is missing"),
    Outcome("cancelled", "*",       "*",     Reason.cancelled,  False, "the caller wants none of it to run"),
    Outcome("done",      "cut",     "*",     None,              False, "the server says that something is missing"),
    Outcome("done",      "whole",   "*",     None,              True,  "the server says that the output is complete"),
    Outcome("done",      "status",  "calls", Reason.tool_calls, True,  "the server says that the output is complete, and calls wait"),
    Outcome("done",      "status",  "open",  Reason.tool_calls, True,  "the same, but a call whose JSON is open is not ready"),
    Outcome("done",      "status",  "*",     None,              True,  "the server says that the output is complete, and no call waits"),
    Outcome("done",      "trusted", "text",  Reason.end_turn,   True,  "this server never sends a finish reason"),
    Outcome("done",      "trusted", "calls", Reason.tool_calls, True,  "this server never sends a finish reason; no call is open"),
    Outcome("done",      "*",       "*",     Reason.incomplete, False, "nothing shows that the output is complete"),
)
# fmt: on


@cache
def outcome(stream: str, meaning: Ending | None, came: str, *, trusted: bool) -> tuple[Reason, bool]:
    """Return a choice's stop reason, and whether its complete calls are ready, by the first row of ``OUTCOMES`` to fit.

    Args:
        stream: the state of the stream's machine, which must be final.
        meaning: what the choice's finish reason means, if it has one.
        came: see :class:`Outcome`.
        trusted: whether the dialect trusts an end without a finish reason.
    """
    if meaning:
        word = "cut" if meaning.rank == CUT else "whole" if meaning.tells_calls else "status"
    else:
        word = "trusted" if trusted else "none"
    row = next(row for row in OUTCOMES if row.stream == stream and row.word in ("*", word) and row.came in ("*", came))
    return row.stop_reason or (meaning or UNKNOWN).stop_reason, row.ready


class Closing(NamedTuple):
    """A row of the fourth table, for the end of the bytes or chunks. ``None`` fits either."""

    finished: bool | None
    """Whether there is a choice, and every choice has a finish reason."""
    strict: bool | None
    """Whether the dialect requires finish reasons."""
    event: Literal["end", "error"]
    """The event that is fired on the stream's machine."""
    because: str


CLOSINGS = (
    Closing(False, True, "error", "the dialect says that this server always sends a finish reason"),
    Closing(None, None, "end", "the third table gives the stop reason"),
)


@cache
def closing(*, finished: bool, strict: bool) -> Literal["end", "error"]:
    """Return the event to fire when the stream ends, by the first row of ``CLOSINGS`` that fits."""
    fits = (row for row in CLOSINGS if row.finished in (None, finished) and row.strict in (None, strict))
    return next(fits).event


class Worst(NamedTuple):
    """A row of the fifth table. The first word that it ``fits`` is the finish reason."""

    what: str
    """The word in words."""
    fits: Callable[[str, Ending, bool], bool]
    """Whether it fits a word with a meaning, and whether the dialect gave it that meaning."""
    because: str


WORSTS = (
    Worst("a word that the dialect teaches", lambda _word, _means, taught: taught, "the dialect says what it means"),
    Worst(
        "a cut, but not `incomplete`",
        lambda word, means, _: means.rank == CUT and word != Reason.incomplete.value,
        "servers copy the status of a response that was cut, or leave a reason from one that was not: the worse counts",
    ),
    Worst("`incomplete`", lambda _word, means, _: means.rank == CUT, "something is missing, and no reason says why"),
    Worst("any other", lambda *_: True, "all places say that the response is complete"),
)


def worst(words: Sequence[str], taught: Mapping[str, str]) -> str:
    """Return the one of several words for one end that is its finish reason, by the first row of ``WORSTS`` that fits.

    Args:
        words: one at least, in order of preference.
        taught: as for :func:`ending`.
    """
    meanings = [(word, ending(word, taught), word.casefold() in taught) for word in words]
    return next(meaning[0] for row in WORSTS for meaning in meanings if row.fits(*meaning))
