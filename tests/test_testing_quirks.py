"""Each quirk says the same in another way, and says it where it can be said."""

import copy

import pytest
from helpers import call, chunk

from streamfsm.testing import QUIRKS, Stream, accented
from streamfsm.testing import streams as of

BY_NAME = {quirk.name: quirk for quirk in QUIRKS}
ATOMS = [
    *of.text("reasoning", "Hm"),
    *of.text("content", "Hi"),
    *of.call(3, "f", "{}"),
    *of.finish("stop"),
    *of.usage(7, 5),
]
CHUNKS = Stream([*ATOMS[:3], *ATOMS[3].pieces([1]), *ATOMS[4:]]).plain()
ODD = [None, 1, {}, {"choices": None}, {"choices": [None]}, {"choices": [{"index": 0, "delta": None}]}]
ODD += [chunk(tool_calls=[None, {}]), chunk(tool_calls="x"), {"choices": [{"delta": {}, "finish_reason": 1}]}]


@pytest.mark.parametrize("quirk", QUIRKS, ids=repr)
def test_a_quirk_changes_chunks_but_not_those_it_was_given(quirk):
    before = copy.deepcopy(CHUNKS)
    chunks = accented(CHUNKS, [quirk])
    assert before == CHUNKS
    assert chunks != CHUNKS or quirk.name == "whole arguments as an object"  # here they are cut


@pytest.mark.parametrize("quirk", QUIRKS, ids=repr)
def test_a_quirk_leaves_alone_what_it_does_not_know(quirk):
    assert [each for each in accented(ODD, [quirk]) if each is None] == [None]


def entries(name, chunks=CHUNKS):
    return [
        entry
        for each in accented(chunks, [BY_NAME[name]])
        for choice in each["choices"]
        for entry in choice["delta"].get("tool_calls", ())
    ]


def deltas(name):
    return [choice["delta"] for each in accented(CHUNKS, [BY_NAME[name]]) for choice in each["choices"]]


def test_an_index_says_nothing_where_there_is_one_call_and_is_kept_where_there_are_two():
    assert [entry.get("index") for entry in entries("no index, where there is one call")] == [None] * 3
    assert [entry["index"] for entry in entries("index 1, where there is one call")] == [1] * 3
    two = [chunk(call(0, "a", "f", "{}"), call(1, "b", "g", "{}"))]
    for name in ("no index, where there is one call", "index 0, where there is one call"):
        assert [entry["index"] for entry in entries(name, two)] == [0, 1]


def test_identity_is_repeated_in_later_entries():
    assert [(entry["id"], entry["function"].get("name")) for entry in entries("the id in every entry")] == [
        ("call_0_3", "f"),
        ("call_0_3", None),
        ("call_0_3", None),
    ]
    assert [entry["type"] for entry in entries("the type in every entry")] == ["function"] * 3
    assert [entry["function"]["name"] for entry in entries("id and name in every entry")] == ["f"] * 3


def test_of_two_calls_at_one_index_each_has_its_own_identity_repeated():
    chunks = [chunk(call(0, "a", "f", "{}")), chunk(call(0, "b", "g")), chunk(call(0, arguments="{}"))]
    assert [entry["id"] for entry in entries("id and name in every entry", chunks)] == ["a", "b", "b"]


def test_an_identity_that_was_never_given_is_not_repeated():
    (entry,) = entries("id and name in every entry", [chunk(call(0, arguments="{}"))])
    assert entry == call(0, arguments="{}")


def test_later_entries_have_an_identity_that_says_nothing():
    for name, hollow in (("an empty id and name in later entries", ""), ("a null id and name in later entries", None)):
        found = [(entry["id"], entry["function"]["name"]) for entry in entries(name)]
        assert found == [("call_0_3", "f"), (hollow, hollow), (hollow, hollow)]


def test_reasoning_comes_in_another_field_or_in_two():
    assert deltas("reasoning in the field reasoning")[0] == {"reasoning": "Hm"}
    assert deltas("reasoning in two fields")[0] == {"reasoning": "Hm", "reasoning_content": "Hm"}


def test_fields_that_say_nothing_are_filled_in_and_others_kept():
    assert [delta["content"] for delta in deltas('content "" in every delta')] == ["", "Hi", "", "", "", ""]
    assert all(delta["role"] == "assistant" for delta in deltas("the role in every delta"))


def test_chunks_that_say_nothing_come_between_and_before():
    assert [
        each["choices"][0]["delta"] for each in accented(CHUNKS[:1], [BY_NAME["null deltas between the others"]])
    ] == [
        None,
        {"reasoning_content": "Hm"},
    ]
    assert accented(CHUNKS, [BY_NAME["an empty first delta"]])[0]["choices"][0]["delta"] == {
        "role": "assistant",
        "content": "",
    }
    first = accented(CHUNKS, [BY_NAME["a first chunk without choices"]])[0]
    assert (first["choices"], first["id"]) == ([], "chatcmpl-1")


