"""Recorded bodies: the lines of the server-sent events standard."""

import json

import pytest
from helpers import chunk
from hypothesis import given
from hypothesis import strategies as st

from streamfsm.replay import capture
from streamfsm.wires.chat.chunking import cutter, every, whole

BODIES = {
    "nothing": ("", []),
    "one event": ("data: a\n\n", [("", "a")]),
    "no space after the colon": ("data:a\n\n", [("", "a")]),
    "only one space is taken away": ("data:  a\n\n", [("", " a")]),
    "two events": ("data: a\n\ndata: b\n\n", [("", "a"), ("", "b")]),
    "CRLF": ("data: a\r\n\r\ndata: b\r\n\r\n", [("", "a"), ("", "b")]),
    "CR": ("data: a\r\rdata: b\r\r", [("", "a"), ("", "b")]),
    "a byte order mark": ("\ufeffdata: a\n\n", [("", "a")]),
    "several lines of data": ("data: a\ndata: b\n\n", [("", "a\nb")]),
    "a name": ("event: error\ndata: a\n\ndata: b\n\n", [("error", "a"), ("", "b")]),
    "a name without data": ("event: ping\n\ndata: a\n\n", [("", "a")]),
    "comments and other fields": (": hi\nid: 1\nretry: 5\ndata: a\n\n", [("", "a")]),
    "empty data": ("data:\n\n", [("", "")]),
    "a field without a colon": ("data\n\n", [("", "")]),
    "no blank line at the end": ("data: a", [("", "a")]),
    "a colon in the data": ('data: {"a":1}\n\n', [("", '{"a":1}')]),
    "U+2028, which ends no line": ("data: a\u2028b\n\n", [("", "a\u2028b")]),
}


@pytest.mark.parametrize(("body", "events"), BODIES.values(), ids=BODIES)
def test_events_are_read_as_the_standard_says(body, events):
    assert list(capture.events(body)) == events


def test_chunks_are_the_json_of_the_events_without_the_done_mark_and_what_is_no_json():
    body = 'data: {"a":1}\n\n: keep-alive\n\ndata: oops\n\nevent: x\ndata: [1]\n\ndata:\n\ndata: [DONE] \n\ndata: 2\n\n'
    assert capture.chunks(body) == [{"a": 1}, [1], 2]


TEXT = st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=3), max_leaves=5
)


@given(st.lists(st.dictionaries(TEXT, JSON, max_size=2), max_size=3))
def test_a_body_reads_back_as_the_chunks_it_says(chunks):
    body = capture.body(chunks)
    assert capture.chunks(body) == chunks
    assert body.endswith("data: [DONE]\n\n")
    assert [data for _, data in capture.events(body)] == [*map(json.dumps, chunks), "[DONE]"]


UNTOUCHED = {
    "a named event": 'event: error\ndata: {"a": 1}\n\n',
    "the end mark": "data: [DONE]\n\n",
    "what is no JSON": "data: oops\n\n",
    "JSON that is no object": "data: [1]\n\n",
    "empty data": "data: \n\n",
    "data of several lines": "data: a\ndata: b\n\n",
}


@pytest.mark.parametrize("event", UNTOUCHED.values(), ids=UNTOUCHED)
def test_recutting_leaves_in_place_what_is_no_chunk(event):
    def body(*texts):
        return "".join(f"data: {json.dumps(chunk(content=text))}\n\n" for text in texts)

    assert capture.recut(body("abcd") + event + body("ef"), every(2)) == body("ab", "cd") + event + body("ef")


def test_recutting_cuts_each_run_of_chunks_by_itself():
    runs = [[chunk(content="ab"), chunk(content="cd")], [chunk(content="ef")]]
    seen = []
    recut = capture.recut("".join(map(capture.body, runs)), lambda chunks: seen.append(list(chunks)) or whole(chunks))
    assert seen == runs
    assert recut == "".join(capture.body(whole(run)) for run in runs)


def test_recutting_reads_data_of_several_lines_as_one_chunk():
    assert capture.recut('data: {"a":\ndata: 1}\n\n', list) == 'data: {"a": 1}\n\n'


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=3)), st.sampled_from(["whole", "char", "3", "random:1"]))
def test_recutting_chunks_of_no_known_shape_changes_nothing(chunks, spec):
    assert capture.chunks(capture.recut(capture.body(chunks), cutter(spec))) == chunks
