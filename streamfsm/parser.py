"""``StreamParser``: sans-IO, one per response. Chunks in, typed messages out."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache
from io import StringIO
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, cast
from uuid import uuid4

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from streamfsm._channels import Channels
from streamfsm._endings import UNKNOWN, ending, outcome
from streamfsm._events import (
    Begin,
    CallPiece,
    Envelope,
    Event,
    Extra,
    Failure,
    Finish,
    Oddity,
    Text,
    Thought,
    UsageReport,
)
from streamfsm._identity import SAME_ID, Calls
from streamfsm._lanes import Buffer, CallLane, StreamLane, TextLane, ThinkTags
from streamfsm._model_names import is_reasoning_model
from streamfsm._surrogates import without_surrogates
from streamfsm._writer import MessageWriter, Numbering
from streamfsm.errors import MisuseError
from streamfsm.limits import Limits
from streamfsm.machines import STREAM
from streamfsm.messages import StopReasonType, StreamMessage
from streamfsm.result import (
    Anomaly,
    AnomalyKind,
    ChoiceResult,
    ErrorInfo,
    ParsedCall,
    ReasoningDetail,
    StreamResult,
    Usage,
)
from streamfsm.sources.chat_completions import ChatCompletions, as_json, show
from streamfsm.sources.dialect import Dialect
from streamfsm.sources.sse import DONE, EventStream, ServerSentEvent, chunk_of
from streamfsm.trace import Transition

StreamState = Literal["open", "done", "failed", "cancelled"]
_T = TypeVar("_T")
_Extras: TypeAlias = dict[str, dict[str, None]]  # field → JSON texts of its values, in order, without repeats
_Tag: TypeAlias = Annotated[str, Field(min_length=1)]


@dataclass(slots=True)
class _Detail:
    """A structured part of the reasoning."""

    kind: str
    index: int | None
    id: str | None
    text: Buffer = field(default_factory=StringIO)
    data: Buffer = field(default_factory=StringIO)
    signature: str | None = None


@dataclass(slots=True)
class _Choice:
    """What one choice has said so far."""

    texts: dict[str, TextLane] = field(default_factory=dict)
    calls: Calls = field(default_factory=Calls)
    details: list[_Detail] = field(default_factory=list)
    detail_at: dict[str, int] = field(default_factory=dict)
    """Type and index, or id → position of the detail that goes on."""
    redacted: bool = False
    """Whether reasoning that cannot be read was announced."""
    extras: _Extras = field(default_factory=dict)
    finish_reason: str | None = None

    def text_lane(self, choice: int, name: str) -> TextLane:
        """The lane of a text field, a new one if nothing came in it yet."""
        return self.texts.get(name) or self.texts.setdefault(name, TextLane(choice, name))

    def detail(self, event: Thought) -> _Detail:
        """The detail that a thought goes on with, or a new one: what is signed has ended, and so has whole data."""
        key = f"{event.kind}/{event.id if event.index is None else event.index}"
        found = self.details[self.detail_at[key]] if key in self.detail_at else None
        unnamed = event.index is None and event.id is None
        signed = found is not None and found.signature is not None and not event.whole
        if (
            found is None
            or (unnamed and event.data)
            or (signed and (event.text or event.signature not in (None, found.signature)))
        ):
            found = _Detail(event.kind, event.index, event.id)
            self.detail_at[key] = len(self.details)
            self.details.append(found)
        return found


@dataclass(slots=True)
class _Run:
    """All run state of one response. Plain data: it can be copied, pickled and written as JSON."""

    stream: StreamLane
    source: ChatCompletions
    body: EventStream = field(default_factory=EventStream)
    body_done: bool = False
    numbering: Numbering = field(default_factory=Numbering)
    choices: dict[int, _Choice] = field(default_factory=dict)
    response_id: str | None = None
    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    error: ErrorInfo | None = None
    anomalies: list[Anomaly] = field(default_factory=list)
    extras: _Extras = field(default_factory=dict)
    extras_size: int = 0
    """Characters kept of extras and of structured reasoning."""
    told: set[str] = field(default_factory=set)
    """Kinds of anomalies that are told once."""


@dataclass(frozen=True, slots=True)
class _Options:
    """The constructor's arguments that a snapshot keeps; pydantic checks them by these types."""

    inner_thoughts_kwarg: tuple[str, ...] | None
    assistant_tool: str | None
    assistant_kwarg: str
    reasoning_model: bool | None
    think_tags: tuple[_Tag, _Tag] | None
    requires_approval_tools: frozenset[str]
    dialect: Dialect
    limits: Limits
    message_id: str
    run_id: str | None
    step_id: str | None
    date: AwareDatetime


