"""Reads Chat Completions chunks: ``openai`` objects, or dicts of the same shape.

The order within a chunk is fixed, because deltas say nothing of it: choices in list order, and in each: reasoning,
content, refusal, tool calls in list order, the legacy function call, an audio transcript, the finish reason; then
usage, then an error. What is not read is kept as an extra.
"""

import json
import reprlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from streamfsm._events import (
    Begin,
    CallPiece,
    Envelope,
    Event,
    Extra,
    Failure,
    Finish,
    Oddity,
    Text,
    TextField,
    Thought,
    UsageReport,
)
from streamfsm._surrogates import without_surrogates
from streamfsm.sources.dialect import Dialect

_T = TypeVar("_T")
_NOTHING: Mapping[str, Any] = {}
# Fields that nearly every object has: they are read first, or say nothing, like padding against traffic analysis. Where
# there are others, those are looked at one by one.
_CHUNK = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint", "obfuscation", "p"}
)
_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})
_CALL = frozenset({"index", "id", "type", "function"})
_CHUNK_READ = _CHUNK | {"moderation", "x_groq", "error"}
_CHOICE_READ = _CHOICE | {"message", "usage"}
_LARGEST = 2**63 - 1  # of an integer that is one to every reader


def _fields(value: object) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """The fields of a wire object, ``None`` if it is none; and those of them that may be unknown.

    Nothing is copied, unless there are fields that ``openai``'s types do not declare, such as ``reasoning_content``.
    """
    if type(value) is dict:
        return value, value
    try:
        extra = value.__pydantic_extra__  # type: ignore[attr-defined]
    except AttributeError:
        fields = value if isinstance(value, dict) else getattr(value, "__dict__", None)
        return fields, fields
    return ({**value.__dict__, **extra} if extra else value.__dict__), extra


def _fields_of(value: object) -> Mapping[str, Any]:
    """The same, none where there is no object."""
    return _fields(value)[0] or _NOTHING


