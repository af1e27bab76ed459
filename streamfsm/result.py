"""The result of a stream, consistent at any moment: :class:`StreamResult`."""

import json
import re
from collections.abc import Callable, Collection, Iterable
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, overload

from pydantic import BaseModel, Field, ValidationError

from streamfsm.errors import ArgumentsError, MisuseError
from streamfsm.messages import Model, StopReasonType

_M = TypeVar("_M", bound=BaseModel)

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
    "repeated_call",
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
    "silent_speech",
    "ambiguous_item",
    "duplicate_index",
    "late_delta",
    "unknown_event",
    "more_extras",
    "more_anomalies",
]
CallKind: TypeAlias = Literal[
    "function",
    "custom",
    "mcp",
    "mcp_approval_request",
    "computer_call",
    "local_shell_call",
    "shell_call",
    "apply_patch_call",
    "tool_search_call",
]
Verdict: TypeAlias = Literal["valid", "lenient", "empty", "incomplete", "invalid", "trailing", "text"]
CallsBack: TypeAlias = Literal["ready", "closed", "all"]
"""Which calls are sent back to the server. ``ready``: those that are safe to run. ``closed``: also those that are in
doubt or whose response was cut off, if their JSON is complete. ``all``: all that have a name; servers answer broken
JSON with an error."""
ReasoningBack: TypeAlias = Literal["auto", "omit", "keep"]
"""Which native reasoning is sent back. ``auto``: signed, encrypted and structured parts always, but plain text only
together with such parts or tool calls. ``keep``: all. ``omit``: none."""
EXTRAS_BACK = ("extra_content", "provider_specific_fields", "reasoning_encrypted")
"""Extras of a message that servers need back: signatures and encrypted reasoning."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_CONTROL = re.compile("[\x00-\x1f]")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")  # half of a pair, or a pair


class Anomaly(Model):
    """Something that the server should not have sent, or that can be read in two ways. The parser continued.

    ``not_a_chunk``: the chunk is not an object, or has no field that a chunk has. ``wrong_type``: a field has a value
    of the wrong type. ``late_chunk``: a chunk came after the stream had failed or been closed. ``ambiguous_call``: the
    call that an entry belongs to was guessed. ``duplicate_id``: two calls have the same id. ``changed_id``: a call's id
    changed. ``placeholder``: an id or a name is a mere placeholder. ``nameless_call``: a call ended without a name.
    ``late_name``: another name came after the arguments had begun.
    ``repeated_name``: a piece of a name was read as a repetition of the complete name; set ``Dialect.name`` to decide.
    ``repeated_arguments``: all of a call's arguments came again, and the repetition was left out. ``repeated_call``: a
    call may be an earlier one that came again.
    ``unmerged_arguments``: the arguments are not a JSON object; the detail suggests a policy with which they are one.
    ``repeated_text``: a text is a shorter text several times over, which the model or the server repeated; set
    ``Dialect.content`` or ``Dialect.reasoning`` to decide.
    ``finish_without_calls``: the finish reason says that there are calls, but none came.
    ``ambiguous_choice``: the choice that an entry belongs to was guessed.
    ``split_answer``: the text came in one choice, and the calls in another.
    ``duplicate_key``: an object repeats a key. ``reasoning_conflict``: two reasoning fields of a delta differ.
    ``snapshot_conflict``: a cumulative text does not begin with what came before; it is ignored.
    ``stray_tag``: the answer contains a closing think tag without an opening one; set ``ThinkTags.starts`` to decide.
    ``unread_arguments``: a call has a field that the parser does not interpret and that may contain its arguments.
    ``unknown_finish``: the finish reason is not in the table of endings. ``second_finish``: a finish reason contradicts
    the one that stands. ``foreign_wire``: an object of another protocol came. ``wrapped_comment``: a comment came as
    data. ``call_in_text``: a text contains a call, which the parser does not interpret. ``silent_speech``: the model
    called the message tool without a message. ``marker_in_name``: a tool's name contains a marker of the model's
    template. ``ambiguous_item``: the item that an event of the Responses wire belongs to was guessed.
    ``duplicate_index``: two items have the same ``output_index``. ``late_delta``: more of a text came after the wire
    had said that it is complete; it is ignored. ``unknown_event``: an event of an unknown type came; it is kept as an
    extra. ``more_extras``: an extra, or a field that must be sent back, was not kept because it exceeds ``Limits``.
    ``more_anomalies``: there were more anomalies than ``Limits`` allow, which were not kept.
    """

    kind: AnomalyKind
    detail: str
    choice: int | None = None
    call: int | None = None
    """Position of the call in the order in which calls began, if the anomaly concerns a call."""


class Usage(Model):
    """Token counts. ``None`` means not reported, which is not zero."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    source: Literal["reported", "estimated", "absent"] = "absent"
    raw: dict[str, Any] | None = None
    """The fields of the wire's usage reports, each with its last value."""


