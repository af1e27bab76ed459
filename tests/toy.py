"""A table that contradicts nothing; every bad one in the tests differs from it in one respect."""

from streamfsm.machines import ENDINGS, LIVE, Row, State, Table
from streamfsm.machines.emission import Emission

STATES = (State("a", None, "first"), State("b", Emission.ANSWER, "second"), State("z", None, "last"))
ROWS = (Row("a", "go", "b", None, "why"), *(Row(LIVE, ending, "z", None, "why") for ending in ENDINGS))
EVENTS = ("go", *ENDINGS)


def table(*, states=STATES, final=("z",), rows=ROWS, events=EVENTS):
    return Table(name="toy", states=states, final=final, rows=rows, events=events)
