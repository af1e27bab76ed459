"""Server-sent events as bytes: the standard's lines, at every cut."""

import json

import pytest
from helpers import cut
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from streamfsm.wires.sse import UNFRAMED, EventStream, chunk_of

BODIES = {
    "nothing": (b"", []),
    "one event": (b"data: a\n\n", [(b"", b"a")]),
    "no space after the colon": (b"data:a\n\n", [(b"", b"a")]),
    "only one space is taken away": (b"data:  a\n\n", [(b"", b" a")]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [(b"", b"a"), (b"", b"b")]),
    "CR": (b"data: a\r\rdata: b\r\r", [(b"", b"a"), (b"", b"b")]),
    "all line ends": (b"data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\n", [(b"", b"a\nb\nc"), (b"", b"d")]),
    "blank lines": (b"\n\n\r\n\rdata: a\n\n\n\n\ndata: b\n\n\n", [(b"", b"a"), (b"", b"b")]),
    "a byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [(b"", b"a")]),
    "a byte order mark that is none": (
        b"data: a\n\n\xef\xbb\xbfdata: b\n\ndata: c\n\n",
        [(b"", b"a"), (UNFRAMED, b"\xef\xbb\xbfdata: b\n\n"), (b"", b"c")],
    ),
    "several lines of data": (b"data: a\ndata: b\n\n", [(b"", b"a\nb")]),
    "a name": (b"event: error\ndata: a\n\ndata: b\n\n", [(b"error", b"a"), (b"", b"b")]),
    "a name without data": (b"event: ping\n\ndata: a\n\n", [(b"", b"a")]),
    "comments and other fields": (b": hi\n\n: ho\nid: 1\nretry: 5\ndata: a\n\n", [(b"", b"a")]),
    "empty data": (b"data:\n\ndata\n\n", [(b"", b""), (b"", b"")]),
    "no blank line at the end": (b"data: a\n\ndata: b\n", [(b"", b"a"), (b"", b"b")]),
    "no line end at the end": ("data: é😀".encode(), [(b"", "é😀".encode())]),
    "U+2028, which ends no line": ("data: a\u2028b\n\n".encode(), [(b"", "a\u2028b".encode())]),
}


def read(pieces):
    stream = EventStream()
    return [event for piece in pieces for event in stream.feed(piece, 10**6)] + stream.close()


@pytest.mark.parametrize(("body", "events"), BODIES.values(), ids=BODIES)
def test_events_are_read_as_the_standard_says_wherever_the_body_is_cut(body, events):
    assert read([body]) == events
    for size in range(1, len(body)):
        assert read([body[at : at + size] for at in range(0, len(body), size)]) == events
    for first in range(len(body)):
        assert read([body[:first], b"", body[first:]]) == events


LINES = [
    "data: a",
    "data:",
    "data: {",
    "event: error",
    ": c",
    "id: 1",
    "",
    "",
    "é😀",
    "data: \u2028",
    "data: {}",
    "{}",
    "}",
]


@given(st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(["\n", "\r\n", "\r"])), max_size=12), st.data())
def test_no_cut_changes_what_is_read(lines, data):
    body = "".join(line + end for line, end in lines).encode()
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=6))
    assert read(cut(body, cuts)) == read([body])


@pytest.mark.parametrize("ending", [b"\n\n", b"\r\n\r\n", b"\r\r"])
def test_an_event_is_given_as_soon_as_its_blank_line_came(ending):
    stream = EventStream()
    found = [stream.feed(b"data: a" + ending[:at], 10**6)[:1] for at in range(1)]
    assert found == [[]]
    assert [event for at in range(len(ending)) for event in stream.feed(ending[at : at + 1], 10**6)] == [(b"", b"a")]


