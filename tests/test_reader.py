"""The source: what every field says, with every type that JSON has, from dicts and from objects."""

import copy
import json
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
from helpers import call, chunk
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import Choice, ChoiceDelta, ChoiceDeltaToolCall
from pydantic import BaseModel, ConfigDict

from streamfsm import Dialect
from streamfsm.core.events import (
    AnomalyReport,
    Begin,
    CallPiece,
    Envelope,
    Extra,
    Failure,
    Finish,
    Recorder,
    Text,
    Thought,
    UsageReport,
)
from streamfsm.wires.chat import fields as module
from streamfsm.wires.chat.reader import ChatCompletions

HALF = "\ud83d"
ENVELOPE = Envelope("chatcmpl-1", "gpt-4.1")
DEEP = []
for _ in range(100_000):
    DEEP = [DEEP]


def read(*chunks, **dialect):
    source, recorder = ChatCompletions(Dialect(**dialect)), Recorder()
    for each in chunks:
        source.read(each, recorder)
    return recorder.events


def said(*chunks, **dialect):
    """All events but the envelope and the choices' beginnings."""
    return [event for event in read(*chunks, **dialect) if not isinstance(event, Envelope | Begin)]


def oddities(events):
    return [event for event in events if isinstance(event, AnomalyReport)]


def as_object(value):
    """The same as objects with attributes."""
    return json.loads(json.dumps(value), object_hook=lambda fields: SimpleNamespace(**fields))


def as_openai(value):
    """The same as the client builds it: unvalidated, unknown fields kept."""
    return ChatCompletionChunk.construct(**value)


def as_older(value):
    """The same as older versions of the client build it, which do not declare ``moderation`` and ``audio``."""
    new = as_openai(value)
    deltas = [getattr(each, "delta", None) for each in new.choices] if isinstance(new.choices, list) else []
    for model, name in [(new, "moderation"), *((delta, "audio") for delta in deltas if isinstance(delta, ChoiceDelta))]:
        if name in model.model_fields_set:
            model.__pydantic_extra__[name] = getattr(model, name)
        vars(model).pop(name, None)
    return new


class DeclaringMore(ChoiceDelta):
    """As a newer version of the client, or somebody's own class, may declare it."""

    reasoning: Any = None
    x: Any = None


def as_newer(value):
    """The same from a class that declares more than any version of the client that we know."""
    new = as_openai(value)
    for choice, wire in zip(new.choices, value["choices"], strict=True) if isinstance(new.choices, list) else ():
        if isinstance(getattr(choice, "delta", None), ChoiceDelta):
            choice.delta = DeclaringMore.construct(**wire["delta"])
    return new


FORMS = {"dict": lambda value: value, "object": as_object, "openai": as_openai}
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)

# -- what is there is read, in order -----------------------------------------------------------------------------------

EVERYTHING = {
    "id": "chatcmpl-1",
    "model": "gpt-4.1",
    "choices": [
        {
            "index": 1,
            "finish_reason": "stop",
            "delta": {
                "function_call": {"name": "old", "arguments": "{"},
                "tool_calls": [
                    {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"index": 1, "id": "call_2", "type": "function", "function": {"name": "g", "arguments": ""}},
                ],
                "refusal": "No",
                "content": "Hi",
                "reasoning_content": "Hm",
                "reasoning": "Hmm",
            },
        },
        {"index": 0, "delta": {"content": "second"}},
    ],
    "usage": {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 4},
    },
    "error": {"message": "boom", "code": "overloaded"},
}
EVERYTHING_SAID = [
    ENVELOPE,
    Begin(1),
    Text(1, "reasoning", "Hm"),
    AnomalyReport("reasoning_conflict", "reasoning differs from the text of another field", 1),
    Text(1, "reasoning", "Hmm"),
    Text(1, "content", "Hi"),
    Text(1, "refusal", "No"),
    CallPiece(1, 0, "call_1", "f", "{}"),
    CallPiece(1, 1, "call_2", "g", "", entry=1),
    AnomalyReport("ambiguous_call", "function_call is ('old', '{'), which is no entry of tool_calls", 1),
    CallPiece(1, None, "", "old", "{"),
    Finish(1, "stop"),
    Begin(0),
    Text(0, "content", "second"),
    UsageReport(1, 2, 3, 4),
    Failure("overloaded", "boom"),
]


