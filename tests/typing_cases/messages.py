"""Every kind of message is told apart, and none is forgotten."""

from typing_extensions import assert_never, assert_type

from streamfsm import (
    ApprovalRequestMessage,
    ArgumentMessage,
    AssistantMessage,
    HiddenReasoningMessage,
    ReasoningMessage,
    StopReason,
    StopReasonType,
    StreamMessage,
    ToolCallDelta,
    ToolCallMessage,
    ToolCallRevoked,
    ToolCallSealed,
    coalesce,
)


def by_class(message: StreamMessage) -> str:
    match message:
        case ReasoningMessage():
            return message.reasoning
        case AssistantMessage():
            return message.content
        case ToolCallMessage() | ApprovalRequestMessage():
            assert_type(message.tool_call, ToolCallDelta)
            return message.tool_call.arguments or message.tool_call.name or ""
        case ArgumentMessage():
            return message.delta or message.path
        case ToolCallSealed() | ToolCallRevoked():
            assert_type(message.tool_call, ToolCallDelta)
            return message.text
        case HiddenReasoningMessage():
            return message.state
        case StopReason():
            assert_type(message.stop_reason, StopReasonType)
            return message.stop_reason.value
    assert_never(message)


def by_name(message: StreamMessage) -> str:
    if message.message_type == "assistant_message":
        return message.content
    if message.message_type == "reasoning_message":
        return message.reasoning
    return message.id


def of_any(message: StreamMessage) -> tuple[str, int | None, int]:
    return message.id, message.seq_id, message.choice_index


def wrong(message: StreamMessage) -> str:
    return message.content  # type: ignore[union-attr] # not every message has it


def joined(messages: list[StreamMessage]) -> list[StreamMessage]:
    return coalesce(messages)
