"""``CallReader``: assigns the entries of tool-call lists to calls, by the rules of identity."""

from typing import cast

from streamfsm.core.anomalies import Anomalies
from streamfsm.core.calls import Calls
from streamfsm.core.captured import Channels
from streamfsm.core.events import CallFrame, Form
from streamfsm.core.lanes import CallLane, LanePolicy, Outlet
from streamfsm.core.meter import LimitReached, Meter
from streamfsm.core.policies import Policies
from streamfsm.core.written_calls import holds_marker
from streamfsm.limits import Limits
from streamfsm.machines.identity import is_placeholder
from streamfsm.machines.names import RULES as NAME_RULES
from streamfsm.machines.names import Piece
from streamfsm.machines.rules import decide


class CallReader:
    """Finds the call that an entry belongs to, updates its id and name, and completes calls.

    Args:
        policies: how the pieces of names and arguments are merged.
        limits: the most calls, and the most characters of a name.
        channels: which arguments are captured.
        lane_policy: how lanes of calls read their arguments.
        outlet: receives the output of calls.
        anomalies: records guesses and contradictions.
        meter: counts calls, ids and indexes towards the total limit.

    All methods raise :class:`LimitReached` if more comes than a limit allows.
    """

    __slots__ = ("_anomalies", "_channels", "_lane_policy", "_limits", "_meter", "_outlet", "_policies")

    def __init__(
        self,
        *,
        policies: Policies,
        limits: Limits,
        channels: Channels,
        lane_policy: LanePolicy,
        outlet: Outlet,
        anomalies: Anomalies,
        meter: Meter,
    ) -> None:
        self._meter = meter
        self._policies, self._limits, self._channels = policies, limits, channels
        self._lane_policy, self._outlet, self._anomalies = lane_policy, outlet, anomalies

    def resolve(
        self,
        calls: Calls,
        choice: int,
        wire_index: int | None,
        call_id: str,
        name: str,
        entry: int,
        *,
        cumulative: bool,
    ) -> CallLane:
        """Return the call that an entry belongs to, with its id and name updated."""
        hollow = (bool(call_id) and is_placeholder(call_id), bool(name) and is_placeholder(name))
        call_id, name = "" if hollow[0] else call_id, "" if hollow[1] else name
        if call_id and not name and call_id not in calls.with_id:  # a name that came after arguments is complete then
            self.complete_names(calls, after_arguments=True)
        rule, known = calls.resolve(wire_index, call_id, name, entry, cumulative)
        lane = cast("CallLane", known)
        if rule.decision == "new":
            if len(calls.lanes) == self._limits.tool_calls:
                raise LimitReached("tool_calls")
            self.complete_names(calls)
            self._meter.add("call")
            lane = calls.start(choice, wire_index)
            if rule.repeats and known:
                echo = known.repeats is not None and known.is_empty
                lane.repeats = known.repeats if echo else known.ordinal
                if known.is_empty:  # it was a placeholder for this call
                    known.doubt(self._outlet)
        if rule.records:
            self._anomalies.record(rule.records, f"{rule.name}: {rule.because}", choice, lane.ordinal)
        # Free text and the members of an object are never closed, so only the entries show where a call ends and
        # another begins.
        came_again = bool(name and lane.size) and not cumulative
        again = came_again and (lane.form == "members" or rule.decision != "own")
        free = lane.form != "json" and (rule.records is not None or again)
        if free and not rule.records:
            self._anomalies.record(
                "ambiguous_call", f"{name!r} came again: part of this call, or another call", choice, lane.ordinal
            )
        echoed = lane.repeats is not None and rule.records == "changed_id"
        if rule.doubts or free or echoed:
            lane.doubt(self._outlet)
        if any(hollow) and (rule.decision == "new" or (hollow[1] and not lane.named)):
            self._record_placeholder(lane)
            # A placeholder name with a real id, or with no id, may be a piece of a name that is still incomplete.
            if hollow[1] and lane.name and not hollow[0]:
                lane.doubt(self._outlet)
        self._weigh(calls, wire_index, call_id)
        came_late = bool(call_id and lane.name and lane.id is None and not name)
        lane.late_id = lane.late_id or came_late or rule.records == "changed_id"
        calls.assign(lane, wire_index, call_id)
        fits = not name or self._take_name(lane, name, own=rule.decision == "own", cumulative=cumulative)
        if name:
            calls.note(lane)
        if not fits:
            raise LimitReached("name")
        return lane

    def frame(self, calls: Calls, event: CallFrame) -> CallLane:
        """Return the call at the frame's index, or a new one, updated with the frame's fields."""
        place = calls.at_index.get(event.wire_index)
        if place is None:
            if len(calls.lanes) == self._limits.tool_calls:
                raise LimitReached("tool_calls")
            self._meter.add("call")
            lane = calls.start(event.choice, event.wire_index)
            lane.kind, lane.form, lane.hosted = event.kind, event.form, event.hosted
            if event.id in calls.with_id:
                self._anomalies.record("duplicate_id", f"{event.id!r} is another call's id", lane.choice, lane.ordinal)
        else:
            lane = calls.lanes[place]
        hollow = [bool(text) and is_placeholder(text) for text in (event.id, event.name)]
        if any(hollow):
            self._record_placeholder(lane)
        if lane.id and event.id and lane.id == event.instead_of and not hollow[0]:
            lane.id = None
        if lane.id and event.id not in ("", lane.id) and not hollow[0]:
            what = f"{event.id!r} came after {lane.id!r}"
            self._anomalies.record("changed_id", what, lane.choice, lane.ordinal)
            lane.doubt(self._outlet)
        self._weigh(calls, event.wire_index, "" if hollow[0] else event.id)
        calls.assign(lane, event.wire_index, "" if hollow[0] else event.id)
        lane.incomplete = lane.incomplete or event.incomplete
        lane.in_doubt = lane.in_doubt or event.in_doubt
        if lane.incomplete or lane.in_doubt:
            lane.unseal(self._outlet)
        twin = None if event.twin is None else calls.at_index.get(event.twin)
        if twin is not None and event.name == calls.lanes[twin].name:
            earlier, later = sorted((twin, lane.ordinal))
            calls.lanes[later].repeats = earlier
        if event.name and not hollow[1]:
            if not self._take_name(lane, event.name, own=True, cumulative=True):
                raise LimitReached("name")
            self.complete_name(lane)
        calls.note(lane)
        return lane

    def _weigh(self, calls: Calls, wire_index: int | None, call_id: str) -> None:
        """Count the id and the index of an entry towards the total limit, if they are new."""
        if wire_index is not None and wire_index not in calls.at_index:
            self._meter.add("index")
        if call_id and str(wire_index) not in calls.with_id.get(call_id, ()):
            self._meter.add("id", len(call_id))

    def _record_placeholder(self, lane: CallLane) -> None:
        what = "an id or a name that is a placeholder was read as absent"
        self._anomalies.record("placeholder", what, lane.choice, lane.ordinal)

    def _take_name(self, lane: CallLane, name: str, *, own: bool, cumulative: bool) -> bool:
        """Read a piece of a name; ``own``: the call's own id came with it. Return whether it is within the limit."""
        piece = Piece(self._policies.name, name, lane.name, lane.named, own, lane.late_id, cumulative)
        rule = decide(NAME_RULES, piece)
        if rule.doubts:
            lane.doubt(self._outlet)
        if rule.records:
            what, key = f"{name!r} after {lane.name!r}: {rule.because}", f"{rule.name}: {lane.choice}/{lane.ordinal}"
            self._anomalies.record_once(rule.records, what, lane.choice, lane.ordinal, key=key)
        if rule.decision == "nothing":
            return True
        lane.is_doubled = rule.decision == "double"
        return lane.add_name(name, self._limits.name, cumulative=rule.decision == "replace")

    def complete_names(self, calls: Calls, *, after_arguments: bool = False) -> None:
        """Complete the names of these calls, or those that came ``after_arguments``; no more pieces of them follow."""
        for at in sorted(calls.growing):
            if calls.growing[at].size or not after_arguments:
                self.complete_name(calls.growing.pop(at))

    def complete_name(self, lane: CallLane) -> None:
        """Complete a name. The call is in doubt if the name may have come twice, or contains a template's marker."""
        if lane.is_doubled and not lane.named:
            lane.doubt(self._outlet)
            what = f"{lane.name!r} may be a name that came more than once; Dialect(name=…) decides"
            self._anomalies.record("ambiguous_call", what, lane.choice, lane.ordinal)
        if not lane.named and holds_marker(lane.name):
            lane.doubt(self._outlet)
            self._anomalies.record(
                "marker_in_name", f"{lane.name!r} contains a marker of the model's template", lane.choice, lane.ordinal
            )
        lane.complete_name(self._channels, self._outlet)

    def lead_astray(self, calls: Calls, lane: CallLane) -> None:
        """Put calls in doubt if there are arguments without a name, and a call that may lack them.

        An index is then wrong, and so may be that of other arguments: each call since the first one that lacks some may
        have those of another.

        Args:
            calls: the calls of one choice.
            lane: the call that has arguments but no name, or a name but no arguments.
        """
        found = calls.uncertain()
        if found is not None:
            for each in (*found, lane):
                each.doubt(self._outlet)
            what = "arguments came without a name while a call lacked arguments: they may belong to either"
            self._anomalies.record("ambiguous_call", what, lane.choice, lane.ordinal)

    def adopt(self, calls: Calls) -> bool:
        """Assign arguments without a name to the only call that may lack them. It is a guess, so the call is in doubt.

        Returns:
            Whether any arguments were assigned.
        """
        orphans, lane = calls.adoption()
        if lane is None:
            return False
        for orphan in orphans:
            self._meter.add(None, orphan.arguments.size)
            calls.adopt(orphan, lane)
            lane.doubt(self._outlet)
            if not orphan.in_doubt:
                what = "arguments without a name were read as those of the only open call"
                self._anomalies.record("ambiguous_call", what, lane.choice, lane.ordinal)
            lane.feed(orphan.arguments.getvalue(), self._lane_policy, self._outlet)
        return True

    def formed(self, lane: CallLane, arguments: str, form: Form, *, cumulative: bool) -> str:
        """Return a piece of arguments as text that continues the call's. If the forms differ, the call is in doubt."""
        if form == "json" and not arguments:
            return ""
        if cumulative:
            lane.close_members()  # the whole text has the closing brace
        if form == "members" and cumulative:
            return f"{{{arguments}}}"
        text = lane.formed(arguments, form)
        if text is None:
            lane.doubt(self._outlet)
            what, key = f"arguments as {form} came after {lane.form}", f"form of {lane.choice}/{lane.ordinal}"
            self._anomalies.record_once("ambiguous_call", what, lane.choice, lane.ordinal, key=key)
            text = lane.close_members() + (f"{{{arguments}}}" if form == "members" else arguments)
        return text

    def close_members(self, calls: Calls) -> None:
        """Close the arguments of calls that came as members of an object, because no more members follow."""
        for at in sorted(calls.unclosed):
            lane = calls.unclosed.pop(at)
            lane.feed(lane.close_members(), self._lane_policy, self._outlet)
