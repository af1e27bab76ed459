"""The engine that runs the tables: one for all lanes, which it neither keeps nor mixes up."""

import copy
import gc
import logging
import pickle
import weakref

import pytest
import transitions
from toy import table

from streamfsm import StreamParser
from streamfsm.errors import IllegalTransition
from streamfsm.machines import MACHINES, STREAM, StateMachine

TOY = StateMachine(table())
CELLS = [
    pytest.param(machine, state.name, event, id=f"{machine.table.name}-{state.name}-{event}")
    for machine in (TOY, *MACHINES)
    for state in machine.table.states
    for event in (*machine.table.events, "no such event")
]


class Lane:
    """Anything with a state."""

    def __init__(self, state):
        self.state = state


@pytest.mark.parametrize(("machine", "state", "event"), CELLS)
def test_every_event_in_every_state_is_a_row_or_illegal(machine, state, event):
    lane = Lane(state)
    row = machine.table.by_cell.get((state, event))
    if row:
        assert machine.advance(lane, event) == row
        assert (row.state, row.event, row.target) == (state, event, lane.state)
    else:
        with pytest.raises(IllegalTransition) as raised:
            machine.advance(lane, event)
        assert lane.state == state
        assert (raised.value.machine, raised.value.state, raised.value.event) == (machine.table.name, state, event)
        assert str(raised.value) == f"{machine.table.name}: event {event!r} is illegal in state {state!r}"
    assert vars(lane) == {"state": lane.state}  # nothing is left on the model


@pytest.mark.parametrize("machine", [TOY, *MACHINES], ids=lambda machine: machine.table.name)
def test_the_engine_knows_what_text_becomes_in_each_state(machine):
    assert machine.texts == {state.name: state.text for state in machine.table.states}


def test_the_engine_keeps_no_lane_alive_and_remembers_none():
    lane = Lane("a")
    TOY.advance(lane, "go")
    with pytest.raises(IllegalTransition):
        TOY.advance(lane, "go")
    seen = weakref.ref(lane)
    del lane
    gc.collect()
    assert seen() is None
    assert TOY._machine.models == []


def test_a_lane_that_failed_is_freed_with_its_error():
    lane = Lane("z")
    seen = weakref.ref(lane)
    with pytest.raises(IllegalTransition):
        TOY.advance(lane, "go")
    del lane
    gc.collect()
    assert seen() is None


def test_lanes_share_one_engine_without_seeing_each_other():
    one, other = Lane("a"), Lane("a")
    TOY.advance(one, "go")
    assert (one.state, other.state) == ("b", "a")
    TOY.advance(other, "end")
    assert (one.state, other.state) == ("b", "z")


def test_the_engine_is_the_version_whose_undocumented_behaviour_is_relied_on():
    assert transitions.__version__.startswith("0.9.")


def test_no_state_change_is_logged(caplog, recwarn):
    with caplog.at_level(logging.DEBUG):
        parser = StreamParser()
        parser.feed(
            {"choices": [{"delta": {"tool_calls": [{"function": {"name": "f", "arguments": '{"thinking":"x"}'}}]}}]}
        )
        parser.close()
    assert caplog.records == []
    assert list(recwarn) == []


def test_the_engine_has_only_the_declared_events_no_model_and_starts_where_the_table_does():
    again = StateMachine(STREAM.table)
    assert set(again._machine.events) == set(STREAM.table.events)  # no to_done() and the like
    assert again._machine.models == []
    assert again._machine.initial == STREAM.table.initial
    assert again.texts == STREAM.texts


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301 - our own
def test_an_illegal_transition_survives_copying_and_pickling(again):
    error = IllegalTransition("text", "done", "answer")
    twin = again(error)
    assert type(twin) is IllegalTransition
    assert (str(twin), vars(twin)) == (str(error), vars(error))
