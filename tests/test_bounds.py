"""One number bounds a stream, whatever its shape; and each part of the state has a bound in ``docs/limits.md``."""

import gc
import json
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from golden import BODY
from helpers import anomalies, call, call_chunks, chunk, said
from rich_stream import RICH
from run_state import places
from streams import outcome
from tampering import EVENTS, MORE, OPTIONS

from streamfsm import Channel, Dialect, Limits, MisuseError, StreamParser
from streamfsm.core.meter import BYTES, WEIGHTS
from streamfsm.core.run import Run
from streamfsm.wires.chat.chunking import at_random, every, whole

sys.path.append(str(Path(__file__).parent.parent / "docs"))
from bounds import BOUNDS

Make = Callable[[int], Any]


def fed(pieces: Any, **options: Any) -> StreamParser:
    parser = StreamParser(**options)
    for piece in pieces:
        parser.feed_bytes(piece) if isinstance(piece, bytes) else parser.feed(piece)
    return parser


def parsers() -> list[StreamParser]:
    streams = [([*MORE, *RICH], options) for options in OPTIONS]
    return [fed(pieces, **options) for pieces, options in [*streams, (EVENTS[:-1], {}), ([BODY[:-20]], {})]]


def test_every_place_that_can_grow_has_a_bound_in_the_table():
    bounded = {place for _, places_ in BOUNDS.values() for place in places_}
    found = set().union(*map(places, parsers()))
    assert {place for place in found - bounded if "__" not in place} == set()
    assert "Calls.with_id" in found


def test_a_place_that_is_missing_is_found(monkeypatch: pytest.MonkeyPatch):
    class Grown(Run):
        more: Any = None

    parser = parsers()[0]
    run = parser._response.run
    grown = Grown(**{name: getattr(run, name) for name in Run.__slots__})
    grown.more = []
    monkeypatch.setattr(Grown, "__module__", "streamfsm.core.run")
    parser._response.run = grown
    assert "Grown.more" in places(parser)


# Shapes of hostile streams: each piece adds something that is kept.
SHAPES: dict[str, Make] = {
    "content": lambda _: chunk(content="xx" * 9),
    "content that is not ASCII": lambda _: chunk(content="\U0001f600" * 9),
    "arguments": lambda at: chunk(call(0, None, None, "1" * 9) if at else call(0, "a", "f", '{"a":')),
    "a key": lambda at: chunk(call(0, None, None, "k" * 9) if at else call(0, "a", "f", '{"')),
    "white space between members": lambda at: chunk(
        call(0, None, None, " " * 9) if at else call(0, "a", "f", '{"a":1')
    ),
    "brackets": lambda at: chunk(call(0, None, None, "[" * 9) if at else call(0, "a", "f", '{"a":')),
    "keys": lambda at: chunk(call(0, None, None, f'"{at}":1,') if at else call(0, "a", "f", "{")),
    "calls": lambda at: chunk(call(at, f"c{at}", "f", "{}")),
    "choices": lambda at: chunk(choice=2 * at, content="x"),
    "indexes of one call": lambda at: chunk(call(at, "a", "f", None)),
    "ids of one call": lambda at: chunk(call(0, f"c{at}", None, "1") if at else call(0, "a", "f", "{")),
    "details": lambda at: chunk(
        reasoning_details=[{"type": "reasoning.text", "text": "x", "index": at, "id": f"{at}"}]
    ),
    "signatures": lambda at: chunk(
        reasoning_details=[{"type": "reasoning.text", "text": "x", "index": 0, "signature": f"{at}"}]
    ),
    "extras": lambda at: chunk(odd=at),
    "names of extras": lambda at: chunk(**{f"odd{at}": at}),
    "usage": lambda at: chunk(usage={f"odd{at}": [[], {}]}),
    "turns": lambda at: chunk(
        call(0, None, None, '"thinking":"a","message":"b",') if at else call(0, "a", "send_message", "{")
    ),
    "finish reasons": lambda at: chunk(finish=f"odd{at}" * 9),
    "anomalies": lambda at: {"odd": "x" * at},
    "fields of a response": lambda at: {"type": "response.in_progress", "response": {f"odd{at}": [[], {}]}},
    "items": lambda at: {
        "type": "response.output_item.added",
        "output_index": at,
        "item": {"type": "message", "id": f"m{at}", "content": []},
    },
    "ids of an item": lambda at: {
        "type": "response.output_item.done",
        "output_index": 0,
        "item": {"type": "message", "id": f"m{at}", "content": []},
    },
}
WIDE = {"tool_calls": 10**9, "choices": 10**9, "items": 10**9}
TOTAL = 20_000
FIXED = 40_000
"""Bytes of a parser, the pieces that wait to be joined, and anomalies."""


