"""What a model says through its message tool reaches the user, whatever it made of the arguments."""

from typing import Any

import pytest
from helpers import anomalies, call_chunks, run, said
from hypothesis import example, given
from hypothesis import strategies as st

from streamfsm.testing import arguments, damaged_arguments

# Arguments → what is said and thought, the verdict, and the anomalies.
SPOKEN: dict[str, tuple[str, list[tuple[str, str]], str, list[str]]] = {
    "plain text": ("Hello there!", [("assistant", "Hello there!")], "invalid", []),
    "plain text after white space": (" \n Hello", [("assistant", "Hello")], "invalid", []),
    "text that begins like null": ("nu, hello", [("assistant", "nu, hello")], "invalid", []),
    "a string": ('"Hello"', [("assistant", '"Hello"')], "invalid", []),
    "a list": ('["Hello"]', [("assistant", '["Hello"]')], "invalid", []),
    "fenced JSON": (
        '```json\n{"message": "Hi"}\n```',
        [("assistant", '```json\n{"message": "Hi"}\n```')],
        "invalid",
        [],
    ),
    "text in braces": ("{name}, hello", [("assistant", "{name}, hello")], "invalid", []),
    "text in braces after white space": (" {name}", [("assistant", "{name}")], "invalid", []),
    "a Python dict": ("{'message': 'Hi'}", [("assistant", "{'message': 'Hi'}")], "invalid", []),
    "thoughts that break": (
        '{"thinking": Hm, "message": "Hi"}',
        [("assistant", 'Hm, "message": "Hi"}')],
        "invalid",
        [],
    ),
    "a quote in the message": (
        '{"message": "Say "hi" now"}',
        [("assistant", 'Say hi" now"}')],
        "invalid",
        [],
    ),
    "a comma that lacks": (
        '{"thinking": "Hm" "message": "Hi"}',
        [("reasoning", "Hm"), ("assistant", ' "message": "Hi"}')],
        "invalid",
        [],
    ),
    "another member that breaks": (
        '{"to": me, "message": "Hi"}',
        [("assistant", 'me, "message": "Hi"}')],
        "invalid",
        [],
    ),
    "text after the object": ('{"message": "Hi"} there', [("assistant", "Hithere")], "trailing", []),
    "text after null": ("null there", [("assistant", "there")], "invalid", ["unmerged_arguments"]),
    "no message": ('{"thinking": "Hm"}', [("reasoning", "Hm")], "valid", ["silent_speech"]),
    "another key": ('{"text": "Hi"}', [], "valid", ["silent_speech"]),
    "an empty message": ('{"message": ""}', [], "valid", ["silent_speech"]),
    "a message that is null": ('{"message": null}', [], "valid", ["silent_speech"]),
    "an empty object": ("{}", [], "valid", ["silent_speech"]),
    "null": ("null", [], "empty", ["silent_speech"]),
    "nothing": ("", [], "empty", ["silent_speech"]),
    "a message": ('{"message": "Hi"}', [("assistant", "Hi")], "valid", []),
    "a message that is a number": ('{"message": 1}', [("assistant", "1")], "valid", []),
}


@pytest.mark.parametrize("name", SPOKEN)
def test_speech_reaches_the_user_however_it_is_cut(name: str):
    text, expected, verdict, odd = SPOKEN[name]
    for pieces in ([text], list(text), *([text[:at], text[at:]] for at in range(1, len(text)))):
        messages, parser = run(call_chunks("send_message", pieces))
        assert said(messages) == [*expected, ("stop", "tool_calls")], pieces
        assert anomalies(parser) == odd
        (call,) = parser.result.tool_calls
        assert (call.arguments, call.verdict) == (text, verdict)
        assert call.ready == (verdict in ("valid", "lenient") and not odd)


@given(st.one_of(arguments(), damaged_arguments(), st.text(max_size=12)).filter(str.strip))
@example("{nul")
def test_a_call_through_which_the_model_spoke_shows_something_or_tells_that_it_does_not(text: str):
    messages, parser = run(call_chunks("send_message", [text]))
    spoken = any(kind == "assistant" for kind, _ in said(messages))
    assert spoken == ("silent_speech" not in anomalies(parser))
    (call,) = parser.result.tool_calls
    assert not call.ready or spoken


def test_speech_that_an_end_cut_off_is_not_told_as_silent():
    _, parser = run(call_chunks("send_message", ['{"thinking":"Hm'], finish="length"))
    assert not parser.result.tool_calls[0].ready


@pytest.mark.parametrize("options", [{"assistant_tool": None}, {"assistant_tool": "other"}])
def test_of_other_tools_nothing_is_spoken(options: dict[str, Any]):
    messages, parser = run(call_chunks("send_message", ["Hello"]), **options)
    assert said(messages) == [("name", "send_message"), ("arguments", "Hello"), ("stop", "tool_calls")]
    assert anomalies(parser) == []
