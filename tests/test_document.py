"""A stream as a document-test, which says what the parser makes of it, and passes as it is."""

import pytest
from helpers import THINK, call, call_chunks, chunk
from quirk_documents import assert_is_read_as_told, quirk

from streamfsm.replay.document import document

OPTIONS = {"inner_thoughts_kwarg": "thinking", "assistant_tool": "reply", "think_tags": [*THINK]}
STREAMS = {
    "speech": call_chunks("send_message", ['{"thinking":"a', '","message":"Say \\"hi\\" \\ud83d', '\\ude00"}']),
    "calls": [
        chunk(tool_calls=[call(0, "a", "f", '{"x":')]),
        chunk(tool_calls=[call(1, "b", "g", "{}"), call(0, arguments="1}")]),
        chunk(finish="tool_calls"),
    ],
    "a call without an id": [chunk(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": "{"}}])],
    "choices": [{"choices": [{"index": index, "delta": {"content": "x\n```"}} for index in (0, 1)]}],
    "an anomaly": [chunk(content="x", finish="stop"), chunk(content="late")],
    "thoughts": [chunk(reasoning="Hm"), chunk(content="Yes", finish="stop")],
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_document_passes_as_it_is(name):
    assert_is_read_as_told(document(name, STREAMS[name], {}).partition("\n")[2])


def test_a_document_that_says_something_else_fails():
    section = document("speech", STREAMS["speech"], {}).replace('assistant "Say', 'assistant "No')
    with pytest.raises(AssertionError):
        assert_is_read_as_told(section)


def test_a_document_is_headed_by_one_line_and_has_the_options_that_are_not_the_default():
    text = document("two\nlines", [chunk(content="<think>a</think>b", finish="stop")], OPTIONS)
    assert text.startswith("## two lines\n\noptions: ")
    assert quirk(text).options == {"assistant_tool": "reply", "think_tags": list(THINK)}
    assert_is_read_as_told(text)


def test_hidden_thoughts_and_calls_without_arguments_are_lines():
    hidden = document("hidden", [chunk(content="Yes", finish="stop")], {"reasoning_model": True})
    assert "\nhidden omitted\n" in hidden
    assert_is_read_as_told(hidden)
    bare = document("bare", [chunk(tool_calls=[call(0, "a", "f")]), chunk(finish="tool_calls")], {})
    assert "\ncall f (a)\nstop tool_calls\n" in bare
    assert_is_read_as_told(bare)


def test_a_call_that_never_got_a_name_has_only_its_arguments():
    section = document("nameless", [chunk(tool_calls=[{"index": 0, "id": "a", "function": {"arguments": "{}"}}])], {})
    assert "call " not in section.partition("```messages")[2].partition("```")[0]
    assert_is_read_as_told(section)


def test_a_call_that_the_lines_come_back_to_is_named():
    messages = [line for line in document("calls", STREAMS["calls"], {}).splitlines() if line.startswith("arguments")]
    assert messages == ['arguments "{\\"x\\":"', 'arguments "{}"', 'arguments (a) "1}"']
