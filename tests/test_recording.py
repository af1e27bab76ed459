"""Recordings as files: what is written is read, and what cannot be read is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfsm import MisuseError
from streamfsm.replay.recording import HEAD, Piece, Recording, parse

times = st.none() | st.floats(0, 1e6).map(lambda at: round(at, 6))
data = st.binary() | st.text().map(str.encode) | st.dictionaries(st.text(), st.integers() | st.text(), max_size=2)
pieces = st.lists(st.builds(Piece, times, data), max_size=5).map(tuple)
recordings = (
    st.builds(Recording, pieces)
    | st.builds(Recording, pieces, st.sampled_from(["end", "left", "budget"]), st.none(), times)
    | st.builds(Recording, pieces, st.just("error"), st.text(min_size=1), times)
)


@given(recordings)
def test_a_recording_reads_back_as_it_was_written(recording):
    assert parse(recording.lines().encode()) == recording


@given(recordings, st.integers(0))
def test_what_a_process_that_died_left_is_a_beginning(recording, length):
    text = recording.lines().encode()
    cut = parse(text[: max(len(HEAD), length % (len(text) + 1))])
    assert cut.pieces == recording.pieces[: len(cut.pieces)]
    assert cut.end in (None, recording.end)


def test_its_lines_are_for_people_too():
    pieces = (Piece(0.25, b"data: h\xc3\xa9"), Piece(0.5, b"\xc3"), Piece(1, {"a": [1]}))
    assert [json.loads(line) for line in Recording(pieces, "error", "Lost: gone", 2.5).lines().splitlines()] == [
        {"recording": "streamfsm", "version": 1},
        {"at": 0.25, "text": "data: h\u00e9"},
        {"at": 0.5, "base64": "ww=="},
        {"at": 1, "chunk": {"a": [1]}},
        {"at": 2.5, "end": "error", "error": "Lost: gone"},
    ]


BODIES = {
    b"": [],
    b"data: a\n\n": [b"data: a\n\n"],
    b"data: a\n\ndata: b\r\n\r\n: c\r\rdata: d": [b"data: a\n\n", b"data: b\r\n\r\n", b": c\r\r", b"data: d"],
    b'{"error": 1}': [b'{"error": 1}'],
}


@pytest.mark.parametrize(("body", "events"), BODIES.items(), ids=map(repr, BODIES))
def test_each_event_of_a_body_is_a_piece_without_a_time(body, events):
    recording = parse(body)
    assert [piece.data for piece in recording.pieces] == events
    assert recording.body == body
    assert recording.is_timed == (not events)
    assert recording.end is None


def test_a_chunk_is_an_event_with_the_name_that_its_type_gives():
    assert Piece(0, {"choices": []}).wire == b'data: {"choices": []}\n\n'
    assert (
        Piece(0, {"type": "response.created"}).wire
        == b'event: response.created\ndata: {"type": "response.created"}\n\n'
    )
    assert Piece(0, {"type": "a\nb"}).wire == b'data: {"type": "a\\nb"}\n\n'
    assert Piece(0, {"type": 1}).wire == b'data: {"type": 1}\n\n'


WRONG = {
    '{"recording": "streamfsm", "version": 2}\n': "line 1: unknown version of recordings",
    HEAD + "{\n": "line 2: not JSON",
    HEAD + "[" * 100_000 + "\n": "line 2: not JSON",
    HEAD + "[]\n": "line 2: not a JSON object",
    HEAD + '{"at": Infinity, "text": ""}\n': "line 2: 'at' is inf, not a number of seconds",
    HEAD + '{"at": NaN, "text": ""}\n': "line 2: 'at' is nan, not a number of seconds",
    HEAD + '{"text": ""}\n{"at": -1, "text": ""}\n': "line 3: 'at' is -1, not a number of seconds",
    HEAD + '{"at": "1", "text": ""}\n': "line 2: 'at' is '1'",
    HEAD + '{"at": 1}\n': "line 2: neither text, base64 nor a chunk",
    HEAD + '{"at": 1, "base64": "?"}\n': "line 2: neither text, base64 nor a chunk",
    HEAD + '{"at": 1, "chunk": []}\n': "line 2: neither text, base64 nor a chunk",
}


@pytest.mark.parametrize(("text", "complaint"), WRONG.items(), ids=WRONG.values())
def test_what_cannot_be_read_is_told_with_its_line(text, complaint):
    with pytest.raises(MisuseError, match=complaint):
        parse(text.encode())
