"""The text machine: one per text field (content, reasoning, refusal) of a choice.

Reasoning comes in its own field or, from servers that do not parse it, between tags inside the content. Tags are
recognised in the states that ``OPENING`` and ``CLOSING`` list; in any other state they are text. The options of
``ThinkTags`` choose the first event, and which of two events a tag fires.
"""

from collections.abc import Mapping
from types import MappingProxyType

from streamfsm.machines.declaration import LIVE, Row, State
from streamfsm.machines.emission import Emission
from streamfsm.machines.engine import StateMachine
from streamfsm.machines.table import Table

# fmt: off
_STATES = (
    State("awaiting_text",  None,               "no text has come in this field"),
    State("undecided",      None,               "no tag has shown yet whether the prompt opened a thought"),
    State("before_answer",  Emission.ANSWER,    "only white space has come: a tag may still open a thought"),
    State("before_thought", Emission.REASONING, "the prompt opened the thought; the server may still repeat the tag"),
    State("interleaved",    Emission.ANSWER,    "the model speaks to the user, and a tag may interrupt it"),
    State("reasoning",      Emission.REASONING, "the model thinks, natively or between tags"),
    State("redacted",       Emission.REASONING, "the model thinks; unreadable thoughts have been announced"),
    State("answer",         Emission.ANSWER,    "the model speaks to the user; a tag is text"),
    State("done",           None,               "the stream has ended"),
)
_ROWS = (
    Row("awaiting_text",  "answer",      "answer",         None, "text came in refusal, or in content without tags"),
    Row("awaiting_text",  "reasoning",   "reasoning",      None, "text came in a reasoning field"),
    Row("awaiting_text",  "redacted",    "redacted", Emission.HIDDEN, "thoughts came that only the provider can read"),
    Row("reasoning",      "redacted",    "redacted", Emission.HIDDEN, "after readable thoughts, some came that only the provider can read"),
    Row("awaiting_text",  "omitted",     "redacted", Emission.HIDDEN, "the model thought, but the wire shows none of it"),
    Row("awaiting_text",  "outside",     "before_answer",  None, "content came; it may begin with a thought"),
    Row("awaiting_text",  "interleave",  "interleaved",    None, "content came; thoughts may be anywhere in it"),
    Row("awaiting_text",  "inside",      "before_thought", None, "content came, and the prompt opened a thought"),
    Row("awaiting_text",  "auto",        "undecided",      None, "content came; the prompt may have opened a thought"),
    Row("undecided",      "inside",      "before_thought", None, "the first tag closes, so all before it was thought"),
    Row("undecided",      "outside",     "before_answer",  None, "the first tag opens, so all before it was answer"),
    Row("undecided",      "interleave",  "interleaved",    None, "the first tag opens, so all before it was answer; thoughts may be anywhere"),
    Row("undecided",      "answer",      "answer",         None, "the end came before any tag: there was no thought"),
    Row("before_answer",  "think_open",  "reasoning",      None, "the opening tag is complete; it is not text"),
    Row("before_answer",  "words",       "answer",         None, "the answer begins without a thought"),
    Row("before_thought", "think_open",  "reasoning",      None, "the server sent the prompt's opening tag again"),
    Row("before_thought", "words",       "reasoning",      None, "the thought begins, or its closing tag"),
    Row("interleaved",    "think_open",  "reasoning",      None, "the opening tag is complete; it is not text"),
    Row("reasoning",      "think_close", "answer",         None, "the closing tag is complete; what follows is answer"),
    Row("reasoning",      "think_pause", "interleaved",    None, "the closing tag is complete; another thought may follow"),
    Row(LIVE,             "end",         "done",           None, "the wire has no more chunks"),
    Row(LIVE,             "error",       "done",           None, "the stream failed; the text so far remains valid"),
    Row(LIVE,             "cancel",      "done",           None, "the caller wants no more"),
    Row(LIVE,             "limit",       "done",           None, "the response exceeded a limit"),
)
OPENING: Mapping[str, str] = MappingProxyType({
    "undecided":      "outside",
    "before_answer":  "think_open",
    "before_thought": "think_open",
    "interleaved":    "think_open",
})
"""State → the event of an opening tag, if the state recognises one."""
CLOSING: Mapping[str, str] = MappingProxyType({
    "undecided": "inside",
    "reasoning": "think_close",
})
"""State → the event of a closing tag, if the state recognises one."""
ANYWHERE: Mapping[str, str] = MappingProxyType({
    "outside":     "interleave",
    "think_close": "think_pause",
})
"""Event → the event that fires instead if thoughts may be anywhere."""
# fmt: on

TEXT = StateMachine(
    Table(
        name="text",
        states=_STATES,
        final=("done",),
        events=(
            *("answer", "reasoning", "redacted", "omitted", "outside", "interleave", "inside", "auto"),
            *("think_open", "words", "think_close", "think_pause", "end", "error", "cancel", "limit"),
        ),
        rows=_ROWS,
    )
)
