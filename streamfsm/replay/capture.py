"""Recorded response bodies: server-sent events as text, read in one go."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import groupby
from typing import Any, NamedTuple

from streamfsm.wires.chat.chunking import Cutter, split
from streamfsm.wires.sse import DONE, UNFRAMED, EventStream, ServerSentEvent, chunk_of, documents, is_field, is_silent


def _events(body: str) -> list[ServerSentEvent]:
    stream = EventStream()
    data = body.encode("utf-8", "surrogatepass")
    return stream.feed(data, len(data)) + stream.close()


def events(body: str) -> list[tuple[str, str]]:
    """Return the events of a body: pairs of event name (``""`` if none) and data."""
    return [_decoded(event) for event in _events(body) if event[0] != UNFRAMED]


def _decoded(event: ServerSentEvent) -> tuple[str, str]:
    name, data = event
    return name.decode(errors="replace"), data.decode("utf-8", "surrogatepass")


def is_framed(body: str) -> bool:
    """Whether the body consists only of events."""
    return all(name != UNFRAMED for name, _ in _events(body))


def chunks(body: str) -> list[Any]:
    """Return the wire objects in a body, without ``[DONE]`` and without data that is not JSON."""
    found: list[Any] = []
    for event in _events(body):
        if event[0] == UNFRAMED:
            found += documents(event[1])
        elif event[1].strip() != DONE:
            with suppress(ValueError):
                found.append(chunk_of(event))
    return found


class Whole(NamedTuple):
    """The part of a body that can be read."""

    chunks: list[Any]
    """The wire objects before the place where the body breaks off."""
    breaks: str | None
    """Where and why the body breaks off, as a phrase; ``None``: it was read completely."""


def whole_part(data: bytes, most: int) -> Whole:
    """Read a body up to its first event that is not JSON, or up to ``most`` characters of text."""
    found: list[Any] = []
    size = 0
    for place, event in _located(data):
        new: list[Any] = []
        why = ""
        if event[0] == UNFRAMED:
            new = documents(event[1])
            is_meant = new or event[1].startswith(DONE) or is_field(event[1].decode(errors="replace"))
            why = "" if is_meant else f"no server-sent event at byte {place}"
        elif not (is_silent(event) or event[1].strip() == DONE):
            try:
                new = [chunk_of(event)]
            except ValueError:
                why = _not_utf8(data[place:], place) or f"not JSON at byte {place}"
        size += sum(len(atom.text) for atom in split(new))
        if size > most:
            new, why = [], f"more than {most} characters of text at byte {place}"
        found += new
        if why:
            return Whole(found, why)
    return Whole(found, None)


def _not_utf8(data: bytes, place: int) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {place + error.start}"
    return ""


def _located(data: bytes) -> Iterator[tuple[int, ServerSentEvent]]:
    """Yield each event with the position of its first byte."""
    stream = EventStream()
    begins = at = 0
    for line in data.splitlines(keepends=True):
        if begins == at and (not line.strip() or line.startswith(b":")):  # no event has begun
            begins += len(line)
        events = stream.feed(line, len(data))
        yield from ((begins, event) for event in events)
        at += len(line)
        if events:  # the line may not belong to the event that it shows to have ended
            own = line.strip()
            begins = at if not own or own.endswith(events[-1][1].strip()) else at - len(line)
    yield from ((begins, event) for event in stream.close())


def standard(body: str) -> str:
    """Return the body with its events in a standard form that every client reads like this library.

    Each event ends with a blank line. Keep-alives and fields other than event and data are omitted.
    """
    return "".join(_written(*_decoded(event)) for event in _events(body) if not is_silent(event))


def body(chunks: Iterable[Any]) -> str:
    """Return a body that contains ``chunks`` and ends with ``[DONE]``."""
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


def recut(body: str, cut: Cutter) -> str:
    """Return a body with the same logical stream in chunks cut by ``cut``.

    Each run of unnamed events whose data is a JSON object is cut together. Everything else (named events, ``[DONE]``,
    data that is not JSON, lines that belong to no event) stays unchanged in its place. Comments and fields other than
    event and data are omitted.
    """
    parts: list[str] = []
    for is_chunk, run in groupby(map(_decoded, _events(body)), lambda event: _is_chunk(*event)):
        if is_chunk:
            parts += [f"data: {json.dumps(chunk)}\n\n" for chunk in cut([json.loads(data) for _, data in run])]
        else:
            parts += [_written(name, data) for name, data in run]
    return "".join(parts)


def _is_chunk(name: str, data: str) -> bool:
    try:
        return not name and isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False


def _written(name: str, data: str) -> str:
    if name == UNFRAMED.decode():
        return f"{data}\n"
    lines = [f"event: {name}"] if name else []
    return "\n".join([*lines, *(f"data: {line}" for line in data.split("\n")), "\n"])
