"""What a stream amounts to, consistent at any moment: :class:`StreamResult`."""

from typing import Literal, TypeAlias

from pydantic import BaseModel

from streamfsm._scanner import Verdict
from streamfsm.messages import StopReasonType

AnomalyKind: TypeAlias = Literal[
    "not_a_chunk",
    "wrong_type",
    "late_chunk",
    "ambiguous_call",
    "nameless_call",
    "late_name",
    "duplicate_key",
    "reasoning_conflict",
    "unknown_finish",
    "second_finish",
    "more_anomalies",
]


class Anomaly(BaseModel):
    """Something odd that the wire did and the parser survived.

    ``not_a_chunk``: the chunk is no object. ``wrong_type``: a field holds what it never should. ``late_chunk``: a chunk
    came after the stream had failed or been closed. ``ambiguous_call``: whose a tool-call entry is had to be guessed.
    ``nameless_call``: a call ended without a name. ``late_name``: another name came after the arguments had begun.
    ``duplicate_key``: an object repeats a key. ``reasoning_conflict``: two reasoning fields of a delta differ.
    ``unknown_finish``: a finish reason that the table of endings does not hold. ``second_finish``: a finish reason that
    contradicts the one kept. ``more_anomalies``: the list was full.
    """

    kind: AnomalyKind
    detail: str
    choice: int | None = None
    call: int | None = None
    """Position of the call in order of start, where one is concerned."""


class Usage(BaseModel):
    """Token counts. ``None`` means not reported, which is not zero."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    source: Literal["reported", "estimated", "absent"] = "absent"


class ParsedCall(BaseModel):
    """One tool call.

    ``verdict`` judges ``arguments``: ``valid`` JSON object; ``lenient``, valid but for raw control characters in
    strings (``json.loads(…, strict=False)`` reads it); ``empty``, nothing or ``null``; ``incomplete``, cut off;
    ``invalid``, with ``error_offset``; ``trailing``, more after the object, from ``error_offset`` on.
    """

    index: int
    """Position in order of start, whatever the wire said."""
    id: str | None
    name: str
    arguments: str
    """Raw, as the wire wrote them."""
    verdict: Verdict
    error_offset: int | None = None
    """Characters from the start of ``arguments``."""
    ready: bool
    """Safe to run: the JSON is closed, and the stream ended and was not cut (law 10)."""


class ChoiceResult(BaseModel):
    """What one choice said."""

    index: int
    content: str
    reasoning: str
    """Native reasoning; thoughts in a tool call's arguments stay there."""
    refusal: str
    tool_calls: list[ParsedCall]
    finish_reason: str | None
    """The wire's word."""
    stop_reason: StopReasonType | None
    """Ours; ``None`` while the stream is open."""


class ErrorInfo(BaseModel):
    """Why a stream failed."""

    code: str | None
    message: str


class StreamResult(BaseModel):
    """What the stream amounts to so far. The fields of the first choice stand at the top level too."""

    response_id: str | None
    model: str | None
    content: str
    reasoning: str
    refusal: str
    tool_calls: list[ParsedCall]
    usage: Usage
    finish_reason: str | None
    stop_reason: StopReasonType | None
    choices: list[ChoiceResult]
    error: ErrorInfo | None
    anomalies: list[Anomaly]
