"""Lanes: the run state of one text field, one tool call, one stream. Each runs one machine.

A lane reports two things to its outlet, in order: boundaries, and text. The lane's table decides what each becomes.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
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

_SHORT = 64  # characters; longer arguments are not empty
_SHORTEST = 16  # characters; a shorter text is not reported as repeated
_WINDOW = 4096  # characters that are read again after each repetition that is found
# White space is bounded because it is read again with each piece; longer white space is not part of a placeholder.
_PLACEHOLDER = re.compile(r"[ \t\n\r]{0,99}(?:\{[ \t\n\r]{0,99}\}|null)[ \t\n\r]{0,99}")
_EMPTY = re.compile(rf"[ \t\n\r]*|{_PLACEHOLDER.pattern}")
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
# States of an open call whose arguments can be discarded, because nothing reads them again; and the lexer's mode there.
_GONE = {"closed": "closed", "malformed": "broken", "spoken_verbatim": "broken", "text_input": "text"}
_GOES = frozenset({*_GONE, *TOOL_CALL.table.final})
_HEAD = 256  # characters of a discarded object that are kept, so that most text that does not repeat it is read at once
OPEN = frozenset(STREAM.table.live)


class Outlet(Protocol):
    """Receives a lane's output."""

    def key(self, lane: "Lane") -> None:
        """A key came that the arguments have not had before."""

    def boundary(self, lane: "Lane", event: str, emits: str | Mapping[str, Any] = "") -> None:
        """``event`` fires; ``emits`` is what its row emits, if anything: a text, or several fields of the message."""

    def text(self, lane: "Lane", text: str) -> None:
        """Text arrived in the lane's current state."""


class _Nobody:
    """An outlet that ignores everything."""

    def key(self, lane: "Lane") -> None:
        pass

    def boundary(self, lane: "Lane", event: str, emits: object = "") -> None:
        pass

    def text(self, lane: "Lane", text: str) -> None:
        pass


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """How lanes of one kind read their text."""

    limit: int
    """The most characters of a lane."""
    cumulative: bool
    """Whether each piece repeats all of the text so far."""
    begins: str = ""
    """The event that the first piece of a text field fires; empty for calls, whose name decides it."""
    tags: Tags | None = None
    repeated: bool = False
    """Whether the last piece of a text field may repeat all of it."""
    placeholder: bool = False
    """Whether arguments may begin with an empty object or ``null`` as a placeholder."""


def take(half: str, text: str, room: int) -> tuple[str, str, bool]:
    """Join surrogates and cut the text to ``room`` characters.

    Returns:
        The text, the half of a surrogate pair that is held back, and whether all of the text fitted.
    """
    if half or not text.isascii():
        text, half = join_surrogates(half, text)
    return (text, half, True) if len(text) + len(half) <= room else (text[:room], "", False)


def _delta_of(buffers: Iterable[Buffer], size: int, text: str) -> str | None:
    """Return the new part of a cumulative text; ``None`` if the text does not continue the text in the ``buffers``.

    ``size`` counts all earlier text. The buffers hold less than that if tags were removed; then nothing is compared.
    At most ``len(text)`` characters of the buffers are read, because a short text may come often.
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
    """Return the name of the lane of a text field's part; the first part has the name of the field."""
    return f"{text_field} {part}" if part else text_field


