"""The cost of a short stream: a call of the message tool in nine chunks, from creating the parser to the result.

python benchmarks/short.py [--quick] [--json]
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

from measure import Rows, main, no_collections, significant

from streamfsm import StreamParser
from streamfsm.replay.capture import body

STREAMS = 100  # each stage is measured for all of them
ROUNDS = 40
PIECES = ('{"thi', 'nking":"a b', 'c","mess', 'age":"Hel', "lo the", 're"}')
USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12, "prompt_tokens_details": {"cached_tokens": 0}}


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a chunk as OpenAI's server sends it."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    stamps = {"service_tier": "default", "system_fingerprint": "fp_0123456789"}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1762345678, "model": "gpt-4.1"}
    return {**head, **stamps, "choices": choices, "usage": None, **more}


def stream() -> list[dict[str, Any]]:
    """Return the chunks of the stream."""
    function = {"name": "send_message", "arguments": ""}
    call = {"index": 0, "id": "call_1", "type": "function", "function": function}
    pieces = [chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}) for piece in PIECES]
    head = chunk({"role": "assistant", "content": None, "tool_calls": [call]})
    return [head, *pieces, chunk({}, "tool_calls"), chunk(usage=USAGE)]


def seconds(each: Callable[[StreamParser], object], parsers: list[StreamParser]) -> float:
    """Return the CPU seconds per parser."""
    start = time.process_time()
    for parser in parsers:
        each(parser)
    return (time.process_time() - start) / len(parsers)


def rows(quick: bool) -> Rows:  # noqa: FBT001 - one option
    """Return a row for each stage of a stream, and one for all of them from bytes."""
    chunks = stream()
    data = body(chunks).encode()
    first, *others, usage = chunks

    def feed(parser: StreamParser) -> None:
        for each in others:
            parser.feed(each)

    parts: dict[str, Callable[[StreamParser], object]] = {
        "made": lambda _: StreamParser(),
        "first chunk": lambda parser: parser.feed(first),
        "arguments, finish": feed,
        "usage": lambda parser: parser.feed(usage),
        "closed": lambda parser: parser.close(),
        "result": lambda parser: parser.result,
    }
    costs: dict[str, list[float]] = {name: [] for name in (*parts, "made, fed as bytes")}
    for _ in range(ROUNDS // 4 if quick else ROUNDS):
        parsers = [StreamParser() for _ in range(STREAMS)]
        with no_collections():
            for name, part in parts.items():
                costs[name].append(seconds(part, parsers))
            costs["made, fed as bytes"].append(seconds(lambda _: StreamParser().feed_bytes(data), parsers))
        if {parser.result.assistant_text for parser in parsers} != {"Hello there"}:
            raise AssertionError("wrong result")
    return [{"part": name, "µs": significant(statistics.median(each) * 1e6)} for name, each in costs.items()]


if __name__ == "__main__":
    main(rows, __doc__)
