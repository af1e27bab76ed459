"""What goes in, wire-neutral: what one chunk says, in the order in which it is to be read.

Sources tell it to a :class:`Handler`; no code behind them knows a wire. An empty string and ``None`` both mean that the
wire said nothing, and sources leave such events out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from streamfsm.result import AnomalyKind

TextField: TypeAlias = Literal["reasoning", "content", "refusal", "transcript"]
Form: TypeAlias = Literal["json", "text", "members"]
"""What a piece of a call's arguments is. ``json``: of a JSON text; ``text``: of a free text, which is no JSON;
``members``: whole members of an object, without its braces, to which the next piece may add more."""


@dataclass(slots=True)
class Envelope:
    """An id or a model of the response; it takes the place of the one before it."""

    id: str | None
    model: str | None


@dataclass(slots=True)
class Begin:
    """A choice that was not seen before; what it says follows."""

    choice: int


@dataclass(slots=True)
class Text:
    """A piece of one text field of one choice."""

    choice: int
    field: TextField
    text: str
    cumulative: bool = False
    """Whether it is all of the field so far."""


@dataclass(slots=True)
class CallPiece:
    """One entry of a tool-call list, with the identity it claims; :mod:`streamfsm.core.calls` decides whose it is."""

    choice: int
    wire_index: int | None
    id: str
    name: str
    arguments: str
    entry: int = 0
    """Position in the delta's list."""
    cumulative: bool = False
    """Whether name and arguments are all so far."""
    extras: Mapping[str, Any] | None = None
    """Fields that are not read."""
    form: Form = "json"


@dataclass(slots=True)
class Thought:
    """A piece of a structured reasoning detail. Its text, if any, is a :class:`Text` of its own."""

    choice: int
    kind: str
    index: int | None
    id: str | None
    text: str
    data: str
    """What cannot be read: encrypted or redacted reasoning."""
    signature: str | None
    cumulative: bool = False
    """Whether the text is all so far."""
    extras: Mapping[str, Any] | None = None
    """Fields that are not read."""
    field: str = "reasoning_details"
    """The wire's field that it came in."""


@dataclass(slots=True)
class Extra:
    """A field that is not read."""

    choice: int | None
    name: str
    value: Any


@dataclass(slots=True)
class Finish:
    """A finish reason, in the wire's word."""

    choice: int
    reason: str


@dataclass(slots=True)
class UsageReport:
    """Token counts; ``None`` where the report is silent."""

    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """The report as the wire wrote it."""


@dataclass(slots=True)
class Failure:
    """An error payload inside the stream."""

    code: str | None
    message: str


@dataclass(slots=True)
class AnomalyReport:
    """Something that the wire's own description does not allow; it becomes an anomaly of the result."""

    kind: AnomalyKind
    detail: str
    choice: int | None
    fields: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What is not read because of it, to be kept."""


Event: TypeAlias = (
    Envelope | Begin | Text | CallPiece | Thought | Extra | Finish | UsageReport | Failure | AnomalyReport
)


class Handler(Protocol):
    """Is told what chunks say. Text and calls, of which every delta has one, come without an object of their own."""

    def text(self, choice: int, field: TextField, text: str, cumulative: bool = False) -> None:
        """See :class:`Text`."""

    def call(
        self,
        choice: int,
        wire_index: int | None,
        call_id: str,
        name: str,
        arguments: str,
        entry: int = 0,
        cumulative: bool = False,
        extras: Mapping[str, Any] | None = None,
        form: Form = "json",
    ) -> None:
        """See :class:`CallPiece`."""

    def take(self, event: Event) -> None:
        """Any other event."""


class Recorder:
    """A handler that keeps what it is told, to be read again."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.take = self.events.append

    def text(self, *fields: Any) -> None:
        """Keep a :class:`Text`."""
        self.events.append(Text(*fields))

    def call(self, *fields: Any) -> None:
        """Keep a :class:`CallPiece`."""
        self.events.append(CallPiece(*fields))

    def tell(self, to: Handler) -> None:
        """Tell it all again."""
        for event in self.events:
            if isinstance(event, Text):
                to.text(event.choice, event.field, event.text, event.cumulative)
            elif isinstance(event, CallPiece):
                to.call(*(getattr(event, name) for name in CallPiece.__slots__))
            else:
                to.take(event)
