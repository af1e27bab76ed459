"""The declared machines: four tables, and the rules of identity, choices, items and endings.

Lanes run three of the tables (``MACHINES``): stream, text and tool call. The scanner reads by the fourth, the lexer's.
``docs/machines/index.md`` lists them all, and the three places where code decides.
"""

from streamfsm.machines.declaration import ENDINGS, LIVE, Row, State
from streamfsm.machines.engine import StateMachine
from streamfsm.machines.lexer import LEXER
from streamfsm.machines.stream import STREAM
from streamfsm.machines.table import Table
from streamfsm.machines.text import TEXT
from streamfsm.machines.tool_call import TOOL_CALL

MACHINES: tuple[StateMachine, ...] = (STREAM, TEXT, TOOL_CALL)
"""The machines that lanes run."""
TABLES: tuple[Table, ...] = (*(machine.table for machine in MACHINES), LEXER)
"""All tables that are drawn."""

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
