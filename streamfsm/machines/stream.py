"""The stream machine: one per response. It opens, and ends exactly once.

Chunks may go on after a finish reason (usage, a second finish, late content), so a finish does not end the stream:
only the end of the wire, an error, a limit or the caller does. `StreamParser.state` is `open` in both states that are
not final. Nothing is emitted after a final state is reached; a report of usage that comes late is still taken.
"""

from streamfsm.machines.declaration import LIVE, Row, State
from streamfsm.machines.emission import Emission
from streamfsm.machines.engine import StateMachine
from streamfsm.machines.table import Table

# fmt: off
_STATES = (
    State("silent",    None, "chunks arrive; none of them has given a message"),
    State("heard",     None, "chunks arrive, and messages have come; their text belongs to the lanes"),
    State("done",      None, "the wire ended; the stop reason says how"),
    State("failed",    None, "the server, the network or a limit ended it; what came before stands"),
    State("cancelled", None, "the caller ended it; what came before stands"),
)
_ROWS = (
    Row("silent",    "hidden", "heard",     Emission.HIDDEN, "a reasoning model speaks and has shown no thought"),
    Row("silent",    "heard",  "heard",     None,            "the first message, of a model that hides nothing"),
    Row("silent",    "finish", "silent",    None,            "usage, a second finish or late text may follow"),
    Row("heard",     "finish", "heard",     None,            "usage, a second finish or late text may follow"),
    Row(LIVE,        "end",    "done",      Emission.STOP,   "the wire has no more chunks"),
    Row(LIVE,        "error",  "failed",    Emission.STOP,   "an error payload came, or the transport broke"),
    Row(LIVE,        "limit",  "failed",    Emission.STOP,   "the response outgrew a declared limit"),
    Row(LIVE,        "cancel", "cancelled", Emission.STOP,   "the caller wants no more"),
    Row("done",      "usage",  "done",      None,            "tokens were spent, whatever became of the stream"),
    Row("failed",    "usage",  "failed",    None,            "tokens were spent, whatever became of the stream"),
    Row("cancelled", "usage",  "cancelled", None,            "tokens were spent, whatever became of the stream"),
)
# fmt: on

STREAM = StateMachine(
    Table(
        name="stream",
        states=_STATES,
        final=("done", "failed", "cancelled"),
        events=("hidden", "heard", "finish", "end", "error", "cancel", "limit", "usage"),
        rows=_ROWS,
    )
)