NOT_KEPT = "{} was not kept, because the parser was made with keep=False"


class _Kept(Model):
    """A part of the result. With ``keep=False``, it has no texts, and reading one raises :class:`MisuseError`."""

    if not TYPE_CHECKING:  # pragma: no branch

        def __getattr__(self, name: str) -> Any:
            if name in _TEXTS_OF.get(type(self).__name__, ()):
                raise MisuseError(NOT_KEPT.format(name))
            return super().__getattr__(name)


class ParsedCall(_Kept):
    """One tool call.

    ``verdict`` judges ``arguments``: ``valid``, a JSON object; ``lenient``, valid except for raw control characters in
    strings (``json.loads(…, strict=False)`` reads it); ``empty``, nothing or ``null``; ``incomplete``, cut off;
    ``invalid``, with an error at ``error_offset``; ``trailing``, more after the object, from ``error_offset`` on;
    ``text``, the input of a custom tool, which is not JSON.
    """

    index: int
    """Position in the order in which calls began, whatever their index on the wire."""
    id: str | None
    """The id on the wire, which may be missing or the same as an earlier call's."""
    tool_call_id: str
    """The id to use when the call and its result are sent back to the server: ``id``, or one that is computed from the
    message id and the call's position if the wire has none or an earlier call of the choice has the same."""
    name: str
    arguments: str
    """The raw text, exactly as on the wire."""
    kind: CallKind = "function"
    """What is called: a function; a ``custom`` tool, whose input is text; or a tool of the Responses API. If a call of
    such a tool has no arguments, as ``computer_call`` has none, they are the JSON of the requested action."""
    hosted: bool = False
    """Whether the server itself runs the call, or asks for permission to. Such a call is never ready, and is not sent
    back."""
    verdict: Verdict
    error_offset: int | None = None
    """Characters from the start of ``arguments`` to the first error."""
    extras: dict[str, list[Any]] = Field(default_factory=dict)
    """Fields that the parser does not interpret, such as a provider's signature: the values of each, in order, without
    repetitions unless ``Dialect.extras`` says otherwise."""
    ready: bool
    """Whether the call is safe to run: its JSON is complete (free text always is), it is not in doubt, and the stream
    ended without being cut off (law 10)."""

    @overload
    def parse(self) -> dict[str, Any]: ...

    @overload
    def parse(self, model: type[_M]) -> _M: ...

    def parse(self, model: type[_M] | None = None) -> dict[str, Any] | _M:
        """Decode the arguments of a ready call; ``{}`` if there are none. A lone surrogate becomes U+FFFD (law 2).

        Args:
            model: a pydantic model that validates them.

        Returns:
            All members of the object as a dict, including thoughts; or an instance of ``model``.

        Raises:
            ArgumentsError: a ``ValueError``: the call is not ready, its input is text, or Python cannot decode the
                arguments, for example an integer with too many digits.
            pydantic.ValidationError: a ``ValueError``, too: the arguments do not fit the ``model``.
        """
        if not self.ready or self.verdict == "text":
            raise self._unusable(f"the call of {self.name!r} {self._why_unusable}")
        try:
            decoded: dict[str, Any] = json.loads(self._json)
            if _SURROGATE.search(self._json):
                decoded = _without_lone_surrogates(decoded)
        except (ValueError, RecursionError) as error:
            raise self._unusable(f"the arguments of {self.name!r} cannot be decoded: {error}") from error
        if model is None:
            return decoded
        try:
            return model.model_validate_json(self._json)
        except ValidationError as error:
            if error.errors(include_input=False)[0]["type"] != "json_invalid":
                raise
        return model.model_validate(decoded)  # pydantic decodes no lone surrogates, and fewer levels than json

    def arguments_without(self, *names: str) -> dict[str, Any]:
        """Return what :meth:`parse` returns, without these members, such as thoughts. Missing members are ignored."""
        return {name: value for name, value in self.parse().items() if name not in names}

    @property
    def _why_unusable(self) -> str:
        if self.ready:
            return "takes text, which is in its `arguments`"
        if self.verdict in ("incomplete", "invalid", "trailing"):
            return f"is not ready: its arguments are {self.verdict}"
        return "is not ready: it is in doubt (see `anomalies`), or the response is not complete (see `stop_reason`)"

    def _unusable(self, why: str) -> ArgumentsError:
        return ArgumentsError(why, self.name, self.arguments, self.verdict, self.error_offset)

    @property
    def is_closed(self) -> bool:
        """Whether the call has a name, and its arguments are structurally complete; it may still be in doubt."""
        return self.ready or (bool(self.name) and self.verdict in ("valid", "lenient"))

    @property
    def goes_back(self) -> bool:
        """Whether :meth:`StreamResult.assistant_message` returns the call by default, so that it must be answered."""
        return self.is_closed and not self.hosted

    @property
    def _json(self) -> str:
        """The arguments as JSON for every reader: raw control characters are escaped, and no arguments are ``{}``."""
        if self.verdict == "empty":
            return "{}"
        if self.verdict != "lenient":
            return self.arguments
        return _STRING.sub(lambda text: _CONTROL.sub(lambda char: f"\\u{ord(char[0]):04x}", text[0]), self.arguments)

    def as_tool_call(self) -> dict[str, Any]:
        """Return the call as an entry of a message's ``tool_calls``; see :meth:`StreamResult.assistant_message`."""
        entry: dict[str, Any] = {"id": self.tool_call_id, "type": "function"}
        if self.verdict == "text":
            entry |= {"type": "custom", "custom": {"name": self.name, "input": self.arguments}}
        else:
            entry |= {"function": {"name": self.name, "arguments": self._json}}
        return _merged([_fields(self.extras), entry])  # type: ignore[no-any-return]