@dataclass(slots=True)
class TextLane:
    """One text field of one choice, or one part of it."""

    machine: ClassVar[StateMachine] = TEXT
    limit: ClassVar[str] = "text"
    """The name of its limit."""

    choice: int
    text_field: str
    part: int = 0
    """Which of the field's texts, where the wire has several."""
    state: str = TEXT.table.initial
    settled: bool = False
    """Whether the wire said that the text is complete."""
    size: int = 0
    answer: Buffer = field(default_factory=Buffer)
    reasoning: Buffer = field(default_factory=Buffer)
    half: Half = ""  # a high surrogate whose low half may come next
    _prefix: str = ""  # what may become a tag
    _pair: int | None = None  # the index of the pair of tags whose tag came last, if there are several pairs
    _held: Buffer = field(default_factory=Buffer)  # the text so far, while it is undecided whether it is a thought
    _again: int = 0  # how many characters are held back because they repeat the text so far

    @property
    def label(self) -> str:
        """The field's name, and the part's number if it is not the first."""
        return label_of(self.text_field, self.part)

    def read(self, text: str, policy: LanePolicy, outlet: Outlet) -> None:
        """Read the next piece of the text, which ``size`` has counted."""
        if self.state == _AWAITING_TEXT:
            outlet.boundary(self, policy.begins)
        if policy.repeated:
            text = self._unless_again(text)
        if policy.tags:
            self._find_tags(text, policy.tags, outlet)
        else:
            self._emit(text, outlet)

    def _unless_again(self, text: str) -> str:
        """Return the text that can be read now. Text that repeats the beginning of the lane's text is held back."""
        so_far, held = self._written, self._again
        if so_far.part(held, len(text)) == text:
            self._again += len(text)
            return ""
        self._again = 0
        return so_far.part(0, held) + text

    @property
    def kept(self) -> int:
        """The number of characters of the text that are kept or held back."""
        return self.answer.size + self.reasoning.size + self._held.size + len(self._prefix) + self._again

    @property
    def held_back(self) -> str:
        """The text that has been read but not emitted, because what follows decides what it is."""
        return self._held.getvalue() + self._written.part(0, self._again) + self._prefix + self.half

    def holds_back_what_came(self, pairs: int) -> bool:
        """Whether this much text can be held back, given the text that came and the number of pairs of tags."""
        return (
            len(self.half) <= 1
            and (self._pair is None or 0 <= self._pair < pairs)
            and 0 <= self._again <= self._written.size
        )

    @property
    def told(self) -> int:
        """The number of characters that came."""
        return self.size

    @property
    def _written(self) -> Buffer:
        return self.reasoning if self.text_field == "reasoning" else self.answer

    @property
    def repeats(self) -> bool:
        """Whether the text consists of a shorter text that comes more than once; very short texts do not count."""
        return any(is_repetition(buffer.getvalue(), _SHORTEST) for buffer in (self.answer, self.reasoning))

    def delta_of(self, text: str) -> str | None:
        """Return the new part of a cumulative text; ``None`` if it contradicts the earlier text."""
        self.half = ""
        return _delta_of((self._held, self.answer, self.reasoning), self.size, text)

    def begins(self, text: str) -> bool:
        """Whether a text begins with all of this one; ``False`` if some of this one is held back or was taken away."""
        buffers = (self._held, self.answer, self.reasoning)
        if self.half or len(text) < self.size or sum(buffer.size for buffer in buffers) != self.size:
            return False
        return _delta_of(buffers, self.size, text) is not None

    def pass_on(self, *, reasoning: bool) -> None:
        """Do not keep the text that follows, except thoughts; with ``reasoning``, do not keep thoughts either."""
        self.answer = Passing()
        if reasoning:
            self.reasoning = Passing()

    @property
    def passes(self) -> tuple[bool, bool]:
        """Whether the answer is not kept, and whether the thoughts are not kept."""
        return isinstance(self.answer, Passing), isinstance(self.reasoning, Passing)

    def emitted(self, field: str) -> Buffer:
        """Return all text that messages have carried in this field."""
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
            if self.state == _UNDECIDED:  # it is decided now whether the text begins with a thought: read it all again
                text, at = self._release() + text[end:], 0
            else:
                self._pair, at = pair, end + len(tag)
            outlet.boundary(self, event)
        self._prefix = text[end:]

    def close(self, event: str, outlet: Outlet) -> None:
        """End the lane: text that was held back is emitted, unless it repeats the whole text."""
        self.settle(outlet)
        outlet.boundary(self, event)

    def settle(self, outlet: Outlet) -> None:
        """Decide what the text that was held back is, because no delta follows."""
        if self.state == _UNDECIDED:
            outlet.boundary(self, "answer")
            self._emit(self._release(), outlet)
        again, self._again = self._again, 0
        if 0 < again < self._written.size:
            self._emit(self._written.part(0, again), outlet)
        self._emit(self._prefix + "\ufffd" * len(self.half), outlet)
        self.size += len(self.half)
        self._prefix = self.half = ""

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
    """The outlet of arguments that are read again: the lane changes its states, and nothing is emitted."""

    def key(self, lane: "Lane") -> None:
        pass

    def boundary(self, lane: "Lane", event: str, _: object = "") -> None:
        lane.machine.advance(lane, event)

    def text(self, lane: "Lane", text: str) -> None:
        pass


