"""The stream machine: one per response. It opens, and ends exactly once.

Chunks may go on after a finish reason (usage, a second finish, late content), so a finish does not end the stream:
only the end of the wire, an error, a limit or the caller does.
"""

from streamfsm.machines.emission import Emission
from streamfsm.machines.engine import StateMachine
from streamfsm.machines.table import Row, State, Table

# fmt: off
_STATES = (
    State("open",      None, "chunks arrive; their text belongs to the lanes"),
    State("done",      None, "the wire ended; the stop reason says how"),
    State("failed",    None, "the server, the network or a limit ended it; what came before stands"),
    State("cancelled", None, "the caller ended it; what came before stands"),
)
_ROWS = (
    Row("open", "hidden", "open",      Emission.HIDDEN, "a reasoning model speaks and has shown no thought"),
    Row("open", "finish", "open",      None,            "usage, a second finish or late text may follow"),
    Row("open", "end",    "done",      Emission.STOP,   "the wire has no more chunks"),
    Row("open", "error",  "failed",    Emission.STOP,   "an error payload came, or the transport broke"),
    Row("open", "limit",  "failed",    Emission.STOP,   "the response outgrew a declared limit"),
    Row("open", "cancel", "cancelled", Emission.STOP,   "the caller wants no more"),
)
# fmt: on

STREAM = StateMachine(
    Table(
        name="stream",
        states=_STATES,
        final=("done", "failed", "cancelled"),
        events=("hidden", "finish", "end", "error", "cancel", "limit"),
        rows=_ROWS,
    )
)
