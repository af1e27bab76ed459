"""llama.cpp's server writes random calls: hundreds of seeded requests on both wires, also through LiteLLM's proxy."""

import pytest
from checks import TOOLS, ask, check_chat, check_responses
from llama_server import NO_CALL, served, write_model
from proxy import proxied

pytest.importorskip("xllamacpp", reason="llama.cpp's server (xllamacpp) is not installed")
pytest.importorskip("gguf", reason="gguf, which writes the model for llama.cpp's server, is not installed")
SIZES = (20, 100, 400)


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    model = tmp_path_factory.mktemp("llama") / "bigram.gguf"
    write_model(model)
    with served(model) as url:
        yield url


@pytest.fixture(scope="module")
def litellm(llama, tmp_path_factory):
    with proxied(llama, tmp_path_factory.mktemp("litellm")) as url:
        yield url


def chat(seed):
    tools = [{"type": "function", "function": tool} for tool in TOOLS]
    asked = {"tools": tools, "parallel_tool_calls": True} if seed % 4 else NO_CALL
    question = {"model": "tiny", "messages": [{"role": "user", "content": "Search."}], "seed": seed}
    return {**question, **asked, "max_tokens": SIZES[seed % 3], "stream_options": {"include_usage": True}}


def responses(seed):
    tools = [{"type": "function", "strict": False, **tool} for tool in TOOLS]
    asked = {"tools": tools} if seed % 4 else NO_CALL
    return {"model": "tiny", "input": "Search.", "seed": seed, "max_output_tokens": SIZES[seed % 3], **asked}


def run(url, key, seeds):
    """Both wires by many seeds; the results of each."""
    chats = [check_chat(ask(f"{url}/chat/completions", chat(seed), key), seed) for seed in seeds]
    return chats, [check_responses(ask(f"{url}/responses", responses(seed), key), seed) for seed in seeds]


def tell(capsys, name, chats, answers):
    calls = [call for result in chats + answers for call in result.tool_calls]
    ready = sum(call.ready for call in calls)
    odd = sorted({f"{each.kind}: {each.detail}" for result in chats + answers for each in result.anomalies})
    with capsys.disabled():
        print(f"\n{name}: {len(chats)} + {len(answers)} answers, {len(calls)} calls, {ready} ready; {odd}")  # noqa: T201


def test_calls_of_random_text_are_read(llama, capsys):
    chats, answers = run(llama, "none", range(200))
    tell(capsys, "llama.cpp", chats, answers)
    assert {result.finish_reason for result in chats} == {"stop", "length", "tool_calls"}
    assert sum(len(result.ready_calls) for result in chats) > 50
    assert sum(len(result.ready_calls) for result in answers) > 50
    # It says that an answer is completed which it cut: a call that was cut is not ready, all the same.
    assert any(result.usage.output_tokens == SIZES[seed % 3] for seed, result in enumerate(answers))
    assert {result.finish_reason for result in answers} == {"completed"}


def test_the_same_through_a_relay(litellm, capsys):
    url, key = litellm
    chats, answers = run(url, key, range(40))
    tell(capsys, "LiteLLM", chats, answers)
    assert sum(len(result.ready_calls) for result in chats) > 10
