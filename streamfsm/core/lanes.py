"""Lanes: the run state of one text field, one tool call, one stream. Each runs one machine.

A lane tells its outlet two things, in order: a boundary was crossed, and text arrived. What either becomes is its
table's to say.
"""

from dataclasses import dataclass, field
from io import StringIO
from typing import Annotated, Any, ClassVar, Protocol, TypeAlias

from pydantic import PlainSerializer, PlainValidator

from streamfsm.channels import Channels
from streamfsm.core.scanner import TEXT as TEXT_SIGNAL
from streamfsm.core.scanner import Scanner
from streamfsm.core.tags import Tags
from streamfsm.core.text import join_surrogates
from streamfsm.machines import STREAM, TEXT, TOOL_CALL, StateMachine
from streamfsm.machines.emission import Emission
from streamfsm.result import Verdict


def _buffer(value: Any) -> StringIO:
    buffer = StringIO()
    buffer.write(value)
    return buffer


Buffer: TypeAlias = Annotated[StringIO, PlainValidator(_buffer), PlainSerializer(StringIO.getvalue)]
"""Text that grows: appending costs the same at any size, unlike ``str`` on an attribute."""

_SHORT = 64
_AWAITING_TEXT = TEXT.table.initial
_BEFORE_WORDS = frozenset(state for state, event in TEXT.table.by_cell if event == "words")
_UNDECIDED = "undecided"
_BUFFERS = {Emission.ANSWER: "answer", Emission.REASONING: "reasoning", None: "_held"}
# Where a text lane keeps the text of each state.
_KEPT_IN = {state.name: _BUFFERS[state.text] for state in TEXT.table.states}


class Outlet(Protocol):
    """Where a lane's output goes."""

    def boundary(self, lane: "Lane", event: str, text: str = "") -> None:
        """``event`` fires; ``text`` is what the row emits, if it emits."""

    def text(self, lane: "Lane", text: str) -> None:
        """Text arrived in the lane's present state."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms lanes of one kind take text."""

    limit: int
    """Characters in all."""
    outlet: Outlet
    whole: bool
    """Whether each piece is all that came so far."""
    begins: str = ""
    """The event of the first piece; that of a call is said by its name."""
    tags: Tags | None = None


def _take(half: str, text: str, room: int) -> tuple[str, str, bool]:
    """Join surrogates, then cut to the room there is: the text, the half held back, and whether it fitted."""
    if half or not text.isascii():
        text, half = join_surrogates(half, text)
    return (text, half, True) if len(text) + len(half) <= room else (text[:room], "", False)


def _unseen(seen: str, size: int, text: str) -> str | None:
    """Of a text that is whole so far, what was not ``seen``; ``None`` if it does not go on from there.

    ``size`` is that of what came before, of which less is known where tags were taken out: then nothing is compared.
    """
    text, half = join_surrogates("", text)
    if len(seen) < size or text.startswith(seen):
        return text[size:] + half
    return "" if seen.startswith(text) else None


@dataclass(slots=True)
class StreamLane:
    """The response as a whole."""

    MACHINE: ClassVar[StateMachine] = STREAM

    choice: int = 0
    label: str = "stream"
    state: str = STREAM.table.initial


@dataclass(slots=True)
class TextLane:
    """One text field of one choice."""

    MACHINE: ClassVar[StateMachine] = TEXT

    choice: int
    label: str
    """The field's name."""
    state: str = TEXT.table.initial
    size: int = 0
    answer: Buffer = field(default_factory=StringIO)
    reasoning: Buffer = field(default_factory=StringIO)
    _half: str = ""  # a high surrogate that may meet its other half
    _prefix: str = ""  # what may become a tag
    _pair: int | None = None  # whose tag came last, of several pairs
    _held: Buffer = field(default_factory=StringIO)  # what came while it is undecided

    def feed(self, text: str, terms: Terms) -> bool:
        """Take the next piece.

        Returns:
            Whether all of it was within the limit.
        """
        outlet = terms.outlet
        if self.state == _AWAITING_TEXT:
            outlet.boundary(self, terms.begins)
        text, self._half, fits = _take(self._half, text, terms.limit - self.size)
        self.size += len(text)
        if terms.tags:
            self._find_tags(text, terms.tags, outlet)
        else:
            self._emit(text, outlet)
        return fits

    def unseen(self, text: str) -> str | None:
        """Of a text that is whole so far, what is new; ``None`` if it contradicts what came before."""
        self._half = ""
        seen = self._held.getvalue() + self.answer.getvalue() + self.reasoning.getvalue()
        return _unseen(seen, self.size, text)

    def stray_tag(self, tags: Tags) -> str:
        """The closing tag in an answer to which no tag opened a thought, nor said that the prompt had; ``""``: none."""
        return tags.stray(self.answer.getvalue()) if self._pair is None else ""

    def _find_tags(self, text: str, tags: Tags, outlet: Outlet) -> None:
        text, at = self._prefix + text, 0
        while True:
            tag, end = tags.find(self.state, self._pair, text, at)
            if self.state in _BEFORE_WORDS and text[at:end].strip():
                outlet.boundary(self, "words")
                continue
            self._emit(text[at:end], outlet)
            if not tag:
                break
            event, pair = tags.read(self.state, self._pair, tag)
            if self.state == _UNDECIDED:  # now that it is known where it begins, all is read again
                text, at = self._release() + text[end:], 0
            else:
                self._pair, at = pair, end + len(tag)
            outlet.boundary(self, event)
        self._prefix = text[end:]

    def close(self, event: str, outlet: Outlet) -> None:
        """The stream is over: what was held back is text after all."""
        if self.state == _UNDECIDED:
            outlet.boundary(self, "answer")
            self._emit(self._release(), outlet)
        self._emit(self._prefix + "\ufffd" * len(self._half), outlet)
        self._prefix = self._half = ""
        outlet.boundary(self, event)

    def _release(self) -> str:
        held, self._held = self._held.getvalue(), StringIO()
        return held

    def _emit(self, text: str, outlet: Outlet) -> None:
        if text:
            buffer: StringIO = getattr(self, _KEPT_IN[self.state])
            buffer.write(text)
            outlet.text(self, text)


