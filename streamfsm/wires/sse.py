"""Reads the body of a response: server-sent events as bytes, cut anywhere, even inside a character or a line end.

It follows the standard (https://html.spec.whatwg.org/multipage/server-sent-events.html), with five exceptions. The last
event counts even without its blank line, and one named ``error`` even without data. ``id`` and ``retry`` are ignored.
Two lines of data are two events if the first is complete JSON, because some servers end events with a single line end.
Lines that are not a field of an event are returned as :data:`UNFRAMED`, because servers send errors like this. The JSON
decoder rejects bytes that are not UTF-8.
"""

import json
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import PlainSerializer, PlainValidator
from pydantic_core import from_json

_AS_TEXT = PlainSerializer(lambda held: b64encode(held).decode())
_Name: TypeAlias = Annotated[bytes, PlainValidator(b64decode), _AS_TEXT]
_Held: TypeAlias = Annotated[bytearray, PlainValidator(lambda text: bytearray(b64decode(text))), _AS_TEXT]
# Nearly always empty: then it is the empty ``bytes``, which all streams share.
_Lines: TypeAlias = Annotated[bytearray | bytes, PlainValidator(lambda text: bytearray(b64decode(text))), _AS_TEXT]
_BOM = b"\xef\xbb\xbf"
_NO_DATA = (b"", b"id", b"retry")  # the name of a comment is empty

_ERROR = b"error"  # the name of an event

ServerSentEvent: TypeAlias = tuple[bytes, bytes]
"""Name (empty if there is none) and data. A plain tuple, because one is created for every delta."""

UNFRAMED = b"\n"
"""The name of lines that belong to no event. A real name cannot contain a line end."""

DONE = b"[DONE]"
"""The data with which OpenAI's servers end a body."""


