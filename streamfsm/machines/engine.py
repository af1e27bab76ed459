"""The engine: one shared ``transitions.Machine`` per table, driven with a lane as its (unregistered) model.

Registering a model per stream (``add_model``, or a machine each) costs 50 µs and keeps every stream alive for good;
``event.trigger(lane)`` needs neither. It is undocumented, so the version is pinned and tests hold it in place.
"""

from typing import Protocol

from transitions import Machine, MachineError

from streamfsm.errors import IllegalTransition
from streamfsm.machines.table import Row, Table


class Lane(Protocol):
    """Whatever has a state: all that the engine reads or writes."""

    state: str


class StateMachine:
    """A :class:`Table` that runs. Immutable; any number of lanes of any number of streams share it."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._machine = Machine(
            model=None,
            states=[state.name for state in table.states],
            initial=table.initial,
            transitions=[[row.event, row.state, row.target] for row in table.expanded()],
            auto_transitions=False,
        )
        self.texts = {state.name: state.text for state in table.states}
        """What text becomes in each state; looked up for every delta."""

    def advance(self, lane: Lane, event: str) -> Row:
        """Fire ``event`` on ``lane``.

        Returns:
            The row that was taken; ``lane.state`` is now its target.

        Raises:
            IllegalTransition: the table declares the event illegal in this state; the lane stays as it was.
        """
        source = lane.state
        try:
            self._machine.events[event].trigger(lane)
        except (MachineError, KeyError) as error:
            raise IllegalTransition(self.table.name, source, event) from error
        return self.table.by_cell[source, event]