class ReasoningDetail(Model):
    """A structured part of the native reasoning, merged from its pieces by type and index."""

    type: str
    """The type on the wire without ``reasoning.``: ``text``, ``summary``, ``encrypted``, ``opaque``, ``redacted``, …"""
    index: int | None
    id: str | None
    text: str
    data: str
    """Reasoning that only the provider can read."""
    signature: str | None
    """The provider's signature of the text, which must be sent back with it."""
    extras: dict[str, list[Any]] = Field(default_factory=dict)
    """Fields that the parser does not interpret, such as ``format``; see :class:`ParsedCall`."""
    field: str = "reasoning_details"
    """The field in which the detail came, and in which it is sent back."""

    def as_part(self) -> dict[str, Any]:
        """Return the detail as an entry of its field in the next request, in the form in which it came."""
        part: dict[str, Any] = {"type": f"reasoning.{self.type}", "id": self.id, "index": self.index}
        text, data = self.text or None, self.data or None
        if self.type == "summary" and self.field == "content":
            return {"type": "reasoning", "summary": [{"type": "summary_text", "text": self.text, **self._signed}]}
        if self.field != "reasoning_details":
            # In content, Mistral's thoughts are a list and not signed, Anthropic's are a string and signed.
            listed = self.field == "content" and not self.signature
            thinking = [{"type": "text", "text": self.text}] if listed else self.text
            part = {"type": "redacted_thinking", "data": data} if data else {"type": "thinking", "thinking": thinking}
        else:
            part |= {"summary" if self.type == "summary" else "text": text, "data": data}
        part = {**_fields(self.extras), **part, **self._signed}
        return {key: value for key, value in part.items() if value is not None}

    @property
    def _signed(self) -> dict[str, str]:
        return {"signature": self.signature} if self.signature else {}


