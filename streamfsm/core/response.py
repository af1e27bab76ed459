"""``Response``: applies the events of one response to its lanes, until the response ends."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal, cast

from streamfsm.core.anomalies import Anomalies
from streamfsm.core.call_reader import CallReader
from streamfsm.core.calls import Calls
from streamfsm.core.captured import Channels
from streamfsm.core.events import (
    AnomalyReport,
    Begin,
    CallFrame,
    CallPiece,
    Envelope,
    Event,
    Extra,
    Failure,
    Finish,
    HiddenThought,
    ItemBegins,
    Remembered,
    TextField,
    Thought,
    UsageReport,
    Whole,
)
from streamfsm.core.judge import Judge
from streamfsm.core.keeper import Keeper
from streamfsm.core.lanes import AWAITING_NAME, CallLane, LanePolicy, Routes, TextLane, TextRoute, label_of
from streamfsm.core.live_trace import hearing
from streamfsm.core.meter import LimitReached
from streamfsm.core.model_names import is_reasoning_model
from streamfsm.core.policies import Policies
from streamfsm.core.run import Choice, Options, Run
from streamfsm.core.tags import tags_of
from streamfsm.core.text import without_surrogates
from streamfsm.core.writer import MessageWriter, Turn
from streamfsm.machines import STREAM
from streamfsm.machines.endings import CUT, UNKNOWN, closing, second
from streamfsm.result import AnomalyKind, ErrorInfo
from streamfsm.think_tags import Pairs
from streamfsm.trace import Trace


class Response(Routes):
    """Handles the events of one response, in order. All its state is in ``run``."""

    __slots__ = (
        "_awaits_astray",
        "_call_reader",
        "_channels",
        "_keeper",
        "_lane_policies",
        "_limits",
        "_policies",
        "_seals",
        "_stream",
        "anomalies",
        "judge",
        "options",
        "run",
        "writer",
    )

    def __init__(self, options: Options, policies: Policies, run: Run, trace: Trace) -> None:
        self.options: Options = options
        self.run: Run = run
        self._policies = policies
        self._stream = run.stream
        self._limits = limits = options.limits
        self._seals = self._awaits_astray = bool(options.seal_tools)
        thoughts = options.inner_thoughts_kwarg or ()
        self._channels = _channels(
            thoughts, options.assistant_tool, options.assistant_kwarg, options.channels, options.seal_tools, limits.held
        )
        for choice in run.choices.values():
            choice.calls.restore(self._channels)
        step, chunk_ends = hearing(trace, run)
        self.writer: MessageWriter = MessageWriter(
            message_id=options.message_id,
            date=options.date,
            run_id=options.run_id,
            step_id=options.step_id,
            requires_approval=options.requires_approval_tools,
            stream=run.stream,
            trace=step,
            chunk_ends=chunk_ends,
            numbering=run.numbering,
            meter=run.meter,
            hides_reasoning=self._hides_reasoning(),
            boundaries=options.boundaries,
            over=None if options.keep else [],
        )
        run.meter.bound = limits.total
        super().__init__(self.writer, run.meter)
        self.anomalies: Anomalies = Anomalies(run, limits.anomalies)
        self.judge: Judge = Judge(run, policies, self.anomalies)
        if options.seal_tools:
            self.writer.may_seal = self.judge.may_be_sealed
        if options.boundaries:
            self.writer.details = run.latest_details
        self._keeper = Keeper(run, policies, limits, self.anomalies)
        self._lane_policies = _lane_policies(
            limits.text, limits.arguments, policies.content, policies.reasoning, policies.arguments, options.think_tags
        )
        self._call_reader = CallReader(
            policies=policies,
            limits=limits,
            channels=self._channels,
            lane_policy=self._lane_policies[None],
            outlet=self.writer,
            anomalies=self.anomalies,
            meter=run.meter,
        )
        if run.stream.is_open:
            self._route_all()

    # -- what each event does ---------------------------------------------------------------------------------------

    def take(self, event: Event) -> None:
        """Handle an event; after the end of the stream, only a usage report."""
        if self._stream.is_open:
            try:
                _TAKES[type(event)](self, event)
            except LimitReached as reached:
                self.exceed(reached.limit)
            if self._awaits_astray:
                self._revoke_astray()
        elif type(event) is UsageReport:
            self.writer.boundary(self._stream, "usage")
            with suppress(LimitReached):
                self._take_usage(event)

    def open_text(self, choice: int, field: TextField, part: int, *, cumulative: bool) -> TextRoute | None:
        """Return the route to the lane of a text field's part; ``None`` if the lane accepts no more text."""
        if not self._stream.is_open:
            return None
        try:
            lane = self._open_lane(choice, field, part)
        except LimitReached as reached:
            self.exceed(reached.limit)
            return None
        route = lane, self._lane_policies[field]
        if not lane.settled:
            self._text_routes[choice, field, part] = route
        elif not cumulative:
            self._take_late_delta(lane)
            return None
        return route

    def take_entry(self, piece: CallPiece) -> None:
        """Handle an entry of a tool-call list, unless the stream has ended."""
        try:
            self._take_piece(piece)
        except LimitReached as reached:
            self.exceed(reached.limit)
        if self._awaits_astray:
            self._revoke_astray()

    def _take_piece(self, piece: CallPiece) -> None:
        choice, wire_index, arguments, cumulative = piece.choice, piece.wire_index, piece.arguments, piece.cumulative
        route = None if piece.id or piece.name or cumulative else self._call_routes.get((choice, wire_index))
        if route is None:
            if not self._stream.is_open:
                return
            known = self.run.choices[choice].calls
            begins = not known.lanes if wire_index is None else wire_index not in known.at_index
            if begins and not (piece.id or piece.name or arguments or piece.extras):
                return  # an entry that says nothing, as some servers put beside text, begins no call
            found = self._call_reader.resolve(
                known, choice, wire_index, piece.id, piece.name, piece.entry, cumulative=cumulative
            )
            route = found, known, self._lane_policies[None]
            if piece.name and not (arguments or found.size or found.in_doubt) and known.any_orphan():
                self._call_reader.lead_astray(known, found)
            self._route(choice, wire_index, found, known)
        lane, calls, policy = route
        calls.last = lane.ordinal
        if lane.settled and arguments and not cumulative:
            self._take_late_delta(lane)
            return
        cumulative = cumulative or policy.cumulative
        if piece.form != "json" or lane.form != "json":
            arguments = self._call_reader.formed(lane, arguments, piece.form, cumulative=cumulative)
            calls.note(lane)
        if arguments:
            if lane.state == AWAITING_NAME:
                self._call_reader.complete_name(lane)
                calls.note(lane)
                if not (lane.has_name or lane.size):
                    self._call_reader.lead_astray(self.run.choices[choice].calls, lane)
            if cumulative:
                arguments = self.delta_of_cumulative(lane, arguments)
            if self._awaits_astray:  # before the arguments, wherever they are cut
                self._revoke_astray()
            self.feed(lane, arguments, policy)
        if piece.extras and self._stream.is_open:
            self._keeper.keep(piece.extras, lane.extras)

    def _route(self, choice: int, wire_index: int | None, lane: CallLane, calls: Calls) -> None:
        """Route the entries at an index that have no id and no name to this call."""
        if wire_index is not None and not lane.settled:
            self._call_routes[choice, wire_index] = lane, calls, self._lane_policies[None]

    def _route_all(self) -> None:
        """Rebuild the routes, after calls were adopted or a snapshot was restored."""
        self._call_routes.clear()
        for index, choice in self.run.choices.items():
            calls = choice.calls
            for wire_index, at in calls.at_index.items():
                if not calls.lanes[at].adopted:
                    self._route(index, wire_index, calls.lanes[at], calls)

    def _revoke_astray(self) -> None:
        """Once arguments have no certain owner, revoke the sealed calls that may lack them. No call is sealed then."""
        if self.run.arguments_astray:
            self._awaits_astray = False
            for choice in self.run.choices.values():
                for lane in choice.calls.lanes:
                    if not self.judge.is_certain(choice.calls, lane):
                        lane.unseal(self.writer)

    def _revoke(self, target: str) -> None:
        """Revoke the sealed calls that are not ready when the stream ends in the state ``target``."""
        for choice in self.run.choices.values():
            for lane in choice.calls.lanes:
                lane.flush(self._channels, self.writer)
            self.run.arguments_astray = self.run.arguments_astray or self.judge.leads_astray(choice)
        outcomes = self.judge.outcomes(target)
        for index, choice in self.run.choices.items():
            ready = outcomes[index][1]
            for lane in choice.calls.lanes:
                if lane.state == "sealed" and not (ready and self.judge.is_certain(choice.calls, lane)):
                    why = {"failed": "failed", "cancelled": "cancelled"}.get(target, "doubt" if ready else "cut")
                    self.writer.boundary(lane, "revoked", why)

    def _open_lane(self, choice: int, field: TextField, part: int) -> TextLane:
        """Return the lane of a text field's part.

        Raises:
            LimitReached: there is one lane more than a limit allows.
        """
        texts = self.run.choices[choice].texts
        if is_new := label_of(field, part) not in texts:
            self._meter.add("text")
        lane = self.run.choices[choice].text_lane(choice, field, part)
        if is_new and self._passes(field):
            lane.pass_on(reasoning=not self.options.boundaries)
        if len(texts) > self._limits.items:
            del texts[lane.label]
            raise LimitReached("items")
        return lane

    def _passes(self, field: TextField) -> bool:
        """Whether the text of a field is not kept. It is always kept if the last piece may repeat all of it."""
        return not (self.options.keep or self._lane_policies[field].repeated)

    def fits(self) -> bool:
        """Whether the state keeps what the options say, and nothing else; see :mod:`streamfsm.core.invariants`."""
        options = self.options
        for choice in self.run.choices.values():
            for lane in choice.texts.values():
                passes = self._passes(cast("TextField", lane.text_field))
                if lane.passes != (passes, passes and not options.boundaries):
                    return False
            for call in choice.calls.lanes:
                if (call.remains is not None) != (not options.keep and call.goes):
                    return False
            if (choice.extras and not options.keep) or (choice.details and not (options.keep or options.boundaries)):
                return False
        return options.keep or not (self.run.extras or self.run.numbering.turns)

    def _take_late_delta(self, lane: TextLane | CallLane) -> None:
        what = f"{lane.label}: more came after the wire had said that it is complete"
        self.anomalies.record_once("late_delta", what, lane.choice)
        if isinstance(lane, CallLane):
            lane.doubt(self.writer)

    def _take_whole(self, event: Whole) -> None:
        choice, text = self.run.choices[event.choice], without_surrogates(event.text)
        if event.together and self._take_together(event, text):
            return
        lane: TextLane | CallLane
        if event.field is None:
            lane = choice.calls.lanes[choice.calls.at_index[event.place]]
        else:
            lane = self._open_lane(event.choice, event.field, event.place)
        if text and len(text) < lane.told:
            self._contradicted(lane)
        elif text and isinstance(lane, CallLane):
            self.call(event.choice, event.place, "", "", text, 0, True, None, lane.form)
        elif text:
            self.text(event.choice, cast("TextField", event.field), text, True, event.place)
        if event.field is None:
            self._call_routes.pop((event.choice, event.place), None)
        else:
            self._text_routes.pop((event.choice, event.field, event.place), None)
        if not self._stream.is_open:
            return
        lane.settled = True
        if isinstance(lane, TextLane):
            lane.settle(self.writer)

    def _take_together(self, event: Whole, text: str) -> bool:
        """Handle the joined text of several parts; return ``False`` if it can be that of ``event.place`` alone."""
        text_field = cast("TextField", event.field)
        lanes = [self._open_lane(event.choice, text_field, part) for part in event.together]
        is_one = event.place in event.together
        if is_one and len(text) <= lanes[0].size:
            return False
        rest = text
        for lane in lanes:
            if not lane.begins(rest):
                if not is_one:
                    return False
                self._contradicted(lane)
                break
            text, rest = rest, rest[lane.size :]
        else:
            self.text(event.choice, text_field, text, True, lanes[-1].part)
        for lane in lanes:
            self.take(Whole(event.choice, text_field, lane.part, ""))
        return True

    def _take_call_frame(self, event: CallFrame) -> None:
        calls = self.run.choices[event.choice].calls
        lane = self._call_reader.frame(calls, event)
        self._route(event.choice, event.wire_index, lane, calls)
        if event.extras:
            self._keeper.keep(event.extras, lane.extras)

    def _take_item(self, _: ItemBegins) -> None:
        self.run.items += 1
        if self.run.items > self._limits.items:
            self.exceed("items")
        else:
            self._meter.add("item")

    def _take_remembered(self, event: Remembered) -> None:
        self._meter.add(event.thing, event.size)

    def _take_hidden(self, event: HiddenThought) -> None:
        if self.run.hid_thoughts:
            return
        self.run.hid_thoughts = True
        lane = self._open_lane(event.choice, "reasoning", event.part)
        self.writer.boundary(lane, event.state, event.state)

    def _take_envelope(self, event: Envelope) -> None:
        self._meter.add(None, len(event.id or "") + len(event.model or ""))
        self.run.response_id = event.id or self.run.response_id
        self.run.model = event.model or self.run.model
        self.run.tells_thoughts = event.tells_thoughts
        self.writer.hides_reasoning = self._hides_reasoning()

    def _take_begin(self, event: Begin) -> None:
        if len(self.run.choices) == self._limits.choices:
            self.exceed("choices")
        else:
            self._meter.add("choice")
            self.run.choices[event.choice] = Choice()

    def delta_of_cumulative(self, lane: TextLane | CallLane, text: str) -> str:
        """Return the new part of a cumulative text; empty if the text contradicts the earlier text."""
        delta = lane.delta_of(text)
        if delta is None:
            self._contradicted(lane)
        return delta or ""

    def _contradicted(self, lane: TextLane | CallLane) -> None:
        self.anomalies.record("snapshot_conflict", f"{lane.label} contradicts what came before", lane.choice)
        if isinstance(lane, CallLane):
            lane.doubt(self.writer)
        if self._awaits_astray:
            self._revoke_astray()

    def _take_finish(self, event: Finish) -> None:
        choice = self.run.choices[event.choice]
        word, means = event.reason, self.judge.meaning(event.reason)
        if means.rank != CUT:
            choice.calls.vouched = choice.calls.entries
        if means is UNKNOWN:
            what = f"finish reason {word!r}; Dialect(finish_words=…) defines its meaning"
            self.anomalies.record("unknown_finish", what, event.choice)
        kept = choice.finish_reason
        stands, contradicts = (
            (True, False) if kept is None else second(self._policies.finish, self.judge.meaning(kept), means)
        )
        if contradicts:
            self.anomalies.record("second_finish", f"{word!r} after {kept!r}", event.choice)
        if stands:
            self._meter.add(None, len(word) if word != kept else 0)
            choice.finish_reason = word
        self._complete_calls(choice.calls, closes=True)
        if self._stream.is_open:
            self.writer.boundary(self._stream, "finish")

    def _take_usage(self, event: UsageReport) -> None:
        counts = {name: count for name in _COUNTS if (count := getattr(event, name)) is not None}
        if self._policies.usage == "max":
            counts = {name: max(count, getattr(self.run.usage, name) or 0) for name, count in counts.items()}
        raw = self.run.usage.raw or {}
        try:
            self._keeper.merge_usage(raw, event.raw)
        finally:  # if a limit is reached, keep what fitted
            update = {**counts, "raw": raw or None, **({"source": "reported"} if counts else {})}
            self.run.usage = self.run.usage.model_copy(update=update)

    def _take_thought(self, event: Thought) -> None:
        choice = self.run.choices[event.choice]
        keeps = self.options.keep or self.options.boundaries
        if event.apart or event.part is not None:
            if keeps:
                self._keeper.keep_thought(event, choice, 0)
            return
        lane = self._open_lane(event.choice, "reasoning", 0)
        if event.data and lane.machine.accepts(lane, "redacted"):
            self.writer.boundary(lane, "redacted", "redacted")
        if keeps:
            self._keeper.keep_thought(event, choice, self._limits.text - lane.size)

    def _take_extra(self, event: Extra) -> None:
        self._keep_extras({event.name: event.value}, event.choice)

    def _keep_extras(self, fields: Mapping[str, Any], choice: int | None) -> None:
        if self.options.keep:
            self._keeper.keep(fields, self.run.extras if choice is None else self.run.choices[choice].extras)

    def _take_failure(self, event: Failure) -> None:
        self.stop("error", ErrorInfo(code=event.code, message=event.message))

    def take_late(self) -> None:
        """Record once that a chunk came after the end, unless the reader stopped before the end."""
        if self.run.error and self.run.error.code in ("limit", "foreign_wire"):
            return
        self.anomalies.record_once("late_chunk", f"more came after the stream had ended as {self._stream.state!r}")

    def _take_anomaly(self, event: AnomalyReport) -> None:
        if event.kind == "wrong_type":  # it comes again with each piece of a text that it stands beside
            what = f"{event.choice}: {event.detail}"
            self.anomalies.record_once(event.kind, event.detail, event.choice, key=what)
        elif key := _ONCE.get(event.kind):
            self.anomalies.record_once(event.kind, event.detail, event.choice, key=getattr(event, key))
        else:
            self.anomalies.record(event.kind, event.detail, event.choice)
        self._keep_extras(event.fields, event.choice)

    def let_go(self) -> None:
        """Discard what is complete, after a piece of the stream."""
        over, self.writer.over = self.writer.over or (), []
        for lane in over:
            lane.let_go()

    def said(self, choice: Choice, turns: Sequence[Turn]) -> dict[str, str]:
        """Return the texts of a choice's turns, joined in stream order, by the field of their messages."""
        texts: dict[object, str] = {}
        ends: dict[object, int] = {}
        said: dict[str, list[str]] = {}
        for turn in reversed(turns):
            who = turn.lane
            place = (who, turn.field) if isinstance(who, str) else who
            if place not in texts:
                texts[place] = (
                    choice.texts[who].emitted(turn.field).getvalue()
                    if isinstance(who, str)
                    else choice.calls.lanes[who].emitted(self._channels)
                )
            said.setdefault(turn.field, []).append(texts[place][turn.start : ends.get(place)])
            ends[place] = turn.start
        return {field: "".join(reversed(pieces)) for field, pieces in said.items()}

    # -- the end ----------------------------------------------------------------------------------------------------

    def stop(self, event: str, error: ErrorInfo | None = None) -> None:
        """Fire ``event`` on every lane, and on the stream's lane last."""
        run = self.run
        if event == "end":
            finished = bool(run.choices) and all(choice.finish_reason for choice in run.choices.values())
            event = closing(finished=finished, strict=self._policies.strict_end)
            error = _UNMARKED if event == "error" else None
        run.error = error
        if event != "limit":
            for choice in run.choices.values():
                self._complete_calls(choice.calls, closes=event == "end")
                if not run.stream.is_open:  # a limit was reached meanwhile
                    return
        self._text_routes.clear()
        self._call_routes.clear()
        target = STREAM.table.by_cell[run.stream.state, event].target
        if event == "end":
            for choice in run.choices.values():
                self.judge.compare_calls(choice.calls, self.writer)
        if self._seals:  # text that was held back may put a sealed call of another choice in doubt
            for choice in run.choices.values():
                self._close_texts(choice, event)
            self._revoke(target)
        for index, choice in run.choices.items():
            if not self._seals:
                self._close_texts(choice, event)
            for call in choice.calls.lanes:
                call.close(event, self._channels, self.writer)
            self.judge.judge_choice(index, choice, self._lane_policies["content"].tags)
            if event == "end":
                self.judge.judge_speech(choice)
        if event == "end":
            self.judge.judge_choices()
        first = min(run.choices, default=0)
        self.writer.boundary(run.stream, event, self.judge.outcomes(target)[first][0])

    def _close_texts(self, choice: Choice, event: str) -> None:
        for text in choice.texts.values():
            text.close(event, self.writer)

    def _complete_calls(self, calls: Calls, *, closes: bool) -> None:
        """Complete the names of the calls so far, and assign arguments without a name to a call."""
        try:
            self._call_reader.complete_names(calls)
            if closes:
                self._call_reader.close_members(calls)
            if self._call_reader.adopt(calls):
                self._route_all()
        except LimitReached as reached:
            self.exceed(reached.limit)

    def exceed(self, limit: str) -> None:
        """Stop the stream, because more came than this limit allows."""
        bound = getattr(self._limits, limit)
        self.stop("limit", ErrorInfo(code="limit", message=f"more than {bound} {_UNITS[limit]}"))

    def announce_hidden(self) -> None:
        """Announce hidden reasoning, unless a message has been emitted."""
        if self._stream.state == "silent":
            self.writer.boundary(self._stream, "hidden", "omitted")

    def _hides_reasoning(self) -> bool:
        options, model = self.options, self.run.model
        if options.reasoning_model is not None:
            return options.reasoning_model
        if self.run.tells_thoughts:
            return False
        return options.inner_thoughts_kwarg is None and model is not None and is_reasoning_model(model)


