"""A tool's schema refuses a channel where no arguments could have what it takes, and never else."""

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from streamfsm import Channel, MisuseError

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
OTHERS = {"properties": {"a": {}}, "additionalProperties": {"type": "string"}}
REFUSED = [
    ("nothing is valid", "$..*", {"allOf": [False]}),
    ("the member is never valid", "$.a", {"properties": {"a": False}}),
    ("the member has another name", "$.b", CLOSED),
    ("a text has no members", "$.a.b", CLOSED),
    ("a text has no elements", "$.a[*]", CLOSED),
    ("an object has no elements", "$[*]", CLOSED),
    ("no type has elements", "$.a[*]", {"properties": {"a": {"type": ["object", "null"]}}}),
    ("other members are texts", "$.b.c", OTHERS),
    ("an array has no members", "$.a.b", {"properties": {"a": {"type": "array"}}}),
    ("no element is valid", "$.a[*]", {"properties": {"a": {"type": "array", "items": False}}}),
    ("the elements' members have other names", "$.a[*].b", {"properties": {"a": {"items": CLOSED}}}),
    ("neither the first element nor the others", "$[*].b", {"prefixItems": [CLOSED], "items": {"type": "string"}}),
    ("neither the first element nor the others, in draft 7", "$[*].b", {"items": [CLOSED], "additionalItems": False}),
    ("no choice has it", "$.b", {"anyOf": [CLOSED, {"type": "array"}, False]}),
    ("no one choice has it", "$.b", {"oneOf": [CLOSED, {"type": "string"}]}),
    ("one of all has not", "$.b", {"allOf": [{"properties": {"b": {}}}, CLOSED]}),
    ("what stands beside a choice has not", "$.b", {**CLOSED, "anyOf": [{"properties": {"b": {}}}]}),
    ("what it refers to has not", "$.c.b", {"properties": {"c": {"$ref": "#/$defs/x"}}, "$defs": {"x": CLOSED}}),
    ("by a name that is escaped", "$.c.b", {"properties": {"c": {"$ref": "#/$defs/~0~1"}}, "$defs": {"~/": CLOSED}}),
    ("the whole again has not", "$.a.b", {"properties": {"a": {"$ref": "#"}}, "additionalProperties": False}),
]
TAKEN = [
    ("anything is valid", "$.a[*].b", {}),
    ("a leaf is whatever is there", "$.a..*", CLOSED),
    ("other members are not forbidden", "$.b.c[*]", {"type": "object", "properties": {"a": {}}}),
    ("other members have a schema", "$.b", OTHERS),
    ("a pattern may allow the name", "$.b", {**CLOSED, "patternProperties": {"^b": {}}}),
    ("elements are not described", "$.a[*].b", {"properties": {"a": {"type": "array"}}}),
    ("items is true", "$[*].b", {"type": "array", "items": True}),
    ("the first element has it", "$[*].b", {"prefixItems": [{}, CLOSED], "items": False}),
    ("the second element has it, in draft 7", "$[*].b", {"items": [CLOSED, {}], "additionalItems": False}),
    ("elements after the first have it", "$[*].b", {"prefixItems": [CLOSED]}),
    ("elements after the first have it, in draft 7", "$[*].b", {"items": [CLOSED]}),
    ("one choice has it", "$.b", {"anyOf": [CLOSED, {"type": ["object", "null"]}]}),
    ("all have it", "$.a", {"allOf": [CLOSED, {"required": ["a"]}]}),
    ("a condition is not read", "$.b", {"if": CLOSED, "then": CLOSED, "else": {}}),
    ("a negation is not read", "$.b", {"not": CLOSED}),
    ("members that are not evaluated are not read", "$.b", {"allOf": [{}], "unevaluatedProperties": False}),
    ("a reference to nowhere", "$.b", {"$ref": "#/$defs/x"}),
    ("a reference below nothing", "$.b", {"$ref": "#/type/x", "type": "string"}),
    ("a reference to an anchor", "$.b", {"$ref": "#x", "$defs": {"x": {"$anchor": "x", **CLOSED}}}),
    ("a reference to elsewhere", "$.b", {"$ref": "https://example.com/schema#/a"}),
    ("a reference that is none", "$.b", {"$ref": 1, "type": "string"}),
    ("a reference to itself", "$.b", {"$ref": "#"}),
    ("a reference in a circle", "$.b", {"$ref": "#/$defs/x", "$defs": {"x": {"anyOf": [{"$ref": "#"}, CLOSED]}}}),
    ("nothing beside a reference counts in draft 7", "$.b", {"$ref": "#/$defs/x", "$defs": {"x": {}}, **CLOSED}),
    ("a part with a name of its own", "$.a.b", {"properties": {"a": {"$id": "other", "$ref": "#/x"}}, "x": CLOSED}),
    ("a reference into such a part", "$.b", {"$ref": "#/$defs/x/not", "$defs": {"x": {"id": "x", "not": CLOSED}}}),
    ("types of another language", "$.a", {"type": "OBJECT"}),
    ("types of another language, among others", "$.a", {"type": ["string", {"type": "object"}]}),
    ("keywords that are malformed", "$.a", {"properties": 1, "allOf": {}, "anyOf": [], "oneOf": 0, "type": 1}),
]