@dataclass(slots=True)
class ChatCompletions:
    """Reads the chunks of one response. Its only state: what it need not read again."""

    dialect: Dialect
    has_id: bool = False
    has_model: bool = False
    choices: dict[int, bool] = field(default_factory=dict)
    """Those that began: whether their deltas have said anything."""

    def read(self, chunk: object) -> list[Event]:
        """What ``chunk`` says, in reading order. Never raises for anything that JSON can hold.

        Runs for every delta, so it looks first and checks only what is there: what is empty says nothing.
        """
        events: list[Event] = []
        fields, maybe_extra = _fields(chunk)
        if fields is None:
            return [Oddity("not_a_chunk", show(chunk), None)]
        if not (self.has_id and self.has_model):
            self._read_envelope(fields, events)
        if choices := fields.get("choices"):
            if not isinstance(choices, list):
                choices = _checked(list, choices, "choices", None, events) or ()
            for position, choice in enumerate(choices):
                self._read_choice(position, choice, events)
        if usage := fields.get("usage"):
            _read_usage(usage, events)
        if moderation := fields.get("moderation"):
            events.append(Extra(None, "moderation", moderation))
        if maybe_extra and not _CHUNK.issuperset(maybe_extra):
            _read_rest(maybe_extra, events)
        return events

    def _read_envelope(self, fields: Mapping[str, Any], events: list[Event]) -> None:
        response_id = None if self.has_id else _string(fields, "id", None, events) or None
        model = None if self.has_model else _string(fields, "model", None, events) or None
        if response_id or model:
            events.append(Envelope(response_id, model))
            self.has_id, self.has_model = self.has_id or bool(response_id), self.has_model or bool(model)

    def _read_choice(self, position: int, choice: object, events: list[Event]) -> None:
        fields, maybe_extra = _fields(choice)
        if fields is None:
            events.append(Oddity("wrong_type", f"choices[{position}] is {show(choice)}", None))
            return
        index = fields.get("index")
        if type(index) is not int or abs(index) > _LARGEST:
            index = position if index is None else _integer(fields, "index", None, events) or position
        if index not in self.choices:
            self.choices[index] = False
            events.append(Begin(index))
        if delta := fields.get("delta"):
            before = len(events)
            self._read_delta(delta, index, events)
            if len(events) > before:
                self.choices[index] = True
        if maybe_extra and not _CHOICE.issuperset(maybe_extra):
            if (message := fields.get("message")) and not self.choices[index]:
                self._read_message(message, index, events)
            if usage := fields.get("usage"):
                _read_usage(usage, events)
            _read_extras(maybe_extra, _CHOICE_READ, index, events)
        if fields.get("finish_reason") and (reason := _string(fields, "finish_reason", index, events)):
            events.append(Finish(index, reason))

    def _read_delta(self, delta: object, choice: int, events: list[Event]) -> None:
        fields, _ = _fields(delta)
        if fields is None:
            events.append(Oddity("wrong_type", f"delta is {show(delta)}", choice))
            return
        said = []
        for name, value in fields.items():
            if value and name != "role":
                said.append(name)
        if len(said) > 1:
            said.sort(key=_rank)
        reasoned = False
        for name in said:
            if reader := _READERS.get(name):
                reader(fields[name], choice, events)
            elif name not in self.dialect.reasoning_names:
                events.append(Extra(choice, name, fields[name]))
            elif not reasoned:
                reasoned = True
                self._read_reasoning(fields, choice, events)

    def _read_message(self, message: object, choice: int, events: list[Event]) -> None:
        """A message beside no delta, whole so far: each text in one piece, calls with their positions as indexes."""
        read: list[Event] = []
        self._read_delta(message, choice, read)
        texts: dict[str, Text] = {}
        for event in read:
            if isinstance(event, Text) and event.field in texts:
                texts[event.field].text += event.text
                continue
            if isinstance(event, Text):
                texts[event.field] = event
            if isinstance(event, CallPiece) and event.wire_index is None:
                event.wire_index = event.entry
            if isinstance(event, Text | CallPiece | Thought):
                event.whole = True
            events.append(event)

    def _read_reasoning(self, delta: Mapping[str, Any], choice: int, events: list[Event]) -> None:
        """The text once, whichever fields carry it; what differs between fields is odd, and read as well.

        Fields with structure come first, because they tell the order of what can be read and what cannot.
        """
        carriers: list[tuple[str, list[Event]]] = []
        if details := delta.get("reasoning_details"):
            carriers.append(("reasoning_details", _read_details(details, choice, events)))
        if blocks := delta.get("thinking_blocks"):
            carriers.append(("thinking_blocks", _read_blocks(blocks, choice, events)))
        carriers += [
            (name, [Text(choice, "reasoning", text)])
            for name in self.dialect.reasoning_fields
            if (value := delta.get(name)) and (text := _checked(str, value, name, choice, events))
        ]
        read: set[str] = set()
        for name, carried in carriers:
            text = "".join([event.text for event in carried if isinstance(event, Text)])
            again = text in read
            if text and read and not again:
                events.append(Oddity("reasoning_conflict", f"{name} is not the text of another field", choice))
            events += [event for event in carried if not again or not isinstance(event, Text)]
            if text:
                read.add(text)
        if delta.get("reasoning_opaque") and (opaque := _string(delta, "reasoning_opaque", choice, events)):
            events.append(Thought(choice, "opaque", None, None, "", opaque, None))


def _read_details(details: object, choice: int, events: list[Event]) -> list[Event]:
    """Structured reasoning: ``[{"type": "reasoning.text", "index": 0, "text": …, "signature": …}, …]``."""
    read: list[Event] = []
    for detail in _checked(list, details, "reasoning_details", choice, events) or ():
        fields, _ = _fields(detail)
        if fields is None:
            events.append(Oddity("wrong_type", f"a reasoning detail is {show(detail)}", choice))
            continue
        texts = [_checked(str, fields[key], key, choice, events) for key in ("text", "summary") if fields.get(key)]
        text = next((text for text in texts if text), "")
        read.append(
            Thought(
                choice,
                kind=_string(fields, "type", choice, events).removeprefix("reasoning."),
                index=_integer(fields, "index", choice, events),
                id=_string(fields, "id", choice, events) or None,
                text=text,
                data=_string(fields, "data", choice, events),
                signature=_string(fields, "signature", choice, events) or None,
            )
        )
        if text:
            read.append(Text(choice, "reasoning", text))
    return read