class ChoiceResult(_Kept):
    """The result of one choice."""

    index: int
    content: str
    content_parts: list[str] = Field(default_factory=list)
    """The parts of the content: one for Chat Completions; the Responses API has several, such as text before and after
    calls."""
    reasoning: str
    """Native reasoning, without thoughts in a tool call's arguments."""
    reasoning_field: str | None
    """The field in which plain reasoning came; ``None`` if there was none, or if it came between tags."""
    refusal: str
    transcript: str
    """The text of spoken audio."""
    assistant_text: str
    """Everything that the model said to the user, in stream order: content, refusal, transcript and the argument of the
    message tool. It is the text of the choice's :class:`AssistantMessage` objects."""
    thoughts: str
    """Everything that the model thought, in stream order: native reasoning, text between tags and thoughts in
    arguments. It is the text of the choice's :class:`ReasoningMessage` objects."""
    reasoning_details: list[ReasoningDetail]
    reasoning_positions: list[int] = Field(default_factory=list)
    """For each detail, the number of ``content_parts`` that came before it; always 0 for Chat Completions."""
    extras: dict[str, list[Any]]
    """Fields of the choice and its deltas that the parser does not interpret, such as ``annotations``; see
    :class:`ParsedCall`."""
    tool_calls: list[ParsedCall]
    finish_reason: str | None
    """How the choice ended, in the wire's words."""
    stop_reason: StopReasonType | None
    """How the choice ended, in this library's words; ``None`` while the stream is open."""

    @property
    def ready_calls(self) -> list[ParsedCall]:
        """The calls that are safe to run, in the order in which they began."""
        return [call for call in self.tool_calls if call.ready]

    def assistant_message(
        self,
        *,
        reasoning: ReasoningBack = "auto",
        calls: CallsBack = "closed",
        extras: Collection[str] = EXTRAS_BACK,
    ) -> dict[str, Any]:
        """See :meth:`StreamResult.assistant_message`."""
        going = [call.as_tool_call() for call in self.tool_calls if _GOES_BACK[calls](call)]
        message: dict[str, Any] = {"role": "assistant", "content": self.content or None}
        message |= _fields({name: values for name, values in self.extras.items() if name in extras})
        message |= self._reasoning_back(reasoning, with_calls=bool(going))
        if self.refusal:
            message["refusal"] = self.refusal
        if audio := [each["id"] for each in self.extras.get("audio", ()) if isinstance(each, dict) and "id" in each]:
            message["audio"] = {"id": audio[0]}
        if going:
            message["tool_calls"] = going
        if message == {"role": "assistant", "content": None}:
            message["content"] = ""
        return message

    def _reasoning_back(self, policy: ReasoningBack, *, with_calls: bool) -> dict[str, Any]:
        if policy == "omit":
            return {}
        fields: dict[str, Any] = {}
        for detail in self.reasoning_details:
            plain = detail.field == "content" and not (detail.signature or detail.data)
            if plain and policy == "auto" and not with_calls:
                continue
            if detail.field == "reasoning_opaque":
                fields[detail.field] = fields.get(detail.field, "") + detail.data
            else:
                fields.setdefault(detail.field, []).append(detail.as_part())
        if "content" in fields and self.content:
            fields["content"].append({"type": "text", "text": self.content})
        if self.reasoning_field and self.reasoning and (policy == "keep" or with_calls or fields):
            fields[self.reasoning_field] = self.reasoning
        return fields


class ErrorInfo(Model):
    """Why a stream failed."""

    code: str | None
    message: str