@dataclass(frozen=True, slots=True)
class _Snapshot:
    version: Literal[1]  # changes with the shape of what a snapshot keeps
    options: _Options
    run: _Run


class StreamParser:
    """Parses the stream of one response.

    Args:
        inner_thoughts_kwarg: key, or accepted keys, of any tool's arguments whose value is the model's thoughts;
            ``None``: no key is.
        assistant_tool: the tool through which the model speaks; ``None``: no tool is unpacked.
        assistant_kwarg: the key of that tool's arguments whose value is what the model says.
        reasoning_model: whether the model thinks without showing it, so that hidden reasoning is announced; ``None``:
            decided from the model's name, unless its thoughts come in a kwarg.
        think_tags: opening and closing tag of reasoning inside content, such as ``("<think>", "</think>")``.
        requires_approval_tools: tools whose calls are announced as :class:`ApprovalRequestMessage`.
        dialect: how the server speaks, where servers differ.
        limits: how much is taken before the stream fails.
        message_id: id of all messages; ``message-<uuid4>`` unless given.
        run_id: copied to all messages.
        step_id: copied to all messages.
        date: of all messages, with a time zone; now, unless given.
        trace: receives a :class:`Transition` per row taken and per message: a callable, or a list to append to.

    Raises:
        MisuseError: an argument that can never work.
    """

    def __init__(
        self,
        *,
        inner_thoughts_kwarg: str | Collection[str] | None = "thinking",
        assistant_tool: str | None = "send_message",
        assistant_kwarg: str = "message",
        reasoning_model: bool | None = None,
        think_tags: ThinkTags | None = None,
        requires_approval_tools: Collection[str] = (),
        dialect: Dialect = Dialect(),  # noqa: B008 - frozen
        limits: Limits = Limits(),  # noqa: B008 - frozen
        message_id: str | None = None,
        run_id: str | None = None,
        step_id: str | None = None,
        date: datetime | None = None,
        trace: Callable[[Transition], object] | list[Transition] | None = None,
    ) -> None:
        if not (trace is None or callable(trace) or isinstance(trace, list)):
            raise MisuseError(f"trace must be a callable or a list, not {trace!r}")
        try:
            self._options: _Options = _adapter(_Options).validate_python(
                {
                    "inner_thoughts_kwarg": (inner_thoughts_kwarg,)
                    if isinstance(inner_thoughts_kwarg, str)
                    else inner_thoughts_kwarg,
                    "assistant_tool": assistant_tool,
                    "assistant_kwarg": assistant_kwarg,
                    "reasoning_model": reasoning_model,
                    "think_tags": think_tags,
                    "requires_approval_tools": requires_approval_tools,
                    "dialect": dialect,
                    "limits": limits,
                    "message_id": message_id or f"message-{uuid4()}",
                    "run_id": run_id,
                    "step_id": step_id,
                    "date": date or datetime.now(timezone.utc).replace(microsecond=0),
                }
            )
        except ValidationError as error:
            problems = error.errors(include_url=False)
            raise MisuseError("; ".join(f"{each['loc'][0]}: {each['msg']}" for each in problems)) from error
        self._open(_Run(StreamLane(), ChatCompletions(dialect)), trace)

    def _open(self, run: _Run, trace: Callable[[Transition], object] | list[Transition] | None) -> None:
        options = self._options
        self._run = run
        self._limits = options.limits
        self._dialect = options.dialect
        self._snapshots = options.dialect.arguments == "snapshot"
        self._channels = Channels(options.inner_thoughts_kwarg or (), options.assistant_tool, options.assistant_kwarg)
        self._writer = MessageWriter(
            message_id=options.message_id,
            date=options.date,
            run_id=options.run_id,
            step_id=options.step_id,
            requires_approval=options.requires_approval_tools,
            stream=run.stream,
            trace=trace.append if isinstance(trace, list) else trace,
            numbering=run.numbering,
            hides_reasoning=self._hides_reasoning(run.model),
        )

    # -- the five verbs ---------------------------------------------------------------------------------------------

    def feed(self, chunk: object) -> list[StreamMessage]:
        """Take the next chunk.

        Args:
            chunk: an ``openai`` ``ChatCompletionChunk``, or a dict of the same shape.

        Returns:
            What became decidable with it, in order; often nothing, sometimes several messages. Whatever a server
            sends, nothing is raised: see :attr:`result` for anomalies and errors.
        """
        self._read(chunk)
        return self._writer.drain()

    def feed_bytes(self, data: bytes) -> list[StreamMessage]:
        """Take the next bytes of the response's body, server-sent events, cut anywhere.

        Does without an object per chunk, which costs the ``openai`` client more than all that is done here. ``[DONE]``
        ends the stream, as :meth:`close` does; what comes after it is not read. An event that is no JSON fails the
        stream, as it makes the client raise.

        Args:
            data: any number of bytes.

        Returns:
            As :meth:`feed`.
        """
        run = self._run
        if run.body_done:
            return []
        for event in run.body.feed(data, self._limits.event):
            self._take_event(event)
        if run.body.too_large and self.state == "open":
            self._exceed("event")
        messages = self._writer.drain()
        return messages + self.close() if run.body_done else messages

    def close(self) -> list[StreamMessage]:
        """The wire has no more chunks. Idempotent.

        Returns:
            What was held back, then the :class:`StopReason`.
        """
        run = self._run
        for event in run.body.close():
            self._take_event(event)
        if not run.body.events and run.body.fed and run.stream.state == "open":
            self._odd("not_a_chunk", "the body holds no server-sent event")
        choices = self._run.choices.values()
        if self._dialect.strict_end and not (choices and all(choice.finish_reason for choice in choices)):
            error = ErrorInfo(code="unmarked_end", message="the stream ended without a finish reason")
            return self._end("error", error)
        return self._end("end")

    def cancel(self) -> list[StreamMessage]:
        """The caller wants no more: like :meth:`close`, but as ``cancelled``, and no call is ready."""
        return self._end("cancel")

    def fail(self, error: BaseException | str) -> list[StreamMessage]:
        """The transport broke: like :meth:`close`, but as ``failed``, and no call is ready.

        Args:
            error: what happened; ``result.error`` keeps its text, and its ``code`` attribute if it has one.
        """
        code = getattr(error, "code", None)
        message = without_surrogates(str(error) or repr(error))
        code = None if code is None else without_surrogates(str(code))
        return self._end("error", ErrorInfo(code=code, message=message))

    # -- what came of it --------------------------------------------------------------------------------------------

    @property
    def state(self) -> StreamState:
        """State of the stream's machine: ``open``, ``done``, ``failed`` or ``cancelled``."""
        return cast("StreamState", self._run.stream.state)

    @property
    def message_id(self) -> str:
        """Id of all messages of this parser."""
        return self._options.message_id

    @property
    def result(self) -> StreamResult:
        """What the stream amounts to so far; built anew on each access."""
        run = self._run
        choices = [self._choice_result(index, run.choices[index]) for index in sorted(run.choices)]
        first = choices[0] if choices else self._choice_result(0, _Choice())
        return StreamResult(
            response_id=run.response_id,
            model=run.model,
            content=first.content,
            reasoning=first.reasoning,
            refusal=first.refusal,
            tool_calls=first.tool_calls,
            usage=run.usage.model_copy(),
            finish_reason=first.finish_reason,
            stop_reason=first.stop_reason,
            choices=choices,
            extras=_values(run.extras),
            error=run.error,
            anomalies=list(run.anomalies),
        )

    # -- persistence ------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """All state, as a JSON-able dict from which :meth:`restore` goes on, in this process or another."""
        snapshot = _Snapshot(version=1, options=self._options, run=self._run)
        return cast("dict[str, Any]", _adapter(_Snapshot).dump_python(snapshot, mode="json"))

    @classmethod
    def restore(
        cls, snapshot: dict[str, Any], *, trace: Callable[[Transition], object] | list[Transition] | None = None
    ) -> "StreamParser":
        """A parser that goes on where the one of ``snapshot`` was.

        Raises:
            MisuseError: the snapshot is not one of this version.
        """
        try:
            kept = _adapter(_Snapshot).validate_python(snapshot)
        except ValidationError as error:
            raise MisuseError(f"not a snapshot of this version: {error}") from error
        parser = cls.__new__(cls)
        parser._options = kept.options
        parser._open(kept.run, trace)
        return parser

    # -- what each event does ---------------------------------------------------------------------------------------

    def _take_event(self, event: ServerSentEvent) -> None:
        run = self._run
        if run.body_done:
            return
        try:
            chunk = chunk_of(event)
        except ValueError as error:
            if event[1].startswith(DONE):
                run.body_done = True
            elif run.stream.state == "open":
                self._stop("error", ErrorInfo(code="not_json", message=without_surrogates(str(error))))
        else:
            self._read(chunk)

    def _read(self, chunk: object) -> None:
        stream = self._run.stream
        if stream.state != "open":
            self._take_late()
        for event in self._run.source.read(chunk):
            if stream.state == "open" or type(event) is UsageReport:  # tokens were spent, whatever became of the stream
                _TAKES[type(event)](self, event)

    def _take_envelope(self, event: Envelope) -> None:
        self._run.response_id = self._run.response_id or event.id
        self._run.model = self._run.model or event.model
        self._writer.hides_reasoning = self._hides_reasoning(self._run.model)

    def _take_begin(self, event: Begin) -> None:
        if len(self._run.choices) == self._limits.choices:
            self._exceed("choices")
        else:
            self._run.choices[event.choice] = _Choice()

    def _take_text(self, event: Text) -> None:
        lane = self._run.choices[event.choice].text_lane(event.choice, event.field)
        if event.field == "reasoning":
            begins, policy, tags = "reasoning", self._dialect.reasoning, None
        else:
            begins, policy = "answer", self._dialect.content
            tags = self._options.think_tags if event.field == "content" else None
        text = event.text
        if event.whole or policy == "snapshot":
            text = self._news(lane, text)
        if not lane.feed(text, self._limits.text, begins, tags, self._writer):
            self._exceed("text")

    def _news(self, lane: TextLane | CallLane, text: str) -> str:
        """Of a text that is whole so far, what is new."""
        news = lane.unseen(text)
        if news is None:
            self._odd("snapshot_conflict", f"{lane.label} does not go on from what came", lane.choice)
            if isinstance(lane, CallLane):
                lane.doubtful = True
        return news or ""

    def _take_call_piece(self, event: CallPiece) -> None:
        calls = self._run.choices[event.choice].calls
        rule, lane = calls.resolve(event)
        if lane is None:
            if len(calls.lanes) == self._limits.tool_calls:
                self._exceed("tool_calls")
                return
            self._complete_names(calls)
            lane = calls.start(event)
        if rule.ambiguous:
            self._odd("ambiguous_call", f"{rule.name}: {rule.because}", event.choice, lane.ordinal)
            lane.doubtful = lane.doubtful or not rule.new
        calls.last = lane.ordinal  # which entries that say less follow
        if event.wire_index is not None:
            calls.at_index[event.wire_index] = lane.ordinal
        if event.id and lane.id is None:
            calls.identify(lane, event.id)
        if event.name and not self._take_name(event, lane, again=rule is SAME_ID):
            self._exceed("name")
        elif arguments := event.arguments:
            if not lane.scanner:
                lane.complete_name(self._channels, self._writer)
            if event.whole or self._snapshots:
                arguments = self._news(lane, arguments)
            if not lane.feed(arguments, self._limits.arguments, self._writer):
                self._exceed("arguments")
        if event.extras:
            self._keep(event.extras, lane.extras)

    def _take_name(self, piece: CallPiece, lane: CallLane, *, again: bool) -> bool:
        """Take a piece of a name, ``again`` if the call's own id came with it; return whether it fits the limit."""
        if lane.scanner:
            if piece.name != lane.name:
                self._odd("late_name", f"{piece.name!r} came after {lane.name!r}", lane.choice, lane.ordinal)
            return True
        policy = self._dialect.name
        repeated = policy == "auto" and again and piece.name.startswith(lane.name)
        if repeated and lane.name and not lane.repeats_name:
            lane.repeats_name = True
            self._odd("repeated_name", f"{piece.name!r} came with the call's own id again", lane.choice, lane.ordinal)
        whole = piece.whole or repeated or policy == "snapshot"
        return lane.add_name(piece.name, self._limits.name, whole=whole)

    def _complete_names(self, calls: Calls) -> None:
        for lane in calls.lanes:
            lane.complete_name(self._channels, self._writer)

    def _take_finish(self, event: Finish) -> None:
        choice = self._run.choices[event.choice]
        kept, new = choice.finish_reason, event.reason
        if ending(new) is UNKNOWN:
            self._odd("unknown_finish", f"finish reason {new!r}", event.choice)
        policy = self._dialect.finish
        if kept is None or policy == "last" or (policy == "ranked" and ending(new).rank > ending(kept).rank):
            choice.finish_reason = new
        if kept not in (None, new, "stop") and new != "stop":
            self._odd("second_finish", f"{new!r} after {kept!r}", event.choice)
        self._complete_names(choice.calls)
        self._writer.boundary(self._run.stream, "finish")

    def _take_usage(self, event: UsageReport) -> None:
        counts = {name: count for name in _COUNTS if (count := getattr(event, name)) is not None}
        if self._dialect.usage == "max":
            counts = {name: max(count, getattr(self._run.usage, name) or 0) for name, count in counts.items()}
        if counts:
            raw = json.loads(_kept(event.raw))
            update = {**counts, "raw": raw if isinstance(raw, dict) else None, "source": "reported"}
            self._run.usage = self._run.usage.model_copy(update=update)

    def _take_thought(self, event: Thought) -> None:
        choice = self._run.choices[event.choice]
        lane = choice.text_lane(event.choice, "reasoning")
        if event.data and not choice.redacted:
            choice.redacted = True
            self._writer.boundary(lane, "redacted", "redacted")
        detail = choice.detail(event)
        detail.signature = event.signature or detail.signature
        if event.whole or self._dialect.reasoning == "snapshot":
            detail.text = StringIO()
        # No more of the text than its lane takes, which reads the same text next.
        detail.text.write(self._room_for(event.text[: self._limits.text - lane.size]))
        detail.data.write(self._room_for(event.data))

    def _take_extra(self, event: Extra) -> None:
        extras = self._run.extras
        if event.choice is not None:
            extras = self._run.choices[event.choice].extras
        self._keep({event.name: event.value}, extras)

    def _keep(self, fields: Mapping[str, Any], extras: _Extras) -> None:
        """Add the values that are new to ``extras``, while there is room."""
        for name, value in fields.items():
            key, text = without_surrogates(name), _kept(value)
            if text not in extras.get(key, ()) and self._room_for(key + text) == key + text:
                extras.setdefault(key, {})[text] = None

    def _room_for(self, text: str) -> str:
        """As much of ``text`` as may still be kept of what nothing reads. Once it is too much, nothing is."""
        left = self._limits.extras - self._run.extras_size
        self._run.extras_size += len(text)
        if len(text) > left:
            self._odd_once("more_extras", f"more than {self._limits.extras} characters of fields that are not read")
        return text[: max(left, 0)]

    def _take_failure(self, event: Failure) -> None:
        self._stop("error", ErrorInfo(code=event.code, message=event.message))

    def _take_late(self) -> None:
        """More came after the end: odd, once; but not after a limit, where it is we who stopped reading."""
        if self._run.error and self._run.error.code == "limit":
            return
        self._odd_once("late_chunk", f"more came after the stream had ended as {self.state!r}")

    def _take_oddity(self, event: Oddity) -> None:
        self._odd(event.kind, event.detail, event.choice)

    # -- the end ----------------------------------------------------------------------------------------------------

    def _end(self, event: str, error: ErrorInfo | None = None) -> list[StreamMessage]:
        if self._run.stream.state == "open":
            self._stop(event, error)
        return self._writer.drain()

    def _stop(self, event: str, error: ErrorInfo | None = None) -> None:
        """Fire ``event`` on every lane, the stream's last."""
        run = self._run
        run.error = error
        for index, choice in run.choices.items():
            for text in choice.texts.values():
                text.close(event, self._writer)
            for call in choice.calls.lanes:
                call.close(event, self._channels, self._writer)
                if not call.name:
                    self._odd("nameless_call", "the call ended without a name", index, call.ordinal)
                for key in call.scanner.duplicates if call.scanner else ():
                    self._odd("duplicate_key", f"key {key!r} came again", index, call.ordinal)
        first = run.choices[min(run.choices)] if run.choices else _Choice()
        target = STREAM.table.by_cell[run.stream.state, event].target
        self._writer.boundary(run.stream, event, self._outcome(first, target)[0])

    def _exceed(self, limit: str) -> None:
        bound = getattr(self._limits, limit)
        self._stop("limit", ErrorInfo(code="limit", message=f"more than {bound} {_UNITS[limit]}"))

    def _outcome(self, choice: _Choice, state: str) -> tuple[StopReasonType, bool]:
        """The choice's stop reason, and whether its whole calls are ready, were the stream to end in ``state``."""
        calls = choice.calls.lanes
        if not all(call.judge()[0] in _WHOLE for call in calls):
            came = "open"
        else:
            came = "calls" if calls else "text" if choice.texts else "nothing"
        return outcome(state, choice.finish_reason, came, trusted=self._dialect.unmarked_end == "complete")

    # -- small parts ------------------------------------------------------------------------------------------------

    def _hides_reasoning(self, model: str | None) -> bool:
        options = self._options
        if options.reasoning_model is not None:
            return options.reasoning_model
        return options.inner_thoughts_kwarg is None and model is not None and is_reasoning_model(model)

    def _odd(self, kind: AnomalyKind, detail: str, choice: int | None = None, call: int | None = None) -> None:
        anomalies = self._run.anomalies
        if len(anomalies) < self._limits.anomalies:
            anomalies.append(Anomaly(kind=kind, detail=detail, choice=choice, call=call))
        elif len(anomalies) == self._limits.anomalies:
            anomalies.append(Anomaly(kind="more_anomalies", detail="and more, which were not kept"))

    def _odd_once(self, kind: AnomalyKind, detail: str) -> None:
        if kind not in self._run.told:
            self._run.told.add(kind)
            self._odd(kind, detail)

    def _choice_result(self, index: int, choice: _Choice) -> ChoiceResult:
        stop_reason, ready = (None, False) if self.state == "open" else self._outcome(choice, self.state)
        return ChoiceResult(
            index=index,
            content=_answer(choice, "content"),
            reasoning="".join(lane.reasoning.getvalue() for lane in choice.texts.values()),
            refusal=_answer(choice, "refusal"),
            transcript=_answer(choice, "transcript"),
            reasoning_details=[_detail(detail) for detail in choice.details],
            extras=_values(choice.extras),
            tool_calls=[_parsed(call, ready=ready) for call in choice.calls.lanes],
            finish_reason=choice.finish_reason,
            stop_reason=stop_reason,
        )


