"""Lanes: the run state of one text field, one tool call, one stream. Each runs one machine.

A lane reports two things to its outlet, in order: boundaries, and text. The lane's table decides what each becomes.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Protocol, TypeAlias, cast

from pydantic import Field, PlainSerializer, PlainValidator
from pydantic_core import from_json

from streamfsm.core.buffer import PIECES, Buffer, Half, Passing
from streamfsm.core.captured import UNNAMED, Captured, Channels
from streamfsm.core.events import CallPiece, Form, TextField
from streamfsm.core.extras import Extras
from streamfsm.core.meter import LimitReached, Meter
from streamfsm.core.scanner import Scanner, rest_of, scanner_of
from streamfsm.core.tags import Tags
from streamfsm.core.text import begins_again, is_repetition, join_surrogates
from streamfsm.machines import STREAM, TEXT, TOOL_CALL, StateMachine
from streamfsm.machines.emission import SPOKEN, Emission
from streamfsm.result import CallKind, Verdict

_SHORT = 64
_SHORTEST = 16  # characters; a shorter text is not reported as repeated
_WINDOW = 4096  # characters that are read again after each repetition that is found
# White space is bounded, because it is read again with each piece; a longer one belongs to no placeholder.
_PLACEHOLDER = re.compile(r"[ \t\n\r]{0,99}(?:\{[ \t\n\r]{0,99}\}|null)[ \t\n\r]{0,99}")
_PLACEHOLDER_SO_FAR = re.compile(
    r"[ \t\n\r]{0,99}(?:\{[ \t\n\r]{0,99}(?:\}[ \t\n\r]{0,99})?|n(?:u(?:l(?:l[ \t\n\r]{0,99})?)?)?)?"
)
_AWAITING_TEXT = TEXT.table.initial
_BEFORE_WORDS = frozenset(state for state, event in TEXT.table.by_cell if event == "words")
_UNDECIDED = "undecided"
_BUFFERS = {Emission.ANSWER: "answer", Emission.REASONING: "reasoning", None: "_held"}
# Where a text lane keeps the text of each state.
_KEPT_IN = {state.name: _BUFFERS[state.text] for state in TEXT.table.states}
AWAITING_NAME = TOOL_CALL.table.initial
_OVER = ("closed", "sealed", "malformed", "spoken_verbatim")  # states of a call whose arguments lack nothing
# States of an open call whose arguments can go: nothing of them is read again. And the lexer's mode in each.
_GONE = {"closed": "closed", "malformed": "broken", "spoken_verbatim": "broken", "text_input": "text"}
_GOES = frozenset({*_GONE, *TOOL_CALL.table.final})
_HEAD = 256  # characters of an object that stay, so that what does not repeat it is told at once
OPEN = frozenset(STREAM.table.live)


class Outlet(Protocol):
    """Where a lane's output goes."""

    def boundary(self, lane: "Lane", event: str, emits: str | Mapping[str, Any] = "") -> None:
        """``event`` fires; ``emits`` is what the row emits, if it does: a text, or several fields of the message."""

    def text(self, lane: "Lane", text: str) -> None:
        """Text arrived in the lane's present state."""


class _Nobody:
    """Hears nothing."""

    def boundary(self, lane: "Lane", event: str, emits: object = "") -> None:
        pass

    def text(self, lane: "Lane", text: str) -> None:
        pass


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """How lanes of one kind take text."""

    limit: int
    """Characters in all."""
    cumulative: bool
    """Whether each piece holds all text so far."""
    begins: str = ""
    """The event that the first piece of a text field fires; empty for calls, whose name decides it."""
    tags: Tags | None = None
    repeated: bool = False
    """Whether the last piece of a text field may repeat all of it."""
    placeholder: bool = False
    """Whether arguments may begin with an empty object or ``null`` as a placeholder."""


def _take(half: str, text: str, room: int) -> tuple[str, str, bool]:
    """Join surrogates and cut to the available room; return the text, the half held back, and whether all fitted."""
    if half or not text.isascii():
        text, half = join_surrogates(half, text)
    return (text, half, True) if len(text) + len(half) <= room else (text[:room], "", False)


