"""``Judge``: decides how the choices of one response ended."""

from collections.abc import Iterable
from typing import cast

from streamfsm.core.anomalies import Anomalies
from streamfsm.core.calls import Calls
from streamfsm.core.lanes import CallLane, Outlet, TextLane
from streamfsm.core.policies import Policies
from streamfsm.core.run import Choice, Run
from streamfsm.core.tags import Tags
from streamfsm.machines.choices import Part, belongs
from streamfsm.machines.endings import CUT, Ending, ending, outcome
from streamfsm.messages import StopReasonType

WHOLE = ("valid", "lenient", "empty", "text")
"""The verdicts on arguments that are structurally complete."""


class Judge:
    """Decides how choices ended and which calls are certain, and records contradictions as anomalies."""

    __slots__ = ("_anomalies", "_policies", "_run")

    def __init__(self, run: Run, policies: Policies, anomalies: Anomalies) -> None:
        self._run, self._policies, self._anomalies = run, policies, anomalies

    def meaning(self, finish_reason: str) -> Ending:
        """Return what a finish reason means on this server."""
        return ending(finish_reason, self._policies.finish_words)

    def judge_choice(self, index: int, choice: Choice, tags: Tags | None) -> None:
        """Record the anomalies of a choice whose lanes are closed."""
        record = self._anomalies.record
        for text in choice.texts.values():
            self._judge_text(text)
        for content in choice.lanes_of("content") if tags else ():
            if stray := content.stray_tag(cast("Tags", tags)):
                what = (
                    f"{stray!r} came while no thought was open; if the prompt opens one, use ThinkTags(starts='inside')"
                )
                record("stray_tag", what, index)
        thoughts = choice.texts.get("reasoning") if tags else None
        if thoughts and any(lane.reasoning.is_the_same(thoughts.reasoning) for lane in choice.lanes_of("content")):
            record("repeated_text", "the thoughts in tags are those that also came in a field of their own", index)
        if found := choice.written_call():
            record("call_in_text", f"the text contains a call, which is not parsed: {found!r}", index)
        for call in choice.calls.lanes:
            if not call.name and not call.adopted:
                record("nameless_call", "the call ended without a name", index, call.ordinal)
            for key in call.scanner.duplicates if call.scanner else ():
                record("duplicate_key", f"key {key!r} came again", index, call.ordinal)
            self._judge_arguments(choice, call)

    def leads_astray(self, choice: Choice) -> bool:
        """Whether :meth:`judge_choice` records that arguments may be in a text, or in a call without a name."""
        return bool(choice.written_call()) or any(not (call.name or call.adopted) for call in choice.calls.lanes)

    def judge_speech(self, choice: Choice) -> None:
        """Record calls of the message tool without a message."""
        for call in choice.calls.lanes:
            if self._is_silent(call):
                what = f"{call.name!r} is the message tool, but the call has no message"
                self._anomalies.record("silent_speech", what, call.choice, call.ordinal)

    def _is_silent(self, call: CallLane) -> bool:
        return call.is_speech and not (call.adopted or call.spoke)

    def _judge_text(self, lane: TextLane) -> None:
        field = "reasoning" if lane.text_field == "reasoning" else "content"
        if getattr(self._policies, field) == "fragment" and lane.repeats:
            what = f'the {lane.label} is the same text more than once; Dialect({field}="final_repeat") reads it once'
            self._anomalies.record("repeated_text", what, lane.choice)

    def _judge_arguments(self, choice: Choice, call: CallLane) -> None:
        if call.repeated:
            what = "the complete arguments came again; the repetition was left out"
            self._anomalies.record("repeated_arguments", what, call.choice, call.ordinal)
        verdict = call.judge()[0]
        cut = choice.finish_reason is None or self.meaning(choice.finish_reason).rank == CUT
        if verdict in WHOLE or call.adopted or (verdict == "incomplete" and cut):
            return
        if self._policies.arguments != "snapshot" and (advice := call.advice):
            self._anomalies.record("unmerged_arguments", advice, call.choice, call.ordinal)

    def judge_choices(self) -> None:
        """Record finish reasons that contradict what came. ``stop`` after calls does not: forced calls end with it."""
        choices = self._run.choices
        first, *others = self.answer() or (0,)
        if others:
            what = f"the calls of choice {first}'s answer are in choice {others[0]}"
            self._anomalies.record("split_answer", f'{what}; Dialect(choice="one") reads them as one', first)
        for index, choice in choices.items():
            part = self._part(choice)
            if part.waits and not part.calls and not (others and index == first):
                self._anomalies.record(
                    "finish_without_calls", f"finish reason {choice.finish_reason!r}, but no call came", index
                )
        finished = [index for index, choice in choices.items() if choice.finish_reason]
        spoken = all(choice.texts or choice.calls.lanes for choice in choices.values())
        if not others and spoken and len(choices) > 1 and finished == [max(choices)]:
            what = 'only the last choice has a finish reason; if there is only one answer, use Dialect(choice="one")'
            self._anomalies.record("ambiguous_choice", what, first)

    def answer(self) -> tuple[int, ...]:
        """Return the indexes of the choices that make up the answer: the first, and those that hold its calls."""
        if not self._run.choices:
            return ()
        first, *others = sorted(self._run.choices)
        if not others:
            return (first,)
        parts = {index: self._part(self._run.choices[index]) for index in (first, *others)}
        return (first, *(index for index in others if belongs(parts[first], parts[index])))

    def _part(self, choice: Choice) -> Part:
        word = choice.finish_reason
        waits = None if word is None else self.meaning(word).stop_reason is StopReasonType.tool_calls
        return Part(bool(choice.texts), bool(choice.calls.lanes), waits)

    def outcomes(self, state: str) -> dict[int, tuple[StopReasonType, bool]]:
        """Return each choice's stop reason if the stream ends in ``state``, and whether its complete calls are ready.

        If no choice began, the result is that of choice 0, without any text or call.
        """
        choices = self._run.choices or {0: Choice()}
        answer = {index: choices[index] for index in self.answer()}
        came = self._came(answer.values())
        word = next((part.finish_reason for part in answer.values() if part.finish_reason), None)
        return {
            index: self._outcome(choice, state, *((came, word) if index in answer else (self._came([choice]), None)))
            for index, choice in choices.items()
        }

    def _came(self, parts: Iterable[Choice]) -> str:
        calls = [call for part in parts for call in part.calls.lanes if not (call.adopted or call.hosted)]
        if not all(call.judge()[0] in WHOLE for call in calls):
            return "open"
        return "calls" if calls else ""

    def _outcome(self, choice: Choice, state: str, came: str, word: str | None) -> tuple[StopReasonType, bool]:
        word = choice.finish_reason or word
        meaning = None if word is None else self.meaning(word)
        came = came or ("text" if choice.texts else "nothing")
        return outcome(state, meaning, came, trusted=self._policies.unmarked_end == "complete")

    def compare_calls(self, calls: Calls, outlet: Outlet) -> None:
        """Put in doubt calls that may be earlier ones again, and calls whose arguments may have gone to another call.

        A call may be another one of its name if it has the same arguments or none, and if both have the same id, or one
        of them has no id.
        """
        by_name: dict[str, list[CallLane]] = {}
        overflows = [lane.overflows for lane in calls.lanes]
        all_overflows = sum(overflows)
        for lane, overflow in zip(calls.lanes, overflows, strict=True):
            if lane.speaks and not lane.adopted:
                by_name.setdefault(lane.name, []).append(lane)
                if all_overflows > overflow and (lane.is_empty or lane.form == "text"):
                    lane.doubt(outlet)
                    what = f"{lane.name!r} may lack what came after the arguments of another call"
                    self._anomalies.record("ambiguous_call", what, lane.choice, lane.ordinal)
        for lanes in by_name.values():
            ids = [lane.id for lane in lanes]
            if len(lanes) > 1 and (None in ids or len({*ids}) < len(ids)):
                self._compare(lanes, outlet)

    def _compare(self, lanes: list[CallLane], outlet: Outlet) -> None:
        """Compare calls of one name, not all of which have an id of their own."""
        told: dict[str, set[str | None]] = {}
        empty = [lane.judge()[0] == "empty" for lane in lanes]
        filled = {lane.id for lane, is_empty in zip(lanes, empty, strict=True) if not is_empty}
        for lane, is_empty in zip(lanes, empty, strict=True):
            value, text = ("", "") if is_empty else lane.digests
            ids = told.setdefault(value or text, set(filled) if is_empty else set())
            if ids and (lane.id is None or not ids.isdisjoint((lane.id, None))):
                lane.doubt(outlet)
                what = f"{lane.name!r} has the arguments of another call, or none, and no id of its own"
                self._anomalies.record("repeated_call", f"{what}: it may be that call", lane.choice, lane.ordinal)
            ids.add(lane.id)

    @staticmethod
    def _repeats(call: CallLane, other: CallLane) -> bool:
        """Whether a call says the same as another, whose name may be its own, read more than once."""
        return other.name.startswith(call.name) and call.says_the_same(other)

    def may_be_sealed(self, call: CallLane) -> bool:
        """Whether a call that has just closed is JSON, not in doubt, and certainly lacks nothing."""
        if call.judge()[0] not in WHOLE or call.repeats is not None or self._run.arguments_astray:
            return False
        return self.is_certain(self._run.choices[call.choice].calls, call)

    def is_certain(self, calls: Calls, call: CallLane) -> bool:
        """Whether the call, if its JSON is closed, is exactly what the model wrote: nothing was guessed or lost."""
        if call.hosted or call.incomplete or call.in_doubt or self._is_silent(call):
            return False
        if call.repeats is not None and (call.is_empty or self._repeats(call, calls.lanes[call.repeats])):
            return False
        # Only a finish reason that came after the call's entries shows that empty arguments are complete. And if some
        # arguments have no certain owner, an empty object or free text would not show that it lacks a piece.
        vouched = call.judge()[0] != "empty" or call.entry <= calls.vouched
        return vouched and not (self._run.arguments_astray and (call.is_empty or call.form == "text"))
