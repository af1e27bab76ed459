"""What all sinks share: messages and boundaries in, events of another protocol out, lawful by their grammar."""

import json
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, TypeAlias, TypeVar, cast

from streamfsm.boundaries import Boundary, CallClosed, RunEnded, RunStarted
from streamfsm.errors import IllegalTransition, MisuseError
from streamfsm.messages import Message, StopReason, StopReasonType, made_up_id
from streamfsm.result import ErrorInfo, StreamResult, Usage, Verdict
from streamfsm.sinks.grammar import Grammar, Reading

E = TypeVar("E")
Fields: TypeAlias = Mapping[str, Callable[[Any, Any], dict[str, Any]]]
"""Word → the fields of its event, from the sink and what is spoken of; the type is the word unless they say it."""

Said: TypeAlias = str
"""What our stream says: one of :data:`SAYS`."""
SAYS = (
    "response begins",
    "thought begins",
    "thought goes on",
    "thought ends",
    "thought is hidden",
    "speech begins",
    "speech goes on",
    "speech ends",
    "call begins",
    "call goes on",
    "call is whole",
    "call ends ready",
    "call ends approvable",
    "call ends",
    "other message",
    "anomaly",
    "ends done",
    "ends in doubt",
    "ends cut",
    "ends unmarked",
    "ends failed",
    "ends cancelled",
)


class Writes(NamedTuple):
    """What a sink writes for one thing that our stream says."""

    said: Said
    words: tuple[str, ...]
    """Words of the grammar, in order; none: the protocol has no place for it."""
    because: str


@dataclass(slots=True)
class Piece:
    """One part that a sink writes: a run of thoughts or speech, or a call."""

    id: str
    """The run's otid, or the call's id."""
    at: int
    """How many parts the sink had begun before."""
    text: str = ""
    """What is new of its text."""
    pieces: list[str] = field(default_factory=list)
    """All of its text so far."""
    name: str = ""
    needs_approval: bool = False
    verdict: Verdict | None = None
    """Of a call whose arguments are over."""
    is_ready: bool = False
    """Whether it is a call that may be run; known at the end of the stream."""

    @property
    def whole(self) -> str:
        """All of its text so far."""
        return "".join(self.pieces)


class Ending(NamedTuple):
    """How the stream ended."""

    how: Said
    stop_reason: StopReasonType
    result: StreamResult | None

    @property
    def usage(self) -> Usage | None:
        """What was reported, without counts that are none; ``None``: nothing was."""
        if self.result is None or self.result.usage.source == "absent":
            return None
        counts = self.result.usage.model_dump(exclude={"source", "raw"})
        return Usage(source=self.result.usage.source, **{name: n for name, n in counts.items() if n is None or n >= 0})

    @property
    def error(self) -> ErrorInfo:
        """Why the stream failed."""
        return (self.result and self.result.error) or ErrorInfo(
            code=None, message=_WHY.get(self.stop_reason, "the stream failed")
        )


class Sink(Generic[E]):
    """Writes one response in another form.

    Feed it what a parser gives, messages and boundaries, and close it with the parser's result.
    """

    HEADERS: ClassVar[Mapping[str, str]] = {
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
    }
    """Those that an HTTP response with these events needs."""
    LAST: ClassVar[bytes] = b""
    """What follows the last event in a body."""

    def __init__(self) -> None:
        self._stop: StopReason | None = None
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        """Whether the stream goes on: no :class:`StopReason` came."""
        return self._stop is None

    def feed(self, item: Message | Boundary) -> list[E]:
        """Take the next message or boundary.

        Returns:
            The events that it makes, in order; often one, sometimes none.

        Raises:
            MisuseError: the stream has ended; or the sink needs boundaries, and this message came without its
                :class:`RunStarted`.
        """
        if self._is_closed or (self._stop and not isinstance(item, RunEnded)):
            raise MisuseError(f"the stream has ended, and {type(item).__name__} came")
        if not isinstance(item, Message | RunStarted | RunEnded | CallClosed):
            raise MisuseError(f"a sink takes messages and boundaries, not {item!r}")
        events = self._take(item)
        if isinstance(item, StopReason):
            self._stop = item
        return events

    def close(self, result: StreamResult | None = None) -> list[E]:
        """End the response.

        Args:
            result: the parser's, which alone knows which calls are ready, the usage and the anomalies. A response
                without calls may go without.

        Raises:
            MisuseError: no :class:`StopReason` came, so that the stream is still open; or the model asks for calls to
                be run, and there is no result; or the sink is closed.
        """
        if self._is_closed:
            raise MisuseError("the sink is closed")
        if self._stop is None:
            raise MisuseError("the stream is open: close the parser, and feed what it gives")
        events = self._end(self._stop, result)
        self._is_closed = True
        return events

    def frame(self, event: E) -> bytes:
        """Return the event as a server-sent event."""
        return b"data: " + json_bytes(event) + b"\n\n"

    def _take(self, item: Message | Boundary) -> list[E]:
        """Return the events of a message or boundary of an open stream."""
        raise NotImplementedError

    def _end(self, stop: StopReason, result: StreamResult | None) -> list[E]:
        """Return the events of the end."""
        raise NotImplementedError