def _read_blocks(blocks: object, choice: int, events: list[Event]) -> list[Event]:
    """Anthropic's own, as some proxies pass them on: ``[{"type": "thinking", "thinking": …, "signature": …}, …]``."""
    read: list[Event] = []
    _read_parts(_checked(list, blocks, "thinking_blocks", choice, events) or [], choice, read)
    return read


def _read_audio(audio: object, choice: int, events: list[Event]) -> None:
    fields, _ = _fields(audio)
    if fields is None:
        events.append(Oddity("wrong_type", f"audio is {show(audio)}", choice))
        return
    if transcript := _checked(str, fields.get("transcript") or "", "transcript", choice, events):
        events.append(Text(choice, "transcript", transcript))
    if rest := {key: value for key, value in fields.items() if value and key != "transcript"}:
        events.append(Extra(choice, "audio", rest))


def _read_rest(fields: Mapping[str, Any], events: list[Event]) -> None:
    """What few chunks have."""
    groq = _fields_of(fields.get("x_groq"))
    if usage := groq.get("usage"):
        _read_usage(usage, events)
    if rest := {key: value for key, value in groq.items() if value and key not in ("usage", "error")}:
        events.append(Extra(None, "x_groq", rest))
    _read_extras(fields, _CHUNK_READ, None, events)
    if error := fields.get("error") or groq.get("error"):
        events.append(_failure(error))


def _read_extras(fields: Mapping[str, Any], known: Collection[str], choice: int | None, events: list[Event]) -> None:
    events += [Extra(choice, name, value) for name, value in fields.items() if value and name not in known]


def _read_content(content: object, choice: int, events: list[Event]) -> None:
    if isinstance(content, str):
        events.append(Text(choice, "content", content))
    else:
        _read_parts(content, choice, events)


def _read_refusal(refusal: object, choice: int, events: list[Event]) -> None:
    if text := _checked(str, refusal, "refusal", choice, events):
        events.append(Text(choice, "refusal", text))


def _read_parts(content: object, choice: int, events: list[Event]) -> None:
    """Content as a list of parts: ``{"type": "text"}``, or ``{"type": "thinking"}`` that may hold a list of its own."""
    for part in content if isinstance(content, list) else [content]:
        fields = _fields_of(part)
        thinking = fields.get("thinking")
        if isinstance(thinking, list):
            for thought in thinking:
                _read_part(thought, "reasoning", choice, events)
        elif thinking:
            _read_part({"text": thinking}, "reasoning", choice, events)
        elif fields.get("type") == "redacted_thinking":
            events.append(Thought(choice, "redacted", None, None, "", _string(fields, "data", choice, events), None))
        else:
            _read_part(part, "content", choice, events)
        if signature := _string(fields, "signature", choice, events):
            events.append(Thought(choice, "text", None, None, "", "", signature))


def _read_part(part: object, name: TextField, choice: int, events: list[Event]) -> None:
    fields = _fields_of(part)
    text = fields.get("text")
    if isinstance(text, str):
        if text:
            events.append(Text(choice, name, text))
    elif fields:
        events.append(Extra(choice, name, dict(fields)))
    else:
        events.append(Oddity("wrong_type", f"a part of the content is {show(part)}", choice))


def _read_calls(calls: object, choice: int, events: list[Event]) -> None:
    for entry, call in enumerate(_checked(list, calls, "tool_calls", choice, events) or ()):
        _read_call(call, choice, events, entry)


def _read_function(function: object, choice: int, events: list[Event]) -> None:
    """The legacy form of a call."""
    _read_call({"function": function}, choice, events)


