"""Recorded bodies: the lines of the server-sent events standard."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfsm import capture

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


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=3)))
def test_a_body_reads_back_as_the_chunks_it_says(chunks):
    body = capture.body(chunks)
    assert capture.chunks(body) == chunks
    assert body.endswith("data: [DONE]\n\n")
    assert [data for _, data in capture.events(body)] == [*map(json.dumps, chunks), "[DONE]"]