@each_form
def test_a_chunk_with_everything_is_read_in_the_documented_order(form):
    assert read(form(EVERYTHING)) == EVERYTHING_SAID


SAYINGS = {
    "nothing": ({"choices": []}, []),
    "no choices": ({"choices": []}, []),
    "null choices": ({"choices": None}, []),
    "a choice without a delta": ({"choices": [{"index": 0, "finish_reason": "stop"}]}, [Finish(0, "stop")]),
    "a null delta": ({"choices": [{"index": 0, "delta": None}]}, []),
    "an empty delta": (chunk(), []),
    "only a role": (chunk(role="assistant", content=""), []),
    "null in every field": (chunk(role=None, content=None, refusal=None, tool_calls=None, function_call=None), []),
    "an empty finish reason": (chunk(finish=""), []),
    "a choice without an index": ({"choices": [{"delta": {"content": "x"}}]}, [Text(0, "content", "x")]),
    "choices without an index": (
        {"choices": [{"delta": {"content": "x"}}, {"index": None, "delta": {"content": "y"}}]},
        [Text(0, "content", "x"), Text(1, "content", "y")],
    ),
    "a call without anything": (chunk({}), [CallPiece(0, None, "", "", "")]),
    "a call with nulls": (
        chunk({"index": None, "id": None, "function": {"name": None, "arguments": None}}),
        [CallPiece(0, None, "", "", "")],
    ),
    "a call with a null function": (chunk({"index": 0, "id": "c", "function": None}), [CallPiece(0, 0, "c", "", "")]),
    "a negative index": (chunk(call(-1, "c", "f")), [CallPiece(0, -1, "c", "f", "")]),
    "an id outside ASCII": (chunk(call(0, "č", "f")), [CallPiece(0, 0, "č", "f", "")]),
    "usage in a choiceless chunk": (
        {"choices": [], "usage": {"prompt_tokens": 5}},
        [UsageReport(5, None, None, None)],
    ),
    "usage of zero": ({"usage": {"completion_tokens": 0}}, [UsageReport(None, 0, None, None)]),
    "usage without anything known": ({"usage": {"queue_time": 0.1}}, [UsageReport(None, None, None, None)]),
    "usage inside x_groq": ({"x_groq": {"usage": {"prompt_tokens": 7}}}, [UsageReport(7, None, None, None)]),
    "x_groq without usage": ({"x_groq": {"id": "r"}}, [Extra(None, "x_groq", {"id": "r"})]),
    "an error inside x_groq": ({"x_groq": {"error": "boom"}}, [Failure(None, "boom")]),
    "usage inside a choice": (
        {"choices": [{"index": 0, "delta": None, "usage": {"prompt_tokens": 7}}]},
        [UsageReport(7, None, None, None)],
    ),
    "reasoning in two fields at once": (
        chunk(reasoning_content="Hm", reasoning="Hm"),
        [Text(0, "reasoning", "Hm")],
    ),
    "reasoning in the second field": (chunk(reasoning_content="", reasoning="Hm"), [Text(0, "reasoning", "Hm")]),
    "an error that is a text": ({"error": "boom"}, [Failure(None, "boom")]),
    "an error that is a list": ({"error": ["boom"]}, [Failure(None, "boom")]),
    "an error that is true": ({"error": True}, [Failure(None, "true")]),
    "an error that is empty": ({"error": {}}, []),
    "an error that is null": ({"error": None}, []),
    "an error with a code": ({"error": {"code": 529, "message": "busy"}}, [Failure("529", "busy")]),
    "an error with a type": ({"error": {"code": None, "type": "t", "message": "busy"}}, [Failure("t", "busy")]),
    "an error without a message": ({"error": {"type": "t"}}, [Failure("t", '{"type":"t"}')]),
    "an error whose message is an object": ({"error": {"message": {"a": 1}}}, [Failure(None, '{"a":1}')]),
    "an error after content": (
        {**chunk(content="x"), "error": {"message": "boom"}},
        [Text(0, "content", "x"), Failure(None, "boom")],
    ),
}


