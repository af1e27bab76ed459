"""The text machine: one per text field (content, reasoning, refusal) of a choice.

Reasoning comes in its own field or, from servers that do not parse it, between tags inside the content.
"""

from streamfsm.machines.emission import Emission
from streamfsm.machines.engine import StateMachine
from streamfsm.machines.table import LIVE, Row, State, Table

# fmt: off
_STATES = (
    State("awaiting_text", None,               "nothing has come in this field"),
    State("answer",        Emission.ANSWER,    "the model speaks to the user"),
    State("reasoning",     Emission.REASONING, "the model thinks, natively or between tags"),
    State("done",          None,               "the stream is over"),
)
_ROWS = (
    Row("awaiting_text", "answer",      "answer",    None, "text came in content or refusal"),
    Row("awaiting_text", "reasoning",   "reasoning", None, "text came in a reasoning field"),
    Row("awaiting_text", "redacted",    "reasoning", Emission.HIDDEN, "thoughts came that only the provider can read"),
    Row("reasoning",     "redacted",    "reasoning", Emission.HIDDEN, "the same, after thoughts that can be read"),
    Row("answer",        "think_open",  "reasoning", None, "the opening tag is complete; it is no text"),
    Row("reasoning",     "think_close", "answer",    None, "the closing tag is complete; it is no text"),
    Row(LIVE,            "end",         "done",      None, "the wire has no more chunks"),
    Row(LIVE,            "error",       "done",      None, "the stream failed; the text so far stands"),
    Row(LIVE,            "cancel",      "done",      None, "the caller wants no more"),
    Row(LIVE,            "limit",       "done",      None, "the response outgrew a declared limit"),
)
# fmt: on

TEXT = StateMachine(
    Table(
        name="text",
        states=_STATES,
        final=("done",),
        events=("answer", "reasoning", "redacted", "think_open", "think_close", "end", "error", "cancel", "limit"),
        rows=_ROWS,
    )
)