def _read_call(call: object, choice: int, events: list[Event], entry: int = 0) -> None:
    fields, maybe_extra = _fields(call)
    if fields is None:
        events.append(Oddity("wrong_type", f"an entry of tool_calls is {show(call)}", choice))
        return
    function, _ = _fields(fields.get("function"))
    if function is None:
        function = _NOTHING
        if fields.get("function"):
            events.append(Oddity("wrong_type", f"function is {show(fields['function'])}", choice))
    index, call_id = fields.get("index"), fields.get("id") or ""
    name, arguments = function.get("name") or "", function.get("arguments") or ""
    typed = type(call_id) is type(name) is type(arguments) is str and (index is None or type(index) is int)
    if not (typed and call_id.isascii() and (index is None or abs(index) <= _LARGEST)):
        index = _integer(fields, "index", choice, events)
        call_id = _string(fields, "id", choice, events)
        name = _checked(str, name, "name", choice, events) or ""
        if not isinstance(arguments, str):
            # Some servers send the parsed object. Its text is lost, its value is not.
            events.append(Oddity("wrong_type", f"arguments is {show(arguments)}", choice))
            arguments = as_json(arguments) or show(arguments)
    piece = CallPiece(choice, index, call_id, name, arguments, entry)
    if maybe_extra and not _CALL.issuperset(maybe_extra):
        piece.extras = {key: value for key, value in maybe_extra.items() if value and key not in _CALL}
    events.append(piece)


def as_json(value: object) -> str | None:
    """Any value as JSON text; ``None`` where JSON cannot say it."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    except (TypeError, ValueError, RecursionError):
        return None


def _plain(value: object) -> object:
    return {key: inner for key, inner in _fields_of(value).items() if inner is not None} or repr(value)


def show(value: object) -> str:
    """Short and shallow, whatever the value."""
    try:
        return reprlib.repr(value)
    except ValueError:  # an int of more digits than Python likes to write
        return f"an {type(value).__name__}"


# The fields of a delta in reading order. Reasoning, whose fields the dialect names, comes before them; any other field
# is an extra.
_READERS: dict[str, Callable[[Any, int, list[Event]], None]] = {
    "content": _read_content,
    "refusal": _read_refusal,
    "tool_calls": _read_calls,
    "function_call": _read_function,
    "audio": _read_audio,
}
_RANKS = {name: rank for rank, name in enumerate(_READERS)}


def _rank(name: str) -> int:
    return _RANKS.get(name, -1)


# A count's names, in order of preference; those in brackets are in an object of their own.
_INPUT = ("prompt_tokens", "input_tokens")
_OUTPUT = ("completion_tokens", "output_tokens")
_CACHED = (
    ("prompt_tokens_details", "cached_tokens"),
    *("cached_tokens", "num_cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens"),
)
_REASONING = (("completion_tokens_details", "reasoning_tokens"), "reasoning_tokens")


def _read_usage(usage: object, events: list[Event]) -> None:
    fields, _ = _fields(usage)
    if fields is None:
        events.append(Oddity("wrong_type", f"usage is {show(usage)}", None))
        return

    def count(names: tuple[str | tuple[str, str], ...]) -> int | None:
        for name in names:
            place, key = (fields, name) if isinstance(name, str) else (_fields_of(fields.get(name[0])), name[1])
            if (found := _integer(place, key, None, events)) is not None:
                return found
        return None

    events.append(
        UsageReport(
            count(_INPUT),
            count(_OUTPUT),
            count(_CACHED),
            count(_REASONING),
            raw={key: value for key, value in fields.items() if value is not None},
        )
    )


def _failure(error: object) -> Failure:
    fields = _fields_of(error) or {"message": error}
    code = next((fields[key] for key in ("code", "type") if fields.get(key)), None)
    message = fields.get("message") or dict(fields)
    return Failure(None if code is None else _words(code), _words(message))


def _words(value: object) -> str:
    return without_surrogates(value if isinstance(value, str) else as_json(value) or show(value))


# -- checks: what has the wrong type is named in an oddity, and counts as absent --------------------------------------


def _checked(kind: type[_T], value: object, key: str, choice: int | None, events: list[Event]) -> _T | None:
    if isinstance(value, kind):
        return value
    events.append(Oddity("wrong_type", f"{key} is {show(value)}", choice))
    return None


def _string(fields: Mapping[str, Any], key: str, choice: int | None, events: list[Event]) -> str:
    value = fields.get(key)
    return "" if value is None else without_surrogates(_checked(str, value, key, choice, events) or "")


def _integer(fields: Mapping[str, Any], key: str, choice: int | None, events: list[Event]) -> int | None:
    value = fields.get(key)
    if value is None or (type(value) is int and abs(value) <= _LARGEST):  # a bool is an int to Python, not to JSON
        return value
    events.append(Oddity("wrong_type", f"{key} is {show(value)}", choice))
    return None
