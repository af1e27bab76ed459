"""Turns what lanes say into numbered messages: rows and states in, :class:`StreamMessage` objects out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from streamfsm._lanes import CallLane, Lane, StreamLane
from streamfsm.emission import Emission
from streamfsm.messages import StopReasonType, StreamMessage, ToolCallDelta, otid
from streamfsm.trace import Transition

Trace: TypeAlias = Callable[[Transition], object] | None

_TEXT = "text"


@dataclass(slots=True)
class Numbering:
    """What makes ids a pure function of the stream: all that the writer remembers between chunks."""

    next_seq: int = 0
    ordinal: int = -1
    """Of the run of like messages at hand; see :func:`streamfsm.messages.otid`."""
    run: str = ""
    """Message type, choice and call of that run."""
    visible: bool = False
    """Whether any message was emitted."""


class _Output(NamedTuple):
    """A row that was taken, or text in a state. What one chunk yields for one lane in one state is one message."""

    lane: Lane
    state: str
    event: str
    target: str
    emission: Emission | None
    texts: list[str]


@dataclass(slots=True)
class MessageWriter:
    """The outlet of all lanes of one response."""

    message_id: str
    date: datetime
    run_id: str | None
    step_id: str | None
    stream: StreamLane
    trace: Trace
    numbering: Numbering
    hides_reasoning: bool = False
    """Whether a first message that is no reasoning is preceded by a hidden-reasoning message."""

    _outputs: list[_Output] = field(default_factory=list)
    # The latest message, and what it is of: the next one is mostly like it.
    _latest: StreamMessage | None = None
    _latest_lane: Lane | None = None
    _latest_emission: Emission | None = None

    def boundary(self, lane: Lane, event: str, text: str = "") -> None:
        """``event`` fires; ``text`` is what the row emits, if it emits."""
        source = lane.state
        row = lane.MACHINE.advance(lane, event)
        if row.emits:
            self._announce_hidden(row.emits)
        self._outputs.append(_Output(lane, source, event, row.target, row.emits, [text]))

    def text(self, lane: Lane, text: str) -> None:
        """Text arrived in the lane's present state."""
        state = lane.state
        emission = lane.MACHINE.table.by_name[state].text
        if emission is None:
            return
        if not self.numbering.visible:
            self._announce_hidden(emission)
        if self._outputs and (last := self._outputs[-1]).lane is lane and last.event is _TEXT:
            last.texts.append(text)
        else:
            self._outputs.append(_Output(lane, state, _TEXT, state, emission, [text]))

    def drain(self) -> list[StreamMessage]:
        """The messages since the last call."""
        outputs, self._outputs = self._outputs, []
        messages: list[StreamMessage] = []
        for lane, state, event, target, emission, texts in outputs:
            seq_id = None
            if emission:
                seq_id = self.numbering.next_seq
                messages.append(self._write(lane, emission, texts[0] if len(texts) == 1 else "".join(texts)))
            if self.trace:
                self.trace(Transition(lane.MACHINE.table.name, lane.choice, lane.label, state, event, target, seq_id))
        return messages

    def _announce_hidden(self, emission: Emission) -> None:
        if self.numbering.visible or emission is Emission.STOP:
            return
        self.numbering.visible = True
        if self.hides_reasoning and emission not in (Emission.THOUGHTS, Emission.REASONING):
            self.boundary(self.stream, "hidden", "omitted")

    def _write(self, lane: Lane, emission: Emission, text: str) -> StreamMessage:
        numbering = self.numbering
        value: Any = text
        if emission is Emission.TOOL_ARGUMENTS or emission is Emission.TOOL_NAME:
            value = self._delta(lane, emission, text)
        if lane is self._latest_lane and emission is self._latest_emission:
            message = _like(self._latest, {emission.field: value, "seq_id": numbering.next_seq})
        else:
            message = self._first(lane, emission, value)
        numbering.next_seq += 1
        self._latest, self._latest_lane, self._latest_emission = message, lane, emission
        return message

    def _first(self, lane: Lane, emission: Emission, value: Any) -> StreamMessage:
        numbering = self.numbering
        run = f"{emission.message.__name__}/{lane.choice}/{lane.ordinal if isinstance(lane, CallLane) else ''}"
        if run != numbering.run:
            numbering.run = run
            numbering.ordinal += 1
        return emission.message(
            id=self.message_id,
            date=self.date,
            otid=otid(self.message_id, numbering.ordinal),
            step_id=self.step_id,
            is_err=True if value == StopReasonType.error else None,
            seq_id=numbering.next_seq,
            run_id=self.run_id,
            choice_index=lane.choice,
            **emission.constant,
            **{emission.field: value},
        )

    def _delta(self, lane: CallLane, emission: Emission, text: str) -> ToolCallDelta:
        if emission is Emission.TOOL_NAME:
            return ToolCallDelta(name=text, tool_call_id=lane.id)
        return _like(ToolCallDelta(tool_call_id=lane.id), {"arguments": text})


_set = object.__setattr__


def _like(model: Any, update: dict[str, Any]) -> Any:
    """A copy of a frozen message with some fields changed, to values of their declared types.

    What the validated constructor and ``model_copy`` do, without validating what was validated for the first message
    of the run: 0.4 × the constructor's time (``benchmarks/feed.py``), the larger part of a delta's cost.
    """
    message = object.__new__(type(model))
    _set(message, "__dict__", {**model.__dict__, **update})
    _set(message, "__pydantic_fields_set__", model.__pydantic_fields_set__)
    _set(message, "__pydantic_extra__", None)
    _set(message, "__pydantic_private__", None)
    return message
