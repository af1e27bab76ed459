"""Turns the output of lanes into numbered messages, :class:`StreamMessage`."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

from pydantic import BaseModel

from streamfsm.boundaries import CallClosed, RunEnded, RunStarted
from streamfsm.core.lanes import CallLane, Lane, StreamLane, TextLane
from streamfsm.core.meter import Meter
from streamfsm.core.scanner import Scanner
from streamfsm.machines import STREAM
from streamfsm.machines.declaration import Row
from streamfsm.machines.emission import SPOKEN, Emission
from streamfsm.messages import (
    ApprovalRequestMessage,
    ArgumentMessage,
    Message,
    StopReasonType,
    StreamMessage,
    ToolCallDelta,
    ToolCallRevoked,
    made_up_id,
    otid,
)
from streamfsm.result import ReasoningDetail
from streamfsm.trace import Transition

_SILENT = STREAM.table.initial
_CLOSED = ("closed", "sealed")
_CLOSES = (*_CLOSED, "done")  # states of a call whose arguments have ended

Step: TypeAlias = Callable[[Transition, Lane, Message | None], object]
"""Receives what a lane did, and the message that it emitted."""


class Turn(NamedTuple):
    """The place where speech or thoughts continue in another lane; a turn lasts until the next one."""

    choice: int
    field: str
    """The field of the messages."""
    lane: str | int
    """The label of the text field or its part, or the position of the call."""
    start: int
    """Index in the lane's emitted text."""


@dataclass(slots=True)
class Numbering:
    """All that the writer remembers between chunks. It makes ids a pure function of the stream."""

    next_seq: int = 0
    ordinal: int = -1
    """Number of the current run of messages of one kind; see :func:`streamfsm.messages.otid`."""
    run: str = ""
    """Message type, choice, and call or part of that run."""
    turns: list[Turn] | None = None
    """``None``: there has been no speech and no thought."""


