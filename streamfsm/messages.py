"""The typed messages that a parser emits: one discriminated union.

Field names and JSON are those that clients of the agent server whose class the façade replaces already read (the models
of the published ``letta-client`` accept them). Messages are frozen, because an emitted message never changes (law 3);
``model_copy(update=…)`` returns a changed copy.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, TypeVar, cast
from uuid import NAMESPACE_OID, UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SerializerFunctionWrapHandler, model_serializer
from typing_extensions import Self

from streamfsm.errors import MisuseError

_OTID_NAMESPACE = UUID("6f1c3e0a-5d0b-4c57-9a3e-2b7d6c1f8e44")  # random; distinguishes our otids from other UUIDs
_OTIDS_IN_ID = 128  # ordinals that fit the low seven bits of a UUID


class Model(BaseModel):
    """A model whose validator is built on first use, because a stream needs few of them (``benchmarks/imports.py``).

    Until then its constructor's signature names no fields.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(defer_build=True)


class StopReasonType(str, Enum):
    """Why a response ended. The values are the agent server's where it has one."""

    end_turn = "end_turn"
    """The model finished (wire: ``stop``)."""
    tool_calls = "tool_calls"
    """The model asks for tools to be run (wire: ``tool_calls``, ``function_call``)."""
    max_tokens_exceeded = "max_tokens_exceeded"
    """Cut off by length (wire: ``length``)."""
    content_filter = "content_filter"
    """Cut off by a filter (wire: ``content_filter``)."""
    incomplete = "incomplete"
    """The stream ended without saying why."""
    unknown = "unknown"
    """The server sent an unknown finish reason; the result has it as ``finish_reason``."""
    error = "error"
    """The stream failed, because of the server, the network or a limit."""
    cancelled = "cancelled"
    """The caller cancelled the stream."""


_last_written: tuple[datetime | None, str] = (None, "")


def _written(date: datetime) -> str:
    """Return the date as text. It is cached for the next message, because a response's messages share one ``date``."""
    global _last_written  # noqa: PLW0603 - one tuple, replaced at once, so that threads need no lock
    last, text = _last_written
    if last is not date:
        text = date.isoformat(timespec="seconds")
        _last_written = date, text
    return text


class Message(Model):
    """The base class of all messages. :func:`coalesce` joins messages of your own subclasses like the others."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    FIELD: ClassVar[str | None] = None
    """The field with a piece of text in each message; ``None``: messages are never joined."""

    id: str
    """The response's message id, shared by all its messages."""
    date: Annotated[datetime, PlainSerializer(_written, when_used="json")]
    """When the parser was created (UTC, in whole seconds), unless it was given another date."""
    name: str | None = None
    otid: str | None = None
    """Changes exactly when the kind of message, the tool call or the choice changes; see :func:`otid`."""
    sender_id: str | None = None
    step_id: str | None = None
    is_err: bool | None = None
    seq_id: int | None = None
    """0, 1, 2, … over the messages of one response, without gaps."""
    run_id: str | None = None
    choice_index: int = 0
    message_type: str

    @property
    def text(self) -> str:
        """The text of the message: that of its :attr:`FIELD`."""
        return str(getattr(self, self.FIELD)) if self.FIELD else ""

    def continues(self, before: "Message") -> bool:
        """Whether the text of this message continues that of ``before``, the previous message."""
        here, there = (self.otid, self.choice_index), (before.otid, before.choice_index)
        return self.FIELD is not None and type(self) is type(before) and here == there

    def joined(self, rest: "Iterable[Message]") -> Self:
        """Return this message with the text of ``rest``, each of which :meth:`continues` the one before it."""
        return self.model_copy(update={f"{self.FIELD}": self.text + "".join(message.text for message in rest)})


class ReasoningMessage(Message):
    """A piece of the model's thoughts, decoded: native reasoning, a ``<think>`` span, or an inner-thoughts kwarg."""

    FIELD: ClassVar[str | None] = "reasoning"

    message_type: Literal["reasoning_message"] = "reasoning_message"
    source: Literal["reasoner_model", "non_reasoner_model"] = "non_reasoner_model"
    """``reasoner_model`` for native reasoning, ``non_reasoner_model`` for thoughts in a tool call's arguments."""
    reasoning: str
    signature: str | None = None


class HiddenReasoningMessage(Message):
    """Announces, once, that a reasoning model has thought without showing its thoughts."""

    message_type: Literal["hidden_reasoning_message"] = "hidden_reasoning_message"
    state: Literal["redacted", "omitted"]
    hidden_reasoning: str | None = None

    @property
    def text(self) -> str:
        """The state of the thoughts."""
        return self.state


