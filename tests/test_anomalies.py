"""Bad input becomes a recorded anomaly, which says where it was; nothing is raised."""

import json

import pytest
from helpers import HALF, anomalies, call, chunk, run, said

from streamfsm import Dialect, StreamParser

# Chunks → what is said of them, and which anomalies are recorded.
BAD = {
    "null deltas": ([{"choices": [{"index": 0, "delta": None}]}], [], []),
    "null everywhere": ([chunk(role=None, content=None, tool_calls=None, reasoning=None)], [], []),
    "no choices": ([{"id": "x"}, {"choices": []}, {"choices": None}], [], []),
    "chunks that are none": ([None, 5, "x", [], True, {}], [], ["not_a_chunk"] * 6),
    "text that is no text": ([chunk(content=5), chunk(refusal=[5])], [], ["wrong_type"] * 2),
    "calls that are no list": ([chunk(tool_calls="f"), chunk(tool_calls={"0": {}})], [], ["wrong_type"] * 2),
    "a call that is no object": ([chunk(tool_calls=["f"])], [], ["wrong_type"]),
    "a call without a function": ([chunk({"index": 0, "id": "a"})], [], ["nameless_call"]),
    "a call without an id": ([chunk(call(0, None, "f", "{}"))], [("name", "f"), ("arguments", "{}")], []),
    "an index that is no number": (
        [chunk({"index": "0", "id": "a", "function": {"name": "f", "arguments": "{}"}})],
        [("name", "f"), ("arguments", "{}")],
        ["wrong_type"],
    ),
    "arguments as an object": (
        [chunk({"index": 0, "id": "a", "function": {"name": "f", "arguments": {"a": 1}}})],
        [("name", "f"), ("arguments", '{"a":1}')],
        [],
    ),
    "a finish reason that is no text": ([chunk(content="x", finish=5)], [("assistant", "x")], ["wrong_type"]),
    "two reasoning fields of one text": ([chunk(reasoning="a", reasoning_content="a")], [("reasoning", "a")], []),
    "two reasoning fields that differ": (
        [chunk(reasoning="b", reasoning_content="a")],
        [("reasoning", "ab")],
        ["reasoning_conflict"],
    ),
    "one index for two calls": (
        [chunk(call(0, None, "f", "{}")), chunk(call(0, None, "f", "{}"))],
        [("name", "f"), ("arguments", "{}"), ("name", "f"), ("arguments", "{}")],
        ["ambiguous_call", "repeated_call"],
    ),
}


@pytest.mark.parametrize(("chunks", "expected", "kinds"), BAD.values(), ids=BAD)
def test_bad_input_becomes_a_recorded_anomaly_and_nothing_is_raised(chunks, expected, kinds):
    messages, parser = run(chunks)
    assert said(messages) == [*expected, ("stop", "incomplete")]
    assert anomalies(parser) == kinds
    assert all(anomaly.detail for anomaly in parser.result.anomalies)


def test_an_anomaly_says_in_which_choice_and_in_which_call_it_was():
    entries = [
        [call(0, "a", "f", '{"k":1,"k":2}')],
        [call(1, "b", "g", "{")],
        [call(1, "b", "late", "}")],
        *[[call(2, "c", "h")]] * 3,
        [call(3, "d")],
        [call(4, name="i")],
        [call(4, name="j")],
    ]
    chunks = [chunk(*each, choice=1) for each in entries]
    chunks += [chunk(choice=1, finish="odd"), chunk(choice=1, finish="length"), chunk(content=5, choice=1)]
    found = [(each.kind, each.choice, each.call) for each in run(chunks)[1].result.anomalies]
    assert found == [
        ("late_name", 1, 1),
        ("repeated_name", 1, 2),
        ("ambiguous_call", 1, 4),
        ("unknown_finish", 1, None),
        ("second_finish", 1, None),
        ("wrong_type", 1, None),
        ("duplicate_key", 1, 0),
        ("nameless_call", 1, 3),
    ]
    wholes = [chunk(content=text, choice=1) for text in ("Hello", "Help!")]
    [conflict] = run(wholes, dialect=Dialect(content="snapshot"))[1].result.anomalies
    assert (conflict.kind, conflict.choice) == ("snapshot_conflict", 1)


def test_an_integer_too_large_for_any_reader_is_none():
    big = 10**5000
    chunks = [
        chunk(call(big, "a", "f", "{}"), usage={"prompt_tokens": big}),
        {"choices": [{"index": big, "delta": {"content": "x"}}]},
    ]
    parser = run(chunks)[1]
    assert set(anomalies(parser)) == {"wrong_type"}
    parser.result.model_dump_json()
    json.dumps(parser.snapshot())


def test_an_error_code_and_the_names_of_extras_hold_no_half_characters():
    parser = StreamParser()
    parser.feed({"choices": [], f"{HALF}x": 1})
    error = OSError("lost")
    error.code = HALF
    parser.fail(error)
    parser.result.model_dump_json().encode()
    assert (parser.result.error.code, parser.result.extras) == ("\ufffd", {"\ufffdx": [1]})


BESIDE_TEXT = {
    "a negative index": lambda text: chunk(content=text, choice=-1),
    "an index that is no number": lambda text: chunk(content=text, choice=True),
    "a field of the delta": lambda text: chunk(content=text, tool_calls=5),
    "a field of a call": lambda text: chunk({**call(0, None, None, text), "id": 5}),
    "arguments after free text": lambda text: chunk(call(0, None, None, text)),
}


@pytest.mark.parametrize("make", BESIDE_TEXT.values(), ids=BESIDE_TEXT)
def test_what_is_wrong_beside_a_text_is_recorded_once_for_every_cut(make):
    custom = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}
    found = [anomalies(run([chunk(custom), *map(make, pieces)])[1]) for pieces in (["abc"], ["a", "bc"], list("abc"))]
    assert found[0]
    assert found == [found[0]] * 3


def test_the_same_wrong_value_in_two_choices_is_recorded_for_each():
    chunks = [chunk(content="a", tool_calls=5, choice=at) for at in (0, 1, 0, 1)]
    result = run(chunks)[1].result
    assert [(each.kind, each.choice) for each in result.anomalies[:2]] == [("wrong_type", 0), ("wrong_type", 1)]
    assert len([each for each in result.anomalies if each.kind == "wrong_type"]) == 2


def test_a_wrong_index_of_a_choice_does_not_hide_that_of_a_call():
    empty = chunk({"index": 0, "id": "c", "function": {"name": "f"}})
    odd = chunk({"index": "x", "function": {}})
    odd["choices"][0]["index"] = "x"
    (found,) = run([empty, odd, chunk(finish="tool_calls")])[1].result.tool_calls
    assert not found.ready
