"""The example's agent, with the real client, against servers on this machine that answer oddly."""

import asyncio
import importlib.util
from pathlib import Path

import openai
import pytest
from helpers import call, chunk

from streamfsm.messages import made_up_id
from streamfsm.replay import capture
from streamfsm.replay.loopback import serve

PATH = Path(__file__).parents[1] / "examples" / "agent.py"
SEARCH, SEND = '{"thinking":"Hm","query":"swifts","limit":1}', '{"message":"Yes."}'
FOUND = '["swifts: yes, on the wing"]'
AGAIN = {"role": "user", "content": "A tool call of yours did not arrive whole. Call again."}
DONE = [chunk(call(0, "call_9", "send_message", SEND), finish="tool_calls")]


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("example_agent", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def ask(example):
    """The messages of each request, where the server answers one after the other; the last answer again and again."""

    def asked(*answers):
        requests = []

        def respond(request):
            requests.append(request["messages"])
            return [capture.body(answers[min(len(requests), len(answers)) - 1]).encode()]

        async def main(url):
            http = openai.DefaultAsyncHttpxClient(trust_env=False)
            async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, http_client=http) as client:
                await example.agent(client, "Do swifts sleep?")

        with serve(respond) as url:
            asyncio.run(main(url))
        return requests

    return asked


def answers(request):
    return {each["tool_call_id"]: each["content"] for each in request if each["role"] == "tool"}


def test_plain_text_is_an_answer(ask, capsys):
    assert len(ask([chunk(content="Yes."), chunk(finish="stop")])) == 1
    assert capsys.readouterr().out == "\nsays: Yes.\n"


def test_parallel_calls_are_all_run_and_answered_in_order(ask, capsys):
    calls = [call(at, f"call_{at}", "search", SEARCH) for at in range(3)]
    _, request = ask([chunk(content="Well"), chunk(*calls), chunk(finish="tool_calls")], DONE)
    assert [each["role"] for each in request] == ["user", "assistant", "tool", "tool", "tool"]
    assert (request[1]["content"], [each["id"] for each in request[1]["tool_calls"]]) == (
        "Well",
        list(answers(request)),
    )
    assert answers(request) == dict.fromkeys(["call_0", "call_1", "call_2"], FOUND)
    assert capsys.readouterr().out.count("runs: search(") == 3


@pytest.mark.parametrize("ids", [[None, None], ["a", "a"]])
def test_ids_that_are_missing_or_repeated_are_made_up(ask, monkeypatch, ids):
    message_id = "message-7b5f3f7e-0d2a-4c3b-9a52-6f0c8d1e2a00"
    monkeypatch.setattr("streamfsm.parser.uuid4", lambda: message_id.removeprefix("message-"))
    calls = [call(at, call_id, "search", SEARCH) for at, call_id in enumerate(ids)]
    _, request = ask([chunk(*calls), chunk(finish="tool_calls")], DONE)
    expected = [ids[0] or made_up_id(message_id, 0, 0), made_up_id(message_id, 0, 1)]
    assert [each["id"] for each in request[1]["tool_calls"]] == list(answers(request)) == expected


@pytest.mark.parametrize("arguments", ["{query}", '{"query":"swi', '"text"', "[1]"])
def test_arguments_that_are_not_json_are_not_sent_back_and_the_model_is_told(ask, arguments):
    broken, whole = call(0, "a", "search", arguments), call(1, "b", "search", SEARCH)
    _, request = ask([chunk(broken), chunk(finish="tool_calls")], DONE)
    assert request[1:] == [{"role": "assistant", "content": ""}, AGAIN]
    _, request = ask([chunk(broken), chunk(whole), chunk(finish="tool_calls")], DONE)
    assert (answers(request), request[-1]) == ({"b": FOUND}, AGAIN)


def test_a_finish_that_announces_calls_without_any_is_told_and_asked_again(ask):
    _, request = ask([chunk(content="I'll read the file first."), chunk(tool_calls=None, finish="tool_calls")], DONE)
    assert request[1:] == [{"role": "assistant", "content": "I'll read the file first."}, AGAIN]


def test_a_call_of_an_answer_that_was_cut_is_answered_but_not_run(ask, capsys):
    _, request = ask([chunk(call(0, "a", "search", SEARCH), finish="length")], DONE)
    assert "is not ready" in answers(request)["a"]
    assert "runs:" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [("fly", "{}", "KeyError"), ("search", '{"query":"a"}', "TypeError"), ("search", "", "TypeError")],
)
def test_a_call_that_no_tool_can_take_is_answered_with_the_error(ask, name, arguments, error):
    _, request = ask([chunk(call(0, "a", name, arguments), finish="tool_calls")], DONE)
    assert error in answers(request)["a"]


def test_what_the_server_needs_back_comes_back(ask):
    signed = {**call(0, "a", "search", SEARCH), "extra_content": {"google": {"thought_signature": "s"}}}
    _, request = ask([chunk(reasoning_content="Hm"), chunk(signed), chunk(finish="tool_calls")], DONE)
    assert request[1]["reasoning_content"] == "Hm"
    assert request[1]["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "s"}}


def test_a_model_that_never_gets_anywhere_is_left_after_a_while(ask):
    assert len(ask([chunk(finish="tool_calls")])) == 20
