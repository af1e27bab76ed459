"""Typed messages from the token stream of an LLM that speaks through tool calls, by declared state machines.

A name is loaded on first use, as pydantic loads its own: ``import streamfsm`` costs nothing, and
``from streamfsm import StreamParser`` does not load the façade.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamfsm.boundaries import CallClosed, RunEnded, RunStarted
    from streamfsm.builder import ArgumentBuilder, partial_objects
    from streamfsm.channels import Channel
    from streamfsm.client.body import aiter_messages, iter_messages
    from streamfsm.client.coalescer import Coalescer
    from streamfsm.client.interface import OpenAIStreamingInterface
    from streamfsm.errors import ArgumentsError, MisuseError, StreamError, StreamTimeout
    from streamfsm.limits import Limits
    from streamfsm.messages import (
        ApprovalRequestMessage,
        ArgumentMessage,
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
        ToolCallRevoked,
        ToolCallSealed,
        coalesce,
    )
    from streamfsm.parser import StreamParser
    from streamfsm.replay.recorder import record
    from streamfsm.result import Anomaly, ParsedCall, StreamResult, Usage
    from streamfsm.think_tags import ThinkTags
    from streamfsm.trace import TraceLog, Transition
    from streamfsm.wires.chat.dialect import Dialect

    __version__: str
else:  # hidden from type checkers, which would otherwise accept any name
    # Later modules import earlier ones.
    _MODULES = (
        "errors",
        "trace",
        "messages",
        "limits",
        "think_tags",
        "result",
        "boundaries",
        "channels",
        "builder",
        "wires.chat.dialect",
        "parser",
        "client.coalescer",
    )
    _MODULES += ("client.body", "client.interface", "replay.recorder")

    def __getattr__(name: str) -> object:
        if name == "__version__":
            return import_module("importlib.metadata").version(__name__)
        if name in __all__:
            modules = (import_module(f"{__name__}.{module}") for module in _MODULES)
            value = globals()[name] = next(getattr(module, name) for module in modules if hasattr(module, name))
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, "__version__"})


__all__ = [
    "Anomaly",
    "ApprovalRequestMessage",
    "ArgumentBuilder",
    "ArgumentMessage",
    "ArgumentsError",
    "AssistantMessage",
    "CallClosed",
    "Channel",
    "Coalescer",
    "Dialect",
    "FunctionCall",
    "HiddenReasoningMessage",
    "Limits",
    "MisuseError",
    "OmittedReasoningContent",
    "OpenAIStreamingInterface",
    "ParsedCall",
    "ReasoningContent",
    "ReasoningMessage",
    "RunEnded",
    "RunStarted",
    "StopReason",
    "StopReasonType",
    "StreamError",
    "StreamMessage",
    "StreamParser",
    "StreamResult",
    "StreamTimeout",
    "TextContent",
    "ThinkTags",
    "ToolCall",
    "ToolCallDelta",
    "ToolCallMessage",
    "ToolCallRevoked",
    "ToolCallSealed",
    "TraceLog",
    "Transition",
    "Usage",
    "aiter_messages",
    "coalesce",
    "iter_messages",
    "partial_objects",
    "record",
]