def _delta_of(buffers: Iterable[Buffer], size: int, text: str) -> str | None:
    """Return the new part of a cumulative text; ``None`` if the text does not continue what is in the ``buffers``.

    ``size`` is the size of all earlier text. Where tags were taken out, the buffers hold less, and nothing is compared.
    No more is read of them than the text is long, because a short text may come often.
    """
    text, half = join_surrogates("", text)
    if sum(buffer.size for buffer in buffers) < size:
        return text[size:] + half
    at = 0
    for buffer in buffers:
        if not buffer.begins(text, at):
            return None
        at = min(at + buffer.size, len(text))
    return text[size:] + half if len(text) >= size else ""


@dataclass(slots=True)
class StreamLane:
    """The response as a whole."""

    machine: ClassVar[StateMachine] = STREAM

    choice: int = 0
    label: str = "stream"
    state: str = STREAM.table.initial

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state in OPEN


def label_of(text_field: str, part: int) -> str:
    """Return the name of a text field's lane, or of its part's; a field's first part is named as the field."""
    return f"{text_field} {part}" if part else text_field


@dataclass(slots=True)
class TextLane:
    """One text field of one choice, or one part of it."""

    machine: ClassVar[StateMachine] = TEXT
    reached: ClassVar[str] = "text"
    """The limit that was reached, where ``feed`` says so."""

    choice: int
    text_field: str
    part: int = 0
    """Which of the field's texts, where the wire has several."""
    state: str = TEXT.table.initial
    settled: bool = False
    """Whether the wire said that the text is whole."""
    size: int = 0
    answer: Buffer = field(default_factory=Buffer)
    reasoning: Buffer = field(default_factory=Buffer)
    _half: Half = ""  # a high surrogate whose low half may come next
    _prefix: str = ""  # what may become a tag
    _pair: int | None = None  # of several pairs of tags, the one whose tag came last
    _held: Buffer = field(default_factory=Buffer)  # what came while it is undecided
    _again: int = 0  # how many characters are held back because they repeat the text so far

    @property
    def label(self) -> str:
        """The field's name, and the part's number if it is not the first."""
        return label_of(self.text_field, self.part)

    def feed(self, text: str, policy: LanePolicy, outlet: Outlet) -> bool:
        """Take the next piece.

        Returns:
            Whether all of it was within the limit.
        """
        if self.state == _AWAITING_TEXT:
            outlet.boundary(self, policy.begins)
        fits, room = True, policy.limit - self.size
        if self._half or len(text) > room or not text.isascii():
            text, self._half, fits = _take(self._half, text, room)
        self.size += len(text)
        if policy.repeated:
            text = self._unless_again(text)
        if policy.tags:
            self._find_tags(text, policy.tags, outlet)
        else:
            self._emit(text, outlet)
        return fits

    def _unless_again(self, text: str) -> str:
        """Return what can be read now. Text that repeats the beginning of the lane's text is held back."""
        so_far, held = self._written, self._again
        if so_far.part(held, len(text)) == text:
            self._again += len(text)
            return ""
        self._again = 0
        return so_far.part(0, held) + text

    @property
    def kept(self) -> int:
        """How many characters of the text are kept, or held back."""
        return self.answer.size + self.reasoning.size + self._held.size + len(self._prefix) + self._again

    @property
    def held_back(self) -> str:
        """The text that waits for the next one."""
        return self._held.getvalue() + self._written.part(0, self._again) + self._prefix + self._half

    def holds_back_what_came(self, pairs: int) -> bool:
        """Whether what is held back can be, with so many pairs of tags."""
        return (
            len(self._half) <= 1
            and (self._pair is None or 0 <= self._pair < pairs)
            and 0 <= self._again <= self._written.size
        )

    @property
    def _written(self) -> Buffer:
        return self.reasoning if self.text_field == "reasoning" else self.answer

    @property
    def repeats(self) -> bool:
        """Whether the text consists of a shorter text, of some length, more than once."""
        return any(is_repetition(buffer.getvalue(), _SHORTEST) for buffer in (self.answer, self.reasoning))

    def delta_of(self, text: str) -> str | None:
        """Return the new part of a cumulative text; ``None`` if it contradicts what came before."""
        self._half = ""
        return _delta_of((self._held, self.answer, self.reasoning), self.size, text)

    def pass_on(self, *, reasoning: bool) -> None:
        """Keep no text of what comes; ``reasoning``: not even thoughts."""
        self.answer = Passing()
        if reasoning:
            self.reasoning = Passing()

    @property
    def passes(self) -> tuple[bool, bool]:
        """Whether the answer, and the thoughts, are not kept."""
        return isinstance(self.answer, Passing), isinstance(self.reasoning, Passing)

    def emitted(self, field: str) -> Buffer:
        """Return all text that has become this field of messages."""
        return self.reasoning if field == "reasoning" else self.answer

    def stray_tag(self, tags: Tags) -> str:
        """Return the closing tag in an answer if nothing opened a thought before it, else ``""``."""
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
            if self.state == _UNDECIDED:  # now it is known whether the text begins with a thought: read all of it again
                text, at = self._release() + text[end:], 0
            else:
                self._pair, at = pair, end + len(tag)
            outlet.boundary(self, event)
        self._prefix = text[end:]

    def close(self, event: str, outlet: Outlet) -> None:
        """End the lane: what was held back becomes text, unless it repeats the whole text."""
        self.settle(outlet)
        outlet.boundary(self, event)

    def settle(self, outlet: Outlet) -> None:
        """Decide what was held back: no delta follows."""
        if self.state == _UNDECIDED:
            outlet.boundary(self, "answer")
            self._emit(self._release(), outlet)
        again, self._again = self._again, 0
        if again < self._written.size:
            self._emit(self._written.part(0, again), outlet)
        self._emit(self._prefix + "\ufffd" * len(self._half), outlet)
        self.size += len(self._half)
        self._prefix = self._half = ""

    def _release(self) -> str:
        held, self._held = self._held.getvalue(), Buffer()
        return held

    def _emit(self, text: str, outlet: Outlet) -> None:
        if text:
            buffer: Buffer = getattr(self, _KEPT_IN[self.state])
            buffer.append(text)
            if len(buffer) > PIECES:
                buffer.join()
            outlet.text(self, text)