@pytest.mark.slow("every byte is counted")
@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_takes_at_most_four_bytes_for_each_character_of_the_total(shape: str):
    fed([SHAPES[shape](at) for at in range(3)])  # what is made once
    parser = StreamParser(limits=Limits(total=TOTAL, anomalies=1, extras=TOTAL // 32, **WIDE))
    gc.collect()
    tracemalloc.start()
    try:
        most = at = 0
        while parser.state == "open" and at < 3_000:
            for number in range(at, at + 250):
                parser.feed(SHAPES[shape](number))
                if parser.state != "open":
                    break
            at += 250
            most = max(most, tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert most <= BYTES * TOTAL + FIXED
    if shape not in ("anomalies", "usage", "extras", "names of extras", "finish reasons"):  # which keep no more
        assert (parser.state, parser.result.error and parser.result.error.code) == ("failed", "limit")


@pytest.mark.parametrize("more", [0, 1, 5])
@pytest.mark.parametrize("field", ["content", "arguments"])
def test_the_total_is_exact_at_any_cut(field: str, more: int):
    weight = WEIGHTS["choice"] + (WEIGHTS["text"] if field == "content" else WEIGHTS["call"] + 192 + 64 + len("call_1"))
    text = "x" * (6 + more)
    chunks = [chunk(content=text)] if field == "content" else call_chunks("f", ['{"' + text[2:]], finish=None)
    limits = Limits(total=weight + 6 + len("chatcmpl-1m"))
    expected = outcome(chunks, limits=limits)
    for cut in (whole, *map(every, range(1, 5)), *map(at_random, range(5))):
        assert outcome(cut(chunks), limits=limits) == expected


HELD = {
    "a key": '{"a":1,"' + "k" * 40 + '":1}',
    "a key with escapes": '{"a":1,"' + "k\\n\\u00e9\\ud83d\\ude00\\q" * 5 + '":1}',
    "white space": '{"a":1,' + " " * 40 + '"b":1}',
    "white space before the end": '{"a":1' + " " * 40 + "}",
    "white space in speech": '{  "message": "m",' + " " * 40 + "}",
    "a captured value after white space": '{"a":1' + " " * 15 + "," + " " * 15 + '"thinking": "t", "message": "m"}',
    "a bad escape after white space": '{"a":1,      "\\q":1}',
    "an inner key": '{"a":{"' + "k" * 40 + '":1}}',
}


@pytest.mark.parametrize("held", [1, 7, 13, 31, 32, 33, 39, 40, 41, 200])
@pytest.mark.parametrize("tool", ["f", "send_message"])
@pytest.mark.parametrize("shape", HELD)
def test_what_is_held_back_is_bounded_exactly_at_any_cut(shape: str, tool: str, held: int):
    chunks = call_chunks(tool, [HELD[shape]])
    for channels in ((), [Channel("$..*", tool="f")]):
        options = {"limits": Limits(held=held), "channels": channels}
        expected = outcome(chunks, **options)
        failed = expected["result"]["error"]
        assert failed is None or failed["message"] == f"more than {held} characters of arguments up to a key"
        assert held < 200 or not failed
        for cut in (*map(every, (1, 2, 3, 7)), *map(at_random, range(3))):
            assert outcome(cut(chunks), **options) == expected


def test_what_is_held_back_may_come_before_the_name():
    pieces = [chunk(call(0, "a", None, '{"' + "k" * 99)), chunk(call(0, "a", "f", '":1}'))]
    parser = fed([*pieces, chunk(finish="tool_calls")], limits=Limits(held=50))
    parser.close()
    assert (parser.state, parser.result.error.code) == ("failed", "limit")
    cancelled = fed(pieces[:1], limits=Limits(held=50))
    cancelled.feed(chunk(call(0, "a", "f")))
    cancelled.cancel()
    assert cancelled.result.tool_calls[0].verdict == "incomplete"


def test_keys_that_came_before_the_name_weigh_like_others():
    arguments = "{" + ",".join(f'"{at}":1' for at in range(50)) + "}"
    before = fed([chunk(call(0, "a", None, arguments)), chunk(call(0, None, "f")), chunk(finish="tool_calls")])
    after = fed([chunk(call(0, "a", "f", arguments)), chunk(finish="tool_calls")])
    assert before._response.run.meter == after._response.run.meter


def test_what_comes_after_the_end_is_not_remembered():
    parser = fed([chunk(content="x")])
    parser.close()
    for at in range(1, 50):
        parser.feed(chunk(choice=at, content="x", usage={"completion_tokens": at}))
    assert list(parser._wire.source.choices) == [0]
    assert parser.result.usage.output_tokens == 49
    parser = fed(EVENTS[:3])
    parser.cancel()
    before = parser.snapshot()["wire"]
    for event in [*EVENTS, {**EVENTS[1], "output_index": 9, "item": {"type": "reasoning", "id": "zzz"}}]:
        parser.feed(event)
    assert parser.snapshot()["wire"] == before
    assert parser.final_response == EVENTS[-1]["response"]


def test_pieces_of_items_that_do_not_end_weigh():
    def event(at: int) -> dict[str, Any]:
        return {
            "type": "response.code_interpreter_call_code.delta",
            "output_index": at,
            "item_id": f"i{at}",
            "delta": "",
        }

    parser = fed([EVENTS[0], *map(event, range(200))], limits=Limits(total=100_000))
    assert (parser.state, parser.result.error.code) == ("failed", "limit")
    assert fed([EVENTS[0], *map(event, range(100))], limits=Limits(total=100_000)).state == "open"


def test_cumulative_messages_that_wait_count_towards_the_total_and_the_latest_of_a_choice_once():
    def message(text: str) -> dict[str, Any]:
        return {"choices": [{"index": 0, "delta": {}, "message": {"content": text}}]}

    limits = Limits(total=40_000)
    assert fed([chunk(content="a"), *[message("a" + "b" * 1000)] * 50], limits=limits).state == "open"
    assert fed([chunk(content="a"), message("a" + "b" * 3000)], limits=limits).result.error.code == "limit"
    assert fed([chunk(content="a"), *[message("a")] * 300], limits=limits).state == "open"


def test_what_is_not_compared_of_a_cumulative_message_does_not_wait():
    large = {"choices": [{"index": 0, "delta": {}, "message": {"content": "a", "images": ["b" * 3000]}}]}
    parser = fed([chunk(content="a"), large], limits=Limits(total=40_000))
    assert (parser.state, "images" in json.dumps(parser.snapshot()["wire"])) == ("open", False)
    assert parser.result.choices[0].extras["images"] == [["b" * 3000]]


def test_beyond_the_total_the_stream_fails_and_what_was_said_stays():
    parser = StreamParser(limits=Limits(total=WEIGHTS["choice"] + WEIGHTS["text"] + 100))
    messages = [each for _ in range(60) for each in parser.feed(chunk(content="ab"))]
    kinds = [kind for kind, _ in said(messages)]
    assert kinds == ["assistant", "stop"]
    assert parser.result.content == "".join(text for kind, text in said(messages) if kind == "assistant")
    assert parser.result.error
    assert "characters in total" in parser.result.error.message


SIGNED = {"type": "reasoning.text", "text": "thoughts", "signature": "c2lnbmVk"}


@pytest.mark.parametrize(
    ("beyond", "room"),
    [
        (chunk(tool_calls=[{"index": 0, "id": "a", "function": {"name": "f"}, "signature": "s" * 10_000}]), 4000),
        (chunk(reasoning_details=[SIGNED]), 100),
    ],
    ids=["what a call has beside its arguments", "the text of the first thought"],
)
def test_what_comes_beside_the_text_counts_too(beyond, room):
    parser = StreamParser(limits=Limits(total=WEIGHTS["choice"] + room))
    parser.feed(beyond)
    assert (parser.state, parser.result.error.code) == ("failed", "limit")
    assert fed([beyond]).state == "open"


def test_two_halves_of_a_character_need_the_room_of_one():
    def feed(*texts):
        parser = StreamParser(limits=Limits(total=WEIGHTS["choice"] + WEIGHTS["text"] + 200))
        for text in texts:
            parser.feed(chunk(content=text))
        return parser

    most = next(size for size in range(1, 300) if feed("x" * size, "y").state == "failed") - 1
    assert feed("x" * most, "\ud83d\ude00").state == "open"
    full = feed("x" * most, "\ud83d\ude00", "y")
    assert (full.state, full.result.error.code) == ("failed", "limit")


def test_the_detail_of_an_anomaly_is_bounded():
    parser = fed([chunk(finish="x" * 10_000)])
    assert anomalies(parser) == ["unknown_finish"]
    assert len(parser.result.anomalies[0].detail) == 1000


def test_usage_after_the_end_is_kept_only_while_there_is_room():
    parser = StreamParser(limits=Limits(total=WEIGHTS["choice"] + WEIGHTS["text"] + 50))
    parser.feed(chunk(content="x"))
    parser.close()
    parser.feed(chunk(usage={"odd": "x" * 1000}))
    assert parser.state in ("done", "failed")


def test_a_placeholder_is_no_longer_than_its_white_space_may_be():
    spaces = " " * 1000
    whole_call = [chunk(call(0, "a", "f", "{}" + spaces + '{"a":1}')), chunk(finish="tool_calls")]
    pieces = [chunk(call(0, "a", "f")), *(chunk(call(0, None, None, each)) for each in "{}" + spaces + '{"a":1}')]
    for chunks in (whole_call, [*pieces, chunk(finish="tool_calls")]):
        parser = fed(chunks, dialect=Dialect(arguments="placeholder"))
        parser.close()
        [found] = parser.result.tool_calls
        assert found.arguments.strip() == '{"a":1}'
        choice = parser._response.run.choices[0]
        assert choice.calls.lanes[0]._first is None


def test_a_parser_whose_keys_weigh_more_than_there_is_room_for_can_be_restored():
    whole = WEIGHTS["choice"] + WEIGHTS["call"] + WEIGHTS["id"] + WEIGHTS["index"] + len("chatcmpl-1maf")
    for room in range(0, 200, 5):
        parser = StreamParser(limits=Limits(total=whole + room))
        parser.feed(chunk(call(0, "a", "f", "{")))
        parser.feed(chunk(call(0, None, None, '"a":1,"b":2,')))
        assert StreamParser.restore(parser.snapshot()).snapshot() == parser.snapshot()


def test_a_snapshot_that_weighs_more_than_the_total_is_refused():
    snapshot = StreamParser(limits=Limits(total=5)).snapshot()
    snapshot["run"]["meter"]["weight"] = 6
    with pytest.raises(MisuseError, match="sizes are within the limits"):
        StreamParser.restore(snapshot)
