"""Retellings: ways to send a Responses stream that say the same, cut elsewhere or without one of its redundancies.

The wire sends most texts four times: as deltas, in ``.done``, in the complete item, and in the complete response. It
refers to an item by an id and by an index. Servers leave out any of these, so a parser must not need it.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from streamfsm.testing.quirks import Quirk
from streamfsm.wires.chat.chunking import every, whole

Event: TypeAlias = dict[str, Any]

_FRAMES = ("content_part", "reasoning_summary_part", "reasoning_part")
_STATUS = ("created", "in_progress", "queued")
_SHORTENED = ("function_call_arguments", "custom_tool_call_input", "mcp_call_arguments")
_TEXTS = ("output_text", "refusal", "reasoning_text", "reasoning_summary_text", *_SHORTENED)


def _type(event: Any) -> str:
    kind = event.get("type") if isinstance(event, dict) else None
    return kind.removeprefix("response.") if isinstance(kind, str) else ""


def _without(drop: Callable[[str], bool]) -> Callable[[list[Event]], list[Event]]:
    """Leave out the events for whose type, without ``response.``, ``drop`` is true."""
    return lambda events: [event for event in events if not drop(_type(event))]


def _without_fields(*names: str) -> Callable[[list[Event]], list[Event]]:
    """Leave out fields of the events."""
    return lambda events: [
        {name: value for name, value in event.items() if name not in names} if _type(event) else event
        for event in events
    ]


def _ends(events: list[Event]) -> Iterator[Event]:
    """Yield the response in each event that ends one."""
    for event in events:
        if _type(event) in ("completed", "incomplete", "failed") and isinstance(event.get("response"), dict):
            yield event["response"]


def _no_item_done(events: list[Event]) -> list[Event]:
    """Leave out the ends of items that the final event repeats, except for ids; encrypted items stay."""
    told = [_said(item) for end in _ends(events) for item in end.get("output") or [] if isinstance(item, dict)]
    return [
        event
        for event in events
        if _type(event) != "output_item.done"
        or not isinstance(item := event.get("item"), dict)
        or item.get("encrypted_content")
        or _said(item) not in told
    ]


def _said(item: Event) -> Event:
    return {name: value for name, value in item.items() if name != "id"}


def _empty_output(events: list[Event]) -> list[Event]:
    for end in _ends(events):
        end["output"] = []
    return events


def _other_ids(events: list[Event]) -> list[Event]:
    """Give the item another id in every event, as Copilot does, and in the final event."""
    items = [event.get("item") for event in events if _type(event).startswith("output_item.")]
    for end in _ends(events):
        items += end.get("output") or []
    places = [(event, "item_id") for event in events] + [(item, "id") for item in items]
    for number, (place, name) in enumerate(places):
        if isinstance(place, dict) and place.get(name):
            place[name] = f"{ROTATED}{number}"
    return events


ROTATED = "rotated-"
"""The prefix of the ids that the retelling ``other item ids`` gives."""


def _keepalives(events: list[Event]) -> list[Event]:
    beat = {"type": "keepalive"}
    return [each for event in events for each in (copy.copy(beat), event)] + [beat]


RETELLINGS = (
    Quirk("deltas of one character", every(1)),
    Quirk("deltas of three characters", every(3)),
    Quirk("deltas merged", whole),
    Quirk("no deltas", _without(lambda kind: kind in {f"{text}.delta" for text in _TEXTS})),
    Quirk("no frames of parts", _without(lambda kind: kind.rpartition(".")[0] in _FRAMES)),
    Quirk("no done of texts", _without(lambda kind: kind in {f"{text}.done" for text in _TEXTS})),
    Quirk("no done of items", _no_item_done),
    Quirk("an empty output at the end", _empty_output),
    Quirk("no status", _without(lambda kind: kind in _STATUS)),
    Quirk("no sequence numbers", _without_fields("sequence_number", "obfuscation", "logprobs")),
    Quirk("other item ids", _other_ids),
    Quirk("no item ids", _without_fields("item_id")),
    Quirk("no output indexes", _without_fields("output_index")),
    Quirk("keepalives", _keepalives),
)
"""Each, applied alone, keeps what a stream says that is complete, as OpenAI's servers send it. From other streams, it
may remove the only place where something is said."""
