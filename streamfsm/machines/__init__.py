"""The three declared machines. Whatever decides the next state is a row of one of these tables."""

from streamfsm.machines.engine import StateMachine
from streamfsm.machines.stream import STREAM
from streamfsm.machines.table import ENDINGS, LIVE, Row, State, Table
from streamfsm.machines.text import TEXT
from streamfsm.machines.tool_call import TOOL_CALL

MACHINES: tuple[StateMachine, ...] = (STREAM, TEXT, TOOL_CALL)

__all__ = ["ENDINGS", "LIVE", "MACHINES", "STREAM", "TEXT", "TOOL_CALL", "Row", "State", "StateMachine", "Table"]