@dataclass(slots=True)
class CallLane:
    """One tool call."""

    MACHINE: ClassVar[StateMachine] = TOOL_CALL

    choice: int
    ordinal: int
    """Position among the choice's calls, in order of start."""
    wire_index: int | None
    id: str | None = None
    state: str = TOOL_CALL.table.initial
    name: str = ""
    size: int = 0
    arguments: Buffer = field(default_factory=StringIO)
    scanner: Scanner | None = None
    """Made when the name is complete, which says what is captured; ``None`` until then."""
    extras: dict[str, dict[str, None]] = field(default_factory=dict)
    """Fields that are not read, as JSON texts."""
    announced_id: str | None = None
    """The id when the name was announced, which all its messages carry: one that comes later is in the result only."""
    doubtful: bool = False
    """Whether it may be two calls, or lack a part: never ready."""
    repeats_name: bool = False
    """Whether its name was taken for the whole name again."""
    is_doubled: bool = False
    """Whether the last piece of its name is all of it that came before, again."""
    repeats: int | None = None
    """Position of the call that it may be said again of, if it says the same."""
    adopted: bool = False
    """Whether its arguments, which never got a name, were given to another call."""
    entry: int = 0
    """The number of the latest entry that said to be of it; see ``Calls.entries``."""
    _name_half: str = ""
    _half: str = ""

    @property
    def label(self) -> str:
        """What the trace calls it."""
        return f"call {self.ordinal}"

    @property
    def named(self) -> bool:
        """Whether the name is complete."""
        return self.scanner is not None

    @property
    def closed(self) -> bool:
        """Whether the arguments are structurally whole."""
        return self.state == "closed"

    @property
    def is_open(self) -> bool:
        """Whether arguments came, and may go on."""
        return self.size > 0 and self.state not in ("closed", "malformed")

    @property
    def is_empty(self) -> bool:
        """Whether the arguments so far are none, or an object without members."""
        return self.size < _SHORT and "".join(self.arguments.getvalue().split()) in ("", "null", "{}")

    def judge(self) -> tuple[Verdict, int | None]:
        """The verdict on the arguments so far, and the offset of the first error."""
        scanner = self.scanner
        if scanner is None:
            scanner = Scanner()
            scanner.feed(self.arguments.getvalue())
        return scanner.verdict, scanner.error_offset

    def add_name(self, text: str, limit: int, *, whole: bool) -> bool:
        """Take a piece of the name, or the ``whole`` name so far; only while the name is awaited.

        Returns:
            Whether all of it was within the limit.
        """
        if whole:
            self.name, self._name_half = "", ""
        text, self._name_half, fits = _take(self._name_half, text, limit - len(self.name))
        self.name += text
        return fits

    def complete_name(self, channels: Channels, outlet: Outlet) -> None:
        """The name grows no more: announce the call, and read the arguments that came before their name."""
        self.name += "\ufffd" * len(self._name_half)
        self._name_half = ""
        if self.scanner or not self.name:
            return
        self.announced_id = self.id
        speech = channels.is_message_tool(self.name)
        self.scanner = Scanner(channels.captured(self.name), raw=not speech)
        outlet.boundary(self, "speech_named" if speech else "tool_named", self.name)
        self._send(self.scanner.feed(self.arguments.getvalue()), outlet)

    def feed(self, text: str, terms: Terms) -> bool:
        """Take the next piece of the arguments.

        Returns:
            Whether all of it was within the limit.
        """
        text, self._half, fits = _take(self._half, text, terms.limit - self.size)
        self.size += len(text)
        self.arguments.write(text)
        if self.scanner:
            said = self.scanner.skim(text)
            if said is None:
                self._send(self.scanner.feed(text), terms.outlet)
            elif said:
                terms.outlet.text(self, said)
        return fits

    def unseen(self, text: str) -> str | None:
        """Of arguments that are whole so far, what is new; ``None`` if they contradict what came before."""
        self._half = ""
        return _unseen(self.arguments.getvalue(), self.size, text)

    def close(self, event: str, channels: Channels, outlet: Outlet) -> None:
        """The stream is over: what was held back is decided now."""
        self.complete_name(channels, outlet)
        lone = "\ufffd" * len(self._half)
        self._half = ""
        self.arguments.write(lone)
        if self.scanner:
            self._send(self.scanner.feed(lone) + self.scanner.close(), outlet)
        outlet.boundary(self, event)

    def _send(self, signals: list[tuple[str, str]], outlet: Outlet) -> None:
        """Tell the outlet, with neighbouring texts joined: they become one message."""
        if len(signals) == 1 and signals[0][0] == TEXT_SIGNAL:  # the other path of many deltas
            outlet.text(self, signals[0][1])
            return
        texts: list[str] = []
        for event, text in signals:
            if event == TEXT_SIGNAL:
                texts.append(text)
                continue
            if texts:
                outlet.text(self, "".join(texts))
                texts.clear()
            outlet.boundary(self, event)
        if texts:
            outlet.text(self, "".join(texts))


Lane: TypeAlias = StreamLane | TextLane | CallLane
