"""The table of tool calls is built from what channels capture; that of the two built-in ones is this table."""

import pytest

from streamfsm.errors import TableError
from streamfsm.machines import LIVE, TOOL_CALL, Row, State
from streamfsm.machines.checks import HOLDS, channel_holds, findings
from streamfsm.machines.emission import Emission
from streamfsm.machines.tool_call import MESSAGE, THOUGHTS, Capture, tool_call
from streamfsm.messages import AssistantMessage

# fmt: off
STATES = (
    State("awaiting_name",   None,                    "a name may come in pieces; it ends where the arguments begin"),
    State("raw_args",        Emission.TOOL_ARGUMENTS, "members that no channel captures, as the server sent them"),
    State("between_members", None,                    "separators, and members of the message tool that are not streamed"),
    State("inner_thoughts",  Emission.THOUGHTS,       "inside the captured thoughts"),
    State("message_kwarg",   Emission.ANSWER,         "inside the captured message"),
    State("text_input",      Emission.TOOL_ARGUMENTS, "the input of a custom tool: text, which is not parsed"),
    State("closed",          Emission.TOOL_ARGUMENTS, "the object is complete; only white space may follow"),
    State("malformed",       Emission.TOOL_ARGUMENTS, "not JSON from here on: raw text continues, and nothing more is captured"),
    State("spoken_verbatim", Emission.ANSWER,         "the message tool's arguments are not JSON from here on: they are speech, verbatim"),
    State("done",            None,                    "the stream has ended"),
)
ROWS = (
    Row("awaiting_name",   "tool_named",    "raw_args",        Emission.TOOL_NAME, "arguments, another call or the finish reason came"),
    Row("awaiting_name",   "speech_named",  "between_members", None, "calls of the message tool are speech, and not announced"),
    Row("awaiting_name",   "text_named",    "text_input",      Emission.TOOL_NAME, "arguments, another call or the finish reason came; the tool takes free text"),
    Row("raw_args",        "thoughts_open", "inner_thoughts",  None, "the thoughts' value begins"),
    Row("between_members", "thoughts_open", "inner_thoughts",  None, "the thoughts' value begins"),
    Row("between_members", "message_open",  "message_kwarg",   None, "the message's value begins"),
    Row("inner_thoughts",  "value_closed",  "between_members", None, "the thoughts' value is complete"),
    Row("message_kwarg",   "value_closed",  "between_members", None, "the message's value is complete"),
    Row("between_members", "raw_resumed",   "raw_args",        None, "a member that is not captured, or the last brace"),
    Row("raw_args",        "object_closed", "closed",          None, "the last brace came"),
    Row("between_members", "object_closed", "closed",          None, "the last brace came; it is not streamed"),
    Row("raw_args",        "malformed",     "malformed",       None, "JSON cannot continue like this"),
    Row("between_members", "malformed",     "malformed",       None, "JSON cannot continue like this"),
    Row("inner_thoughts",  "malformed",     "malformed",       None, "thoughts that are neither a string nor JSON"),
    Row("between_members", "misspoken",     "spoken_verbatim", None, "JSON cannot continue like this, but it is speech"),
    Row("inner_thoughts",  "misspoken",     "spoken_verbatim", None, "thoughts that are neither a string nor JSON"),
    Row("message_kwarg",   "misspoken",     "spoken_verbatim", None, "a message that is neither a string nor JSON"),
    Row("closed",          "misspoken",     "spoken_verbatim", None, "more came after the complete object of the message tool"),
    Row("closed",          "trailing",      "malformed",       None, "more came after the complete object"),
    Row(LIVE,              "end",           "done",            None, "the wire has no more chunks"),
    Row(LIVE,              "error",         "done",            None, "the stream failed; the arguments so far remain valid"),
    Row(LIVE,              "cancel",        "done",            None, "the caller wants no more"),
    Row(LIVE,              "limit",         "done",            None, "the response exceeded a limit"),
)
# fmt: on
FILE = Capture(
    "artifact_open",
    "artifact",
    Emission("the file's text", AssistantMessage, "content"),
    "inside $.edits[*].new_text",
    "the file's text",
    "a text that is not a string, and not JSON",
)


def test_the_two_built_in_channels_give_this_table_row_for_row():
    assert TOOL_CALL is tool_call(THOUGHTS, MESSAGE)
    assert TOOL_CALL.table.states == STATES
    assert TOOL_CALL.table.rows == ROWS


def test_another_channel_adds_one_state_and_the_rows_that_lead_there_and_back():
    table = tool_call(THOUGHTS, MESSAGE, FILE).table
    assert set(table.states) - set(STATES) == {State("artifact", FILE.becomes, FILE.inside)}
    added = {row[:3] for row in table.rows} - {row[:3] for row in ROWS}
    assert added == {
        ("raw_args", "artifact_open", "artifact"),
        ("between_members", "artifact_open", "artifact"),
        ("artifact", "value_closed", "between_members"),
        ("artifact", "malformed", "malformed"),
        ("artifact", "misspoken", "spoken_verbatim"),
    }


@pytest.mark.parametrize("captures", [(), (THOUGHTS,), (MESSAGE,), (THOUGHTS, MESSAGE), (THOUGHTS, MESSAGE, FILE)])
def test_what_is_proven_of_the_built_in_table_is_proven_of_any(captures):
    machine = tool_call(*captures)
    assert tool_call(*captures) is machine
    others = {place: hold for place, hold in HOLDS.items() if place[1] not in (THOUGHTS.state, MESSAGE.state)}
    found = findings(machine, {**others, **channel_holds(*captures)})
    assert [(finding.property, finding.problems) for finding in found if finding.problems] == []


def test_two_channels_of_one_state_are_refused():
    with pytest.raises(TableError, match="state 'inner_thoughts' is declared twice"):
        tool_call(THOUGHTS, THOUGHTS)
