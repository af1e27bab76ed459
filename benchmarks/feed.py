"""What a delta costs: ``StreamParser.feed`` over a floor, at growing sizes.

The floor is one loop that reads the same fields of the same ready chunk objects and builds one of our messages per
delta with its validated constructor. Floor and parser run in turn on the same batches, so the ratio holds when the
machine's speed drifts. Prints ns per delta, the ratio, and the exponent fitted over the sizes (1.00: linear).

    python benchmarks/feed.py [--quick]
"""

import argparse
import gc
import json
import math
import statistics
import time
from collections.abc import Iterator
from datetime import datetime, timezone

from openai.types.chat import ChatCompletionChunk

from streamfsm import AssistantMessage, ReasoningMessage, StreamMessage, StreamParser, ToolCallDelta, ToolCallMessage

KINDS = ("content", "reasoning", "message", "thoughts", "string", "raw")
BATCH = 4096  # ready chunk objects; a million at once would need gigabytes
NOW = datetime.now(timezone.utc).replace(microsecond=0)
OTID = "00000000-0000-4000-8000-000000000000"
SENTENCE = 'A sentence of plain words, then a \\"quote\\", a line\\nbreak and an emoji \\ud83d\\ude00. '
NESTED = '{"id": 17, "tags": ["a", "bc"], "at": {"x": -1.5e3, "ok": true}}, '


def stream(kind: str, size: int) -> str:
    """The text of a stream of ``kind`` with about ``size`` characters."""
    if kind in ("content", "reasoning"):
        return (json.loads(f'"{SENTENCE}"') * (size // len(SENTENCE) + 1))[:size]
    if kind == "raw":
        return '{"items": [' + (NESTED * (size // len(NESTED) + 1))[:-2] + "]}"
    key = {"message": "message", "thoughts": "thinking", "string": "query"}[kind]
    return f'{{"{key}": "' + SENTENCE * (size // len(SENTENCE) + 1) + '"}'


class Pool:
    """Ready chunk objects whose text is replaced between batches, outside the clock."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        name = "send_message" if kind == "message" else "search"
        if kind in ("content", "reasoning"):
            delta = {"reasoning_content" if kind == "reasoning" else "content": "x"}
            self.head: list[ChatCompletionChunk] = []
        else:
            delta = {"tool_calls": [{"index": 0, "function": {"arguments": "x"}}]}  # type: ignore[dict-item]
            call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": ""}}
            self.head = [self._chunk({"tool_calls": [call]})]
        self.chunks = [self._chunk(delta) for _ in range(BATCH)]

    @staticmethod
    def _chunk(delta: dict[str, object]) -> ChatCompletionChunk:
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        envelope = {"id": "c", "created": 0, "model": "gpt-4o", "object": "chat.completion.chunk"}
        return ChatCompletionChunk.model_validate({**envelope, "choices": [choice]})

    def batches(self, text: str, step: int) -> Iterator[list[ChatCompletionChunk]]:
        """The chunks of ``text`` cut every ``step`` characters."""
        for start in range(0, len(text), step * BATCH):
            pieces = [text[at : at + step] for at in range(start, min(start + step * BATCH, len(text)), step)]
            for chunk, piece in zip(self.chunks, pieces, strict=False):
                delta = chunk.choices[0].delta
                if self.kind == "content":
                    delta.content = piece
                elif self.kind == "reasoning":
                    delta.reasoning_content = piece  # type: ignore[attr-defined]
                else:
                    delta.tool_calls[0].function.arguments = piece  # type: ignore[index, union-attr]
            yield self.chunks[: len(pieces)]


def floor(kind: str, chunks: list[ChatCompletionChunk], out: list[StreamMessage]) -> None:
    """Read the fields, build a message."""
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


def measure(pool: Pool, text: str, step: int) -> tuple[float, float, int]:
    """Seconds of the floor, seconds of the parser, and the number of deltas."""
    parser = StreamParser()
    for chunk in pool.head:
        parser.feed(chunk)
    floor_time = parser_time = 0.0
    gc.disable()
    deltas = 0
    for chunks in pool.batches(text, step):
        out: list[StreamMessage] = []
        start = time.perf_counter()
        floor(pool.kind, chunks, out)
        middle = time.perf_counter()
        out.clear()
        before = time.perf_counter()
        for chunk in chunks:
            out += parser.feed(chunk)
        parser_time += time.perf_counter() - before
        floor_time += middle - start
        deltas += len(chunks)
    gc.enable()
    parser.close()
    check(pool.kind, text, parser)
    return floor_time, parser_time, deltas


def check(kind: str, text: str, parser: StreamParser) -> None:
    """A parser that is fast and wrong counts for nothing."""
    result = parser.result
    if kind in ("content", "reasoning"):
        assert getattr(result, kind) == text  # noqa: S101 - a benchmark has no other way to fail
    else:
        assert result.tool_calls[0].arguments == text  # noqa: S101
        assert result.tool_calls[0].verdict == "valid"  # noqa: S101


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """Slope of the line through (log size, log seconds)."""
    return statistics.linear_regression([math.log(size) for size in sizes], [math.log(s) for s in seconds]).slope


def main() -> None:
    """Print one line per kind, delta size and text size."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="up to 100 KB, three repetitions")
    quick = arguments.parse_args().quick
    sizes = [1_000, 10_000, 100_000] if quick else [1_000, 10_000, 100_000, 1_000_000]
    print(f"{'kind':10} {'delta':>5} {'size':>9} {'floor ns':>9} {'feed ns':>9} {'ratio':>6}")
    for kind in KINDS:
        pool = Pool(kind)
        for step in (1, 4, 64):
            totals = []
            for size in sizes:
                text = stream(kind, size)
                repetitions = 3 if quick or size * 1 > 100_000 * step else 7
                gc.collect()
                runs = [measure(pool, text, step) for _ in range(repetitions)]
                ratio = statistics.median(parser / floor for floor, parser, _ in runs)
                floor_ns = statistics.median(floor / n for floor, _, n in runs) * 1e9
                feed_ns = statistics.median(parser / n for _, parser, n in runs) * 1e9
                totals.append(statistics.median(parser for _, parser, _ in runs))
                print(f"{kind:10} {step:5} {len(text):9} {floor_ns:9.0f} {feed_ns:9.0f} {ratio:6.2f}")
            print(f"{kind:10} {step:5} exponent {exponent(sizes, totals):.3f}")


if __name__ == "__main__":
    main()
