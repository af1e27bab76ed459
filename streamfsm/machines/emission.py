"""``Emission``: the kind of output, with its type of message, that a row of a table or text in a state becomes."""

from dataclasses import dataclass
from typing import Any, ClassVar

from streamfsm.messages import (
    ArgumentMessage,
    AssistantMessage,
    HiddenReasoningMessage,
    Message,
    ReasoningMessage,
    StopReason,
    ToolCallMessage,
    ToolCallRevoked,
    ToolCallSealed,
)


@dataclass(frozen=True)
class Emission:
    """A kind of output. Those of the built-in tables are attributes of the class; other tables may have their own."""

    label: str
    """Its name in diagrams and docs."""
    message: type[Message]
    """The type of its messages."""
    field: str
    """The field of the message that holds what is emitted."""
    constant: tuple[tuple[str, Any], ...] = ()
    """Fields that have the same value in all its messages, and the values."""
    part: str | None = None
    """The part of a tool call that is emitted: ``name``, ``arguments`` or ``whole``; ``None``: no part of one."""
    thinks: bool = False
    """Whether it shows that the model reasoned, so that hidden reasoning need not be announced."""

    THOUGHTS: ClassVar["Emission"]
    REASONING: ClassVar["Emission"]
    ANSWER: ClassVar["Emission"]
    TOOL_NAME: ClassVar["Emission"]
    TOOL_ARGUMENTS: ClassVar["Emission"]
    SEALED: ClassVar["Emission"]
    REVOKED: ClassVar["Emission"]
    HIDDEN: ClassVar["Emission"]
    STOP: ClassVar["Emission"]


_IN_CALL, _NATIVE = (("source", "non_reasoner_model"),), (("source", "reasoner_model"),)

Emission.THOUGHTS = Emission("ReasoningMessage", ReasoningMessage, "reasoning", _IN_CALL, thinks=True)
Emission.REASONING = Emission("ReasoningMessage (native)", ReasoningMessage, "reasoning", _NATIVE, thinks=True)
Emission.ANSWER = Emission("AssistantMessage", AssistantMessage, "content")
Emission.TOOL_NAME = Emission("ToolCallMessage (name)", ToolCallMessage, "tool_call", part="name")
Emission.TOOL_ARGUMENTS = Emission("ToolCallMessage (arguments)", ToolCallMessage, "tool_call", part="arguments")
Emission.SEALED = Emission("ToolCallSealed", ToolCallSealed, "tool_call", part="whole")
Emission.REVOKED = Emission("ToolCallRevoked", ToolCallRevoked, "reason", part="whole")
Emission.HIDDEN = Emission("HiddenReasoningMessage", HiddenReasoningMessage, "state", thinks=True)
Emission.STOP = Emission("StopReason", StopReason, "stop_reason")

SPOKEN = (AssistantMessage, ReasoningMessage)
"""The types of messages that hold speech and thoughts."""


def argument(channel: str, what: str = "", *, done: bool = False) -> Emission:
    """Return the emission of a declared channel: a piece of text or, with ``what``, a whole value or its end."""
    label = f"ArgumentMessage ({', '.join(filter(None, (channel, what)))})"
    return Emission(label, ArgumentMessage, "delta", (("channel", channel), ("done", done)))