@pytest.mark.parametrize("form", [FORMS["dict"], FORMS["openai"]])
@pytest.mark.parametrize(("wire", "events"), SAYINGS.values(), ids=SAYINGS)
def test_a_chunk_says_what_its_fields_say(form, wire, events):
    assert said(form(wire)) == events


PARTS = {
    "text": ([{"type": "text", "text": "a"}, {"type": "text", "text": ""}, {"text": "b"}], ["content a", "content b"]),
    "one part, unlisted": ({"type": "text", "text": "a"}, ["content a"]),
    "thoughts": (
        [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}, {"text": "b"}]}, {"text": "c"}],
        ["thought a", "reasoning a", "thought b", "reasoning b", "content c"],
    ),
    "thoughts that are one text": ([{"type": "thinking", "thinking": "a"}], ["thought a", "reasoning a"]),
    "no thoughts": ([{"type": "thinking", "thinking": []}], []),
    "a part that is a text": (["a"], ["content a"]),
    "a part that is no object": ([5, None], ["odd"]),
    "a part without text": ([{"type": "image"}], ["kept"]),
    "thoughts that are no text": (
        [{"thinking": [1, None]}, {"thinking": {"a": 1}}],
        ["odd", "thought "],
    ),
    "a number": (5, ["odd"]),
    "true": (True, ["odd"]),
}


@pytest.mark.parametrize("form", [FORMS["dict"], FORMS["object"]])
@pytest.mark.parametrize(("content", "found"), PARTS.values(), ids=PARTS)
def test_content_may_come_in_parts(form, content, found):
    events = said(form(chunk(content=content)))
    words = {AnomalyReport: lambda _: "odd", Extra: lambda _: "kept", Thought: lambda event: f"thought {event.text}"}
    told = [words.get(type(event), lambda event: f"{event.field} {event.text}")(event) for event in events]
    assert told == found
    assert {event.kind for event in oddities(events)} <= {"wrong_type"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "[]"),
        (0, "0"),
        (False, "false"),
        ([1], "[1]"),
        (5, "5"),
        (True, "true"),
        (DEEP, "[[[[[[[...]]]]]]]"),
        (10**5000, "an int"),
    ],
    ids=range(8),
)
def test_arguments_that_are_no_text_keep_their_value(arguments, text):
    odd, piece = said(chunk({"id": "c", "function": {"name": "f", "arguments": arguments}}))
    assert piece == CallPiece(0, None, "c", "f", text)
    assert (odd.kind, odd.choice) == ("wrong_type", 0)
    assert odd.detail.startswith("arguments is ")


@pytest.mark.parametrize(
    ("arguments", "members"),
    [({"a": [1, "é"], "b": {}}, '"a":[1,"é"],"b":{}'), ({1: {2}}, '"1":"{2}"'), ({}, "")],
)
def test_arguments_that_are_an_object_are_its_members(arguments, members):
    wire = chunk({"id": "c", "function": {"name": "f", "arguments": arguments}})
    assert said(wire) == [CallPiece(0, None, "c", "f", members, form="members")]


def test_the_id_and_the_model_are_those_of_the_first_chunk_that_says_something():
    chunks = [{"id": ""}, {"id": "r1"}, {"id": "r2"}, {"id": "r3", "model": "m1"}, {"id": "r4", "model": "m2"}]
    assert read(*chunks) == [Envelope("r1", None), Envelope("r2", None), Envelope("r3", "m1"), Envelope("r4", "m2")]
    says = {"choices": [{"index": 0, "delta": {"content": "a"}}]}
    found = [event for event in read(*chunks[:3], says, *chunks[3:]) if isinstance(event, Envelope)]
    assert found == [Envelope("r1", None), Envelope("r2", None), Envelope(None, "m1")]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        (("reasoning_text",), ["c"]),
        (("reasoning", "reasoning_content"), ["b", "a"]),
        ((), []),
    ],
)
def test_the_dialect_says_where_reasoning_is(fields, found):
    events = said(chunk(reasoning_content="a", reasoning="b", reasoning_text="c"), reasoning_fields=fields)
    assert [event.text for event in events if isinstance(event, Text)] == found


# -- what is wrong counts as absent, and is told -----------------------------------------------------------------------

