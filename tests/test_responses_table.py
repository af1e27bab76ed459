"""The tables of the Responses wire hold what the client declares, and say what each becomes."""

from typing import get_args

import pytest
from helpers import anomalies, run
from openai.types.responses import ResponseOutputItem, ResponseStreamEvent
from response_events import created, ended, event, message

from streamfsm.core.events import Recorder
from streamfsm.wires.chat.dialect import Dialect
from streamfsm.wires.responses.events import EVENTS, FIELDS, ITEMS, PARTS
from streamfsm.wires.responses.reader import Responses

UNDECLARED = {
    *("keepalive", "response.keep_alive", "response.cancelled", "response.done", "response.error"),
    *(f"response.apply_patch_call_operation_diff.{end}" for end in ("delta", "done")),
    *(f"response.reasoning_part.{end}" for end in ("added", "done")),
}


def types(union):
    """The values of ``type`` in a union of the client's models."""
    return {get_args(each.model_fields["type"].annotation)[0] for each in get_args(get_args(union)[0])}


def test_every_event_that_the_client_declares_has_a_row():
    assert types(ResponseStreamEvent) - set(EVENTS) == set()


def test_every_other_row_is_of_an_older_client_or_was_seen_on_the_wire():
    others = {name: row for name, row in EVENTS.items() if name not in types(ResponseStreamEvent)}
    assert {name for name, row in others.items() if not row.until} - UNDECLARED == set()
    assert all(row.since for row in others.values() if row.until)


def test_every_item_that_becomes_a_call_is_one_of_the_clients():
    assert {name for name in ITEMS if name != "audio"} <= types(ResponseOutputItem)


def test_rows_of_texts_say_of_which_item_and_kind():
    for row in EVENTS.values():
        assert (row.kind is not None) == (row.does in ("delta", "whole"))
        assert row.fits or row.does not in ("delta", "whole", "part", "citation")
    assert set(PARTS.values()) <= set(FIELDS)


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_that_says_nothing_is_read_without_a_sign(name):
    if EVENTS[name].does in ("end", "failure", "added", "done"):
        pytest.skip("it always says something")
    recorder, source = Recorder(), Responses(Dialect())
    source.read({"type": name, "sequence_number": 3, "obfuscation": "x"}, recorder)
    expected = [] if name.endswith("_done") or EVENTS[name].does == "whole" else recorder.events
    assert [type(each).__name__ for each in recorder.events][:2] == ["Envelope", "Begin"]
    assert not any(type(each).__name__ in ("AnomalyReport", "Text", "Extra", "Thought") for each in expected)


def test_an_unknown_event_is_kept_and_told_once_for_each_type():
    strange = event("shine.added", much={"b": 1, "a": [2]}, sequence_number=7)
    messages, parser = run([created(), strange, strange, {"type": "beam"}, ended(message("Hi"))])
    assert anomalies(parser) == ["unknown_event", "unknown_event"]
    assert parser.result.extras == {"response.shine.added": [{"much": {"a": [2], "b": 1}}]}
    assert len(messages) == 2
