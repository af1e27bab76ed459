"""Many streams in one process: what a parser weighs, and that one that has ended leaves nothing behind."""

import asyncio
import gc
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing, suppress
from itertools import count, islice
from typing import Any

import pytest
from helpers import ID, call, call_chunks, chunk, counted, without_collector

from streamfsm import (
    Limits,
    OpenAIStreamingInterface,
    StreamError,
    StreamParser,
    ThinkTags,
    aiter_messages,
    iter_messages,
)
from streamfsm.replay.capture import body

pytestmark = pytest.mark.usefixtures("uncounted")

ARGUMENTS = ['{"thinking":"Hm \\ud83d', '\\ude00","mess', 'age":"Say \\"', 'hi\\"","a":[1,{"b":nu', "ll}]}"]
SPEECH = call_chunks("send_message", ARGUMENTS)
CHUNKS = [
    chunk(reasoning_content="Hm."),
    chunk(content="<think>a</think>b <th"),
    chunk(call(0, "call_1", "search", '{"thinking":"a","q'), call(1, "call_2", "send_message", ARGUMENTS[0])),
    chunk(call(0, arguments='":1}'), unknown={"field": [1]}),
    {"choices": "odd"},
    chunk(content="late", choice=1, usage={"prompt_tokens": 1}),
]


def feed(chunks: list[Any], ending: str = "close", **options: Any) -> StreamParser:
    parser = StreamParser(**options)
    for each in chunks:
        parser.feed(each)
    parser.fail(ConnectionError("gone")) if ending == "fail" else getattr(parser, ending)()
    assert parser.result.model_dump_json()
    return parser


def feed_bytes() -> None:
    parser = StreamParser()
    data = body(SPEECH).encode()
    for at in range(0, len(data), 7):
        parser.feed_bytes(data[at : at + 7])
    assert parser.state == "done"


def restore() -> None:
    parser = StreamParser(trace=[])
    for each in SPEECH:
        parser = StreamParser.restore(parser.snapshot(), trace=[])
        parser.feed(each)
    parser.close()


async def pieces(*, broken: bool = False) -> AsyncIterator[bytes]:
    yield body(SPEECH[:3]).encode().removesuffix(b"data: [DONE]\n\n")
    if broken:
        raise ConnectionError("gone")


def read_body(*, broken: bool = False) -> None:
    async def read() -> None:
        with suppress(ConnectionError):
            async for _ in aiter_messages(pieces(broken=broken)):
                pass

    asyncio.run(read())


def read_broken_body() -> None:
    def broken() -> Iterator[bytes]:
        yield b"data: {}"
        raise ConnectionError("gone")

    with suppress(ConnectionError):
        list(iter_messages(broken()))


async def wire(*, broken: bool) -> AsyncIterator[Any]:
    for each in SPEECH:
        yield each
    if broken:
        raise ConnectionError("gone")


def facade(*, leave_at: str = "", broken: bool = False) -> None:
    async def read() -> None:
        interface = OpenAIStreamingInterface(use_assistant_message=True)
        with suppress(ConnectionError):
            async with aclosing(interface.process(wire(broken=broken))) as messages:
                async for message in messages:
                    if message.message_type == leave_at:
                        break

    asyncio.run(read())


def facade_sync(*, leave_at: str = "") -> None:
    def broken() -> Iterator[Any]:
        yield from SPEECH
        raise ConnectionError("gone")

    with (
        suppress(ConnectionError),
        closing(OpenAIStreamingInterface(use_assistant_message=True).process_sync(broken())) as messages,
    ):
        for message in messages:
            if message.message_type == leave_at:
                break


def failed_at_the_end(read: Callable[..., Any]) -> None:
    with suppress(StreamError):
        list(read(iter([body(SPEECH[:3]).encode().removesuffix(b"data: [DONE]\n\n") + b'data: {"error": "x"}'])))


