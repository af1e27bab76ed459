"""A message type of a user's own is joined, read and shown as the library's own are."""

from datetime import datetime, timezone
from typing import Any, Literal

import pytest

from streamfsm import AssistantMessage, HiddenReasoningMessage, StopReason, ToolCallDelta, ToolCallMessage, coalesce
from streamfsm.errors import MisuseError
from streamfsm.messages import Message
from streamfsm.testing import Said, read_message

COMMON: dict[str, Any] = {"id": "message-1", "date": datetime(2026, 1, 1, tzinfo=timezone.utc), "otid": "otid-1"}


class FileMessage(Message):
    """A piece of a file's text."""

    FIELD = "content"

    message_type: Literal["file_message"] = "file_message"
    content: str
    path: str = "a.py"


class PingMessage(Message):
    """Says nothing in pieces."""

    message_type: Literal["ping"] = "ping"


def written(*texts: str, **changes: Any) -> list[FileMessage]:
    return [FileMessage(**COMMON, **changes, seq_id=place, content=text) for place, text in enumerate(texts)]


def test_neighbours_of_a_users_type_are_joined():
    (joined,) = coalesce(written("def ", "f():", " ..."))
    assert joined == FileMessage(**COMMON, seq_id=0, content="def f(): ...")
    assert coalesce([joined]) == [joined]


def test_a_users_type_is_not_joined_with_another_otid_choice_or_type():
    first, second = written("a", "b")
    for other in (
        second.model_copy(update={"otid": "otid-2"}),
        second.model_copy(update={"choice_index": 1}),
        AssistantMessage(**COMMON, seq_id=1, content="b"),
    ):
        assert [message.text for message in coalesce([first, other])] == ["a", "b"]


def test_what_has_no_field_that_comes_in_pieces_stays_apart():
    pings = [PingMessage(**COMMON, seq_id=place) for place in range(2)]
    assert coalesce(pings) == pings
    assert pings[0].text == ""
    hidden = [HiddenReasoningMessage(**COMMON, seq_id=place, state="omitted") for place in range(2)]
    assert coalesce(hidden) == hidden


def test_every_message_says_its_text():
    delta = {"tool_call_id": "call_1"}
    call = [
        ToolCallMessage(**COMMON, tool_call=ToolCallDelta(**delta, **part))
        for part in ({"name": "f"}, {"arguments": "{}"}, {})
    ]
    assert [message.text for message in call] == ["f", "{}", ""]
    assert HiddenReasoningMessage(**COMMON, state="redacted").text == "redacted"
    assert StopReason(**COMMON, stop_reason="end_turn").text == "end_turn"
    assert [message.text for message in coalesce(call)] == ["{}"]
    assert coalesce(call)[0].tool_call == ToolCallDelta(**delta, name="f", arguments="{}")


def test_the_kit_reads_a_users_type_by_its_text():
    (message,) = written("a", choice_index=2)
    assert list(read_message(message)) == [Said("file_message", 2, "a")]


def test_the_kit_cannot_read_the_json_of_a_type_that_it_does_not_know():
    (message,) = written("a")
    with pytest.raises(MisuseError, match="cannot read the message"):
        list(read_message(message.model_dump()))