VALUES = [0, 1, -1.5, True, False, "x", "", [], [1], {}, {"x": 1}, [[{}]], {"x": [None]}, None, DEEP]
# Where a value lies, and the types that may lie there. Those marked silent are looked into only for what they hold.
PLACES = {
    ("id",): str,
    ("model",): str,
    ("choices",): list,
    ("choices", 0): dict,
    ("choices", 0, "index"): int,
    ("choices", 0, "finish_reason"): str,
    ("choices", 0, "delta"): dict,
    ("choices", 0, "delta", "tool_calls"): list,
    ("choices", 0, "delta", "tool_calls", 0): dict,
    ("choices", 0, "delta", "tool_calls", 0, "index"): int,
    ("choices", 0, "delta", "tool_calls", 0, "id"): str,
    ("choices", 0, "delta", "tool_calls", 0, "function"): dict,
    ("choices", 0, "delta", "tool_calls", 0, "function", "name"): str,
    ("usage",): dict,
    ("usage", "prompt_tokens"): int,
    ("usage", "completion_tokens"): int,
    ("usage", "prompt_tokens_details"): dict,
    ("usage", "prompt_tokens_details", "cached_tokens"): int,
    ("usage", "completion_tokens_details"): dict,
    ("usage", "completion_tokens_details", "reasoning_tokens"): int,
}
SILENT = {("usage", "prompt_tokens_details"), ("usage", "completion_tokens_details")}
WRONG = [
    pytest.param(path, value, id=f"{'.'.join(map(str, path))}-{number}")
    for path, kind in PLACES.items()
    for number, value in enumerate(VALUES)
    if type(value) is not kind
]


def with_value(path, value):
    """The chunk with everything, but for one value."""
    wire = copy.deepcopy(EVERYTHING)
    place = wire
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return wire


@pytest.mark.parametrize(("path", "value"), WRONG)
def test_a_value_of_the_wrong_type_counts_as_absent(path, value):
    absent = [event for event in read(with_value(path, None)) if not isinstance(event, AnomalyReport)]
    events = read(with_value(path, value))
    assert [event for event in events if not isinstance(event, AnomalyReport)] == absent
    if value and path not in SILENT:
        assert "wrong_type" in {event.kind for event in oddities(events)}


@pytest.mark.parametrize(
    ("delta", "detail"),
    [
        *(({name: 5}, f"{name} is 5") for name in ("reasoning", "refusal", "audio", "tool_calls")),
        *(({name: 5}, f"{name} is 5") for name in ("reasoning_details", "thinking_blocks", "reasoning_opaque")),
        ({"audio": {"transcript": 5}}, "transcript is 5"),
        ({"reasoning_details": [5]}, "a part of reasoning_details is 5"),
        *(
            ({"reasoning_details": [{key: 5.5}]}, f"{key} is 5.5")
            for key in ("type", "index", "id", "text", "summary", "data", "signature")
        ),
        ({"content": [5]}, "a part of content is 5"),
        ({"content": [{"type": "text", "text": "a", "signature": 5}]}, "signature is 5"),
        ({"content": [{"type": "redacted_thinking", "data": 5}]}, "data is 5"),
        ({"tool_calls": [5]}, "an entry of tool_calls is 5"),
        *(({"tool_calls": [{key: 5.5}]}, f"{key} is 5.5") for key in ("index", "id", "function")),
        *(({"tool_calls": [{"function": {key: 5}}]}, f"{key} is 5") for key in ("name", "arguments")),
    ],
)
def test_what_is_wrong_is_told_with_its_name_and_its_choice(delta, detail):
    assert oddities(said(chunk(choice=1, **delta))) == [AnomalyReport("wrong_type", detail, 1)]


@pytest.mark.parametrize(
    ("wire", "odd"),
    [
        (5, AnomalyReport("not_a_chunk", "5", None)),
        ({"choices": 5}, AnomalyReport("wrong_type", "choices is 5", None)),
        ({"choices": [5]}, AnomalyReport("wrong_type", "choices[0] is 5", None)),
        ({"choices": [{"index": 1, "delta": 5}]}, AnomalyReport("wrong_type", "delta is 5", 1)),
        ({"choices": [{"index": 1, "finish_reason": 5}]}, AnomalyReport("wrong_type", "finish_reason is 5", 1)),
        ({"usage": 5}, AnomalyReport("wrong_type", "usage is 5", None)),
    ],
)
def test_what_is_wrong_around_a_delta_is_told_likewise(wire, odd):
    assert oddities(read(wire)) == [odd]


