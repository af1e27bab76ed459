"""The cost of an event from bytes: ``StreamParser.feed_bytes`` compared with the ``openai`` client's own loop.

Both read the same bytes of the same body without a network; the client gets them from a transport in memory. The client
only builds its chunk objects, while the parser emits messages. They run in turn, so the ratio holds when the machine's
speed drifts. The results are checked first.

    python benchmarks/wire.py [--quick] [--json]
"""

import asyncio
import importlib
import itertools
import statistics
import time
from collections.abc import Iterator
from typing import Any

import openai
from measure import Rows, main, ratio, significant

from streamfsm import StreamParser
from streamfsm.replay.capture import body

# The package of HTTP clients that this version of openai uses: httpx, or httpx2 from 3.0 on.
http = importlib.import_module(openai.DefaultAsyncHttpxClient.__mro__[1].__module__.partition(".")[0])
EVENTS = 2000
ROUNDS = 9
KINDS = ("content", "message", "raw", "unlike", "twice", "responses")


def chunks(kind: str, events: int) -> Iterator[dict[str, Any]]:
    """A stream of ``events`` deltas of about four characters, as OpenAI's server sends it.

    Padding gives events other lengths. In ``unlike``, which is a message, too, no two events are alike before the text.
    In ``twice``, each event has its text twice, and an extra, as OpenRouter's reasoning does. ``responses`` is the
    Responses API, which repeats the text three times.
    """
    if kind == "responses":
        yield from responses(events)
        return
    positions = itertools.count()

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        at = next(positions)
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {
            "id": "chatcmpl-CYPS1lijGoK8gd9lYzY3r9Sx50nbt",
            "object": "chat.completion.chunk",
            "created": 1762345678 + at * (kind == "unlike"),
            "model": "gpt-4.1-2025-04-14",
            "service_tier": "default",
            "system_fingerprint": "fp_0123456789",
            "choices": [choice],
            "usage": None,
            "obfuscation": "0aBcDeFgH"[at % 8 :],
        }

    if kind == "twice":
        for number in range(events):
            text = f"w{number % 100:02} "
            details = [{"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}]
            delta = {"role": "assistant", "content": "", "reasoning": text, "reasoning_details": details}
            yield {**chunk(delta), "provider": "DeepSeek"}
        yield chunk({}, "stop")
        return
    if kind == "content":
        yield chunk({"role": "assistant", "content": "", "refusal": None})
        for number in range(events):
            yield chunk({"content": f"w{number % 100:02} "})
        yield chunk({}, "stop")
        return
    name, begin, end = ("send_message", '{"message":"', '"}') if kind != "raw" else ("search", '{"query":["', '"]}')
    head = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": begin}}
    yield chunk({"role": "assistant", "content": None, "tool_calls": [head]})
    for text in [*(f"w{number % 100:02} " for number in range(events)), end]:
        yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": text}}]})
    yield chunk({}, "tool_calls")


def responses(events: int) -> Iterator[dict[str, Any]]:
    """Yield the same text on the Responses API: numbered deltas with padding, then the complete text at three ends."""
    place = {"item_id": "msg_0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071", "output_index": 0, "content_index": 0}
    words = [f"w{number % 100:02} " for number in range(events)]
    part = {"type": "output_text", "text": "".join(words), "annotations": [], "logprobs": []}
    item = {"id": place["item_id"], "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    response = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1762345678,
        "model": "gpt-4.1",
        "output": [],
        "status": "in_progress",
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    deltas = [
        {"type": "output_text.delta", **place, "delta": word, "logprobs": [], "obfuscation": "0aBcDeFgH"[at % 8 :]}
        for at, word in enumerate(words)
    ]
    stream = [
        {"type": "created", "response": response},
        {"type": "output_item.added", "output_index": 0, "item": {**item, "status": "in_progress", "content": []}},
        {"type": "content_part.added", **place, "part": {**part, "text": ""}},
        *deltas,
        {"type": "output_text.done", **place, "text": part["text"], "logprobs": []},
        {"type": "content_part.done", **place, "part": part},
        {"type": "output_item.done", "output_index": 0, "item": item},
        {"type": "completed", "response": {**response, "status": "completed", "output": [item]}},
    ]
    for number, event in enumerate(stream):
        yield {**event, "type": f"response.{event['type']}", "sequence_number": number}


def pieces(data: bytes, size: int = 16_384) -> list[bytes]:
    """Return the body in pieces, as a network delivers it."""
    return [data[at : at + size] for at in range(0, len(data), size)]


class Body(http.AsyncByteStream):  # type: ignore[misc, name-defined]
    """Delivers the pieces like a transport."""

    def __init__(self, parts: list[bytes]) -> None:
        self.parts = parts

    async def __aiter__(self) -> Any:
        for part in self.parts:
            yield part


async def client_seconds(kind: str, parts: list[bytes]) -> tuple[float, int]:
    """Return the CPU seconds, and the number of chunks."""
    headers = {"content-type": "text/event-stream"}
    transport = http.MockTransport(lambda _: http.Response(200, headers=headers, stream=Body(parts)))
    session = openai.DefaultAsyncHttpxClient(transport=transport)
    async with openai.AsyncOpenAI(base_url="http://loopback/v1", api_key="none", http_client=session) as client:
        if kind == "responses":
            stream: Any = await client.responses.create(model="m", input="", stream=True)
        else:
            stream = await client.chat.completions.create(model="m", messages=[], stream=True)
        count = 0
        start = time.process_time()
        async for _ in stream:
            count += 1
        return time.process_time() - start, count


def parser_seconds(parts: list[bytes]) -> tuple[float, StreamParser]:
    """Return the CPU seconds, and the parser."""
    parser = StreamParser()
    start = time.process_time()
    for part in parts:
        parser.feed_bytes(part)
    parser.close()
    return time.process_time() - start, parser


def rows(quick: bool) -> Rows:  # noqa: FBT001 - one option
    """Return a row for each kind of stream."""
    events, rounds = (500, 3) if quick else (EVENTS, ROUNDS)
    found = []
    for kind in KINDS:
        parts = pieces(body(chunks(kind, events)).encode())
        ours, theirs = [], []
        for _ in range(rounds):
            client, count = asyncio.run(client_seconds(kind, parts))
            own, parser = parser_seconds(parts)
            result = parser.result
            text = result.content or result.reasoning or result.tool_calls[0].arguments
            if text.count("w") != events:  # a fast parser must be right
                raise AssertionError(f"wrong result of a {kind} stream")
            ours.append(own / count * 1e6)
            theirs.append(client / count * 1e6)
        found.append(
            {
                "stream": kind,
                "events": events,
                "openai": openai.__version__,
                "openai, µs an event": significant(statistics.median(theirs)),
                "feed_bytes, µs an event": significant(statistics.median(ours)),
                "×": significant(ratio(theirs, ours)),
            }
        )
    return found


if __name__ == "__main__":
    main(rows, __doc__)