@pytest.mark.parametrize(("path", "schema"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_a_channel_is_refused_where_it_is_certain_that_nothing_can_be(path: str, schema: Any):
    with pytest.raises(MisuseError, match="the tool's schema does not allow this path"):
        Channel(path, schema=schema)


@pytest.mark.parametrize(("path", "schema"), [each[1:] for each in TAKEN], ids=[each[0] for each in TAKEN])
def test_a_channel_is_taken_where_something_can_be_or_may_be(path: str, schema: Any):
    assert Channel(path, schema=schema).path == path


# -- the law: what is valid is never refused ---------------------------------------------------------------------------

DRAFTS = (Draft7Validator, Draft202012Validator)  # between which the meaning of a keyword changed
KEYS = st.sampled_from(["a", "b", "a/b"])
VALUES = st.recursive(
    st.sampled_from(["x", 1, None]),
    lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=2) | st.lists(inner, min_size=1, max_size=3),
    max_leaves=4,
)
REFERENCES = ["#", "#/$defs/a", "#/$defs/a~1b", "#/properties/a", "#/$defs/b/properties/a", "#/allOf/0", "#b"]


def _schemas() -> st.SearchStrategy[Any]:
    inner = st.deferred(_schemas)
    some = st.lists(inner, min_size=1, max_size=2)
    members = st.dictionaries(KEYS, inner, min_size=1, max_size=2)
    types = st.lists(st.sampled_from(["object", "array", "string", "integer"]), min_size=1, max_size=3, unique=True)
    read = {
        "type": types | types.map(lambda found: found[0]),
        "properties": members,
        "additionalProperties": inner | st.just(False),
        "patternProperties": st.dictionaries(st.sampled_from(["a", "^b"]), inner, max_size=2),
        "items": inner | some,
        "additionalItems": inner | st.just(False),
        "prefixItems": some,
        **dict.fromkeys(("allOf", "anyOf", "oneOf"), some),
        "$ref": st.sampled_from(REFERENCES),
    }
    others = {
        **dict.fromkeys(("unevaluatedProperties", "unevaluatedItems"), st.just(False)),
        **dict.fromkeys(("if", "then", "else", "not", "contains", "propertyNames"), inner),
        "dependentSchemas": members,
        "required": st.lists(KEYS, max_size=1),
        "enum": st.lists(VALUES, min_size=1, max_size=2),
        "$id": st.just("part"),
        "$anchor": st.just("b"),
    }
    names = st.sampled_from(list(read)) | st.sampled_from(list(read)) | st.sampled_from(list(others))
    one = names.flatmap(lambda name: st.tuples(st.just(name), {**read, **others}[name]))
    return st.booleans() | st.lists(one, max_size=4).map(dict)


def places(value: Any, path: str = "$") -> Iterator[str]:
    """The paths of all that is in ``value``."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (there := f'{path}["{key}"]')
            yield from places(inner, there)
    if isinstance(value, list):
        for inner in value:
            yield (there := f"{path}[*]")
            yield from places(inner, there)


def is_valid(validator: Any, value: Any) -> bool:
    try:
        return bool(validator.is_valid(value))
    except Exception:  # noqa: BLE001 - a reference leads to nowhere or in a circle, which is told by errors of all kinds
        return False


def assert_that_what_is_valid_is_taken(schema: Any, values: Sequence[Any]) -> None:
    for draft, value in product(DRAFTS, values):
        if is_valid(draft(schema), value):
            for path in places(value):
                Channel(path, schema=schema)
                Channel(f"{path}..*", schema=schema)


@given(st.lists(VALUES, min_size=6, max_size=6), _schemas(), st.dictionaries(KEYS, _schemas(), max_size=3))
def test_what_valid_arguments_have_is_never_refused(values: list[Any], schema: Any, defs: Any):
    schema = {**({"not": {}} if schema is False else {} if schema is True else schema), "$defs": defs}
    assert_that_what_is_valid_is_taken(schema, values)


TEXT, NONE, A_ONLY = (
    {"type": "string"},
    {"additionalProperties": False},
    {"properties": {"a": {}}, "additionalProperties": False},
)
KEYWORDS = [
    ("type", ["null", "object"]),
    ("type", "array"),
    ("properties", {"a": {}}),
    ("properties", {"a": {"$ref": "#/$defs/x~1y"}, "b": TEXT}),
    ("properties", {"a": {"$ref": "#"}}),
    ("additionalProperties", False),
    ("additionalProperties", TEXT),
    ("patternProperties", {"b": {}}),
    ("items", False),
    ("items", NONE),
    ("items", [TEXT]),
    ("additionalItems", False),
    ("prefixItems", [TEXT]),
    ("prefixItems", [{}]),
    ("allOf", [A_ONLY]),
    ("anyOf", [TEXT, {"type": "object"}]),
    ("anyOf", [A_ONLY, {"type": ["array"]}]),
    ("oneOf", [A_ONLY, TEXT, {"$ref": "#/$defs/x~1y"}]),
    ("$ref", "#/$defs/x~1y"),
    ("$ref", "#x"),
]
SMALL = [
    {"a": "x"},
    {"a": {"a": "x"}},
    {"a": {"b": "x"}},
    {"b": "x"},
    {"b": {"a": "x"}},
    ["x"],
    [{"a": "x"}],
    ["x", {"a": "x"}],
]


@pytest.mark.parametrize("definition", [{}, A_ONLY])
def test_what_valid_arguments_have_is_never_refused_exhaustively(definition: Any):
    for chosen in combinations(KEYWORDS, 3):
        assert_that_what_is_valid_is_taken({"$defs": {"x/y": definition}, **dict(chosen)}, SMALL)
