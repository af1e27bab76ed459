"""The strategies give what they promise."""

import json
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis import strategies as st
from parsers import Buffers, BuffersSpeech, Searches

from streamfsm.errors import MisuseError
from streamfsm.testing import (
    Fault,
    LawBroken,
    Stream,
    TracedParser,
    arguments,
    check_dialect_invariance,
    check_split_invariance,
    chunkings,
    damaged_arguments,
    dialects,
    faults,
    from_schema,
    garbage_chunks,
    logical_streams,
    run,
    texts,
)
from streamfsm.testing.streams import call, finish, text

QUICK = settings(database=None, derandomize=True, max_examples=2000)


def smallest(strategy, condition):
    """The smallest example of which ``condition`` is true; fails if there is none."""
    return find(strategy, condition, settings=QUICK)


def sought(strategy, condition):
    """Any such example."""
    return find(strategy, condition, settings=settings(QUICK, phases=[Phase.generate]))


# -- arguments ---------------------------------------------------------------------------------------------------------


@given(arguments())
def test_arguments_are_json_objects(text):
    assert isinstance(json.loads(text), dict)


@pytest.mark.slow("searches")
@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize(
    "style",
    [
        "\\u00e9",
        "\\u00E9",
        "\u00e9",
        "\\n",
        "\\u000a",
        "\\ud83d\\ude00",
        "\U0001f600",
        "\\\\",
        '\\"',
        "\n\t ",
        '": ',
        "{}",
    ],
)
def test_arguments_are_spelt_in_every_style(style):
    assert style in sought(arguments(), lambda text: style in text)


@pytest.mark.parametrize("sort", [ValueError, dict])
def test_damaged_arguments_are_damaged_or_not(sort):
    def is_sort(text):
        try:
            return isinstance(json.loads(text), sort)
        except ValueError:
            return sort is ValueError

    sought(damaged_arguments(), is_sort)


def test_texts_hold_halves_of_surrogate_pairs():
    assert smallest(texts(), lambda text: "\ud83d\ude00" in text) == "\ud83d\ude00"


SCHEMA = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "minLength": 1, "maxLength": 5},
        "code": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 9},
        "above": {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 3},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
        "open": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "kind": {"enum": ["a", "b"]},
        "fixed": {"const": 7},
        "maybe": {"type": ["null", "boolean"]},
        "either": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]},
        "list": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3},
        "any": {"description": "anything"},
        "anys": {"type": "array"},
    },
    "required": ["query", "limit"],
    "additionalProperties": False,
    "$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}, "required": []}},
}
VALID = {
    "query": lambda value: 1 <= len(value) <= 5,
    "code": lambda value: value.strip().isupper() and len(value.strip()) == 2,
    "limit": lambda value: 1 <= value <= 9,
    "above": lambda value: value == 2,
    "share": lambda value: 0 <= value <= 1,
    "open": lambda value: 0 < value < 1,
    "kind": lambda value: value in ("a", "b"),
    "fixed": lambda value: value == 7,
    "maybe": lambda value: value in (None, False, True),
    "either": lambda value: value is None or value.keys() <= {"next"},
    "list": lambda value: 2 <= len(value) <= 3 and all(type(item) is int for item in value),
    "any": json.dumps,
    "anys": lambda value: isinstance(value, list),
}


@given(arguments(SCHEMA))
def test_arguments_of_a_schema_are_what_it_accepts(text):
    value = json.loads(text)
    assert {"query", "limit"} <= value.keys() <= SCHEMA["properties"].keys()
    for key, member in value.items():
        assert VALID[key](member), key


@pytest.mark.parametrize("key", SCHEMA["properties"])
def test_every_member_of_a_schema_comes(key):
    assert key in sought(from_schema(SCHEMA), lambda value: key in value)


def test_a_schema_nests():
    sought(from_schema(SCHEMA), lambda value: (value.get("either") or {}).get("next") is not None)


@pytest.mark.parametrize("keyword", ["allOf", "not", "uniqueItems", "patternProperties"])
def test_a_schema_that_would_be_misread_is_refused(keyword):
    with pytest.raises(MisuseError, match=f"from_schema does not know {keyword}"):
        from_schema({"type": "object", keyword: {}})


# -- streams -----------------------------------------------------------------------------------------------------------


def kinds(stream):
    return [atom.kind for atom in stream.atoms]


INTERLEAVED = ["name", "name", "arguments", "arguments", "arguments"]


@pytest.mark.parametrize(
    "condition",
    [
        lambda stream: not stream.atoms,
        lambda stream: {"content", "reasoning", "name", "arguments", "finish", "usage"} <= set(kinds(stream)),
        lambda stream: {atom.choice for atom in stream.atoms} >= {0, 1},
        lambda stream: [atom.call.get("index") for atom in stream.atoms if atom.kind == "arguments"][:3] == [0, 1, 0],
    ],
    ids=["nothing", "everything", "two choices", "interleaved calls"],
)
def test_streams_of_every_sort_come(condition):
    sought(logical_streams(), condition)


