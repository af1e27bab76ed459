"""The tool-call machine: one per tool call.

Two rules make it small. The scanner names the event, so a row needs no guard; and text is data, so a boundary fires
only where something begins or ends, and what arrives in between becomes what the state says.

What a channel captures adds a state to the table, and the rows that lead there and back: :func:`tool_call` builds the
table of any channels, and the two built-in ones give the table below.

Calls of the message tool are speech. The scanner does not report their raw text while it is JSON. From a structural
error on, all of it is spoken verbatim, because what a model says must not vanish; if the arguments are not an object at
all, that is from their first character.
"""

from functools import cache
from typing import NamedTuple

from streamfsm.channels import Channel
from streamfsm.machines.declaration import LIVE, Row, State
from streamfsm.machines.emission import Emission, argument
from streamfsm.machines.engine import StateMachine
from streamfsm.machines.table import Table


class Capture(NamedTuple):
    """What a channel adds to the table."""

    event: str
    """The event that fires where the captured value begins."""
    state: str
    """The state in which the value is read."""
    becomes: Emission | None
    """What its text becomes; ``None``: it is kept until the value is whole."""
    inside: str
    """Why the state is what it is."""
    value: str
    """What the captured value is, as the subject of a sentence."""
    odd: str
    """What a value is that is neither a string nor JSON."""
    opens_in: tuple[str, ...] = ("raw_args", "between_members")
    """States in which the value may begin. A capture of the message tool alone begins only between members."""
    closes: Emission | None = None
    """What the end of the value becomes."""
    comes: str = ""
    """The event of a value that stays in the raw text, where it ends; empty: every value leaves it."""
    unfolds: str = ""
    """The event of an object or array above captured leaves, where it opens; empty: leaves are not captured."""
    opening: Emission | None = None
    """What that becomes."""


def declared(channel: Channel) -> Capture:
    """Return what a declared channel adds."""
    name, where = channel.name, channel.path.replace('"', "'")
    return Capture(
        event=f"{name}_begins",
        state=f"in_{name}",
        becomes=argument(name) if channel.when == "delta" else None,
        inside=f"inside {where}",
        value=f"the value at {where}",
        odd=f"a value at {where} that is neither a string nor JSON",
        closes=argument(name, "end", done=True),
        comes=f"{name}_comes" if channel.takes == "blank" else "",
        unfolds=f"{name}_unfolds" if channel.steps[-1].kind == "leaves" else "",
        opening=argument(name, "opening"),
    )


# fmt: off
THOUGHTS = Capture("thoughts_open", "inner_thoughts", Emission.THOUGHTS, "inside the captured thoughts",
                   "the thoughts' value", "thoughts that are neither a string nor JSON")
MESSAGE = Capture("message_open", "message_kwarg", Emission.ANSWER, "inside the captured message",
                  "the message's value", "a message that is neither a string nor JSON", ("between_members",))


_SEALED = (State("sealed", Emission.TOOL_ARGUMENTS, "the object is whole, nothing of the call is in doubt, and that was told"),)
_SEALING = (
    Row("closed", "sealed",    "sealed",    Emission.SEALED,  "nothing of the call is in doubt"),
    Row("sealed", "revoked",   "closed",    Emission.REVOKED, "it fell into doubt, or the stream did not end well"),
    Row("sealed", "trailing",  "malformed", Emission.REVOKED, "the object was whole, and more came"),
)


def tool_call(*captures: Capture, seals: bool = False) -> StateMachine:
    """Return the machine of calls with these ``captures``; the same arguments give the same machine.

    Args:
        captures: what channels add.
        seals: whether a call that is whole and certain is told at once, and told again if it turns out not to be.

    Raises:
        TableError: the captures contradict each other, such as two of one state.
    """
    return _tool_call(captures, seals)


@cache
def _tool_call(captures: tuple[Capture, ...], seals: bool) -> StateMachine:  # noqa: FBT001 - one key, however it is asked
    states = (
        State("awaiting_name",   None,                    "a name may come in pieces; it ends where the arguments begin"),
        State("raw_args",        Emission.TOOL_ARGUMENTS, "members that no channel captures, as the wire wrote them"),
        State("between_members", None,                    "separators, and members of the message tool that are not streamed"),
        *(State(each.state, each.becomes, each.inside) for each in captures),
        State("text_input",      Emission.TOOL_ARGUMENTS, "the input of a custom tool: text, which is not parsed"),
        State("closed",          Emission.TOOL_ARGUMENTS, "the object is whole; only white space may follow"),
        *(_SEALED if seals else ()),
        State("malformed",       Emission.TOOL_ARGUMENTS, "not JSON from here on: raw text goes on, captures stop"),
        State("spoken_verbatim", Emission.ANSWER,         "the message tool's arguments are not JSON from here on: spoken verbatim"),
        State("done",            None,                    "the stream is over"),
    )
    rows = (
        Row("awaiting_name",   "tool_named",    "raw_args",        Emission.TOOL_NAME, "arguments, another call or the finish came"),
        Row("awaiting_name",   "speech_named",  "between_members", None, "the message tool is speech: never announced"),
        Row("awaiting_name",   "text_named",    "text_input",      Emission.TOOL_NAME, "arguments, another call or the finish came; the tool takes free text"),
        *(Row(state, each.event, each.state, None, f"{each.value} begins") for each in captures for state in each.opens_in),
        *(Row(each.state, "value_closed", "between_members", each.closes, f"{each.value} is whole") for each in captures),
        *(Row(state, each.comes, state, each.closes, f"{each.value} is whole, and not a string: it stays in the raw text")
          for each in captures if each.comes for state in each.opens_in),
        *(Row(state, each.unfolds, state, each.opening, "an object or array opens, of which leaves are captured")
          for each in captures if each.unfolds for state in each.opens_in),
        Row("between_members", "raw_resumed",   "raw_args",        None, "a member that is not captured, or the last brace"),
        Row("raw_args",        "object_closed", "closed",          None, "the last brace came"),
        Row("between_members", "object_closed", "closed",          None, "the last brace came; it is not streamed"),
        Row("raw_args",        "malformed",     "malformed",       None, "no JSON object can go on like this"),
        Row("between_members", "malformed",     "malformed",       None, "no JSON object can go on like this"),
        *(Row(each.state, "malformed", "malformed", None, each.odd) for each in captures if "raw_args" in each.opens_in),
        Row("between_members", "misspoken",     "spoken_verbatim", None, "no JSON object can go on like this, but it is what the model says"),
        *(Row(each.state, "misspoken", "spoken_verbatim", None, each.odd) for each in captures),
        Row("closed",          "misspoken",     "spoken_verbatim", None, "the message's object was whole, and more came"),
        Row("closed",          "trailing",      "malformed",       None, "the object was whole, and more came"),
        *(_SEALING if seals else ()),
        Row(LIVE,              "end",           "done",            None, "the wire has no more chunks"),
        Row(LIVE,              "error",         "done",            None, "the stream failed; the arguments so far stand"),
        Row(LIVE,              "cancel",        "done",            None, "the caller wants no more"),
        Row(LIVE,              "limit",         "done",            None, "the response outgrew a declared limit"),
    )
    return StateMachine(Table("tool_call", states, ("done",), rows, tuple(dict.fromkeys(row.event for row in rows))))
# fmt: on


TOOL_CALL = tool_call(THOUGHTS, MESSAGE)