BEFORE = {
    "an unfinished line": (b"data: b", [(b"", b"bdata: a")]),
    "a line of data": (b"data: b\n", [(b"", b"b\na")]),
    "a name": (b"event: error\n", [(b"error", b"a")]),
    "a carriage return": (b"data: b\r", [(b"", b"b\na")]),
    "lines that are no event": (b"b\n", [(UNFRAMED, b"b\n"), (b"", b"a")]),
    "events with one line end": (b"data: {}\ndata: {}\n", [(b"", b"{}"), (b"", b"{}"), (b"", b"a")]),
}


@pytest.mark.parametrize(("before", "events"), BEFORE.values(), ids=BEFORE)
def test_an_event_in_one_piece_ends_what_came_before_it(before, events):
    pieces = [b"data: first\n\n", before, b"data: a\n\n", b"data: last\n\n"]
    assert read(pieces) == read([b"".join(pieces)]) == [(b"", b"first"), *events, (b"", b"last")]


def test_a_piece_that_looks_like_one_event_may_hold_two():
    assert read([b"data: first\n\n", b"data: a\r\rdata: b\n\n"]) == [(b"", b"first"), (b"", b"a"), (b"", b"b")]


def test_an_event_in_one_piece_is_held_to_the_limit():
    stream = EventStream()
    found = [stream.feed(piece, 8) for piece in (b"data: ab\n\n", b"data: ab\n\n", b"data: abc\n\n", b"data: a\n\n")]
    assert (found, stream.too_large) == ([[(b"", b"ab")], [(b"", b"ab")], [], []], True)


def test_what_is_held_is_the_event_at_hand():
    stream = EventStream()
    stream.feed(b"data: a\n\ndata: bc", 10**6)
    assert stream._held == b"data: bc"
    assert stream.feed(b"\n\n", 10**6) == [(b"", b"bc")]
    assert stream._held == b""


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_nothing_is_read_from_an_event_on_that_is_larger_than_the_limit_wherever_it_is_cut(size):
    body = b"data: ab\n\n" * 3 + b"data: abc\n\ndata: a\n\n"
    stream = EventStream()
    found = [event for at in range(0, len(body), size) for event in stream.feed(body[at : at + size], 8)]
    assert (found + stream.close(), stream.too_large, stream._held) == ([(b"", b"ab")] * 3, True, b"")


def test_a_snapshot_goes_on_in_the_middle_of_a_character_and_of_a_line_end():
    body = "data: é\r\n\r\ndata: x\r\n\r\n".encode()
    adapter = TypeAdapter(EventStream)
    for at in range(len(body)):
        stream = EventStream()
        events = stream.feed(body[:at], 10**6)
        stream = adapter.validate_python(json.loads(adapter.dump_json(stream)))
        assert events + stream.feed(body[at:], 10**6) + stream.close() == [(b"", "é".encode()), (b"", b"x")]


@pytest.mark.parametrize(
    ("name", "data", "chunk"),
    [
        (b"", b'{"a":1}', {"a": 1}),
        (b"message", b"[1]", [1]),
        (b"", rb'{"a":"\ud83d"}', {"a": "\ud83d"}),
        (b"error", b'{"message":"m"}', {"error": {"message": "m"}}),
        (b"error", b'{"error":"m"}', {"error": "m"}),
        (b"error", b'"m"', {"error": "m"}),
        (b"error", b'{"error":null,"message":"m"}', {"error": {"error": None, "message": "m"}}),
        (b"error", b"{}", {"error": "error"}),
    ],
)
def test_an_event_holds_a_wire_object(name, data, chunk):
    [event] = EventStream().feed(b"event: " + name + b"\ndata: " + data + b"\n\n", 10**6)
    assert chunk_of(event) == chunk


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"a":"\xc3"}', b"{}{}"])
def test_what_is_no_json_is_refused(data):
    [event] = EventStream().feed(b"data: " + data + b"\n\n", 10**6)
    with pytest.raises(ValueError):  # noqa: PT011 - of either decoder
        chunk_of(event)
