"""The messages of channels put together: patches compose, and a prefix never shows what is taken back."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from channeling import DOCUMENTS, TOOL, channels, decoded, fed, plain, repeats_a_key
from helpers import ID, call, call_chunks, chunk, chunked, cut, run
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from streamfsm import ArgumentBuilder, ArgumentMessage, AssistantMessage, Channel, MisuseError, partial_objects
from streamfsm.testing import grows_into

LEAVES = [Channel("$..*", TOOL)]


def built(messages: list[Any]) -> ArgumentBuilder:
    builder = ArgumentBuilder()
    for message in messages:
        assert builder.apply(message) == isinstance(message, ArgumentMessage)
    return builder


def message(path: str, **fields: Any) -> ArgumentMessage:
    return ArgumentMessage(id=ID, date=0, tool_call_id="call_1", tool_name="f", channel="c", path=path, **fields)


@given(DOCUMENTS, st.data())
def test_patches_compose(document: str, data: st.DataObject):
    """All messages of ``$..*`` build what ``json.loads`` reads, in whatever pieces, repeated keys too."""
    pieces = cut(document, data.draw(st.lists(st.integers(0, len(document)), max_size=8)))
    messages, _ = fed(pieces, LEAVES)
    assert built(messages).value == plain(decoded(document))


@given(DOCUMENTS, channels(moves=False))
def test_patches_of_several_channels_compose_too(document: str, declared: list[Channel]):
    declared = [each for each in declared if each.path != "$..*"]
    messages, _ = fed([document], [*declared, *LEAVES])
    assert built(messages).value == plain(decoded(document))


@given(DOCUMENTS.filter(lambda document: not repeats_a_key(decoded(document))))
def test_monotone(document: str):
    """What a prefix shows is never taken back: no half pair, no guessed closing, no number that goes on."""
    builder = ArgumentBuilder()
    shown: Any = {}
    for each in fed(list(document), LEAVES)[0]:
        builder.apply(each)
        assert grows_into(shown, builder.value)
        shown = json.loads(json.dumps(builder.value))
        assert not any("\ud800" <= char <= "\udfff" for char in repr(shown))
    assert shown == plain(decoded(document))


@given(DOCUMENTS, st.data())
def test_split_invariance_of_what_is_built(document: str, data: st.DataObject):
    at = data.draw(st.integers(0, len(document)))
    pieces = cut(document[:at], data.draw(st.lists(st.integers(0, at), max_size=4)))
    assert built(fed(pieces, LEAVES)[0]).value == built(fed([document[:at]], LEAVES)[0]).value


def test_a_string_is_read_while_it_grows():
    builder = ArgumentBuilder()
    messages, _ = fed(chunked('{"a":"Hello","b":1}', 3), LEAVES)
    seen = [dict(builder.value) for message in messages if builder.apply(message)]
    assert seen == [*({"a": text} for text in ("Hel", "Hello", "Hello")), {"a": "Hello", "b": 1}]


def test_what_was_not_taken_before_an_element_is_none():
    builder = built([message("$.edits[2].new_text", delta="x"), message('$.user["first name"]', value=None, done=True)])
    assert builder.value == {"edits": [None, None, {"new_text": "x"}], "user": {"first name": None}}


def test_a_repeated_key_takes_the_place_of_the_value_before():
    texts = [
        '{"a":"x","a":"y"}',
        '{"a":1,"a":{"b":[2]}}',
        '{"a":{"b":1},"a":{"c":2}}',
        '{"a":[[1]],"a":[]}',
        '{"a":"x","a":[{}]}',
    ]
    for text in texts:
        assert built(fed([text], LEAVES)[0]).value == json.loads(text)


def test_what_is_no_argument_changes_nothing():
    builder = ArgumentBuilder()
    assert not builder.apply(AssistantMessage(id=ID, date=0, content="x"))
    assert not builder.apply("x")
    assert builder.value == {}


def test_a_builder_is_for_one_call():
    builder = built([message("$.a", delta="x")])
    with pytest.raises(MisuseError, match="one call"):
        builder.apply(message("$.a", delta="y").model_copy(update={"tool_call_id": "call_2"}))


@pytest.mark.parametrize("path", ["$", "$.a[*]", "$..*", "x"])
def test_a_path_that_names_no_place_is_refused(path: str):
    with pytest.raises(MisuseError, match="path"):
        ArgumentBuilder().apply(message(path, delta="x"))


# -- objects that fill themselves --------------------------------------------------------------------------------------


class Item(BaseModel):
    name: str
    count: int = 1


class Order(BaseModel):
    customer: str
    items: list[Item]


TEXT = '{"customer":"Bo","items":[{"name":"Tea","count":2},{"name":"Jam"}]}'


async def each(messages: list[Any]) -> AsyncIterator[Any]:
    for one in messages:
        yield one


def shown(messages: list[Any], **options: Any) -> list[Any]:
    async def read() -> list[Any]:
        return [
            order.model_dump(exclude_none=True) async for order in partial_objects(each(messages), Order, **options)
        ]

    return asyncio.run(read())


def test_an_object_fills_itself_in_three_lines():
    seen = shown(fed(list(TEXT), LEAVES)[0])
    tea, jam = {"name": "Tea", "count": 2}, {"name": "Jam"}
    assert seen[-1] == {"customer": "Bo", "items": [tea, jam]}
    for before, after in (
        ({}, {"customer": "Bo"}),
        ({"customer": "Bo"}, {"customer": "Bo", "items": []}),
        ({"customer": "Bo", "items": [{}]}, {"customer": "Bo", "items": [{"name": "Te"}]}),
        ({"customer": "Bo", "items": [{"name": "Tea"}]}, {"customer": "Bo", "items": [tea]}),
        ({"customer": "Bo", "items": [tea]}, {"customer": "Bo", "items": [tea, {}]}),
    ):
        assert not before or before in seen
        assert after in seen


def test_each_call_is_an_object_of_its_own_and_another_tool_is_none():
    chunks = [
        chunk(call(0, "call_0", TOOL, '{"customer":"Bo"}'), call(1, "call_1", "search", '{"customer":"no"}')),
        *call_chunks(TOOL, ['{"customer":"Al"}'], "call_2"),
    ]
    messages, _ = run([chunks[0], chunk(call(2, "call_2", TOOL, '{"customer":"Al"}'))], channels=[Channel("$..*")])
    assert shown(messages, tool=TOOL) == [{"customer": "Bo"}, {"customer": "Al"}]
    assert shown(messages) == [{"customer": "Bo"}, {"customer": "no"}, {"customer": "Al"}]
