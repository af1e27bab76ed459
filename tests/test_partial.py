"""A model of what is there: only what is valid and can no longer become something else."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, Optional, Union

import pytest
from channeling import TOOL, fed
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator, model_validator

from streamfsm import ArgumentBuilder, Channel
from streamfsm.partial import _shown
from streamfsm.testing import grows_into, json_text


class Color(Enum):
    red = "red"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]


class Tags(RootModel[list[str]]):
    pass


class Unhashable:
    __hash__ = None  # type: ignore[assignment]


class Node(BaseModel):
    text: str = "none"
    short: Annotated[str, Field(max_length=3)] = ""
    number: int | None = None
    day: Optional[date] = None  # noqa: UP045 - both ways to write it
    color: Color = Color.red
    words: list[Literal["ab", "abc"]] = Field(default=[], min_length=2)
    matrix: Sequence[Sequence[int]] = ()
    by_name: Mapping[str, int] = {}
    by_number: dict[int, str] = {}
    anything: Any = None
    pet: Union[Cat, Dog, None] = None  # noqa: UP007 - both ways to write it
    tags: Tags | None = None
    renamed: str = Field(default="", alias="re-named")
    odd: Annotated[int, Unhashable()] = 0
    noted: Annotated[list[Annotated[int, Field(gt=1)]], "a note"] = []
    children: list["Node"] = []

    @model_validator(mode="after")
    def _whole(self) -> "Node":
        raise AssertionError("half the data must not be judged")

    @field_validator("number")
    @classmethod
    def _number(cls, _: int) -> int:
        raise AssertionError("half the data must not be judged")


def shown(text: str) -> dict[str, Any]:
    builder = ArgumentBuilder()
    for message in fed([text], [Channel("$..*", TOOL)])[0]:
        builder.apply(message)
    return builder.partial(Node).model_dump(exclude_unset=True)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("{", {}),
        ('{"text":"a', {"text": "a"}),
        ('{"text":null', {}),
        ('{"text":12 ', {}),
        ('{"short":"a', {}),
        ('{"short":"a"', {"short": "a"}),
        ('{"short":"abcd"', {}),
        ('{"number":1', {}),
        ('{"number":12,', {"number": 12}),
        ('{"number":null', {"number": None}),
        ('{"number":"12"', {"number": 12}),
        ('{"number":"12', {}),
        ('{"day":"2026-11-2', {}),
        ('{"day":"2026-11-27"', {"day": date(2026, 11, 27)}),
        ('{"color":"re', {}),
        ('{"color":"red"', {"color": Color.red}),
        ('{"words":["ab', {"words": []}),
        ('{"words":["ab"', {"words": ["ab"]}),
        ('{"words":["ab","x","abc"]', {"words": ["ab"]}),
        ('{"matrix":[[1,2],[3', {"matrix": [[1, 2], []]}),
        ('{"by_name":{"a":1,"b":"x","c":3', {"by_name": {"a": 1}}),
        ('{"by_name":{"a":1,"b":"x","c":3}', {"by_name": {"a": 1, "c": 3}}),
        ('{"by_number":{"1":"a"', {}),
        ('{"by_number":{"1":"a"},"text":""', {"by_number": {1: "a"}, "text": ""}),
        ('{"anything":{"a":["x', {"anything": {"a": ["x"]}}),
        ('{"anything":"x', {"anything": "x"}),
        ('{"pet":{"kind":"cat","lives":9', {}),
        ('{"pet":{"kind":"cat","lives":9},"text":"a', {"pet": {"kind": "cat", "lives": 9}, "text": "a"}),
        ('{"tags":["a"],"text":"b"', {"tags": ["a"], "text": "b"}),
        ('{"re-named":"a', {"renamed": "a"}),
        ('{"renamed":"a', {}),
        ('{"odd":3}', {"odd": 3}),
        ('{"noted":[2,3,1,4]', {"noted": [2, 3]}),
        ('{"children":[{"text":"a"},{"children":[{', {"children": [{"text": "a"}, {"children": [{}]}]}),
        ('{"unknown":1}', {}),
        ('{"number":1e999}', {}),
    ],
)  # fmt: skip
def test_a_field_is_there_when_its_value_can_be_shown(text: str, fields: dict[str, Any]):
    assert shown(text) == fields


class Renamed(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    text: str = Field(alias="te-xt")


@pytest.mark.parametrize("key", ["text", "te-xt"])
def test_a_field_with_an_alias_may_come_by_its_name_where_the_model_says_so(key: str):
    builder = ArgumentBuilder()
    for message in fed([f'{{"{key}":"a'], [Channel("$..*", TOOL)])[0]:
        builder.apply(message)
    assert builder.partial(Renamed).text == "a"


def test_what_is_not_there_is_none():
    partial = ArgumentBuilder().partial(Node)
    assert (type(partial).__name__, partial.text, partial.children) == ("PartialNode", None, None)


class Plain(BaseModel):
    a: str
    b: int
    c: list[float]
    d: Color | None
    e: list["Plain"] = []


VALUES = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "a": st.text("abé😀", max_size=5) | st.integers(0, 20),
            "b": st.integers(-99, 99) | st.sampled_from(["12", "x", None, 1.5]),
            "c": st.lists(st.floats(-9, 9) | st.just("x"), max_size=3),
            "d": st.sampled_from(["red", "re", "blue", None]),
        },
    ),
    lambda inner: st.fixed_dictionaries({"e": st.lists(inner, max_size=2), "a": st.just("z")}),
    max_leaves=4,
)


@given(VALUES.flatmap(json_text))
def test_a_partial_model_is_monotone_and_ends_as_the_whole(text: str):
    builder = ArgumentBuilder()
    before: dict[str, Any] = {}
    for message in fed(list(text), [Channel("$..*", TOOL)])[0]:
        builder.apply(message)
        now = builder.partial(Plain).model_dump(exclude_unset=True)
        assert grows_into(before, now)
        before = now
    try:
        whole = Plain.model_validate_json(text).model_dump(exclude_unset=True)
    except ValueError:
        return
    assert before == whole


def test_a_type_that_is_only_named_is_looked_up_where_its_model_is():
    node = {"text": "a", "children": [{"text": "b"}]}
    shown = _shown("Node", (), node, Node)  # as Python 3.10 leaves it in list["Node"]
    assert shown.children[0].text == "b"
    assert _shown("Color", (), "red", Node) is Color.red
