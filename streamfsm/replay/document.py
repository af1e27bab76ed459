"""Writes a stream as a document-test: its chunks and the parser's output, in the form of ``tests/quirks/``.

To turn a stream that the parser misreads into a test, write such a document, correct the output by hand, and see the
test fail.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from inspect import signature
from typing import Any

from streamfsm.messages import (
    ApprovalRequestMessage,
    HiddenReasoningMessage,
    StopReason,
    StreamMessage,
    ToolCallMessage,
    coalesce,
)
from streamfsm.parser import StreamParser


def document(title: str, chunks: Sequence[Any], options: Mapping[str, Any]) -> str:
    """Return a section of a document. ``options`` are those of the parser; they must be JSON."""
    parser = StreamParser(**options)
    messages = [message for chunk in chunks for message in parser.feed(chunk)] + parser.close()
    result: list[tuple[str, Any]] = [("anomalies", [anomaly.kind for anomaly in parser.result.anomalies])]
    for place, call in enumerate(parser.result.tool_calls):
        result += [(f"tool_calls.{place}.{name}", getattr(call, name)) for name in ("verdict", "ready")]
    defaults = signature(StreamParser).parameters
    chosen = {name: value for name, value in options.items() if value != defaults[name].default}
    parts = [
        f"## {' '.join(title.split())}",
        *([f"options: {json.dumps(chosen)}"] if chosen else ()),
        _block("wire", map(json.dumps, chunks)),
        _block("messages", _lines(coalesce(messages))),
        _block("result", (f"{path}: {json.dumps(value)}" for path, value in result)),
    ]
    return "\n\n".join(parts) + "\n"


def _block(name: str, lines: Iterable[str]) -> str:
    return "\n".join([f"```{name}", *lines, "```"])


def _lines(messages: Iterable[StreamMessage]) -> Iterator[str]:
    latest: tuple[int, str | None] | None = None  # the call of the previous line
    for message in messages:
        before = f"{message.choice_index}: " if message.choice_index else ""
        now = None
        if isinstance(message, ToolCallMessage | ApprovalRequestMessage):
            call = message.tool_call
            now = message.choice_index, call.tool_call_id
            who = f" ({call.tool_call_id})" if call.tool_call_id else ""
            if call.name is not None:
                yield f"{before}call {call.name}{who}"
                latest = now
            if call.arguments is not None:
                yield f"{before}arguments{'' if latest == now else who} {_quoted(call.arguments)}"
        elif isinstance(message, HiddenReasoningMessage):
            yield f"{before}hidden {message.state}"
        elif isinstance(message, StopReason):
            yield f"{before}stop {message.stop_reason.value}"
        else:
            yield f"{before}{message.message_type.removesuffix('_message')} {_quoted(message.text)}"
        latest = now


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