@dataclass(slots=True)
class MessageWriter:
    """The outlet of all lanes of one response. The text of one chunk in one state of a lane is one message."""

    message_id: str
    date: datetime
    run_id: str | None
    step_id: str | None
    requires_approval: Collection[str]
    """Tools whose calls are announced as approval requests."""
    stream: StreamLane
    trace: Step | None
    numbering: Numbering
    meter: Meter = field(default_factory=Meter)
    hides_reasoning: bool = False
    """Whether a hidden-reasoning message precedes the first message, unless that is reasoning."""
    boundaries: bool = False
    """Whether boundaries are returned along with the messages."""

    chunk_ends: Callable[[], object] | None = None
    """Called when a chunk has been read, if a trace needs that."""

    may_seal: Callable[[CallLane], bool] | None = None
    """Whether a call that has just closed can be sealed; ``None``: none can."""
    details: Callable[[int], tuple[ReasoningDetail, ...]] | None = None
    """Returns the details at the end of a choice's thoughts; ``None``: they are not needed."""

    over: list[CallLane] | None = None
    """Calls whose arguments can be discarded after the current piece of the stream; ``None``: everything is kept."""

    _messages: list[Any] = field(default_factory=list)
    _trace_error: Exception | None = None
    """The first exception that the trace raised since the last call of ``drain``."""
    # The latest message, and its lane and emission: the next text usually continues it. No lane: no text can.
    _latest: Any = None
    _latest_lane: Lane | None = None
    _latest_emission: Any = None
    _speaker: CallLane | None = None
    """The call that the latest message comes from, if it is speech or a thought."""

    def key(self, _: Lane) -> None:
        """A key came that the arguments have not had before: it is kept."""
        self.meter.note("key")

    def boundary(self, lane: Lane, event: str, emits: str | Mapping[str, Any] = "") -> None:
        """``event`` fires; ``emits`` is what its row emits, if anything: a text, or several fields of the message."""
        state = lane.state
        row = lane.machine.advance(lane, event)
        if row.emits:
            self._write(lane, row.emits, emits)
        self._latest_lane = None
        if self.over is not None and isinstance(lane, CallLane) and lane.goes:
            self.over.append(lane)
        if self.boundaries:
            self._bound(lane, row)
        if self.trace is not None:
            self._log(self.trace, lane, state, event, emitted=row.emits is not None)
        may_seal = self.may_seal if event == "object_closed" else None
        if may_seal and lane.machine.accepts(lane, "sealed") and may_seal(cast("CallLane", lane)):
            self.boundary(lane, "sealed")

    def text(self, lane: Lane, text: str) -> None:
        """Text arrived in the lane's current state, which decides what it becomes."""
        if lane is self._latest_lane:
            self._continue(text)
        elif emission := lane.machine.texts[lane.state]:
            self._write(lane, emission, text)
            self._latest_lane, self._latest_emission = lane, emission
        else:
            return
        if self.trace is not None:
            self._log(self.trace, lane, lane.state, "text", emitted=True)

    def drain(self) -> list[StreamMessage]:
        """Return the messages since the last call, and the boundaries if they were asked for.

        Raises:
            Exception: the trace raised it. The input has been read; the next call returns the messages.
        """
        if self.chunk_ends is not None:
            self._tell(self.chunk_ends)
        if self._trace_error is not None:
            error, self._trace_error = self._trace_error, None
            raise error
        messages, self._messages = self._messages, []
        return messages

    def _log(self, trace: Step, lane: Lane, state: str, event: str, *, emitted: bool) -> None:
        seq_id = self.numbering.next_seq - 1 if emitted else None
        step = Transition(lane.machine.table.name, lane.choice, lane.label, state, event, lane.state, seq_id)
        self._tell(trace, step, lane, self._latest if emitted else None)

    def _tell(self, hears: Callable[..., object], *what: object) -> None:
        try:
            hears(*what)
        except Exception as error:  # noqa: BLE001 - the caller's; raising it here would lose the rest of the chunk
            self._trace_error = self._trace_error or error

    # -- messages ---------------------------------------------------------------------------------------------------

    def _continue(self, text: str) -> None:
        """Write a copy of the latest message with the text that follows; all other fields are the same."""
        latest, emission, numbering = self._latest, self._latest_emission, self.numbering
        fields = latest.__dict__.copy()
        if emission.part:
            call: ToolCallDelta = fields["tool_call"]
            fields["tool_call"] = _made(
                ToolCallDelta, {**call.__dict__, "arguments": text}, call.__pydantic_fields_set__
            )
        else:
            fields[emission.field] = text
            if self._speaker is not None:
                self._speaker.said += len(text)
        fields["seq_id"] = numbering.next_seq
        numbering.next_seq += 1
        self._latest = message = _made(type(latest), fields, latest.__pydantic_fields_set__)
        self._messages.append(message)

    def _write(self, lane: Lane, emission: Emission, emits: str | Mapping[str, Any]) -> None:
        """Write a message that does not continue the latest one."""
        numbering = self.numbering
        if self.stream.state == _SILENT:
            self.boundary(self.stream, "hidden" if self.hides_reasoning and not emission.thinks else "heard", "omitted")
        message = emission.message
        fields: dict[str, Any] = {
            **dict(emission.constant),
            **({emission.field: emits} if type(emits) is not dict else emits),
        }
        call_id, call_index, place = None, None, _part_of(lane)
        if isinstance(lane, CallLane):
            place = lane.label
            if emission.part == "whole":
                whole = self._whole(lane)
                call_id, call_index, fields = whole.tool_call_id, lane.ordinal, {"tool_call": whole}
                if message is ToolCallRevoked:
                    fields["reason"] = emits or "trailing"
            elif emission.part:
                call_id, call_index = lane.announced_id, lane.ordinal
                fields["tool_call"] = _new_message(ToolCallDelta, {"tool_call_id": call_id, emission.part: emits})
                asks = lane.kind == "mcp_approval_request" or lane.name in self.requires_approval
                message = ApprovalRequestMessage if asks else message
            elif message is ArgumentMessage:
                call_id, call_index, path = lane.announced_id, lane.ordinal, cast("Scanner", lane.scanner).path
                place = f"{place}/{path}"
                fields |= {"tool_call_id": call_id, "tool_name": lane.name, "path": path}
        run = f"{message.__name__}/{lane.choice}/{place}"
        if begins := run != numbering.run:
            if self.boundaries:
                self._end_run()
            numbering.run = run
            numbering.ordinal += 1
        first: Any = _new_message(
            message,
            {
                "id": self.message_id,
                "date": self.date,
                "otid": otid(self.message_id, numbering.ordinal),
                "step_id": self.step_id,
                "is_err": True if emits is StopReasonType.error else None,
                "seq_id": numbering.next_seq,
                "run_id": self.run_id,
                "choice_index": lane.choice,
                **fields,
            },
        )
        if begins and self.boundaries:
            call = (
                (call_id, call_index, lane.called, lane.hosted)
                if isinstance(lane, CallLane) and call_index is not None
                else ()
            )
            self._messages.append(RunStarted(f"{first.otid}", first.message_type, lane.choice, *call))
        self._speaker = None
        if message in SPOKEN:
            self._note_speaker(cast("TextLane | CallLane", lane), emission.field, cast("str", emits))
        numbering.next_seq += 1
        self._latest = first
        self._messages.append(first)

    def _whole(self, lane: CallLane) -> ToolCallDelta:
        call_id = lane.announced_id or made_up_id(self.message_id, lane.choice, lane.ordinal)
        arguments = lane.arguments.getvalue()[: cast("Scanner", lane.scanner).ends]
        return _new_message(ToolCallDelta, {"name": lane.name, "arguments": arguments, "tool_call_id": call_id})

    def _bound(self, lane: Lane, row: Row) -> None:
        """Add the boundary that ``row`` stands for, if any, after its message."""
        if (
            isinstance(lane, CallLane)
            and row.target in _CLOSES
            and row.state not in _CLOSED
            and lane.named
            and lane.name
        ):
            verdict = lane.judge()[0] if row.target == "done" or not lane.scanner else lane.scanner.closing_verdict
            self._messages.append(CallClosed(lane.choice, lane.ordinal, lane.announced_id, lane.name, verdict))
        elif lane is self.stream and row.emits is Emission.STOP:
            self._end_run()

    def _end_run(self) -> None:
        if self.numbering.run:
            native = _NATIVE_THOUGHTS.fullmatch(self.numbering.run)
            details = self.details(int(native[1])) if native and self.details else ()
            self._messages.append(RunEnded(otid(self.message_id, self.numbering.ordinal), details))

    def _note_speaker(self, lane: TextLane | CallLane, field: str, text: str) -> None:
        """Remember which lane speaks, so that texts can be joined in stream order; the lane has the text."""
        who: str | int
        if isinstance(lane, CallLane):
            who, start = lane.ordinal, lane.said
            lane.said += len(text)
            lane.spoke = lane.spoke or field == "content"
            self._speaker = lane
        else:
            who, start = lane.label, lane.emitted(field).size - len(text)
        if self.over is not None:
            return
        turns = self.numbering.turns = self.numbering.turns or []
        for turn in turns[: -_LOOK_BACK - 1 : -1]:
            if turn.choice == lane.choice and (turn.field == field or turn.lane == who):
                if turn[:3] == (lane.choice, field, who):
                    return
                break
        turns.append(Turn(lane.choice, field, who, start))
        self.meter.note("turn")


