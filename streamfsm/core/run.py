"""The run state of one response, and the options that a snapshot keeps with it. Plain data."""

from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, AwareDatetime, PlainSerializer

from streamfsm.channels import Channel
from streamfsm.core.buffer import Buffer, Half
from streamfsm.core.calls import Calls
from streamfsm.core.events import Thought
from streamfsm.core.extras import Extras, values
from streamfsm.core.lanes import StreamLane, TextLane, label_of
from streamfsm.core.meter import Meter
from streamfsm.core.writer import Numbering
from streamfsm.limits import Limits
from streamfsm.result import Anomaly, ErrorInfo, ReasoningDetail, Usage
from streamfsm.think_tags import Pairs

Purse: TypeAlias = Literal["text", "sent_back", "extras", "usage"]
"""What a limit on kept characters applies to."""


@dataclass(slots=True)
class Detail:
    """A structured part of the reasoning."""

    kind: str
    index: int | None
    id: str | None
    text: Buffer = field(default_factory=Buffer)
    half: Half = ""
    """Half of a surrogate pair at the end of the text, whose other half may come next."""
    data: Buffer = field(default_factory=Buffer)
    signature: str | None = None
    extras: Extras = field(default_factory=dict)
    field: str = "reasoning_details"
    part: int | None = None
    """The part of the reasoning that is its text; ``None``: its text is ``text``."""
    place: int = 0
    """Without such a part: parts with a lower number came before it."""

    @property
    def order(self) -> tuple[int, bool]:
        """Its place among the parts, and whether it is one of them."""
        return (self.place, False) if self.part is None else (self.part, True)


@dataclass(slots=True)
class Choice:
    """The state of one choice."""

    texts: dict[str, TextLane] = field(default_factory=dict)
    calls: Calls = field(default_factory=Calls)
    details: list[Detail] = field(default_factory=list)
    detail_at: dict[str, int] = field(default_factory=dict)
    """Type and index, or id → position of the detail that the next piece continues."""
    extras: Extras = field(default_factory=dict)
    finish_reason: str | None = None

    def text_lane(self, choice: int, name: str, part: int = 0) -> TextLane:
        """Return the lane of a text field's part; a new one if none exists."""
        label = label_of(name, part)
        return self.texts.get(label) or self.texts.setdefault(label, TextLane(choice, name, part))

    def lanes_of(self, name: str) -> list[TextLane]:
        """Return the lanes of a text field, in the order in which they began."""
        return [lane for lane in self.texts.values() if lane.text_field == name]

    def written_call(self) -> str | None:
        """Return the marker of a call that came as text. Markers in thoughts count only if no call follows."""
        texts = [lane.answer for lane in self.lanes_of("content")]
        if not self.calls.lanes:
            texts += [lane.reasoning for lane in self.texts.values()]
        return next((found for text in texts if (found := text.marker)), None)

    def detail(self, event: Thought) -> Detail:
        """Return the detail that a thought continues, or a new one: a detail with a signature or data has ended."""
        if event.apart or event.part is not None:
            detail = Detail(event.kind, event.index, event.id, field=event.field, part=event.part, place=event.place)
            self.details.append(detail)
            return detail
        key = f"{event.field}/{event.kind}/{event.id if event.index is None else event.index}"
        found = self.details[self.detail_at[key]] if key in self.detail_at else None
        unnamed = event.index is None and event.id is None
        signed = found is not None and found.signature is not None and not event.cumulative
        if (
            found is None
            or (unnamed and event.data)
            or (signed and (event.text or event.signature not in (None, found.signature)))
        ):
            found = Detail(event.kind, event.index, event.id, field=event.field)
            self.detail_at[key] = len(self.details)
            self.details.append(found)
        return found

    def in_order(self) -> list[Detail]:
        """Return the details in the order of their items, where the wire has items.

        If the text of a part turned out to be that of other parts, its detail is left out.
        """
        return sorted(filter(self.shows, self.details), key=lambda detail: detail.order)

    def shows(self, detail: Detail) -> bool:
        """Whether a detail has no part of its own, or one that began."""
        return detail.part is None or self._lane_of(detail) is not None

    def _lane_of(self, detail: Detail) -> TextLane | None:
        return None if detail.part is None else self.texts.get(label_of("reasoning", detail.part))

    def reasoning_detail(self, detail: Detail) -> ReasoningDetail:
        """Return a detail of this choice as the result shows it."""
        lane = self._lane_of(detail)
        return ReasoningDetail(
            type=detail.kind,
            index=detail.index,
            id=detail.id,
            text=lane.reasoning.getvalue() if lane else detail.text.getvalue() + "\ufffd" * len(detail.half),
            data=detail.data.getvalue(),
            signature=detail.signature,
            extras=values(detail.extras),
            field=detail.field,
        )


_LATEST = 9  # the most details at the end of a run of thoughts; models send one or two


@dataclass(slots=True)
class Run:
    """All run state of one response. Plain data: it can be copied, pickled and written as JSON."""

    stream: StreamLane = field(default_factory=StreamLane)
    numbering: Numbering = field(default_factory=Numbering)
    choices: dict[int, Choice] = field(default_factory=dict)
    response_id: str | None = None
    model: str | None = None
    usage: Usage = field(default_factory=cache(Usage))
    error: ErrorInfo | None = None
    anomalies: list[Anomaly] = field(default_factory=list)
    extras: Extras = field(default_factory=dict)
    meter: Meter = field(default_factory=Meter)
    spent: dict[Purse, int] = field(default_factory=dict)
    """Characters kept of structured reasoning and of extras, by the limit that bounds them."""
    tells_thoughts: bool = False
    """Whether the wire itself says where the model reasoned."""
    hid_thoughts: bool = False
    """Whether hidden reasoning has been announced."""
    items: int = 0
    """The number of items that have begun."""
    arguments_astray: bool = False
    """Whether some arguments have no certain owner, so that a call without arguments is not ready."""
    recorded_once: dict[str, None] = field(default_factory=dict)
    """Keys of what is recorded only once: kinds of anomalies, and limits that were reached."""

    def latest_details(self, choice: int) -> tuple[ReasoningDetail, ...]:
        """Return the last detail of a choice that has text, and those after it; at most the last few."""
        of = self.choices.get(choice) or Choice()
        found: list[ReasoningDetail] = []
        for detail in filter(of.shows, of.details[: -_LATEST - 1 : -1]):
            found.insert(0, of.reasoning_detail(detail))
            if found[0].text:
                break
        return tuple(found)


_NO_TOOLS: Final = frozenset[str]()  # shared by all streams, because each would take 200 bytes
_Tools: TypeAlias = Annotated[frozenset[str], AfterValidator(lambda tools: tools or _NO_TOOLS), PlainSerializer(sorted)]


@dataclass(frozen=True, slots=True)
class Options:
    """The constructor's arguments that a snapshot keeps; pydantic checks them by these types."""

    inner_thoughts_kwarg: tuple[str, ...] | None
    assistant_tool: str | None
    assistant_kwarg: str
    reasoning_model: bool | None
    think_tags: Pairs | None
    requires_approval_tools: _Tools
    limits: Limits
    message_id: str
    run_id: str | None
    step_id: str | None
    date: AwareDatetime
    boundaries: bool = False
    channels: tuple[Channel, ...] = ()
    seal_tools: _Tools = _NO_TOOLS
    keep: bool = True
