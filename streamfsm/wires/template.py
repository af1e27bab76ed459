"""A fast path for events that differ from an earlier one only in a text, as nearly all do: only the text is decoded."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from pydantic_core import from_json

from streamfsm.core.events import CallPiece, Event, Extra, Handler, Recorder, Text, Thought
from streamfsm.wires.source import Source

_LARGEST = 4096  # bytes of an event that is learned
_TRIES = 8  # events that are learned without a later match before learning stops
_SHAPES = 4  # shapes that are kept, so that answers and calls may alternate
_TIMES = 3  # how often an event may contain its text

_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
# The values of fields that hold text on any wire and decide nothing else, so that a probe does not confuse the reader.
_find_texts = re.compile(
    rb'"(?:content|delta|text|refusal|transcript|arguments|input|value|thinking|summary'
    rb'|reasoning|reasoning_content|reasoning_text|output_text|input_text)": ?(' + _STRING + b")",
    re.DOTALL,
).finditer
_EMPTY = b'""'
_TEXT, _AGAIN = b"(?P<text>" + _STRING + b")", b"(?P=text)"

# What else differs from event to event without a meaning: padding of varying length, against traffic analysis, and the
# number of the event. Each with a pattern of its values, and another value for the proof.
_LOOSE: tuple[tuple[Callable[[bytes], re.Match[bytes] | None], bytes, bytes], ...] = (
    (re.compile(rb'"(?:obfuscation|p)": ?("[^"\\]*")').search, rb'"[ !#-\[\]-~]*"', b'"."'),
    (re.compile(rb'"sequence_number": ?(\d+)').search, rb"(?:0|[1-9]\d{0,17})", b"1234567"),
)

_HOLDS = {Text: "text", CallPiece: "arguments", Thought: "text"}  # event → its field that holds the text
_Told: TypeAlias = tuple[type, tuple[Any, ...], tuple[Any, ...]]
"""An event: its type, and its fields before and after the text."""
_Hole: TypeAlias = tuple[int, int, bytes, bytes]
"""Where a hole begins and ends, the pattern of its values, and another value."""


class _Shape(NamedTuple):
    """An event without its text and without other bytes that differ but mean nothing: holes between fixed bytes."""

    head: bytes
    """The bytes before the first hole."""
    match: Callable[[bytes, int], re.Match[bytes] | None]
    """Matches the bytes after the head, if each hole holds an allowed value and all lengths are right."""
    groups: tuple[int, ...]
    """The groups of that match that hold the fixed bytes."""
    fixed: bytes | tuple[bytes, ...]
    told: tuple[_Told, ...]
    """What the reader reports for such an event."""


@dataclass(slots=True)
class Template:
    """The shapes of the latest events that carry one text and are otherwise alike.

    The text's hole is decoded as a JSON string. If that works, the event is the learned one with another text; if not,
    the event is read in full. So nothing is guessed, and decoding takes a third of the time (``benchmarks/wire.py``).
    Snapshots do not keep the template, because it can be learned again.
    """

    _shapes: tuple[_Shape, ...] = ()
    _tries: int = _TRIES

    def tell(self, data: bytes, to: Handler) -> bool:
        """Report what an event says if it has a learned shape; return whether it has one."""
        for head, match, groups, fixed, told in self._shapes:
            if not data.startswith(head):
                continue
            found = match(data, len(head))
            if found is None or found.group(*groups) != fixed:
                continue
            try:
                text = from_json(found["text"])
            except ValueError:
                return False
            if not text:
                return False
            self._tries = _TRIES
            for event, before, after in told:
                fields = (*before, text, *after)
                if event is Text:
                    to.text(*fields)
                elif event is CallPiece:
                    to.call(*fields)
                else:
                    to.take(event(*fields))
            return True
        return False

    def forget(self) -> None:
        """Forget all shapes: the reader's state has changed, so it might read such events differently."""
        self._shapes = ()

    def recorder(self, data: bytes) -> Recorder | None:
        """Return a recorder for the events of ``data`` if its shape may be learned while it is read in full."""
        return Recorder() if self._tries and len(data) <= _LARGEST else None

    def learn(self, data: bytes, recorded: list[Event], source: Source) -> None:
        """Learn the shape of this event, if it carries one text and contains that text literally.

        Args:
            data: the event.
            recorded: the events that ``source`` reported for it, which are no longer needed; it found it to be plain.
            source: the reader, which reads a similar event.
        """
        text = _only_text(recorded, source)
        if not text:
            return
        for event in recorded:
            if type(event) in _HOLDS:
                setattr(event, _HOLDS[type(event)], text + ".")  # as the probe below must say it
        self._tries -= 1
        loose: list[_Hole] = []
        for search, allowed, other in _LOOSE:
            if found := search(data):
                loose.append((*found.span(1), allowed, other))
        spans = [found.span(1) for found in _find_texts(data) if found[1] != _EMPTY and _is(found[1], text)]
        for first in range(max(len(spans) - _TIMES, 0), len(spans)):
            allowed = _TEXT
            holes = list(loose)
            for start, end in spans[first:]:
                holes.append((start, end, allowed, data[start : end - 1] + b'."'))
                allowed = _AGAIN
            holes.sort()
            ends = [*(start for start, *_ in holes[1:]), len(data)]
            head, fixed = data[: holes[0][0]], [data[end:upto] for (_, end, *_), upto in zip(holes, ends, strict=True)]
            # The proof that the holes are right, and hold nothing else that matters: with other values in all of them,
            # the reader reports the same, with the other text.
            probe = head + b"".join(other + between for (*_, other), between in zip(holes, fixed, strict=True))
            try:
                recorder = Recorder()
                is_plain = source.read(from_json(probe), recorder)
                proved = is_plain and recorder.events == recorded
            except ValueError:  # half a surrogate pair elsewhere in the event, which only the slower decoder accepts
                proved = False
            if proved:
                match, groups = _pattern(tuple((hole[2], len(after)) for hole, after in zip(holes, fixed, strict=True)))
                told = tuple([_told(event) for event in recorded if type(event) in _HOLDS])  # extras are kept once
                shape = _Shape(head, match, groups, fixed[0] if len(fixed) == 1 else tuple(fixed), told)
                self._shapes = (shape, *self._shapes[: _SHAPES - 1])
                return


