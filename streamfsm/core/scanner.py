"""An incremental reader of one JSON object: the only module that knows JSON syntax. It knows no machine.

Its position is a mode of the lexer's table, :mod:`streamfsm.machines.lexer`, which says what mode comes next.

``feed`` reads the next piece of text, cut anywhere, and reports to an outlet what became decidable, in order:
boundaries and text. Cutting the input elsewhere changes only where text is cut.

A value is *captured* if its path is in the trie; all other text is *raw*, and is reported verbatim. The text of a
captured string is reported decoded. A value captured by a built-in channel *moves*: it leaves the raw text, with its
key and a comma. Of other captured strings the raw text keeps the quotes, and other captured values it keeps entirely,
so it is still a JSON object. The two built-in channels get values that are not strings as JSON text, except ``null``,
which is not reported. Declared channels get such values decoded, when they are complete. After a structural error
everything is reported verbatim.

The reader accepts strict JSON (RFC 8259: no ``NaN``, no byte order mark), with two leniencies that models need and
that the verdict shows: raw control characters in strings, and unknown escapes, whose characters stand for themselves.

Reading is linear: a constant number of regular expressions looks at each character, in runs. Only structural characters
are read one by one; where nothing is captured, complete members and elements are read at once, by the expressions of
:mod:`streamfsm.core.spans`, and in short pieces the effect of the text between two strings is looked up. Each level of
nesting costs one byte; nothing recurses.
"""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, NoReturn, Protocol, TypeAlias, cast

from pydantic import Field, NonNegativeInt, PlainValidator, TypeAdapter
from pydantic_core import from_json

from streamfsm.channels import member
from streamfsm.core import spans
from streamfsm.core.buffer import Buffer
from streamfsm.core.meter import LimitReached
from streamfsm.core.trie import NOTHING, Taking, Trie
from streamfsm.machines.lexer import INSIDE, NEXT, Mode, after
from streamfsm.result import Verdict

_SPACE = " \t\n\r"
_SPACES = re.compile(r"[ \t\n\r]*")
_DIGITS = re.compile(r"[0-9]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_CONTROL = re.compile(r"[\x00-\x1f]+")
# Complete units of a string's body. The escape of a high surrogate is complete once it is decidable what follows it: a
# low one, which forms a pair with it, or anything that cannot become one. The repetition is bounded, because each round
# costs memory until the match ends; the caller matches again for the rest.
_BODY = re.compile(
    r"""(?:
        [^"\\\x00-\x1f]+
      | \\["\\/bfnrt]
      | \\u(?![dD][89abAB])[0-9a-fA-F]{4}
      | \\u[dD][89abAB][0-9a-fA-F]{2}
        (?: \\u[dD][c-fC-F][0-9a-fA-F]{2} | (?= [^\\] | \\[^u] | \\u[0-9a-fA-F]{4} | \\u[0-9a-fA-F]{0,3}[^0-9a-fA-F] ) )
    ){0,4096}""",
    re.VERBOSE,
)
# The beginning of a unit, which more text may complete.
_UNFINISHED = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?|\\(?:u[0-9a-fA-F]{0,3})?"
)  # fmt: skip
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

# Escapes in the JSON text of a value: those that Python can decode; a lone surrogate; the backslash of any other.
_ESCAPE = re.compile(
    r"""(\\(?:["\\/bfnrt] | u(?![dD][89a-fA-F])[0-9a-fA-F]{4}
            | u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))
      | (\\u[0-9a-fA-F]{4}) | \\""",
    re.VERBOSE,
)
_SKIMMED = range(8, 1024)
"""Characters of a piece that is read by what stands between its strings: in a shorter one, steps cost less, in a longer
one, spans do."""
_DEEPEST = 16
"""Nested brackets that are looked up."""
_LONGEST_BETWEEN = 32
"""Characters between two strings that are looked up: longer ones hardly come again."""
_LONGEST_PATH = 1024
"""Characters of the path of an object or array whose leaves are reported one by one; a deeper one is reported whole."""

UNBOUNDED = 1 << 62

