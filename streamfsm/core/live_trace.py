"""Reports to a trace what the lanes do; to a :class:`~streamfsm.trace.TraceLog`, also what they hold back."""

from collections.abc import Callable, Iterator

from streamfsm.core.lanes import CallLane, Lane, StreamLane, TextLane
from streamfsm.core.run import Run
from streamfsm.core.writer import Step
from streamfsm.machines.checks import SEALED_HOLDS
from streamfsm.messages import Message
from streamfsm.trace import HELD, Trace, TraceLog, Transition


def hearing(trace: Trace, run: Run) -> tuple[Step | None, Callable[[], object] | None]:
    """Return what to call at each step and at the end of each chunk, to feed ``trace``; ``None`` if nothing."""
    if isinstance(trace, TraceLog):
        live = LiveTrace(run, trace)
        return live.step, live.chunk_ends
    if trace is None:
        return None, None
    hears = trace.append if isinstance(trace, list) else trace
    return lambda step, *_: hears(step), None


class LiveTrace:
    """Follows one run."""

    __slots__ = ("_log", "_run")

    def __init__(self, run: Run, log: TraceLog) -> None:
        self._run, self._log = run, log

    def step(self, step: Transition, lane: Lane, message: Message | None) -> None:
        """A row was taken, or text arrived; ``message`` is the message that this emitted, if any."""
        table = lane.machine.table
        if step.event == "text":
            because = next(state.because for state in table.states if state.name == step.state)
        else:
            because = table.by_cell[step.state, step.event].because
        kind, text = (message.message_type, message.text) if message else (None, "")
        self._log.add(_offset(lane), step, because, kind, text)

    def chunk_ends(self) -> None:
        """A chunk has been read: record the text that is still held back."""
        for lane in self._lanes():
            if held := lane.held_back:
                name = lane.machine.table.name
                # A declared channel's states hold back what the built-in ones do.
                hold = SEALED_HOLDS.get((name, lane.state)) or SEALED_HOLDS[name, "raw_args"]
                step = Transition(name, lane.choice, lane.label, lane.state, HELD, lane.state, None)
                self._log.add(_offset(lane), step, hold.what, None, held)
        self._log.chunks += 1

    def _lanes(self) -> Iterator[TextLane | CallLane]:
        for choice in self._run.choices.values():
            yield from choice.texts.values()
            yield from choice.calls.lanes


def _offset(lane: Lane) -> int:
    if isinstance(lane, StreamLane):
        return 0
    return len(lane.name) if isinstance(lane, CallLane) and not lane.size else lane.size
