"""``check_wire``: any stream of events against a protocol's grammar."""

import pytest
from ag_ui.core import RunFinishedEvent, RunStartedEvent

from streamfsm import MisuseError
from streamfsm.testing import LawBroken, check_wire


def test_a_lawful_stream_passes_as_dicts_or_models():
    run = {"thread_id": "t", "run_id": "r"}
    check_wire([RunStartedEvent(**run), RunFinishedEvent(**run)], "ag-ui")
    check_wire([{"type": "start"}, {"type": "finish"}, "[DONE]"], "ui-messages")


def test_an_unlawful_one_is_reported_with_its_events():
    with pytest.raises(
        LawBroken, match="at event 2: text-delta while the text '1' has not begun; legal here: "
    ) as broken:
        check_wire([{"type": "start"}, {"type": "text-delta", "id": "1", "delta": "Hi"}], "ui-messages")
    assert broken.value.law == "the grammar of ui-messages"
    assert '{"type":"start"}' in str(broken.value)


def test_one_that_ends_too_early_is_reported():
    with pytest.raises(LawBroken, match="at the end: the stream ends while the message is in state between"):
        check_wire([{"type": "start"}], "ui-messages")


def test_another_wire_is_misuse():
    with pytest.raises(MisuseError, match="no wire is called 'smtp': ag-ui, ui-messages, "):
        check_wire([], "smtp")