@dataclass(slots=True)
class EventStream:
    """Splits a body into events, in time linear in its bytes for any cuts."""

    fed: bool = False
    """Whether any bytes have come."""
    events: bool = False
    """Whether any event has come."""
    too_large: bool = False
    """Whether an event was larger than the limit; nothing is read after it."""
    _held: _Held = field(default_factory=bytearray)
    """Bytes not read yet, with line feeds as line ends: an unfinished line, or the first line of an event."""
    _skip: bool = False  # whether a line feed that comes next belongs to the carriage return before it
    _begun: bool = False  # whether a byte order mark can no longer come
    # The current event, if more than its first line has come.
    _size: int = 0  # bytes of its lines, and of unframed lines
    _name: _Name = b""
    _next_name: _Name | None = None  # a name after the data: this event's, or the next one's
    _data: _Lines = b""
    _has_data: bool = False
    # Its first non-blank line of data: has not come, has just come, or is not a complete event.
    _first: Literal["blank", "new", "part"] = "blank"
    _short: bool = False  # whether events end with a single line end
    _unframed: _Lines = b""

    def feed(self, data: bytes, limit: int) -> list[ServerSentEvent]:
        """Return the events that ``data`` completes, up to the first one of more than ``limit`` bytes."""
        begins = 0 if data.startswith(b"data: ") else data.find(b"\n") + 1
        if (
            data.endswith(b"\n\n")
            and data.find(b"\n", begins) == len(data) - 2 <= limit
            and (begins == 0 or (data.startswith(b"event: ") and data.startswith(b"data: ", begins)))
            and not (self._held or self._size or self.too_large)
            and b"\r" not in data
        ):  # one event at a time is common; this takes a third of the time of the code below
            self.fed = self._begun = self.events = True
            return [(data[len("event: ") : begins - 1] if begins else b"", data[begins + len("data: ") : -2])]
        if self.too_large:
            return []
        if self._skip and data:
            data = data.removeprefix(b"\n")
            self._skip = False
        if b"\r" in data:
            self._skip = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        held = self._held
        self.fed = self.fed or bool(data)
        events: list[ServerSentEvent] = []
        if b"\n" in data or held.endswith(b"\n"):
            text = bytes(held + data)
            if not self._begun:
                self._begun = True
                text = text.removeprefix(_BOM)
            whole, blank, rest = text.rpartition(b"\n\n")
            # Nearly all events are like this, and it takes a third of the time of reading each line.
            if blank and not (self._size or self._short) and (plain := _unnamed(whole, limit) or _named(whole, limit)):
                events, text = plain, rest
            held.clear()
            if text:
                self._read(text, limit, events)
        else:
            held += data
            if not self._begun and len(held) >= len(_BOM):
                self._begun = True
                self._held = held = held.removeprefix(_BOM)
        self.events = self.events or bool(events)
        size = self._size + len(held)
        # A line end that may end the event does not count.
        if self.too_large or (size > limit and size - (not held or held.endswith(b"\n")) > limit):
            self.too_large = True
            self._held = bytearray()
            self._begin_event(b"")
            self._unframed = b""
        return events

    @property
    def is_between_events(self) -> bool:
        """Whether an event has come, and no byte after it."""
        return self.events and not (self._held or self._size or self.too_large)

    def close(self) -> list[ServerSentEvent]:
        """End the body; return the last event if no blank line ended it, and the last unframed lines."""
        events: list[ServerSentEvent] = []
        held = bytes(self._held)
        self._held.clear()
        for line in (held if self._begun else held.removeprefix(_BOM)).split(b"\n"):
            if line:
                self._take_line(line, events)
        self._end_event(events)
        self._end_unframed(events)
        self.events = self.events or bool(events)
        return events

    def _read(self, text: bytes, limit: int, events: list[ServerSentEvent]) -> None:
        """Read lines. Hold back an unfinished line, and the first line of an event's data, which may be all of it."""
        *lines, rest = text.split(b"\n")
        last = len(lines) if rest else len(lines) - 1
        for at, line in enumerate(lines):
            if at == last and line.startswith(b"data") and not (self._size or self._short):
                rest = line + b"\n"
                break
            if self._size + len(line) - (not line) > limit:
                self.too_large = True
                break
            self._take_line(line, events)
        self._held += rest

    def _take_line(self, line: bytes, events: list[ServerSentEvent]) -> None:
        key, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            self._end_event(events)
            if self._unframed:
                self._unframed += b"\n"
            self._size = len(self._unframed)
            return
        if key == b"data":
            self._split(events)
            self._end_unframed(events)
            if self._has_data:
                self._data += b"\n" + value
            else:
                self._data, self._has_data = bytearray(value), True
            if self._first == "blank" and value.strip():
                self._first = "new"
            self._size += len(line) + 1
            if self._short:
                self._split(events)
        elif key == b"event":
            self._end_unframed(events)
            if self._has_data:
                self._next_name = value
            else:
                self._name = value
            self._size += len(line) + 1
        elif key in _NO_DATA or not (self._unframed or line.strip()):
            self._size += len(line) + 1
        else:
            self._split(events)
            if not self._unframed and _is_document(outdented(line)):
                events.append((UNFRAMED, line))
            else:
                self._unframed = self._unframed or bytearray()
                self._unframed += line + b"\n"
                self._size += len(line) + 1

    def _split(self, events: list[ServerSentEvent]) -> None:
        """End the current event if its only line of data is complete, so that no other line can belong to it."""
        if self._first != "new":
            return
        self._first = "part"
        if _is_whole(self._data):
            self._short = True
            events.append((self._name, bytes(self._data)))
            self._begin_event(self._next_name or b"")
            self._size = len(self._unframed)

    def _end_event(self, events: list[ServerSentEvent]) -> None:
        if self._has_data:
            name = self._name if self._next_name is None else self._next_name
            events.append((name, bytes(self._data)))
        elif self._name == _ERROR:  # a failure even without data, which the standard would ignore
            events.append((_ERROR, b""))
        self._begin_event(b"")

    def _begin_event(self, name: bytes) -> None:
        self._name, self._next_name = name, None
        self._data, self._has_data, self._first = b"", False, "blank"

    def _end_unframed(self, events: list[ServerSentEvent]) -> None:
        if self._unframed:
            events.append((UNFRAMED, bytes(self._unframed)))
            self._size -= len(self._unframed)
            self._unframed = b""


