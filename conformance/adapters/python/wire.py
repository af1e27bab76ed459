"""Chat Completions on the wire: what finish reasons mean, and events as a response's body."""

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
"""What finish reasons mean, for parsers that give them as they came; any other word is taken for a cut."""


def body(events: list[Any]) -> bytes:
    """Return the events as a server sends them; one that never finished did not say that it is done either."""
    finished = '"finish_reason": "' in json.dumps(events)
    return "".join(f"data: {json.dumps(each)}\n\n" for each in events).encode() + b"data: [DONE]\n\n" * finished
