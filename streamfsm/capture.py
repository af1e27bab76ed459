"""Recorded response bodies: server-sent events as text, read whole."""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from streamfsm.chunking import Cutter


def events(body: str) -> Iterator[tuple[str, str]]:
    """The events of a body: pairs of event name (``""`` if none) and data. Any of the line ends of the standard."""
    name, data = "", list[str]()
    for line in [*body.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n"), ""]:
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield name, "\n".join(data)
            name, data = "", []
        elif key == "data":
            data.append(value)
        elif key == "event":
            name = value


def chunks(body: str) -> list[Any]:
    """What the events of a body say: decoded JSON, without the ``[DONE]`` mark and without what is no JSON.

    What an event named ``error`` says is put under ``error``, if it is not there.
    """
    found = []
    for name, data in events(body):
        if data.strip() != "[DONE]":
            try:
                chunk = json.loads(data)
            except ValueError:
                continue
            found.append(
                {"error": chunk} if name == "error" and not (isinstance(chunk, dict) and "error" in chunk) else chunk
            )
    return found


def body(chunks: Iterable[Any]) -> str:
    """A body that says ``chunks`` and ends with ``[DONE]``."""
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


def recut(body: str, cut: Cutter) -> str:
    """A body that says the same in the chunks that ``cut`` makes.

    Each run of unnamed events whose data is a JSON object is cut together. Every other event (a named one, ``[DONE]``,
    what is no JSON) stays in its place as it was. Comments and fields that are neither name nor data are left out.
    """
    parts: list[str] = []
    for is_chunk, run in groupby(events(body), lambda event: _is_chunk(*event)):
        if is_chunk:
            parts += [f"data: {json.dumps(chunk)}\n\n" for chunk in cut([json.loads(data) for _, data in run])]
        else:
            parts += [_written(name, data) for name, data in run]
    return "".join(parts)


def _is_chunk(name: str, data: str) -> bool:
    try:
        return not name and isinstance(json.loads(data), dict)
    except ValueError:
        return False


def _written(name: str, data: str) -> str:
    lines = [f"event: {name}"] if name else []
    return "\n".join([*lines, *(f"data: {line}" for line in data.split("\n")), "\n"])
