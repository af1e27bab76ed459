"""Law 2 on the Responses wire: each value of an event is kept, or left out with a reason."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from helpers import run
from recordings import CAPTURES, RESPONSES
from slow_responses import responses
from truth import chunks

from streamfsm.wires.responses.events import EVENTS
from streamfsm.wires.responses.left_out import ECHOED, LEFT_OUT

LEAVES_OUT = {
    *("sequence_number", "obfuscation", "stream_id", "item_id", "output_index", "content_index", "summary_index"),
    *("annotation_index", "type", "role", "status", "object", "created_at", "completed_at"),
}
"""Names of members that are left out wherever they are."""


def leaves(value: Any) -> Iterator[Any]:
    """What says something, at any depth."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name not in LEAVES_OUT:
                yield from leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each)
    elif value not in (None, ""):
        yield value


def told(event: dict[str, Any]) -> Iterator[Any]:
    """The leaves of an event that is read, without what the table leaves out."""
    row = EVENTS[event["type"]]
    if row.does in ("counted", "kept", "nothing"):
        return
    event = dict(event)
    response = event.pop("response", None) or {}
    if row.does == "end":  # what earlier events told of the response's own fields, it tells again
        yield from leaves(
            {key: value for key, value in response.items() if key not in {*ECHOED, "output", "id", "model"}}
        )
    items = [event.pop("item", None) or {}] if row.does == "done" else []
    event.pop("item", None)
    for item in items:
        kept = {key: value for key, value in item.items() if key != "id" and item["type"] != "image_generation_call"}
        yield from leaves(kept)
    yield from leaves(event)


def everything(value: Any) -> str:
    """All that messages and result say, as one text in which texts that were cut are joined."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


@pytest.mark.skipif(not RESPONSES, reason="no recordings: they are not part of the project")
@pytest.mark.slow("every recording")
@pytest.mark.parametrize("name", [name for name in RESPONSES if name.startswith("responses/")])
def test_every_value_of_a_recording_is_kept_or_left_out_with_a_reason(name: str):
    for part in responses(chunks((CAPTURES / name).read_text(encoding="utf-8"))):
        messages, parser = run(part, inner_thoughts_kwarg=None, assistant_tool=None)
        result = parser.result.model_dump(mode="json")
        text = everything([[message.model_dump(mode="json") for message in messages], result])
        missing = [leaf for event in part for leaf in told(event) if everything(leaf).strip('"') not in text]
        if not any(anomaly.kind == "snapshot_conflict" for anomaly in parser.result.anomalies):
            assert [leaf for leaf in missing if not in_arguments(leaf, result)] == []


def in_arguments(leaf: Any, result: Any) -> bool:
    """Whether a value is in the arguments of a call, which are JSON in a text."""
    return any(
        everything(leaf).strip('"') in call["arguments"] or leaf == call["arguments"] for call in result["tool_calls"]
    )


def test_whatever_is_left_out_has_a_reason():
    assert all(LEFT_OUT.values())
    assert {"item_id", "sequence_number", "obfuscation", "stream_id"} <= set(LEFT_OUT)