LIVES: dict[str, Callable[[], object]] = {
    "speech": lambda: feed(SPEECH),
    "everything at once": lambda: feed(CHUNKS, think_tags=("<think>", "</think>")),
    "undecided of its tags": lambda: feed(CHUNKS, think_tags=ThinkTags("<think>", "</think>", starts="auto")),
    "cancelled": lambda: feed(CHUNKS, "cancel"),
    "failed": lambda: feed(CHUNKS, "fail"),
    "cut by a limit": lambda: feed(SPEECH, limits=Limits(arguments=20)),
    "traced": lambda: feed(SPEECH, trace=[]),
    "not JSON": lambda: StreamParser().feed_bytes(b"data: x\n\n"),
    "from bytes": feed_bytes,
    "restored": restore,
    "never fed": StreamParser,
    "never closed": lambda: StreamParser().feed(SPEECH[0]),
    "a body, synchronously": lambda: list(iter_messages(iter([body(SPEECH).encode()]))),
    "a body": read_body,
    "a broken body": lambda: read_body(broken=True),
    "a broken body, synchronously": read_broken_body,
    "a body, failed at its end, synchronously": lambda: failed_at_the_end(iter_messages),
    "the façade, failed at the end, synchronously": lambda: failed_at_the_end(
        lambda pieces: OpenAIStreamingInterface().process_sync(pieces)
    ),
    "the façade": facade,
    "the façade, left": lambda: facade(leave_at="assistant_message"),
    "the façade, broken": lambda: facade(broken=True),
    "the façade, broken, left at the stop reason": lambda: facade(leave_at="stop_reason", broken=True),
    "the façade, broken, synchronously": facade_sync,
    "the façade, broken, left at the stop reason, synchronously": lambda: facade_sync(leave_at="stop_reason"),
}
EACH_LIFE = pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)


def ours() -> Counter[str]:
    """Our living objects, by type."""
    return Counter(
        type(each).__qualname__ for each in gc.get_objects() if str(type(each).__module__).startswith("streamfsm")
    )


@pytest.mark.slow("many collections")
@EACH_LIFE
def test_a_stream_leaves_nothing_for_the_garbage_collector(life: Callable[[], object]):
    life()
    with without_collector():
        before = ours()
        life()
        assert ours() - before == Counter()


@pytest.mark.slow("memory is walked")
def test_what_lives_is_seen():
    with without_collector():
        before = ours()
        parser = feed(SPEECH)
        assert (ours() - before)["StreamParser"] == 1
        parser._template = parser  # a cycle
        del parser
        assert (ours() - before)["StreamParser"] == 1


def allocated(run: Callable[[], object]) -> int:
    """Bytes that another ``run`` adds, and keeps.

    The least of three: the first may leave what the interpreter keeps for the next, and another thread, of which a
    worker of pytest-xdist has one, may allocate meanwhile.
    """
    kept: list[object] = []
    tracemalloc.start()
    try:
        added = []
        for _ in range(4):
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            kept.append(run())
            gc.collect()
            added.append(tracemalloc.get_traced_memory()[0] - before)
        return min(added[1:])
    finally:
        tracemalloc.stop()


@pytest.mark.slow("many streams")
@pytest.mark.parametrize("odd", [False, True])
def test_nothing_grows_over_many_streams(*, odd: bool):
    """Each stream says other things: ids, models, names, keys, finish reasons, unknown fields."""

    def stream(number: int) -> None:
        name = f"{number:06}"
        call_id = f"call_{name}"
        said = {"content": name, "reasoning_content": name}
        chunks = [
            {**chunk(**said), "id": name, "model": name},
            *call_chunks(name, [f'{{"{name}":1}}'], call_id, finish=name if odd else "tool_calls"),
        ]
        feed([*chunks, {name: name, "choices": name}] if odd else chunks, inner_thoughts_kwarg=name)

    numbers = count()

    def many(streams: int) -> None:
        for number in islice(numbers, streams):
            stream(number)

    many(1100)  # Python 3.10 makes what it keeps of a function at its 1024th call
    # An entry of a dictionary a stream would be three times as much; the interpreter's own caches take some.
    assert allocated(lambda: many(300)) < 40 * 300


def opened(chunks: list[Any]) -> StreamParser:
    parser = StreamParser()
    for each in chunks:
        parser.feed(each)
    return parser


@pytest.mark.slow("many parsers, measured")
@pytest.mark.parametrize(
    ("chunks", "bound"),
    [([], 3_200), ([chunk(content="Hello")], 6_500), (SPEECH[:4], 8_500)],
    ids=["idle", "in its content", "in its message"],
)
def test_an_open_parser_is_small(chunks: list[Any], bound: int):
    opened(chunks)
    assert allocated(lambda: [opened(chunks) for _ in range(200)]) / 200 < bound


@pytest.mark.slow("instructions are counted")
def test_parsers_fed_in_turns_take_the_instructions_that_they_take_one_after_the_other():
    def cost(order: Callable[[list[StreamParser]], list[tuple[StreamParser, Any]]]) -> int:
        steps = order([StreamParser(message_id=ID) for _ in range(50)])
        with counted() as count:
            for parser, each in steps:
                parser.feed(each)
        return count()

    cost(lambda parsers: [(parser, each) for parser in parsers for each in SPEECH])  # what is built once
    alone = cost(lambda parsers: [(parser, each) for parser in parsers for each in SPEECH])
    assert cost(lambda parsers: [(parser, each) for each in SPEECH for parser in parsers]) == alone
