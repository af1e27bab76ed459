"""Responses events: what is written for each thing that a stream says."""

from helpers import ID, call, chunk
from written import write

from streamfsm.sinks import ResponsesEvents

OTIDS = [f"{ID.removeprefix('message-')[:-2]}{number:02x}" for number in range(8)]


def written(chunks, ending="close", **options):
    return write(ResponsesEvents("a-model"), chunks, ending, **options)


def test_thoughts_speech_calls_and_usage():
    chunks = [
        chunk(reasoning_content="Hm"),
        chunk(content="Hi"),
        chunk(call(0, "a", "f", '{"x":')),
        chunk(call(1, "b", "g", "{")),
        chunk(call(0, arguments="1}")),
        chunk(finish="tool_calls", usage={"prompt_tokens": 3, "completion_tokens": 4}),
    ]
    events = written(chunks).events
    assert [event["sequence_number"] for event in events] == [*range(len(events))]
    assert [event["type"].removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    assert events[0]["response"]["model"] == "a-model"
    final = events[-1]["response"]
    assert final["model"] == "gpt-4.1"
    assert final["status"] == "completed"
    assert final["usage"]["total_tokens"] == 7
    text = {"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}
    assert final["output"] == [
        {
            "id": f"rs_{OTIDS[0]}",
            "type": "reasoning",
            "summary": [],
            "status": "completed",
            "content": [{"type": "reasoning_text", "text": "Hm"}],
        },
        {"id": f"msg_{OTIDS[1]}", "type": "message", "role": "assistant", "status": "completed", "content": [text]},
        {
            "id": "fc_a",
            "type": "function_call",
            "call_id": "a",
            "name": "f",
            "arguments": '{"x":1}',
            "status": "completed",
        },
        {
            "id": "fc_b",
            "type": "function_call",
            "call_id": "b",
            "name": "g",
            "arguments": "{",
            "status": "incomplete",
        },
    ]


def test_the_output_is_in_the_order_of_its_items():
    chunks = [chunk(call(0, "a", "f", "{}")), chunk(content="Hi"), chunk(finish="tool_calls")]
    assert [item["type"] for item in written(chunks).events[-1]["response"]["output"]] == ["function_call", "message"]


def test_hidden_thoughts_are_an_item_without_text():
    chunks = [{**chunk(content="Hi"), "model": "o3-mini"}, chunk(finish="stop")]
    final = written(chunks, inner_thoughts_kwarg=None).events[-1]["response"]
    assert final["output"][0] == {"id": f"rs_{OTIDS[0]}", "type": "reasoning", "summary": [], "status": "completed"}


def last(chunks, ending="close"):
    event = written(chunks, ending).events[-1]
    response = event["response"]
    return event["type"], response["status"], response["incomplete_details"], response["error"]


def test_a_failure_a_cancellation_a_cut_and_an_unmarked_end():
    hello = [chunk(content="Hi")]
    error = {"code": "server_error", "message": "boom"}
    assert last(hello, "fail") == ("response.failed", "failed", None, error)
    assert last(hello, "cancel") == ("response.incomplete", "cancelled", None, None)
    cut = {"reason": "max_output_tokens"}
    assert last([*hello, chunk(finish="length")]) == ("response.incomplete", "incomplete", cut, None)
    filtered = {"reason": "content_filter"}
    assert last([*hello, chunk(finish="content_filter")]) == ("response.incomplete", "incomplete", filtered, None)
    assert last(hello) == ("response.incomplete", "incomplete", None, None)


def test_without_a_result_the_model_is_the_one_given():
    sink = ResponsesEvents("a-model")
    from streamfsm import StreamParser

    parser = StreamParser(boundaries=True)
    for item in [*parser.feed(chunk(content="Hi", finish="stop")), *parser.close()]:
        sink.feed(item)
    (event,) = sink.close()
    assert event["response"]["model"] == "a-model"
    assert event["response"]["usage"] is None


def test_an_event_is_named_by_its_type():
    assert written([chunk(finish="stop")]).body.startswith(b'event: response.created\ndata: {"type":"response.created"')
