"""Chat Completions on the wire: the meaning of finish reasons, and events as a response's body."""

import json
from typing import Any

ENDINGS = {
    "stop": "complete",
    "tool_calls": "complete",
    "tool_call": "complete",
    "function_call": "complete",
    "completed": "complete",
    "incomplete": "cut",
    "failed": "failed",
    "end_turn": "complete",
    "tool_use": "complete",
    "stop_sequence": "complete",
    "STOP": "complete",
    "length": "cut",
    "content_filter": "cut",
    "error": "failed",
    None: "broken",
    "": "broken",
}
"""The meaning of finish reasons, for parsers that pass them on; any other word counts as a cut."""


def body(events: list[Any]) -> bytes:
    """Return the body of a server with these events. ``[DONE]`` is omitted if no choice has finished."""
    finished = '"finish_reason": "' in json.dumps(events)
    return "".join(f"data: {json.dumps(each)}\n\n" for each in events).encode() + b"data: [DONE]\n\n" * finished