class _Replayed:
    """Takes what arguments say that are read again: the states change, and nothing is said."""

    def boundary(self, lane: "Lane", event: str, _: object = "") -> None:
        lane.machine.advance(lane, event)

    def text(self, lane: "Lane", text: str) -> None:
        pass


class _Listener(_Replayed):
    """Takes what arguments say that are read again, and keeps what is speech or thoughts."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def text(self, lane: "Lane", text: str) -> None:
        emission = lane.machine.texts[lane.state]
        if emission and emission.message in SPOKEN:
            self.texts.append(text)


@dataclass(slots=True)
class Remains:
    """What remains of the arguments of a call that are over, beside their size and digest, and their verdict."""

    head: str
    """The first characters of the object."""
    whole: str
    """The digest of the object, by which a repetition of it is known."""
    value: str | None
    """The digest of what the arguments say, by which another call that says the same is known; ``None``: not JSON."""
    empty: bool
    """Whether they are none, or an object without members."""
    again: Buffer = field(default_factory=Buffer)
    """What is held back, because it may repeat the object."""


@dataclass(slots=True)
class CallLane:
    """One tool call."""

    choice: int
    ordinal: int
    """Position among the choice's calls, in order of start."""
    wire_index: int | None
    id: str | None = None
    state: str = TOOL_CALL.table.initial
    name: str = ""
    size: int = 0
    arguments: Buffer = field(default_factory=Buffer)
    scanner: Annotated[Scanner | None, PlainValidator(scanner_of), PlainSerializer(rest_of)] = None
    """Made when the name is complete, because the name decides what is captured; ``None`` until then."""
    remains: Remains | None = None
    """What remains of arguments that have gone; ``None``: none have."""
    extras: Extras = field(default_factory=dict)
    """Fields that are not read."""
    form: Form = "json"
    """The form of its arguments. ``members``: members of an object that is open until the call is over."""
    kind: CallKind = "function"
    hosted: bool = False
    """Whether the server runs the call: it is never ready."""
    incomplete: bool = False
    """Whether the wire said that the call is not whole: it is never ready."""
    settled: bool = False
    """Whether the wire said that the arguments are whole."""
    announced_id: str | None = None
    """The id when the name was announced. All its messages carry it; an id that comes later is only in the result."""
    in_doubt: bool = False
    """Whether the call may be two calls, or lack a part: it is never ready. See ``doubt``."""
    repeats_name: bool = False
    """Whether a piece of its name was taken for a repetition of the whole name."""
    is_doubled: bool = False
    """Whether the last piece of its name repeats all pieces before it."""
    repeats: int | None = None
    """Position of the call that it may repeat, if its arguments turn out to be the same."""
    adopter: int | None = None
    """Position of the call that its arguments were given to, because they never got a name."""
    entry: int = 0
    """The number of the latest entry that was assigned to it; see ``Calls.entries``."""
    repeated: bool = False
    """Whether all of the arguments came again; the repetition was left out."""
    tool: Annotated[Captured, PlainValidator(lambda tool: tool), Field(exclude=True)] = UNNAMED
    """What is captured of its arguments; not part of a snapshot, because the options say it."""
    said: int = 0
    """Characters of the arguments that became speech or thoughts."""
    spoke: bool = False
    """Whether any of them became speech."""
    _name_half: Half = ""
    _half: Half = ""
    _first: str | None = ""  # what may be a placeholder; ``None`` once this is decided
    _again: int | None = None  # how many characters that repeat the object are held back; ``None``: the object is open

    @property
    def machine(self) -> StateMachine:
        """Its machine, which depends on what is captured."""
        return self.tool.machine

    @property
    def called(self) -> CallKind:
        """What is called: that a custom tool is, shows by its input."""
        return "custom" if self.form == "text" else self.kind

    @property
    def label(self) -> str:
        """The call's name in the trace."""
        return f"call {self.ordinal}"

    @property
    def speaks(self) -> bool:
        """Whether something of its arguments could be speech or a thought."""
        return self.named and bool(self.name)

    @property
    def reached(self) -> str:
        """The limit that was reached, where ``feed`` says so."""
        return "held" if self.scanner and self.scanner.full else "arguments"

    @property
    def keys(self) -> int:
        """How many different keys its arguments have had."""
        return self.scanner.keys if self.scanner else 0

    @property
    def named(self) -> bool:
        """Whether the name is complete."""
        return self.state != AWAITING_NAME

    @property
    def kept(self) -> int:
        """How many characters of the arguments are kept, or held back."""
        return self.arguments.size + len(self._first or "") + (self._again or 0)

    @property
    def held_back(self) -> str:
        """The text that waits for the next one: of the name, or of the arguments."""
        if self.scanner is None:
            return self.name + self._name_half + self.arguments.getvalue() + self._half
        again = self._repeating if self._again else ""
        return (self._first or "") + self.scanner.held_back + again + self._half

    @property
    def holds_back_what_came(self) -> bool:
        """Whether what is held back can be."""
        return len(self._half) <= 1 and len(self._name_half) <= 1

    @property
    def has_name(self) -> bool:
        """Whether a piece of the name has come."""
        return bool(self.name or self._name_half)

    @property
    def adopted(self) -> bool:
        """Whether its arguments were given to another call."""
        return self.adopter is not None

    @property
    def lacks_arguments(self) -> bool:
        """Whether the call may take arguments that came without a name."""
        return self.named and self.form != "text" and (self.is_open or not self.size)

    @property
    def is_speech(self) -> bool:
        """Whether the call, which has its name, is how the model speaks."""
        return self.tool.is_speech

    @property
    def closed(self) -> bool:
        """Whether the arguments are structurally whole."""
        return self.state in ("closed", "sealed") or (self.form == "members" and self.size > 0)

    @property
    def is_open(self) -> bool:
        """Whether arguments have come, and more may follow."""
        return self.size > 0 and self.form != "members" and self.state not in _OVER

    @property
    def is_empty(self) -> bool:
        """Whether there are no arguments so far, or only an object without members."""
        if self.remains is not None:
            return self.remains.empty and self.size < _SHORT and self.judge()[1] is None
        return self.size < _SHORT and "".join(self.arguments.getvalue().split()) in ("", "null", "{}")

    def emitted(self, channels: Channels) -> str:
        """Return all text that has become speech or thoughts: it follows from the arguments, so that it is not kept."""
        scanner = self.scanner
        if scanner and scanner.verdict == "valid" and not scanner.duplicates:
            spoken = self.tool.spoken_in(self.arguments.getvalue())
            if spoken is not None:
                return spoken
        twin, outlet = CallLane(self.choice, self.ordinal, self.wire_index, name=self.name, form=self.form), _Listener()
        twin.kind = self.kind
        twin.replay(self.arguments.getvalue(), channels, outlet, ended=self.state in TOOL_CALL.table.final)
        return "".join(outlet.texts)

    def says_the_same(self, other: "CallLane") -> bool:
        """Whether the arguments are those of the other call, as text or as JSON."""
        if self.remains is not None or other.remains is not None:
            (mine, text), (others, other_text) = self.digests, other.digests
            return mine == others if mine and others else text == other_text
        texts = [lane.arguments.getvalue() for lane in (self, other)]
        try:
            mine, others = map(from_json, texts)
        except ValueError:
            mine, others = texts
        return bool(mine == others)

    @property
    def digests(self) -> tuple[str | None, str]:
        """The digests of what the arguments say, and of the arguments."""
        if self.remains is None:
            text = self.arguments.getvalue()
            return _digest_of_value(text), Passing(text).whole_digest
        told = self.remains.value if self.judge()[0] != "trailing" else None
        return told, cast("Passing", self.arguments).whole_digest

    @property
    def goes(self) -> bool:
        """Whether the arguments are over, so that they can go. Those of a sealed call stay, to be told if it falls."""
        return self.scanner is not None and self.state in _GOES

    def let_go(self) -> None:
        """Let the arguments go: what judges the call remains."""
        if self.remains is not None or not self.goes:
            return
        scanner, text = cast("Scanner", self.scanner), self.arguments.getvalue()
        value = text[scanner.begins : scanner.ends]
        self.remains = Remains(value[:_HEAD], Passing(value).whole_digest, _digest_of_value(text), self.is_empty)
        if self._again:
            self.remains.again.write(value[: self._again])
        self.arguments, scanner.alone = Passing(text), True

    def doubt(self, outlet: Outlet) -> None:
        """Put the call in doubt: it is never ready, and no longer sealed."""
        self.in_doubt = True
        self.unseal(outlet)

    def unseal(self, outlet: Outlet) -> None:
        """Take back that the call is whole, if that was told."""
        if self.state == "sealed":
            outlet.boundary(self, "revoked", "doubt")

    def judge(self) -> tuple[Verdict, int | None]:
        """Return the verdict on the arguments so far, and the offset of the first error."""
        scanner = self.scanner
        if scanner is None:
            scanner = Scanner.of_text() if self.form == "text" else Scanner()
            scanner.feed(self.arguments.getvalue(), self, _Nobody())
        return scanner.verdict, scanner.error_offset

    def add_name(self, text: str, limit: int, *, cumulative: bool) -> bool:
        """Take a piece of the name, or the name so far if ``cumulative``; only while the name is awaited.

        Returns:
            Whether all of it was within the limit.
        """
        if cumulative:
            self.name, self._name_half = "", ""
        text, self._name_half, fits = _take(self._name_half, text, limit - len(self.name))
        self.name += text
        return fits

    def complete_name(self, channels: Channels, outlet: Outlet) -> None:
        """Complete the name: announce the call, and read the arguments that came before the name."""
        self.name += "\ufffd" * len(self._name_half)
        self._name_half = ""
        if self.named or not self.name:
            return
        self.announced_id = self.id
        if self.form == "text":
            event, self.scanner = "text_named", Scanner.of_text()
        else:
            self.tool = self._tool_of(channels)
            speech = self.tool.is_speech
            event = "speech_named" if speech else "tool_named"
            self.scanner = Scanner(self.tool.trie, raw=not speech, stops=True, most=channels.held)
        outlet.boundary(self, event, self.name)
        text, self.arguments = self.arguments.getvalue(), Buffer()
        self._read(self._scan(text, outlet), outlet)

    def restore(self, channels: Channels) -> None:
        """Set what a snapshot does not hold, because it follows from the name and the arguments: read those again.

        Raises:
            ValueError: the state, or what is held back, does not follow from them.
        """
        state, text, announced, again = self.state, self.arguments.getvalue(), self.announced_id, self._again
        over = state in TOOL_CALL.table.final
        if self.scanner is not None or self.remains is not None:
            self._restore_gone(channels, over=over)
            return
        if state == AWAITING_NAME or not self.name:
            if again is not None or not (over or state == AWAITING_NAME):
                raise ValueError(f"{self.label} has no name, and is {state}")
            return
        self.state, self.arguments, self._again = AWAITING_NAME, Buffer(), None
        self.replay(text, channels, _Replayed(), ended=over)
        is_sealed = state == "sealed" and self.machine.accepts(self, "sealed")  # not by arguments alone
        if not (over or self.state == state or is_sealed):
            raise ValueError(f"{self.label} is {state} in the snapshot, and {self.state} by its arguments")
        self._restore_held(again)
        self.state, self.announced_id = state, announced

    def replay(self, text: str, channels: Channels, outlet: Outlet, *, ended: bool) -> None:
        """Read arguments again, from the name on; ``ended``: the call is over."""
        self.complete_name(channels, outlet)
        if rest := self._scan(text, outlet):
            self._again, cast("Scanner", self.scanner).stops = None, False
            self._scan(rest, outlet)
        if ended:
            cast("Scanner", self.scanner).close(self, outlet)

    def _restore_gone(self, channels: Channels, *, over: bool) -> None:
        scanner, remains, arguments = self.scanner, self.remains, self.arguments
        if scanner is None or remains is None or not isinstance(arguments, Passing) or not self.name:
            raise ValueError(f"{self.label} has no arguments, and they have not gone")
        free, broken = self.form == "text", scanner.error_offset is not None
        if (
            (not over and scanner.mode != _GONE.get(self.state))
            or (free and scanner.mode != "text")
            or broken != (scanner.verdict in ("invalid", "trailing"))
            or not scanner.begins <= max(scanner.begins, scanner.ends) <= arguments.size
            or len(remains.head) != min(max(scanner.ends - scanner.begins, 0), _HEAD)
            or remains.again.size != (self._again or 0)
            or not remains.head.startswith(remains.again.part(0, _HEAD))
        ):
            raise ValueError(f"what remains of {self.label} is not what can")
        self.tool = UNNAMED if free else self._tool_of(channels)
        scanner.go_on(self.tool.trie, arguments.size, raw=not self.tool.is_speech)
        self._restore_held(self._again)

    def _restore_held(self, again: int | None) -> None:
        scanner = cast("Scanner", self.scanner)
        if again is not None and not (scanner.stops and 0 <= again < scanner.ends - scanner.begins):
            raise ValueError(f"{self.label} has no object of which {again} characters could have come again")
        self._again = again

    def _tool_of(self, channels: Channels) -> Captured:
        """Return what is captured of the call: nothing, unless it is a function's."""
        return channels.of(self.name) if self.kind == "function" else UNNAMED

    def feed(self, text: str, policy: LanePolicy, outlet: Outlet) -> bool:
        """Take the next piece of the arguments.

        Returns:
            Whether all of it was within the limit.
        """
        fits, room = True, policy.limit - self.size
        if self._half or len(text) > room or not text.isascii():
            text, self._half, fits = _take(self._half, text, room)
        self.size += len(text)
        if policy.placeholder and self._first is not None and self.form != "text":
            text = self._after_placeholder(self._first + text)
        if self.scanner is None:
            self.arguments.write(text)
            return fits
        try:
            rest = self._scan(text, outlet) if self._again is None else text
            if rest:
                self._read(rest, outlet)
        except LimitReached:
            return False
        return fits

    def _after_placeholder(self, text: str) -> str:
        """Return the arguments that can be read now. An empty object is held back, because it may be a placeholder."""
        while found := _PLACEHOLDER.match(text):
            if found.end() == len(text):
                break
            text = text[found.end() :]
        held = _PLACEHOLDER_SO_FAR.fullmatch(text) is not None
        self._first = text if held else None
        return "" if held else text

    def _read(self, text: str, outlet: Outlet) -> None:
        """Read arguments. What follows the object is held back as long as it may repeat the object."""
        for at in range(0, len(text), _WINDOW):
            piece = text[at : at + _WINDOW]
            while piece:
                piece = self._scan(piece, outlet) if self._again is None else self._compare(piece)

    def _scan(self, text: str, outlet: Outlet) -> str:
        """Read arguments up to the end of the object, and white space after it; return the rest."""
        scanner: Scanner = self.scanner  # type: ignore[assignment]
        self.arguments.append(text)
        if len(self.arguments) > PIECES:
            self.arguments.join()
        try:
            scanner.feed(text, self, outlet)
        except LimitReached:
            self.size -= len(scanner.beyond)
            self.arguments.cut(self.arguments.size - len(scanner.beyond))
            raise
        rest = scanner.beyond
        if rest:
            self._again = 0
            self.arguments.cut(self.arguments.size - len(rest))
        return rest

    def _compare(self, text: str) -> str:
        """Compare what follows the object with the object; return what can be read now."""
        scanner, again = cast("Scanner", self.scanner), cast("int", self._again)
        size = scanner.ends - scanner.begins
        if self.remains is not None:
            return self._compare_with(self.remains, text, size)
        expected = self.arguments.part(scanner.begins + again, min(len(text), size - again))
        if not text.startswith(expected):
            return self._held() + text
        self._again = again + len(expected)
        if self._again == size:
            self._again, self.repeated = None, True
        return text[len(expected) :]

    def _compare_with(self, remains: Remains, text: str, size: int) -> str:
        """Compare with an object that has gone: its head at once, the rest of it once as much has come."""
        room = size - remains.again.size
        remains.again.write(text[:room])
        self._again = came = remains.again.size
        is_head = remains.head.startswith(remains.again.part(0, _HEAD))
        if is_head and came < size:
            return ""
        if not is_head or Passing(remains.again.getvalue()).whole_digest != remains.whole:
            return self._held() + text[room:]
        remains.again.clear()
        self._again, self.repeated = None, True
        return text[room:]

    @property
    def _repeating(self) -> str:
        """What is held back because it repeats the object."""
        if self.remains is not None:
            return self.remains.again.getvalue()
        return self.arguments.part(cast("Scanner", self.scanner).begins, cast("int", self._again))

    def _held(self) -> str:
        """Return what was held back: it does not repeat the object, so it is an error."""
        held = self._repeating
        self._again, cast("Scanner", self.scanner).stops = None, False
        if self.remains is not None:
            self.remains.again.clear()
        return held

    def formed(self, text: str, form: Form) -> str | None:
        """Return a piece of this form as text that continues the arguments; ``None`` if their form differs."""
        if self.form == "json" and not self.size and not (self.scanner and form == "text"):
            self.form = form
        if form != self.form:
            return None
        if form != "members":
            return text
        return ("{" if not self.size else "," if text and self.size > 1 else "") + text

    def close_members(self) -> str:
        """Return the closing brace, if the arguments came as members of an object, and no more are expected."""
        if self.form != "members":
            return ""
        self.form = "json"
        self.in_doubt = self.in_doubt or bool(self.scanner and self.scanner.duplicates)  # pieces of a value, or repeats
        return "}"

    def delta_of(self, text: str) -> str | None:
        """Return the new part of cumulative arguments; ``None`` if they contradict what came before."""
        self._half = ""
        return _delta_of((self.arguments,), self.size, text)

    @property
    def advice(self) -> str | None:
        """Return the policy that may read arguments which are not a JSON object, if they suggest one."""
        text = self.arguments.getvalue()
        if (found := _PLACEHOLDER.match(text)) and found.end() < len(text):
            return 'an empty object came before the arguments; Dialect(arguments="placeholder") leaves it out'
        if begins_again(text):
            return 'the arguments begin again with all of them so far; Dialect(arguments="snapshot") reads that'
        return None

    def close(self, event: str, channels: Channels, outlet: Outlet) -> None:
        """End the lane."""
        self.flush(channels, outlet)
        outlet.boundary(self, event)

    def flush(self, channels: Channels, outlet: Outlet) -> None:
        """Decide what was held back: no more comes."""
        with suppress(LimitReached):  # of arguments that came before the name; the stream ends anyway
            self.complete_name(channels, outlet)
        text = (self._first or "") + "\ufffd" * len(self._half)
        self._half, self._first = "", None
        if self.scanner is None:
            self.arguments.write(text)
        else:
            self._read(text, outlet)
            if self._again is not None:
                self._scan(self._held(), outlet)
            self.scanner.close(self, outlet)


