"""The tool calls of one choice, and whose an entry is, by the rules of :mod:`streamfsm.machines.identity`."""

from dataclasses import dataclass, field
from typing import Literal

from streamfsm.core.lanes import CallLane
from streamfsm.machines.identity import (
    FIRST,
    LAST_CALL,
    LATE_ID,
    MORE_NAME,
    NEW_ID,
    NEW_INDEX,
    NEW_NAME,
    OTHER_ENTRY,
    REUSED_ID,
    SAME_ID,
    SAME_INDEX,
    SAME_NAME_CLOSED,
    SAME_NAME_OPEN,
    UNFED_NAME,
    WHOLE,
    Rule,
)


@dataclass(slots=True)
class Calls:
    """The tool calls of one choice, in order of start, and who is who."""

    lanes: list[CallLane] = field(default_factory=list)
    last: int = 0
    """Position of the call that was fed last."""
    last_index: int | Literal["none"] | None = "none"
    """The wire's index of that entry."""
    at_index: dict[int, int] = field(default_factory=dict)
    """The wire's index → position of the call there that was fed last."""
    with_id: dict[str, list[int]] = field(default_factory=dict)
    """Id → positions of the calls that have it."""

    def start(self, choice: int, wire_index: int | None) -> CallLane:
        """Add a call that starts."""
        lane = CallLane(choice, len(self.lanes), wire_index)
        self.lanes.append(lane)
        return lane

    def identify(self, lane: CallLane, call_id: str) -> None:
        """Give ``lane`` its id."""
        lane.id = call_id
        self.with_id.setdefault(call_id, []).append(lane.ordinal)

    def resolve(
        self, index: int | None, call_id: str, name: str, entry: int, whole: bool
    ) -> tuple[Rule, CallLane | None]:
        """Decide whose an entry is: the rule that decided; and the call, ``None`` if the entry starts one."""
        at = len(self.lanes) - 1 if index is None else self.at_index.get(index, -1)
        latest = self.lanes[at] if at >= 0 else None
        if call_id:
            same = [self.lanes[at] for at in self.with_id.get(call_id, ())]
            if here := [lane for lane in same if index is None or lane.wire_index in (None, index)]:
                return SAME_ID, here[-1]
            if same:
                return REUSED_ID, None
            if latest and latest.id is None and not (name and latest.name):
                return LATE_ID, latest
            return NEW_ID, None
        if latest is None:
            return (FIRST if index is None else NEW_INDEX), None
        lane = self.lanes[self.last] if index is None else latest
        if whole:
            return WHOLE, lane
        if name and lane.scanner:
            if name != lane.name:
                return (NEW_NAME if lane.size else UNFED_NAME), None
            return (SAME_NAME_CLOSED, None) if lane.closed else (SAME_NAME_OPEN, lane)
        if name and lane.name and lane.id is None:
            return (OTHER_ENTRY, None) if index is None and entry else (MORE_NAME, lane)
        return (LAST_CALL if index is None else SAME_INDEX), lane