def _unnamed(text: bytes, limit: int) -> list[ServerSentEvent]:
    """Return the events of a text if each is one line of data; otherwise an empty list."""
    _, *events = (b"\n\n" + text).split(b"\n\ndata: ")
    if text.count(b"\n") == 2 * (len(events) - 1) and len(max(events, key=len)) + len("data: ") <= limit:
        return [(b"", data) for data in events]
    return []


def _named(text: bytes, limit: int) -> list[ServerSentEvent]:
    """Return the events of a text if each is a name and one line of data; otherwise an empty list."""
    _, *events = (b"\n\n" + text).split(b"\n\nevent: ")
    if text.count(b"\n") != 3 * len(events) - 2 or len(max(events, key=len)) + len("event: ") > limit:
        return []
    found = [event.partition(b"\ndata: ") for event in events]
    return [(name, data) for name, _, data in found] if all(separator for _, separator, _ in found) else []


def _is_whole(data: bytes | bytearray) -> bool:
    """Whether a line of data is complete: it is a JSON object or list, the end marker, or a comment."""
    return data.lstrip().startswith((DONE, b":")) or _is_document(data)


def _is_document(data: bytes | bytearray) -> bool:
    if not data.lstrip().startswith((b"{", b"[")):
        return False
    try:
        _value(bytes(data))
    except ValueError:
        return False
    return True


def chunk_of(event: ServerSentEvent) -> Any:
    """Return the wire object in an event; the data of an event named ``error`` becomes the value of a key ``error``.

    Raises:
        ValueError: the data is not JSON, or nested too deep, and the event is not named ``error``.
    """
    name, data = event
    if name != _ERROR:
        return _value(data)
    try:
        chunk = _value(data)
    except ValueError:
        chunk = data.decode(errors="replace").strip()
    return chunk if isinstance(chunk, dict) and chunk.get("error") else {"error": chunk or "error"}


def is_silent(event: ServerSentEvent) -> bool:
    """Whether the event only keeps a connection alive: its data is empty, or a comment."""
    name, data = event
    return name not in (UNFRAMED, _ERROR) and data.strip()[:1] in (b"", b":")


def _value(data: bytes) -> Any:
    try:
        return from_json(data)
    except ValueError:
        return _loads(data)


def _loads(data: bytes) -> Any:
    """Decode JSON in which half a surrogate pair is allowed, as servers send it; this is three times slower."""
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


_DECODER = json.JSONDecoder()
_BETWEEN = re.compile(r"[\s,]*")


_INDENTED = re.compile(rb"^[ \t]+data: ?", re.MULTILINE)


def outdented(lines: bytes) -> bytes:
    """Return unframed lines without the name of the field if it is ``data`` after white space.

    The standard ignores such a field, whose name is not ``data``; but it is clear what the server meant.
    """
    return _INDENTED.sub(b"", lines)


def documents(data: bytes) -> list[dict[str, Any]]:
    """Return the JSON objects at the beginning of unframed text, one after another or in a list."""
    text = outdented(data).decode(errors="replace").strip()
    found: list[Any] = []
    at = 0
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        found += value if isinstance(value, list) else [value]
        gap = _BETWEEN.match(text, at)
        at = gap.end() if gap else at
    return [value for value in found if isinstance(value, dict)]


_FIELD = re.compile(r"[\w.-]+:(?!\s*[{\[])")
_BEGINNING = 200


def beginning(data: bytes) -> str:
    """Return the first characters of a text, to be read by people."""
    return data[: 4 * _BEGINNING].decode(errors="replace").strip()[:_BEGINNING]


def is_field(text: str) -> bool:
    """Whether the text is a field that the standard does not define and so ignores; but no object or list is lost."""
    return _FIELD.match(text) is not None
