"""The tool-call machine: one per tool call.

Two principles keep it small. The scanner chooses the event, so a row needs no guard. And text is not an event: events
fire only where something begins or ends, and the state decides what the text in between becomes.

Each channel adds a state to the table, and the rows that lead to it and back: :func:`tool_call` builds the table for
any channels. The table below is that of the two built-in ones.

Calls of the message tool are speech. The scanner does not report their raw text while it is JSON. After a structural
error all of it becomes speech, verbatim, because what a model says must not be lost; if the arguments are not an object
at all, that begins with their first character.
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
    """The event at the beginning of the captured value."""
    state: str
    """The state in which the value is read."""
    becomes: Emission | None
    """What its text becomes; ``None``: it is held back until the value is complete."""
    inside: str
    """The *because* of the state."""
    value: str
    """The captured value, as the subject of a sentence."""
    odd: str
    """A value that is neither a string nor JSON, in words."""
    opens_in: tuple[str, ...] = ("raw_args", "between_members")
    """States in which the value may begin. What only the message tool captures begins only between members."""
    closes: Emission | None = None
    """What the end of the value becomes."""
    comes: str = ""
    """The event at the end of a value that stays in the raw text; empty: every value leaves it."""
    unfolds: str = ""
    """The event at the beginning of an object or array whose leaves are captured; empty: leaves are not captured."""
    opening: Emission | None = None
    """What the event ``unfolds`` emits."""


def declared(channel: Channel) -> Capture:
    """Return what a declared channel adds to the table."""
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


_SEALED = (State("sealed", Emission.TOOL_ARGUMENTS, "the object is complete, the call is not in doubt, and this has been announced"),)
_SEALING = (
    Row("closed", "sealed",    "sealed",          Emission.SEALED,  "the call is complete and not in doubt"),
    Row("sealed", "revoked",   "closed",          Emission.REVOKED, "the call is in doubt after all, or the stream did not end normally"),
    Row("sealed", "trailing",  "malformed",       Emission.REVOKED, "more came after the complete object"),
    Row("sealed", "misspoken", "spoken_verbatim", Emission.REVOKED, "more came after the complete object of the message tool"),
)


def tool_call(*captures: Capture, seals: bool = False) -> StateMachine:
    """Return the machine of calls with these ``captures``; the same arguments give the same machine.

    Args:
        captures: what the channels add.
        seals: whether complete and certain calls are announced at once, and revoked if they are not ready after all.

    Raises:
        TableError: the captures contradict each other, for example by using one state twice.
    """
    return _tool_call(captures, seals)


@cache
def _tool_call(captures: tuple[Capture, ...], seals: bool) -> StateMachine:  # noqa: FBT001 - one key, however it is asked
    states = (
        State("awaiting_name",   None,                    "a name may come in pieces; it ends where the arguments begin"),
        State("raw_args",        Emission.TOOL_ARGUMENTS, "members that no channel captures, as the server sent them"),
        State("between_members", None,                    "separators, and members of the message tool that are not streamed"),
        *(State(each.state, each.becomes, each.inside) for each in captures),
        State("text_input",      Emission.TOOL_ARGUMENTS, "the input of a custom tool: text, which is not parsed"),
        State("closed",          Emission.TOOL_ARGUMENTS, "the object is complete; only white space may follow"),
        *(_SEALED if seals else ()),
        State("malformed",       Emission.TOOL_ARGUMENTS, "not JSON from here on: raw text continues, and nothing more is captured"),
        State("spoken_verbatim", Emission.ANSWER,         "the message tool's arguments are not JSON from here on: they are speech, verbatim"),
        State("done",            None,                    "the stream has ended"),
    )
    rows = (
        Row("awaiting_name",   "tool_named",    "raw_args",        Emission.TOOL_NAME, "arguments, another call or the finish reason came"),
        Row("awaiting_name",   "speech_named",  "between_members", None, "calls of the message tool are speech, and not announced"),
        Row("awaiting_name",   "text_named",    "text_input",      Emission.TOOL_NAME, "arguments, another call or the finish reason came; the tool takes free text"),
        *(Row(state, each.event, each.state, None, f"{each.value} begins") for each in captures for state in each.opens_in),
        *(Row(each.state, "value_closed", "between_members", each.closes, f"{each.value} is complete") for each in captures),
        *(Row(state, each.comes, state, each.closes, f"{each.value} is complete; it is not a string, so it stays in the raw text")
          for each in captures if each.comes for state in each.opens_in),
        *(Row(state, each.unfolds, state, each.opening, "an object or array opens whose leaves are captured")
          for each in captures if each.unfolds for state in each.opens_in),
        Row("between_members", "raw_resumed",   "raw_args",        None, "a member that is not captured, or the last brace"),
        Row("raw_args",        "object_closed", "closed",          None, "the last brace came"),
        Row("between_members", "object_closed", "closed",          None, "the last brace came; it is not streamed"),
        Row("raw_args",        "malformed",     "malformed",       None, "JSON cannot continue like this"),
        Row("between_members", "malformed",     "malformed",       None, "JSON cannot continue like this"),
        *(Row(each.state, "malformed", "malformed", None, each.odd) for each in captures if "raw_args" in each.opens_in),
        Row("between_members", "misspoken",     "spoken_verbatim", None, "JSON cannot continue like this, but it is speech"),
        *(Row(each.state, "misspoken", "spoken_verbatim", None, each.odd) for each in captures),
        Row("closed",          "misspoken",     "spoken_verbatim", None, "more came after the complete object of the message tool"),
        Row("closed",          "trailing",      "malformed",       None, "more came after the complete object"),
        *(_SEALING if seals else ()),
        Row(LIVE,              "end",           "done",            None, "the wire has no more chunks"),
        Row(LIVE,              "error",         "done",            None, "the stream failed; the arguments so far remain valid"),
        Row(LIVE,              "cancel",        "done",            None, "the caller wants no more"),
        Row(LIVE,              "limit",         "done",            None, "the response exceeded a limit"),
    )
    return StateMachine(Table("tool_call", states, ("done",), rows, tuple(dict.fromkeys(row.event for row in rows))))
# fmt: on


TOOL_CALL = tool_call(THOUGHTS, MESSAGE)
