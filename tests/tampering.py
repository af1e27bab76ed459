"""Values that somebody changed: a place anywhere in a snapshot, a chunk or a file, and what may stand there instead."""

import json
import random
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from golden import BODY
from helpers import HALF, call, chunk, feed
from rich_stream import RICH, RICH_OPTIONS

from streamfsm import Dialect, MisuseError, StreamParser, ThinkTags

EVENTS = [
    {"type": "response.created", "response": {"id": "r", "model": "m", "output": []}},
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "a", "summary": []}},
    {"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "id": "b", "content": []}},
    {"type": "response.output_text.delta", "output_index": 1, "item_id": "b", "content_index": 0, "delta": "Hi"},
    {
        "type": "response.output_item.added",
        "output_index": 2,
        "item": {"type": "function_call", "id": "c", "call_id": "d", "name": "f", "arguments": ""},
    },
    {"type": "response.function_call_arguments.delta", "output_index": 2, "item_id": "c", "delta": '{"a":'},
    {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}},
]
MORE = [
    chunk(reasoning_details=[{"type": "reasoning.text", "text": HALF, "index": 0, "signature": "s"}], odd=1),
    chunk(call(0, "z", "f", '{"a":1}'), content="<think>x</think>abc"),
    chunk(choice=3, content="y"),
    chunk(finish="stop", usage={"completion_tokens": 3, "odd": 1}),
]
OPTIONS: list[dict[str, Any]] = [
    RICH_OPTIONS,
    {"think_tags": [ThinkTags("<a>", "</a>", "auto"), ThinkTags("[", "]", "auto")]},
    {"dialect": Dialect(content="final_repeat", arguments="placeholder", reasoning="final_repeat", name="snapshot")},
    {"dialect": Dialect(content="snapshot", arguments="snapshot")},
    {"keep": False},
    {**RICH_OPTIONS, "keep": False, "boundaries": True},
    {},
]
STRANGE: list[Any] = [
    *(None, True, False, 0, 1, -1, 5, 10**30, 1.0, 1.5, float("nan"), "", "x", "0", HALF),
    *("done", "closed", "raw_args", "undecided", [], {}, [0], ["x"], {"": 0}, {HALF: HALF}),
]


def snapshots() -> Iterator[dict[str, Any]]:
    for options in OPTIONS:
        for at in range(0, len(RICH) + 1, 3):
            parser = StreamParser(**options)
            feed(parser, [*MORE[: at % 3], *RICH[:at]])
            yield parser.snapshot()
            if at % 2:
                parser.close()
                yield parser.snapshot()
    for at in range(len(EVENTS) + 1):
        parser = StreamParser()
        feed(parser, EVENTS[:at])
        yield parser.snapshot()
    for at in (5, len(BODY) // 2, len(BODY) - 2):
        parser = StreamParser()
        parser.feed_bytes(BODY[:at])
        yield parser.snapshot()


SNAPSHOTS = [json.dumps(each) for each in snapshots()]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from places(each, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def tamper(value: Any, chance: random.Random) -> None:
    """Change one place in a value: take out what is there, put something else there, or something that is near it."""
    paths = list(places(value))
    if not paths:
        return
    *outer, key = chance.choice(paths)
    holder = at(value, tuple(outer))
    old = holder[key]
    near: list[Any] = [chance.choice(STRANGE), at(value, chance.choice(paths))]
    if type(old) is int:
        near += [old + 1, old - 1, old + 100, float(min(old, 2**64))]
    elif type(old) is bool:
        near += [not old]
    elif isinstance(old, str):
        near += [old + "x", old[:-1], old[1:], old + HALF]
    elif isinstance(old, list):
        near += [old[1:], old + old[-1:]]
    if chance.random() < 0.15:
        del holder[key]
    else:
        holder[key] = json.loads(json.dumps(chance.choice(near)))


def go_on(parser: StreamParser, chance: random.Random) -> None:
    """All that a parser is for: nothing of it may raise."""
    parser.result.model_dump_json()
    with nullcontext() if parser.snapshot()["options"]["keep"] else pytest.raises(MisuseError):
        parser.result.assistant_message()
    messages = feed(parser, [*chance.sample(RICH, 6), *chance.sample(EVENTS, 3), *MORE])
    messages += parser.feed_bytes(BODY[:50]) + parser.close()
    for message in messages:
        getattr(message, "model_dump_json", str)()
    parser.result.model_dump_json()
    StreamParser.restore(parser.snapshot())
