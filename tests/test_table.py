"""Tables are checked before anything runs, and the engine does what they say and nothing else."""

import copy
import gc
import logging
import pickle
import weakref

import pytest
import transitions

from streamfsm import StreamParser
from streamfsm.errors import IllegalTransition, TableError
from streamfsm.machines import ENDINGS, LIVE, MACHINES, STREAM, Row, State, StateMachine, Table
from streamfsm.machines.emission import Emission


class Lane:
    """Anything with a state."""

    def __init__(self, state):
        self.state = state


# A table that contradicts nothing; every bad one below differs from it in one respect.
STATES = (State("a", None, "first"), State("b", Emission.ANSWER, "second"), State("z", None, "last"))
ROWS = (Row("a", "go", "b", None, "why"), *(Row(LIVE, ending, "z", None, "why") for ending in ENDINGS))
EVENTS = ("go", *ENDINGS)


def table(*, states=STATES, final=("z",), rows=ROWS, events=EVENTS):
    return Table(name="toy", states=states, final=final, rows=rows, events=events)


CONTRADICTIONS = {
    "state 'b' is declared twice": {"states": (*STATES, State("b", None, "again"))},
    "final state 'y' is not declared": {"final": ("z", "y")},
    "2 rows for ('a', 'go')": {"rows": (*ROWS, Row("a", "go", "z", None, "why"))},
    "2 rows for ('a', 'end')": {"rows": (*ROWS, Row("a", "end", "b", None, "why"))},
    "names unknown state 'y'": {"rows": (*ROWS, Row("b", "go", "y", None, "why"))},
    "names unknown state 'x'": {"rows": (*ROWS, Row("x", "go", "b", None, "why"))},
    "go leaves z, which is final": {"rows": (*ROWS, Row("z", "go", "a", None, "why"))},
    "event 'stay' is not declared": {"rows": (*ROWS, Row("b", "stay", "b", None, "why"))},
    "go emits in z, which is final": {"rows": (*ROWS, Row("z", "go", "z", Emission.ANSWER, "why"))},
    "row ('b', 'go') gives no because": {"rows": (*ROWS, Row("b", "go", "b", None, ""))},
    "stay is illegal everywhere": {"events": (*EVENTS, "stay")},
    "c is never reached": {"states": (*STATES, State("c", None, "nowhere"))},
    "d is never reached": {
        "states": (*STATES, State("c", None, "an island"), State("d", None, "of two")),
        "rows": (*ROWS, Row("c", "go", "d", None, "why"), Row("d", "go", "c", None, "why")),
    },
    "z emits text, and is final": {"states": (*STATES[:2], State("z", Emission.ANSWER, "last"))},
    **{
        f"{(state, ending)} does not end": {
            "rows": tuple(row for row in table().expanded() if (row.state, row.event) != (state, ending))
        }
        for state in ("a", "b")
        for ending in ENDINGS
    },
}


@pytest.mark.parametrize(("problem", "change"), CONTRADICTIONS.items(), ids=CONTRADICTIONS)
def test_a_declaration_that_contradicts_itself_is_refused(problem, change):
    with pytest.raises(TableError, match="table 'toy': ") as raised:
        table(**change)
    assert problem in str(raised.value)


def test_all_contradictions_are_told_at_once():
    with pytest.raises(TableError) as raised:
        table(final=("z", "y"), events=(*EVENTS, "stay"))
    assert str(raised.value) == "table 'toy': final state 'y' is not declared; stay is illegal everywhere"


def test_a_table_gives_its_cells_its_live_states_and_its_first_state():
    toy = table()
    assert toy.initial == "a"
    assert toy.live == ("a", "b")
    assert list(toy.expanded()) == list(toy.by_cell.values())
    assert toy.by_cell["a", "go"] == ROWS[0]
    assert toy.by_cell["b", "end"] == Row("b", "end", "z", None, "why")
    assert len(toy.by_cell) == 1 + 2 * len(ENDINGS)


def test_a_table_cannot_be_changed():
    toy = table()
    with pytest.raises(AttributeError):
        toy.rows = ()
    with pytest.raises(TypeError):
        toy.by_cell["b", "go"] = ROWS[0]


# -- the engine, with the toy and with every real table ----------------------------------------------------------------

TOY = StateMachine(table())
CELLS = [
    pytest.param(machine, state.name, event, id=f"{machine.table.name}-{state.name}-{event}")
    for machine in (TOY, *MACHINES)
    for state in machine.table.states
    for event in (*machine.table.events, "no such event")
]


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