class _Listener(_Replayed):
    """The same, but it collects the text that is speech or thoughts."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def text(self, lane: "Lane", text: str) -> None:
        emission = lane.machine.texts[lane.state]
        if emission and emission.message in SPOKEN:
            self.texts.append(text)


@dataclass(slots=True)
class Remains:
    """What is kept of a call's discarded arguments, besides their size, digest and verdict."""

    head: str
    """The first characters of the object."""
    whole: str
    """The digest of the object's text, which recognises a repetition of it."""
    value: str | None
    """The digest of the decoded arguments, which recognises another call with equal arguments; ``None``: not JSON."""
    empty: bool
    """Whether there were no arguments, or an object without members."""
    again: Buffer = field(default_factory=Buffer)
    """Text that is held back because it may repeat the object."""


@dataclass(slots=True)
class CallLane:
    """One tool call."""

    limit: ClassVar[str] = "arguments"
    """The name of its limit."""

    choice: int
    ordinal: int
    """Position among the choice's calls, in the order in which they began."""
    wire_index: int | None
    id: str | None = None
    state: str = TOOL_CALL.table.initial
    name: str = ""
    size: int = 0
    arguments: Buffer = field(default_factory=Buffer)
    scanner: Annotated[Scanner | None, PlainValidator(scanner_of), PlainSerializer(rest_of)] = None
    """Created when the name is complete, because the name decides what is captured; ``None`` until then."""
    remains: Remains | None = None
    """What is kept of discarded arguments; ``None``: they were not discarded."""
    extras: Extras = field(default_factory=dict)
    """Fields that the parser does not interpret."""
    form: Form = "json"
    """The form of its arguments. ``members``: members of an object that stays open until the call ends."""
    kind: CallKind = "function"
    hosted: bool = False
    """Whether the server runs the call. Such a call is never ready."""
    incomplete: bool = False
    """Whether the wire said that the call is incomplete. Such a call is never ready."""
    settled: bool = False
    """Whether the wire said that the arguments are complete."""
    announced_id: str | None = None
    """The id when the call was announced. All its messages carry it; an id that comes later is only in the result."""
    in_doubt: bool = False
    """Whether the call may be two calls, or may lack a part. Such a call is never ready; see ``doubt``."""
    is_doubled: bool = False
    """Whether the last piece of its name repeats all pieces before it."""
    late_id: bool = False
    """Whether its id came by itself, after its name had begun, or has changed."""
    repeats: int | None = None
    """Position of the call that this one repeats if its arguments turn out to be the same."""
    adopter: int | None = None
    """Position of the call that received this one's arguments, because their name never came."""
    entry: int = 0
    """The number of the latest entry that was assigned to it; see ``Calls.entries``."""
    repeated: bool = False
    """Whether all of the arguments came again; the repetition was left out."""
    tool: Annotated[Captured, PlainValidator(lambda tool: tool), Field(exclude=True)] = UNNAMED
    """What is captured of its arguments. Not part of a snapshot, because it follows from the options and the name."""
    said: int = 0
    """Characters of the arguments that became speech or thoughts."""
    spoke: bool = False
    """Whether any of them became speech."""
    _name_half: Half = ""
    half: Half = ""
    _first: str | None = ""  # text that may be a placeholder; ``None`` once that is decided
    _again: int | None = None  # characters held back because they repeat the object; ``None``: the object is open

    @property
    def machine(self) -> StateMachine:
        """Its machine, which depends on what is captured."""
        return self.tool.machine

    @property
    def called(self) -> CallKind:
        """What kind of tool is called: free text as input shows a custom tool."""
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
    def named(self) -> bool:
        """Whether the name is complete."""
        return self.state != AWAITING_NAME

    @property
    def kept(self) -> int:
        """The number of characters of the arguments that are kept or held back."""
        return self.arguments.size + len(self._first or "") + (self._again or 0)

    @property
    def told(self) -> int:
        """The number of characters of the arguments, without a repetition of all of them that was left out."""
        return self.size if not self.repeated else self.arguments.size

    @property
    def held_back(self) -> str:
        """Text of the name or the arguments that has been read but not emitted, because what follows decides it."""
        if self.scanner is None:
            return self.name + self._name_half + self.arguments.getvalue() + self.half
        again = self._repeating if self._again else ""
        return (self._first or "") + self.scanner.held_back + again + self.half

    @property
    def holds_back_what_came(self) -> bool:
        """Whether each held-back half of a surrogate pair is at most one character."""
        return len(self.half) <= 1 and len(self._name_half) <= 1

    @property
    def has_name(self) -> bool:
        """Whether a piece of the name has arrived."""
        return bool(self.name or self._name_half)

    @property
    def adopted(self) -> bool:
        """Whether another call received its arguments."""
        return self.adopter is not None

    @property
    def is_orphan(self) -> bool:
        """Whether these are arguments that have neither a name nor, so far, a call that adopted them."""
        return bool(self.size) and not (self.has_name or self.adopted)

    @property
    def lacks_arguments(self) -> bool:
        """Whether the call may receive arguments that came without a name; not after the wire said that it has all."""
        return not self.settled and self.named and self.form != "text" and (self.is_open or not self.size)

    @property
    def is_speech(self) -> bool:
        """Whether this is a call of the message tool, through which the model speaks."""
        return self.tool.is_speech

    @property
    def closed(self) -> bool:
        """Whether the arguments are structurally complete."""
        return self.state in ("closed", "sealed") or (self.form == "members" and self.size > 0)

    @property
    def is_open(self) -> bool:
        """Whether arguments have arrived and more may follow."""
        return self.size > 0 and self.form != "members" and self.state not in _OVER

    @property
    def overflows(self) -> bool:
        """Whether something came that is not part of its object, and that may belong to another call."""
        verdict = self.judge()[0]
        return self.repeated or bool(self._again) or verdict == "trailing" or (verdict == "invalid" and not self.closed)

    @property
    def is_empty(self) -> bool:
        """Whether there are no arguments so far, or only an object without members."""
        if self.form == "text":
            return not self.size
        if self.remains is not None:
            return self.remains.empty and self.size < _SHORT and self.judge()[1] is None
        return self.size < _SHORT and _EMPTY.fullmatch(self.arguments.getvalue()) is not None

    def emitted(self, channels: Channels) -> str:
        """Return all text that became speech or thoughts. It is not stored, because it follows from the arguments."""
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
        """Whether the arguments equal those of the other call, as text or as JSON."""
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
        """The digest of the decoded arguments (``None``: not JSON), and that of their text."""
        if self.remains is None:
            text = self.arguments.getvalue()
            return _digest_of_value(text), Passing(text).whole_digest
        told = self.remains.value if self.judge()[0] != "trailing" else None
        return told, cast("Passing", self.arguments).whole_digest

    @property
    def goes(self) -> bool:
        """Whether the arguments can be discarded. Those of a sealed call stay, because revoking the call emits them."""
        return self.scanner is not None and self.state in _GOES

    def let_go(self) -> None:
        """Discard the arguments, except for what judging the call needs."""
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
        """Revoke the call if it was announced as sealed."""
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
        """Read a piece of the name, or the whole name so far if ``cumulative``; only while the name is awaited.

        Returns:
            Whether all of it was within the limit.
        """
        if cumulative:
            self.name, self._name_half = "", ""
        text, self._name_half, fits = take(self._name_half, text, limit - len(self.name))
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
        """Set what a snapshot omits, because it follows from the name and the arguments, by reading those again.

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
        """Read the name and the arguments again; ``ended``: the call is over."""
        self.complete_name(channels, outlet)
        if rest := self._scan(text, outlet):
            self._again, cast("Scanner", self.scanner).stops = None, False
            self._scan(rest, outlet)
        if ended:
            cast("Scanner", self.scanner).close(self, outlet)

    def _restore_gone(self, channels: Channels, *, over: bool) -> None:
        scanner, remains, arguments = self.scanner, self.remains, self.arguments
        if scanner is None or remains is None or not isinstance(arguments, Passing) or not self.name:
            raise ValueError(f"{self.label} has no arguments, although they were not discarded")
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
            raise ValueError(f"what is kept of the arguments of {self.label} does not fit its state")
        self.tool = UNNAMED if free else self._tool_of(channels)
        scanner.go_on(self.tool.trie, arguments.size, raw=not self.tool.is_speech)
        self._restore_held(self._again)

    def _restore_held(self, again: int | None) -> None:
        scanner = cast("Scanner", self.scanner)
        if again is not None and not (scanner.stops and 0 <= again < scanner.ends - scanner.begins):
            raise ValueError(f"{self.label} has no object that {again} characters could repeat")
        self._again = again

    def _tool_of(self, channels: Channels) -> Captured:
        """Return what is captured of the call: nothing, unless it calls a function."""
        return channels.of(self.name) if self.kind == "function" else UNNAMED

    def feed(self, text: str, policy: LanePolicy, outlet: Outlet) -> None:
        """Read text that has been weighed.

        Raises:
            LimitReached: there was more than a limit allows.
        """
        text, self.half, fits = take(self.half, text, policy.limit - self.size)
        self.size += len(text)
        self.read(text, policy, outlet)
        if not fits:
            raise LimitReached(self.limit)

    def read(self, text: str, policy: LanePolicy, outlet: Outlet) -> None:
        """Read the next piece of the arguments, which ``size`` has counted.

        Raises:
            LimitReached: more came than may be held back. The size is without what was not read.
        """
        if policy.placeholder and self._first is not None and self.form != "text":
            text = self._after_placeholder(self._first + text)
        if self.scanner is None:
            self.arguments.write(text)
            return
        rest = self._scan(text, outlet) if self._again is None else text
        if rest:
            self._read(rest, outlet)

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
        """Compare the text that follows the object with the object; return the part that can be read now."""
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
        """Compare with a discarded object: with its head at once, with the rest once as many characters have come."""
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
        """The text that is held back because it repeats the object."""
        if self.remains is not None:
            return self.remains.again.getvalue()
        return self.arguments.part(cast("Scanner", self.scanner).begins, cast("int", self._again))

    def _held(self) -> str:
        """Return the text that was held back: it does not repeat the object after all, so it is an error."""
        held = self._repeating
        self._again, cast("Scanner", self.scanner).stops = None, False
        if self.remains is not None:
            self.remains.again.clear()
        return held

    def formed(self, text: str, form: Form) -> str | None:
        """Return a piece of this form as text that continues the arguments; ``None`` if they have another form."""
        if self.form == "json" and not self.size and not (self.scanner and form == "text"):
            self.form = form
        if form != self.form:
            return None
        if form != "members":
            return text
        return ("{" if not self.size else "," if text and self.size > 1 else "") + text

    def close_members(self) -> str:
        """Return the closing brace if the arguments came as members of an object, because no more are expected."""
        if self.form != "members":
            return ""
        self.form = "json"
        self.in_doubt = self.in_doubt or bool(self.scanner and self.scanner.duplicates)  # pieces of a value, or repeats
        return "}"

    def delta_of(self, text: str) -> str | None:
        """Return the new part of cumulative arguments; ``None`` if they contradict the earlier ones."""
        self.half = ""
        return _delta_of((self.arguments,), self.told, text)

    @property
    def advice(self) -> str | None:
        """Return advice about the policy that may read arguments which are not a JSON object, if they suggest one."""
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
        """Decide what the text that was held back is, because no more follows."""
        with suppress(LimitReached):  # by arguments that came before the name; the stream ends anyway
            self.complete_name(channels, outlet)
        text = (self._first or "") + "\ufffd" * len(self.half)
        self.half, self._first = "", None
        if self.scanner is None:
            self.arguments.write(text)
        else:
            self._read(text, outlet)
            if self._again is not None:
                self._scan(self._held(), outlet)
            self.scanner.close(self, outlet)


def _digest_of_value(text: str) -> str | None:
    """Return the digest of a decoded JSON text, equal for equal values; ``None`` if the text is not JSON."""
    try:
        value = _plain(from_json(text))
    except ValueError:
        return None
    return Passing(json.dumps(value, sort_keys=True)).whole_digest


def _plain(value: Any) -> Any:
    """Return a value in which numbers that are equal in Python are written the same way."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    is_integral = isinstance(value, bool) or (isinstance(value, float) and value.is_integer())
    return int(value) if is_integral else value


