"""What an event costs from bytes: ``StreamParser.feed_bytes`` over the ``openai`` client's own ``for chunk in stream``.

Both read the same bytes of the same body, without a network: the client gets them from a transport in memory. The
client only builds its chunk objects; the parser gives messages. They run in turn, so the ratio holds when the machine's
speed drifts. Correctness is checked first.

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
KINDS = ("content", "message", "raw", "unlike")


def chunks(kind: str, events: int) -> Iterator[dict[str, Any]]:
    """A stream of ``events`` deltas of about four characters, as OpenAI's server sends it.

    Padding makes events of other lengths. In an ``unlike`` one, a message too, no two events are alike in what comes
    before the text.
    """
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


def pieces(data: bytes, size: int = 16_384) -> list[bytes]:
    """The body as a network gives it."""
    return [data[at : at + size] for at in range(0, len(data), size)]


class Body(http.AsyncByteStream):  # type: ignore[misc, name-defined]
    """The pieces, as a transport gives them."""

    def __init__(self, parts: list[bytes]) -> None:
        self.parts = parts

    async def __aiter__(self) -> Any:
        for part in self.parts:
            yield part


async def client_seconds(parts: list[bytes]) -> tuple[float, int]:
    """Seconds of CPU, and the number of chunks."""
    headers = {"content-type": "text/event-stream"}
    transport = http.MockTransport(lambda _: http.Response(200, headers=headers, stream=Body(parts)))
    session = openai.DefaultAsyncHttpxClient(transport=transport)
    async with openai.AsyncOpenAI(base_url="http://loopback/v1", api_key="none", http_client=session) as client:
        stream = await client.chat.completions.create(model="m", messages=[], stream=True)
        count = 0
        start = time.process_time()
        async for _ in stream:
            count += 1
        return time.process_time() - start, count


def parser_seconds(parts: list[bytes]) -> tuple[float, StreamParser]:
    """Seconds of CPU, and the parser."""
    parser = StreamParser()
    start = time.process_time()
    for part in parts:
        parser.feed_bytes(part)
    parser.close()
    return time.process_time() - start, parser


def rows(quick: bool) -> Rows:  # noqa: FBT001 - one option
    """A row for each kind of stream."""
    events, rounds = (500, 3) if quick else (EVENTS, ROUNDS)
    found = []
    for kind in KINDS:
        parts = pieces(body(chunks(kind, events)).encode())
        ours, theirs = [], []
        for _ in range(rounds):
            client, count = asyncio.run(client_seconds(parts))
            own, parser = parser_seconds(parts)
            result = parser.result
            text = result.content or result.tool_calls[0].arguments
            if text.count("w") != events:  # fast and wrong counts for nothing
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
