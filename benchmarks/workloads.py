"""The input of benchmarks: streams of each kind and hostile streams, as ready chunk objects; and the floor."""

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from itertools import chain
from typing import Any

from openai.types.chat import ChatCompletionChunk

from streamfsm import AssistantMessage, Limits, ReasoningMessage, StreamMessage, ToolCallDelta, ToolCallMessage
from streamfsm.result import StreamResult

KINDS = ("content", "reasoning", "message", "thoughts", "string", "raw")
LIMITS = Limits(text=10**9, arguments=10**9, held=10**9)
BATCH = int(os.environ.get("BATCH", "4096"))  # ready chunk objects; a million at once would need gigabytes
NOW = datetime.now(timezone.utc).replace(microsecond=0)
OTID = "00000000-0000-4000-8000-000000000000"
SENTENCE = 'A sentence of plain words, then a \\"quote\\", a line\\nbreak and an emoji \\ud83d\\ude00. '
NESTED = '{"id": 17, "tags": ["a", "bc"], "at": {"x": -1.5e3, "ok": true}}, '

# Arguments of about ``size`` characters that are hard on a parser.
HOSTILE: dict[str, Callable[[int], str]] = {
    "one key": lambda size: '{"' + "k" * size + '":1}',
    "many keys": lambda size: "{" + ",".join(f'"{number:05}":1' for number in range(size // 10)) + "}",
    "depth": lambda size: '{"a":' + "[" * (size // 2) + "]" * (size // 2) + "}",
    "escapes": lambda size: '{"message":"' + "\\n" * (size // 2) + '"}',
    "surrogate pairs": lambda size: '{"message":"' + "\\ud83d\\ude00" * (size // 12) + '"}',
    "white space": lambda size: "{" + " " * size + "}",
}


def text_of(kind: str, size: int) -> str:
    """Return the text of a stream of ``kind`` with about ``size`` characters."""
    if kind in HOSTILE:
        return HOSTILE[kind](size)
    if kind in ("content", "reasoning"):
        return (json.loads(f'"{SENTENCE}"') * (size // len(SENTENCE) + 1))[:size]
    if kind == "raw":
        return '{"items": [' + (NESTED * (size // len(NESTED) + 1))[:-2] + "]}"
    key = {"message": "message", "thoughts": "thinking", "string": "query"}[kind]
    return f'{{"{key}": "' + SENTENCE * (size // len(SENTENCE) + 1) + '"}'


class Pool:
    """Ready chunk objects whose text is replaced between batches, outside the clock.

    Attributes:
        head: the chunks before the text.
        seconds: the CPU seconds for replacing texts.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.seconds = 0.0
        self.head: list[ChatCompletionChunk] = []
        delta: dict[str, Any]
        if kind in ("content", "reasoning"):
            delta = {"reasoning_content" if kind == "reasoning" else "content": "x"}
        else:
            name = "send_message" if kind in ("message", "escapes", "surrogate pairs") else "search"
            delta = {"tool_calls": [{"index": 0, "function": {"arguments": "x"}}]}
            call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": ""}}
            self.head = [_chunk({"tool_calls": [call]})]
        self._chunks = [_chunk(delta) for _ in range(BATCH)]

    def batches(self, text: str, step: int) -> Iterator[list[ChatCompletionChunk]]:
        """Yield the chunks of ``text``, cut every ``step`` characters."""
        for start in range(0, len(text), step * BATCH):
            before = time.process_time()
            pieces = [text[at : at + step] for at in range(start, min(start + step * BATCH, len(text)), step)]
            for chunk, piece in zip(self._chunks, pieces, strict=False):
                delta = chunk.choices[0].delta
                if self.kind == "content":
                    delta.content = piece
                elif self.kind == "reasoning":
                    delta.reasoning_content = piece  # type: ignore[attr-defined]
                else:
                    delta.tool_calls[0].function.arguments = piece  # type: ignore[index, union-attr]
            self.seconds += time.process_time() - before
            yield self._chunks[: len(pieces)]

    def chunks(self, text: str, step: int) -> Iterator[ChatCompletionChunk]:
        """Yield the chunks of a complete stream, one after the other."""
        return chain(self.head, chain.from_iterable(self.batches(text, step)))


def _chunk(delta: dict[str, Any]) -> ChatCompletionChunk:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    envelope = {"id": "c", "created": 0, "model": "gpt-4o", "object": "chat.completion.chunk"}
    return ChatCompletionChunk.model_validate({**envelope, "choices": [choice]})


def floor(kind: str, chunks: list[ChatCompletionChunk], out: list[StreamMessage]) -> None:
    """Do the least that typed messages need: read the fields, and build a message."""
    for seq, chunk in enumerate(chunks):
        delta = chunk.choices[0].delta
        message: StreamMessage
        if kind == "content":
            text = delta.content or ""
            message = AssistantMessage(id="m", date=NOW, otid=OTID, seq_id=seq, content=text)
        elif kind == "reasoning":
            text = delta.reasoning_content  # type: ignore[attr-defined]
            message = ReasoningMessage(id="m", date=NOW, otid=OTID, seq_id=seq, source="reasoner_model", reasoning=text)
        else:
            text = delta.tool_calls[0].function.arguments or ""  # type: ignore[index, union-attr]
            if kind == "message":
                message = AssistantMessage(id="m", date=NOW, otid=OTID, seq_id=seq, content=text)
            elif kind == "thoughts":
                message = ReasoningMessage(id="m", date=NOW, otid=OTID, seq_id=seq, reasoning=text)
            else:
                tool_call = ToolCallDelta(arguments=text, tool_call_id="call_1")
                message = ToolCallMessage(id="m", date=NOW, otid=OTID, seq_id=seq, tool_call=tool_call)
        out.append(message)


def check(kind: str, text: str, result: StreamResult) -> None:
    """Check the result, because a fast parser must be right."""
    if kind in ("content", "reasoning"):
        right = getattr(result, kind) == text
    else:
        right = (result.tool_calls[0].arguments, result.tool_calls[0].verdict) == (text, "valid")
    if not right:
        raise AssertionError(f"wrong result of a {kind} stream of {len(text)} characters")
