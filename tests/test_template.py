"""Events that are like one before them: whatever stands in them, they are read as they are without the template."""

import itertools
import json

import pytest
from helpers import chunk
from hypothesis import example, given
from hypothesis import strategies as st

from streamfsm import Dialect, Limits, StreamParser, coalesce
from streamfsm.wires.sse import EventStream
from streamfsm.wires.template import Template

HOLE, PADDING = "<hole>", "<padding>"
DELTAS = {
    "content": {"content": HOLE},
    "reasoning": {"reasoning_content": HOLE, "content": None},
    "arguments": {"tool_calls": [{"index": 0, "function": {"arguments": HOLE}}]},
}
TWICE = {
    "content": "",
    "reasoning": HOLE,
    "reasoning_details": [{"type": "reasoning.text", "text": HOLE, "format": "unknown", "index": 0}],
}
IN_PARTS = {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": HOLE}]}]}
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
FORMS += [
    pytest.param(wire(TWICE, provider="P", obfuscation=PADDING), id="told twice, with an extra"),
    pytest.param(wire(IN_PARTS, p=PADDING), id="in parts"),
]
# A field of reasoning is known once it was read. Each event has a time of its own, so that none is like a later one.
OPENING = [
    wire(delta, created=at)
    for at, delta in enumerate(
        [
            *({"role": "assistant", "content": ""}, CALL, {"content": "Hi"}),
            *[{"reasoning_content": "Hm"}, {"reasoning": "Hm"}] * 2,
        ]
    )
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
    assert told[len(OPENING) : len(OPENING) + 5] == [False, True, True, True, True]


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
    "two texts that differ": [
        filled(wire(TWICE), "a"),
        wire(TWICE).replace(HOLE, "b", 1).replace(HOLE, "c"),
        wire(TWICE).replace(HOLE, "d", 1).replace(HOLE, "\\u0064"),
        filled(wire(TWICE), "e"),
    ],
    "a constant that is a text elsewhere": [
        wire({"content": "a", "note": "a"}),
        wire({"content": "b", "note": "a"}),
        wire({"content": "b", "note": "b"}),
    ],
    "padding that says something": [wire({"content": text, "note": {"p": text}}) for text in "ab"],
    "an extra of which every value counts": [wire({"content": text, "audio.data": "x"}) for text in "abc"]
    + [wire({"content": text, "input": "x"}) for text in "abc"],
    "an extra with a member that counts": [
        wire({"content": text, "function": {"input": "x", "y": 1}}) for text in "abc"
    ],
    "a message that repeats the delta": [
        json.dumps({"choices": [{"index": 1, "message": {"content": "a"}, **each}]})
        for each in ({}, {}, {"delta": {"content": "a"}}, {"delta": {"content": "b"}}, {})
    ],
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
    assert learned == [8, 7, 6, 5, 4, 3, 2, 1]


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


@pytest.mark.parametrize("deltas", [["content", "content"], ["arguments", "content", "reasoning"]])
def test_what_comes_in_turns_is_told(deltas, told):
    events = [
        filled(wire(DELTAS[name], created=at), "word") for _ in range(4) for at, name in enumerate(deltas, len(OPENING))
    ]
    same(body(*OPENING, *events))
    assert told[len(OPENING) : len(OPENING) + len(events)] == [False] * len(deltas) + [True] * 3 * len(deltas)


def test_texts_with_escapes_are_learned(told):
    same(
        body(*OPENING, *(filled(wire(DELTAS["arguments"]), text) for text in ('{\\"a\\":\\n', '\\"\\u00e9"'[:-1], "x")))
    )
    assert told[len(OPENING) : len(OPENING) + 3] == [False, True, True]


@pytest.mark.parametrize(("keep", "count"), [("set", 1), ("list", 3)])
def test_an_extra_that_comes_again_is_kept_as_its_policy_says(keep, count):
    parser = StreamParser(dialect=Dialect(extras={"provider": keep}))
    parser.feed_bytes(body(*(wire({"content": "a"}, provider="P") for _ in range(3))))
    assert parser.result.extras["provider"] == ["P"] * count


def test_a_stamp_that_comes_back_is_kept_as_its_policy_says():
    parser = StreamParser(dialect=Dialect(extras={"system_fingerprint": "list"}))
    parser.feed_bytes(body(*(wire({"content": "a"}, system_fingerprint=stamp) for stamp in "aaaba")))
    assert parser.result.extras["system_fingerprint"] == ["a", "b", "a"]


# -- the other wire ----------------------------------------------------------------------------------------------------

BEGUN = [
    {"type": "response.created", "response": {"id": "r", "model": "m"}},
    {"type": "response.output_item.added", "item": {"type": "message", "content": []}},
]
ENDED = {"type": "response.completed", "response": {"id": "r", "status": "completed"}}
SPOKEN = {"type": "response.output_text.delta", "sequence_number": 5, "item_id": "m1", "delta": HOLE, "logprobs": []}


def responses(*events):
    return body(*(each if isinstance(each, str) else json.dumps(each) for each in (*BEGUN, *events, ENDED)))


@pytest.mark.parametrize(
    "number", ["0", "17", "9" * 18, "9" * 19, "9" * 5000, "07", "-1", "1.5", "1e3", '"x"', "null", ""]
)
@pytest.mark.parametrize("hole", ["b", '"', "\\", "\\u00e9", '","sequence_number":6,"delta":"'])
def test_numbers_and_texts_of_the_other_wire(number, hole):
    form = json.dumps({**SPOKEN, "obfuscation": PADDING})
    event = filled(form, hole).replace("5", number, 1)
    same(responses(filled(form, "a"), filled(form, "a"), event, filled(form, "c")))


def test_a_text_that_names_no_item_belongs_to_the_one_that_has_begun_since():
    deltas = [filled(json.dumps({"type": "response.output_text.delta", "delta": HOLE}), text) for text in "abcde"]
    done = {"type": "response.output_item.done", "item": {"type": "message", "content": [{"type": "output_text"}]}}
    data = responses(*deltas[:3], done, BEGUN[1], *deltas[3:])
    same(data)
    assert outcome(data)[1].choices[0].content_parts == ["abc", "de"]


def test_events_that_say_nothing_leave_what_was_learned(told):
    deltas = [filled(json.dumps(SPOKEN), text) for text in "abcd"]
    alive = {"type": "keepalive", "sequence_number": 3}
    same(responses(deltas[0], deltas[1], alive, deltas[2], alive, deltas[3]))
    assert told[5] is told[7] is True


def test_bytes_that_are_an_event_like_the_one_before_are_not_split(monkeypatch):
    split = []
    feed = EventStream.feed
    monkeypatch.setattr(EventStream, "feed", lambda self, *given: split.append(given[0]) or feed(self, *given))
    parser = StreamParser(message_id="m")
    events = [body(wire({"content": text})) for text in ("a", "b", "c", "d", "e")]
    told = [message.text for each in events for message in parser.feed_bytes(each)]
    assert told == ["a", "b", "c", "d", "e"]
    assert split == events[:2]


ODD_PIECES = [
    b"",
    b"\n",
    b"data: ",
    b"data: \n\n",
    b": ping\n\n",
    b"event: error\n" + body(wire({"content": "x"})),
    body(wire({"content": "x"})).replace(b"\n", b"\r\n"),
    body(wire({"content": "x"})).removesuffix(b"\n"),
    body(wire({"content": "x"}), wire({"content": "y"})),
    body(wire({"content": "x"})).replace(b'"x"', b'"x"\n'),
    body(wire({"content": "x"})).replace(b'"x"', b'"x\r"'),
    body(wire({"content": "x" * 200})),
    body(wire({"content": "x," * 100})),
    body(wire({"content": "x"})) + b"da",
    body(wire({"content": "x"}))[:-1] + b":",
    body("[DONE]"),
]


@pytest.mark.parametrize("limits", [{}, {"event": 300}, {"values": 60}])
@pytest.mark.parametrize("odd", ODD_PIECES)
def test_whatever_comes_between_events_that_are_alike_is_read_as_without_the_template(odd, limits):
    like = [body(wire({"content": text})) for text in "abcd"]

    def read(*, alike: bool):
        parser = StreamParser(message_id="m", date="2026-01-01T00:00:00Z", limits=Limits(**limits))
        messages = []
        for piece in [*like, odd, *like]:
            if not alike:
                parser._frame = b""
            messages += parser.feed_bytes(piece)
        return messages + parser.close(), parser.result

    assert read(alike=True) == read(alike=False)


def test_an_event_on_several_lines_makes_nothing_of_lines_that_are_no_event():
    whole = wire({"content": HOLE}).replace(", ", ",\n")
    lines = [whole.replace(HOLE, text).split("\n") for text in "abc"]
    pieces = [*("".join(f"data: {line}\n" for line in each) + "\n" for each in lines), *["data: {}\n\n"] * 2]
    pieces.append("data: " + "\n".join(lines[0]) + "\n\n")

    def read(parts):
        parser = StreamParser(message_id="m", date="2026-01-01T00:00:00Z")
        return [message for part in parts for message in parser.feed_bytes(part.encode())] + parser.close()

    assert coalesce(read(pieces)) == coalesce(read(["".join(pieces)]))


def test_half_a_character_elsewhere_in_an_event_keeps_it_from_being_learned():
    events = [wire({"content": text}, created="half").replace("half", "\\ud83d") for text in "abcdef"]
    same(body(*events))
