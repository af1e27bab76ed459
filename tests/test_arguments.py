"""What is said of a call's arguments, and how they are judged."""

import pytest
from helpers import call, call_chunks, chunk, chunked, run, said

# Arguments of a tool without and with captures → what is said, the verdict, the offset of the error.
ARGUMENTS = {
    "no arguments": ("search", "", [], "empty", None),
    "null": ("search", "null", [("arguments", "null")], "empty", None),
    "null, in the message tool": ("send_message", "null", [], "empty", None),
    "thoughts in the middle": (
        "search",
        '{"a":1,"thinking":"x","b":2}',
        [("arguments", '{"a":1'), ("reasoning", "x"), ("arguments", ',"b":2}')],
        "valid",
        None,
    ),
    "only thoughts": (
        "search",
        '{"thinking":"x"}',
        [("arguments", "{"), ("reasoning", "x"), ("arguments", "}")],
        "valid",
        None,
    ),
    "thoughts after the message": (
        "send_message",
        '{"message":"Hi","thinking":"x"}',
        [("assistant", "Hi"), ("reasoning", "x")],
        "valid",
        None,
    ),
    "a key written in escapes": ("send_message", r'{"mess\u0061ge":"Hi"}', [("assistant", "Hi")], "valid", None),
    "a key that is deeper": ("send_message", '{"a":{"message":"Hi"}}', [], "valid", None),
    "a message that is null": ("send_message", '{"message":null}', [], "valid", None),
    "a message that is a number": ("send_message", '{"message":1.50}', [("assistant", "1.50")], "valid", None),
    "a message that is an object": (
        "send_message",
        '{"message":{"a": [1]}}',
        [("assistant", '{"a": [1]}')],
        "valid",
        None,
    ),
    "a message with a raw line end": ("send_message", '{"message":"a\nb"}', [("assistant", "a\nb")], "lenient", None),
    "a message with a bad escape": ("send_message", r'{"message":"a\xb"}', [("assistant", r"a\xb")], "invalid", 13),
    "a message with half a character": (
        "send_message",
        r'{"message":"\ud83da"}',
        [("assistant", "\ufffda")],
        "valid",
        None,
    ),
    "a message, twice": ("send_message", '{"message":"a","message":"b"}', [("assistant", "ab")], "valid", None),
    "not JSON": ("search", "hello", [("arguments", "hello")], "invalid", 0),
    "not JSON, in the message tool": ("send_message", "hello", [("assistant", "hello")], "invalid", 0),
    "JSON that is no object": ("search", "[1]", [("arguments", "[1]")], "invalid", 0),
    "cut-off JSON": ("search", '{"a":tr', [("arguments", '{"a":tr')], "incomplete", None),
    "a cut-off message": ("send_message", r'{"message":"a\u00', [("assistant", "a")], "incomplete", None),
    "a wrong number": ("search", '{"a":01}', [("arguments", '{"a":01}')], "invalid", 6),
    "garbage after the object": ("search", '{"a":1} x', [("arguments", '{"a":1} x')], "trailing", 8),
    "another object after it": ("search", '{}{"a":1}', [("arguments", '{}{"a":1}')], "trailing", 2),
    "an error after thoughts": (
        "search",
        '{"thinking":"x",,"thinking":"y"}',
        [("arguments", "{"), ("reasoning", "x"), ("arguments", ',"thinking":"y"}')],
        "invalid",
        16,
    ),
    "an error after the message": (
        "send_message",
        '{"message":"Hi",,"message":"y"}',
        [("assistant", 'Hi,"message":"y"}')],
        "invalid",
        16,
    ),
}


@pytest.mark.parametrize(("name", "text", "expected", "verdict", "offset"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_are_said_judged_and_kept_verbatim(name, text, expected, verdict, offset):
    announced = [("name", name)] if name == "search" else []
    for size in range(1, len(text) + 2):
        messages, parser = run(call_chunks(name, chunked(text, size)))
        assert said(messages) == [*announced, *expected, ("stop", "tool_calls")]
        (parsed,) = parser.result.tool_calls
        assert (parsed.arguments, parsed.verdict, parsed.error_offset) == (text, verdict, offset)
        silent = name == "send_message" and not any(kind == "assistant" for kind, _ in expected)
        assert parsed.ready == (verdict in ("valid", "lenient", "empty") and not silent)


def test_keys_that_come_again_are_told_at_the_end():
    chunks = [chunk(call(0, "a", "f", "{}"), call(1, "b", "g", '{"a":1,"a":2,"\\u0061":3}'))]
    _, parser = run(chunks)
    assert [(each.kind, each.choice, each.call) for each in parser.result.anomalies] == [("duplicate_key", 0, 1)]
    assert "'a'" in parser.result.anomalies[0].detail
