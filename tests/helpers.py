"""What several test files share: chunks on the wire, ways to cut a text, and one way to run a parser."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from threading import get_ident
from typing import Any, NamedTuple

from streamfsm import StreamParser, coalesce
from streamfsm.testing import ALPHABET, splits
from streamfsm.testing.laws import without_collector
from streamfsm.testing.streams import ENVELOPE

__all__ = [
    "ALPHABET",
    "HALF",
    "ID",
    "OTHER_HALF",
    "TEXT_FIELDS",
    "THINK",
    "Told",
    "anomalies",
    "call",
    "call_chunks",
    "chunk",
    "chunked",
    "comes_again",
    "counted",
    "cut",
    "detail",
    "dumped",
    "fed",
    "feed",
    "found",
    "joined",
    "nested",
    "run",
    "said",
    "splits",
    "told",
    "without_collector",
]

ID = "message-7b5f3f7e-0d2a-4c3b-9a52-6f0c8d1e2a00"
THINK = ("<think>", "</think>")
HALF, OTHER_HALF = "\ud83d", "\ude00"

# The field of a result, its policy of the dialect, and how a delta says it.
TEXT_FIELDS = {
    "content": ("content", lambda text: {"content": text}),
    "refusal": ("content", lambda text: {"refusal": text}),
    "transcript": ("content", lambda text: {"audio": {"transcript": text}}),
    "reasoning": ("reasoning", lambda text: {"reasoning_content": text}),
}


def call(
    index: int | None = 0, call_id: str | None = None, name: str | None = None, arguments: str | None = None
) -> dict[str, Any]:
    """An entry of a delta's ``tool_calls``; what is ``None`` is left out."""
    entry = {"index": index, "id": call_id, "type": call_id and "function"}
    function = {"name": name, "arguments": arguments}
    return {
        **{key: value for key, value in entry.items() if value is not None},
        "function": {key: value for key, value in function.items() if value is not None},
    }


def chunk(
    *calls: dict[str, Any], finish: str | None = None, choice: int = 0, usage: Any = None, **delta: Any
) -> dict[str, Any]:
    """A chunk with one choice: ``chunk(content="Hi")``, ``chunk(call(0, "call_1", "f"))``, ``chunk(finish="stop")``."""
    if calls:
        delta["tool_calls"] = list(calls)
    wire = {**ENVELOPE, "choices": [{"index": choice, "delta": delta, "finish_reason": finish}]}
    return wire if usage is None else {**wire, "usage": usage}


def call_chunks(
    name: str, pieces: Iterable[str], call_id: str = "call_1", finish: str | None = "tool_calls"
) -> list[Any]:
    """One whole call as servers stream it: name and id, a chunk per piece of the arguments, the finish."""
    chunks = [chunk(call(0, call_id, name, "")), *(chunk(call(0, arguments=piece)) for piece in pieces)]
    return chunks if finish is None else [*chunks, chunk(finish=finish)]


def run(chunks: Iterable[Any], **options: Any) -> tuple[list[Any], StreamParser]:
    """Feed and close; all messages, and the parser."""
    parser = StreamParser(**{"message_id": ID, **options})
    messages = [message for piece in chunks for message in parser.feed(piece)]
    return messages + parser.close(), parser


def feed(parser: StreamParser, chunks: Iterable[Any]) -> list[Any]:
    """The messages of several chunks."""
    return [message for each in chunks for message in parser.feed(each)]


def detail(text: str = "", index: int | None = 0, kind: str = "reasoning.text", **fields: Any) -> dict[str, Any]:
    """An entry of a delta's ``reasoning_details``."""
    return {"type": kind, "index": index, "text": text, **fields}


def nested(depth: int, inner: Any) -> Any:
    """``inner`` in so many lists."""
    for _ in range(depth):
        inner = [inner]
    return inner


def fed(body: bytes, *sizes: int, **options: Any) -> tuple[list[Any], StreamParser]:
    """Feed the body in pieces of each size, which must say the same; and in one piece."""
    found = []
    for size in (len(body) or 1, *sizes):
        parser = StreamParser(message_id=ID, **options)
        messages = [each for at in range(0, len(body), size) for each in parser.feed_bytes(body[at : at + size])]
        found.append((messages + parser.close(), parser))
    (messages, parser), *others = found
    for other_messages, other in others:
        assert said(other_messages) == said(messages)
        assert other.result == parser.result
    return messages, parser