class ProtocolSink(Sink[E]):
    """Writes another protocol by its :class:`Grammar`: no event leaves it that the grammar forbids."""

    GRAMMAR: ClassVar[Grammar]
    WRITES: ClassVar[tuple[Writes, ...]]
    FIELDS: ClassVar[Fields]
    KEEPS: ClassVar[tuple[str, ...]] = ("call",)
    """Of what all text is kept, because a later event says it again."""

    def __init__(self) -> None:
        super().__init__()
        self._reading = Reading(self.GRAMMAR)
        self._words = {each.said: each.words for each in self.WRITES}
        self._out: list[dict[str, Any]] = []
        self._run: RunStarted | None = None
        self._piece: Piece | None = None
        """That of the run of thoughts or speech."""
        self._calls: dict[tuple[int, int], Piece] = {}
        """Those that have begun, by choice and index."""
        self._elsewhere: dict[tuple[int, int], str] = {}
        """Calls of other choices, and their message types; they may turn out to be the answer's."""
        self._ids: set[str] = set()
        self._begun = 0
        self._choice = 0
        """The one that is written: the first to speak."""
        self._message: Message | None = None
        """The latest message."""

    def _take(self, item: Message | Boundary) -> list[E]:
        if isinstance(item, Message):
            self._take_message(item)
        elif isinstance(item, RunStarted):
            self._run = item
        elif isinstance(item, CallClosed):
            self._take_closed(item)
        else:
            self._end_run()
        return self._drain()

    def _end(self, stop: StopReason, result: StreamResult | None) -> list[E]:
        how = _HOW.get(stop.stop_reason, "ends done")
        if result is None and self._calls and how == "ends done":
            raise MisuseError("only the parser's result tells which calls are ready: close(parser.result)")
        self._end_run()
        if result:
            self._add_calls(result)
        ready = {(each.index, call.index) for each in result.choices for call in each.ready_calls} if result else set()
        for place, piece in self._calls.items():
            piece.is_ready = place in ready and self._has_place(piece)
            ends = "call ends approvable" if piece.needs_approval else "call ends ready"
            self._say(ends if piece.is_ready else "call ends", piece)
        for anomaly in result.anomalies if result else ():
            self._say("anomaly", anomaly)
        if how == "ends done" and not all(piece.is_ready for piece in self._calls.values()):
            how = "ends in doubt"
        self._say(how, Ending(how, stop.stop_reason, result))
        return self._drain()

    def _has_place(self, _: Piece) -> bool:
        """Whether the protocol can say this call, which is ready."""
        return True

    def _event(self, fields: dict[str, Any]) -> E:
        """Return the event, as users get it."""
        return cast("E", fields)

    # -- what is said -----------------------------------------------------------------------------------------------

    def _take_message(self, message: Message) -> None:
        if self._run is None:
            raise MisuseError("a message came without RunStarted: make the parser with StreamParser(boundaries=True)")
        if self._message is None:
            self._choice = message.choice_index
            self._say("response begins", message)
        self._message = message
        if isinstance(message, StopReason):
            return
        index = self._run.call_index if message.message_type in _CALLS else None
        if message.choice_index != self._choice:
            if index is not None:
                self._elsewhere[message.choice_index, index] = message.message_type
        elif index is not None:
            self._take_call(message, index)
        elif what := _TEXTS.get(message.message_type):
            self._take_text(what, message)
        elif message.message_type == "hidden_reasoning_message":
            self._say("thought is hidden", self._begin(f"{message.otid}"))
        else:
            self._say("other message", message)

    def _take_text(self, what: str, message: Message) -> None:
        piece = self._piece
        if piece is None:
            piece = self._piece = self._begin(f"{message.otid}")
            self._say(f"{what} begins", piece)
        self._go_on(what, piece, message.text)

    def _take_call(self, message: Any, index: int) -> None:
        place = self._choice, index
        piece = self._calls.get(place)
        call = message.tool_call
        if piece is None:
            approval = message.message_type == _CALLS[1]
            piece = self._begin_call(place, call.tool_call_id, call.name, approval=approval)
        if call.arguments:
            self._go_on("call", piece, call.arguments)

    def _begin_call(self, place: tuple[int, int], call_id: str | None, name: str, *, approval: bool) -> Piece:
        if call_id is None or call_id in self._ids:
            call_id = made_up_id(self._message.id if self._message else "", *place)
        self._ids.add(call_id)
        piece = self._calls[place] = self._begin(call_id)
        piece.name, piece.needs_approval = name, approval
        self._say("call begins", piece)
        return piece

    def _begin(self, own: str) -> Piece:
        self._begun += 1
        return Piece(own, self._begun - 1)

    def _go_on(self, what: str, piece: Piece, text: str) -> None:
        piece.text = text
        if what in self.KEEPS:
            piece.pieces.append(text)
        self._say(f"{what} goes on", piece)

    def _take_closed(self, closed: CallClosed) -> None:
        if piece := self._calls.get((closed.choice_index, closed.index)):
            whole, piece.verdict = piece.verdict is None, closed.verdict
            if whole:
                self._say("call is whole", piece)

    def _end_run(self) -> None:
        if self._piece and self._run:
            self._say(f"{_TEXTS[self._run.message_type]} ends", self._piece)
        self._run = self._piece = None

    def _add_calls(self, result: StreamResult) -> None:
        """Write the calls that came in another choice and belong to the answer."""
        for choice in result.choices:
            for call in choice.tool_calls if choice.index in result.answer else ():
                if kind := self._elsewhere.get((choice.index, call.index)):
                    place = choice.index, call.index
                    piece = self._begin_call(place, call.id, call.name, approval=kind == _CALLS[1])
                    if call.arguments:
                        self._go_on("call", piece, call.arguments)
                    self._take_closed(CallClosed(*place, call.id, call.name, call.verdict))

    def _say(self, said: Said, about: Any) -> None:
        for word in self._words[said]:
            self._write(word, self.FIELDS[word](self, about))

    def _write(self, word: str, fields: dict[str, Any]) -> None:
        event = {"type": word, **fields}
        if found := self._reading.step(event):
            raise IllegalTransition(f"{self.GRAMMAR.wire} ({found})", "as it was written", word)
        self._out.append(event)

    def _drain(self) -> list[E]:
        out, self._out = self._out, []
        return [self._event(each) for each in out]


