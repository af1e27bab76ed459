"""Another protocol's stream fails, and its name is told once: as dicts, as objects, as events and as a body."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from helpers import anomalies, chunk, fed, run, said
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from streamfsm.cli import main
from streamfsm.replay import capture
from streamfsm.wires.foreign import CHAT, PROTOCOLS, RESPONSES, protocol_of

# Protocol → the first objects of streams of it, and whole answers.
FOREIGN: dict[str, list[dict[str, Any]]] = {
    "OpenAI's Assistants": [{"id": "m", "object": "thread.message.delta", "delta": {"content": []}}],
    "OpenAI's legacy Completions": [
        {"id": "c", "object": "text_completion", "model": "m", "choices": [{"index": 0, "text": "Hi"}]}
    ],
    "Anthropic's Messages": [
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "usage": {"input_tokens": 1}}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"id": "m", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
    ],
    "Google's Gemini": [
        {"candidates": [{"content": {"parts": [{"text": "Hi"}], "role": "model"}}], "modelVersion": "m"},
        {"response": {"candidates": []}},
        {"promptFeedback": {"blockReason": "OTHER"}},
    ],
    "Ollama's own": [
        {"model": "m", "created_at": "x", "message": {"role": "assistant", "content": "Hi"}, "done": False},
        {"model": "m", "response": "Hi", "done": True},
    ],
    "Amazon Bedrock's Converse": [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "Hi"}, "contentBlockIndex": 0}},
        {"output": {"message": {"role": "assistant", "content": []}}, "stopReason": "end_turn"},
    ],
    "Cohere's Chat": [
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi"}}}},
        {"is_finished": False, "event_type": "text-generation", "text": "Hi"},
    ],
    "Hugging Face's text generation": [
        {"index": 1, "token": {"id": 1, "text": "Hi", "logprob": 0.0}, "generated_text": None},
        {"generated_text": "Hi"},
    ],
    "llama.cpp's own": [{"index": 0, "content": "Hi", "tokens": [1], "stop": False}],
    "LangChain's": [
        {"content": "Hi", "additional_kwargs": {}, "response_metadata": {}, "type": "AIMessageChunk", "id": "r"},
        {"content": "", "tool_call_chunks": [{"name": "f", "args": "", "id": "c", "index": 0}]},
        {"event": "on_chat_model_stream", "data": {}},
        {"lc": 1, "type": "constructor", "id": ["langchain"], "kwargs": {"content": "Hi"}},
    ],
    "a user interface's": [
        {"type": "text-delta", "id": "0", "delta": "Hi"},
        {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "Hi"},
    ],
}
ROWS = (CHAT, RESPONSES, *PROTOCOLS)
CASES = [(name, each) for name, objects in FOREIGN.items() for each in objects]


class Anything(BaseModel):
    """An object of some client."""

    model_config = ConfigDict(extra="allow")


def test_every_protocol_of_the_table_has_an_example():
    assert [protocol.name for protocol in PROTOCOLS] == [*FOREIGN]


@pytest.mark.parametrize(("name", "foreign"), CASES)
def test_another_protocol_fails_the_stream_and_is_named_once(name, foreign):
    text = json.dumps(foreign)
    declared = type("Declared", (BaseModel,), {"__annotations__": dict.fromkeys(foreign, Any)})
    ways = [
        run([foreign] * 3),
        run([Anything(**foreign)] * 3),
        run([declared.model_construct(**foreign)] * 3),
        run([SimpleNamespace(**foreign)]),
        fed(f"data: {text}\n\n".encode() * 3 + b"data: [DONE]\n\n", 1),
        fed(f"event: e\ndata: {text}\n\n".encode(), 1),
        fed(f"{text}\n".encode() * 3, 1),
        fed(json.dumps([foreign, foreign], indent=1).encode(), 1),
    ]
    for messages, parser in ways:
        assert said(messages) == [("stop", "error")]
        assert parser.state == "failed"
        assert anomalies(parser) == ["foreign_wire"]
        assert parser.result.error.code == "foreign_wire"
        assert (
            f"{name} protocol came, but streamfsm reads Responses and Chat Completions" in parser.result.error.message
        )


@pytest.mark.parametrize(("name", "foreign"), CASES)
def test_another_protocols_object_among_chunks_is_an_anomaly_only(name, foreign):
    del name
    messages, parser = run([chunk(content="H"), foreign, chunk(content="i"), foreign, chunk(finish="stop")])
    if "choices" in foreign:
        pytest.skip("its choices are read")
    assert said(messages) == [("assistant", "Hi"), ("stop", "end_turn")]
    assert anomalies(parser) == ["foreign_wire"]
    assert parser.result.extras


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "ping"},
        {"type": {}, "object": [], "choices": 5, "message": 3, "token": [1], "event": {}, "response": 1},
        {"choices": [7]},
        {"choices": [{"text": "", "delta": {}}]},
        {"id": "r", "object": "chat.completion.chunk", "choices": []},
        {"content": None},
        {"model": "m", "done": True},
    ],
)
def test_what_no_row_recognises_is_not_foreign(fields):
    assert protocol_of(fields) is None
    run([fields])


KEYS = sorted({*(key for protocol in ROWS for key in protocol.keys), *(key for _, each in CASES for key in each)})
VALUES = [True, {}, "response", *(value for _, each in CASES for value in each.values())]


@pytest.mark.parametrize("protocol", ROWS, ids=[protocol.name for protocol in ROWS])
@given(st.data())
def test_an_object_without_a_protocols_keys_is_never_its(protocol, data):
    others = {key: st.sampled_from(VALUES) for key in KEYS if key not in protocol.keys}
    assert not protocol.speaks(data.draw(st.fixed_dictionaries(others)))


def test_an_error_of_another_protocol_is_told_in_its_words():
    messages, parser = run([{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}])
    assert said(messages) == [("stop", "error")]
    assert (parser.result.error.code, parser.result.error.message) == ("overloaded_error", "Overloaded")
    assert anomalies(parser) == []


@pytest.mark.parametrize("written", [lambda text: f"data: {text}\n\n", lambda text: f"{text}\n"])
def test_replaying_another_protocols_stream_says_so_and_exits_with_2(tmp_path, capsys, written):
    file = tmp_path / "body.sse"
    file.write_text(written(json.dumps(FOREIGN["Anthropic's Messages"][0])), encoding="utf-8")
    for options in ([], ["--json"]):
        assert main(["replay", str(file), *options]) == 2
        out, err = capsys.readouterr()
        assert "error" in out
        assert err.startswith(f"streamfsm: {file}: Anthropic's Messages protocol came")


def test_a_recording_of_chat_completions_is_not_foreign():
    assert not any(map(protocol_of, capture.chunks(capture.body([chunk(content="Hi"), chunk(finish="stop")]))))


ALIVE = [{"type": "keepalive", "sequence_number": 0}, {"type": "response.keep_alive"}]
HELLO = [chunk(content="Hello"), chunk(finish="stop")]
SPOKEN = [
    {"type": "response.created", "response": {"id": "r", "status": "in_progress"}},
    {"type": "response.output_text.delta", "delta": "Hello"},
    {"type": "response.completed", "response": {"id": "r", "status": "completed"}},
]


@pytest.mark.parametrize("answer", [HELLO, SPOKEN], ids=["chat", "responses"])
@pytest.mark.parametrize("alive", ALIVE, ids=lambda alive: alive["type"])
def test_a_keep_alive_before_or_amid_an_answer_says_nothing_and_decides_nothing(alive, answer):
    chunks = [alive, answer[0], alive, *answer[1:]]
    bodies = [capture.body(chunks).encode(), b"".join(json.dumps(each).encode() + b"\n" for each in chunks)]
    for messages, parser in [run(chunks), *(fed(body, 7) for body in bodies)]:
        assert said(messages) == [("assistant", "Hello"), ("stop", "end_turn")]
        assert (anomalies(parser), parser.result.extras) == ([], {})


@pytest.mark.parametrize("alive", ALIVE, ids=lambda alive: alive["type"])
def test_what_a_keep_alive_has_besides_is_read(alive):
    messages, parser = run([{**alive, "x": 1}, chunk(content="a"), {**alive, "error": {"message": "busy"}}])
    assert said(messages) == [("assistant", "a"), ("stop", "error")]
    assert (parser.result.extras, parser.result.error.message) == ({"x": [1]}, "busy")


def test_nothing_but_keep_alives_is_an_end_without_an_answer():
    messages, parser = run(ALIVE)
    assert (said(messages), anomalies(parser)) == ([("stop", "incomplete")], [])