class AssistantMessage(Message):
    """A piece of what the model says to the user, decoded: plain content, a refusal, or the message kwarg."""

    FIELD: ClassVar[str | None] = "content"

    message_type: Literal["assistant_message"] = "assistant_message"
    content: str


class ToolCallDelta(Model):
    """A part of a tool call. The JSON omits fields that are ``None``."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    name: str | None = None
    arguments: str | None = None
    tool_call_id: str | None = None

    @model_serializer(mode="wrap")
    def _present(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value is not None}


class _CallMessage(Message):
    FIELD: ClassVar[str | None] = "tool_call"

    message_type: str
    tool_call: ToolCallDelta

    @property
    def text(self) -> str:
        """The piece of the arguments, or the name if the message has only a name."""
        call = self.tool_call
        return (call.name if call.arguments is None else call.arguments) or ""

    def continues(self, before: Message) -> bool:
        """Whether this message continues the arguments of ``before``; a message with a name never does."""
        call = self.tool_call
        return (
            super().continues(before)
            and isinstance(before, _CallMessage)
            and (call.tool_call_id, call.name) == (before.tool_call.tool_call_id, None)
        )

    def joined(self, rest: Iterable[Message]) -> Self:
        """Return this message with the arguments of ``rest`` appended."""
        arguments = (self.tool_call.arguments or "") + "".join(message.text for message in rest)
        return self.model_copy(update={"tool_call": self.tool_call.model_copy(update={"arguments": arguments})})


class ToolCallMessage(_CallMessage):
    """A piece of a tool call: first its name, once; then its arguments, raw JSON text."""

    message_type: Literal["tool_call_message"] = "tool_call_message"


class ApprovalRequestMessage(_CallMessage):
    """A :class:`ToolCallMessage` of a tool whose calls must be approved before they are run."""

    message_type: Literal["approval_request_message"] = "approval_request_message"


class ArgumentMessage(Message):
    """A value captured by a :class:`~streamfsm.Channel` in a call's arguments, or a piece of it.

    A string is emitted piece by piece, each a ``delta``; the last, which may be empty, has ``done``. Any other value is
    emitted once, as ``value`` with ``done``; so is a string if the channel has ``when="whole"``. A channel of leaves,
    such as ``$..*``, also emits each object and array when it opens, as an empty ``value`` without ``done``.
    """

    FIELD: ClassVar[str | None] = "delta"

    message_type: Literal["argument_message"] = "argument_message"
    tool_call_id: str | None = None
    tool_name: str
    channel: str
    path: str
    """The resolved path, such as ``$.edits[1].new_text``."""
    delta: str | None = None
    """The next piece of a string, decoded; ``None`` if the message has a ``value``."""
    value: Any = None
    """The value, as ``json.loads`` would return it."""
    done: bool = False
    """Whether the value is complete."""

    @property
    def text(self) -> str:
        """The piece of the string, or the value as JSON."""
        return json.dumps(self.value) if self.delta is None else self.delta

    def continues(self, before: Message) -> bool:
        """Whether this message continues the string of ``before``."""
        return (
            super().continues(before)
            and isinstance(before, ArgumentMessage)
            and None not in (self.delta, before.delta)
            and (self.path, before.done) == (before.path, False)
        )

    def joined(self, rest: Iterable[Message]) -> Self:
        """Return this message with the text of ``rest`` appended, and with ``done`` if the last of them has it."""
        pieces: list[ArgumentMessage] = [self, *cast("Iterable[ArgumentMessage]", rest)]
        return self.model_copy(update={"delta": "".join(each.text for each in pieces), "done": pieces[-1].done})


class _WholeCall(Message):
    message_type: str
    tool_call: ToolCallDelta
    """The name, the id that the call has in the result, and the complete arguments."""

    @property
    def text(self) -> str:
        """The arguments."""
        return self.tool_call.arguments or ""


class ToolCallSealed(_WholeCall):
    """A call of one of the ``seal_tools`` is complete and not in doubt; emitted before the end of the stream.

    This is weaker than ``ready`` in the result: the stream may still be cut off, fail, or put the call in doubt. Then a
    :class:`ToolCallRevoked` follows. Start only tools whose results you can discard.
    """

    message_type: Literal["tool_call_sealed"] = "tool_call_sealed"


class ToolCallRevoked(_WholeCall):
    """A sealed call is not safe to run after all: abort what you started for it."""

    message_type: Literal["tool_call_revoked"] = "tool_call_revoked"
    reason: Literal["trailing", "doubt", "cut", "failed", "cancelled"]
    """More text followed the arguments, the call is in doubt, the response was cut off, or the stream failed or was
    cancelled."""


class StopReason(Message):
    """The end of a response. Nothing follows it."""

    message_type: Literal["stop_reason"] = "stop_reason"
    stop_reason: StopReasonType

    @property
    def text(self) -> str:
        """Why the response ended."""
        return StopReasonType(self.stop_reason).value


StreamMessage: TypeAlias = Annotated[
    ReasoningMessage
    | HiddenReasoningMessage
    | AssistantMessage
    | ToolCallMessage
    | ApprovalRequestMessage
    | ArgumentMessage
    | ToolCallSealed
    | ToolCallRevoked
    | StopReason,
    Field(discriminator="message_type"),
]


class FunctionCall(Model):
    """The name and the raw JSON arguments of a complete call."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    name: str
    arguments: str


