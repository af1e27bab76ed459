"""Typed messages from the token stream of an LLM that speaks through tool calls, by declared state machines."""

from streamfsm.body import aiter_messages, iter_messages
from streamfsm.interface import OpenAIStreamingInterface
from streamfsm.limits import Limits
from streamfsm.messages import (
    ApprovalRequestMessage,
    AssistantMessage,
    FunctionCall,
    HiddenReasoningMessage,
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
from streamfsm.parser import StreamParser
from streamfsm.sources.dialect import Dialect

__all__ = [
    "ApprovalRequestMessage",
    "AssistantMessage",
    "Dialect",
    "FunctionCall",
    "HiddenReasoningMessage",
    "Limits",
    "OmittedReasoningContent",
    "OpenAIStreamingInterface",
    "ReasoningContent",
    "ReasoningMessage",
    "StopReason",
    "StopReasonType",
    "StreamMessage",
    "StreamParser",
    "TextContent",
    "ToolCall",
    "ToolCallDelta",
    "ToolCallMessage",
    "aiter_messages",
    "coalesce",
    "iter_messages",
]
