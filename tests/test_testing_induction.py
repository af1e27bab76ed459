"""Every chunking, proved by induction; and the planted bugs that the proof finds."""

import json

import pytest
from chunked import prove
from helpers import call, chunk

from streamfsm import Channel, MisuseError, ThinkTags
from streamfsm.core.scanner import Scanner
from streamfsm.testing import LawBroken, Said, check_every_chunking
from streamfsm.wires.sse import EventStream

TWO = [chunk(reasoning="a"), chunk(reasoning="b")]


class Reader:
    """Yields the text in capitals, and a mark for each "ab"."""

    def __init__(self, held=""):
        self.held = held

    def feed(self, text):
        text = self.held + text
        self.held = text[-1:] if text.endswith("a") else ""
        yield Said("content", 0, text[: len(text) - len(self.held)].upper())
        yield from (Said("mark", 0, "!") for _ in range(text.count("ab") - 1))

    def close(self):
        if self.held:
            yield Said("content", 0, self.held.upper())

    def snapshot(self):
        return {"held": [self.held]}


class WithoutMarks(Reader):
    def feed(self, text):
        return [said for said in super().feed(text) if said.kind == "content"]


class Counts(WithoutMarks):
    """Its snapshot depends on the cuts."""

    pieces = 0

    def feed(self, text):
        self.pieces += len(text) > 1
        return super().feed(text)

    def snapshot(self):
        return {**super().snapshot(), "of": [{"pieces": self.pieces}]}


class Forgets(WithoutMarks):
    """What it holds back is lost once it is restored at the end."""

    def close(self):
        return [] if self.held == "a" and not self.fed else super().close()

    fed = False

    def feed(self, text):
        self.fed = True
        return super().feed(text)


def check(kind, text, **options):
    return check_every_chunking(
        kind, lambda snapshot: kind(snapshot["held"][0]), text, feed=lambda parser, piece: parser.feed(piece), **options
    )


@pytest.mark.parametrize("text", ["", "x", "xabay", "aaa"])
def test_a_parser_that_does_not_depend_on_the_cuts_is_proved(text):
    size = len(text)
    assert check(WithoutMarks, text) == (2 ** max(size - 1, 0), size + size * (size + 1) // 2)


def test_a_longest_piece_leaves_out_the_ways_that_have_a_longer_one():
    assert check(WithoutMarks, "xabay", longest=2) == (8, 5 + 9)
    assert check(WithoutMarks, "xabay", longest=1) == (1, 5 + 5)
    assert check(WithoutMarks, "xabay", longest=99).chunkings == 16
    with pytest.raises(MisuseError, match="longest must be at least 1, not 0"):
        check(WithoutMarks, "xabay", longest=0)


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        (Reader, "xabyabz", "'xabyab', from 0 on, says"),
        (Counts, "xy", "leads to another state: 1 where there should be 0, at /of/0/pieces"),
        (Forgets, "xa", "at the end, but a parser that was not restored"),
    ],
)
def test_a_parser_that_depends_on_the_cuts_is_shown_the_piece(kind, text, why):
    with pytest.raises(LawBroken, match=why):
        check(kind, text)


def test_states_of_other_kinds_are_shown_whole():
    class Bare(Counts):
        def snapshot(self):
            return self.pieces

    with pytest.raises(LawBroken, match="leads to another state: 1 where there should be 0, at /"):
        check_every_chunking(Bare, lambda _: Bare(), "xy", feed=lambda parser, piece: parser.feed(piece))


# -- ours --------------------------------------------------------------------------------------------------------------


def event(data):
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


BODIES = {
    "two line ends": b"\xef\xbb\xbf: x\r"
    + event({"choices": [{"delta": {"content": "é"}}]})
    + b"\r\n\r\ndata:[DONE]\n\n",
    "no event stream": json.dumps({"choices": [{"message": {"content": "é"}}]}).encode(),
    "named events": b"event:e\nid: 1\n"
    + event({"type": "response.output_text.delta", "delta": "\U0001f600"})
    + b"\n\n",
    "several lines": b'data: {"choices":\ndata\ndata: [{"delta":{"refusal":"x"}}]}\n\ndata: {',
}


@pytest.mark.parametrize("body", BODIES)
def test_every_chunking_of_a_body(body):
    data = BODIES[body]
    assert prove(data).chunkings == 2 ** (len(data) - 1)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"assistant_tool": None, "seal_tools": ["send_message"], "keep": False},
        {"assistant_tool": None, "inner_thoughts_kwarg": None, "channels": [Channel("$..*")]},
    ],
)
def test_every_chunking_of_arguments(options):
    text = '{"thinking":"\\ud83d\\ude00","x":[-2e3],"message":"b"} {'
    begun = [*TWO, chunk(call(0, "a", "send_message", ""))]
    proof = prove(text, feed=lambda to, piece: to.feed(chunk(call(0, None, None, piece))), before=begun, **options)
    assert proof.chunkings == 2 ** (len(text) - 1)


@pytest.mark.parametrize(
    "options",
    [
        {"think_tags": ("<think>", "</think>")},
        {"think_tags": ThinkTags("<think>", "</think>", "auto")},
        {"keep": False},
    ],
)
def test_every_chunking_of_content(options):
    text = "<think>a</think>b<a<think>"
    assert prove(text, feed=lambda to, piece: to.feed(chunk(content=piece)), before=TWO, **options).feeds == 26 + 351


def test_a_planted_bug_of_one_cut_is_found(monkeypatch):
    """A line feed that follows a carriage return in a piece of two bytes is an empty line."""
    feed = EventStream.feed

    def broken(self, data, most):
        return feed(self, data * (1 + (data == b"\r\n")), most)

    monkeypatch.setattr(EventStream, "feed", broken)
    with pytest.raises(LawBroken, match="every chunking is broken"):
        prove(BODIES["two line ends"], longest=2)


def test_a_planted_bug_of_two_cuts_is_found(monkeypatch):
    """An escape that comes in three pieces, of which the second has one character, is lost."""
    run = Scanner._within_string

    def broken(self, text):
        waits = self._tail
        found = run(self, text)
        if len(waits) == 1 and text == "u":
            self._tail = ""
        return found

    monkeypatch.setattr(Scanner, "_within_string", broken)
    begun = [*TWO, chunk(call(0, "a", "send_message", ""))]
    with pytest.raises(LawBroken, match="every chunking is broken"):
        prove('{"message":"\\u00e9"}', feed=lambda to, piece: to.feed(chunk(call(0, None, None, piece))), before=begun)
