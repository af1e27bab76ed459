"""The engine: one shared ``transitions.Machine`` per table, driven with a lane as its (unregistered) model.

Registering a model per stream (``add_model``, or a machine each) costs 50 µs and keeps every stream alive for ever;
``event.trigger(lane)`` needs no registration. It is undocumented, so the version is pinned and tests check it.
"""

from typing import Any, Protocol

from transitions import Event, Machine, MachineError

from streamfsm.errors import IllegalTransition
from streamfsm.machines.declaration import Row
from streamfsm.machines.emission import Emission
from streamfsm.machines.table import Table


class Lane(Protocol):
    """Anything with a state, which is all that the engine reads and writes."""

    state: str


class _QuietEvent(Event):
    """Changes the state without callbacks, which no table has, and without logging.

    ``transitions`` logs two lines per change at INFO, which would fill the log of every application.
    """

    def trigger(self, model: Any, *_args: object, **_options: object) -> bool:
        transitions = self.transitions.get(model.state)
        if not transitions:
            raise MachineError(f"no transition on {self.name!r} from {model.state!r}")
        model.state = transitions[0].dest
        return True


class _QuietMachine(Machine):
    event_cls = _QuietEvent


class StateMachine:
    """A :class:`Table` that runs. Immutable; the lanes of all streams share it."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._machine = _QuietMachine(
            model=None,
            states=[state.name for state in table.states],
            initial=table.initial,
            transitions=[[row.event, row.state, row.target] for row in table.expanded()],
            auto_transitions=False,
        )
        self.texts: dict[str, Emission | None] = {state.name: state.text for state in table.states}
        """State → what text becomes in it; looked up for every delta."""

    def __format__(self, spec: str) -> str:
        """Return the table in a format of :class:`Table`."""
        return format(self.table, spec) if spec else str(self)

    def accepts(self, lane: Lane, event: str) -> bool:
        """Whether ``event`` is legal in the state of ``lane``."""
        return (lane.state, event) in self.table.by_cell

    def advance(self, lane: Lane, event: str) -> Row:
        """Fire ``event`` on ``lane``.

        Returns:
            The row that was taken; ``lane.state`` is now its target.

        Raises:
            IllegalTransition: the event is illegal in this state; the lane is unchanged.
        """
        source = lane.state
        try:
            self._machine.events[event].trigger(lane)
        except (MachineError, KeyError) as error:
            raise IllegalTransition(self.table.name, source, event) from error
        return self.table.by_cell[source, event]