_LITERALS = {"t": "true", "f": "false", "n": "null"}
_ARGUMENTS = INSIDE.index("arguments")
_BRACKETS = {"{": INSIDE.index("object"), "[": INSIDE.index("array")}
_ARRAY = _BRACKETS["["]
# From the lexer's table: the modes that follow the end of a run, an error and white space, and those that take digits.
_WORD_ENDS, _NUMBER_ENDS, _BREAKS, _SPACED = after("last_letter"), after("ended"), after("other"), after("space")
_DIGIT_RUNS = frozenset(mode for mode, target in after("digit").items() if mode == target)


@lru_cache(maxsize=1024)
def _between(
    mode: Mode,
    nested: bytes,
    text: str,
    opens: bool,  # noqa: FBT001 - the cache tells keywords from positions
) -> tuple[Mode, Mode, bytes] | None:
    """Read text without strings, and the quote after it if one ``opens`` a string, in a value that is not captured.

    Args:
        mode: the mode before the text.
        nested: the open brackets of the value, as in the scanner's stack.
        text: the text between two strings, or before the first or after the last one.
        opens: whether a quote follows.

    Returns:
        The mode in the string, the mode after it, and the open brackets; without a string, both modes are that after
        the text. ``None``: an error, a word that is cut, a long text or the end of the value, which need steps.
    """
    if len(text) > _LONGEST_BETWEEN:
        return None
    at, end = 0, len(text)
    while at < end or opens:
        char = text[at] if at < end else '"'
        if char in _SPACE and mode in _SPACED:
            at += 1
            continue
        if (target := NEXT[nested[-1]][mode].get(char)) is None:
            if mode not in _NUMBER_ENDS:
                return None
            mode = _NUMBER_ENDS[mode]
            continue
        if char == '"':
            return target, NEXT[nested[-1]][target]['"'], nested
        if char in _BRACKETS:
            nested += bytes([_BRACKETS[char]])
        elif char in "}]":
            nested = nested[:-1]
            if not nested:
                return None
        elif target == "literal":
            if not text.startswith(_LITERALS[char], at):
                return None
            target, at = _WORD_ENDS[target], at + len(_LITERALS[char]) - 1
        mode, at = target, at + 1
    return mode, mode, nested


def _decode(body: str) -> str:
    """Decode part of a JSON string's body; a lone surrogate becomes U+FFFD.

    The part holds complete units, or one thing that is not a unit: a control character, or the backslash of an unknown
    escape.
    """
    if "\\" not in body or body == "\\":
        return body
    try:
        return cast("str", from_json(f'"{body}"'))
    except ValueError:  # half a surrogate pair, which the standard library accepts
        return _LONE_SURROGATE.sub("\ufffd", json.loads(f'"{body}"'))


def _value(text: str) -> dict[str, Any]:
    """Decode the JSON text of a value, bad escapes literally; if it is too deep or large, return it as ``delta``."""
    if "\\" in text:
        text = _ESCAPE.sub(lambda found: found[1] or ("\ufffd" if found[2] else r"\\"), text)
    try:
        return {"value": json.loads(text, strict=False)}
    except (ValueError, RecursionError):
        return {"delta": text}


class Outlet(Protocol):
    """Where a scanner reports what it found in the arguments of ``call``, which it only passes on."""

    def key(self, call: Any) -> None:
        """A key of the top level came that has not come before."""

    def boundary(self, call: Any, event: str, emits: Any = "") -> None:
        """``event`` fires; if a captured value is complete, ``emits`` has the fields of its message."""

    def text(self, call: Any, text: str) -> None:
        """Text arrived: raw or captured, as the last boundary says."""


class _Telling:
    """Reports to an outlet what one piece holds; joins the text between two boundaries, so that it is one message."""

    __slots__ = ("_call", "_outlet", "_texts")

    def __init__(self, call: object, outlet: Outlet) -> None:
        self._call, self._outlet = call, outlet
        self._texts: list[str] = []

    def text(self, text: str) -> None:
        self._texts.append(text)

    def key(self) -> None:
        self._outlet.key(self._call)

    def boundary(self, event: str, emits: Any = "") -> None:
        self.flush()
        self._outlet.boundary(self._call, event, emits)

    def flush(self) -> None:
        if self._texts:
            self._outlet.text(self._call, "".join(self._texts))
            self._texts.clear()


