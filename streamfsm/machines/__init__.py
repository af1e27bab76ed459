"""The three declared machines. Whatever decides the next state is a row of one of these tables."""

from streamfsm.machines.engine import StateMachine
from streamfsm.machines.lexer import LEXER
from streamfsm.machines.stream import STREAM
from streamfsm.machines.table import ENDINGS, LIVE, Row, State, Table
from streamfsm.machines.text import TEXT
from streamfsm.machines.tool_call import TOOL_CALL

MACHINES: tuple[StateMachine, ...] = (STREAM, TEXT, TOOL_CALL)
"""Those that the lanes of a stream run."""
TABLES: tuple[Table, ...] = (*(machine.table for machine in MACHINES), LEXER)
"""All that are drawn."""

__all__ = [
    "ENDINGS",
    "LEXER",
    "LIVE",
    "MACHINES",
    "STREAM",
    "TABLES",
    "TEXT",
    "TOOL_CALL",
    "Row",
    "State",
    "StateMachine",
    "Table",
]
