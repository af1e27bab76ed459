r"""Makes the content of a recording unreadable, and keeps its form: :func:`scrub`.

Every byte keeps its place, so every cut stays where it was. Letters become other letters, and digits other digits.
Everything that JSON and the protocol need is kept: field names, punctuation, white space, escapes, ``true``, zeros.

The letter that replaces another depends on a secret key, which is not stored, and on the preceding letters of the word.
So words with the same beginning still have the same beginning, and different words still differ. This is needed because
servers repeat themselves: a text in deltas and again complete, a name in each chunk, a cumulative text.
"""

import json
import re
import secrets
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import accumulate, groupby, pairwise
from typing import Any

from streamfsm.parser import StreamParser
from streamfsm.replay.recording import Piece, Recording
from streamfsm.wires.sse import DONE

KEEP = ("thinking", "message", "send_message")
"""Names that decide how a call is read by default: of the thoughts, the message and the message tool."""

_NAME = 64
"""Characters of the longest names of tools that servers accept."""
_LITERALS = ("true", "false", "null")
_CONSTANTS = (*_LITERALS, "NaN", "Infinity", "-Infinity")  # the last three are not JSON, but decoders read them
_MARKER = re.compile(r"<[^<>\n]{0,48}|\[TOOL_\w{1,16}\]|\bto=functions\.|\bfunctools\[\{")
_MARKER_WORDS = re.compile(
    r"(?i:think|thinking|thought|reasoning|(tool|function)?_?(tool|function|call)s?|functioncall|tool_use|tool_request"
    r"|invoke|name|start_action|start_function_call|action|plugin|python_tag|channel|constrain|recipient|to|functools)"
)
"""Words that the parser searches for at the places that :data:`_MARKER` finds: think tags and markers of calls."""

_PROTOCOL_WORD = re.compile(r"[\w./-]{1,64}")
_PROTOCOL = {"object", "type", "role", "status", "phase", "execution", "code"}
_PROTOCOL |= {"reason", "finish_reason", "native_finish_reason"}
"""Fields whose values are words of the protocol."""
_COUNTS = re.compile(r"(\w+_)?(index|tokens)|sequence_number|status|code")
"""Fields whose numbers reveal nothing about the text."""
_WHOLE = re.compile(r"id|\w+_id|model|system_fingerprint|obfuscation")
"""Fields whose values are complete, and not pieces of a longer text."""
_IDENTITY = ("index", "output_index", "content_index", "summary_index")
"""Fields that identify the lane of an object's texts."""

_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|$)")
_FIELD = re.compile(rf"(?:[ \t]+(?=data))?(data|event)(?::[ ]?|$)(?:\s*{re.escape(DONE.decode())})?")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?$)|[{}\[\],:]|[^\s{}\[\],:"]+')
_NUMBER = re.compile(r"-?\d[\d.eE+-]*")
_UNIT = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "\\": "\\", "/": "/"}
_PAIR = r"[\ud800-\udbff][\udc00-\udfff]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_CHARACTER = re.compile(rf"{_PAIR}|\\u[0-9a-fA-F]{{4}}|.", re.DOTALL)
"""One character of a word, in a text that may be JSON: itself, an escape, or a surrogate pair of either."""
_RUN = re.compile(rf"(?:{_PAIR}|\\u[0-9a-fA-F]{{4}}|\w)+|\\u[0-9a-fA-F]{{0,3}}\w?|\\.", re.DOTALL)
_VALUE_BEGINS = re.compile(r"(?:^|[:,\[{])\s*$")

_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "123456789",
    "".join(map(chr, range(0x430, 0x450))),  # two bytes in UTF-8
    "".join(map(chr, range(0x4E00, 0x9FA6))),  # three
    "".join(map(chr, range(0x20000, 0x2A6D7))),  # four
)
_BY_LENGTH = {2: _ALPHABETS[3], 3: _ALPHABETS[4], 4: _ALPHABETS[5]}


