r"""Recordings: the body of a response in the pieces in which it arrived, with the time of each.

A recording is a file of JSON lines. It is written while the pieces arrive, so if the process dies, the file has
everything up to then. The first line identifies the format, each following line is a piece, and the last line tells how
the stream ended::

    {"recording": "streamfsm", "version": 1}
    {"at": 0.412, "text": "data: {\"choices\":[{\"ind"}
    {"at": 0.437, "text": "ex\":0}]}\n\n"}
    {"at": 0.44, "end": "end"}

``at`` is in seconds since reading began. A piece is ``text``, bytes that are UTF-8; ``base64``, bytes that are not,
such as half a character; or ``chunk``, an object decoded by the client. Headers are not recorded, because they contain
secrets.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Any, Literal, TypeAlias, get_args

from streamfsm.errors import MisuseError

Ending: TypeAlias = Literal["end", "error", "left", "budget"]
"""How a recording ended: the stream ended; the transport raised an exception; the reader stopped; or the file reached
its maximum size."""

HEAD = '{"recording": "streamfsm", "version": 1}\n'
"""The first line of a file."""

_EVENT_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")


@dataclass(frozen=True)
class Piece:
    """The bytes that arrived at once, or one chunk."""

    at: float | None
    """Seconds since reading began; ``None``: unknown."""
    data: bytes | dict[str, Any]
    """Bytes of the body, or a chunk decoded by the client."""

    @property
    def wire(self) -> bytes:
        """The piece as bytes of a body; a chunk becomes an event of its own."""
        if isinstance(self.data, bytes):
            return self.data
        kind = self.data.get("type")
        name = f"event: {kind}\n" if isinstance(kind, str) and "\n" not in kind else ""
        return f"{name}data: {json.dumps(self.data)}\n\n".encode()

    def line(self) -> str:
        """Return the piece as a line of a file."""
        fields: dict[str, Any] = {"at": self.at and round(self.at, 6)}
        if isinstance(self.data, dict):
            fields["chunk"] = self.data
        else:
            try:
                fields["text"] = self.data.decode()
            except UnicodeDecodeError:
                fields["base64"] = b64encode(self.data).decode()
        return json.dumps(fields) + "\n"


@dataclass(frozen=True)
class Recording:
    """A recorded body."""

    pieces: tuple[Piece, ...]
    end: Ending | None = None
    """``None``: unknown, for example because the process died."""
    error: str | None = None
    """The text of the transport's exception."""
    end_at: float | None = None
    """The time of the end, like :attr:`Piece.at`."""

    @property
    def body(self) -> bytes:
        """All bytes of the body."""
        return b"".join(piece.wire for piece in self.pieces)

    @property
    def is_timed(self) -> bool:
        """Whether the time of each piece is known."""
        return all(piece.at is not None for piece in self.pieces)

    def lines(self) -> str:
        """Return the recording as the text of a file, which :func:`parse` reads."""
        end = [] if self.end is None else [end_line(self.end_at, self.end, self.error)]
        return "".join([HEAD, *(piece.line() for piece in self.pieces), *end])


def end_line(at: float | None, end: Ending, error: str | None) -> str:
    """Return the last line of a file, which says how the stream ended."""
    fields = {"at": at and round(at, 6), "end": end, **({"error": error} if error else {})}
    return json.dumps(fields) + "\n"


def parse(data: bytes) -> Recording:
    """Read a recording, or a body as servers send it; then each event becomes a piece without a time.

    A last line without a line end is ignored, because the process died while writing it.

    Raises:
        MisuseError: a line cannot be read, or the file has another version.
    """
    if not data.startswith(b'{"recording":'):
        return Recording(tuple(Piece(None, event) for event in _events(data)))
    first, *lines = data.split(b"\n")
    if first != HEAD.strip().encode():
        raise MisuseError(f"line 1: unknown version of recordings: {first.decode(errors='replace')}")
    pieces: list[Piece] = []
    for number, line in enumerate(lines[:-1], 2):
        fields = _fields(line, number)
        if fields.get("end") in get_args(Ending):
            return Recording(tuple(pieces), fields["end"], fields.get("error"), _time(fields, number))
        pieces.append(Piece(_time(fields, number), _data(fields, number)))
    return Recording(tuple(pieces))


def _events(body: bytes) -> Iterator[bytes]:
    start = 0
    for found in _EVENT_END.finditer(body):
        yield body[start : found.end()]
        start = found.end()
    if start < len(body):
        yield body[start:]


def _fields(line: bytes, number: int) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MisuseError(f"line {number}: not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise MisuseError(f"line {number}: not a JSON object")
    return fields


def _time(fields: dict[str, Any], number: int) -> float | None:
    at = fields.get("at")
    if at is None or (isinstance(at, int | float) and 0 <= at < inf):
        return at
    raise MisuseError(f"line {number}: 'at' is {at!r}, not a number of seconds")


def _data(fields: dict[str, Any], number: int) -> bytes | dict[str, Any]:
    match fields:
        case {"text": str() as text}:
            return text.encode("utf-8", "surrogatepass")
        case {"base64": str() as text}:
            with suppress(ValueError):
                return b64decode(text, validate=True)
        case {"chunk": dict() as chunk}:
            return chunk
    raise MisuseError(f"line {number}: neither text, base64 nor a chunk")
