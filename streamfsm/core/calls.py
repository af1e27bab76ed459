"""The tool calls of one choice. The rules of :mod:`streamfsm.machines.identity` assign entries to them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, TypeAlias, cast

from pydantic import Field, PlainValidator

from streamfsm.core.captured import Channels
from streamfsm.core.lanes import CallLane
from streamfsm.machines.identity import RULES, Claim, Rule
from streamfsm.machines.rules import decide

_Some: TypeAlias = Annotated[dict[int, CallLane], PlainValidator(lambda calls: calls), Field(exclude=True)]


@dataclass(slots=True)
class Calls:
    """The tool calls of one choice, in the order in which they began, and their ids and indexes."""

    lanes: list[CallLane] = field(default_factory=list)
    last: int = 0
    """Position of the call that the latest entry was assigned to."""
    at_index: dict[int, int] = field(default_factory=dict)
    """The wire's index → position of the latest call at that index."""
    with_id: dict[str, dict[str, int]] = field(default_factory=dict)
    """Id → the wire's index (``""``: any) → position of the latest call with both."""
    entries: int = 0
    """The number of entries assigned so far."""
    vouched: int = 0
    """The value of ``entries`` when the server last said that the output is complete."""
    doubted: int = 0
    """How many calls there were when :meth:`uncertain` last returned some."""
    # Calls that may still change, by position. Operations on all calls look at these alone, so that their cost does not
    # grow with the number of calls. They follow from the lanes.
    growing: _Some = field(default_factory=dict)
    """Calls whose name has begun and may be incomplete."""
    nameless: _Some = field(default_factory=dict)
    """Calls whose arguments came before a name."""
    fillable: _Some = field(default_factory=dict)
    """Calls with a name that may lack arguments."""
    unclosed: _Some = field(default_factory=dict)
    """Calls whose arguments come as members of an object."""

    def start(self, choice: int, wire_index: int | None) -> CallLane:
        """Add a new call."""
        lane = CallLane(choice, len(self.lanes), wire_index)
        self.lanes.append(lane)
        return lane

    def assign(self, lane: CallLane, wire_index: int | None, call_id: str) -> None:
        """Assign the current entry to ``lane``. Later entries without an id and a name go there too."""
        self.entries += 1
        lane.entry = self.entries
        self.last = lane.ordinal
        if wire_index is not None:
            self.at_index[wire_index] = lane.ordinal
        if call_id:
            self.identify(lane, call_id, wire_index)

    def restore(self, channels: Channels) -> None:
        """Set what a snapshot omits."""
        for lane in self.lanes:
            lane.restore(channels)
            self.note(lane)

    def note(self, lane: CallLane) -> None:
        """Note how a call may still change, after a piece of it arrived."""
        if not lane.named:
            noted = self.growing if lane.has_name else self.nameless
            noted[lane.ordinal] = lane
        if lane.has_name:
            self.fillable[lane.ordinal] = lane
        if lane.form == "members":
            self.unclosed[lane.ordinal] = lane

    def any_orphan(self) -> bool:
        """Whether any arguments have no name yet."""
        return _any(self.nameless, lambda lane: lane.is_orphan)

    def uncertain(self) -> list[CallLane] | None:
        """Return the calls since the first one with a name that may lack arguments; ``None`` if none does.

        Those that were returned before are left out.
        """
        if not _any(self.fillable, _may_lack):
            return None
        first = self.doubted or min(at for at, lane in self.fillable.items() if _may_lack(lane))
        found, self.doubted = self.lanes[first:], len(self.lanes)
        return found

    def adoption(self) -> tuple[list[CallLane], CallLane | None]:
        """Return the calls with arguments but no name, and the only named call that may lack them, if there is one."""
        found: list[CallLane] = []
        if not self.nameless:
            return found, None
        while self.fillable and len(found) <= 1:
            lane = self.fillable.popitem()[1]
            found += [lane] if lane.lacks_arguments else []
        self.fillable.update((lane.ordinal, lane) for lane in reversed(found))
        if len(found) != 1:
            return [], None
        orphans = [self.nameless[at] for at in sorted(self.nameless)]
        self.nameless.clear()
        orphans = [lane for lane in orphans if lane.is_orphan]
        return orphans, found[0] if orphans else None

    def adopt(self, orphan: CallLane, lane: CallLane) -> None:
        """Make ``lane`` the owner of what came for ``orphan``, and of what may still come."""
        orphan.adopter = lane.ordinal
        if orphan.id:
            self.identify(lane, orphan.id, orphan.wire_index)

    def identify(self, lane: CallLane, call_id: str, wire_index: int | None) -> None:
        """Record that an entry for ``lane`` had this id and index. The id becomes the call's if it has none yet."""
        lane.id = lane.id or call_id
        places = self.with_id.setdefault(call_id, {})
        places[""] = lane.ordinal
        if wire_index is not None:
            places[str(wire_index)] = lane.ordinal

    def resolve(
        self, index: int | None, call_id: str, name: str, entry: int, cumulative: bool
    ) -> tuple[Rule, CallLane | None]:
        """Decide which call an entry belongs to; return the rule that decided, and the call it concerns, if any."""
        latest = self._lane(self.last if self.lanes else None)
        here = latest if index is None else self._lane(self.at_index.get(index))
        if cumulative and index is None:
            here = next(islice((lane for lane in self.lanes if not lane.adopted), entry, None), None)
        own = elsewhere = None
        shared = False
        if call_id and (places := self.with_id.get(call_id)):
            known = self.lanes[places[""]]
            own = known if index is None else self._lane(places.get(str(index)))
            if own is None and known.wire_index is None:
                own = known
            elsewhere = None if own else known
            shared = known.repeats is not None and self.lanes[known.repeats].id == call_id
        claim = Claim(
            index, call_id, name, entry, cumulative, here, own, elsewhere, latest, self._before(latest), shared
        )
        rule = decide(RULES, claim)
        spoken_of = (
            claim.elsewhere or claim.here or claim.latest if rule.decision == "new" else getattr(claim, rule.decision)
        )
        return rule, cast("CallLane | None", spoken_of)

    def _before(self, lane: CallLane | None) -> CallLane | None:
        return self.lanes[lane.ordinal - 1] if lane and lane.ordinal else None

    def _lane(self, position: int | None) -> CallLane | None:
        if position is None:
            return None
        lane = self.lanes[position]
        return lane if lane.adopter is None else self.lanes[lane.adopter]


def _any(calls: dict[int, CallLane], is_so: Callable[[CallLane], bool]) -> bool:
    """Whether this is so for any of these calls. Those after the last of which it is are removed: it will never be."""
    while calls and not is_so(calls[last := next(reversed(calls))]):
        del calls[last]
    return bool(calls)


def _may_lack(lane: CallLane) -> bool:
    """Whether a call that has a name, which may still be incomplete, may lack arguments."""
    return lane.lacks_arguments or not lane.named