class StreamResult(_Kept):
    """The result of the stream so far. Content, reasoning and refusal are those of the first choice."""

    response_id: str | None
    model: str | None
    content: str
    reasoning: str
    refusal: str
    assistant_text: str
    thoughts: str
    tool_calls: list[ParsedCall]
    """The calls of the answer, even if a server sent them in another choice."""
    usage: Usage
    finish_reason: str | None
    stop_reason: StopReasonType | None
    choices: list[ChoiceResult]
    answer: list[int]
    """Indexes of the choices that make up the answer: the first, and any that continue it."""
    extras: dict[str, list[Any]]
    """Fields of the chunks that the parser does not interpret, such as ``citations``; see :class:`ParsedCall`."""
    error: ErrorInfo | None
    anomalies: list[Anomaly]

    @property
    def has_texts(self) -> bool:
        """Whether the result has texts: it has none if the parser was made with ``keep=False``."""
        return "content" in self.__dict__

    @property
    def ready_calls(self) -> list[ParsedCall]:
        """The calls of the answer that are safe to run, in the order in which they began."""
        return [call for call in self.tool_calls if call.ready]

    def assistant_message(
        self,
        *,
        reasoning: ReasoningBack = "auto",
        calls: CallsBack = "closed",
        extras: Collection[str] = EXTRAS_BACK,
    ) -> dict[str, Any]:
        """Return the message that repeats this response to the server in the next request.

        It contains the first choice, and those that continue it.

        Args:
            reasoning: which native reasoning is sent back, in the field in which it came.
            calls: which calls are sent back. Each must be answered by a message of role ``tool`` with the call's
                ``tool_call_id``.
            extras: names of the message's other fields that are sent back, each with its last value; objects are
                merged. A call is sent back with all of its extras.

        Returns:
            A new dict for the ``messages`` of the ``openai`` client: ``role``, ``content``, and ``tool_calls`` and
            other fields that are not empty. Arguments are verbatim, including thoughts and message, except that raw
            control characters are escaped and missing or ``null`` arguments become ``{}``, as strict readers require.
        """
        parts = [choice for choice in self.choices if choice.index in self.answer]
        if not parts:
            return {"role": "assistant", "content": self.content}
        texts = {name: "".join(getattr(part, name) for part in parts) for name in _TEXTS}
        lists = {name: [each for part in parts for each in getattr(part, name)] for name in _LISTS}
        kept = {name: values for part in reversed(parts) for name, values in part.extras.items()}
        whole = parts[0].model_copy(update={**texts, **lists, "extras": kept})
        return whole.assistant_message(reasoning=reasoning, calls=calls, extras=extras)


_SAID = ("content", "reasoning", "refusal", "assistant_text", "thoughts", "extras")
_TEXTS_OF = {
    "ParsedCall": ("arguments",),
    "ChoiceResult": (*_SAID, "content_parts", "transcript", "reasoning_details", "reasoning_positions"),
    "StreamResult": _SAID,
}
"""Class → its fields that are missing with ``keep=False``."""


def without_texts(result: StreamResult) -> StreamResult:
    """Remove the fields for texts from a result with ``keep=False``, and return it."""
    parts = [result, *result.choices, *(call for choice in result.choices for call in choice.tool_calls)]
    for part in (*parts, *result.tool_calls):
        for name in _TEXTS_OF[type(part).__name__]:
            part.__dict__.pop(name, None)
            part.__pydantic_fields_set__.discard(name)
    return result


_TEXTS = ("content", "reasoning", "refusal")
_LISTS = ("reasoning_details", "tool_calls")
_GOES_BACK: dict[CallsBack, Callable[[ParsedCall], bool]] = {
    "ready": lambda call: call.ready,
    "closed": lambda call: call.goes_back,
    "all": lambda call: bool(call.name) and not call.hosted,
}


def _without_lone_surrogates(value: Any) -> Any:
    """Return a decoded value with U+FFFD for each lone surrogate, which UTF-8 cannot represent."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass")
    return json.loads(text.decode("utf-16", "replace"))


def _fields(extras: dict[str, list[Any]]) -> dict[str, Any]:
    """Return one value of each field: a copy, which the caller may change."""
    return {name: deepcopy(_merged(values)) for name, values in extras.items()}


def _merged(values: Iterable[Any]) -> Any:
    """Merge several values into one: objects by their members; of other values, the last stands."""
    merged: Any = None
    for value in values:
        if isinstance(merged, dict) and isinstance(value, dict):
            merged = {**merged, **{key: _merged([merged.get(key), inner]) for key, inner in value.items()}}
        else:
            merged = value
    return merged