Lane: TypeAlias = StreamLane | TextLane | CallLane


class Siblings(Protocol):
    """All calls of a choice, as far as routes need them."""

    last: int

    def note(self, lane: CallLane) -> None:
        """Note what may still happen to a call after a piece of it arrived."""


TextRoute: TypeAlias = tuple[TextLane, LanePolicy]
CallRoute: TypeAlias = tuple[CallLane, Siblings, LanePolicy]


class Routes(ABC):
    """Address → lane: the identity rule "same index" as a look-up, and the same for text fields.

    Text for a known address goes straight to its lane; a subclass handles all other events. There are no routes once
    the stream has ended, so no text reaches a lane that has ended.
    """

    __slots__ = ("_call_routes", "_meter", "_outlet", "_text_routes")

    def __init__(self, outlet: Outlet, meter: Meter) -> None:
        self._outlet = outlet
        self._meter = meter
        self._text_routes: dict[tuple[int, TextField, int], TextRoute] = {}
        self._call_routes: dict[tuple[int, int | None], CallRoute] = {}

    def text(self, choice: int, field: TextField, text: str, cumulative: bool = False, part: int = 0) -> None:
        """Read a piece of a text field, unless the stream has ended."""
        route = self._text_routes.get((choice, field, part))
        if route is None and (route := self.open_text(choice, field, part, cumulative=cumulative)) is None:
            return
        lane, policy = route
        if cumulative or policy.cumulative:
            text = self.delta_of_cumulative(lane, text)
        self.feed(lane, text, policy)

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
        """Read an entry of a tool-call list, unless the stream has ended."""
        more = call_id or name or cumulative or extras or form != "json"
        route = None if more else self._call_routes.get((choice, wire_index))
        if route is not None:
            lane, calls, policy = route
            if lane.state != AWAITING_NAME and lane.form == "json" and not (lane.settled or policy.cumulative):
                calls.last = lane.ordinal
                if arguments:
                    self.feed(lane, arguments, policy)
                return
        self.take_entry(CallPiece(choice, wire_index, call_id, name, arguments, entry, cumulative, extras, form))

    def feed(self, lane: TextLane | CallLane, text: str, policy: LanePolicy) -> None:
        """Feed a lane as much text as there is room for, and stop the stream if that is not all of it."""
        meter, size, fits = self._meter, len(text), True
        if lane.half or size > policy.limit - lane.size or size > meter.bound - meter.weight or not text.isascii():
            room = min(policy.limit - lane.size, meter.bound - meter.weight)
            text, lane.half, fits = take(lane.half, text, room)
            size = len(text)
        lane.size = counted = lane.size + size
        meter.weight += size
        try:
            lane.read(text, policy, self._outlet)
        except LimitReached as reached:
            meter.weight -= counted - lane.size
            self.exceed(reached.limit)
            return
        if not fits:
            self.exceed(lane.limit if lane.size == policy.limit else "total")

    @abstractmethod
    def open_text(self, choice: int, field: TextField, part: int, *, cumulative: bool) -> TextRoute | None:
        """Return the route to a text's lane, which may be new; ``None`` if the lane accepts no more text."""

    @abstractmethod
    def take_entry(self, piece: CallPiece) -> None:
        """Read an entry that is more than a delta for a known address."""

    @abstractmethod
    def delta_of_cumulative(self, lane: TextLane | CallLane, text: str) -> str:
        """Return the new part of a cumulative text."""

    @abstractmethod
    def exceed(self, limit: str) -> None:
        """Stop the stream, because more came than this limit allows."""