@dataclass(frozen=True, slots=True)
class Rest:
    """What a snapshot keeps of a scanner whose arguments were discarded: enough to read what may follow them."""

    mode: Mode
    verdict: Verdict
    error_offset: NonNegativeInt | None
    duplicates: tuple[str, ...]
    begins: NonNegativeInt
    ends: NonNegativeInt
    lenient: bool
    stops: bool


@dataclass(slots=True)
class Scanner:
    """Reads one JSON object. All its state is plain data, so it can be copied, pickled and written as JSON.

    Args:
        trie: what is captured; not part of a snapshot, because it follows from the options.
        raw: whether raw text is reported. If not, it is reported from a structural error on, which fires ``misspoken``.
        stops: whether text after the object is left unread, in ``beyond``, instead of being an error.
        most: the most characters of a key, and of the text that is held back until the key is known.
    """

    trie: Annotated[Trie, PlainValidator(lambda trie: trie), Field(exclude=True)] = NOTHING
    raw: bool = True
    stops: bool = False
    most: int = UNBOUNDED

    verdict: Verdict = "empty"
    error_offset: int | None = None
    """Characters before the first error: what JSON does not allow there, or the backslash of an unknown escape."""
    duplicates: dict[str, None] = field(default_factory=dict)
    """Keys of the object's top level that came more than once, decoded, in order."""
    begins: int = 0
    """Characters before the object, or before a ``null`` in its place."""
    ends: int = 0
    """Characters up to the end of the object, once the object has closed."""
    beyond: str = ""
    """The unread end of the text: what follows the object and white space if the scanner ``stops``; what did not fit if
    it is ``full``."""
    full: bool = False
    """Whether more than ``most`` characters came."""

    _mode: Mode = "start"
    _stack: bytearray = field(default_factory=bytearray)  # open brackets, as their positions in INSIDE
    _literal: str = ""  # the letters of true, false or null that are still to come
    _key: Buffer = field(default_factory=Buffer)  # the current key, decoded
    _key_at: int = 0  # the offset of its text
    _keys: dict[str, None] = field(default_factory=dict)  # those of the top level so far
    path: str = ""
    """The path of the latest value that a declared channel captured."""

    # The innermost object or array in which, or below which, something may be captured; and those around it.
    _depth: int = 1  # how many brackets are open in it
    _node: int = 0  # its node in the trie
    _place: str = "$"  # its path
    _index: int = -1  # of the current element; -1: it is an object
    _name: str = ""  # the key of the current member, if something in the member is captured
    _around: list[tuple[int, str, int]] | None = None  # node, path and index of those around it

    _next: int = -1  # the node of the current value; -1: nothing in it is captured
    _channel: int = -1  # the taking of the current value, if the value leaves the raw text
    _aside: int = -1  # the taking of the current value, if the value stays in the raw text
    _taken: Buffer | None = None  # text of a captured value that is reported when it is complete
    _decoding: bool = False  # inside a captured string
    _lenient: bool = False

    # What happens to text: "report" it, "hold" it back until the next key is decided, or "drop" it.
    _sink: Literal["report", "hold", "drop"] = "report"
    _held: Buffer = field(default_factory=Buffer)
    _comma: bool = True  # whether the comma held back belongs to reported text
    _resume: bool = False  # whether the next raw text is the first since a captured value

    _tail: str = ""  # an unfinished escape, which is read again with the next text
    _base: int = 0  # offset of the current text
    _start: int = 0  # where in the current text the part begins that has not been sent to the sink

    alone: bool = False
    """Whether the arguments were discarded, so that the state cannot be derived from their text."""

    @property
    def held_back(self) -> str:
        """The text that has been read but not reported, because what follows decides what it is."""
        return self._held.getvalue() + self._tail

    @property
    def closing_verdict(self) -> Verdict:
        """The verdict when the object closed, whatever followed it."""
        return ("lenient" if self._lenient else "valid") if self.verdict == "trailing" else self.verdict

    @classmethod
    def of_text(cls) -> "Scanner":
        """Return a scanner that accepts any text, and reads no object."""
        return cls(_mode=after("free_text")["start"])

    @property
    def mode(self) -> Mode:
        """The lexer's."""
        return self._mode

    @property
    def rest(self) -> Rest | None:
        """What a snapshot keeps of the scanner if the arguments were discarded; ``None`` if they were not."""
        if not self.alone:
            return None
        return Rest(
            self._mode,
            self.verdict,
            self.error_offset,
            tuple(self.duplicates),
            self.begins,
            self.ends,
            self._lenient,
            self.stops,
        )

    @classmethod
    def of_rest(cls, rest: Rest) -> "Scanner":
        """Return a scanner from what a snapshot kept of it. ``go_on`` sets the remaining attributes."""
        return cls(
            stops=rest.stops,
            verdict=rest.verdict,
            error_offset=rest.error_offset,
            duplicates=dict.fromkeys(rest.duplicates),
            begins=rest.begins,
            ends=rest.ends,
            alone=True,
            _mode=rest.mode,
            _lenient=rest.lenient,
        )

    def go_on(self, trie: Trie, size: int, *, raw: bool) -> None:
        """Continue after ``size`` characters, which were discarded."""
        self.trie, self.raw, self._base = trie, raw, size

    def feed(self, text: str, call: object, outlet: Outlet) -> None:
        """Read the next piece of the arguments' text.

        Args:
            text: any number of characters, without lone surrogates.
            call: the call that the arguments belong to, for the outlet.
            outlet: receives what became decidable.

        Raises:
            LimitReached: the piece has more text that must be held back than ``most`` allows.
        """
        if self._mode == "string" and (plain := self._within_string(text)) is not None:
            if self._taken is not None:
                self._taken.write(plain)
            if plain and (self.raw if self._channel < 0 else self._taken is None):
                outlet.text(call, plain)
            return
        if self._tail:
            text, self._tail = self._tail + text, ""
        to = _Telling(call, outlet)
        self.beyond = ""
        self._start = at = 0
        end = len(text)
        skims = end in _SKIMMED and "\\" not in text and text.isprintable()
        while at < end:
            if skims and len(self._stack) > self._depth:
                at, skims = self._skim(text, at), False
                continue
            at = _STEPS[self._mode](self, text, at, to)
        end -= len(self._tail) + len(self.beyond)
        self._sift(text, end, to)
        self._base += end
        to.flush()

    def _within_string(self, text: str) -> str | None:
        """Read a piece that lies inside a string, as nearly every delta does; much faster than reading it step by step.

        Returns:
            The part that can be reported; ``None``, with nothing read, if the piece holds anything else.
        """
        plain = text
        if self._tail or "\\" in text or not text.isprintable():
            text = self._tail + text
            end = _BODY.match(text).end()  # type: ignore[union-attr]
            if end < len(text) and not _UNFINISHED.fullmatch(text, end):
                return None
            self._tail, text = text[end:], text[:end]
            plain = _decode(text) if self._decoding else text
        elif '"' in text:
            return None
        self._base += len(text)
        return plain

    def _skim(self, text: str, at: int) -> int:
        """Read what is nested in a value that is not captured, as far as no step is needed; return where that ends.

        No string in ``text`` holds anything that is escaped or must be. What stands between two strings has mostly come
        before, so its effect is looked up.
        """
        if len(self._stack) - self._depth > _DEEPEST:
            return at
        mode, nested = self._mode, bytes(self._stack[self._depth :])
        parts = text[at:].split('"')  # alternately between strings and inside of one
        latest, first, last = mode, 0, len(parts) - 1
        if mode in ("string", "key_string"):
            mode, first = NEXT[nested[-1]][mode]['"'], 1
        for number in range(first, last + 1, 2):
            found = _between(mode, nested, parts[number], number < last)
            if found is None:
                latest, parts = mode, parts[:number]
                break
            latest, mode, nested = found
        self._mode, self._stack[self._depth :] = latest, nested
        return min(at + sum(map(len, parts)) + len(parts), len(text))

    def close(self, call: object, outlet: Outlet) -> None:
        """End the text, and report what was held back."""
        to = _Telling(call, outlet)
        if self._decoding:
            if len(self._tail) >= len("\\uXXXX") and self._taken is None:
                to.text("\ufffd")  # a high surrogate whose low half never came
        elif self._channel < 0 or self._sink == "report":
            self._held.write(self._tail)
        else:
            self._held.clear()  # the beginning of a null, or of an incomplete value
        self._tail = ""
        self._release(to)
        to.flush()

    # -- where text goes --------------------------------------------------------------------------------------------

    def _sift(self, text: str, end: int, to: _Telling) -> None:
        """Send the text between the previous call's ``end`` and this one to the current sink."""
        if end > self._start:
            part = text[self._start : end]
            if self._taken is not None:
                self._taken.write(part)
            if self._sink == "report":
                self._report(part, to)
            elif self._sink == "hold":
                room = self.most - self._held.size if self._held else self.most
                self._held.write(part[:room])
                if len(part) > room:
                    self._fill(text, self._start + room, to)
        self._start = end

    def _fill(self, text: str, at: int, to: _Telling) -> NoReturn:
        """Stop before ``text[at]``: there is no room for it."""
        self.full, self.beyond, self._tail = True, text[at:], ""
        self._base += at
        if (self.error_offset or 0) >= self._base:  # the error is in text that is not read after all
            self.verdict, self.error_offset = "incomplete", None
        to.flush()
        raise LimitReached("held")

    def _report(self, text: str, to: _Telling) -> None:
        if self._channel < 0:
            if not self.raw and self._mode != "broken":
                return
            if self._resume:
                self._resume = False
                to.boundary("raw_resumed")
        to.text(text)

    def _release(self, to: _Telling) -> None:
        """Report what was held back, without its comma if only captured members precede it."""
        held = self._held.getvalue()
        self._held.clear()
        if not self._comma:
            held = held[held.find(",") + 1 :]
        if held:
            self._report(held, to)

    def _fault(self, verdict: Verdict, at: int) -> None:
        if self.error_offset is None:
            self.verdict, self.error_offset = verdict, self._base + at

    def _break(self, at: int, text: str, to: _Telling, event: str = "malformed") -> int:
        """Record a structural error at ``text[at]``; everything from there is reported verbatim."""
        self._sift(text, at, to)
        self._fault("trailing" if event == "trailing" else "invalid", at)
        to.boundary(event if self.raw else "misspoken")
        if self._channel >= 0 and self._taken and self._taken.size:  # a value that moved, which no message will contain
            self._comma, self._held = True, self._taken
        self._channel = self._aside = self._next = -1
        self._taken, self._resume, self._mode = None, False, _BREAKS[self._mode]
        self._release(to)
        self._sink = "report"
        return at

    # -- steps: each reads from ``text[at]``, in its mode, to the returned index -------------------------------------
    # The mode after a character is ``NEXT[innermost bracket][mode].get(character)``; ``None``: the character is white
    # space, an error, or the end of a run. The look-up is inlined, because a call would cost as much as the step.

    def _space(self, text: str, at: int, to: _Telling, event: str = "malformed") -> int:
        """Skip white space where it is insignificant; anything else is an error."""
        if text[at] in _SPACE and self._mode in _SPACED:
            return _SPACES.match(text, at).end()  # type: ignore[union-attr]
        return self._break(at, text, to, event)

    def _start_step(self, text: str, at: int, to: _Telling) -> int:
        char = text[at]
        mode = NEXT[_ARGUMENTS]["start"].get(char)
        if char not in _SPACE:
            self.begins = self._base + at
        if mode is None:
            return self._space(text, at, to)
        self._mode, self.verdict = mode, "incomplete"
        if char in _LITERALS:  # null in place of an object: some servers send it for no arguments
            self._literal = _LITERALS[char][1:]
        else:
            self._stack.append(_ARGUMENTS)
            if self.raw:
                self._sift(text, at + 1, to)
            self._sink = "hold" if self.trie.holds else "report"
        if not self.raw:  # raw text is not reported, unless it turns out not to be JSON
            self._start, self._sink = at, "hold"
        return at + 1

    def _null_step(self, text: str, at: int, to: _Telling) -> int:
        if text[at] != self._literal[0]:
            return self._break(at, text, to)
        self._literal = self._literal[1:]
        if not self._literal:
            self._mode, self.verdict, self.ends = _WORD_ENDS[self._mode], "empty", self._base + at + 1
            if not self.raw:
                self._held.clear()
                self._start, self._sink = at + 1, "report"
        return at + 1

    def _span(self, whole: Callable[[], re.Pattern[str]], text: str, at: int) -> int:
        """Read members or elements that are complete in this piece, unless one may be captured; return their end."""
        if len(self._stack) <= self._depth or len(text) - at < spans.SHORTEST:
            return at
        found: re.Match[str] = whole().match(text, at, at + spans.LONGEST)  # type: ignore[assignment]
        end = found.end()
        if end > at:
            mode: Mode  # the mode in which the span's last token was read
            closes = text.startswith(("}", "]"), end)
            mode, char = ("colon", ":") if found.lastgroup else ("string", '"') if closes else ("after", ",")
            self._mode = NEXT[self._stack[-1]][mode][char]
        return end

    def _key_step(self, text: str, at: int, to: _Telling) -> int:
        if (end := self._span(spans.members, text, at)) > at:
            return end
        mode = NEXT[self._stack[-1]][self._mode].get(text[at])
        if mode is None:
            return self._space(text, at, to)
        if text[at] == "}":
            return self._close_bracket(text, at, to, mode)
        self._mode, self._key_at = mode, self._base + at + 1
        return at + 1

    def _key_string_step(self, text: str, at: int, to: _Telling) -> int:
        at = self._string_run(text, at, to)
        if at < len(text) and (mode := NEXT[self._stack[-1]][self._mode].get(text[at])):
            at += 1
            self._mode = mode
            if len(self._stack) == self._depth:
                node, key = self.trie.nodes[self._node], self._key.getvalue()
                self._key.clear()
                self._next = node.members.get(key, node.rest)
                if self._next >= 0:
                    self._name = key
                if self._depth == 1:
                    self._sift(text, at, to)
                    self._decide_key(key, to)
        return at

    def _decide_key(self, key: str, to: _Telling) -> None:
        if key in self._keys:
            self.duplicates[key] = None
        else:
            to.key()
        taken = self.trie.nodes[self._next].takes
        if self._next < 0 or taken < 0 or not self.trie.takings[taken].moves:
            self._release(to)
            self._comma = True
            self._sink = "report"
        else:
            self._comma = self._comma and bool(self._keys)
            self._held.clear()
            self._sink = "drop"
        self._keys[key] = None

    def _colon_step(self, text: str, at: int, to: _Telling) -> int:
        mode = NEXT[self._stack[-1]][self._mode].get(text[at])
        if mode is None:
            return self._space(text, at, to)
        self._mode = mode
        return at + 1 + text.startswith(" ", at + 1)

    def _value_step(self, text: str, at: int, to: _Telling) -> int:
        if self._stack[-1] == _ARRAY and (end := self._span(spans.elements, text, at)) > at:
            return end
        char = text[at]
        mode = NEXT[self._stack[-1]][self._mode].get(char)
        if mode is None:
            return self._space(text, at, to)
        if char == "]":
            return self._close_bracket(text, at, to, mode)
        self._mode = mode
        if mode == "literal":
            self._literal = _LITERALS[char][1:]
        elif char in _BRACKETS:
            self._stack.append(_BRACKETS[char])
        if self._next >= 0:
            self._begin_value(text, at, to)
        return at + 1

    def _begin_value(self, text: str, at: int, to: _Telling) -> None:
        """Capture the value that begins at ``text[at]``, or look for captured values in it."""
        node, char = self._next, text[at]
        takes, leaves, members, rest, items = self.trie.nodes[node]
        self._next = -1
        if takes < 0 and (items >= 0 if char == "[" else char == "{" and (members or rest >= 0)):
            path = self._path()
            if leaves < 0 or len(path) <= _LONGEST_PATH:
                self._around = self._around or []
                self._around.append((self._node, self._place, self._index))
                self._depth, self._node, self._place = self._depth + 1, node, path
                self._index, self._next = (0, items) if char == "[" else (-1, -1)
                if leaves >= 0:
                    self._sift(text, at + 1, to)
                    self.path = path
                    to.boundary(self.trie.takings[leaves].unfolds, {"value": [] if char == "[" else {}})
                return
        number = leaves if takes < 0 else takes
        if number >= 0:
            self._capture(number, self.trie.takings[number], text, at, to)

    def _capture(self, number: int, taking: Taking, text: str, at: int, to: _Telling) -> None:
        is_string = text[at] == '"'
        if taking.moves:
            self._start = at  # the text between a captured key and its value is dropped
        else:
            self._sift(text, at + is_string, to)
        if taking.declared:
            self.path = self._path()
            if taking.whole or not is_string:
                self._taken = Buffer()
        if not (taking.moves or is_string):
            self._aside = number
            return
        self._channel, self._resume, self._decoding = number, True, is_string
        to.boundary(taking.opens)
        if is_string:
            self._start = at + 1  # the quote is not text
        # null is not reported to a built-in channel, but text that turns out not to be null is.
        drops = is_string or taking.declared
        self._sink = "drop" if drops else "hold" if text[at] == "n" else "report"

    def _path(self) -> str:
        """Return the path of the current value."""
        return self._place + (member(self._name) if self._index < 0 else f"[{self._index}]")

    def _end_capture(self, to: _Telling, *, is_string: bool) -> None:
        """Report that the captured value is complete."""
        number = max(self._channel, self._aside)
        taking, taken = self.trie.takings[number], self._taken
        emits: Any = ""
        if taking.declared:
            text = taken.getvalue() if taken else ""
            emits = {"delta": ""} if taken is None else {"value": text} if is_string else _value(text)
        event = "value_closed" if self._aside < 0 else taking.comes
        self._channel = self._aside = -1
        self._taken, self._sink = None, "report"
        self._held.clear()
        to.boundary(event, emits)

    def _string_step(self, text: str, at: int, to: _Telling) -> int:
        at = self._string_run(text, at, to)
        if at < len(text) and (mode := NEXT[self._stack[-1]][self._mode].get(text[at])):
            at += 1
            if self._decoding:
                self._decoding = False
                self._start = at - (not self.trie.takings[self._channel].moves)  # the quote stays if the string does
                self._end_capture(to, is_string=True)
            self._close_value(text, at, to, mode)
        return at

    def _string_run(self, text: str, at: int, to: _Telling) -> int:
        """Read the part of a string's body that is there; return the index of its quote, or of what to read next."""
        end = _PLAIN.match(text, at).end()  # type: ignore[union-attr]
        if end < len(text) and text[end] == "\\":
            end = _BODY.match(text, end).end()  # type: ignore[union-attr]
        if end > at:
            self._take_body(text, at, end, to)
        if end < len(text) and text[end] == "\\" and _UNFINISHED.fullmatch(text, end):
            self._tail = text[end:]
            return len(text)
        if end > at or text[end] == '"':
            return end
        if text[at] == "\\":
            self._fault("invalid", at)
            end = at + 1
        else:
            self._lenient = True
            end = _CONTROL.match(text, at).end()  # type: ignore[union-attr]
        self._take_body(text, at, end, to)
        return end

    def _take_body(self, text: str, at: int, end: int, to: _Telling) -> None:
        """Use ``text[at:end]``, part of a string's body: decode it for a captured value or a key."""
        if self._decoding:
            (to.text if self._taken is None else self._taken.write)(_decode(text[at:end]))
            self._start = end
        elif self._mode == "key_string" and len(self._stack) == self._depth:
            if (last := self._key_at + self.most - self._base) < end:
                self._sift(text, last, to)
                self._fill(text, last, to)
            self._key.write(_decode(text[at:end]))

    def _number_step(self, text: str, at: int, to: _Telling) -> int:
        if self._mode in _DIGIT_RUNS:
            at = _DIGITS.match(text, at).end()  # type: ignore[union-attr]
            if at == len(text):
                return at
        mode = NEXT[self._stack[-1]][self._mode].get(text[at])
        if mode:
            self._mode = mode
            return at + 1
        mode = _NUMBER_ENDS.get(self._mode)
        if mode is None:
            return self._break(at, text, to)
        self._close_value(text, at, to, mode)
        return at

    def _literal_step(self, text: str, at: int, to: _Telling) -> int:
        if text[at] != self._literal[0]:
            return self._break(at, text, to)
        self._literal = self._literal[1:]
        if not self._literal:
            self._close_value(text, at + 1, to, _WORD_ENDS[self._mode])
        return at + 1

    def _after_step(self, text: str, at: int, to: _Telling) -> int:
        mode = NEXT[self._stack[-1]][self._mode].get(text[at])
        if mode is None:
            return self._space(text, at, to)
        if text[at] != ",":
            return self._close_bracket(text, at, to, mode)
        self._mode = mode
        if self._index >= 0 and len(self._stack) == self._depth:
            self._index += 1
            self._next = self.trie.nodes[self._node].items
        return at + 1 + text.startswith(" ", at + 1)  # saves a step for the space that usually follows

    def _close_bracket(self, text: str, at: int, to: _Telling, mode: Mode) -> int:
        self._stack.pop()
        if self._stack:
            if len(self._stack) < self._depth and self._around:
                self._node, self._place, self._index = self._around.pop()
                self._depth, self._next = self._depth - 1, -1
            self._close_value(text, at + 1, to, mode)
            return at + 1
        self._sift(text, at, to)
        self._release(to)
        self._sink = "report"
        self._sift(text, at + 1, to)
        self._mode, self.ends = mode, self._base + at + 1
        if self.error_offset is None:
            self.verdict = "lenient" if self._lenient else "valid"
        to.boundary("object_closed")
        return at + 1

    def _close_value(self, text: str, at: int, to: _Telling, mode: Mode) -> None:
        self._mode = mode
        if len(self._stack) == self._depth:
            if self._channel >= 0 or self._aside >= 0:
                self._sift(text, at, to)
                self._end_capture(to, is_string=False)
            if self._depth == 1 and self.trie.holds:
                self._sift(text, at, to)
                self._sink = "hold"  # until the next key decides where text goes

    def _closed_step(self, text: str, at: int, to: _Telling) -> int:
        if self.stops and text[at] not in _SPACE:
            self.beyond = text[at:]
            return len(text)
        return self._space(text, at, to, "trailing" if self._mode == "closed" else "malformed")

    def _text_step(self, text: str, at: int, to: _Telling) -> int:
        self.verdict = "text"
        return len(text)

    def _broken_step(self, text: str, at: int, to: _Telling) -> int:
        return len(text)


