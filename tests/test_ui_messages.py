"""UI message streams: what is written for each thing that a stream says."""

from helpers import ID, call, chunk
from written import write

from streamfsm.sinks import UiMessageStream

OTIDS = [f"{ID.removeprefix('message-')[:-2]}{number:02x}" for number in range(8)]
CALL = {"toolCallId": "a", "toolName": "f", "dynamic": True}


def written(chunks, ending="close", **options):
    return write(UiMessageStream(), chunks, ending, **options)


def test_thoughts_speech_a_call_and_usage():
    chunks = [
        chunk(reasoning_content="Hm"),
        chunk(content="Hi"),
        chunk(call(0, "a", "f", '{"thinking":"so","x":')),
        chunk(call(0, arguments="1}")),
        chunk(finish="tool_calls", usage={"prompt_tokens": 3, "completion_tokens": 4}),
    ]
    assert written(chunks).events == [
        {"type": "start", "messageId": ID},
        {"type": "start-step"},
        {"type": "reasoning-start", "id": OTIDS[0]},
        {"type": "reasoning-delta", "id": OTIDS[0], "delta": "Hm"},
        {"type": "reasoning-end", "id": OTIDS[0]},
        {"type": "text-start", "id": OTIDS[1]},
        {"type": "text-delta", "id": OTIDS[1], "delta": "Hi"},
        {"type": "text-end", "id": OTIDS[1]},
        {"type": "tool-input-start", **CALL},
        {"type": "tool-input-delta", "toolCallId": "a", "inputTextDelta": "{"},
        {"type": "reasoning-start", "id": OTIDS[3]},
        {"type": "reasoning-delta", "id": OTIDS[3], "delta": "so"},
        {"type": "reasoning-end", "id": OTIDS[3]},
        {"type": "tool-input-delta", "toolCallId": "a", "inputTextDelta": '"x":'},
        {"type": "tool-input-delta", "toolCallId": "a", "inputTextDelta": "1}"},
        {"type": "tool-input-available", **CALL, "input": {"x": 1}},
        {"type": "finish-step"},
        {
            "type": "finish",
            "finishReason": "tool-calls",
            "messageMetadata": {
                "usage": {"input_tokens": 3, "output_tokens": 4, "source": "reported"},
                "model": "gpt-4.1",
            },
        },
        "[DONE]",
    ]


def test_the_id_of_the_message_can_be_given():
    written = write(UiMessageStream("mine"), [chunk(finish="stop")])
    assert written.events[0] == {"type": "start", "messageId": "mine"}


def available(arguments, **options):
    chunks = [chunk(call(0, "a", "f", arguments)), chunk(finish="tool_calls")]
    return written(chunks, **options).events[-5:-3]


def test_a_call_that_is_not_ready_is_an_error_with_its_text():
    assert available('{"x":')[-1] == {
        "type": "tool-input-error",
        **CALL,
        "input": '{"x":',
        "errorText": "the call is not ready: its arguments are incomplete",
    }


def test_arguments_that_are_missing_lenient_or_text():
    assert available("")[-1]["input"] == {}
    assert available("null")[-1]["input"] == {}  # as ParsedCall.parse reads it
    assert available('{"x":"\n"}')[-1]["input"] == {"x": "\n"}
    custom = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "input": "ls"}}
    (event,) = [each for each in written([chunk(custom), chunk(finish="tool_calls")]).events[:-1] if "input" in each]
    assert event["input"] == "ls"


def test_arguments_that_python_cannot_decode_are_an_error():
    assert available('{"x":' + "1" * 5000 + "}")[-1]["type"] == "tool-input-error"


def test_a_call_that_needs_approval_asks_for_it():
    events = available("{}", requires_approval_tools=("f",))
    assert events == [
        {"type": "tool-input-available", **CALL, "input": {}},
        {"type": "tool-approval-request", "approvalId": "approve-a", "toolCallId": "a"},
    ]


def test_a_failure_a_cancellation_a_cut_and_an_unmarked_end():
    hello = [chunk(content="Hi")]
    assert written(hello, "fail").events[-4:] == [
        {"type": "error", "errorText": "boom"},
        {"type": "finish-step"},
        {"type": "finish", "finishReason": "error"},
        "[DONE]",
    ]
    assert written(hello, "cancel").events[-2:] == [{"type": "abort"}, "[DONE]"]
    assert written([*hello, chunk(finish="length")]).events[-2]["finishReason"] == "length"
    assert written(hello).events[-2]["finishReason"] == "other"
    assert written(hello).types[-4:] == ["error", "finish-step", "finish", "[DONE]"]


def test_anomalies_are_transient_data():
    events = written([chunk(content="Hi"), chunk(finish="tool_calls")]).events
    (data,) = [event for event in events[:-1] if event["type"] == "data-anomaly"]
    assert data["transient"]
    assert data["data"]["kind"] == "finish_without_calls"
