"""Recorded response bodies: server-sent events as text, read whole."""

import json
from collections.abc import Iterable, Iterator
from typing import Any


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
    """What the events of a body say: decoded JSON, without the ``[DONE]`` mark and without what is no JSON."""
    found = []
    for _, data in events(body):
        if data.strip() != "[DONE]":
            try:
                found.append(json.loads(data))
            except ValueError:
                continue
    return found


def body(chunks: Iterable[Any]) -> str:
    """A body that says ``chunks`` and ends with ``[DONE]``."""
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
