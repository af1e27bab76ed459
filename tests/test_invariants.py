"""A snapshot is input: one that no parser can have made is refused, and what is accepted goes on without an error."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from golden import BODY
from helpers import HALF, OTHER_HALF, call, chunk, feed
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
    {},
]
STRANGE: list[Any] = [
    *(None, True, False, 0, 1, -1, 5, 10**30, 1.0, 1.5, float("nan"), "", "x", "0", HALF),
    *("done", "closed", "raw_args", "undecided", [], {}, [0], ["x"], {"": 0}),
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


def tamper(snapshot: dict[str, Any], chance: random.Random) -> None:
    """Change one value: take it out, put another one in its place, or one that is near it."""
    paths = list(places(snapshot))
    *outer, key = chance.choice(paths)
    holder = at(snapshot, tuple(outer))
    value = holder[key]
    near: list[Any] = [chance.choice(STRANGE), at(snapshot, chance.choice(paths))]
    if type(value) is int:
        near += [value + 1, value - 1, value + 100]
    elif type(value) is bool:
        near += [not value]
    elif isinstance(value, str):
        near += [value + "x", value[:-1], value[1:], value + HALF]
    elif isinstance(value, list):
        near += [value[1:], value + value[-1:]]
    if chance.random() < 0.15:
        del holder[key]
    else:
        holder[key] = json.loads(json.dumps(chance.choice(near)))


def go_on(parser: StreamParser, chance: random.Random) -> None:
    """All that a parser is for: nothing of it may raise."""
    for dump in (parser.result.model_dump_json, parser.result.assistant_message):
        dump()
    messages = feed(parser, [*chance.sample(RICH, 6), *chance.sample(EVENTS, 3), *MORE])
    messages += parser.feed_bytes(BODY[:50]) + parser.close()
    for message in messages:
        getattr(message, "model_dump_json", str)()
    parser.result.model_dump_json()
    StreamParser.restore(parser.snapshot())


@pytest.mark.slow("each is restored and goes on")
@pytest.mark.parametrize("seed", range(8))
def test_a_changed_snapshot_is_refused_or_goes_on_without_an_error(seed):
    chance = random.Random(seed)
    accepted = 0
    for _ in range(400):
        snapshot = json.loads(chance.choice(SNAPSHOTS))
        for _ in range(chance.choice([1, 1, 2])):
            tamper(snapshot, chance)
        try:
            parser = StreamParser.restore(snapshot)
        except MisuseError:
            continue
        accepted += 1
        go_on(parser, chance)
    assert 0 < accepted < 200


@pytest.mark.parametrize("text", SNAPSHOTS, ids=range(len(SNAPSHOTS)))
def test_what_a_parser_wrote_is_taken_as_it_is_and_is_utf_8(text):
    snapshot = json.loads(text)
    parser = StreamParser.restore(snapshot)
    assert json.dumps(parser.snapshot(), sort_keys=True) == json.dumps(snapshot, sort_keys=True)
    assert json.dumps(snapshot, ensure_ascii=False).encode()


def test_half_a_character_is_kept_and_goes_on():
    parser = StreamParser()
    feed(parser, [chunk(content=f"a{HALF}"), chunk(call(0, "a", f"f{HALF}")), MORE[0]])
    written = json.dumps(parser.snapshot(), ensure_ascii=False).encode()
    again = StreamParser.restore(json.loads(written))
    more = [
        chunk(content=OTHER_HALF),
        chunk(call(0, "a", OTHER_HALF)),
        chunk(reasoning_details=[{"type": "reasoning.text", "text": OTHER_HALF, "index": 0}]),
    ]
    assert feed(parser, more) == feed(again, more)
    assert parser.close() == again.close()
    assert parser.result == again.result
    assert (again.result.content, again.result.tool_calls[0].name) == ("a\U0001f600", "f\U0001f600")


def _set(*path: Any, to: Any) -> Any:
    def change(snapshot: dict[str, Any]) -> None:
        at(snapshot, path[:-1])[path[-1]] = to

    return change


CHOICE = ("run", "choices", "0")
CALLS = (*CHOICE, "calls")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_set("run", "stream", "state", to="closed"), "each state is one of its machine"),
        (_set(*CHOICE, "texts", "content", "state", to="raw_args"), "each state is one of its machine"),
        (_set(*CHOICE, "texts", "content", "state", to="done"), "lanes end with the stream"),
        (_set(*CALLS, "lanes", 0, "ordinal", to=1), "each lane has its choice and its place"),
        (_set(*CALLS, "last", to=9), "positions are those of calls and details"),
        (_set(*CALLS, "lanes", 0, "adopter", to=0), "positions are those of calls and details"),
        (_set("run", "numbering", "turns", 0, 0, to=7), "turns are those of lanes"),
        (_set("run", "numbering", "turns", 0, 2, to=7), "turns are those of lanes"),
        (_set(*CHOICE, "texts", "content", "pair", to=3), "what is held back is short, and was there"),
        (_set(*CHOICE, "extras", to={"odd": {"policy": "set", "texts": {"[": "["}}}), "extras hold JSON"),
        (_set(*CHOICE, "texts", "content", "size", to=0), "sizes are within the limits"),
        (_set("wire", "source", "choices", to={}), "the reader of the wire knows the choices"),
        (_set(*CALLS, "lanes", 0, "state", to="raw_args"), "by its arguments"),
        (_set(*CALLS, "lanes", 0, "name", to=""), "has no name"),
        (_set(*CALLS, "lanes", 0, "again", to=0), "could have come again"),
        (_set(*CALLS, "lanes", 0, "scanner", to=None), "no parser writes it so"),
        (_set("run", "odd", to=1), "Unexpected keyword argument"),
        (_set("run", "arguments_astray", to=0), "no parser writes it so"),
        (_set(*CHOICE, "texts", "content", "answer", to=5), "not a text"),
        (_set("run", "model", to=HALF), "surrogates not allowed"),
        (_set("options", "run_id", to=object()), "not JSON serializable"),
    ],
)
def test_each_invariant_is_named_where_it_does_not_hold(change, why):
    parser = StreamParser(**RICH_OPTIONS)
    feed(parser, RICH[:12])
    snapshot = parser.snapshot()
    change(snapshot)
    with pytest.raises(MisuseError, match=f"^not a snapshot of this version: (.|\n)*{why}"):
        StreamParser.restore(snapshot)


@pytest.mark.parametrize(
    "change",
    [
        _set("wire", "source", "items", "all", 0, "ordinal", to=5),
        _set("wire", "source", "items", "last", "reasoning", to=9),
        _set("wire", "source", "silent", to={"9": None}),
        _set("wire", "source", "begun", to=False),
        _set("wire", "source", "items", "open", to={}),
    ],
)
def test_a_reader_of_responses_that_refers_to_nothing_is_refused(change):
    parser = StreamParser()
    feed(parser, EVENTS[:-1])
    snapshot = parser.snapshot()
    change(snapshot)
    with pytest.raises(MisuseError, match="the reader of the wire knows the choices and calls that there are"):
        StreamParser.restore(snapshot)


def test_no_name_of_the_schema_is_a_private_one():
    assert not [path for text in SNAPSHOTS for path in places(json.loads(text)) if str(path[-1]).startswith("_")]
