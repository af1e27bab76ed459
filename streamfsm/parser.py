"""``StreamParser``: chunks in, typed messages out. It does no I/O; each response needs one of its own."""

import json
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias, TypeVar, cast, get_args
from uuid import uuid4

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from streamfsm.channels import Channel
from streamfsm.core.events import AnomalyReport, Handler
from streamfsm.core.extras import values
from streamfsm.core.invariants import broken
from streamfsm.core.json_values import fields_of
from streamfsm.core.judge import WHOLE
from streamfsm.core.lanes import OPEN, CallLane
from streamfsm.core.response import Response
from streamfsm.core.run import Choice, Options, Run
from streamfsm.core.text import without_surrogates
from streamfsm.core.writer import Turn
from streamfsm.errors import MisuseError
from streamfsm.limits import Limits
from streamfsm.messages import StopReasonType, StreamMessage, made_up_id
from streamfsm.result import NOT_KEPT, ChoiceResult, ErrorInfo, ParsedCall, StreamResult, without_texts
from streamfsm.think_tags import AnyThinkTags
from streamfsm.trace import Trace, TraceLog
from streamfsm.wires.chat.dialect import Dialect
from streamfsm.wires.chat.reader import ChatCompletions
from streamfsm.wires.foreign import begins_responses, keeps_alive
from streamfsm.wires.responses.reader import Responses
from streamfsm.wires.sse import (
    DONE,
    UNFRAMED,
    EventStream,
    ServerSentEvent,
    beginning,
    chunk_of,
    documents,
    is_field,
    outdented,
)
from streamfsm.wires.template import Template

_WireName: TypeAlias = Literal["auto", "chat", "responses"]
_WIRES: Final = get_args(_WireName)
StreamState = Literal["open", "done", "failed", "cancelled"]
_T = TypeVar("_T")
_NOT_PLAIN = (UNFRAMED, b"error")  # names of server-sent events that change how their data is read


@dataclass(slots=True)
class _Wire:
    """The state of the code that reads the wire, as opposed to what was read."""

    source: Annotated[ChatCompletions | Responses, Field(discriminator="wire")]
    known: bool = False
    """Whether the wire has been decided, by an object or by the caller."""
    body: EventStream = field(default_factory=EventStream)
    body_done: bool = False
    """Whether the event that ends a body has come."""
    unread: str = ""
    """The beginning of text that came instead of events."""


_VERSION: Final = 4  # of snapshots; changes with their shape: see docs/snapshots.md


@dataclass(frozen=True, slots=True)
class _Snapshot:
    # The schema's names are those of the attributes without leading underscores; unknown names are rejected.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=lambda name: name.lstrip("_"), extra="forbid", arbitrary_types_allowed=True
    )

    version: Literal[4]
    options: Options
    run: Run
    wire: _Wire


