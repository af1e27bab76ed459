"""Messages as JSON. Similar messages share a template, so that only the text and the number change."""

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, TypeAlias

from pydantic_core import to_json

from streamfsm.messages import (
    ApprovalRequestMessage,
    AssistantMessage,
    Message,
    ReasoningMessage,
    ToolCallMessage,
)

_Parts: TypeAlias = tuple[bytes, bytes, bytes] | tuple[()]
"""The JSON before the number, between it and the text, and after the text; empty if the places are ambiguous."""
_TEXT, _NUMBER = "\x00 text \x00", 8_888_888_888_888_888  # placeholders in a template


def json_of(message: Message) -> bytes:
    """Return the message as compact JSON without nulls."""
    return message.model_dump_json(exclude_none=True).encode()


class MessageJson:
    """Writes a response's messages as :func:`json_of` does, but in a fraction of the time if one is like the last."""

    __slots__ = ("_date", "_like", "_parts")

    def __init__(self) -> None:
        self._like: tuple[Any, ...] | None = None
        self._date: object = None
        self._parts: _Parts | None = None
        """``None``: there has been only one such message."""

    def write(self, message: Message) -> bytes:
        """Return the message as compact JSON without nulls."""
        fields = message.__dict__
        read = _READS.get(type(message))
        number = fields["seq_id"]
        if read is None or number is None:
            return json_of(message)
        like, text = read(fields)
        if text is None:  # the name of a call
            return json_of(message)
        if like != self._like or fields["date"] is not self._date:  # equal dates may have different texts
            self._like, self._date, self._parts = like, fields["date"], None
            return json_of(message)
        parts = self._parts
        if parts is None:
            parts = self._parts = _parts(message)
        if not parts:
            return json_of(message)
        head, middle, tail = parts
        return b"%b%d%b%b%b" % (head, number, middle, to_json(text), tail)


def _parts(message: Message) -> _Parts:
    marked: Any = message.model_copy(update={"seq_id": _NUMBER})
    if isinstance(marked, ToolCallMessage | ApprovalRequestMessage):
        update: dict[str, Any] = {"tool_call": marked.tool_call.model_copy(update={"arguments": _TEXT})}
    else:
        update = {f"{marked.FIELD}": _TEXT}
    template = json_of(marked.model_copy(update=update))
    places = template.count(b"%d" % _NUMBER), template.count(to_json(_TEXT))
    if places != (1, 1):  # an id contains one of the placeholders
        return ()
    head, _, rest = template.partition(b"%d" % _NUMBER)
    middle, _, tail = rest.partition(to_json(_TEXT))
    return head, middle, tail


_Read: TypeAlias = Callable[[dict[str, Any]], tuple[tuple[Any, ...], Any]]


def _reads(kind: type[Message]) -> _Read:
    """Return a function that returns, for a message's fields, the values that similar messages share, and the text."""
    text = kind.FIELD or ""
    shared = itemgetter(*(name for name in kind.model_fields if name not in ("date", "seq_id", text)))
    return lambda fields: (shared(fields), fields[text])


def _reads_call(kind: type[Message]) -> _Read:
    rest = _reads(kind)

    def read(fields: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
        like, call = rest(fields)
        return (*like, call.name, call.tool_call_id), call.arguments

    return read


_READS: Mapping[type[Message], _Read] = {
    ReasoningMessage: _reads(ReasoningMessage),
    AssistantMessage: _reads(AssistantMessage),
    ToolCallMessage: _reads_call(ToolCallMessage),
    ApprovalRequestMessage: _reads_call(ApprovalRequestMessage),
}
