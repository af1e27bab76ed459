"""What a stream amounts to, consistent at any moment: :class:`StreamResult`."""

from typing import Any, Literal, TypeAlias

from pydantic import Field

from streamfsm.messages import Model, StopReasonType

AnomalyKind: TypeAlias = Literal[
    "not_a_chunk",
    "wrong_type",
    "late_chunk",
    "ambiguous_call",
    "duplicate_id",
    "changed_id",
    "placeholder",
    "nameless_call",
    "late_name",
    "duplicate_key",
    "reasoning_conflict",
    "unknown_finish",
    "second_finish",
    "repeated_name",
    "repeated_arguments",
    "unmerged_arguments",
    "repeated_text",
    "finish_without_calls",
    "ambiguous_choice",
    "split_answer",
    "snapshot_conflict",
    "stray_tag",
    "unread_arguments",
    "foreign_wire",
    "wrapped_comment",
    "call_in_text",
    "marker_in_name",
    "more_extras",
    "more_anomalies",
]
Verdict: TypeAlias = Literal["valid", "lenient", "empty", "incomplete", "invalid", "trailing", "text"]


class Anomaly(Model):
    """Something odd that the wire did and the parser survived.

    ``not_a_chunk``: the chunk is not an object, or has no field that a chunk has. ``wrong_type``: a field holds what it
    never should. ``late_chunk``: a chunk came after the stream had failed or been closed. ``ambiguous_call``: whose a
    tool-call entry is had to be guessed. ``duplicate_id``: one id for two calls. ``changed_id``: another id, but the
    same call. ``placeholder``: an id or a name that says nothing. ``nameless_call``: a call ended without a name.
    ``late_name``: another name came after the arguments had begun.
    ``repeated_name``: a name was taken for the whole name again, by evidence; ``Dialect.name`` pins it.
    ``repeated_arguments``: all of a call's arguments came again, once or more, and was left out.
    ``unmerged_arguments``: the arguments are not a JSON object, and show which policy reads them.
    ``repeated_text``: a text is the same more than once, which the model may have said, or the server;
    ``Dialect.content`` and ``Dialect.reasoning`` tell.
    ``finish_without_calls``: the finish reason speaks of calls, and none came.
    ``ambiguous_choice``: which choice an entry speaks for had to be guessed.
    ``split_answer``: the text came in one choice, and the calls in another.
    ``duplicate_key``: an object repeats a key. ``reasoning_conflict``: two reasoning fields of a delta differ.
    ``snapshot_conflict``: what should be all of a text so far does not begin with what came before; it is not read.
    ``stray_tag``: the answer holds a closing think tag and no opening one; ``ThinkTags.starts`` tells.
    ``unread_arguments``: a call has a field that is not read, where its arguments may be.
    ``unknown_finish``: a finish reason that the table of endings does not hold. ``second_finish``: a finish reason that
    contradicts the one kept. ``foreign_wire``: an object of another protocol came. ``wrapped_comment``: a comment came
    as data. ``call_in_text``: a text holds a call, which is not read. ``marker_in_name``: a tool's name holds a marker
    of the model's template. ``more_extras``: ``Limits`` left no room for a value that is not read, or for what must be
    sent back. ``more_anomalies``: the list was full.
    """

    kind: AnomalyKind
    detail: str
    choice: int | None = None
    call: int | None = None
    """Position of the call in order of start, where one is concerned."""


class Usage(Model):
    """Token counts. ``None`` means not reported, which is not zero."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    source: Literal["reported", "estimated", "absent"] = "absent"
    raw: dict[str, Any] | None = None
    """Each field as the wire wrote it last."""


class ParsedCall(Model):
    """One tool call.

    ``verdict`` judges ``arguments``: ``valid`` JSON object; ``lenient``, valid but for raw control characters in
    strings (``json.loads(…, strict=False)`` reads it); ``empty``, nothing or ``null``; ``incomplete``, cut off;
    ``invalid``, with ``error_offset``; ``trailing``, more after the object, from ``error_offset`` on; ``text``, the
    input of a custom tool, which is no JSON.
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
    extras: dict[str, list[Any]] = Field(default_factory=dict)
    """Fields that are not read, such as a provider's signature: what each was, in order, without repeats unless
    ``Dialect.extras`` says otherwise."""
    ready: bool
    """Safe to run: the JSON is closed (free text has nothing to close), and the stream ended and was not cut
    (law 10)."""


class ReasoningDetail(Model):
    """A structured part of the native reasoning, its pieces merged by type and index."""

    type: str
    """The wire's word without ``reasoning.``: ``text``, ``summary``, ``encrypted``, ``opaque``, ``redacted``, …"""
    index: int | None
    id: str | None
    text: str
    data: str
    """What only the provider can read."""
    signature: str | None
    """The provider's proof of the text, to be sent back with it."""
    extras: dict[str, list[Any]] = Field(default_factory=dict)
    """Fields that are not read, such as ``format``; as in :class:`ParsedCall`."""


class ChoiceResult(Model):
    """What one choice said."""

    index: int
    content: str
    reasoning: str
    """Native reasoning; thoughts in a tool call's arguments stay there."""
    refusal: str
    transcript: str
    """What spoken audio says."""
    reasoning_details: list[ReasoningDetail]
    extras: dict[str, list[Any]]
    """Fields of the choice and its deltas that are not read, such as ``annotations``; as in :class:`ParsedCall`."""
    tool_calls: list[ParsedCall]
    finish_reason: str | None
    """The wire's word."""
    stop_reason: StopReasonType | None
    """Ours; ``None`` while the stream is open."""


class ErrorInfo(Model):
    """Why a stream failed."""

    code: str | None
    message: str


class StreamResult(Model):
    """What the stream amounts to so far. The fields of the first choice stand at the top level too."""

    response_id: str | None
    model: str | None
    content: str
    reasoning: str
    refusal: str
    tool_calls: list[ParsedCall]
    """Those that the stop reason speaks of, also if a server sent them in another choice."""
    usage: Usage
    finish_reason: str | None
    stop_reason: StopReasonType | None
    choices: list[ChoiceResult]
    extras: dict[str, list[Any]]
    """Fields of the chunks that are not read, such as ``citations``; as in :class:`ParsedCall`."""
    error: ErrorInfo | None
    anomalies: list[Anomaly]
