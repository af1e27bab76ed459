"""The base classes of sinks: messages and boundaries in, events of another protocol out, legal by its grammar."""

import json
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, TypeAlias, TypeVar, cast

from streamfsm.boundaries import Boundary, CallClosed, RunEnded, RunStarted
from streamfsm.errors import IllegalTransition, MisuseError
from streamfsm.messages import Message, StopReason, StopReasonType, made_up_id
from streamfsm.result import CallKind, ErrorInfo, ParsedCall, ReasoningDetail, StreamResult, Usage, Verdict
from streamfsm.sinks.grammar import Grammar, Reading

E = TypeVar("E")
Fields: TypeAlias = Mapping[str, Callable[[Any, Any], dict[str, Any]]]
"""Word → a function that returns the event's fields, given the sink and the thing that it writes. If the fields have no
type, it is the word."""

Said: TypeAlias = str
"""Something that happens in our stream: one of :data:`SAYS`."""
SAYS = (
    "response begins",
    "thought begins",
    "thought goes on",
    "thought is signed",
    "thought ends",
    "thought is hidden",
    "hidden thought ends",
    "encrypted thought ends",
    "thought is encrypted",
    "speech begins",
    "speech goes on",
    "speech ends",
    "call begins",
    "call goes on",
    "call is whole",
    "call ends ready",
    "call ends approvable",
    "call ends",
    "hosted call begins",
    "hosted call goes on",
    "hosted call ends",
    "hosted call fails",
    "hosted call breaks off",
    "asking call begins",
    "asking call goes on",
    "asking call ends",
    "asking call breaks off",
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
    """What a sink writes for one of :data:`SAYS`."""

    said: Said
    words: tuple[str, ...]
    """Words of the grammar, in order; empty: the sink writes nothing."""
    because: str


@dataclass(slots=True)
class Piece:
    """One part that a sink writes: a run of thoughts or speech, or a call."""

    id: str
    """The run's otid, or the call's id."""
    at: int
    """The number of parts that began before this one."""
    text: str = ""
    """The latest piece of its text."""
    pieces: list[str] = field(default_factory=list)
    """All of its text so far."""
    name: str = ""
    needs_approval: bool = False
    verdict: Verdict | None = None
    """For a call whose arguments have ended: the verdict on them."""
    is_ready: bool = False
    """Whether it is a ready call; known at the end of the stream."""
    kind: CallKind | None = None
    """For a call: the kind of tool."""
    is_hosted: bool = False
    """Whether it is a call that the server itself runs, or asks for permission to."""
    ending: Said = ""
    """How the call ended. This and the next three fields are known at the end of the stream."""
    server: str = ""
    """For a hosted call: the label of the tool's server."""
    output: str | None = None
    error: str | None = None
    details: tuple[ReasoningDetail, ...] = ()
    """For thoughts: the structured parts that must be sent back to the server."""

    @property
    def whole(self) -> str:
        """All of its text so far."""
        return "".join(self.pieces)

    @property
    def what(self) -> str:
        """The kind of call: ``asking`` for permission to run a hosted one, ``hosted``, or run by the client."""
        return "asking call" if self.kind == "mcp_approval_request" else "hosted call" if self.is_hosted else "call"

    @property
    def signature(self) -> str | None:
        """The signature of the thoughts, if there is one; only if it signs their complete text, when that is kept."""
        signed = [detail for detail in self.details if detail.signature]
        proves = len(signed) == 1 and (not self.pieces or signed[0].text == self.whole)
        return signed[0].signature if proves else None

    @property
    def encrypted(self) -> list[str]:
        """Thoughts that only the server can read."""
        return [detail.data for detail in self.details if detail.data]


class Ending(NamedTuple):
    """How the stream ended."""

    how: Said
    stop_reason: StopReasonType
    result: StreamResult | None

    @property
    def usage(self) -> Usage | None:
        """The reported usage, without invalid (negative) counts; ``None``: nothing was reported."""
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
    """Writes one response as events of another protocol.

    Feed it the messages and boundaries that a parser returns, and then close it with the parser's result.
    """

    HEADERS: ClassVar[Mapping[str, str]] = {
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
    }
    """The headers of an HTTP response with these events."""
    LAST: ClassVar[bytes] = b""
    """The bytes after the last event of a body."""

    def __init__(self) -> None:
        self._stop: StopReason | None = None
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        """Whether the stream is still open: no :class:`StopReason` came."""
        return self._stop is None

    def feed(self, item: Message | Boundary) -> list[E]:
        """Write the next message or boundary.

        Returns:
            The resulting events, in order; often one, sometimes none.

        Raises:
            MisuseError: the stream has ended; or the sink needs boundaries, and the message came without its
                :class:`RunStarted`.
        """
        if self._is_closed or (self._stop and not isinstance(item, RunEnded)):
            raise MisuseError(f"{type(item).__name__} came after the end of the stream")
        if not isinstance(item, Message | RunStarted | RunEnded | CallClosed):
            raise MisuseError(f"a sink accepts messages and boundaries, not {item!r}")
        events = self._take(item)
        if isinstance(item, StopReason):
            self._stop = item
        return events

    def close(self, result: StreamResult | None = None) -> list[E]:
        """End the response.

        Args:
            result: the parser's result, for the ready calls, the usage and the anomalies. It can be omitted for a
                response without calls.

        Raises:
            MisuseError: the stream is still open, because no :class:`StopReason` came; the model asks for calls to be
                run and there is no result; or the sink is closed.
        """
        if self._is_closed:
            raise MisuseError("the sink is closed")
        if self._stop is None:
            raise MisuseError("the stream is open: close the parser, and feed what it returns")
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
    """Writes a protocol by its :class:`Grammar`, which is checked for each event."""

    GRAMMAR: ClassVar[Grammar]
    WRITES: ClassVar[tuple[Writes, ...]]
    FIELDS: ClassVar[Fields]
    KEEPS: ClassVar[tuple[str, ...]] = ("call",)
    """The kinds of parts whose text is kept, because a later event repeats it."""

    def __init__(self) -> None:
        super().__init__()
        self._reading = Reading(self.GRAMMAR)
        self._words = {each.said: each.words for each in self.WRITES}
        self._out: list[dict[str, Any]] = []
        self._run: RunStarted | None = None
        self._piece: Piece | None = None
        """The part for the current run of thoughts or speech."""
        self._calls: dict[tuple[int, int], Piece] = {}
        """The calls that have begun, by choice and index."""
        self._held: dict[int, list[Message | Boundary]] = {}
        """Messages and boundaries of other choices than the first, which may turn out to belong to the answer."""
        self._ids: set[str] = set()
        self._sent_back = {""}
        """Signatures and encrypted thoughts that were written, because the end of another run may repeat them."""
        self._begun = 0
        self._choice: int | None = None
        """The choice of the current run; ``None``: nothing has come."""
        self._message: Message | None = None
        """The first message."""

    def _take(self, item: Message | Boundary) -> list[E]:
        if isinstance(item, RunStarted):
            self._choice = item.choice_index
        elif isinstance(item, Message):
            if self._choice is None:
                why = "the parser needs StreamParser(boundaries=True)"
                raise MisuseError(f"a message came without RunStarted: {why}")
            if self._message is None:
                self._message = item
                self._say("response begins", item)
        choice = self._choice if isinstance(item, RunEnded) else item.choice_index
        if choice:
            self._held.setdefault(choice, []).append(item)
        else:
            self._write_item(item)
        return self._drain()

    def _write_item(self, item: Message | Boundary) -> None:
        if isinstance(item, Message):
            self._take_message(item)
        elif isinstance(item, RunStarted):
            self._run = item
        elif isinstance(item, CallClosed):
            self._take_closed(item)
        else:
            self._end_run(item.details)

    def _end(self, stop: StopReason, result: StreamResult | None) -> list[E]:
        how = _HOW.get(stop.stop_reason, "ends done")
        self._end_run()
        for choice in result.answer if result else () if self._begun else sorted(self._held)[:1]:
            for item in self._held.pop(choice, ()):
                self._write_item(item)
            self._end_run()
        if result is None and self._calls and how == "ends done":
            raise MisuseError("the parser's result is needed to know which calls are ready: close(parser.result)")
        calls = (
            {(each.index, call.index): call for each in result.choices for call in each.tool_calls} if result else {}
        )
        for place, piece in self._calls.items():
            piece.ending = self._ending(piece, calls.get(place), how)
            self._say(piece.ending, piece)
        for anomaly in result.anomalies if result else ():
            self._say("anomaly", anomaly)
        if how == "ends done" and not all(piece.is_ready or piece.is_hosted for piece in self._calls.values()):
            how = "ends in doubt"
        self._say(how, Ending(how, stop.stop_reason, result))
        return self._drain()

    def _ending(self, piece: Piece, call: ParsedCall | None, how: Said) -> Said:
        """Return how a call ends."""
        piece.is_ready = call is not None and call.ready and self._has_place(piece)
        if piece.is_ready:
            return "call ends approvable" if piece.needs_approval else "call ends ready"
        if not piece.is_hosted:
            return "call ends"
        is_whole = piece.verdict in ("valid", "lenient", "empty") and self._has_place(piece)
        if call is None or not is_whole or (piece.what == "asking call" and how != "ends done"):
            return f"{piece.what} breaks off"
        told = {name: values[-1] for name, values in call.extras.items()}
        piece.server = _text(told.get("server_label")) or ""
        piece.output, piece.error = _text(told.get("output")), _text(told.get("error"))
        return f"{piece.what} ends" if piece.error is None or piece.what == "asking call" else "hosted call fails"

    def _has_place(self, _: Piece) -> bool:
        """Whether the protocol can represent this call."""
        return True

    def _event(self, fields: dict[str, Any]) -> E:
        """Return the event in the form that users get."""
        return cast("E", fields)

    # -- from messages to words -------------------------------------------------------------------------------------

    def _take_message(self, message: Message) -> None:
        run = self._run
        if isinstance(message, StopReason):
            return
        if run and run.call_index is not None and message.message_type in _CALLS:
            self._take_call(message, run, (message.choice_index, run.call_index))
        elif what := _TEXTS.get(message.message_type):
            self._take_text(what, message)
        elif message.message_type == "hidden_reasoning_message":
            self._piece = self._begin(f"{message.otid}")
            self._say("thought is hidden", self._piece)
        else:
            self._say("other message", message)

    def _take_text(self, what: str, message: Message) -> None:
        piece = self._piece
        if piece is None:
            piece = self._piece = self._begin(f"{message.otid}")
            self._say(f"{what} begins", piece)
        self._go_on(what, piece, message.text)

    def _take_call(self, message: Any, run: RunStarted, place: tuple[int, int]) -> None:
        piece = self._calls.get(place)
        call = message.tool_call
        if piece is None:
            call_id = call.tool_call_id
            if call_id is None or call_id in self._ids:
                call_id = made_up_id(message.id, *place)
            self._ids.add(call_id)
            piece = self._calls[place] = self._begin(call_id)
            piece.name, piece.needs_approval = call.name, message.message_type == _CALLS[1]
            piece.kind, piece.is_hosted = run.call_kind, run.hosted
            self._say(f"{piece.what} begins", piece)
        if call.arguments:
            self._go_on(piece.what, piece, call.arguments)

    def _begin(self, own: str) -> Piece:
        self._begun += 1
        return Piece(own, self._begun - 1)

    def _go_on(self, what: str, piece: Piece, text: str) -> None:
        piece.text = text
        if what.rpartition(" ")[2] in self.KEEPS:
            piece.pieces.append(text)
        self._say(f"{what} goes on", piece)

    def _take_closed(self, closed: CallClosed) -> None:
        if piece := self._calls.get((closed.choice_index, closed.index)):
            whole, piece.verdict = piece.verdict is None, closed.verdict
            if whole and not piece.is_hosted:
                self._say("call is whole", piece)

    def _end_run(self, details: tuple[ReasoningDetail, ...] = ()) -> None:
        piece, run = self._piece, self._run
        self._run = self._piece = None
        if piece is None or run is None:
            return
        piece.details = tuple(each for each in details if {each.data, each.signature or ""} - self._sent_back)
        self._sent_back |= {text for each in details for text in (each.data, each.signature) if text}
        if run.message_type == "hidden_reasoning_message":
            self._say("encrypted thought ends" if piece.encrypted else "hidden thought ends", piece)
        else:
            if signature := piece.signature:
                piece.text = signature
                self._say("thought is signed", piece)
            self._say(f"{_TEXTS[run.message_type]} ends", piece)
        for data in piece.encrypted:
            piece.text = data
            self._say("thought is encrypted", piece)

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


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


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
    """Return compact JSON that every reader accepts: lone surrogates, which a model may write, become U+FFFD."""
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
    """Yield the body that ``sink`` writes for ``messages``: one piece per message that results in events.

    Args:
        messages: the output of a parser with ``boundaries=True``, for example from :func:`streamfsm.aiter_messages`.
            The iterable is closed when the consumer stops early.
        sink: a new sink.
        result: returns the parser's result after the last message: ``lambda: parser.result``.

    Raises:
        MisuseError: as from :meth:`Sink.feed` and :meth:`Sink.close`.
        Exception: the exception that ``messages`` raised. If a :class:`StopReason` came before it, nothing is raised,
            because the body contains the failure.
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
