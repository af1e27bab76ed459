"""The tool-call machine: one per tool call.

Two rules make it small. The scanner names the event, so a row needs no guard; and text is data, so a boundary fires
only where something begins or ends, and what arrives in between becomes what the state says.

Its weak spot, admitted: whether raw text is streamed at all (it is not for the message tool) is the scanner's to
know; the table only says what raw text becomes where it is.
"""

from streamfsm.machines.emission import Emission
from streamfsm.machines.engine import StateMachine
from streamfsm.machines.table import LIVE, Row, State, Table

# fmt: off
_STATES = (
    State("awaiting_name",   None,                    "a name may come in pieces; it ends where the arguments begin"),
    State("raw_args",        Emission.TOOL_ARGUMENTS, "members that no channel captures, as the wire wrote them"),
    State("between_members", None,                    "separators, and members of the message tool that are not streamed"),
    State("inner_thoughts",  Emission.THOUGHTS,       "inside the captured thoughts"),
    State("message_kwarg",   Emission.ANSWER,         "inside the captured message"),
    State("text_input",      Emission.TOOL_ARGUMENTS, "the input of a custom tool: text, of which nothing is read"),
    State("closed",          Emission.TOOL_ARGUMENTS, "the object is whole; only white space may follow"),
    State("malformed",       Emission.TOOL_ARGUMENTS, "not JSON from here on: raw text goes on, captures stop"),
    State("done",            None,                    "the stream is over"),
)
_ROWS = (
    Row("awaiting_name",   "tool_named",    "raw_args",        Emission.TOOL_NAME, "arguments, another call or the finish came"),
    Row("awaiting_name",   "speech_named",  "between_members", None, "the message tool is speech: never announced"),
    Row("awaiting_name",   "text_named",    "text_input",      Emission.TOOL_NAME, "the same, and the tool takes free text"),
    Row("raw_args",        "thoughts_open", "inner_thoughts",  None, "the thoughts' value begins"),
    Row("between_members", "thoughts_open", "inner_thoughts",  None, "the thoughts' value begins"),
    Row("between_members", "message_open",  "message_kwarg",   None, "the message's value begins"),
    Row("inner_thoughts",  "value_closed",  "between_members", None, "the thoughts' value is whole"),
    Row("message_kwarg",   "value_closed",  "between_members", None, "the message's value is whole"),
    Row("between_members", "raw_resumed",   "raw_args",        None, "a member that is not captured, or the last brace"),
    Row("raw_args",        "object_closed", "closed",          None, "the last brace came"),
    Row("between_members", "object_closed", "closed",          None, "the last brace came, and is not streamed"),
    Row("raw_args",        "malformed",     "malformed",       None, "no JSON object can go on like this"),
    Row("between_members", "malformed",     "malformed",       None, "no JSON object can go on like this"),
    Row("inner_thoughts",  "malformed",     "malformed",       None, "thoughts that are no string, and no JSON"),
    Row("message_kwarg",   "malformed",     "malformed",       None, "a message that is no string, and no JSON"),
    Row("closed",          "trailing",      "malformed",       None, "the object was whole, and more came"),
    Row(LIVE,              "end",           "done",            None, "the wire has no more chunks"),
    Row(LIVE,              "error",         "done",            None, "the stream failed; the arguments so far stand"),
    Row(LIVE,              "cancel",        "done",            None, "the caller wants no more"),
    Row(LIVE,              "limit",         "done",            None, "the response outgrew a declared limit"),
)
# fmt: on

TOOL_CALL = StateMachine(
    Table(
        name="tool_call",
        states=_STATES,
        final=("done",),
        events=(
            *("tool_named", "speech_named", "text_named", "thoughts_open", "message_open", "value_closed"),
            *("raw_resumed", "object_closed", "malformed", "trailing", "end", "error", "cancel", "limit"),
        ),
        rows=_ROWS,
    )
)
