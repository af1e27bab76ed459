"""The Responses wire through a real ``openai`` client over loopback: as objects and as bytes, to the façade's end."""

import asyncio
import json
from contextlib import asynccontextmanager, contextmanager
from itertools import chain

import openai
import pytest
import slow_responses
import truth
from helpers import said
from recordings import CAPTURES, RESPONSES

from streamfsm import OpenAIStreamingInterface, ReasoningContent, TextContent
from streamfsm.messages import SummarizedReasoningContent
from streamfsm.replay.loopback import serve
from streamfsm.testing import RETELLINGS, accented
from streamfsm.testing.responses import call, message, reasoning, response

if not hasattr(openai.OpenAI, "responses"):
    pytest.skip("this client is older than the Responses API", allow_module_level=True)

USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 6,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 15,
}
ITEMS = [
    *reasoning(0, ["Plan", "Check"], encrypted="gAAAA"),
    *message(1, [("content", "Hello.")]),
    *call(2, "search", '{"q":[1]}'),
]
EVENTS = response(ITEMS, usage=USAGE)
SAID = [
    ("reasoning", "Plan"),
    ("reasoning", "Check"),
    ("assistant", "Hello."),
    ("name", "search"),
    ("arguments", '{"q":[1]}'),
]


def body(events):
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


def pieces(data, size=50):
    return [data[at : at + size] for at in range(0, len(data), size)]


@contextmanager
def client_of(data):
    with (
        serve(lambda _: pieces(data)) as url,
        openai.DefaultHttpxClient(trust_env=False) as http,
        openai.OpenAI(base_url=url, api_key="none", max_retries=0, http_client=http) as client,
    ):
        yield client


@asynccontextmanager
async def async_client_of(data):
    with serve(lambda _: pieces(data)) as url:
        http = openai.DefaultAsyncHttpxClient(trust_env=False)
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, http_client=http) as client:
            yield client


def read_events(interface, data):
    with client_of(data) as client:
        stream = client.responses.create(model="m", input="?", stream=True)
        return list(interface.process_sync(stream))


def read_bytes(interface, data):
    with (
        client_of(data) as client,
        client.responses.with_streaming_response.create(model="m", input="?", stream=True) as stream,
    ):
        return list(interface.process_sync(stream))


def read_async(interface, data):
    async def read():
        async with async_client_of(data) as client:
            stream = await client.responses.create(model="m", input="?", stream=True)
            return [message async for message in interface.process(stream)]

    return asyncio.run(read())


every_way = pytest.mark.parametrize("read", [read_events, read_bytes, read_async])


@every_way
def test_the_real_client_s_stream_is_read_to_its_end(read):
    interface = OpenAIStreamingInterface()
    messages = read(interface, body(EVENTS))
    assert said(messages) == SAID
    assert interface.get_content() == [
        SummarizedReasoningContent(
            id="rs_0", summary=[{"index": 0, "text": "Plan"}, {"index": 1, "text": "Check"}], encrypted_content="gAAAA"
        ),
        TextContent(text="Hello."),
    ]
    (tool_call,) = interface.get_tool_call_objects()
    assert (tool_call.id, tool_call.function.name, tool_call.function.arguments) == ("call_2", "search", '{"q":[1]}')
    assert [each.ready for each in interface.result.tool_calls] == [True]
    statistics = interface.get_usage_statistics()
    assert statistics.model_dump(exclude={"message_type", "step_count", "cache_write_tokens"}) == {
        "prompt_tokens": 9,
        "completion_tokens": 6,
        "total_tokens": 15,
        "cached_input_tokens": 4,
        "reasoning_tokens": 2,
    }
    assert (interface.message_id, interface.model) == ("resp_1", "gpt-4.1")
    assert interface.stop_reason.stop_reason == "tool_calls"


def test_parts_of_the_content_stay_apart():
    events = response([*message(0, [("content", "First."), ("refusal", "No.")]), *message(1, [("content", "Then.")])])
    interface = OpenAIStreamingInterface()
    assert said(read_bytes(interface, body(events))) == [
        ("assistant", "First."),
        ("assistant", "No."),
        ("assistant", "Then."),
    ]
    assert interface.get_content() == [TextContent(text=text) for text in ("First.", "Then.", "No.")]
    assert interface.result.choices[0].content_parts == ["First.", "Then."]


