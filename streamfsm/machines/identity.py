"""Whose is this entry of a tool-call list? Decided from what it claims and from the calls so far.

Servers give calls an index, an id, both or neither, repeat them, or use one index for all. The rules below are tried
in order, each with the evidence that decides; a rule marked ambiguous is a guess that the wire forces, and is recorded.
"""

from typing import NamedTuple


class Rule(NamedTuple):
    """One way to decide. ``new``: the entry starts a call."""

    name: str
    new: bool
    ambiguous: bool
    because: str


SAME_ID = Rule("same id", False, False, "the id and the index, if any, are those of a call that has started")
REUSED_ID = Rule("id at another index", True, True, "the id is taken, but the index says that it is another call")
LATE_ID = Rule("late id", False, False, "the latest call at this index has no id yet, and the entry starts no name")
NEW_ID = Rule("new id", True, False, "an id that no call has")
NEW_INDEX = Rule("new index", True, False, "no id, and an index that no call has")
FIRST = Rule("first entry", True, False, "no id, no index, no call so far")
WHOLE = Rule("whole so far", False, False, "no id; a message that is whole so far repeats its calls in order")
OTHER_ENTRY = Rule("other entry", True, False, "no id, no index, a name, and the call began in an entry before it")
UNFED_NAME = Rule(
    "new name, nothing fed", True, True, "no id, and not the name of the call, which has no arguments yet"
)
NEW_NAME = Rule("new name", True, False, "no id, and not the name of the call, whose name is complete")
SAME_NAME_CLOSED = Rule("same name, closed", True, True, "no id, the call's own name, and the call's JSON is whole")
SAME_NAME_OPEN = Rule("same name, open", False, False, "no id, the call's own name again, and its JSON is open")
MORE_NAME = Rule(
    "more name, no id", False, True, "no id on either, and no argument between two names: one name in pieces"
)
SAME_INDEX = Rule("same index", False, False, "no id, no new name: more of the call at this index that was fed last")
LAST_CALL = Rule("last call", False, False, "no id, no index, no new name: more of the call that was fed last")

RULES = (
    SAME_ID, REUSED_ID, LATE_ID, NEW_ID, NEW_INDEX, FIRST, WHOLE,
    NEW_NAME, UNFED_NAME, SAME_NAME_CLOSED, SAME_NAME_OPEN, OTHER_ENTRY, MORE_NAME, SAME_INDEX, LAST_CALL,
)  # fmt: skip