def scrub(recording: Recording, *, keep: Collection[str] = KEEP, key: bytes | None = None) -> Recording:
    """Return the recording with unreadable content.

    Texts, arguments, ids, tools' names, errors and comments are made unreadable, and so are all values that are not
    known to be words of the protocol or counts. The lengths in bytes stay the same, and so do the times.

    Args:
        recording: the recording to scrub.
        keep: names to keep, of arguments or tools, because they decide how calls are read.
        key: determines the letters, for tests; by default a random key.
    """
    scrubber = _Scrubber(frozenset(keep), key or secrets.token_bytes(16))
    wires = [piece.wire for piece in recording.pieces]
    body = scrubber.body(b"".join(wires).decode(errors="surrogateescape")).encode(errors="surrogateescape")
    cuts = pairwise(accumulate(map(len, wires), initial=0))
    pieces = [
        replace(piece, data=_as_piece(body[start:end], piece))
        for piece, (start, end) in zip(recording.pieces, cuts, strict=True)
    ]
    kind, colon, text = (recording.error or "").partition(": ")
    return replace(recording, pieces=tuple(pieces), error=kind + colon + scrubber.text(text) or None)


def _as_piece(wire: bytes, piece: Piece) -> bytes | dict[str, Any]:
    if isinstance(piece.data, bytes):
        return wire
    chunk: dict[str, Any] = json.loads(wire[wire.index(b"data: ") + len(b"data: ") :])
    return chunk


@dataclass
class _Object:
    """An object or list that has not ended."""

    is_list: bool
    key: str = ""
    """The key of the next value."""
    position: int = 0
    values: dict[str, str] = field(default_factory=dict)
    """Its own scalars, as JSON texts."""
    spans: list["_Span"] = field(default_factory=list)
    """The texts inside it."""

    @property
    def identity(self) -> tuple[tuple[str, str], ...]:
        """The fields that distinguish it from other objects, if there are any."""
        kind = self.values.get("type", "")
        told = [(name, self.values[name]) for name in _IDENTITY if name in self.values]
        if "output_index" not in self.values and "item_id" in self.values:  # which some servers change with each event
            told.append(("item_id", self.values["item_id"]))
        return (*told, ("type", kind)) if "." in kind else tuple(told)


@dataclass
class _Span:
    """A text of the body: its place, and what it belongs to."""

    start: int
    units: list[str]
    key: str
    address: tuple[Any, ...] = ()

    @property
    def text(self) -> str:
        return "".join(map(_decoded, self.units))


def _decoded(unit: str) -> str:
    if len(unit) == 1:
        return unit
    return _ESCAPES.get(unit[1:], "\ufffd") if len(unit) == 2 else chr(int(unit[2:], 16))  # noqa: PLR2004, FURB166


