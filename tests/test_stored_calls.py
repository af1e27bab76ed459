"""A parser that is stored in the middle of whatever a channel takes goes on as if nothing had been, on both wires."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from itertools import product
from typing import Any

import pytest
from channeling import DOCUMENTS, TOOL, channels
from helpers import ALPHABET, ID, call, chunk, cut, dumped
from hypothesis import given
from hypothesis import strategies as st
from response_events import added, argued, created, done, ended, function

from streamfsm import Channel, StreamParser

Part = dict[str, Any] | bytes
LEAVES = [Channel("$..*", TOOL)]
SOME = [
    Channel("$.a", TOOL, when="whole"),
    Channel("$.b[*]", TOOL),
    Channel("$.c.d", TOOL, takes="blank"),
    Channel("$.e", TOOL, takes="move"),
]
TAKEN = [
    r'{"a":"\ud83d\ude00\u00e9\\ \ud83d","b":["x\"",-1.5e3,null,{"d":true}]}',
    r'{ "c":{"d":"\n", "f":[]} , "e":{"g":"\ud83d\ude00"},"a":"","b":[{},"é"] , "e":"x"}',
    r'{"a":"x","thinking":"\u0061b","a":"y","e":12, "b":["\x","' + "\n" + '"] } x',
]


def chat(pieces: Iterable[str]) -> list[dict[str, Any]]:
    entries = [call(0, "call_1", TOOL), *(call(0, arguments=piece) for piece in pieces)]
    return [*map(chunk, entries), chunk(finish="tool_calls")]


def responses(pieces: Iterable[str]) -> list[dict[str, Any]]:
    begun, whole = function(name=TOOL), function("".join(pieces), name=TOOL)
    return [created(), added(begun), *map(argued, pieces), done(whole), ended(whole)]


def of_bytes(stream: list[dict[str, Any]]) -> list[Part]:
    return [f"data: {json.dumps(each, ensure_ascii=False)}\n\n".encode() for each in stream]


def read(
    parts: Iterable[Part],
    declared: list[Channel],
    stored: Callable[[int], bool] = lambda _: False,
    *,
    keep: bool = True,
) -> Any:
    """The messages and what is kept of the result, of a parser that is stored before the parts of these numbers."""
    date = datetime(2026, 1, 1, tzinfo=timezone.utc)
    parser = StreamParser(channels=declared, message_id=ID, date=date, keep=keep)
    messages = []
    for number, part in enumerate(parts):
        if stored(number):
            parser = StreamParser.restore(json.loads(json.dumps(parser.snapshot())))
        messages += parser.feed_bytes(part) if isinstance(part, bytes) else parser.feed(part)
    return dumped(messages + parser.close()), parser.result if keep else parser.snapshot()


each_wire = pytest.mark.parametrize("wire", [chat, responses])


@pytest.mark.parametrize("keep", [True, False], ids=["keeps", "tells"])
@pytest.mark.parametrize("declared", [LEAVES, SOME], ids=["leaves", "some"])
@pytest.mark.parametrize("document", TAKEN)
@each_wire
def test_a_parser_stored_at_any_place_goes_on(wire: Any, document: str, declared: list[Channel], keep: bool):  # noqa: FBT001
    stream = wire(document)  # a character a piece
    for parts in (stream, of_bytes(stream)):
        whole = read(parts, declared, keep=keep)
        assert read(parts, declared, lambda _: True, keep=keep) == whole
        for at in range(len(parts)):
            assert read(parts, declared, at.__eq__, keep=keep) == whole


@pytest.mark.parametrize("document", TAKEN)
@each_wire
def test_a_parser_stored_at_any_place_of_a_text_in_two_goes_on(wire: Any, document: str):
    for at in range(1, len(document)):
        parts = wire([document[:at], document[at:]])
        assert read(parts, SOME, lambda _: True) == read(parts, SOME)


@pytest.mark.slow("as many parsers as bytes")
@each_wire
def test_a_parser_stored_at_any_byte_goes_on(wire: Any):
    data = b"".join(of_bytes(wire([r'{"a":"\ud83d', r'\ude00é","b":[1.', '5,"x"]}'])))
    whole = read([data], SOME)
    for at in range(len(data)):
        assert read([data[:at], data[at:]], SOME, (1).__eq__) == whole


@st.composite
def damaged(draw: Any) -> str:
    document = draw(DOCUMENTS)
    start, size = draw(st.integers(0, len(document))), draw(st.integers(0, 3))
    return document[:start] + draw(st.text(ALPHABET + "01-e", max_size=2)) + document[start + size :]


@given(DOCUMENTS | damaged(), channels(), st.lists(st.integers(0, 80), max_size=8), st.sets(st.integers(0, 15)))
@each_wire
def test_a_parser_stored_in_the_middle_of_a_call_goes_on(
    wire: Any, document: str, declared: list[Channel], places: list[int], stored: set[int]
):
    stream = wire(cut(document, [place for place in places if place <= len(document)]))
    for parts, keep in product((stream, of_bytes(stream)), (True, False)):
        assert read(parts, declared, stored.__contains__, keep=keep) == read(parts, declared, keep=keep)