def test_choices_without_an_index_are_counted():
    choices = [{"delta": {"content": text}} for text in "ab"]
    assert [event for event in read({"choices": choices}) if isinstance(event, Text)] == [
        Text(0, "content", "a"),
        Text(1, "content", "b"),
    ]


@pytest.mark.parametrize(
    "delta",
    [
        *({name: "x"} for name in ("content", "refusal", "reasoning")),
        {"audio": {"id": "x"}},
        {"function_call": {"name": "f"}},
        {"tool_calls": [call(0, "c", "f")]},
        5,
    ],
)
def test_a_message_beside_no_delta_is_not_read_once_a_delta_has_said_anything(delta):
    spoken, message = (
        {"choices": [{"index": 0, **said}]} for said in ({"delta": delta}, {"message": {"content": "y"}})
    )
    assert Text(0, "content", "y", cumulative=True) in read(message)
    assert Text(0, "content", "y", cumulative=True) not in read(spoken, message)


def test_what_is_wrong_in_a_list_hides_nothing_that_follows():
    details = [5, {"type": "reasoning.text", "text": "a"}]
    assert Text(1, "reasoning", "a") in said(chunk(choice=1, reasoning_details=details))
    assert CallPiece(1, 0, "", "f", "", 1) in said(chunk(5, call(0, name="f"), choice=1))


@pytest.mark.parametrize(("number", "taken"), [(2**63 - 1, True), (2**63, False)])
def test_the_largest_integer_is_that_of_every_reader(number, taken):
    events = said(chunk(call(number, "c", "f"), usage={"prompt_tokens": number}))
    assert [event.wire_index == number for event in events if isinstance(event, CallPiece)] == [taken]
    assert len(oddities(events)) == (0 if taken else 2)


@pytest.mark.parametrize(
    ("delta", "event"),
    [
        ({"reasoning_opaque": "x"}, Thought(1, "opaque", None, None, "", "x", None, field="reasoning_opaque")),
        (
            {"content": [{"type": "redacted_thinking", "data": "x"}]},
            Thought(1, "redacted", None, None, "", "x", None, field="content"),
        ),
        (
            {"thinking_blocks": [{"type": "thinking", "signature": "x"}]},
            Thought(1, "text", None, None, "", "", "x", field="thinking_blocks"),
        ),
        ({"content": [{"type": "image", "url": "x"}]}, Extra(1, "content", {"type": "image", "url": "x"})),
    ],
)
def test_what_is_no_text_is_kept_for_its_choice(delta, event):
    assert event in said(chunk(choice=1, **delta))


@pytest.mark.parametrize(("path", "value"), [case for case in WRONG if case.values[1] not in (DEEP, {})])
def test_objects_are_read_as_dicts_are(path, value):
    wire = with_value(path, value)
    kinds = [type(event) if isinstance(event, AnomalyReport) else event for event in read(wire)]
    assert [type(event) if isinstance(event, AnomalyReport) else event for event in read(as_object(wire))] == kinds