_WHY = {
    StopReasonType.incomplete: "the stream ended without a finish reason",
    StopReasonType.cancelled: "the stream was cancelled",
}
_TEXTS = {"reasoning_message": "thought", "assistant_message": "speech"}
_CALLS = ("tool_call_message", "approval_request_message")
_HOW: Mapping[StopReasonType, Said] = {
    StopReasonType.error: "ends failed",
    StopReasonType.cancelled: "ends cancelled",
    StopReasonType.max_tokens_exceeded: "ends cut",
    StopReasonType.content_filter: "ends cut",
    StopReasonType.incomplete: "ends unmarked",
}


def json_bytes(value: Any) -> bytes:
    """Return compact JSON that every reader accepts: half a surrogate pair, which a model may write, is U+FFFD."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


async def encode(
    messages: AsyncIterable[Any] | Iterable[Any],
    sink: Sink[Any],
    result: Callable[[], StreamResult] | None = None,
) -> AsyncGenerator[bytes, None]:
    """Yield the body that ``sink`` makes of ``messages``: a piece for each message that makes events.

    Args:
        messages: what a parser with ``boundaries=True`` gives, as of :func:`streamfsm.aiter_messages`. It is closed
            when the consumer stops early.
        sink: a new one.
        result: returns the parser's result, once the messages are over: ``lambda: parser.result``.

    Raises:
        MisuseError: as :meth:`Sink.feed` and :meth:`Sink.close`.
        Exception: what ``messages`` raised, unless a :class:`StopReason` came before: then the body tells the failure.
    """
    try:
        async with aclosing(cast("Any", messages)) if hasattr(messages, "aclose") else nullcontext():
            async for each in _each(messages):
                if piece := b"".join(map(sink.frame, sink.feed(each))):
                    yield piece
    except Exception:
        if sink.is_open:
            raise
    if piece := b"".join(map(sink.frame, sink.close(result() if result else None))) + sink.LAST:
        yield piece


async def _each(messages: AsyncIterable[Any] | Iterable[Any]) -> AsyncIterator[Any]:
    if isinstance(messages, AsyncIterable):
        async for each in messages:
            yield each
    else:
        for each in messages:
            yield each