def summarized(index, *texts, data=None):
    parts = [{"index": place, "text": text} for place, text in enumerate(texts)]
    return SummarizedReasoningContent(id=f"rs_{index}", summary=parts, encrypted_content=data)


IN_TURN = [
    reasoning(0, encrypted="gA"),
    message(1, [("content", "First.")]),
    reasoning(2, encrypted="gB"),
    reasoning(3, ["Plan", "Check"], encrypted="gC"),
    message(4, [("content", "Then."), ("refusal", "No."), ("content", "So.")]),
    reasoning(5, text="Done?"),
]
"""Items that think and speak in turn, as get_content() tells them:"""
TOLD_IN_TURN = [
    summarized(0, data="gA"),
    TextContent(text="First."),
    summarized(2, data="gB"),
    summarized(3, "Plan", "Check", data="gC"),
    TextContent(text="Then."),
    TextContent(text="So."),
    ReasoningContent(reasoning="Done?"),
    TextContent(text="No."),
]


def without_ids(parts):
    return [part.model_dump(exclude={"id"}) for part in parts]


@pytest.mark.parametrize("retelling", [None, *RETELLINGS])
def test_content_is_in_the_order_in_which_it_came(retelling):
    events = accented(response(chain.from_iterable(IN_TURN)), [retelling] if retelling else [])
    interface = OpenAIStreamingInterface()
    list(interface.process_sync(iter(events)))
    assert without_ids(interface.get_content()) == without_ids(TOLD_IN_TURN)  # one retelling rotates them
    assert interface.result.choices[0].reasoning_positions == [0, 1, 1, 1, 1, 3]


def test_content_in_order_has_the_items_ids():
    interface = OpenAIStreamingInterface()
    list(interface.process_sync(iter(response(chain.from_iterable(IN_TURN)))))
    assert interface.get_content() == TOLD_IN_TURN


def test_what_only_the_server_reads_is_in_its_place_if_only_the_end_tells_it():
    told = [event for event in response(chain.from_iterable(IN_TURN)) if event["type"] != "response.output_item.done"]
    interface = OpenAIStreamingInterface()
    list(interface.process_sync(iter(told)))
    assert interface.get_content() == TOLD_IN_TURN


def test_reasoning_without_ids_is_told_apart_by_the_text_between():
    events = response(
        chain.from_iterable([reasoning(0, ["Plan"]), message(1, [("content", "Hi")]), reasoning(2, ["B"])])
    )
    for event in events:
        event.pop("item_id", None)
        event.get("item", {}).pop("id", None)
        for item in event.get("response", {}).get("output", ()):
            item.pop("id", None)
    interface = OpenAIStreamingInterface()
    list(interface.process_sync(iter(events)))
    first, text, last = interface.get_content()
    assert [first.summary[0].text, text, last.summary[0].text] == ["Plan", TextContent(text="Hi"), "B"]


@pytest.mark.parametrize("read", [read_events, read_async])
def test_the_final_response_is_the_client_s_own_object(read):
    interface = OpenAIStreamingInterface()
    read(interface, body(EVENTS))
    assert isinstance(interface.final_response, openai.types.responses.Response)
    assert [item.type for item in interface.final_response.output] == ["reasoning", "message", "function_call"]


@every_way
def test_an_error_event_raises_after_the_stop_reason(read):
    error = {"type": "error", "error": {"code": "server_error", "message": "The server failed."}}
    interface = OpenAIStreamingInterface()
    with pytest.raises(Exception, match="The server failed"):
        read(interface, body([*EVENTS[:-1], error]))
    assert interface.stop_reason.stop_reason == interface.result.stop_reason == "error"
    assert interface.result.error.code == "server_error"
    assert not interface.result.ready_calls


@pytest.mark.slow("every recording over loopback")
@pytest.mark.usefixtures("uncounted")
@pytest.mark.skipif(not RESPONSES, reason="the recordings are not part of the project")
def test_recordings_say_the_same_through_the_real_client_and_as_bytes():
    for name in (name for name in RESPONSES if name.startswith("responses/")):
        data = (CAPTURES / name).read_bytes()
        if len(slow_responses.responses(truth.chunks(data.decode()))) > 1:
            continue
        found = []
        for read in (read_events, read_bytes):
            interface = OpenAIStreamingInterface()
            found.append((said(read(interface, data)), interface.result.model_dump(exclude={"anomalies", "extras"})))
        assert found[0] == found[1], name
