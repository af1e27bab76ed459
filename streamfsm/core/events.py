"""The input of the core, independent of the wire: the events of a chunk, in reading order.

A source reports events to a :class:`Handler`; no code behind the handler depends on a wire. An empty string and
``None`` both mean that the wire said nothing, and sources leave out such events.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal, Protocol, TypeAlias

from streamfsm.core.meter import Thing
from streamfsm.result import AnomalyKind, CallKind

TextField: TypeAlias = Literal["reasoning", "content", "refusal", "transcript"]
Form: TypeAlias = Literal["json", "text", "members"]
"""The form of a piece of arguments. ``json``: part of a JSON text. ``text``: part of a free text, which is not JSON.
``members``: complete members of an object, without its braces; the next piece may add more."""


@dataclass(slots=True)
class Envelope:
    """The id or the model of the response, which replaces the previous one."""

    id: str | None
    model: str | None
    tells_thoughts: bool = False
    """Whether this wire shows where the model reasons, so that the model's name does not decide it."""


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
    """Whether the piece repeats all of the field's text so far."""
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
    """Whether name and arguments each repeat all of their text so far."""
    extras: Mapping[str, Any] | None = None
    """Fields that the parser does not interpret."""
    form: Form = "json"


@dataclass(slots=True)
class CallFrame:
    """What the wire says about a call besides its arguments. The wire's index identifies the call, without any rule.

    The first frame at an index begins a call, and later ones add to it.
    """

    choice: int
    wire_index: int
    id: str
    name: str
    """The complete name."""
    kind: CallKind = "function"
    form: Form = "json"
    hosted: bool = False
    """Whether the server runs the call."""
    incomplete: bool = False
    """Whether the wire says that the call is incomplete."""
    in_doubt: bool = False
    """Whether anything about the call was guessed."""
    twin: int | None = None
    """The wire's index of a call that may be the same; if name and arguments are, the later one is in doubt."""
    instead_of: str = ""
    """An id that stood in for this one until it came."""
    extras: Mapping[str, Any] | None = None
    """Fields that the parser does not interpret."""


@dataclass(slots=True)
class Whole:
    """The wire says that a text, or a call's arguments, are complete: no delta follows, but it may be repeated."""

    choice: int
    field: TextField | None
    """``None``: a call's arguments."""
    place: int
    """The part of the text field, or the wire's index of the call."""
    text: str
    """The complete text; empty if the wire does not repeat it."""
    together: Sequence[int] = ()
    """The parts of the text field whose texts, joined, the text may be; otherwise it is that of ``place`` alone.
    ``place`` may be a new part, which does not begin if they are."""


@dataclass(slots=True)
class Thought:
    """A piece of structured reasoning. Its text, if any, also comes as a :class:`Text`."""

    choice: int
    kind: str
    index: int | None
    id: str | None
    text: str
    data: str
    """Reasoning that cannot be read: encrypted or redacted."""
    signature: str | None
    cumulative: bool = False
    """Whether the text repeats all of it so far."""
    extras: Mapping[str, Any] | None = None
    """Fields that the parser does not interpret."""
    field: str = "reasoning_details"
    """The wire's field in which the piece came."""
    part: int | None = None
    """The part of the reasoning that is its text. If it has one, no other piece continues it."""
    apart: bool = False
    """Whether it has no such part, and no other piece continues it either."""
    place: int = 0
    """Without such a part: the number of the first part that comes after it."""


@dataclass(slots=True)
class HiddenThought:
    """The wire says that the model reasoned, and shows nothing of it."""

    choice: int
    part: int
    state: Literal["redacted", "omitted"]


@dataclass(slots=True)
class Remembered:
    """The wire's reader keeps something for later, which takes memory and so counts towards ``Limits.total``."""

    thing: Thing | None
    size: int


@dataclass(slots=True)
class ItemBegins:
    """Another item of the answer begins; the number of items is limited."""


@dataclass(slots=True)
class Extra:
    """A field that the parser does not interpret."""

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
    """Something that the wire's specification does not allow; it becomes an anomaly in the result."""

    kind: AnomalyKind
    detail: str
    choice: int | None
    fields: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Fields that cannot be interpreted because of the anomaly; they are kept as extras."""


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
    """Receives the events of chunks. Texts and calls come as arguments, not objects: nearly every delta has one."""

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
        """Handle any other event."""


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
