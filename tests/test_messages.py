"""The messages' JSON is what clients already read; otids; joining."""

import json
from datetime import datetime, timedelta, timezone
from typing import get_args
from uuid import UUID, uuid4

import letta_client.types.agents as theirs
import pytest
from helpers import ID
from hypothesis import given
from hypothesis import strategies as st
from letta_client._models import construct_type
from letta_client.types.agents.letta_streaming_response import LettaStopReason, LettaStreamingResponse
from pydantic import TypeAdapter, ValidationError

from streamfsm import (
    ApprovalRequestMessage,
    AssistantMessage,
    FunctionCall,
    HiddenReasoningMessage,
    MisuseError,
    OmittedReasoningContent,
    ReasoningContent,
    ReasoningMessage,
    StopReason,
    StopReasonType,
    StreamMessage,
    TextContent,
    ToolCall,
    ToolCallDelta,
    ToolCallMessage,
    coalesce,
)
from streamfsm.boundaries import RunEnded
from streamfsm.messages import otid

DATE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
COMMON = {"id": ID, "date": DATE, "otid": "o-0", "seq_id": 0, "run_id": "run-1", "step_id": "step-1"}
COMMON_JSON = {
    "id": ID,
    "date": "2026-01-02T03:04:05+00:00",
    "name": None,
    "otid": "o-0",
    "sender_id": None,
    "step_id": "step-1",
    "is_err": None,
    "seq_id": 0,
    "run_id": "run-1",
    "choice_index": 0,
}
# Our message, its own part of the JSON, and the client's class that must read it.
SHAPES = {
    "reasoning": (
        ReasoningMessage(**COMMON, reasoning="Hm"),
        {
            "message_type": "reasoning_message",
            "source": "non_reasoner_model",
            "reasoning": "Hm",
            "signature": None,
        },
        theirs.ReasoningMessage,
    ),
    "native reasoning": (
        ReasoningMessage(**COMMON, source="reasoner_model", reasoning="Hm", signature="s"),
        {"message_type": "reasoning_message", "source": "reasoner_model", "reasoning": "Hm", "signature": "s"},
        theirs.ReasoningMessage,
    ),
    "hidden reasoning": (
        HiddenReasoningMessage(**COMMON, state="omitted"),
        {"message_type": "hidden_reasoning_message", "state": "omitted", "hidden_reasoning": None},
        theirs.HiddenReasoningMessage,
    ),
    "assistant": (
        AssistantMessage(**COMMON, content="Hi \U0001f600"),
        {"message_type": "assistant_message", "content": "Hi \U0001f600"},
        theirs.AssistantMessage,
    ),
    "tool name": (
        ToolCallMessage(**COMMON, tool_call=ToolCallDelta(name="f", tool_call_id="call_1")),
        {"message_type": "tool_call_message", "tool_call": {"name": "f", "tool_call_id": "call_1"}},
        theirs.ToolCallMessage,
    ),
    "tool arguments": (
        ToolCallMessage(**COMMON, tool_call=ToolCallDelta(arguments='{"a":', tool_call_id="call_1")),
        {"message_type": "tool_call_message", "tool_call": {"arguments": '{"a":', "tool_call_id": "call_1"}},
        theirs.ToolCallMessage,
    ),
    "approval request": (
        ApprovalRequestMessage(**COMMON, tool_call=ToolCallDelta(name="f", arguments="{}", tool_call_id="call_1")),
        {
            "message_type": "approval_request_message",
            "tool_call": {"name": "f", "arguments": "{}", "tool_call_id": "call_1"},
        },
        theirs.ApprovalRequestMessage,
    ),
    **{
        f"stop reason {reason.value}": (
            StopReason(**COMMON, stop_reason=reason),
            {"message_type": "stop_reason", "stop_reason": reason.value},
            LettaStopReason,
        )
        for reason in StopReasonType
    },
}
each_shape = pytest.mark.parametrize(("message", "own", "their_class"), SHAPES.values(), ids=SHAPES)


@each_shape
def test_the_json_has_exactly_the_fields_that_clients_read(message, own, their_class):
    assert json.loads(message.model_dump_json()) == {**COMMON_JSON, **own}
    assert message.model_dump(mode="json") == {**COMMON_JSON, **own}
    known = their_class.model_fields
    if their_class is not LettaStopReason:  # which has nothing but its reason
        assert {**COMMON_JSON, **own}.keys() - known.keys() == {"choice_index"}


