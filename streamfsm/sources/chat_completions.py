"""Reads Chat Completions chunks: ``openai`` objects, or dicts of the same shape.

The order within a chunk is fixed, because deltas say nothing of it: choices in list order, and in each: reasoning,
content, refusal, tool calls in list order, the legacy function call, the finish reason; then usage, then an error.
"""

import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from streamfsm._events import CallPiece, Envelope, Event, Failure, Finish, Oddity, Text, TextField, UsageReport
from streamfsm.sources.dialect import Dialect

_NOTHING: Mapping[str, Any] = {}
_show = reprlib.repr  # short and shallow, whatever the value


def _fields(value: object) -> Mapping[str, Any] | None:
    """The fields of a wire object, without copying unless it has unknown ones; ``None`` if it is none."""
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    try:
        fields = vars(value)
    except TypeError:
        return None
    extra = getattr(value, "__pydantic_extra__", None)
    return {**fields, **extra} if extra else fields


@dataclass(slots=True)
class ChatCompletions:
    """Reads the chunks of one response. Its only state: whether the id and the model are known."""

    dialect: Dialect
    has_id: bool = False
    has_model: bool = False

    def read(self, chunk: object) -> list[Event]:
        """What ``chunk`` says, in reading order. Never raises for anything that JSON can hold."""
        events: list[Event] = []
        fields = _fields(chunk)
        if fields is None:
            return [Oddity("not_a_chunk", f"{_show(chunk)}", None)]
        if not (self.has_id and self.has_model):
            self._read_envelope(fields, events)
        for position, choice in enumerate(_list(fields, "choices", None, events)):
            self._read_choice(position, choice, events)
        if usage := _object(fields, "usage", None, events) or _object(
            _object(fields, "x_groq", None, events), "usage", None, events
        ):
            events.append(_usage(usage, events))
        if error := fields.get("error"):
            events.append(_failure(error))
        return events

    def _read_envelope(self, fields: Mapping[str, Any], events: list[Event]) -> None:
        response_id = None if self.has_id else _string(fields, "id", None, events) or None
        model = None if self.has_model else _string(fields, "model", None, events) or None
        if response_id or model:
            events.append(Envelope(response_id, model))
            self.has_id, self.has_model = self.has_id or bool(response_id), self.has_model or bool(model)

    def _read_choice(self, position: int, choice: object, events: list[Event]) -> None:
        fields = _fields(choice)
        if fields is None:
            events.append(Oddity("wrong_type", f"choices[{position}] is {_show(choice)}", None))
            return
        index = _integer(fields, "index", None, events)
        index = position if index is None else index
        delta = _object(fields, "delta", index, events)
        if delta:
            self._read_reasoning(delta, index, events)
            if content := delta.get("content"):
                if isinstance(content, str):
                    events.append(Text(index, "content", content))
                else:
                    _read_parts(content, index, events)
            if refusal := _string(delta, "refusal", index, events):
                events.append(Text(index, "refusal", refusal))
            for call in _list(delta, "tool_calls", index, events):
                _read_call(call, index, events)
            if call := delta.get("function_call"):
                _read_function(_object(delta, "function_call", index, events), None, "", index, events)
        if reason := _string(fields, "finish_reason", index, events):
            events.append(Finish(index, reason))

    def _read_reasoning(self, delta: Mapping[str, Any], choice: int, events: list[Event]) -> None:
        read: list[str] = []
        for name in self.dialect.reasoning_fields:
            text = _string(delta, name, choice, events)
            if text and text not in read:
                if read:
                    events.append(Oddity("reasoning_conflict", f"{name!r} is not the text of another field", choice))
                read.append(text)
                events.append(Text(choice, "reasoning", text))


def _read_parts(content: object, choice: int, events: list[Event]) -> None:
    """Content as a list of parts: ``{"type": "text"}``, and ``{"type": "thinking"}`` that holds a list of its own."""
    for part in content if isinstance(content, list) else [content]:
        fields = _fields(part) or _NOTHING
        thinking = fields.get("thinking")
        if isinstance(thinking, list):
            for thought in thinking:
                _read_part(thought, "reasoning", choice, events)
        elif thinking:
            _read_part({"text": thinking}, "reasoning", choice, events)
        else:
            _read_part(part, "content", choice, events)


def _read_part(part: object, field: TextField, choice: int, events: list[Event]) -> None:
    text = (_fields(part) or _NOTHING).get("text")
    if isinstance(text, str):
        if text:
            events.append(Text(choice, field, text))
    else:
        events.append(Oddity("wrong_type", f"a part of the content is {_show(part)}", choice))


def _read_call(call: object, choice: int, events: list[Event]) -> None:
    fields = _fields(call)
    if fields is None:
        events.append(Oddity("wrong_type", f"an entry of tool_calls is {_show(call)}", choice))
        return
    index = _integer(fields, "index", choice, events)
    call_id = _string(fields, "id", choice, events)
    _read_function(_object(fields, "function", choice, events), index, call_id, choice, events)


def _read_function(
    function: Mapping[str, Any], index: int | None, call_id: str, choice: int, events: list[Event]
) -> None:
    arguments = function.get("arguments")
    if arguments is not None and not isinstance(arguments, str):
        # Some servers send the parsed object. Its text is lost, its value is not.
        events.append(Oddity("wrong_type", f"arguments is {_show(arguments)}", choice))
        arguments = _dump(arguments)
    events.append(CallPiece(choice, index, call_id, _string(function, "name", choice, events), arguments or ""))


def _dump(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=repr)
    except (TypeError, ValueError, RecursionError):
        return _show(value)


def _usage(usage: Mapping[str, Any], events: list[Event]) -> UsageReport:
    prompt = _object(usage, "prompt_tokens_details", None, events)
    completion = _object(usage, "completion_tokens_details", None, events)
    return UsageReport(
        input_tokens=_integer(usage, "prompt_tokens", None, events),
        output_tokens=_integer(usage, "completion_tokens", None, events),
        cached_tokens=_integer(prompt, "cached_tokens", None, events),
        reasoning_tokens=_integer(completion, "reasoning_tokens", None, events),
    )


def _failure(error: object) -> Failure:
    fields = _fields(error)
    if fields is None:
        return Failure(None, str(error))
    code = next((fields[key] for key in ("code", "type") if fields.get(key)), None)
    message = fields.get("message")
    return Failure(None if code is None else str(code), message if isinstance(message, str) else _dump(dict(fields)))


# -- one field, checked: what has the wrong type is named in an oddity, and counts as absent ------------------------


def _string(fields: Mapping[str, Any], key: str, choice: int | None, events: list[Event]) -> str:
    value = fields.get(key)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    events.append(Oddity("wrong_type", f"{key} is {_show(value)}", choice))
    return ""


def _integer(fields: Mapping[str, Any], key: str, choice: int | None, events: list[Event]) -> int | None:
    value = fields.get(key)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    events.append(Oddity("wrong_type", f"{key} is {_show(value)}", choice))
    return None


def _object(fields: Mapping[str, Any], key: str, choice: int | None, events: list[Event]) -> Mapping[str, Any]:
    value = fields.get(key)
    if value is None:
        return _NOTHING
    found = _fields(value)
    if found is None:
        events.append(Oddity("wrong_type", f"{key} is {_show(value)}", choice))
        return _NOTHING
    return found


def _list(fields: Mapping[str, Any], key: str, choice: int | None, events: list[Event]) -> list[Any]:
    value = fields.get(key)
    if value is None:
        return []
    if isinstance(value, list):
        return value
    events.append(Oddity("wrong_type", f"{key} is {_show(value)}", choice))
    return []
