"""What a row of a table, or text in a state, becomes: a kind of output and its typed message."""

from enum import Enum

from streamfsm.messages import (
    AssistantMessage,
    HiddenReasoningMessage,
    ReasoningMessage,
    StopReason,
    StreamMessage,
    ToolCallMessage,
)

_NONE: dict[str, str] = {}


class Emission(Enum):
    """A kind of output.

    Attributes:
        label: how diagrams and docs call it.
        message: the class of its messages.
        field: the field of the message that takes what is emitted.
        constant: fields that are the same in all its messages.
    """

    THOUGHTS = "ReasoningMessage", ReasoningMessage, "reasoning", {"source": "non_reasoner_model"}
    REASONING = "ReasoningMessage (native)", ReasoningMessage, "reasoning", {"source": "reasoner_model"}
    ANSWER = "AssistantMessage", AssistantMessage, "content", _NONE
    TOOL_NAME = "ToolCallMessage (name)", ToolCallMessage, "tool_call", _NONE
    TOOL_ARGUMENTS = "ToolCallMessage (arguments)", ToolCallMessage, "tool_call", _NONE
    HIDDEN = "HiddenReasoningMessage", HiddenReasoningMessage, "state", _NONE
    STOP = "StopReason", StopReason, "stop_reason", _NONE

    def __init__(self, label: str, message: type[StreamMessage], field: str, constant: dict[str, str]) -> None:
        self.label, self.message, self.field, self.constant = label, message, field, constant