# The published client has no words for these. Its models refuse them, and its reader takes such a message for another
# type; so whoever serves those clients must not send them. The façade sends a stop reason only on error or cancel.
NEWER_REASONS = {"tool_calls", "content_filter", "incomplete", "unknown"}


@pytest.mark.parametrize(
    ("message", "own", "their_class"),
    [shape for shape in SHAPES.values() if shape[1].get("stop_reason") not in NEWER_REASONS],
)
def test_the_published_client_reads_and_validates_every_message(message, own, their_class):
    wire = json.loads(message.model_dump_json())
    read = construct_type(type_=LettaStreamingResponse, value=wire)
    assert type(read) is their_class
    assert {key: value for key, value in read.to_dict().items() if key in own} == own
    assert their_class.model_validate(wire) == read


def test_the_published_client_knows_all_stop_reasons_but_the_newer_ones():
    theirs = get_args(LettaStopReason.model_fields["stop_reason"].annotation)
    assert {reason.value for reason in StopReasonType} - set(theirs) == NEWER_REASONS


@each_shape
def test_the_union_reads_back_what_was_written(message, own, their_class):  # noqa: ARG001
    adapter = TypeAdapter(StreamMessage)
    assert adapter.validate_json(message.model_dump_json()) == message
    assert adapter.validate_python(message.model_dump()) == message


@pytest.mark.parametrize("wire", [{}, {"message_type": "ping"}, {"message_type": None, "content": "x"}])
def test_the_union_refuses_what_is_none_of_its_messages(wire):
    with pytest.raises(ValidationError, match="message_type"):
        TypeAdapter(StreamMessage).validate_python({**COMMON, **wire})


@each_shape
def test_messages_cannot_be_changed(message, own, their_class):  # noqa: ARG001
    with pytest.raises(ValidationError, match="frozen"):
        message.otid = "other"
    if "tool_call" in own:
        with pytest.raises(ValidationError, match="frozen"):
            message.tool_call.arguments = "{}"


@pytest.mark.parametrize(
    ("delta", "wire"),
    [
        ({}, {}),
        ({"name": "f"}, {"name": "f"}),
        ({"arguments": ""}, {"arguments": ""}),
        ({"tool_call_id": "c", "name": None}, {"tool_call_id": "c"}),
    ],
)
def test_a_tool_call_delta_leaves_out_what_is_absent(delta, wire):
    assert ToolCallDelta(**delta).model_dump() == wire
    assert json.loads(ToolCallDelta(**delta).model_dump_json()) == wire


@pytest.mark.parametrize(
    ("part", "wire"),
    [
        (
            ToolCall(id="c", function=FunctionCall(name="f", arguments="{}")),
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        ),
        (TextContent(text="Hi"), {"type": "text", "text": "Hi"}),
        (
            ReasoningContent(reasoning="Hm"),
            {"type": "reasoning", "is_native": True, "reasoning": "Hm", "signature": None},
        ),
        (OmittedReasoningContent(), {"type": "omitted_reasoning", "signature": None}),
    ],
)
def test_parts_for_a_message_store_have_their_shape(part, wire):
    assert part.model_dump(mode="json") == wire


def test_a_date_is_written_in_whole_seconds_with_its_zone():
    date = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=timezone(timedelta(hours=2)))
    message = AssistantMessage(id=ID, date=date, content="x")
    assert json.loads(message.model_dump_json())["date"] == "2026-01-02T03:04:05+02:00"
    assert message.model_dump()["date"] == date


def test_dates_that_are_equal_are_written_each_in_its_own_zone():
    dates = [datetime(2026, 1, 2, hour, tzinfo=timezone(timedelta(hours=hour))) for hour in (2, 3, 2)]
    written = [json.loads(AssistantMessage(id=ID, date=date, content="x").model_dump_json())["date"] for date in dates]
    assert [text[-6:] for text in written] == ["+02:00", "+03:00", "+02:00"]


# -- otids -------------------------------------------------------------------------------------------------------------


def test_the_first_otids_count_in_the_low_seven_bits_of_the_message_id():
    found = [UUID(otid(ID, ordinal)).int for ordinal in range(128)]
    assert [value & 127 for value in found] == list(range(128))
    assert {value >> 7 for value in found} == {UUID(ID.removeprefix("message-")).int >> 7}


def test_an_id_without_its_prefix_gives_the_same_otids():
    assert otid(ID.removeprefix("message-"), 5) == otid(ID, 5)


