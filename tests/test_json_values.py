"""Any value of any shape is kept as JSON that is small and can be written."""

import json

import pytest
from helpers import HALF, nested, run

from streamfsm import StreamParser
from streamfsm.result import Usage


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