FLAT = [value for value in VALUES if value is not DEEP] + [-1, 2**70]
SOME_KEYS = ("usage", "moderation", "refusal", "audio", "function_call", "reasoning", "id", "name", "index", "x")
PLAIN = {
    "content": {"content": "Hi"},
    "arguments": {"content": None, "tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
    "reasoning": {"content": "", "reasoning_content": "Hm"},
}


def short_cut(source, wire):
    """What the short cut says, if it is one."""
    recorder = Recorder()
    return recorder.events if source._read_plain(wire, recorder) else None


def variants(plain):
    """The plain chunk, and each with one other value in one place."""
    wire = {**chunk(), "id": "r", "model": "m"}
    wire["choices"][0]["delta"] = plain
    yield wire
    for find in (
        lambda wire: wire,
        lambda wire: wire["choices"][0],
        lambda wire: wire["choices"][0]["delta"],
        lambda wire: wire["choices"][0]["delta"].get("tool_calls", [{}])[0],
        lambda wire: wire["choices"][0]["delta"].get("tool_calls", [{}])[0].get("function", {}),
    ):
        for key in {*find(wire), *SOME_KEYS}:
            for value in FLAT:
                other = copy.deepcopy(wire)
                find(other)[key] = value
                yield other


def spoken(choices):
    """A source that knows all that objects say once, and the fields of reasoning."""
    names = Dialect().reasoning_fields
    return ChatCompletions(Dialect(), has_id=True, has_model=True, choices=choices, reasoning_fields=names)


@pytest.mark.slow("many pairs of chunks")
@pytest.mark.parametrize("plain", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("began", [{}, {0: False}, {0: True, 1: True, "x": True}], ids=["new", "silent", "spoken"])
@pytest.mark.parametrize(
    "form", [as_openai, as_older, as_newer, FORMS["dict"]], ids=["openai", "older", "newer", "dict"]
)
def test_the_short_cut_reads_what_is_read_without_it(plain, began, form):
    taken = 0
    for wire in variants(plain):
        source = spoken(dict(began))
        short = short_cut(source, form(wire))
        if short is not None:
            recorder = Recorder()
            source.read(form(wire), recorder)
            assert (short, dict(began)) == (recorder.events, source.choices)
            taken += 1
    assert bool(taken) == (0 in began and began[0])


@pytest.mark.parametrize("plain", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("form", [as_openai, as_newer, FORMS["dict"]], ids=["openai", "newer", "dict"])
@pytest.mark.parametrize("place", ["chunk", "choice", "delta", "call"])
def test_unknown_fields_that_say_nothing_leave_a_chunk_plain(plain, form, place):
    wire = copy.deepcopy({**chunk(), "id": "r", "model": "m"})
    choice = wire["choices"][0]
    choice["delta"] = copy.deepcopy(plain)
    places = {"chunk": wire, "choice": choice, "delta": choice["delta"]}
    places["call"] = plain.get("tool_calls") and choice["delta"]["tool_calls"][0]
    (places[place] or {})["x"] = None
    assert short_cut(spoken({0: True}), form(wire))


@pytest.mark.parametrize(
    ("fields", "delta"),
    [
        (("reasoning_details", "reasoning"), {"reasoning_details": "x"}),
        (("reasoning_opaque", "reasoning"), {"reasoning_opaque": "x"}),
        (("role", "reasoning"), {"role": "assistant", "reasoning": "x"}),
    ],
)
def test_the_short_cut_takes_no_field_of_another_meaning_for_reasoning(fields, delta):
    source = ChatCompletions(Dialect(reasoning_fields=fields), has_id=True, has_model=True, choices={0: True})
    recorder = Recorder()
    source.read(chunk(**delta), recorder)
    assert short_cut(source, chunk(**delta)) in (None, recorder.events)


def test_a_function_call_of_the_wrong_type_is_told():
    odd, piece = said(chunk(function_call="f"))
    assert (odd, piece) == (AnomalyReport("wrong_type", "function is 'f'", 0), CallPiece(0, None, "", "", ""))


@pytest.mark.parametrize("value", [None, 0, 1.5, "text", True, [], [{}], DEEP, b"bytes", object()])
def test_what_is_no_object_is_no_chunk(value):
    (event,) = read(value)
    assert (event.kind, event.choice) == ("not_a_chunk", None)


@pytest.mark.parametrize(
    ("error", "code"),
    [(DEEP, None), ({"code": DEEP, "message": DEEP}, "[[[[[[[...]]]]]]]"), ({"type": HALF}, "\ufffd")],
)
def test_no_error_payload_is_too_odd_to_be_told(error, code):
    (failure,) = said({"error": error})
    assert failure.code == code
    assert failure.message


def test_no_id_model_finish_reason_or_error_keeps_half_a_character():
    events = read({**chunk(call(0, HALF, "f"), finish=HALF), "id": HALF, "model": HALF + "\ude00", "error": HALF})
    assert events == [
        Envelope("\ufffd", "\U0001f600"),
        Begin(0),
        CallPiece(0, 0, "\ufffd", "f", ""),
        Finish(0, "\ufffd"),
        Failure(None, "\ufffd"),
    ]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(HALF),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from([*PLACES, ("error",), ("x_groq",), ("choices", 0, "delta", "content")]), ANYTHING)
def test_no_json_value_in_any_field_raises(path, value):
    read(with_value(path, value))
    read(value)


# -- the openai package's own objects, and look-alikes -----------------------------------------------------------------


def test_fields_that_openai_does_not_declare_are_read_beside_those_it_does():
    wire = {**chunk(reasoning_content="Hm", reasoning="Hm", content="Hi", role="assistant"), "provider": "p"}
    validated = ChatCompletionChunk.model_validate(wire)
    assert said(validated) == said(as_openai(wire))
    assert said(validated) == [Text(0, "reasoning", "Hm"), Text(0, "content", "Hi"), Extra(None, "provider", "p")]


def test_a_validated_chunk_with_calls_and_usage_says_what_its_dict_says():
    usage = {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 1},
    }
    wire = chunk(call(0, "call_1", "f", "{}"), call(1, "call_2", "g", ""), finish="tool_calls", usage=usage)
    assert read(ChatCompletionChunk.model_validate(wire)) == read(wire)


class Delta(BaseModel):
    """A look-alike that declares reasoning, and has unknown fields as well."""

    model_config = ConfigDict(extra="allow")

    content: str | None = None
    reasoning_content: str | None = None


def test_an_object_may_declare_what_openai_leaves_unknown():
    wire = {"choices": [{"index": 0, "delta": Delta(reasoning_content="Hm", provider="p")}]}
    assert said(wire) == [Text(0, "reasoning", "Hm"), Extra(0, "provider", "p")]


@pytest.mark.parametrize("kind", [OrderedDict, type("Fields", (dict,), {})])
def test_a_subclass_of_dict_is_a_dict(kind):
    wire = json.loads(json.dumps(EVERYTHING), object_hook=kind)
    assert read(wire) == EVERYTHING_SAID


def test_a_subclass_of_str_is_text():
    text = type("Text", (str,), {})
    wire = chunk(call(0, text("call_1"), text("f"), text("{}")), content=text("Hi"), finish=text("stop"))
    assert said(wire) == [Text(0, "content", "Hi"), CallPiece(0, 0, "call_1", "f", "{}"), Finish(0, "stop")]


ODD_FIELDS = {
    "details that are no list": {"reasoning_details": 5},
    "a detail that is no object": {"reasoning_details": [5]},
    "a detail whose fields are odd": {"reasoning_details": [{"type": 1, "index": "x", "text": 2}]},
    "blocks that are no list": {"thinking_blocks": 5},
    "audio that is no object": {"audio": "x"},
    "a transcript that is no text": {"audio": {"transcript": 5}},
    "opaque reasoning that is no text": {"reasoning_opaque": 5},
}


@pytest.mark.parametrize("delta", ODD_FIELDS.values(), ids=ODD_FIELDS)
def test_odd_fields_of_a_delta_are_told_and_the_rest_is_read(delta):
    events = said(chunk(content="Hi", **delta))
    assert oddities(events)
    assert Text(0, "content", "Hi") in events


def test_audio_is_its_transcript_and_the_rest_is_kept():
    assert said(chunk(audio={"id": "a", "transcript": "Hi"})) == [
        Text(0, "transcript", "Hi"),
        Extra(0, "audio", {"id": "a"}),
    ]
    assert said(chunk(audio={"transcript": "Hi"})) == [Text(0, "transcript", "Hi")]


def test_what_openai_declares_of_a_chunk_but_nothing_reads_is_kept():
    wire = {**chunk(), "moderation": {"flagged": False}}
    [kept] = said(as_openai(wire))
    assert (kept.name, said(wire)) == ("moderation", [Extra(None, "moderation", {"flagged": False})])


@pytest.mark.parametrize(
    ("model", "known"),
    [
        (ChatCompletionChunk, {*module.CHUNK, "moderation"}),
        (Choice, module.CHOICE),
        (ChoiceDelta, module.DELTA),
        (ChoiceDeltaToolCall, module.CALL),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_field_that_openai_declares_is_known(model, known):
    """What its types declare is no extra of its objects, so a new field has to be looked for by name."""
    assert set(model.model_fields) <= known