class _Scrubber:
    def __init__(self, keep: frozenset[str], key: bytes) -> None:
        self._keep = keep
        self._key = key
        self._lanes: dict[tuple[Any, ...], list[_Span]] = {}

    # -- a body --------------------------------------------------------------------------------------------------------

    def body(self, body: str) -> str:
        """Scrub a body."""
        out = list(body)
        stack: list[_Object] = []
        for line in _LINE.finditer(body):
            text, start = line[1], line.start()
            if not text:
                self._end(stack)
            found = _FIELD.match(text)
            if text.startswith(":") or (found and found[1] == "event"):
                name = text[found.end() :] if found else text
                if not (found and _PROTOCOL_WORD.fullmatch(name)):
                    out[start + len(text) - len(name) : start + len(text)] = self.text(name)
            else:
                at = found.end() if found else 0
                self._value(body, start + at, start + len(text), stack, out)
        self._end(stack)
        for spans in self._lanes.values():
            for span, text in self._replaced(spans):
                at = span.start
                for unit, char in zip(span.units, text, strict=True):
                    if char != _decoded(unit):
                        out[at : at + len(unit)] = char if len(unit) == 1 else f"\\u{ord(char):04x}"
                    at += len(unit)
        return "".join(out)

    def _value(self, body: str, start: int, end: int, stack: list[_Object], out: list[str]) -> None:
        """Read a line of JSON: find its texts, and scrub its numbers. Anything that is not JSON counts as text."""
        for token in _TOKEN.finditer(body, start, end):
            text = token[0]
            if text in "{[":
                stack.append(_Object(text == "["))
            elif text in "}]":
                if stack:
                    self._close(stack)
            elif not stack:
                out[token.start() : token.end()] = self.text(text)
            elif text == ",":
                stack[-1].position += 1
            elif text != ":":
                self._scalar(token, body, stack, out)

    def _scalar(self, token: re.Match[str], body: str, stack: list[_Object], out: list[str]) -> None:
        inner, text = stack[-1], token[0]
        if not text.startswith('"'):
            inner.values[inner.key] = text
            in_usage = any(each.key == "usage" for each in stack)
            if text in _CONSTANTS or (_NUMBER.fullmatch(text) and (in_usage or _COUNTS.fullmatch(inner.key))):
                return
            out[token.start() : token.end()] = self.text(text)
        elif not inner.is_list and re.compile(r"\s*:").match(body, token.end()):
            inner.key = text.strip('"')
        else:
            value = text[1:].removesuffix('"')
            inner.values[inner.key] = value
            if inner.key in _PROTOCOL and _PROTOCOL_WORD.fullmatch(value):
                return
            if inner.key == "model" and not value.startswith("ft:"):
                return
            inner.spans.append(_Span(token.start() + 1, _UNIT.findall(value), inner.key))

    def _close(self, stack: list[_Object]) -> None:
        """End the innermost object, and extend the addresses of its texts."""
        ended = stack.pop()
        outer = stack[-1] if stack else None
        place = (ended.identity or outer.position) if outer and outer.is_list else (outer and outer.key)
        for span in ended.spans:
            span.address = (place, ended.identity, *(span.address or (span.key,)))
            if outer:
                outer.spans.append(span)
            else:
                self._lanes.setdefault(span.address, []).append(span)

    def _end(self, stack: list[_Object]) -> None:
        while stack:
            self._close(stack)

    def _replaced(self, spans: list[_Span]) -> Iterator[tuple[_Span, str]]:
        """Yield each text of a lane with its replacement."""
        texts = [span.text for span in spans]
        key = spans[0].key
        stands_alone = (
            _WHOLE.fullmatch(key)
            or (key == "name" and "".join(texts) not in self._keep and not self._keep.isdisjoint(texts))
            or (len(texts) > 1 and all(later.startswith(text) for text, later in pairwise(texts)))
        )
        if stands_alone:
            yield from zip(spans, map(self.text, texts), strict=True)
            return
        whole = self.text("".join(texts))
        cuts = pairwise(accumulate(map(len, texts), initial=0))
        yield from ((span, whole[start:end]) for span, (start, end) in zip(spans, cuts, strict=True))

    # -- a text --------------------------------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """Scrub a text. If it is a shorter text several times over, so is its replacement."""
        period = (text + text).find(text, 1)
        if 0 < period < len(text):
            return self.text(text[:period]) * (len(text) // period)
        marked = {at for found in _MARKER.finditer(text) for at in range(*found.span())}

        def scrubbed(run: re.Match[str]) -> str:
            written = _CHARACTER.findall(run[0])
            if written[0] == "\\":  # an escape of one letter, or an invalid or incomplete one
                return run[0]
            out, at, start = "", 0, run.start()
            for is_word, group in groupby(map(_character, written), lambda char: char.isalnum() or char == "_"):
                word = "".join(group)
                forms = written[at : at + len(word)]
                at, end = at + len(word), start + sum(map(len, forms))
                if is_word and not (start in marked and _MARKER_WORDS.fullmatch(word)):
                    word = self._in_place(text, word, start, end)
                out += "".join(map(_written, word, forms))
                start = end
            return out

        return _RUN.sub(scrubbed, text)

    def _in_place(self, text: str, word: str, start: int, end: int) -> str:
        """Scrub a word, except for a name to keep, or the beginning of a literal, which is read letter by letter."""
        is_last = end == len(text)
        is_kept = word in self._keep or (is_last and any(name.startswith(word) for name in self._keep))
        if is_kept and (start == 0 or text[start - 1] in "\"'"):
            return word
        if not _VALUE_BEGINS.search(text, max(0, start - 20), start):
            return self._word(word)
        kept = max(_common(word, literal) for literal in _LITERALS)
        avoid = {literal[kept] for literal in _LITERALS if literal.startswith(word[:kept]) and len(literal) > kept}
        return self._word(word, kept, avoid)

    def _word(self, word: str, kept: int = 0, avoid: Collection[str] = ()) -> str:
        """Replace letters. The first ``kept`` ones stay, and the next one does not become one of ``avoid``.

        A short word does not begin with the same letters twice unless it did before: in a name that comes in pieces,
        the second piece would look like the name so far.
        """
        state = b""
        out: list[str] = []
        for at, char in enumerate(word):
            state = blake2b(state, key=self._key, digest_size=8).digest()
            is_exponent = char in "eE" and at > 0 and word[at - 1].isdecimal()
            if at < kept or is_exponent or not char.isalnum() or char == "0":
                out.append(char)
            else:
                half = (at + 1) // 2
                doubles = at % 2 and at < _NAME and out[: half - 1] == out[half:] and word[:half] != word[half : at + 1]
                avoided = {*(avoid if at == kept else ()), *(out[half - 1] if doubles else ())}
                out.append(_other(char, int.from_bytes(state, "big"), avoided))
            state += char.encode(errors="replace")
        return "".join(out)


def _character(written: str) -> str:
    """Return the character that is written as itself, as an escape, or as a surrogate pair of either."""
    if len(written) == 1:
        return written
    halves = re.sub(r"\\u(....)", lambda escape: chr(int(escape[1], 16)), written)
    return halves.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _written(char: str, form: str) -> str:
    """Return a character in the form in which another one was written."""
    if len(form) == 1:
        return char
    data = char.encode("utf-16-be", "surrogatepass")
    halves = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
    return "".join(f"\\u{half:04x}" if form.startswith("\\") else chr(half) for half in halves)


def _common(word: str, literal: str) -> int:
    return next(
        (at for at, (one, other) in enumerate(zip(word, literal, strict=False)) if one != other),
        min(len(word), len(literal)),
    )


def _other(char: str, number: int, avoid: Collection[str]) -> str:
    """Return another character of the same kind and the same length in bytes."""
    alphabet = next((each for each in _ALPHABETS[:3] if char in each), None) or _BY_LENGTH[len(char.encode())]
    at = alphabet.find(char)
    at = ord(char) if at < 0 else at
    choices = (
        alphabet[(at + step) % len(alphabet)] for step in range(1 + number % (len(alphabet) - 1), 2 * len(alphabet))
    )
    return next(each for each in choices if each not in avoid and each != char)


# -- checking ----------------------------------------------------------------------------------------------------------


def reading(recording: Recording, make: Callable[..., StreamParser] = StreamParser) -> Iterator[str]:
    """Yield what a parser does with a recording, without texts. It must be the same before and after scrubbing."""
    trace: list[Any] = []
    parser = make(trace=trace)
    feeds = [
        parser.feed_bytes(piece.data) if isinstance(piece.data, bytes) else parser.feed(piece.data)
        for piece in recording.pieces
    ]
    for number, messages in enumerate([*feeds, parser.close()]):
        for message in messages:
            size = len(message.text)
            yield f"piece {number}: {message.message_type} of {size} characters, choice {message.choice_index}"
    for step in trace:
        yield f"{step.lane} of choice {step.choice}: {step.state} –{step.event}→ {step.target}"
    result = parser.result
    for anomaly in result.anomalies:
        yield f"anomaly {anomaly.kind}, choice {anomaly.choice}, call {anomaly.call}"
    for choice in result.choices:
        yield f"choice {choice.index}: {choice.finish_reason}, {choice.stop_reason}"
        for call in choice.tool_calls:
            yield f"call {call.index}: {call.verdict} at {call.error_offset}, {call.ready}"
    yield f"{parser.state}, {result.stop_reason}"
