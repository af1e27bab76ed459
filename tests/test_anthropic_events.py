"""Anthropic's Messages stream: what is written for each thing that a stream says."""

import pytest
from helpers import ID, call, chunk
from written import write

from streamfsm.sinks import AnthropicEvents


def written(chunks, ending="close", **options):
    return write(AnthropicEvents("a-model"), chunks, ending, **options)


def block(at, content, *deltas):
    return [
        {"type": "content_block_start", "index": at, "content_block": content},
        *({"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": at},
    ]


def used(at, call_id, name, arguments):
    content = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
    return block(at, content, {"type": "input_json_delta", "partial_json": arguments})


def test_thoughts_speech_interleaved_calls_and_usage():
    chunks = [
        chunk(reasoning_content="Hm"),
        chunk(content="Hi"),
        chunk(call(0, "a", "f", '{"x":')),
        chunk(call(1, "b", "g", "{}")),
        chunk(call(0, arguments="1}")),
        chunk(finish="tool_calls", usage={"prompt_tokens": 3, "completion_tokens": 4}),
    ]
    started, *events = written(chunks).events
    assert started["message"]["id"] == ID
    assert started["message"]["model"] == "a-model"
    thinking = {"type": "thinking", "thinking": "", "signature": ""}
    assert events == [
        *block(0, thinking, {"type": "thinking_delta", "thinking": "Hm"}),
        *block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Hi"}),
        *used(2, "b", "g", "{}"),
        *used(3, "a", "f", '{"x":1}'),
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {"input_tokens": 3, "output_tokens": 4},
        },
        {"type": "message_stop"},
    ]


def test_a_call_that_ends_while_text_is_open_waits_for_the_end_of_the_text():
    """The end of the stream closes both."""
    chunks = [chunk(call(0, "a", "f", '{"x":"y')), chunk(content="Hi"), chunk(finish="length")]
    *_, start, _, stop, _, _ = written(chunks).events
    assert start == used(1, "a", "f", "")[0]
    assert stop == used(1, "a", "f", "")[-1]


def input_of(arguments, finish="tool_calls"):
    events = written([chunk(call(0, "a", "f", arguments)), chunk(finish=finish)]).events
    return [event["delta"]["partial_json"] for event in events if "partial_json" in event.get("delta", {})], events[-1]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", ""),
        ('{"x":"\n"}', r'{"x":"\n"}'),
        (r'{"x":"\ud83d"}', '{"x":"\ufffd"}'),
        (r'{"x":"\ud83d\ude00"}', r'{"x":"\ud83d\ude00"}'),
    ],
)
def test_arguments_are_written_as_json_that_the_client_reads(arguments, expected):
    assert input_of(arguments) == ([expected], {"type": "message_stop"})


@pytest.mark.parametrize("arguments", ["{x", '{"x":1} 2'])
def test_arguments_that_are_not_json_are_not_written_and_the_stream_ends_with_an_error(arguments):
    written, last = input_of(arguments)
    assert last["type"] == "error"
    assert last["error"]["message"].startswith("calls that are not ready, or that this protocol cannot represent: f (")
    assert written == [] or arguments.startswith(written[0])


def test_arguments_that_were_cut_are_written_as_far_as_they_came():
    assert input_of('{"x":1', "length") == (['{"x":1'], {"type": "message_stop"})
    assert input_of('{"x":"\n', "length") == ([], {"type": "message_stop"})


def test_arguments_that_python_cannot_decode_are_not_written():
    assert input_of('{"x":"\n","y":' + "1" * 5000 + "}")[0] == []


def test_text_for_a_custom_tool_has_no_place():
    custom = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "input": "ls"}}
    events = written([chunk(custom), chunk(finish="tool_calls")]).events
    assert [event["type"] for event in events] == ["message_start", "error"]


def reason(chunks, ending="close"):
    *_, event, last = written(chunks, ending).events
    return last["error"]["message"] if last["type"] == "error" else event["delta"]["stop_reason"]


def test_a_failure_a_cancellation_a_cut_and_an_unmarked_end():
    hello = [chunk(content="Hi")]
    assert reason([*hello, chunk(finish="stop")]) == "end_turn"
    assert reason([*hello, chunk(finish="tool_calls")]) == "end_turn"
    assert reason([*hello, chunk(finish="length")]) == "max_tokens"
    assert reason([*hello, chunk(finish="content_filter")]) == "refusal"
    assert reason(hello, "fail") == "boom"
    assert reason(hello, "cancel") == "the stream was cancelled"
    assert reason(hello) == "the stream ended without a finish reason"


def test_hidden_thoughts_have_no_place():
    chunks = [{**chunk(content="Hi"), "model": "o3-mini"}, chunk(finish="stop")]
    types = written(chunks, inner_thoughts_kwarg=None).types
    assert types[:2] == ["message_start", "content_block_start"]