class StreamParser:
    """Parses the stream of one response.

    Args:
        inner_thoughts_kwarg: the key, or several accepted keys, in any tool's arguments whose value is the thoughts;
            ``None``: there is no such key.
        assistant_tool: the message tool, through which the model speaks; ``None``: no tool is. That is the default of
            :class:`OpenAIStreamingInterface`, as in the class that it replaces.
        assistant_kwarg: the key in that tool's arguments whose value is the message.
        channels: other values of arguments that become messages of their own, :class:`ArgumentMessage`.
        reasoning_model: whether the model reasons without showing it, so that hidden reasoning is announced; ``None``:
            decided by the model's name, unless ``inner_thoughts_kwarg`` is set.
        think_tags: opening and closing tag of reasoning inside content, such as ``("<think>", "</think>")``; a
            :class:`ThinkTags` if the prompt opens the thought, or if thoughts may come amid the answer; or several.
        requires_approval_tools: tools whose calls are announced as :class:`ApprovalRequestMessage`.
        seal_tools: tools whose calls are announced by a :class:`ToolCallSealed` as soon as they are complete and not in
            doubt; a :class:`ToolCallRevoked` follows if they turn out not to be ready.
        dialect: how the server's format differs from OpenAI's.
        limits: the most that the parser accepts before the stream fails.
        wire: the protocol of the stream, ``chat`` (Chat Completions) or ``responses``; ``auto``: the first object
            decides. An object of the other protocol is the anomaly ``foreign_wire``.
        message_id: id of all messages; by default ``message-`` and a new UUID.
        run_id: copied to all messages.
        step_id: copied to all messages.
        date: date of all messages, with a time zone; by default the current time.
        boundaries: whether the returned lists also contain :class:`RunStarted`, :class:`RunEnded` and
            :class:`CallClosed`, in order. The declared type is still a list of messages.
        keep: whether :attr:`result` holds the texts. If not, the parser and its snapshots discard texts and finished
            arguments once their messages are emitted, so that a stream's memory does not depend on its length. That
            suits a gateway, which only passes messages on. The messages are the same; see ``docs/keep.md``.
        trace: receives a :class:`Transition` for each row taken and each message: a callable, or a list to append to,
            or a :class:`TraceLog`, whose records also say where in the stream, why, and with what text. If the callable
            raises an exception, the method that was called first reads its input to the end; the next method returns
            the messages.

    Raises:
        MisuseError: an argument is invalid.
    """

    __slots__ = ("__weakref__", "_frame", "_response", "_shortest", "_template", "_traced", "_wire")

    def __init__(
        self,
        *,
        inner_thoughts_kwarg: str | Collection[str] | None = "thinking",
        assistant_tool: str | None = "send_message",
        assistant_kwarg: str = "message",
        channels: Iterable[Channel] = (),
        reasoning_model: bool | None = None,
        think_tags: AnyThinkTags | None = None,
        requires_approval_tools: Collection[str] = (),
        seal_tools: Collection[str] = (),
        dialect: Dialect = Dialect(),  # noqa: B008 - frozen
        limits: Limits = Limits(),  # noqa: B008 - frozen
        wire: _WireName = "auto",
        message_id: str | None = None,
        run_id: str | None = None,
        step_id: str | None = None,
        date: datetime | None = None,
        boundaries: bool = False,
        keep: bool = True,
        trace: Trace = None,
    ) -> None:
        if not (trace is None or callable(trace) or isinstance(trace, list | TraceLog)):
            raise MisuseError(f"trace must be a callable, a list or a TraceLog, not {trace!r}")
        if not isinstance(dialect, Dialect):
            raise MisuseError(f"dialect must be a Dialect, not {dialect!r}")
        if wire not in _WIRES:
            raise MisuseError(f"wire must be one of {', '.join(_WIRES)}, not {wire!r}")
        try:
            options: Options = _adapter(Options).validate_python(
                {
                    "inner_thoughts_kwarg": (inner_thoughts_kwarg,)
                    if isinstance(inner_thoughts_kwarg, str)
                    else inner_thoughts_kwarg,
                    "assistant_tool": assistant_tool,
                    "assistant_kwarg": assistant_kwarg,
                    "channels": tuple(channels),
                    "reasoning_model": reasoning_model,
                    "think_tags": think_tags,
                    "requires_approval_tools": requires_approval_tools,
                    "seal_tools": seal_tools,
                    "limits": limits,
                    "message_id": message_id or f"message-{uuid4()}",
                    "run_id": run_id,
                    "step_id": step_id,
                    "boundaries": boundaries,
                    "keep": keep,
                    "date": date or datetime.now(timezone.utc).replace(microsecond=0),
                }
            )
        except ValidationError as error:
            problems = error.errors(include_url=False)
            raise MisuseError("; ".join(f"{each['loc'][0]}: {each['msg']}" for each in problems)) from error
        source = Responses(dialect) if wire == "responses" else ChatCompletions(dialect)
        self._open(_Snapshot(_VERSION, options, Run(), _Wire(source, wire != "auto")), trace)

    def _open(self, state: _Snapshot, trace: Trace) -> None:
        self._wire = state.wire
        self._response = Response(state.options, state.wire.source.dialect, state.run, trace)
        self._template = Template()
        self._frame = b""  # the bytes before the data of the latest event, if that event came in a piece of its own
        self._shortest = min(state.options.limits.event, state.options.limits.values)
        if not state.options.keep:
            self._traced = self._response.writer.chunk_ends
            self._response.writer.chunk_ends = self._let_go

    # -- reading ----------------------------------------------------------------------------------------------------

    def feed(self, chunk: object) -> list[StreamMessage]:
        """Read the next chunk.

        Args:
            chunk: an object of the ``openai`` client, ``ChatCompletionChunk`` or ``ResponseStreamEvent``, or a dict of
                the same shape.

        Returns:
            The messages that became decidable, in order; often none, sometimes several. Nothing that a server sends
            raises an exception: see :attr:`result` for anomalies and errors.
        """
        self._read(chunk)
        return self._response.writer.drain()

    def feed_bytes(self, data: bytes) -> list[StreamMessage]:
        """Read the next bytes of the response's body, which is server-sent events, cut anywhere.

        This builds no object for each chunk, which takes the ``openai`` client more time than all that is done here.
        ``[DONE]`` ends the stream, as :meth:`close` does; nothing after it is read. An event that is not JSON fails the
        stream, where the client would raise. A body that is JSON instead of an event stream is read as well; any other
        text fails the stream at its end, with code ``not_a_stream`` and the beginning of the text.

        Args:
            data: any number of bytes.

        Returns:
            As :meth:`feed`.

        Raises:
            MisuseError: ``data`` is not bytes.
        """
        if type(data) is not bytes:
            data = _as_bytes(data)
        wire = self._wire
        if wire.body_done:
            return self._response.writer.drain()
        if self._is_like_before(data):
            return self._response.writer.drain()
        events = wire.body.feed(data, self._response.options.limits.event)
        for event in events:
            self._take_event(event)
        self._frame = b""
        if len(events) == 1 and wire.body.is_between_events:
            self._frame = b"event: %b\ndata: " % events[0][0] if events[0][0] else b"data: "
        if wire.body.too_large and self.state == "open":
            self._response.exceed("event")
        return self.close() if wire.body_done else self._response.writer.drain()

    def announce_hidden(self) -> list[StreamMessage]:
        """Announce, before the first chunk, that the model reasons without showing it.

        Without this call, the model's name in a chunk decides, and the first message announces it.

        Returns:
            A :class:`HiddenReasoningMessage`; nothing if a message has been emitted.
        """
        self._response.announce_hidden()
        return self._response.writer.drain()

    def close(self) -> list[StreamMessage]:
        """End the stream, because there are no more chunks. Idempotent.

        Returns:
            The messages that were held back, then the :class:`StopReason`.
        """
        body = self._wire.body
        for event in body.close():
            self._take_event(event)
        if not body.events and body.fed and self.state == "open":
            self._response.anomalies.record("not_a_chunk", "the body contains no server-sent event")
        if (unread := self._wire.unread) and self.state == "open":
            self._wire.source.close(self._response)
            if not any(choice.finish_reason for choice in self._response.run.choices.values()):
                error = ErrorInfo(code="not_a_stream", message=f"the body is not an event stream: {unread!r}")
                return self._end("error", error)
            if not is_field(unread):
                self._response.anomalies.record("not_a_chunk", f"lines that are not an event: {unread!r}")
        return self._end("end")

    def cancel(self) -> list[StreamMessage]:
        """End the stream because the caller wants no more: like :meth:`close`, but ``cancelled``; no call is ready."""
        return self._end("cancel")

    def fail(self, error: BaseException | str) -> list[StreamMessage]:
        """End the stream because the transport failed: like :meth:`close`, but ``failed``; no call is ready.

        Args:
            error: what happened; ``result.error`` keeps its text, and its ``code`` attribute if it has one.
        """
        code = getattr(error, "code", None)
        message = without_surrogates(str(error) or repr(error))
        code = None if code is None else without_surrogates(str(code))
        return self._end("error", ErrorInfo(code=code, message=message))

    def _end(self, event: str, error: ErrorInfo | None = None) -> list[StreamMessage]:
        self._stop(event, error)
        return self._response.writer.drain()

    def _stop(self, event: str, error: ErrorInfo | None = None) -> None:
        if self.state == "open":
            self._wire.source.close(self._response)
        if self.state == "open":
            self._response.stop(event, error)

    # -- state and result -------------------------------------------------------------------------------------------

    @property
    def state(self) -> StreamState:
        """The state of the stream: ``open``, ``done``, ``failed`` or ``cancelled``."""
        stream = self._response.run.stream
        return cast("StreamState", "open" if stream.is_open else stream.state)

    @property
    def message_id(self) -> str:
        """The id of all messages of this parser."""
        return self._response.options.message_id

    @property
    def final_response(self) -> Any:
        """The complete response in the event that ends a Responses stream: the object that was fed, or a dict.

        ``None`` on Chat Completions, and before that event. A snapshot omits it.

        Raises:
            MisuseError: the parser was made with ``keep=False``.
        """
        if not self._response.options.keep:
            raise MisuseError(NOT_KEPT.format("final_response"))
        source = self._wire.source
        return source.final if isinstance(source, Responses) else None

    @property
    def result(self) -> StreamResult:
        """The result of the stream so far, built anew on each access.

        With ``keep=False`` it has no texts, arguments or extras: reading those raises :class:`MisuseError`, and its
        JSON lacks them. It still has names, ids, verdicts, which calls are ready, the extras of calls, and the usage.
        """
        run, judge = self._response.run, self._response.judge
        answer = set(judge.answer())
        outcomes = {} if self.state == "open" else judge.outcomes(self.state)
        given: set[str | None] = set()  # ids of calls, which must differ within a message that is sent back
        turns: dict[int, list[Turn]] = {}
        for turn in run.numbering.turns or ():
            turns.setdefault(turn.choice, []).append(turn)

        def choice_result(index: int, choice: Choice) -> ChoiceResult:
            outcome = outcomes.get(index, (None, False))
            ids = given if index in answer else set[str | None]()
            return self._choice_result(index, choice, ids, turns.get(index, ()), outcome)

        choices = [choice_result(index, run.choices[index]) for index in sorted(run.choices)]
        first = choices[0] if choices else choice_result(0, Choice())
        parts = [choice for choice in choices if choice.index in answer]
        result = StreamResult(
            response_id=run.response_id,
            model=run.model,
            content=first.content,
            reasoning=first.reasoning,
            refusal=first.refusal,
            assistant_text="".join(part.assistant_text for part in parts),
            thoughts="".join(part.thoughts for part in parts),
            tool_calls=[call for part in parts for call in part.tool_calls],
            usage=run.usage.model_copy(update={"raw": run.usage.raw and dict(run.usage.raw)}),
            finish_reason=next((part.finish_reason for part in parts if part.finish_reason), None),
            stop_reason=first.stop_reason,
            choices=choices,
            answer=[part.index for part in parts],
            extras=values(run.extras),
            error=run.error,
            anomalies=list(run.anomalies),
        )
        return result if self._response.options.keep else without_texts(result)

    # -- persistence ------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """Return the state as a JSON-compatible dict, from which :meth:`restore` continues in any process.

        It omits the trace and :attr:`final_response`.
        """
        snapshot = _Snapshot(_VERSION, self._response.options, self._response.run, self._wire)
        return cast("dict[str, Any]", _adapter(_Snapshot).dump_python(snapshot, mode="json", by_alias=True))

    @classmethod
    def restore(cls, snapshot: dict[str, Any], *, trace: Trace = None) -> "StreamParser":
        """Return a parser that continues where the parser of ``snapshot`` stopped.

        Raises:
            MisuseError: no parser of this version can have made the snapshot.
        """
        version = snapshot.get("version") if isinstance(snapshot, dict) else None
        if version != _VERSION:
            raise MisuseError(f"not a snapshot of this version: it is of version {version}, this is version {_VERSION}")
        parser = cls.__new__(cls)
        try:
            given = json.dumps(snapshot, sort_keys=True)
            json.dumps(snapshot, ensure_ascii=False).encode()
            kept = _adapter(_Snapshot).validate_python(snapshot)
            problems = [*broken(kept.run, kept.options)]
            choices = kept.run.choices
            if kept.run.stream.is_open and not kept.wire.source.fits(
                choices, choices[0].calls.at_index if 0 in choices else ()
            ):
                problems.append("the reader of the wire knows the same choices and calls as the core")
            if not problems:
                parser._open(kept, trace)
                if not parser._response.fits():
                    problems.append("the state keeps what the options say")
        except Exception as error:  # a snapshot is untrusted input: anything wrong with it is reported like this
            raise MisuseError(f"not a snapshot of this version: {error}") from error
        if problems:
            raise MisuseError(f"not a snapshot of this version: violated: {'; '.join(problems)}")
        if json.dumps(parser.snapshot(), sort_keys=True) != given:
            raise MisuseError("not a snapshot of this version: no parser writes it like this")
        return parser

    def _let_go(self) -> None:
        """With ``keep=False``, discard what was emitted, after each piece of the stream."""
        self._response.let_go()
        self._wire.source.let_go()
        if self._traced is not None:
            self._traced()

    def _read(self, chunk: object, to: Handler | None = None) -> bool:
        wire = self._wire
        if not wire.known:
            self._recognise(chunk)
        if self._response.run.stream.state in OPEN:  # for every chunk
            return wire.source.read(chunk, to or self._response)
        if not wire.source.goes_on(chunk):
            self._response.take_late()
        wire.source.read_late(chunk, self._response)
        return False

    def _recognise(self, chunk: object) -> None:
        """Choose the reader by the first object that belongs to one wire only."""
        wire, fields = self._wire, fields_of(chunk)
        if begins_responses(fields):
            wire.source, wire.known = Responses(wire.source.dialect), True
        elif fields.get("choices"):
            wire.known = True

    def _is_like_before(self, data: bytes) -> bool:
        """Read bytes that are one complete event with a learned shape; return whether they are."""
        frame = self._frame
        return (
            bool(frame)
            and data.startswith(frame)
            and data.find(b"\n", len(frame)) == len(data) - 2
            and data.endswith(b"\n")
            and len(data) <= self._shortest
            and self._response.run.stream.state in OPEN
            and self._template.tell(data[len(frame) : -2], self._response)
        )

    def _take_event(self, event: ServerSentEvent) -> None:
        wire = self._wire
        if wire.body_done:
            return
        name, data = event
        most = self._response.options.limits.values
        if len(data) > most and data.count(b",") + data.count(b"{") + data.count(b"[") > most and self.state == "open":
            self._response.exceed("values")
            return
        is_usual = name not in _NOT_PLAIN
        if is_usual and data == DONE:  # common, and decoding it in vain takes two decoders
            wire.body_done = True
            return
        if is_usual and self._response.run.stream.state in OPEN and self._template.tell(data, self._response):
            return
        if name == UNFRAMED:
            self._take_unframed(data)
            return
        try:
            chunk = chunk_of(event)
        except ValueError as error:
            self._take_text(data.strip(), error)
        else:
            recorder = self._template.recorder(data)
            is_plain = self._read(chunk, recorder)  # so it is not an error, whatever the event's name
            if recorder:
                recorder.tell(self._response)
            if not is_plain:
                self._template.forget()
            elif recorder:
                self._template.learn(data, recorder.events, wire.source)

    def _take_text(self, data: bytes, error: ValueError) -> None:
        """Handle data that is not JSON: the end marker, a keep-alive, or a failure."""
        if data.startswith(DONE):
            self._wire.body_done = True
        elif data.startswith(b":"):
            self._response.take(AnomalyReport("wrapped_comment", f"data with a comment: {beginning(data)!r}", None))
        elif data and self.state == "open":
            message = f"{without_surrogates(str(error))}: {beginning(data)!r}"
            self._stop("error", ErrorInfo(code="not_json", message=message))

    def _take_unframed(self, data: bytes) -> None:
        """Handle lines that belong to no event: JSON objects are chunks; of anything else the beginning is kept."""
        chunks = documents(data)
        for chunk in chunks:
            self._read(chunk)
        if outdented(data).strip().startswith(DONE):
            self._wire.body_done = True
        elif not any(chunk.get("choices") or begins_responses(chunk) or keeps_alive(chunk) for chunk in chunks):
            self._wire.unread = self._wire.unread or beginning(data)

    def _choice_result(
        self,
        index: int,
        choice: Choice,
        given: set[str | None],
        turns: Sequence[Turn],
        outcome: tuple[StopReasonType | None, bool],
    ) -> ChoiceResult:
        stop_reason, ready = outcome
        said = self._response.said(choice, turns)
        content = [lane for lane in choice.lanes_of("content") if lane.answer.size]
        numbers, details = [lane.part for lane in content], choice.in_order()
        return ChoiceResult(
            index=index,
            content=_answer(choice, "content"),
            content_parts=[lane.answer.getvalue() for lane in content],
            reasoning="".join(lane.reasoning.getvalue() for lane in choice.texts.values()),
            reasoning_field=self._wire.source.reasoning_field,
            refusal=_answer(choice, "refusal"),
            transcript=_answer(choice, "transcript"),
            assistant_text=said.get("content", ""),
            thoughts=said.get("reasoning", ""),
            reasoning_details=[choice.reasoning_detail(detail) for detail in details],
            reasoning_positions=[bisect_left(numbers, detail.order[0]) for detail in details],
            extras=values(choice.extras),
            tool_calls=[
                _parsed(call, tool_call_id, ready=ready and self._response.judge.is_certain(choice.calls, call))
                for call, tool_call_id in self._with_ids(index, choice, given)
            ],
            finish_reason=choice.finish_reason,
            stop_reason=stop_reason,
        )

    def _with_ids(self, index: int, choice: Choice, given: set[str | None]) -> Iterator[tuple[CallLane, str]]:
        """Yield the calls, each with a unique id: its own, or a made-up one if its own is among those ``given``."""
        for call in choice.calls.lanes:
            if call.adopted:
                continue
            own = call.id if call.id not in given else None
            given.add(own)
            yield call, own or made_up_id(self.message_id, index, call.ordinal)


def _as_bytes(data: object) -> bytes:
    if not isinstance(data, bytes | bytearray | memoryview):
        raise MisuseError(f"feed_bytes takes bytes, not {type(data).__name__}; feed takes chunks")
    return bytes(data)


def _answer(choice: Choice, field_name: str) -> str:
    return "".join(lane.answer.getvalue() for lane in choice.lanes_of(field_name))


def _parsed(call: CallLane, tool_call_id: str, *, ready: bool) -> ParsedCall:
    verdict, error_offset = call.judge()
    return ParsedCall(
        index=call.ordinal,
        id=call.id,
        tool_call_id=tool_call_id,
        name=call.name,
        arguments=call.arguments.getvalue(),
        kind=call.called,
        hosted=call.hosted,
        verdict=verdict,
        error_offset=error_offset,
        extras=values(call.extras),
        ready=ready and bool(call.name) and verdict in WHOLE,
    )


@cache
def _adapter(kind: type[_T]) -> TypeAdapter[_T]:
    return TypeAdapter(kind)
