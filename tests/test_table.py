"""Tables are checked before anything runs: what contradicts itself is refused."""

import pytest
from toy import EVENTS, ROWS, STATES, table

from streamfsm.errors import TableError
from streamfsm.machines import ENDINGS, Row, State
from streamfsm.machines.emission import Emission

CONTRADICTIONS = {
    "state 'b' is declared twice": {"states": (*STATES, State("b", None, "again"))},
    "final state 'y' is not declared": {"final": ("z", "y")},
    "2 rows for ('a', 'go')": {"rows": (*ROWS, Row("a", "go", "z", None, "why"))},
    "2 rows for ('a', 'end')": {"rows": (*ROWS, Row("a", "end", "b", None, "why"))},
    "names unknown state 'y'": {"rows": (*ROWS, Row("b", "go", "y", None, "why"))},
    "names unknown state 'x'": {"rows": (*ROWS, Row("x", "go", "b", None, "why"))},
    "go leaves the final state z": {"rows": (*ROWS, Row("z", "go", "a", None, "why"))},
    "event 'stay' is not declared": {"rows": (*ROWS, Row("b", "stay", "b", None, "why"))},
    "go emits in the final state z": {"rows": (*ROWS, Row("z", "go", "z", Emission.ANSWER, "why"))},
    "row ('b', 'go') gives no because": {"rows": (*ROWS, Row("b", "go", "b", None, ""))},
    "stay is illegal everywhere": {"events": (*EVENTS, "stay")},
    "c is never reached": {"states": (*STATES, State("c", None, "nowhere"))},
    "d is never reached": {
        "states": (*STATES, State("c", None, "an island"), State("d", None, "of two")),
        "rows": (*ROWS, Row("c", "go", "d", None, "why"), Row("d", "go", "c", None, "why")),
    },
    "the final state z emits text": {"states": (*STATES[:2], State("z", Emission.ANSWER, "last"))},
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
