"""The declared machines: four tables, and beside them the rules of identity, choices and endings.

Lanes run three of the tables (``MACHINES``): stream, text and tool call. The scanner reads by the fourth, the lexer's.
``docs/machines/index.md`` lists them, and the three places that decide in code.
"""

from streamfsm.machines.declaration import ENDINGS, LIVE, Row, State
from streamfsm.machines.engine import StateMachine
from streamfsm.machines.lexer import LEXER
from streamfsm.machines.stream import STREAM
from streamfsm.machines.table import Table
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