def _digest_of_value(text: str) -> str | None:
    """Return the digest of what JSON says, which is that of all JSON that says the same; ``None`` if it is none."""
    try:
        value = _plain(from_json(text))
    except ValueError:
        return None
    return Passing(json.dumps(value, sort_keys=True)).whole_digest


def _plain(value: Any) -> Any:
    """Return a value with numbers written alike that Python says are equal."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    is_integral = isinstance(value, bool) or (isinstance(value, float) and value.is_integer())
    return int(value) if is_integral else value


Lane: TypeAlias = StreamLane | TextLane | CallLane


class Siblings(Protocol):
    """All calls of a choice, as far as routes concern them."""

    last: int

    def note(self, lane: CallLane) -> None:
        """Note what may still happen to a call, after a piece of it came."""


TextRoute: TypeAlias = tuple[TextLane, LanePolicy]
CallRoute: TypeAlias = tuple[CallLane, Siblings, LanePolicy]


class Routes(ABC):
    """Address → lane: the identity rule "same index" as a look-up, and the same for text fields.

    Text for a known address goes straight to its lane; a subclass takes whatever else is said. There are no routes once
    the stream has ended, so that no text reaches a lane that is done.
    """

    __slots__ = ("_call_routes", "_meter", "_outlet", "_text_routes")

    def __init__(self, outlet: Outlet, meter: Meter) -> None:
        self._outlet = outlet
        self._meter = meter
        self._text_routes: dict[tuple[int, TextField, int], TextRoute] = {}
        self._call_routes: dict[tuple[int, int | None], CallRoute] = {}

    def text(self, choice: int, field: TextField, text: str, cumulative: bool = False, part: int = 0) -> None:
        """Take a piece of a text field, unless the stream has ended."""
        route = self._text_routes.get((choice, field, part))
        if route is None and (route := self.open_text(choice, field, part, cumulative=cumulative)) is None:
            return
        lane, policy = route
        if cumulative or policy.cumulative:
            text = self.delta_of_cumulative(lane, text)
        meter, size = self._meter, lane.size
        if meter.weight + len(text) > meter.bound:
            self.feed_last(lane, text, policy)
            return
        if not lane.feed(text, policy, self._outlet):
            self.exceed("text")
        meter.weight += lane.size - size

    def call(
        self,
        choice: int,
        wire_index: int | None,
        call_id: str,
        name: str,
        arguments: str,
        entry: int = 0,
        cumulative: bool = False,
        extras: Mapping[str, Any] | None = None,
        form: Form = "json",
    ) -> None:
        """Take an entry of a tool-call list, unless the stream has ended."""
        more = call_id or name or cumulative or extras or form != "json"
        route = None if more else self._call_routes.get((choice, wire_index))
        if route is not None:
            lane, calls, policy = route
            if lane.state != AWAITING_NAME and lane.form == "json" and not (lane.settled or policy.cumulative):
                calls.last = lane.ordinal
                meter, size = self._meter, lane.size
                if meter.weight + len(arguments) > meter.bound or '"' in arguments:
                    self.feed_call(lane, arguments, policy)
                    return
                # What `feed_call` does for text without keys, in place: a call more would be 3 % of a raw delta.
                if arguments and not lane.feed(arguments, policy, self._outlet):
                    self.exceed(lane.reached)
                meter.weight += lane.size - size
                return
        self.take_entry(CallPiece(choice, wire_index, call_id, name, arguments, entry, cumulative, extras, form))

    def feed_call(self, lane: CallLane, arguments: str, policy: LanePolicy) -> None:
        """Feed arguments that may hold keys, or for which there may be no room."""
        meter, size, keys = self._meter, lane.size, lane.keys
        if meter.weight + len(arguments) > meter.bound:
            self.feed_last(lane, arguments, policy)
            return
        if not lane.feed(arguments, policy, self._outlet):
            self.exceed(lane.reached)
        meter.weight += lane.size - size
        meter.note("key", lane.keys - keys)

    def feed_last(self, lane: TextLane | CallLane, text: str, policy: LanePolicy) -> None:
        """Feed as much as there is room for in all, and stop if that is not all."""
        meter, size = self._meter, lane.size
        room = max(meter.bound - meter.weight, 0)
        fits = lane.feed(text, replace(policy, limit=min(policy.limit, size + room)), self._outlet)
        meter.weight += lane.size - size
        if not fits:
            self.exceed(lane.reached if policy.limit <= size + room or lane.reached == "held" else "total")

    @abstractmethod
    def open_text(self, choice: int, field: TextField, part: int, *, cumulative: bool) -> TextRoute | None:
        """Return the way to a text's lane, which may be new; ``None`` if it takes no text."""

    @abstractmethod
    def take_entry(self, piece: CallPiece) -> None:
        """Take an entry that is more than a delta for a known address."""

    @abstractmethod
    def delta_of_cumulative(self, lane: TextLane | CallLane, text: str) -> str:
        """Return the new part of a cumulative text."""

    @abstractmethod
    def exceed(self, limit: str) -> None:
        """Stop, because more came than this limit allows."""
