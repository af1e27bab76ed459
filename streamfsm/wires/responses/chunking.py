"""Cutting Responses events in other places: which text of an event may be cut, and which deltas may be merged."""

from typing import Any, TypeAlias, TypeGuard

Event: TypeAlias = dict[str, Any]

# Fields of a delta that may differ between two deltas of one text.
_LOOSE = {"delta", "sequence_number", "obfuscation", "logprobs"}
# What says whose text a delta is.
_PLACE: dict[str, type] = {"item_id": str, "output_index": int, "content_index": int, "summary_index": int}


def is_event(event: object) -> TypeGuard[Event]:
    """Whether it is an event of the Responses API."""
    kind = event.get("type") if isinstance(event, dict) and "choices" not in event else None
    return isinstance(kind, str) and kind.startswith("response.")


def text_of(event: object) -> str | None:
    """Return the text of a delta; ``None`` of any other event, and of audio, which is not text.

    A delta whose place is of a wrong type has none: each event of that kind is an anomaly of its own.
    """
    if not is_event(event) or not event["type"].endswith("delta") or event["type"] == "response.audio.delta":
        return None
    if any(event.get(name) is not None and type(event[name]) is not kind for name, kind in _PLACE.items()):
        return None
    text = event.get("delta")
    return text if isinstance(text, str) and text else None


def after_cut(event: Event) -> Event:
    """Return a delta as its later pieces have it: log probabilities go with the first piece."""
    return {**event, "logprobs": []} if event.get("logprobs") else event


def is_same_text(event: Event, other: Event) -> bool:
    """Whether two deltas that follow each other are pieces of one text."""
    return _without(event) == _without(other)


def _without(event: Event) -> Event:
    return {name: value for name, value in event.items() if name not in _LOOSE}


def merge(event: Event, other: Event, text: str) -> None:
    """Add a delta of the same text, ``text`` of which is left, to ``event``."""
    event["delta"] += text
    if other.get("logprobs"):
        event["logprobs"] = [*(event.get("logprobs") or []), *other["logprobs"]]
