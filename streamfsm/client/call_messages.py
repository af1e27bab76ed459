"""Messages of tool calls in both forms that clients read: one call in ``tool_call``, the same in ``tool_calls``."""

from typing import TypeVar

from pydantic import computed_field

from streamfsm.messages import ApprovalRequestMessage, StreamMessage, ToolCallDelta, ToolCallMessage

_M = TypeVar("_M", ToolCallMessage, ApprovalRequestMessage)


class ToolCallMessageInBothForms(ToolCallMessage):
    """A :class:`ToolCallMessage` whose JSON also has ``tool_calls``."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def tool_calls(self) -> ToolCallDelta:
        """The same as ``tool_call``: a message contains a piece of one call."""
        return self.tool_call


class ApprovalRequestMessageInBothForms(ApprovalRequestMessage):
    """An :class:`ApprovalRequestMessage` whose JSON also has ``tool_calls``."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def tool_calls(self) -> ToolCallDelta:
        """The same as ``tool_call``: a message contains a piece of one call."""
        return self.tool_call


def in_both_forms(message: StreamMessage) -> StreamMessage:
    """Return the message with its call in both forms; any other message unchanged."""
    if type(message) is ToolCallMessage:
        return _as(ToolCallMessageInBothForms, message)
    if type(message) is ApprovalRequestMessage:
        return _as(ApprovalRequestMessageInBothForms, message)
    return message


def _as(kind: type[_M], message: _M) -> _M:
    """Return a valid message as one of another class, which has the same fields, without validating it again."""
    return kind.model_construct(message.model_fields_set, **message.__dict__)
