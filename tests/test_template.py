"""Events that are like one before them: whatever stands in them, they are read as they are without the template."""

import itertools
import json

import pytest
from helpers import chunk
from hypothesis import example, given
from hypothesis import strategies as st

from streamfsm import StreamParser
from streamfsm.wires.template import Template

HOLE, PADDING = "<hole>", "<padding>"
DELTAS = {
    "content": {"content": HOLE},
    "reasoning": {"reasoning_content": HOLE, "content": None},
    "arguments": {"tool_calls": [{"index": 0, "function": {"arguments": HOLE}}]},
}
CALL = {"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "f", "arguments": ""}}]}


def wire(delta, **fields):
    """A chunk as JSON text, compact or not."""
    compact = fields.pop("compact", True)
    whole = {**chunk(), "id": "r", "model": "content", **fields}
    whole["choices"][0]["delta"] = delta
    return json.dumps(whole, separators=(",", ":") if compact else None)


def body(*events):
    return b"".join(b"data: " + (each if isinstance(each, bytes) else each.encode()) + b"\n\n" for each in events)


def outcome(data, *, template=True):
    """All that the parser says of a body."""
    parser = StreamParser(message_id="m", date="2026-01-01T00:00:00Z")
    if not template:
        parser._template = Template(_tries=0)
    messages = parser.feed_bytes(data) + parser.close()
    return messages, parser.result


def same(data):
    assert outcome(data) == outcome(data, template=False)


@pytest.fixture
def told(monkeypatch):
    """How many events the template told."""
    counts = []
    tell = Template.tell

    def counted(self, data, to):
        counts.append(tell(self, data, to))
        return counts[-1]

    monkeypatch.setattr(Template, "tell", counted)
    return counts


FORMS = [
    pytest.param(wire(delta, compact=compact, **padding), id=f"{name} {'compact' if compact else 'spaced'} {padding}")
    for name, delta in DELTAS.items()
    for compact in (True, False)
    for padding in ({}, {"obfuscation": PADDING}, {"p": PADDING})
]
# A field of reasoning is known once it was read.
OPENING = [
    *(wire({"role": "assistant", "content": ""}), wire(CALL), wire({"content": "Hi"})),
    *[wire({"reasoning_content": "Hm"}), wire({"reasoning": "Hm"})] * 2,
]
PIECES = ['"', "\\", "}", "a", ",", "\\u00e9", "é", "\x00", '"}}]}', "\\ud83d", '","p":"']


def filled(form, hole, padding="x"):
    return form.replace(HOLE, hole).replace(PADDING, padding)


@pytest.mark.parametrize("form", FORMS)
def test_nearly_all_events_are_told_by_the_template(form, told):
    same(
        body(
            *OPENING, *(filled(form, text, "x" * at) for at, text in enumerate(("one ", "tw\\no ", "é", '\\"', "end")))
        )
    )
    assert told[len(OPENING) + 1 : len(OPENING) + 5] == [True, True, True, True]


def test_empty_texts_keep_no_event_from_being_learned(told):
    spoken = wire({"content": "a"})
    events = [*OPENING, spoken, spoken, *[wire({"content": ""})] * 9, *[wire({"reasoning": "b"})] * 3]
    same(body(*events))
    assert told[: len(events)][-1]


@pytest.mark.slow("thousands of bodies")
@pytest.mark.parametrize("form", FORMS)
def test_what_stands_in_the_holes_is_read_as_it_is_without_the_template(form):
    for hole in map("".join, itertools.product(PIECES, repeat=2)):
        for padding in ("", '"', 'x","y":"'):
            same(body(*OPENING, filled(form, "word"), filled(form, hole, padding), filled(form, "more")))


@pytest.mark.parametrize("form", FORMS)
def test_bytes_that_are_no_text_are_read_as_they_are_without_the_template(form):
    for hole in (b"\xff", b"\xc3", b"\xed\xa0\xbd", b"\xef\xbb\xbf"):
        event = filled(form, "word").encode().replace(b"word", hole)
        same(body(*OPENING, filled(form, "word"), event, filled(form, "more")))


TRAPS = {
    "a text that is a key": [wire({"content": "content"}), wire({"content": "choices"}), wire({"content": "x"})],
    "a text that is another value": [wire({"content": "r"}), wire({"content": "s"})],
    "a text that comes again later": [wire({"content": "r"}, system_fingerprint="r"), wire({"content": "s"})],
    "another value changes with the text": [
        wire({"content": "r"}, system_fingerprint="r"),
        wire({"content": "r"}, system_fingerprint="s"),
        wire({"content": "s"}, system_fingerprint="s"),
    ],
    "a text that is structure": [wire({"content": ":"}), wire({"content": ","}), wire({"content": "x"})],
    "padding that is none": [wire({"content": "a", "p": ""}), wire({"content": "a", "p": "new"})],
    "padding in a text": [wire({"content": '"p":"x"'}), wire({"content": '"p":"y"'})],
    "a key twice": ['{"choices":[{"index":0,"delta":{"content":"a","content":"a"}}]}'] * 2,
    "half a character": [wire({"content": "\ud83d"}), wire({"content": "\ude00"}), wire({"content": "?"})],
    "another choice": [wire({"content": "a"}).replace('"index":0', '"index":1'), wire({"content": "a"})],
    "what is no object": ['"a"', "[]", "1", wire({"content": "a"})],
    "an error": [wire({"content": "a"}), wire({"content": "b"}, error={"message": "x"}), wire({"content": "c"})],
    "another end of the same length": [
        wire({"content": "a"}),
        wire({"content": "b"}).replace('"finish_reason":null', '"finish_reason":"no"'),
        wire({"content": "c"}, obfuscation="x"),
        wire({"content": "d"}, obfuscation="x").replace('"x"}', '"x"]'),
    ],
    "no text and no padding": [
        wire({"content": "a"}, p="x"),
        wire({"content": "b"}, p=5),
        wire({"content": 5}, p="x"),
        wire({"content": "c"}).replace(":", " "),
    ],
    "a number": [wire({"content": "a"}), wire({"content": 5}), wire({"content": None}), wire({"content": ["a"]})],
    "the end": [wire({"content": "a"}), "[DONE]", wire({"content": "b"})],
    "a large event": [wire({"content": "a"}, system_fingerprint="x" * 5_000)] * 2,
}


@pytest.mark.parametrize("events", TRAPS.values(), ids=TRAPS)
def test_nothing_is_taken_for_the_text_that_is_not(events):
    for first in ([], [wire({"content": "word"})]):
        same(body(*OPENING, *first, *events, *events, wire({"content": "word"})))


@given(
    st.sampled_from([form.values[0] for form in FORMS]),
    st.lists(st.tuples(st.text('\\"}{[]:,au0d8é\n', max_size=6), st.text('\\"},x', max_size=3)), max_size=6),
)
@example(FORMS[1].values[0], [("a", "x"), ('"},"p":"', "")])
def test_any_text_in_the_holes(form, holes):
    same(body(*OPENING, filled(form, "word"), *(filled(form, hole, padding) for hole, padding in holes)))


def test_an_event_with_a_name_is_no_repetition():
    event = wire({"content": "a"})
    same(body(*OPENING, event) + b"event: error\ndata: " + event.encode() + b"\n\n")


def test_an_error_of_the_callers_own_trace_is_the_callers():
    def trace(_):
        raise ValueError("of the caller")

    with pytest.raises(ValueError, match="of the caller"):
        StreamParser(trace=trace).feed_bytes(body(*OPENING))


def test_what_comes_after_the_end_is_told_as_late():
    _, result = outcome(body(*OPENING, wire({"content": "a"}), '{"error":{"message":"x"}}', wire({"content": "b"})))
    assert [each.kind for each in result.anomalies] == ["late_chunk"]


def test_events_that_are_never_alike_are_learned_a_few_times_only(monkeypatch):
    learned = []
    learn = Template.learn
    monkeypatch.setattr(Template, "learn", lambda self, *_: (learned.append(self._tries), learn(self, *_)))
    same(body(*OPENING, *(wire({"content": f"word {at}"}, created=at) for at in range(20))))
    assert learned[:10] == [8, 7, 6, 5, 4, 3, 2, 1, 0, 0]


def test_learning_goes_on_as_long_as_it_is_of_use(told):
    pairs = [[wire({"content": "a"}, created=at), wire({"content": "b"}, created=at)] for at in range(20)]
    same(body(*OPENING, *itertools.chain(*pairs)))
    assert told[len(OPENING) : len(OPENING) + 40] == [False, True] * 20


def test_a_text_is_found_behind_a_key_of_that_name(told):
    same(body(*OPENING, wire({"content": "content"}), wire({"content": "x"})))
    assert told[len(OPENING) : len(OPENING) + 2] == [False, True]


def test_a_large_event_is_not_learned(told):
    large = [wire({"content": text}, system_fingerprint="x" * 5_000) for text in ("a", "b")]
    same(body(*OPENING, *large))
    assert not any(told)


def test_an_event_without_text_is_none(told):
    same(body(*OPENING, wire({"content": "a"}), wire({"content": ""})))
    assert not any(told)


def test_a_snapshot_goes_on_without_it():
    parser = StreamParser()
    parser.feed_bytes(body(*OPENING, wire({"content": "a"})))
    other = StreamParser.restore(json.loads(json.dumps(parser.snapshot())))
    data = body(wire({"content": "b"}), wire({"content": "c"}))
    assert other.feed_bytes(data) == parser.feed_bytes(data)