class Told(NamedTuple):
    """One text of a message, or what it says in place of one."""

    choice: int
    kind: str
    """``reasoning``, ``hidden``, ``assistant``, ``name``, ``arguments``, ``argument`` or ``stop``."""
    call: str | None
    """The id of its call, if it is one's."""
    text: str


def told(messages: Iterable[Any]) -> Iterator[Told]:
    """What messages say, each as it is. The tests' one reader of messages."""
    for message in messages:
        choice = message.choice_index
        match message.message_type:
            case "reasoning_message":
                yield Told(choice, "reasoning", None, message.reasoning)
            case "hidden_reasoning_message":
                yield Told(choice, "hidden", None, message.state)
            case "assistant_message":
                yield Told(choice, "assistant", None, message.content)
            case "tool_call_message" | "approval_request_message":
                call = message.tool_call
                for kind, text in (("name", call.name), ("arguments", call.arguments)):
                    if text is not None:
                        yield Told(choice, kind, call.tool_call_id, text)
            case "argument_message":
                yield Told(choice, "argument", message.tool_call_id, message.text)
            case _:
                yield Told(choice, "stop", None, message.stop_reason.value)


def said(messages: Iterable[Any]) -> list[tuple[str, str]]:
    """Messages as short tuples, coalesced: ``("assistant", "Hi")``, ``("name", "f")``, ``("stop", "end_turn")``."""
    return [(kind, text) for _, kind, _, text in told(coalesce(messages))]


def joined(messages: Iterable[Any], *kinds: str) -> str:
    """All text of these kinds."""
    return "".join(each.text for each in told(messages) if each.kind in kinds)


def dumped(messages: Iterable[Any]) -> list[dict[str, Any]]:
    """Messages as plain data."""
    return [message.model_dump() for message in messages]


def found(parser: StreamParser) -> list[tuple[str | None, str, str]]:
    """The result's calls: id, name, arguments."""
    return [(each.id, each.name, each.arguments) for each in parser.result.tool_calls]


def anomalies(parser: StreamParser) -> list[str]:
    """Kinds of the result's anomalies, in order."""
    return [anomaly.kind for anomaly in parser.result.anomalies]


def comes_again(text: str) -> bool:
    """Whether arguments hold an object, or ``null``, and then the same again."""
    text = text.lstrip(" \t\n\r")
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(text)
    except ValueError:
        return False
    return (value is None or isinstance(value, dict)) and text[end:].lstrip(" \t\n\r").startswith(text[:end])


def cut(text: str, at: Iterable[int]) -> list[str]:
    """``text`` cut at the indices ``at``, which may be in any order and repeated (a repeat makes an empty piece)."""
    return [text[start:end] for start, end in pairwise([0, *sorted(at), len(text)])]


def chunked(text: str, size: int) -> list[str]:
    """Pieces of ``size`` characters."""
    return [text[at : at + size] for at in range(0, len(text), size)]


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """Counts the bytecode instructions that this thread executes meanwhile; call what it gives afterwards.

    Without collections, which Hypothesis listens to.
    """
    count, own = 0, get_ident()

    def on_instruction(*_: Any) -> None:
        nonlocal count
        count += get_ident() == own  # events are those of all threads, of which a worker of pytest-xdist has two

    def trace(frame: Any, _event: str, _: Any) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return on_event

    def on_event(_frame: Any, event: str, _: Any) -> Any:
        nonlocal count
        if event == "opcode":
            count += 1
        return on_event

    with without_collector():
        if sys.version_info >= (3, 12):
            monitoring = sys.monitoring
            tool = next(number for number in range(6) if monitoring.get_tool(number) is None)
            monitoring.use_tool_id(tool, __name__)
            monitoring.register_callback(tool, monitoring.events.INSTRUCTION, on_instruction)
            monitoring.set_events(tool, monitoring.events.INSTRUCTION)
            try:
                yield lambda: count
            finally:
                monitoring.set_events(tool, 0)
                monitoring.register_callback(tool, monitoring.events.INSTRUCTION, None)
                monitoring.free_tool_id(tool)
        else:
            before = sys.gettrace()
            sys.settrace(trace)
            try:
                yield lambda: count
            finally:
                sys.settrace(before)