@pytest.mark.parametrize("message_id", [ID, "message-not-a-uuid", "", "\U0001f600"])
def test_otids_are_distinct_uuids_and_never_run_out(message_id):
    ordinals = [*range(300), 10**6, 10**30]
    found = [otid(message_id, ordinal) for ordinal in ordinals]
    assert len(set(found)) == len(ordinals)
    assert found == [str(UUID(each)) for each in found]
    assert found == [otid(message_id, ordinal) for ordinal in ordinals]


def test_otids_beyond_the_low_bits_differ_between_messages():
    assert otid("message-a", 0) != otid("message-b", 0)
    assert otid(ID, 128) != otid(f"message-{uuid4()}", 128)
    assert UUID(otid(ID, 128)).version == 5


# -- joining -----------------------------------------------------------------------------------------------------------


def a(content, **fields):
    return AssistantMessage(**{**COMMON, "content": content, **fields})


def r(reasoning, **fields):
    return ReasoningMessage(**{**COMMON, "reasoning": reasoning, **fields})


def t(name=None, arguments=None, tool_call_id="call_1", cls=ToolCallMessage, **fields):
    delta = ToolCallDelta(name=name, arguments=arguments, tool_call_id=tool_call_id)
    return cls(**{**COMMON, "tool_call": delta, **fields})


STOP = StopReason(**{**COMMON, "stop_reason": StopReasonType.end_turn})
HIDDEN = HiddenReasoningMessage(**{**COMMON, "state": "omitted"})
JOINED = {
    "nothing": ([], []),
    "one": ([a("x")], [a("x")]),
    "text": ([a("x"), a("y"), a("z")], [a("xyz")]),
    "thoughts": ([r("x"), r("y")], [r("xy")]),
    "a name and its arguments": ([t("f"), t(None, "{"), t(None, "}")], [t("f", "{}")]),
    "arguments alone": ([t(None, "{"), t(None, "}")], [t(None, "{}")]),
    "a name alone": ([t("f")], [t("f")]),
    "an approval request": (
        [t("f", cls=ApprovalRequestMessage), t(None, "{}", cls=ApprovalRequestMessage)],
        [t("f", "{}", cls=ApprovalRequestMessage)],
    ),
    "two calls": ([t("f"), t("g", tool_call_id="call_2")], [t("f"), t("g", tool_call_id="call_2", seq_id=1)]),
    "two calls of one id": ([t("f", "{}"), t("g", "{}")], [t("f", "{}"), t("g", "{}", seq_id=1)]),
    "two types": ([a("x"), r("y"), a("z")], [a("x"), r("y", seq_id=1), a("z", seq_id=2)]),
    "two kinds of call": (
        [t("f"), t(None, "{}", cls=ApprovalRequestMessage)],
        [t("f"), t(None, "{}", cls=ApprovalRequestMessage, seq_id=1)],
    ),
    "two choices": ([a("x"), a("y", choice_index=1)], [a("x"), a("y", choice_index=1, seq_id=1)]),
    "two otids": ([a("x"), a("y", otid="o-1")], [a("x"), a("y", otid="o-1", seq_id=1)]),
    "what is never joined": (
        [HIDDEN, HIDDEN, STOP, STOP],
        [HIDDEN, *(each.model_copy(update={"seq_id": at}) for at, each in enumerate([HIDDEN, STOP, STOP], 1))],
    ),
    "numbers that begin later and have gaps": (
        [a("x", seq_id=7), r("y", seq_id=9)],
        [a("x", seq_id=7), r("y", seq_id=8)],
    ),
    "no numbers": ([a("x", seq_id=None), a("y", seq_id=None)], [a("xy")]),
}


@pytest.mark.parametrize(("messages", "expected"), JOINED.values(), ids=JOINED)
def test_neighbours_of_one_kind_are_joined_and_numbered(messages, expected):
    assert coalesce(messages) == expected
    assert coalesce(iter(messages)) == expected
    assert coalesce(expected) == expected


def test_a_boundary_among_messages_is_refused():
    with pytest.raises(MisuseError, match="not RunEnded"):
        coalesce([a("x"), RunEnded("otid")])


def test_joining_leaves_the_messages_it_was_given_as_they_were():
    messages = [t("f"), t(None, "{}")]
    before = [message.model_dump() for message in messages]
    coalesce(messages)
    assert [message.model_dump() for message in messages] == before


@given(
    st.lists(st.sampled_from([a("x"), r("y"), t("f"), t(None, "{"), t(None, "}", tool_call_id="call_2"), STOP, HIDDEN]))
)
def test_joining_twice_is_joining_once(messages):
    once = coalesce(messages)
    assert coalesce(once) == once
    assert [message.seq_id for message in once] == list(range(len(once)))
