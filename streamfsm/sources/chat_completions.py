"""Reads Chat Completions chunks: ``openai`` objects, or dicts of the same shape.

The order within a chunk is fixed, because deltas say nothing of it: choices in list order, and in each: reasoning,
content, refusal, tool calls in list order, the legacy function call, the finish reason; then usage, then an error.
"""

import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from streamfsm._events import CallPiece, Envelope, Event, Failure, Finish, Oddity, Text, TextField, UsageReport
from streamfsm._surrogates import without_surrogates
from streamfsm.sources.dialect import Dialect

_T = TypeVar("_T")
_NOTHING: Mapping[str, Any] = {}


def _fields(value: object) -> Mapping[str, Any] | None:
    """The fields of a wire object; ``None`` if it is none.

    Without copying, unless there are some that ``openai``'s types do not declare, such as ``reasoning_content``.
    """
    if type(value) is dict:
        return value
    try:
        extra = value.__pydantic_extra__  # type: ignore[attr-defined]
    except AttributeError:
        return value if isinstance(value, dict) else getattr(value, "__dict__", None)
    return {**value.__dict__, **extra} if extra else value.__dict__


@dataclass(slots=True)
class ChatCompletions:
    """Reads the chunks of one response. Its only state: whether the id and the model are known."""

    dialect: Dialect
    has_id: bool = False
    has_model: bool = False

    def read(self, chunk: object) -> list[Event]:
        """What ``chunk`` says, in reading order. Never raises for anything that JSON can hold.

        Runs for every delta, so it looks first and checks only what is there: what is empty says nothing.
        """
        events: list[Event] = []
        fields = _fields(chunk)
        if fields is None:
            return [Oddity("not_a_chunk", _show(chunk), None)]
        if not (self.has_id and self.has_model):
            self._read_envelope(fields, events)
        if choices := fields.get("choices"):
            if not isinstance(choices, list):
                choices = _checked(list, choices, "choices", None, events) or ()
            for position, choice in enumerate(choices):
                self._read_choice(position, choice, events)
        if usage := fields.get("usage"):
            _read_usage(usage, events)
        if (groq := fields.get("x_groq")) and (usage := (_fields(groq) or _NOTHING).get("usage")):
            _read_usage(usage, events)
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
        index = fields.get("index")
        if type(index) is not int:
            index = position if index is None else _integer(fields, "index", None, events) or position
        delta = fields.get("delta")
        said = _fields(delta)
        if said:
            if not said.keys().isdisjoint(self.dialect.reasoning_fields):
                self._read_reasoning(said, index, events)
            if content := said.get("content"):
                if isinstance(content, str):
                    events.append(Text(index, "content", content))
                else:
                    _read_parts(content, index, events)
            if (refusal := said.get("refusal")) and (refusal := _checked(str, refusal, "refusal", index, events)):
                events.append(Text(index, "refusal", refusal))
            if calls := said.get("tool_calls"):
                if not isinstance(calls, list):
                    calls = _checked(list, calls, "tool_calls", index, events) or ()
                for call in calls:
                    _read_call(call, index, events)
            if call := said.get("function_call"):
                _read_call({"function": call}, index, events)
        elif delta and said is None:
            events.append(Oddity("wrong_type", f"delta is {_show(delta)}", index))
        if fields.get("finish_reason") and (reason := _string(fields, "finish_reason", index, events)):
            events.append(Finish(index, reason))

    def _read_reasoning(self, delta: Mapping[str, Any], choice: int, events: list[Event]) -> None:
        read: str | None = None
        for name in self.dialect.reasoning_fields:
            if (text := delta.get(name)) and text != read and (text := _checked(str, text, name, choice, events)):
                if read is not None:
                    events.append(Oddity("reasoning_conflict", f"{name} is not the text of another field", choice))
                read = text
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
    function = _fields(fields.get("function"))
    if function is None:
        function = _NOTHING
        if fields.get("function"):
            events.append(Oddity("wrong_type", f"function is {_show(fields['function'])}", choice))
    index, call_id = fields.get("index"), fields.get("id") or ""
    name, arguments = function.get("name") or "", function.get("arguments") or ""
    typed = type(call_id) is type(name) is type(arguments) is str and (index is None or type(index) is int)
    if not (typed and call_id.isascii()):
        index = _integer(fields, "index", choice, events)
        call_id = _string(fields, "id", choice, events)
        name = _checked(str, name, "name", choice, events) or ""
        if not isinstance(arguments, str):
            # Some servers send the parsed object. Its text is lost, its value is not.
            events.append(Oddity("wrong_type", f"arguments is {_show(arguments)}", choice))
            arguments = _dump(arguments)
    events.append(CallPiece(choice, index, call_id, name, arguments))


def _dump(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=repr)
    except (TypeError, ValueError, RecursionError):
        return _show(value)


def _show(value: object) -> str:
    """Short and shallow, whatever the value."""
    try:
        return reprlib.repr(value)
    except ValueError:  # an int of more digits than Python likes to write
        return f"an {type(value).__name__}"


def _read_usage(usage: object, events: list[Event]) -> None:
    fields = _fields(usage)
    if fields is None:
        events.append(Oddity("wrong_type", f"usage is {_show(usage)}", None))
        return
    prompt = _fields(fields.get("prompt_tokens_details")) or _NOTHING
    completion = _fields(fields.get("completion_tokens_details")) or _NOTHING
    report = UsageReport(
        input_tokens=_integer(fields, "prompt_tokens", None, events),
        output_tokens=_integer(fields, "completion_tokens", None, events),
        cached_tokens=_integer(prompt, "cached_tokens", None, events),
        reasoning_tokens=_integer(completion, "reasoning_tokens", None, events),
    )
    events.append(report)


def _failure(error: object) -> Failure:
    fields = _fields(error) or {"message": error}
    code = next((fields[key] for key in ("code", "type") if fields.get(key)), None)
    message = fields.get("message") or dict(fields)
    return Failure(None if code is None else _words(code), _words(message))


def _words(value: object) -> str:
    return without_surrogates(value if isinstance(value, str) else _dump(value))


# -- checks: what has the wrong type is named in an oddity, and counts as absent --------------------------------------


def _checked(kind: type[_T], value: object, key: str, choice: int | None, events: list[Event]) -> _T | None:
    if isinstance(value, kind):
        return value
    events.append(Oddity("wrong_type", f"{key} is {_show(value)}", choice))
    return None


def _string(fields: Mapping[str, Any], key: str, choice: int | None, events: list[Event]) -> str:
    value = fields.get(key)
    return "" if value is None else without_surrogates(_checked(str, value, key, choice, events) or "")


def _integer(fields: Mapping[str, Any], key: str, choice: int | None, events: list[Event]) -> int | None:
    value = fields.get(key)
    if value is None or type(value) is int:  # a bool is an int to Python, but not to JSON
        return value
    events.append(Oddity("wrong_type", f"{key} is {_show(value)}", choice))
    return None
