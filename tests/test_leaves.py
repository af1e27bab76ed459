"""Nothing is lost, to the last field: each leaf that came is in the messages, in the result, or declared as left out.

A leaf is a value that is no object and no list. In generated chunks each is a value of its own, which is searched for
in the whole result, so that nothing is taken for another thing that looks the same.
"""

import copy
import json
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any, NamedTuple

import pytest
from helpers import anomalies, call, chunk, run
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk
from recordings import CAPTURES, FILES

from streamfsm import StreamParser
from streamfsm.core.text import without_surrogates
from streamfsm.replay import capture
from streamfsm.wires.chat.left_out import LEFT_OUT

Path = tuple[str | int, ...]

# Between them, these have every field that is read, and every known structure.
RICH = {
    "texts": chunk(
        content="c1",
        refusal="c2",
        reasoning_details=[
            {"type": "reasoning.text", "index": 3, "id": "c3", "text": "c4", "signature": "c5", "format": "c6"},
            {"type": "reasoning.summary", "index": 4, "summary": "c7"},
            {"type": "reasoning.encrypted", "index": 5, "data": "c8"},
        ],
        reasoning_opaque="c9",
        audio={"id": "c10", "transcript": "c11", "data": "c12", "expires_at": 1000013},
    ),
    "parts": chunk(
        content=[
            {"type": "text", "text": "c1"},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "c2", "signature": "c3"}]},
            {"type": "thinking", "thinking": [{"type": "text", "text": "c4"}], "signature": "c5"},
            {"type": "redacted_thinking", "data": "c6"},
            {"type": "image_url", "image_url": {"url": "c7", "detail": "c8"}},
            {"type": "refusal", "refusal": "c9"},
        ]
    ),
    "blocks": chunk(thinking_blocks=[{"type": "thinking", "thinking": "c1", "signature": "c2"}]),
    "an object": chunk(reasoning={"text": "c1", "signature": "c2"}),
    "a summary": chunk(reasoning_content=[{"type": "summary_text", "text": "c1"}, {"content": "c2"}]),
    "calls": chunk(
        call(0, "c1", "c2", '{"a":"c3"}'),
        {**call(1, "c4", "c5", '{"b":"c6"}'), "extra_content": {"google": {"thought_signature": "c7"}}},
        {"index": 2, "id": "c8", "type": "custom", "custom": {"name": "c9", "input": "c10"}},
        {"index": 3, "id": "c11", "type": "function", "function": {"name": "c12", "arguments": {"d": "c13"}}},
    ),
    "a legacy call": chunk(function_call={"name": "c1", "arguments": '{"a":"c2"}'}),
    "a message": {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "c1"}, "finish_reason": "stop"}]
    },
    "the choice": {
        "choices": [
            {
                "index": 0,
                "delta": {"content": "c1"},
                "finish_reason": "length",
                "logprobs": {"content": [{"token": "c2", "logprob": -1000003.5, "bytes": [1000004]}], "refusal": None},
                "usage": {"prompt_tokens": 1000005},
            }
        ]
    },
    "the chunk": {
        "id": "c1",
        "model": "c2",
        "service_tier": "c3",
        "system_fingerprint": "c4",
        "choices": [{"index": 0, "delta": {"content": "c5"}}],
        "usage": {"prompt_tokens": 1000006, "cost_details": {"upstream": 1000007}},
        "moderation": {"flagged": "c8"},
        "x_groq": {"id": "c9"},
    },
    "an error": {"error": {"message": "c1", "code": "c2", "type": "c3", "param": "c4", "metadata": {"raw": "c5"}}},
    "an error of Groq's": {"x_groq": {"error": {"message": "c1", "status": 1000002}}},
}
NEW = "new-leaf"
ODD = "odd-leaf"


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each leaf with its path; what is empty says nothing."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    elif value not in (None, ""):
        yield path, value


def structures(value: Any, path: Path = (), kinds: Any = dict | list) -> Iterator[Path]:
    """Paths of the objects and lists in a value."""
    if isinstance(value, kinds):
        yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from structures(inner, (*path, key), kinds)


def is_left_out(path: Path) -> bool:
    name = ".".join(step for step in path if isinstance(step, str))
    return any(fnmatch(name, pattern) or fnmatch(name, f"{pattern}.*") for pattern in LEFT_OUT)


def changed(wire: Any, path: Path, value: Any) -> Any:
    """The chunk with a value at a path."""
    if not path:
        return value
    inner = wire[path[0]] if isinstance(wire, list) or path[0] in wire else {}
    copied = copy.copy(wire)
    copied[path[0]] = changed(inner, path[1:], value)
    return copied


class Came(NamedTuple):
    """All leaves of the messages and of the result."""

    texts: str
    values: set[Any]
    extras: dict[str, Any]

    def __contains__(self, leaf: Any) -> bool:
        text = without_surrogates(leaf) if isinstance(leaf, str) else json.dumps(leaf)  # of arguments, for one
        return text in self.texts or (isinstance(leaf, bool), leaf) in self.values


def amount(messages: list[Any], parser: StreamParser) -> Came:
    result = parser.result.model_dump(mode="json")
    shown = [leaf for _, leaf in leaves([*(message.model_dump(mode="json") for message in messages), result])]
    names = [step for path, _ in leaves(result) for step in path if isinstance(step, str)]
    texts = [*filter(lambda leaf: isinstance(leaf, str), shown), *dict.fromkeys(names)]
    return Came("\n".join(texts), {(isinstance(leaf, bool), leaf) for leaf in shown}, result["extras"])


