"""One request to a server that is not ours, read live and cut again, and compared with what `json.loads` says."""

import json
import random
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import slow_responses
from helpers import ID, told

from streamfsm import StreamParser, coalesce
from streamfsm.replay.capture import recut
from streamfsm.wires.chat.chunking import at_random, every

TIMEOUT = 60
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
TOOLS = [
    {
        "name": name,
        "description": name,
        "parameters": {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        },
    }
    for name, properties in {
        "send_message": {"thinking": {"type": "string"}, "message": {"type": "string"}},
        "search": {"thinking": {"type": "string"}, "q": {"type": "string"}, "n": {"type": "integer"}},
    }.items()
]


@dataclass
class Answer:
    """A body, in the pieces that the network made of it."""

    pieces: list[bytes]
    error: Exception | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def events(self) -> list[Any]:
        """The data of its events."""
        lines = [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]


def ask(url: str, request: dict[str, Any], key: str = "none") -> Answer:
    """Ask a server for a stream."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    answer = Answer([])
    call = urllib.request.Request(url, json.dumps({"stream": True, **request}).encode(), headers)  # noqa: S310 - ours
    try:
        with OPENER.open(call, timeout=TIMEOUT) as response:
            while data := response.read1(65_536):
                answer.pieces.append(data)
    except urllib.error.HTTPError:
        raise
    except (OSError, HTTPException) as error:
        answer.error = error
    return answer


def read(pieces: list[bytes], error: Exception | None = None, **options: Any) -> tuple[list[Any], Any]:
    """What the parser makes of it: messages, coalesced, and the result."""
    parser = StreamParser(message_id=ID, **options)
    messages = [message for piece in pieces for message in parser.feed_bytes(piece)]
    messages += parser.fail(error) if error else parser.close()
    return list(told(coalesce(messages))), parser.result


def cut_again(body: bytes, seed: int) -> list[bytes]:
    """The body in pieces of some bytes."""
    pick, pieces = random.Random(seed), []
    while body:
        size = pick.randrange(1, 60)
        pieces.append(body[:size])
        body = body[size:]
    return pieces


def check_chat(answer: Answer, seed: int) -> Any:
    """Compare an answer of Chat Completions; return the result."""
    content, thought, finish, calls = "", "", None, {}
    for chunk in answer.events:
        for choice in chunk.get("choices") or ():
            finish = choice.get("finish_reason") or finish
            delta = choice.get("delta") or {}
            content += delta.get("content") or ""
            thought += delta.get("reasoning_content") or ""
            for entry in delta.get("tool_calls") or ():
                call = calls.setdefault(entry["index"], {"id": "", "name": "", "arguments": ""})
                call["id"] = entry.get("id") or call["id"]
                call["name"] += entry["function"].get("name") or ""
                call["arguments"] += entry["function"].get("arguments") or ""
    messages, result = read(answer.pieces, answer.error)
    assert result.content == without_halves(content)
    assert result.reasoning == without_halves(thought)
    assert [(each.id, each.name, each.arguments) for each in result.tool_calls] == [
        (each["id"], each["name"], without_halves(each["arguments"])) for each in calls.values()
    ]
    values = [value(without_halves(each["arguments"])) for each in calls.values()]
    whole = answer.error is None and finish in ("stop", "tool_calls")
    assert [each.ready for each in result.tool_calls] == [whole and isinstance(each, dict) for each in values]
    assert [each.parse() for each in result.ready_calls] == [each for each in values if whole]
    if all(isinstance(each, dict) for each in values):
        said = "".join(text for _, kind, _, text in messages if kind == "assistant")
        thoughts = "".join(text for _, kind, _, text in messages if kind == "reasoning")
        spoken = [
            each["message"] for call, each in zip(calls.values(), values, strict=True) if call["name"] == "send_message"
        ]
        assert said == clean(content + "".join(spoken))
        assert thoughts == clean(thought + "".join(each["thinking"] for each in values if "thinking" in each))
    same_however_cut(answer, messages, result, seed)
    if answer.error is None:
        for cut in every(1), at_random(seed):
            assert read([recut(answer.body.decode(), cut).encode()])[0] == messages
    return result


def check_responses(answer: Answer, seed: int) -> Any:
    """Compare an answer of the Responses API with the slow reader; return the result."""
    options = {"inner_thoughts_kwarg": None, "assistant_tool": None}
    messages, result = read(answer.pieces, answer.error, **options)
    right = slow_responses.read(answer.events)
    # Reasoning that shows nothing is announced at the end, also where the transport broke; the slow reader sees no end.
    left_out = ("stop",) if answer.error is None else ("stop", "hidden")
    assert [(kind, call_id, text) for _, kind, call_id, text in messages if kind not in left_out] == right["messages"]
    assert result.content == right["content"]
    calls = [(each.id, each.name, each.arguments) for each in result.tool_calls]
    assert calls == [tuple(call[name] for name in ("id", "name", "arguments")) for call in right["calls"]]
    if answer.error is None:
        assert result.stop_reason.value == right["stop"]
        assert [each.ready for each in result.tool_calls] == [call["ready"] for call in right["calls"]]
    assert [json.loads(each.arguments) for each in result.ready_calls] == [each.parse() for each in result.ready_calls]
    same_however_cut(answer, messages, result, seed, **options)
    return result


def same_however_cut(answer: Answer, messages: list[Any], result: Any, seed: int, **options: Any) -> None:
    for pieces in cut_again(answer.body, seed), [answer.body]:
        assert read(pieces, answer.error, **options) == (messages, result)


def value(text: str) -> Any:
    """The JSON value, or ``None``."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def clean(found: Any) -> Any:
    """The value without halves of surrogate pairs, which no message has."""
    if isinstance(found, str):
        return without_halves(found)
    if isinstance(found, dict):
        return {without_halves(key): clean(each) for key, each in found.items()}
    return [clean(each) for each in found] if isinstance(found, list) else found


def without_halves(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