# Streams with the same options share these, so that a stream needs little memory.
_channels = lru_cache(maxsize=64)(Channels)


@lru_cache(maxsize=64)
def _lane_policies(
    text_limit: int, arguments_limit: int, content: str, reasoning: str, arguments: str, think_tags: Pairs | None
) -> Mapping[TextField | None, LanePolicy]:
    """Return the policies of lanes by text field; the key ``None`` is for arguments."""
    answer = LanePolicy(text_limit, content == "snapshot", "answer", repeated=content == "final_repeat")
    thoughts = LanePolicy(text_limit, reasoning == "snapshot", "reasoning", repeated=reasoning == "final_repeat")
    tags = tags_of(think_tags) if think_tags else None
    return {
        None: LanePolicy(arguments_limit, arguments == "snapshot", placeholder=arguments == "placeholder"),
        "reasoning": thoughts,
        "content": replace(answer, begins=tags.begins, tags=tags) if tags else answer,
        "refusal": answer,
        "transcript": answer,
    }


_UNMARKED = ErrorInfo(code="unmarked_end", message="the stream ended without a finish reason")
_COUNTS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
_ONCE: Mapping[AnomalyKind, Literal["kind", "detail"]] = {
    "foreign_wire": "kind",
    "wrapped_comment": "kind",
    "unread_arguments": "detail",
    "unknown_event": "detail",
    "late_chunk": "detail",
    "late_delta": "detail",
    "ambiguous_item": "detail",
    "duplicate_index": "detail",
}
"""Anomalies of the wire that are recorded once: once per kind, or once per detail."""
_UNITS = {
    "total": "characters in total",
    "text": "characters of text",
    "arguments": "characters of arguments",
    "held": "characters of arguments up to a key",
    "name": "characters of a tool's name",
    "tool_calls": "tool calls",
    "choices": "choices",
    "items": "items and parts",
    "event": "bytes of one event",
    "values": "values in one event",
}
_TAKES: dict[type[Event], Callable[[Response, Any], None]] = {
    Envelope: Response._take_envelope,
    Begin: Response._take_begin,
    CallFrame: Response._take_call_frame,
    Whole: Response._take_whole,
    Finish: Response._take_finish,
    Thought: Response._take_thought,
    HiddenThought: Response._take_hidden,
    ItemBegins: Response._take_item,
    Remembered: Response._take_remembered,
    Extra: Response._take_extra,
    UsageReport: Response._take_usage,
    Failure: Response._take_failure,
    AnomalyReport: Response._take_anomaly,
}