def _answer(choice: _Choice, field_name: str) -> str:
    lane = choice.texts.get(field_name)
    return lane.answer.getvalue() if lane else ""


def _parsed(call: CallLane, *, ready: bool) -> ParsedCall:
    verdict, error_offset = call.judge()
    return ParsedCall(
        index=call.ordinal,
        id=call.id,
        name=call.name,
        arguments=call.arguments.getvalue(),
        verdict=verdict,
        error_offset=error_offset,
        extras=_values(call.extras),
        ready=ready and bool(call.name) and verdict in _WHOLE and not call.doubtful,
    )


def _detail(detail: _Detail) -> ReasoningDetail:
    return ReasoningDetail(
        type=detail.kind,
        index=detail.index,
        id=detail.id,
        text=without_surrogates(detail.text.getvalue()),
        data=detail.data.getvalue(),
        signature=detail.signature,
    )


def _kept(value: object) -> str:
    """A value as JSON text that every reader takes: without lone surrogates, and no deeper than pydantic writes."""
    text = as_json(value)
    if text is None or (text.count("[") + text.count("{") > _DEEPEST and _is_deep(value)):
        return json.dumps(show(value))
    return without_surrogates(text)


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list | tuple)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def _values(extras: _Extras) -> dict[str, list[Any]]:
    return {name: [json.loads(text) for text in texts] for name, texts in extras.items()}


_DEEPEST = 100
_COUNTS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
_WHOLE = ("valid", "lenient", "empty")
_UNITS = {
    "text": "characters of text",
    "arguments": "characters of arguments",
    "name": "characters of a tool's name",
    "tool_calls": "tool calls",
    "choices": "choices",
    "event": "bytes of one event",
}
_TAKES: dict[type[Event], Callable[[StreamParser, Any], None]] = {
    Envelope: StreamParser._take_envelope,
    Begin: StreamParser._take_begin,
    Text: StreamParser._take_text,
    CallPiece: StreamParser._take_call_piece,
    Finish: StreamParser._take_finish,
    Thought: StreamParser._take_thought,
    Extra: StreamParser._take_extra,
    UsageReport: StreamParser._take_usage,
    Failure: StreamParser._take_failure,
    Oddity: StreamParser._take_oddity,
}


@cache
def _adapter(kind: type[_T]) -> TypeAdapter[_T]:
    return TypeAdapter(kind)
