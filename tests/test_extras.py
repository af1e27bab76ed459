"""Fields that are not read are kept, within bounds."""

import json

import pytest
from helpers import HALF, anomalies, call, chunk, nested, run

from streamfsm import Limits, StreamParser
from streamfsm.result import Usage


def test_fields_that_are_not_read_are_kept_where_they_were_each_value_once():
    entry = {**call(0, "a", "f", "{}"), "extra_content": {"signature": "s"}}
    chunks = [
        {**chunk(content="Hi", annotations=[1]), "citations": ["u"], "obfuscation": "xyz", "empty": None},
        {**chunk(entry, annotations=[2]), "citations": ["u"]},
        {**chunk(finish="tool_calls", annotations=[1]), "citations": ["u", "v"]},
    ]
    chunks[0]["choices"][0]["stop_details"] = {"a": 1}
    result = run(chunks)[1].result
    assert result.extras == {"citations": [["u"], ["u", "v"]]}
    assert result.choices[0].extras == {"annotations": [[1], [2]], "stop_details": [{"a": 1}]}
    assert result.tool_calls[0].extras == {"extra_content": [{"signature": "s"}]}
    assert anomalies(run(chunks)[1]) == []


def test_what_is_kept_of_them_is_bounded_and_said():
    chunks = [
        {"choices": [], "note": "x" * 10, "other": 1},
        {"choices": [], "note": "y" * 100},
        {"choices": [], "z": 1},
    ]
    parser = run([*chunks, *chunks], limits=Limits(extras=30))[1]
    assert parser.result.extras == {"note": ["x" * 10], "other": [1], "z": [1]}
    assert [anomaly.kind for anomaly in parser.result.anomalies] == ["more_extras"]
    assert "'note'" in parser.result.anomalies[0].detail
    assert parser.state == "done"


def test_a_value_that_comes_again_takes_no_room_and_all_of_the_room_may_be_taken():
    chunks = [{"choices": [], "note": "x" * 10}] * 3
    full = len("note") + len('"xxxxxxxxxx"')
    assert anomalies(run(chunks, limits=Limits(extras=full))[1]) == []
    assert anomalies(run(chunks, limits=Limits(extras=full - 1))[1]) == ["more_extras"]


def alternating(depth):
    inner = 1
    for _ in range(depth):
        inner = [{"a": inner}]
    return inner


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (HALF, "\ufffd"),
        ({1: (2, 3)}, {"1": [2, 3]}),
        ([1.5, True, None, "é"], [1.5, True, None, "é"]),
        ([[]] * 300, [[]] * 300),
        (nested(98, {}), nested(98, {})),
        (nested(100, 1), nested(100, 1)),
        (nested(300, {"a": 1}), "[[[[[[[...]]]]]]]"),
        (alternating(60), "[{'a': [{'a': [{'a': [...]}]}]}]"),
        (nested(100_000, 1), "[[[[[[[...]]]]]]]"),
        (10**5000, "an int"),
        ({1}, "{1}"),
        (Usage(input_tokens=1), {"input_tokens": 1}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_value_can_be_kept(value, kept):
    parser = run([{"choices": [], "note": value}])[1]
    [found] = parser.result.extras["note"]
    if isinstance(value, Usage):
        found = {name: each for name, each in found.items() if each is not None}
    assert found == kept
    parser.result.model_dump_json().encode()
    assert StreamParser.restore(json.loads(json.dumps(parser.snapshot()))).result == parser.result
