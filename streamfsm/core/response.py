"""``Response``: what the events of one response do to its lanes, until it ends."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any, Literal, TypeAlias, cast

from pydantic import AwareDatetime

from streamfsm.channels import Channels
from streamfsm.core.calls import Calls
from streamfsm.core.events import (
    Begin,
    Envelope,
    Event,
    Extra,
    Failure,
    Finish,
    Form,
    Oddity,
    TextField,
    Thought,
    UsageReport,
)
from streamfsm.core.extras import Extras, Kept
from streamfsm.core.json_values import kept, says, show
from streamfsm.core.lanes import Buffer, CallLane, StreamLane, Terms, TextLane
from streamfsm.core.model_names import is_reasoning_model
from streamfsm.core.policies import SENT_BACK, Policies
from streamfsm.core.tags import tags_of
from streamfsm.core.text import without_surrogates
from streamfsm.core.writer import MessageWriter, Numbering
from streamfsm.core.written_calls import holds_marker, written_call
from streamfsm.limits import Limits
from streamfsm.machines import STREAM
from streamfsm.machines.choices import Part, belongs
from streamfsm.machines.endings import CUT, UNKNOWN, Ending, closing, ending, outcome, second
from streamfsm.machines.identity import is_placeholder
from streamfsm.messages import StopReasonType
from streamfsm.result import Anomaly, AnomalyKind, ErrorInfo, Usage
from streamfsm.think_tags import Pairs
from streamfsm.trace import Transition

_Purse: TypeAlias = Literal["text", "sent_back", "extras"]


@dataclass(slots=True)
class Detail:
    """A structured part of the reasoning."""

    kind: str
    index: int | None
    id: str | None
    text: Buffer = field(default_factory=StringIO)
    data: Buffer = field(default_factory=StringIO)
    signature: str | None = None
    extras: Extras = field(default_factory=dict)
    field: str = "reasoning_details"


@dataclass(slots=True)
class Choice:
    """What one choice has said so far."""

    texts: dict[str, TextLane] = field(default_factory=dict)
    calls: Calls = field(default_factory=Calls)
    details: list[Detail] = field(default_factory=list)
    detail_at: dict[str, int] = field(default_factory=dict)
    """Type and index, or id → position of the detail that goes on."""
    extras: Extras = field(default_factory=dict)
    finish_reason: str | None = None

    def text_lane(self, choice: int, name: str) -> TextLane:
        """The lane of a text field, a new one if nothing came in it yet."""
        return self.texts.get(name) or self.texts.setdefault(name, TextLane(choice, name))

    def written_call(self) -> str | None:
        """The marker of a call that the choice wrote as text. Thoughts may speak of a call, unless none follows."""
        texts = [self.texts["content"].answer] if "content" in self.texts else []
        if not self.calls.lanes:
            texts += [lane.reasoning for lane in self.texts.values()]
        return next((found for text in texts if (found := written_call(text.getvalue()))), None)

    def detail(self, event: Thought) -> Detail:
        """The detail that a thought goes on with, or a new one: what is signed has ended, and so has whole data."""
        key = f"{event.field}/{event.kind}/{event.id if event.index is None else event.index}"
        found = self.details[self.detail_at[key]] if key in self.detail_at else None
        unnamed = event.index is None and event.id is None
        signed = found is not None and found.signature is not None and not event.whole
        if (
            found is None
            or (unnamed and event.data)
            or (signed and (event.text or event.signature not in (None, found.signature)))
        ):
            found = Detail(event.kind, event.index, event.id, field=event.field)
            self.detail_at[key] = len(self.details)
            self.details.append(found)
        return found


@dataclass(slots=True)
class Run:
    """All run state of one response. Plain data: it can be copied, pickled and written as JSON."""

    stream: StreamLane = field(default_factory=StreamLane)
    numbering: Numbering = field(default_factory=Numbering)
    choices: dict[int, Choice] = field(default_factory=dict)
    response_id: str | None = None
    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    error: ErrorInfo | None = None
    anomalies: list[Anomaly] = field(default_factory=list)
    extras: Extras = field(default_factory=dict)
    spent: dict[_Purse, int] = field(default_factory=dict)
    """Characters kept of structured reasoning and of what is not read, by the limit that bounds them."""
    doubt: bool = False
    """Whether arguments may have gone astray, so that no call without arguments is ready."""
    told: set[str] = field(default_factory=set)
    """What is told once: kinds of anomalies, and for what there was no room."""


@dataclass(frozen=True, slots=True)
class Options:
    """The constructor's arguments that a snapshot keeps; pydantic checks them by these types."""

    inner_thoughts_kwarg: tuple[str, ...] | None
    assistant_tool: str | None
    assistant_kwarg: str
    reasoning_model: bool | None
    think_tags: Pairs | None
    requires_approval_tools: frozenset[str]
    limits: Limits
    message_id: str
    run_id: str | None
    step_id: str | None
    date: AwareDatetime
    boundaries: bool = False


