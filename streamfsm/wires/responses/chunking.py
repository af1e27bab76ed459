"""Cuts events of the Responses API elsewhere: which text of an event may be cut, and which deltas may be merged."""

from typing import Any, TypeAlias, TypeGuard

Event: TypeAlias = dict[str, Any]

# Fields of a delta that may differ between two deltas of one text.
_LOOSE = {"delta", "sequence_number", "obfuscation", "logprobs"}
# The fields that decide which text a delta belongs to.
_PLACE: dict[str, type] = {"item_id": str, "output_index": int, "content_index": int, "summary_index": int}


def is_event(event: object) -> TypeGuard[Event]:
    """Whether it is an event of the Responses API."""
    kind = event.get("type") if isinstance(event, dict) and "choices" not in event else None
    return isinstance(kind, str) and kind.startswith("response.")


def text_of(event: object) -> str | None:
    """Return the text of a delta; ``None`` for any other event, and for audio, which is not text.

    Also ``None`` if one of the fields that decide which text it is has a wrong type: each such event is an anomaly.
    """
    if not is_event(event) or not event["type"].endswith("delta") or event["type"] == "response.audio.delta":
        return None
    if any(event.get(name) is not None and type(event[name]) is not kind for name, kind in _PLACE.items()):
        return None
    text = event.get("delta")
    return text if isinstance(text, str) and text else None


def after_cut(event: Event) -> Event:
    """Return a delta for the pieces after the first one, which has the log probabilities."""
    return {**event, "logprobs": []} if event.get("logprobs") else event


def is_same_text(event: Event, other: Event) -> bool:
    """Whether two consecutive deltas are pieces of one text."""
    return _without(event) == _without(other)


def _without(event: Event) -> Event:
    return {name: value for name, value in event.items() if name not in _LOOSE}


def merge(event: Event, other: Event, text: str) -> None:
    """Add ``text`` to ``event``; it is what is left of ``other``, a delta of the same text."""
    event["delta"] += text
    if other.get("logprobs"):
        event["logprobs"] = [*(event.get("logprobs") or []), *other["logprobs"]]
