"""What llama.cpp's own server sends on the Responses wire is read as the slow reader reads it.

It sends no ``function_call_arguments.done``, no sequence numbers and no output indexes, and calls an answer completed
that was cut. The server is no dependency of this project: ``pip install xllamacpp gguf`` and run this file.
"""

import json

import openai
import pytest
import slow_responses
from helpers import ID, told
from llama_server import NO_CALL, served, write_model

from streamfsm import OpenAIStreamingInterface, StreamParser, coalesce

pytest.importorskip("xllamacpp", reason="llama.cpp's server (xllamacpp) is not installed")
pytest.importorskip("gguf", reason="gguf, which writes the model for llama.cpp's server, is not installed")

TOOL = {
    "type": "function",
    "name": "search",
    "description": "Searches.",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {"q": {"type": "string"}, "n": {"type": "integer"}},
        "required": ["q"],
    },
}
REQUESTS = [
    {"max_output_tokens": size, "extra_body": {"seed": seed, **extra}, **tools}
    for seed, size in enumerate((20, 100, 400, 20, 100, 400))
    for extra, tools in ((NO_CALL, {}), ({}, {"tools": [TOOL]}))
]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    model = tmp_path_factory.mktemp("llama") / "bigram.gguf"
    write_model(model)
    with (
        served(model) as url,
        openai.DefaultHttpxClient(trust_env=False) as http,
        openai.OpenAI(base_url=url, api_key="none", max_retries=0, http_client=http) as client,
    ):
        yield client


def ask(client, **options):
    return client.responses.create(model="m", input="Search.", stream=True, **options)


@pytest.mark.slow("a server that writes hundreds of tokens")
@pytest.mark.parametrize("request_", REQUESTS, ids=range(len(REQUESTS)))
def test_what_the_server_says_is_read_as_the_slow_reader_reads_it(client, request_):
    events = list(ask(client, **request_))
    right = slow_responses.read([event.to_dict() for event in events])
    parser = StreamParser(message_id=ID, inner_thoughts_kwarg=None, assistant_tool=None)
    messages = [message for event in events for message in parser.feed(event)] + parser.close()
    found = [(kind, call_id, text) for _, kind, call_id, text in told(coalesce(messages)) if kind != "stop"]
    assert found == right["messages"]
    result = parser.result
    assert (result.content, result.stop_reason.value) == (right["content"], right["stop"])
    calls = [(each.id, each.name, each.arguments, each.ready) for each in result.tool_calls]
    assert calls == [tuple(call[name] for name in ("id", "name", "arguments", "ready")) for call in right["calls"]]
    for call in result.ready_calls:
        assert json.loads(call.arguments) == call.parse()
    data = "".join(f"data: {json.dumps(event.to_dict())}\n\n" for event in events).encode()
    again = StreamParser(message_id=ID, inner_thoughts_kwarg=None, assistant_tool=None)
    told_bytes = [message for at in range(0, len(data), 31) for message in again.feed_bytes(data[at : at + 31])]
    assert list(told(coalesce(told_bytes + again.close()))) == list(told(coalesce(messages)))


@pytest.mark.slow("a server that writes hundreds of tokens")
def test_the_facade_reads_the_server_s_stream(client):
    interface = OpenAIStreamingInterface()
    messages = list(interface.process_sync(ask(client, max_output_tokens=50, extra_body={"seed": 1, **NO_CALL})))
    assert messages
    assert interface.get_usage_statistics().completion_tokens > 0
    assert interface.final_response.status == "completed"
