"""The stream machine: one per response. It opens, and ends exactly once.

More chunks may follow a finish reason (usage, a second finish reason, late content), so it does not end the stream:
only the end of the wire, an error, a limit or the caller does. `StreamParser.state` is `open` in both states that are
not final. Nothing is emitted in a final state, but a late usage report is still read.
"""

from streamfsm.machines.declaration import LIVE, Row, State
from streamfsm.machines.emission import Emission
from streamfsm.machines.engine import StateMachine
from streamfsm.machines.table import Table

# fmt: off
_STATES = (
    State("silent",    None, "no message has been emitted yet"),
    State("heard",     None, "messages have been emitted; their text belongs to the other lanes"),
    State("done",      None, "the wire ended; the stop reason says how"),
    State("failed",    None, "the server, the network or a limit ended it; what was emitted remains valid"),
    State("cancelled", None, "the caller ended it; what was emitted remains valid"),
)
_ROWS = (
    Row("silent",    "hidden", "heard",     Emission.HIDDEN, "the model hides its reasoning, which is announced"),
    Row("silent",    "heard",  "heard",     None,            "the first message, without hidden reasoning"),
    Row("silent",    "finish", "silent",    None,            "usage, a second finish reason or late text may follow"),
    Row("heard",     "finish", "heard",     None,            "usage, a second finish reason or late text may follow"),
    Row(LIVE,        "end",    "done",      Emission.STOP,   "the wire has no more chunks"),
    Row(LIVE,        "error",  "failed",    Emission.STOP,   "the server reported an error, or the transport failed"),
    Row(LIVE,        "limit",  "failed",    Emission.STOP,   "the response exceeded a limit"),
    Row(LIVE,        "cancel", "cancelled", Emission.STOP,   "the caller wants no more"),
    Row("done",      "usage",  "done",      None,            "tokens were spent, however the stream ended"),
    Row("failed",    "usage",  "failed",    None,            "tokens were spent, however the stream ended"),
    Row("cancelled", "usage",  "cancelled", None,            "tokens were spent, however the stream ended"),
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