@cache
def _adapter() -> TypeAdapter[Rest]:
    return TypeAdapter(Rest)


def scanner_of(value: Any) -> Scanner | None:
    """Return a scanner from what a snapshot keeps of it; ``None`` if the snapshot holds the arguments' text instead."""
    return None if value is None else Scanner.of_rest(_adapter().validate_python(value))


def rest_of(scanner: Scanner | None) -> dict[str, Any] | None:
    """Return what a snapshot keeps of a scanner."""
    rest = scanner.rest if scanner else None
    return asdict(rest) if rest else None


_Step: TypeAlias = Callable[[Scanner, str, int, _Telling], int]
_NUMBER: tuple[Mode, ...] = ("minus", "zero", "int", "point", "fraction", "exponent", "sign", "power")
_STEPS: dict[Mode, _Step] = {
    "start": Scanner._start_step,
    "null": Scanner._null_step,
    "after_null": Scanner._closed_step,
    "key_or_close": Scanner._key_step,
    "key": Scanner._key_step,
    "key_string": Scanner._key_string_step,
    "colon": Scanner._colon_step,
    "value": Scanner._value_step,
    "value_or_close": Scanner._value_step,
    "string": Scanner._string_step,
    "literal": Scanner._literal_step,
    **dict.fromkeys(_NUMBER, Scanner._number_step),
    "after": Scanner._after_step,
    "closed": Scanner._closed_step,
    "broken": Scanner._broken_step,
    "text": Scanner._text_step,
}