def _part_of(lane: Lane) -> str:
    """Return what separates a choice's runs of one message type: the call, or the part of a field with several."""
    if isinstance(lane, CallLane):
        return lane.label
    return str(lane.part) if isinstance(lane, TextLane) and lane.part else ""


_NATIVE_THOUGHTS = re.compile(r"(?:Hidden)?ReasoningMessage/(-?\d+)/\d*")  # those in calls name the call
_LOOK_BACK = 8  # how many lanes may alternate without adding turns to the list
_M = TypeVar("_M", bound=BaseModel)
_new = object.__new__
# The setters of a model's slots bypass ``frozen``, and take 0.7 of the time of object.__setattr__.
_set_dict = BaseModel.__dict__["__dict__"].__set__
_set_fields_set = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private = BaseModel.__dict__["__pydantic_private__"].__set__


def _new_message(kind: type[_M], fields: dict[str, Any]) -> _M:
    """Create a message, or its tool call, from some of its fields; the others have their defaults."""
    return _made(kind, {**_defaults(kind), **fields}, _given(*fields))


@cache
def _defaults(kind: type[BaseModel]) -> dict[str, Any]:
    """Return the defaults of all fields of a class, in its order; ``PydanticUndefined`` if a field has none."""
    return {name: field.get_default(call_default_factory=True) for name, field in kind.model_fields.items()}


@lru_cache
def _given(*names: str) -> set[str]:
    """Return the set of the names of given fields. Messages share it, because each would take 700 bytes."""
    return set(names)


def _made(kind: type[_M], fields: dict[str, Any], given: set[str]) -> _M:
    """Create a frozen message from all its ``fields``, of the declared types. Every message is created here.

    This does what the constructor does, without validation, which would be most of a delta's cost
    (``benchmarks/feed.py``). The wire's reader has checked the fields, and pydantic the options.
    """
    made = _new(kind)
    _set_dict(made, fields)
    _set_fields_set(made, given)
    _set_extra(made, None)
    _set_private(made, None)
    return made