def test_the_finish_reason_comes_again_for_each_choice():
    chunks = [chunk(finish="stop"), chunk(choice=1, finish="length")]
    again = accented(chunks, [BY_NAME["the finish reason twice"]])[2:]
    assert [(each["choices"][0]["index"], each["choices"][0]["finish_reason"]) for each in again] == [
        (0, "stop"),
        (1, "length"),
    ]


def test_usage_grows_up_to_what_is_reported():
    counts = [each["usage"] for each in accented(CHUNKS, [BY_NAME["usage so far in every chunk"]])]
    assert [count["completion_tokens"] for count in counts] == [0, 0, 1, 2, 3, 4, 5]
    assert {count["prompt_tokens"] for count in counts} == {7}
    without = [chunk(content="x"), None]
    assert accented(without, [BY_NAME["usage so far in every chunk"]]) == without
    odd = [None, chunk(content="x", usage={"completion_tokens": "x"})]
    assert accented(odd, [BY_NAME["usage so far in every chunk"]]) == odd


def test_quirks_compose_and_show_their_names():
    quirks = [BY_NAME["the id in every entry"], BY_NAME["tool_calls null in every delta"]]
    assert repr(quirks) == "[<the id in every entry>, <tool_calls null in every delta>]"
    assert accented(accented(CHUNKS, quirks[:1]), quirks[1:]) == accented(CHUNKS, quirks)


WHOLE = Stream([*of.call(0, "f", '{"x":1}'), *of.call(1, "g", "[]"), *of.finish("tool_calls")]).plain()


@pytest.mark.parametrize(
    ("name", "of_first", "of_second"),
    [
        ("arguments so far in every entry", ["", '{"x":1}'], ["", "[]"]),
        ("arguments once more at the end", [None, '{"x":1}', '{"x":1}'], [None, "[]", "[]"]),
        ("{} with the name", ["{}", '{"x":1}'], ["{}", "[]"]),
        ("whole arguments as an object", [None, {"x": 1}], [None, "[]"]),
        ("an entry without arguments behind each", [None, '{"x":1}', ""], [None, "[]", ""]),
    ],
)
def test_arguments_are_said_in_other_ways(name, of_first, of_second):
    found = entries(name, WHOLE)
    assert [each["function"].get("arguments") for each in found] == of_first + of_second
    assert [each["index"] for each in found] == [0] * len(of_first) + [1] * len(of_second)


@pytest.mark.parametrize(
    ("name", "ids", "indexes"),
    [
        ("another id in later entries", ["call_0_0", "later-0", "call_0_1", "later-1"], [0, 0, 1, 1]),
        ("another id in every entry", ["entry-0", "entry-1", "entry-2", "entry-3"], [0, 0, 1, 1]),
        ("one id for all calls", ["call_0", None, "call_0", None], [0, 0, 1, 1]),
        ("no id", [None] * 4, [0, 0, 1, 1]),
        ("no index", ["call_0_0", None, "call_0_1", None], [None] * 4),
        ("one index for all calls", ["call_0_0", None, "call_0_1", None], [0] * 4),
        ("an index of its own for every entry", ["call_0_0", None, "call_0_1", None], [0, 1, 2, 3]),
        ("arguments at another index than the name", ["call_0_0", None, "call_0_1", None], [0, 100, 1, 101]),
        ("'None' as id and name in later entries", ["call_0_0", "None", "call_0_1", "None"], [0, 0, 1, 1]),
    ],
)
def test_identity_is_said_in_other_ways(name, ids, indexes):
    found = entries(name, WHOLE)
    assert [(each.get("id"), each.get("index")) for each in found] == list(zip(ids, indexes, strict=True))


def test_names_and_finishes_are_repeated():
    assert [each["function"]["name"] for each in entries("the name in every entry", WHOLE)] == ["f", "f", "g", "g"]
    finishes = [
        each["choices"][0]["finish_reason"] for each in accented(WHOLE, [BY_NAME["a finish after every chunk"]])
    ]
    assert finishes == [None, "stop"] * 4 + ["tool_calls", "stop"]


def test_thoughts_and_finishes_are_said_in_other_ways():
    thoughts = [
        delta["reasoning_content"] for delta in deltas("reasoning as an object") if "reasoning_content" in delta
    ]
    assert thoughts == [{"text": "Hm"}]
    chunks = accented(CHUNKS, [BY_NAME["finish reasons in another protocol's words"]])
    finishes = [choice["finish_reason"] for each in chunks for choice in each["choices"]]
    assert [word for word in finishes if word] == ["end_turn"]


def test_entries_without_an_index_get_none():
    found = accented(WHOLE, [BY_NAME["no index"], BY_NAME["one index for all calls"]])
    assert [each for each in found if "index" in each["choices"][0]["delta"].get("tool_calls", [{}])[0]] == []
