"""Events of the Responses wire, and whole streams of them, as OpenAI sends them."""

import json
from collections.abc import Iterable
from typing import Any

USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 2},
    "output_tokens": 4,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 13,
}


def event(kind: str, **fields: Any) -> dict[str, Any]:
    """An event of a type, without ``response.``."""
    return {"type": f"response.{kind}", **fields}


def created(**fields: Any) -> dict[str, Any]:
    return event(
        "created", response={"id": "resp_1", "object": "response", "model": "m", "status": "in_progress", **fields}
    )


def ended(*output: dict[str, Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    """The terminal event."""
    response = {"id": "resp_1", "object": "response", "model": "m", "status": status, "output": list(output)}
    return event(status, response={**response, "usage": USAGE, **fields})


def added(item: dict[str, Any], index: int | None = 0) -> dict[str, Any]:
    return event("output_item.added", item=item, **placed(index))


def done(item: dict[str, Any], index: int | None = 0) -> dict[str, Any]:
    return event("output_item.done", item=item, **placed(index))


def placed(index: int | None) -> dict[str, Any]:
    return {} if index is None else {"output_index": index}


def message(text: str | None = None, item_id: str = "m1", **fields: Any) -> dict[str, Any]:
    """A message item; without a text, as it begins."""
    content = [] if text is None else [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": item_id, "role": "assistant", "status": "completed", "content": content, **fields}


def thoughts(*texts: str, item_id: str = "r1", **fields: Any) -> dict[str, Any]:
    """A reasoning item with summaries."""
    return {
        "type": "reasoning",
        "id": item_id,
        "summary": [{"type": "summary_text", "text": each} for each in texts],
        **fields,
    }


def function(
    arguments: str = "", call_id: str = "c1", name: str = "f", item_id: str = "f1", **fields: Any
) -> dict[str, Any]:
    """A function call."""
    return {"type": "function_call", "id": item_id, "call_id": call_id, "name": name, "arguments": arguments, **fields}


def said(text: str, item_id: str | None = "m1", index: int | None = 0, part: int | None = 0) -> dict[str, Any]:
    """A delta of a message."""
    return event("output_text.delta", delta=text, **named(item_id, part), **placed(index))


def argued(text: str, item_id: str | None = "f1", index: int | None = 0) -> dict[str, Any]:
    """A delta of a call's arguments."""
    return event("function_call_arguments.delta", delta=text, **named(item_id, None), **placed(index))


def named(item_id: str | None, part: int | None, number: str = "content_index") -> dict[str, Any]:
    """The fields that say whose a piece is."""
    fields = {"item_id": item_id, number: part}
    return {key: value for key, value in fields.items() if value is not None}


def body(events: Iterable[dict[str, Any]], *, names: bool = True) -> bytes:
    """A body, with the names of events that OpenAI's has."""
    return b"".join(
        (f"event: {each['type']}\n" if names and "type" in each else "").encode()
        + f"data: {json.dumps(each)}\n\n".encode()
        for each in events
    )