def _only_text(recorded: Sequence[Event], source: Source) -> str:
    """Return the one text of a plain chunk; an empty one if repeating an event would change anything."""
    texts = set()
    for event in recorded:
        if type(event) in _HOLDS:
            texts.add(getattr(event, _HOLDS[type(event)]))
        elif not (isinstance(event, Extra) and source.dialect.counts_once(event.name)):
            return ""
    return texts.pop() if len(texts) == 1 else ""


def _told(event: Event) -> _Told:
    fields = [getattr(event, name) for name in event.__slots__]
    at = event.__slots__.index(_HOLDS[type(event)])
    return type(event), tuple(fields[:at]), tuple(fields[at + 1 :])


def _is(literal: bytes, text: str) -> bool:
    """Whether a JSON string is this text."""
    try:
        return bool(from_json(literal) == text)
    except ValueError:
        return False


@lru_cache
def _pattern(parts: tuple[tuple[bytes, int], ...]) -> tuple[Callable[..., re.Match[bytes] | None], tuple[int, ...]]:
    """Return a matcher of holes, each followed by so many fixed bytes, and the groups of those bytes.

    The bytes are not part of the pattern, so that streams can share it: compiling one takes as long as thirty events.
    """
    pattern, groups, group = b"", [], 0
    for allowed, length in parts:
        group += 1 + (allowed == _TEXT)
        groups.append(group)
        pattern += b"%b(.{%d})" % (allowed, length)
    return re.compile(pattern, re.DOTALL).fullmatch, tuple(groups)