class ToolCall(Model):
    """A complete tool call, in the shape that the wire uses, with the provider's own fields that must be sent back."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    id: str
    type: Literal["function", "custom"] = "function"
    function: FunctionCall
    """For a call of a custom tool, this can only be read; the JSON has ``custom`` instead."""

    @model_serializer(mode="wrap")
    def _sent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if key != "function" or self.type == key}


class TextContent(Model):
    """Text for an agent's message store."""

    type: Literal["text"] = "text"
    text: str


class ReasoningContent(Model):
    """Native reasoning for an agent's message store."""

    type: Literal["reasoning"] = "reasoning"
    is_native: bool = True
    reasoning: str
    signature: str | None = None


class OmittedReasoningContent(Model):
    """Stands for thoughts that a reasoning model did not show, in an agent's message store."""

    type: Literal["omitted_reasoning"] = "omitted_reasoning"
    signature: str | None = None


class SummarizedReasoningContentPart(Model):
    """One part of a summary."""

    index: int
    text: str


class SummarizedReasoningContent(Model):
    """Native reasoning as a summary or encrypted data only, for an agent's message store."""

    type: Literal["summarized_reasoning"] = "summarized_reasoning"
    id: str | None = None
    """The server's id for the reasoning."""
    summary: list[SummarizedReasoningContentPart]
    encrypted_content: str | None = None


class UsageStatistics(Model):
    """Token counts, in the form that clients of the agent server read. Unlike other messages, this one is mutable."""

    message_type: Literal["usage_statistics"] = "usage_statistics"
    completion_tokens: int = 0
    prompt_tokens: int = 0
    total_tokens: int = 0
    step_count: int = 1
    """How many steps of the agent the counts cover; one response is one step. The caller may set it."""
    cached_input_tokens: int | None = None
    """``None``, here and in the next two fields, means not reported, which is not zero."""
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


def otid(message_id: str, ordinal: int) -> str:
    """Return the offline-threading id of the ``ordinal``-th run of messages of a response.

    This is a pure function. Ordinals 0–127 of a ``message-<uuid>`` replace the low seven bits of that UUID, which is
    how the agent server derives the ids it stores; any other ordinal or id gives a version 5 UUID, so otids never run
    out.
    """
    if ordinal < _OTIDS_IN_ID and (base := _otid_base(message_id)):
        return f"{base[0]}{base[1] | ordinal:02x}"
    return str(uuid5(_OTID_NAMESPACE, f"{message_id}/{ordinal}"))


@lru_cache(maxsize=64)
def _otid_base(message_id: str) -> tuple[str, int] | None:
    """Return the UUID's text without its last byte, and that byte's highest bit; ``None`` if the id is not a UUID."""
    try:
        text = str(UUID(message_id.removeprefix("message-")))
    except ValueError:
        return None
    return text[:-2], int(text[-2:], 16) & -_OTIDS_IN_ID


def made_up_id(message_id: str, choice: int, position: int) -> str:
    """Return an id for a tool call that has no usable one on the wire: a pure function, different for each call."""
    place = f"{choice}/{position}" if choice else f"{position}"
    return f"call_{uuid5(NAMESPACE_OID, f'{message_id}/{place}').hex[:24]}"


_M = TypeVar("_M", bound=Message)


def coalesce(messages: Iterable[_M]) -> list[_M]:
    """Join neighbouring messages of the same type, tool call, choice and otid, and number the result without gaps.

    The result depends only on the logical stream, never on how it was cut (law 1). It is idempotent.

    Args:
        messages: messages of one response, in order.

    Returns:
        New messages; their ``seq_id`` counts on from that of the first message.

    Raises:
        MisuseError: one of them is a boundary, not a message.
    """
    runs: list[list[_M]] = []
    for message in messages:
        if not isinstance(message, Message):
            raise MisuseError(f"coalesce joins messages, not {type(message).__name__}: leave boundaries out")
        if runs and message.continues(runs[-1][-1]):
            runs[-1].append(message)
        else:
            runs.append([message])
    joined = [run[0].joined(run[1:]) if len(run) > 1 else run[0] for run in runs]
    first = (joined[0].seq_id or 0) if joined else 0
    return [message.model_copy(update={"seq_id": first + place}) for place, message in enumerate(joined)]
