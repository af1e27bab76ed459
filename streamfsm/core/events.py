"""The input of the core, in terms of no particular wire: the events of a chunk, in reading order.

A source passes events to a :class:`Handler`; no code behind the handler knows a wire. An empty string and ``None`` both
mean that the wire said nothing, and sources leave such events out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal, Protocol, TypeAlias

from streamfsm.core.meter import Thing
from streamfsm.result import AnomalyKind, CallKind

TextField: TypeAlias = Literal["reasoning", "content", "refusal", "transcript"]
Form: TypeAlias = Literal["json", "text", "members"]
"""The form of a piece of arguments. ``json``: part of a JSON text. ``text``: part of a free text, which is not JSON.
``members``: whole members of an object, without its braces; the next piece may add more."""


@dataclass(slots=True)
class Envelope:
    """The id or the model of the response; it replaces the previous one."""

    id: str | None
    model: str | None
    tells_thoughts: bool = False
    """Whether this wire says where the model thought, so that its name need not."""


@dataclass(slots=True)
class Begin:
    """A choice begins; its events follow."""

    choice: int


@dataclass(slots=True)
class Text:
    """A piece of one text field of one choice."""

    choice: int
    field: TextField
    text: str
    cumulative: bool = False
    """Whether the piece holds all of the field's text so far."""
    part: int = 0
    """Which of the field's texts it belongs to, on a wire whose answers have several parts. Each is a lane."""


@dataclass(slots=True)
class CallPiece:
    """One entry of a tool-call list; :mod:`streamfsm.core.calls` decides which call it belongs to."""

    choice: int
    wire_index: int | None
    id: str
    name: str
    arguments: str
    entry: int = 0
    """Position in the delta's list."""
    cumulative: bool = False
    """Whether name and arguments each hold all of their text so far."""
    extras: Mapping[str, Any] | None = None
    """Fields that are not read."""
    form: Form = "json"


@dataclass(slots=True)
class CallFrame:
    """What the wire says of a call besides its arguments. The wire's index alone says which call: no rule decides it.

    The first one at an index starts a call, and later ones add to it.
    """

    choice: int
    wire_index: int
    id: str
    name: str
    """All of it."""
    kind: CallKind = "function"
    form: Form = "json"
    hosted: bool = False
    """Whether the server runs the call."""
    incomplete: bool = False
    """Whether the wire says that the call is not whole."""
    in_doubt: bool = False
    """Whether something of the call was guessed."""
    extras: Mapping[str, Any] | None = None
    """Fields that are not read."""


@dataclass(slots=True)
class Whole:
    """The wire says that a text, or a call's arguments, are whole: no delta follows, but the same may be said again."""

    choice: int
    field: TextField | None
    """``None``: a call's arguments."""
    place: int
    """The part of the text field, or the wire's index of the call."""
    text: str
    """All of it; empty if the wire does not say."""


@dataclass(slots=True)
class Thought:
    """A piece of a structured reasoning detail. Its text, if any, is a :class:`Text` of its own."""

    choice: int
    kind: str
    index: int | None
    id: str | None
    text: str
    data: str
    """Reasoning that cannot be read: encrypted or redacted."""
    signature: str | None
    cumulative: bool = False
    """Whether the text is all of it so far."""
    extras: Mapping[str, Any] | None = None
    """Fields that are not read."""
    field: str = "reasoning_details"
    """The wire's field in which the piece came."""
    part: int | None = None
    """The part of the reasoning that is its text; then, or with ``apart``, nothing continues the detail."""
    apart: bool = False
    place: int = 0
    """Of what has no such part: the number of the first part that comes after it."""


@dataclass(slots=True)
class HiddenThought:
    """The wire says that the model thought, and shows nothing of it."""

    choice: int
    part: int
    state: Literal["redacted", "omitted"]


@dataclass(slots=True)
class Remembered:
    """The wire's reader keeps something of what came, for what comes later: it takes memory."""

    thing: Thing | None
    size: int


@dataclass(slots=True)
class ItemBegins:
    """The wire begins another of the items that make up its answer; their number is limited."""


@dataclass(slots=True)
class Extra:
    """A field that is not read."""

    choice: int | None
    name: str
    value: Any


@dataclass(slots=True)
class Finish:
    """A finish reason, as the wire spells it."""

    choice: int
    reason: str


@dataclass(slots=True)
class UsageReport:
    """Token counts; ``None`` for a count that the report lacks."""

    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """The report as it came."""


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
    """Fields that are not read because of the anomaly; they are kept as extras."""


Event: TypeAlias = (
    Envelope
    | Begin
    | Text
    | CallPiece
    | CallFrame
    | Whole
    | Thought
    | HiddenThought
    | ItemBegins
    | Remembered
    | Extra
    | Finish
    | UsageReport
    | Failure
    | AnomalyReport
)


class Handler(Protocol):
    """Receives the events of chunks. Text and calls come as arguments, not as objects: nearly every delta has one."""

    def text(self, choice: int, field: TextField, text: str, cumulative: bool = False, part: int = 0) -> None:
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
        """Take any other event."""


_fields_of_call = attrgetter(*CallPiece.__slots__)


class Recorder:
    """A handler that keeps the events it receives, so that they can be passed on later."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.take: Callable[[Event], None] = self.events.append

    def text(self, *fields: Any) -> None:
        """Keep a :class:`Text`."""
        self.events.append(Text(*fields))

    def call(self, *fields: Any) -> None:
        """Keep a :class:`CallPiece`."""
        self.events.append(CallPiece(*fields))

    def tell(self, to: Handler) -> None:
        """Pass all kept events to another handler."""
        for event in self.events:
            if isinstance(event, Text):
                to.text(event.choice, event.field, event.text, event.cumulative, event.part)
            elif isinstance(event, CallPiece):
                to.call(*_fields_of_call(event))
            else:
                to.take(event)