def as_dicts(*chunks: Any) -> Came:
    return amount(*run(chunks))


def as_objects(*chunks: Any) -> Came:
    return amount(*run([ChatCompletionChunk.construct(**each) for each in chunks]))


def as_bytes(*chunks: Any) -> Came:
    parser = StreamParser()
    body = "".join(f"data: {json.dumps(each)}\n\n" for each in chunks).encode()
    messages = [message for start in range(0, len(body), 7) for message in parser.feed_bytes(body[start : start + 7])]
    return amount(messages + parser.close(), parser)


FORMS = {"dict": as_dicts, "bytes": as_bytes, "openai": as_objects}
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
PLAIN = [chunk(content="Hi"), chunk(content="!")]


def at(path: Path) -> str:
    return ".".join(map(str, path))


@each_form
@pytest.mark.parametrize("wire", RICH.values(), ids=RICH)
def test_each_leaf_that_is_known_is_somewhere(form, wire):
    came = form(wire)
    lost = [at(path) for path, leaf in leaves(wire) if not is_left_out(path) and leaf not in came]
    assert lost == []


PLACES = [
    pytest.param(wire, path, id=f"{name}: {at(path)}")
    for name, wire in RICH.items()
    for path in structures(wire, kinds=dict)
]


@each_form
@pytest.mark.parametrize(("wire", "path"), PLACES)
@pytest.mark.parametrize(
    "leaf", [NEW, 10**9 + 1, -1.0625, [NEW], {"deeper": NEW}], ids=lambda leaf: type(leaf).__name__
)
def test_a_new_field_of_any_object_is_somewhere(form, wire, path, leaf):
    came = form(changed(wire, (*path, "novel"), leaf))
    assert all(each in came for _, each in leaves(leaf))


LEAVES = [
    pytest.param(wire, path, id=f"{name}: {at(path)}")
    for name, wire in RICH.items()
    for path, _ in leaves(wire)
    if not is_left_out(path)
]


@each_form
@pytest.mark.parametrize(("wire", "path"), LEAVES)
@pytest.mark.parametrize("leaf", [10**9 + 1, [ODD], {"odd": ODD}, [[{"odd": [ODD]}]]], ids=range(4))
def test_a_value_of_another_type_is_somewhere(form, wire, path, leaf):
    came = form(changed(wire, path, leaf))
    assert all(each in came for _, each in leaves(leaf))


@each_form
@pytest.mark.parametrize("name", ["choices", "delta", "tool_calls", "function", "usage", "x_groq", "audio", "logprobs"])
@pytest.mark.parametrize("leaf", [10**9 + 1, ODD, [ODD], {"odd": ODD}], ids=range(4))
def test_a_structure_of_another_type_is_somewhere(form, name, leaf):
    for wire in RICH.values():
        for path in structures(wire):
            if path[-1:] == (name,):
                came = form(changed(wire, path, leaf))
                assert all(each in came for _, each in leaves(leaf)), path


@each_form
@pytest.mark.parametrize("place", [(), ("choices", 0), ("choices", 0, "delta")], ids=["chunk", "choice", "delta"])
def test_a_new_field_between_plain_chunks_is_somewhere(form, place):
    odd = changed(chunk(content="?"), (*place, "novel"), NEW)
    assert NEW in form(*PLAIN, odd, *PLAIN)


@each_form
@pytest.mark.parametrize("name", ["service_tier", "system_fingerprint"])
def test_another_stamp_between_plain_chunks_is_somewhere(form, name):
    stamped = [{**chunk(content="Hi"), name: stamp} for stamp in ("s1", "s1", "s2", "s2", None, "s1")]
    assert form(*stamped).extras[name] == ["s1", "s2"]


@each_form
def test_zero_and_false_are_values_too(form):
    came = form(*PLAIN, {**chunk(content="Hi", flag=False), "count": 0, "nothing": None, "blank": ""})
    assert came.extras == {"count": [0]}
    assert "flag" in came.texts


# Where a chunk does not end the stream, and another does not say it anew.
LASTING = [each.values for each in PLACES if "error" not in each.id and "usage" not in each.id]


@given(st.lists(st.sampled_from(LASTING), max_size=6))
def test_new_fields_of_many_chunks_are_all_somewhere(places):
    chunks = [changed(wire, (*path, "novel"), f"new-{number}.") for number, (wire, path) in enumerate(places)]
    came = as_dicts(*chunks)
    assert [number for number, _ in enumerate(places) if f"new-{number}." not in came] == []


@pytest.mark.slow("every recording")
@pytest.mark.skipif(not FILES, reason="the recordings lie beside the project, and are not there")
@pytest.mark.parametrize("name", FILES)
def test_each_leaf_of_a_recording_is_somewhere(name):
    chunks = capture.chunks((CAPTURES / name).read_text(encoding="utf-8"))
    _, parser = run(chunks)
    if "foreign_wire" in anomalies(parser):
        pytest.skip("another protocol's stream is named, and not read")
    came = as_dicts(*chunks)
    every = [(path, leaf) for each in chunks for path, leaf in leaves(each) if not is_left_out(path)]
    assert {(at(path), leaf) for path, leaf in every if leaf not in came} == set()