class Response:
    """Handles the events of one response, in order; ``run`` is all that it knows of it."""

    __slots__ = (
        "_call_routes",
        "_channels",
        "_limits",
        "_policies",
        "_stream",
        "_terms",
        "_text_routes",
        "options",
        "run",
        "writer",
    )

    def __init__(
        self, options: Options, policies: Policies, run: Run, trace: Callable[[Transition], object] | None
    ) -> None:
        self.options = options
        self.run = run
        self._policies = policies
        self._stream = run.stream
        self._limits = limits = options.limits
        # Address → the lane there: the identity rule "same index" as a look-up, and its like for text fields. Empty
        # once the stream has ended, so that nothing finds its way to a lane that is done.
        self._text_routes: dict[tuple[int, TextField], tuple[TextLane, Terms]] = {}
        self._call_routes: dict[tuple[int, int | None], tuple[CallLane, Calls]] = {}
        self._channels = Channels(options.inner_thoughts_kwarg or (), options.assistant_tool, options.assistant_kwarg)
        self.writer = MessageWriter(
            message_id=options.message_id,
            date=options.date,
            run_id=options.run_id,
            step_id=options.step_id,
            requires_approval=options.requires_approval_tools,
            stream=run.stream,
            trace=trace,
            numbering=run.numbering,
            hides_reasoning=self._hides_reasoning(),
            boundaries=options.boundaries,
        )
        answer = Terms(
            limits.text,
            self.writer,
            policies.content == "snapshot",
            "answer",
            repeated=policies.content == "final_repeat",
        )
        tags = tags_of(options.think_tags) if options.think_tags else None
        # By text field; ``None``: of arguments.
        self._terms: dict[TextField | None, Terms] = {
            None: Terms(
                limits.arguments,
                self.writer,
                policies.arguments == "snapshot",
                placeholder=policies.arguments == "placeholder",
            ),
            "reasoning": replace(
                answer,
                whole=policies.reasoning == "snapshot",
                begins="reasoning",
                repeated=policies.reasoning == "final_repeat",
            ),
            "content": replace(answer, begins=tags.begins, tags=tags) if tags else answer,
            "refusal": answer,
            "transcript": answer,
        }

    # -- what each event does ---------------------------------------------------------------------------------------

    def take(self, event: Event) -> None:
        """Take an event, unless the stream has ended and has no row for it."""
        if self._stream.is_open:
            _TAKES[type(event)](self, event)
        elif type(event) is UsageReport:
            self.writer.boundary(self._stream, "usage")
            self._take_usage(event)

    def text(self, choice: int, field: TextField, text: str, whole: bool = False) -> None:
        """Take a piece of a text field, unless the stream has ended."""
        route = self._text_routes.get((choice, field))
        if route is None:
            if not self._stream.is_open:
                return
            route = self.run.choices[choice].text_lane(choice, field), self._terms[field]
            self._text_routes[choice, field] = route
        lane, terms = route
        if whole or terms.whole:
            text = self._news(lane, text)
        if not lane.feed(text, terms):
            self.exceed("text")

    def call(
        self,
        choice: int,
        wire_index: int | None,
        call_id: str,
        name: str,
        arguments: str,
        entry: int = 0,
        whole: bool = False,
        extras: Mapping[str, Any] | None = None,
        form: Form = "json",
    ) -> None:
        """Take an entry of a tool-call list, unless the stream has ended."""
        route = None if call_id or name or whole else self._call_routes.get((choice, wire_index))
        if route is None:
            if not self._stream.is_open:
                return
            calls = self.run.choices[choice].calls
            found = self._whose(calls, choice, wire_index, call_id, name, entry, whole)
            if found is None:
                return
            route = found, calls
            if wire_index is not None:
                self._call_routes[choice, wire_index] = route
        lane, calls = route
        calls.last = lane.ordinal
        if form != "json" or lane.form != "json":
            arguments = self._formed(lane, arguments, form, whole=whole or self._terms[None].whole)
        if arguments:
            if not lane.named:
                self._complete_name(lane)
            terms = self._terms[None]
            if whole or terms.whole:
                arguments = self._news(lane, arguments)
            if not lane.feed(arguments, terms):
                self.exceed("arguments")
        if extras:
            self._keep(extras, lane.extras)

    def _formed(self, lane: CallLane, arguments: str, form: Form, *, whole: bool) -> str:
        """A piece of arguments as text that goes on where the call's are; where forms differ, the call is in doubt."""
        if form == "json" and not arguments:
            return ""
        if form == "members" and whole:
            return f"{{{arguments}}}"
        text = lane.formed(arguments, form)
        if text is None:
            lane.doubtful = True
            self.odd("ambiguous_call", f"arguments as {form} came after {lane.form}", lane.choice, lane.ordinal)
            text = lane.close_members() + (f"{{{arguments}}}" if form == "members" else arguments)
        return text

    def _close_members(self, calls: Calls) -> None:
        """Calls whose arguments are members of an object get no more of them."""
        for lane in calls.lanes:
            if not lane.feed(lane.close_members(), self._terms[None]):
                self.exceed("arguments")
                return

    def _whose(
        self, calls: Calls, choice: int, wire_index: int | None, call_id: str, name: str, entry: int, whole: bool
    ) -> CallLane | None:
        """The call that an entry is of, with what the entry says of it; ``None`` if that outgrew a limit."""
        hollow = (bool(call_id) and is_placeholder(call_id), bool(name) and is_placeholder(name))
        call_id, name = "" if hollow[0] else call_id, "" if hollow[1] else name
        rule, known = calls.resolve(wire_index, call_id, name, entry, whole)
        lane = cast("CallLane", known)
        if rule.owner == "new":
            if len(calls.lanes) == self._limits.tool_calls:
                self.exceed("tool_calls")
                return None
            self._complete_names(calls)
            lane = calls.start(choice, wire_index)
            if rule.repeats and known:
                lane.repeats = known.ordinal
                known.doubtful = known.doubtful or known.is_empty  # a placeholder of what comes now
        if rule.tells:
            self.odd(rule.tells, f"{rule.name}: {rule.because}", choice, lane.ordinal)
        # Free text is never closed, so that nothing but the entries says where a call ends and another begins.
        free = lane.form == "text" and (rule.tells is not None or bool(name and lane.size and rule.owner != "own"))
        if free and not rule.tells:
            self.odd("ambiguous_call", f"{name!r} again: more of the call or another", choice, lane.ordinal)
        lane.doubtful = lane.doubtful or rule.doubts or free
        if any(hollow) and (rule.owner == "new" or (hollow[1] and not lane.named)):
            self.odd("placeholder", "an id or a name that says nothing was taken for none", choice, lane.ordinal)
            # Where the name may still grow, and a real id or none stands beside it, it may be a piece of the name.
            lane.doubtful = lane.doubtful or (hollow[1] and bool(lane.name) and not hollow[0])
        calls.assign(lane, wire_index, call_id)
        if name and not self._take_name(lane, name, again=rule.owner == "own", whole=whole):
            self.exceed("name")
            return None
        return lane

    def _take_envelope(self, event: Envelope) -> None:
        self.run.response_id = event.id or self.run.response_id
        self.run.model = event.model or self.run.model
        self.writer.hides_reasoning = self._hides_reasoning()

    def _take_begin(self, event: Begin) -> None:
        if len(self.run.choices) == self._limits.choices:
            self.exceed("choices")
        else:
            self.run.choices[event.choice] = Choice()

    def _news(self, lane: TextLane | CallLane, text: str) -> str:
        """Of a text that is whole so far, what is new."""
        news = lane.unseen(text)
        if news is None:
            self.odd("snapshot_conflict", f"{lane.label} does not go on from what came", lane.choice)
            if isinstance(lane, CallLane):
                lane.doubtful = True
        return news or ""

    def _take_name(self, lane: CallLane, name: str, *, again: bool, whole: bool) -> bool:
        """Take a piece of a name, ``again`` if the call's own id came with it; return whether it fits the limit."""
        if lane.named:
            if name != lane.name:
                lane.doubtful = True
                self.odd("late_name", f"{name!r} came after {lane.name!r}", lane.choice, lane.ordinal)
            return True
        policy = self._policies.name
        auto = policy == "auto" and bool(lane.name)
        repeated = auto and again and name.startswith(lane.name)
        if repeated and not lane.repeats_name:
            lane.repeats_name = True
            self.odd("repeated_name", f"{name!r} came again; Dialect.name tells", lane.choice, lane.ordinal)
        elif auto and again and not repeated:
            lane.doubtful = True
            what = f"{name!r} with the id of {lane.name!r}: more of its name or another call; Dialect.name tells"
            self.odd("ambiguous_call", what, lane.choice, lane.ordinal)
        lane.is_doubled = auto and not again and lane.name == name * (len(lane.name) // len(name))
        return lane.add_name(name, self._limits.name, whole=whole or repeated or policy == "snapshot")

    def _complete_names(self, calls: Calls) -> None:
        for lane in calls.lanes:
            self._complete_name(lane)

    def _complete_name(self, lane: CallLane) -> None:
        """The name grows no more. Where its last piece is all that came before it again, it may be a repeated name."""
        if lane.is_doubled and not lane.named:
            lane.doubtful = True
            what = f"{lane.name!r} may be a name that came more than once; Dialect.name tells"
            self.odd("ambiguous_call", what, lane.choice, lane.ordinal)
        if not lane.named and holds_marker(lane.name):
            lane.doubtful = True
            self.odd("marker_in_name", f"{lane.name!r} holds a marker of the model's", lane.choice, lane.ordinal)
        lane.complete_name(self._channels, self.writer)

    def _adopt(self, calls: Calls) -> None:
        """Arguments that never got a name are given to the one call that may lack them: a guess, so it is in doubt."""
        orphans, lane = calls.adoption()
        if lane is None:
            return
        self._call_routes.clear()
        for orphan in orphans:
            calls.adopt(orphan, lane)
            lane.doubtful = True
            what = "arguments without a name were taken for those of the only open call"
            self.odd("ambiguous_call", what, lane.choice, lane.ordinal)
            if not lane.feed(orphan.arguments.getvalue(), self._terms[None]):
                self.exceed("arguments")
                return

    def _take_finish(self, event: Finish) -> None:
        choice = self.run.choices[event.choice]
        word, means = event.reason, self._meaning(event.reason)
        if means.rank != CUT:
            choice.calls.vouched = choice.calls.entries
        if means is UNKNOWN:
            what = f"finish reason {word!r}; Dialect(finish_words=…) teaches what it means"
            self.odd("unknown_finish", what, event.choice)
        kept = choice.finish_reason
        stands, contradicts = (
            (True, False) if kept is None else second(self._policies.finish, self._meaning(kept), means)
        )
        if contradicts:
            self.odd("second_finish", f"{word!r} after {kept!r}", event.choice)
        if stands:
            choice.finish_reason = word
        self._complete_names(choice.calls)
        self._close_members(choice.calls)
        self._adopt(choice.calls)
        if self._stream.is_open:
            self.writer.boundary(self._stream, "finish")

    def _take_usage(self, event: UsageReport) -> None:
        counts = {name: count for name in _COUNTS if (count := getattr(event, name)) is not None}
        if self._policies.usage == "max":
            counts = {name: max(count, getattr(self.run.usage, name) or 0) for name, count in counts.items()}
        text = kept({**(self.run.usage.raw or {}), **event.raw})
        if not self._has_room("extras", len(text), "usage"):
            text = kept(event.raw)
        raw = json.loads(text)
        update = {**counts, "raw": raw if raw and isinstance(raw, dict) else None}
        if counts:
            update["source"] = "reported"
        self.run.usage = self.run.usage.model_copy(update=update)

    def _take_thought(self, event: Thought) -> None:
        choice = self.run.choices[event.choice]
        lane = choice.text_lane(event.choice, "reasoning")
        if event.data and lane.MACHINE.accepts(lane, "redacted"):
            self.writer.boundary(lane, "redacted", "redacted")
        size = len(event.kind) + len(event.id or "") + 1
        if not self._has_room("sent_back", size, "reasoning_details"):
            return
        known = len(choice.details)
        detail = choice.detail(event)
        if len(choice.details) > known:
            self._spend("sent_back", size)
        if event.whole or self._policies.reasoning == "snapshot":
            self._spend("text", -detail.text.tell())
            detail.text = StringIO()
        # No more of the text than its lane takes, which reads the same text next.
        self._write("text", event.text[: self._limits.text - lane.size], detail.text, "reasoning_details.text")
        self._write("sent_back", event.data, detail.data, "reasoning_details.data")
        signature = event.signature
        if signature not in (None, detail.signature) and self._has_room(
            "sent_back", len(signature), "reasoning_details.signature"
        ):
            self._spend("sent_back", len(signature))
            detail.signature = signature
        if event.extras:
            self._keep(event.extras, detail.extras)

    def _take_extra(self, event: Extra) -> None:
        self._keep({event.name: event.value}, self._extras(event.choice))

    def _extras(self, choice: int | None) -> Extras:
        return self.run.extras if choice is None else self.run.choices[choice].extras

    def _keep(self, fields: Mapping[str, Any], extras: Extras) -> None:
        """Add the values to ``extras``, each as its field's policy says, while there is room."""
        policies = self._policies
        for field_name, value in fields.items():
            name = without_surrogates(field_name if isinstance(field_name, str) else show(field_name))
            if (apart := policies.kept_apart.get(name)) and isinstance(value, Mapping):
                self._keep({f"{name}.{key}": value[key] for key in apart if says(value.get(key))}, extras)
                value = {key: each for key, each in value.items() if key not in apart}  # noqa: PLW2901 - the rest of it
                if not value:
                    continue
            found = extras.get(name) or Kept(policies.keep(name))
            is_piece = found.policy == "concatenate" and isinstance(value, str)
            text = json.dumps(value) if is_piece else kept(value)  # the other half of a character may come next
            if found.policy == "set" and text in found.texts:
                continue
            purse: _Purse = "sent_back" if name in SENT_BACK else "extras"
            if self._has_room(purse, len(name) + len(text), name):
                self._spend(purse, len(name) + len(text))
                extras.setdefault(name, found).add(text)

    def _has_room(self, purse: _Purse, size: int, what: str) -> bool:
        """Whether a limit allows ``size`` more characters of ``what``; if not, that is told, and no more of it kept."""
        bound = getattr(self._limits, purse)
        told = f"no room for all of {show(what)}: Limits.{purse} is {bound}"
        if told not in self.run.told and size <= bound - self.run.spent.get(purse, 0):
            return True
        self._odd_once("more_extras", told)
        if told not in self.run.told:  # too much to remember: the purse is closed
            self.run.spent[purse] = bound
        return False

    def _spend(self, purse: _Purse, size: int) -> None:
        self.run.spent[purse] = self.run.spent.get(purse, 0) + size

    def _write(self, purse: _Purse, text: str, to: Buffer, what: str) -> None:
        """Add as much of ``text`` as a limit allows."""
        if not self._has_room(purse, len(text), what):
            text = text[: max(getattr(self._limits, purse) - self.run.spent.get(purse, 0), 0)]
        self._spend(purse, len(text))
        to.write(text)

    def _take_failure(self, event: Failure) -> None:
        self.stop("error", ErrorInfo(code=event.code, message=event.message))

    def take_late(self) -> None:
        """More came after the end: odd, once; but not where it is we who stopped reading."""
        if self.run.error and self.run.error.code in ("limit", "foreign_wire"):
            return
        self._odd_once("late_chunk", f"more came after the stream had ended as {self._stream.state!r}")

    def _take_oddity(self, event: Oddity) -> None:
        if key := _ONCE.get(event.kind):
            self._odd_once(event.kind, event.detail, event.choice, key=getattr(event, key))
        else:
            self.odd(event.kind, event.detail, event.choice)
        self._keep(event.fields, self._extras(event.choice))

    # -- the end ----------------------------------------------------------------------------------------------------

    def stop(self, event: str, error: ErrorInfo | None = None) -> None:
        """Fire ``event`` on every lane, the stream's last."""
        run = self.run
        if event == "end":
            finished = bool(run.choices) and all(choice.finish_reason for choice in run.choices.values())
            event = closing(finished=finished, strict=self._policies.strict_end)
            error = _UNMARKED if event == "error" else None
        run.error = error
        self._text_routes.clear()
        self._call_routes.clear()
        if event != "limit":
            for choice in run.choices.values():
                self._complete_names(choice.calls)
                if event == "end":
                    self._close_members(choice.calls)
                self._adopt(choice.calls)
        for index, choice in run.choices.items():
            for text in choice.texts.values():
                text.close(event, self.writer)
                self._judge_text(text)
            content, tags = choice.texts.get("content"), self._terms["content"].tags
            if content and tags and (stray := content.stray_tag(tags)):
                what = f"{stray!r} closed no thought: where the prompt opens it, ThinkTags(starts='inside')"
                self.odd("stray_tag", what, index)
            if found := choice.written_call():
                self.odd("call_in_text", f"the text holds a call, which is not read: {found!r}", index)
            for call in choice.calls.lanes:
                call.close(event, self._channels, self.writer)
                if not call.name and not call.adopted:
                    self.odd("nameless_call", "the call ended without a name", index, call.ordinal)
                for key in call.scanner.duplicates if call.scanner else ():
                    self.odd("duplicate_key", f"key {key!r} came again", index, call.ordinal)
                self._judge_arguments(choice, call)
                if event == "end" and self._is_silent(call):
                    what = f"{call.name!r} is how the model speaks, and said nothing"
                    self.odd("silent_speech", what, index, call.ordinal)
        if event == "end":
            self._judge_choices()
        first = run.choices[min(run.choices)] if run.choices else Choice()
        target = STREAM.table.by_cell[run.stream.state, event].target
        self.writer.boundary(run.stream, event, self.outcome(first, target)[0])

    def _judge_text(self, lane: TextLane) -> None:
        policy = getattr(self._policies, "reasoning" if lane.label == "reasoning" else "content")
        if policy == "fragment" and lane.repeats:
            field = "reasoning" if lane.label == "reasoning" else "content"
            what = f'the {lane.label} is the same text more than once; Dialect({field}="final_repeat") reads it once'
            self.odd("repeated_text", what, lane.choice)

    def _judge_arguments(self, choice: Choice, call: CallLane) -> None:
        if call.repeated:
            what = "all of the arguments came again, and was left out"
            self.odd("repeated_arguments", what, call.choice, call.ordinal)
        verdict = call.judge()[0]
        cut = choice.finish_reason is None or self._meaning(choice.finish_reason).rank == CUT
        if verdict in WHOLE or call.adopted or (verdict == "incomplete" and cut):
            return
        if self._policies.arguments != "snapshot" and (advice := call.advice):
            self.odd("unmerged_arguments", advice, call.choice, call.ordinal)

    def _judge_choices(self) -> None:
        """Tell where finish reasons do not fit what came. ``stop`` after calls does: demanded calls end so."""
        choices = self.run.choices
        first, *others = self.answer() or (0,)
        if others:
            what = f"choice {first} was answered with the calls of choice {others[0]}"
            self.odd("split_answer", f'{what}; Dialect(choice="one") makes them one', first)
        for index, choice in choices.items():
            part = self._part(choice)
            if part.waits and not part.calls and not (others and index == first):
                self.odd("finish_without_calls", f"finish reason {choice.finish_reason!r}, but no call came", index)
        finished = [index for index, choice in choices.items() if choice.finish_reason]
        spoken = all(choice.texts or choice.calls.lanes for choice in choices.values())
        if not others and spoken and len(choices) > 1 and finished == [max(choices)]:
            what = 'only the last choice was finished: if there is one answer, Dialect(choice="one") says so'
            self.odd("ambiguous_choice", what, first)

    def answer(self) -> tuple[int, ...]:
        """The indexes of the choices that make up the first one's answer: itself, and those that hold its calls."""
        if not self.run.choices:
            return ()
        first, *others = sorted(self.run.choices)
        parts = {index: self._part(self.run.choices[index]) for index in (first, *others)}
        return (first, *(index for index in others if belongs(parts[first], parts[index])))

    def _part(self, choice: Choice) -> Part:
        word = choice.finish_reason
        waits = None if word is None else self._meaning(word).stop_reason is StopReasonType.tool_calls
        return Part(bool(choice.texts), bool(choice.calls.lanes), waits)

    def exceed(self, limit: str) -> None:
        """Stop, because more came than the limit of that name allows."""
        bound = getattr(self._limits, limit)
        self.stop("limit", ErrorInfo(code="limit", message=f"more than {bound} {_UNITS[limit]}"))

    def outcome(self, choice: Choice, state: str) -> tuple[StopReasonType, bool]:
        """The choice's stop reason, and whether its whole calls are ready, were the stream to end in ``state``."""
        parts = [self.run.choices[index] for index in self.answer()]
        if not any(choice is part for part in parts):
            parts = [choice]
        calls = [call for part in parts for call in part.calls.lanes if not call.adopted]
        if not all(call.judge()[0] in WHOLE for call in calls):
            came = "open"
        else:
            came = "calls" if calls else "text" if choice.texts else "nothing"
        word = choice.finish_reason or next((part.finish_reason for part in parts if part.finish_reason), None)
        said = None if word is None else self._meaning(word)
        return outcome(state, said, came, trusted=self._policies.unmarked_end == "complete")

    def is_certain(self, calls: Calls, call: CallLane) -> bool:
        """Whether the call, if its JSON is closed, is just what the model made: nothing of it was guessed or lost."""
        if call.doubtful or self._is_silent(call):
            return False
        if call.repeats is not None:
            first = calls.lanes[call.repeats]
            if call.arguments.getvalue().strip() == first.arguments.getvalue().strip():
                return False
        # Without arguments, only the server's word says that there are none, and only of what came before it; an empty
        # object may be a placeholder of them. Nor does free text show that a piece of it is missing.
        vouched = call.judge()[0] != "empty" or call.entry <= calls.vouched
        return vouched and not (self.run.doubt and (call.is_empty or call.form == "text"))

    def _is_silent(self, call: CallLane) -> bool:
        """Whether the call is one through which the model speaks, and nothing was said in it."""
        if call.adopted or call.form == "text" or not self._channels.is_message_tool(call.name):
            return False
        turns = self.run.numbering.turns
        return not any((turn.choice, turn.label, turn.field) == (call.choice, call.label, "content") for turn in turns)

    # -- small parts ------------------------------------------------------------------------------------------------

    def _meaning(self, finish_reason: str) -> Ending:
        return ending(finish_reason, self._policies.finish_words)

    def _hides_reasoning(self) -> bool:
        options, model = self.options, self.run.model
        if options.reasoning_model is not None:
            return options.reasoning_model
        return options.inner_thoughts_kwarg is None and model is not None and is_reasoning_model(model)

    def odd(self, kind: AnomalyKind, detail: str, choice: int | None = None, call: int | None = None) -> None:
        """Record an anomaly, as long as there is room for it."""
        self.run.doubt = self.run.doubt or (kind in DOUBTS and (choice is not None or kind == "not_a_chunk"))
        anomalies = self.run.anomalies
        if len(anomalies) < self._limits.anomalies:
            anomalies.append(Anomaly(kind=kind, detail=detail, choice=choice, call=call))
        elif len(anomalies) == self._limits.anomalies:
            anomalies.append(Anomaly(kind="more_anomalies", detail="and more, which were not kept"))

    def _odd_once(self, kind: AnomalyKind, detail: str, choice: int | None = None, *, key: str | None = None) -> None:
        """Record an anomaly, unless one with its ``key`` was recorded before; the key is its detail, unless given."""
        key = detail if key is None else key
        if key not in self.run.told:
            if len(self.run.told) <= self._limits.anomalies:
                self.run.told.add(key)
            self.odd(kind, detail, choice)


_UNMARKED = ErrorInfo(code="unmarked_end", message="the stream ended without a finish reason")
_COUNTS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
DOUBTS: frozenset[AnomalyKind] = frozenset(
    {
        *("not_a_chunk", "wrong_type", "ambiguous_call", "duplicate_id", "changed_id"),
        *("nameless_call", "late_name", "snapshot_conflict", "unread_arguments", "call_in_text"),
    }
)
"""Anomalies after which arguments may be somewhere else than they belong."""
_ONCE: Mapping[AnomalyKind, Literal["kind", "detail"]] = {
    "foreign_wire": "kind",
    "wrapped_comment": "kind",
    "unread_arguments": "detail",
}
"""Anomalies of the wire that are told once: one of the kind, or one of each detail."""
WHOLE = ("valid", "lenient", "empty", "text")
_UNITS = {
    "text": "characters of text",
    "arguments": "characters of arguments",
    "name": "characters of a tool's name",
    "tool_calls": "tool calls",
    "choices": "choices",
    "event": "bytes of one event",
}
_TAKES: dict[type[Event], Callable[[Response, Any], None]] = {
    Envelope: Response._take_envelope,
    Begin: Response._take_begin,
    Finish: Response._take_finish,
    Thought: Response._take_thought,
    Extra: Response._take_extra,
    UsageReport: Response._take_usage,
    Failure: Response._take_failure,
    Oddity: Response._take_oddity,
}
