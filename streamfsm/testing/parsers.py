"""What the kit requires of a parser, and how it reads a parser's messages."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol, TypeAlias, get_args

from streamfsm.errors import MisuseError
from streamfsm.messages import Message, StreamMessage, coalesce
from streamfsm.parser import StreamParser
from streamfsm.testing.streams import Key
from streamfsm.trace import Transition


class Parser(Protocol):
    """A parser of one response. Two methods are required.

    Two attributes are used if they exist. ``result``, a value or a method: anything else that must not depend on the
    chunking; it is compared with ``==``. ``trace``, a list: a log of what happened, for reports.
    """

    def feed(self, chunk: Any, /) -> Iterable[Any] | None:
        """Read a chunk; return the messages that it gives."""

    def close(self) -> Iterable[Any] | None:
        """End the stream; return the messages that this gives."""


Parse: TypeAlias = Callable[[], Parser]
"""Returns a new parser for one response: a class, or any function without arguments."""


class Said(NamedTuple):
    """What one message says.

    Attributes:
        kind: ``content``, ``reasoning``, ``refusal``, ``name``, ``arguments``, ``stop``, or any other string.
        key: the call's id for a name and arguments, the choice's index for any other kind.
        text: what the message adds.
        snapshot: whether the text replaces the text so far of this kind and key, instead of continuing it.
    """

    kind: str
    key: Key | None
    text: str
    snapshot: bool = False


Read: TypeAlias = Callable[[Any], Iterable[Said]]


def read_message(message: Any) -> Iterator[Said]:
    """Yield what a message says: one of ours, its JSON as a dict, a :class:`Said`, or a tuple or dict of its fields.

    A :class:`streamfsm.messages.Message` of your own is read by its ``text``; its kind is its ``message_type``. Our
    messages do not distinguish a refusal from content, so a refusal is read as content.

    Raises:
        MisuseError: the message is none of these; pass the checks a ``read`` that understands it.
    """
    try:
        if isinstance(message, tuple):
            yield Said(*message)
            return
        fields = message if isinstance(message, dict) else dict(message)
        if "kind" in fields:
            yield Said(**fields)
            return
        kind: str = fields["message_type"]
        choice: int = fields.get("choice_index", 0)
        if not isinstance(message, Message):
            message = _OURS[kind].model_construct(**fields)
        call = fields.get("tool_call") if kind not in _WHOLE else None
        parts: dict[str, Any] = dict(call) if call else {_KINDS.get(kind, kind): message.text}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MisuseError(f"cannot read the message {message!r}; pass the check a read=") from error
    key = parts.pop("tool_call_id", None) or "" if call else choice
    yield from (Said(part, key, text) for part, text in parts.items() if text is not None)


_KINDS = {
    "assistant_message": "content",
    "reasoning_message": "reasoning",
    "hidden_reasoning_message": "hidden",
    "stop_reason": "stop",
}
_WHOLE = ("tool_call_sealed", "tool_call_revoked")  # they repeat the call
_OURS: dict[str, type[Message]] = {
    kind.model_fields["message_type"].default: kind for kind in get_args(get_args(StreamMessage)[0])
}


class TracedParser:
    """A :class:`streamfsm.StreamParser` that keeps its ``trace``, and whose ``result`` is everything that law 1 covers.

    Args:
        options: the arguments of :class:`streamfsm.StreamParser`.
    """

    def __init__(self, **options: Any) -> None:
        self.trace: list[Transition] = []
        self.messages: list[StreamMessage] = []
        self.parser: StreamParser = StreamParser(**{"message_id": _ID, **options}, trace=self.trace)

    def feed(self, chunk: Any) -> list[StreamMessage]:
        """Feed the parser."""
        return self._keep(self.parser.feed(chunk))

    def close(self) -> list[StreamMessage]:
        """Close the parser."""
        return self._keep(self.parser.close())

    def _keep(self, messages: list[StreamMessage]) -> list[StreamMessage]:
        self.messages += messages
        return messages

    def result(self) -> dict[str, Any]:
        """Return the coalesced messages without dates, the result, and each machine's path without self-loops."""
        paths = defaultdict(list)
        for step in self.trace:
            if step.event != "text":
                paths[f"choice {step.choice} {step.lane}"].append((step.state, step.event, step.target))
        return {
            "messages": [message.model_dump(exclude={"date"}) for message in coalesce(self.messages)],
            "result": self.parser.result.model_dump(),
            "paths": dict(paths),
        }


_ID = "message-7b5f3f7e-0d2a-4c3b-9a52-6f0c8d1e2a00"  # a fixed id, so that ids do not differ between runs
