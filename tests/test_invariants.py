"""A snapshot is input: one that no parser can have made is refused, and what is accepted goes on without an error."""

import json
import random
from typing import Any

import pytest
from helpers import HALF, OTHER_HALF, call, chunk, feed
from rich_stream import RICH, RICH_OPTIONS
from tampering import EVENTS, MORE, SNAPSHOTS, at, go_on, places, tamper

from streamfsm import MisuseError, StreamParser


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
        (_set("run", "stream", "state", to="closed"), "each state belongs to its lane's machine"),
        (_set(*CHOICE, "texts", "content", "state", to="raw_args"), "each state belongs to its lane's machine"),
        (_set(*CHOICE, "texts", "content", "state", to="done"), "lanes end with the stream"),
        (_set(*CALLS, "lanes", 0, "ordinal", to=1), "each lane has the choice and the position"),
        (_set(*CALLS, "last", to=9), "positions refer to calls and details that exist"),
        (_set(*CALLS, "lanes", 0, "adopter", to=0), "positions refer to calls and details that exist"),
        (_set(*CALLS, "lanes", 1, "adopter", to=0), "positions refer to calls and details that exist"),
        (_set("run", "numbering", "turns", 0, 0, to=7), "turns refer to lanes that exist"),
        (_set("run", "numbering", "turns", 0, 2, to=7), "turns refer to lanes that exist"),
        (_set(*CHOICE, "texts", "content", "pair", to=3), "text held back is short, and was received"),
        (_set(*CHOICE, "extras", to={"odd": {"policy": "set", "texts": {"[": "["}}}), "extras hold JSON"),
        (_set(*CHOICE, "texts", "content", "size", to=0), "sizes are within the limits"),
        (_set("wire", "source", "choices", to={}), "the reader of the wire knows the same choices"),
        (_set(*CALLS, "lanes", 0, "state", to="raw_args"), "by its arguments"),
        (_set(*CALLS, "lanes", 1, "name", to=""), "has no name"),
        (_set(*CALLS, "lanes", 0, "again", to=0), "characters could repeat"),
        (_set("run", "meter", "bound", to=5), "no parser writes it like this"),
        (_set("run", "odd", to=1), "Unexpected keyword argument"),
        (_set("run", "arguments_astray", to=0), "no parser writes it like this"),
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
        _set("wire", "source", "parts", to=0),
        _set("wire", "source", "base64", to=-1),
    ],
)
def test_a_reader_of_responses_that_refers_to_nothing_is_refused(change):
    parser = StreamParser()
    feed(parser, EVENTS[:-1])
    snapshot = parser.snapshot()
    change(snapshot)
    with pytest.raises(MisuseError, match="the reader of the wire knows the same choices and calls as the core"):
        StreamParser.restore(snapshot)


def test_no_name_of_the_schema_is_a_private_one():
    assert not [path for text in SNAPSHOTS for path in places(json.loads(text)) if str(path[-1]).startswith("_")]


def test_a_count_of_parts_below_zero_is_refused_though_no_part_has_begun():
    parser = StreamParser()
    feed(parser, EVENTS[:1])
    snapshot = parser.snapshot()
    snapshot["wire"]["source"]["parts"] = -1
    with pytest.raises(MisuseError, match="the reader of the wire knows"):
        StreamParser.restore(snapshot)