@given(logical_streams(fields=("content",), max_choices=1, max_calls=0))
def test_streams_have_no_more_than_is_asked_for(stream):
    assert {atom.kind for atom in stream.atoms} <= {"content", "finish", "usage"}
    assert {atom.choice for atom in stream.atoms} <= {0, None}


WORDS = Stream(
    [*text("reasoning", "some thought"), *text("content", "some words"), *call(0, "f", "{}"), *finish("stop")]
)


@pytest.mark.slow("a search for the smallest")
@pytest.mark.usefixtures("uncounted")
def test_chunkings_cut_anywhere_and_merge_and_shrink_to_the_cut_that_counts():
    strategy = chunkings(WORDS)
    length = len(WORDS.pieces)

    def is_cut_last_at(place):
        return lambda chunks: len(Stream.of(chunks[:-1]).pieces) == place

    for place in range(1, length):
        sought(strategy, is_cut_last_at(place))
    assert smallest(strategy, is_cut_last_at(7)) == WORDS.cut([7])
    assert len(sought(strategy, lambda chunks: len(chunks) == length)) == length


@given(st.data(), logical_streams())
def test_every_chunking_says_what_the_stream_says(data, stream):
    assert Stream.of(data.draw(chunkings(stream))).said() == stream.said()


@pytest.mark.slow("searches")
@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize(("parse", "most"), [(Searches, 0), (Buffers, 0), (BuffersSpeech, 5)])
def test_a_parser_that_searches_text_is_found_in_a_hundred_examples(parse, most):
    """docs/testing.md has the figures."""

    @settings(
        max_examples=100,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data(), logical_streams())
    def law(data, stream):
        check_split_invariance(parse, stream, data.draw(chunkings(stream)))

    missed = 0
    for number in range(50):
        try:
            seed(number)(law)()
        except LawBroken:
            continue
        missed += 1
    assert missed <= most


@pytest.mark.slow("a search for the smallest")
@pytest.mark.usefixtures("uncounted")
def test_what_is_found_of_a_parser_that_searches_text_is_small():
    @settings(QUICK, max_examples=1000)
    @given(st.data(), logical_streams())
    def law(data, stream):
        check_split_invariance(Buffers, stream, data.draw(chunkings(stream)))

    with pytest.raises(LawBroken) as raised:
        law()
    cut = Stream.of(raised.value.chunks).said()
    assert list(cut.values()) == ["f", '{"message":""}']
    assert len(raised.value.chunks) == 2


@pytest.mark.parametrize(
    "condition",
    [
        lambda said: '{"thinking":"' in said and '"message":"' in said,
        lambda said: '"message": "' in said and "\\" in said,
        lambda said: '","q":' in said,
        lambda said: '"message":null' in said,
        lambda said: "\n\t " in said,
        lambda said: said == "{}",
    ],
    ids=["thoughts first", "spaced, with escapes", "another member last", "no text", "white space", "empty"],
)
def test_arguments_of_every_sort_come(condition):
    sought(arguments(), condition)


# -- dialects ----------------------------------------------------------------------------------------------------------


def test_dialects_shrink_to_none_and_compose():
    assert smallest(dialects(), lambda _: True) == []
    assert len(smallest(dialects(), lambda quirks: len(quirks) == 3)) == 3


# -- faults ------------------------------------------------------------------------------------------------------------

STREAM = Stream(text("content", "abcd"))


def said(chunks):
    return [
        each["choices"][0]["delta"]["content"] if isinstance(each, dict) and "choices" in each else each
        for each in chunks
    ]


def test_a_fault_happens_at_any_point():
    assert said(Fault("cut off", 3)(STREAM).plain()) == ["abc"]
    assert said(Fault("cut off", 5)(STREAM).plain()) == []
    assert said(Fault("error", 1, {"error": "boom"})(STREAM).plain()) == ["a", {"error": "boom"}]
    assert said(Fault("garbage", 2, [1])(STREAM).plain()) == ["ab", [1], "cd"]
    assert said(Fault("garbage", 2, [1])(STREAM.plain()).plain()) == ["ab", [1], "cd"]


@pytest.mark.parametrize("sort", ["cut off", "error", "garbage"])
def test_every_fault_comes_at_every_point(sort):
    for at in range(4):
        sought(faults(), lambda fault, at=at: fault.sort == sort and fault.at % 5 == at)


@given(garbage_chunks())
def test_garbage_is_what_json_can_hold(chunk):
    text = json.dumps(chunk)
    assert json.dumps(json.loads(text)) == text


@given(logical_streams(), faults())
def test_an_error_in_the_stream_fails_our_parser(stream, fault):
    parse = partial(TracedParser, inner_thoughts_kwarg=None)
    if fault.sort == "error":
        assert run(parse, fault(stream).plain()).said[-1].text == "error"
    check_dialect_invariance(parse, stream)
