"""Law 7 in bytecode instructions: twice the stream takes at most twice as many, whatever its shape and its cuts.

``test_laws.py`` counts calls, which a loop without calls escapes; this counts what the interpreter executes, our code
and all that it calls in Python. Neither sees the inside of a regular expression: ``benchmarks/feed.py`` does.
"""

from collections.abc import Callable
from math import log
from typing import Any

import pytest
from helpers import call, call_chunks, chunk, chunked, counted
from streams import SHAPES

from streamfsm import Channel, Dialect, Limits, StreamParser, ThinkTags
from streamfsm.core.buffer import Buffer
from streamfsm.replay.capture import body

pytestmark = pytest.mark.usefixtures("uncounted")

TEXTS: dict[str, Callable[[int], str]] = {
    "plain": lambda n: "word " * n,
    "not ASCII": lambda n: "é\ud83d\ude00 " * n,
    "tags": lambda n: "<think>a</think>b" * n,
    "what may become a tag": lambda n: "<" * n,
}
ARGUMENTS: dict[str, Callable[[int], str]] = {
    **SHAPES,
    "thoughts": lambda n: '{"thinking":"' + "word " * n + '"}',
    "nested": lambda n: '{"list":[' + ",".join('{"a":[1,true,"b"]}' for _ in range(n)) + "]}",
    "captured again and again": lambda n: "{" + ",".join('"thinking":"a"' for _ in range(n)) + "}",
    "a captured value that is no string": lambda n: '{"message":[' + "1," * n + "1]}",
    "bad escapes": lambda n: '{"message":"' + "\\x" * n + '"}',
    "control characters": lambda n: '{"message":"' + "\n" * n + '"}',
    "more after the object": lambda n: "{}" + "x" * n,
}
TAGS = [("<think>", "</think>"), ("<never>", "</never>")]
MODES = [("outside", "anywhere"), ("auto", "start")]
SIZE = 80
PLAIN_ID = "not a UUID"  # of a UUID, the first 128 runs have ids that cost less
STEPS = pytest.mark.parametrize("step", [1, 4, 10**9], ids=["by character", "by four", "whole"])


def instructions(pieces: list[Any], **options: Any) -> int:
    """What a parser takes for chunks, or for pieces of a body."""
    feed = StreamParser.feed_bytes if isinstance(pieces[0], bytes) else StreamParser.feed

    def run() -> None:
        parser = StreamParser(message_id=PLAIN_ID, **options)
        for piece in pieces:
            feed(parser, piece)
        parser.close()

    with counted() as count:
        run()
    return count()


def growth(text: Callable[[int], str], pieces: Callable[[str], list[Any]], **options: Any) -> float:
    """What the double text takes over what the text takes, per character."""
    instructions(pieces(text(1)), **options)  # what is built once
    one, two = (instructions(pieces(text(size)), **options) / len(text(size)) for size in (SIZE, 2 * SIZE))
    return two / one


@pytest.mark.slow("every instruction is counted")
@STEPS
@pytest.mark.parametrize("field", ["content", "reasoning_content", "refusal"])
@pytest.mark.parametrize("mode", MODES, ids="-".join)
@pytest.mark.parametrize("shape", TEXTS)
def test_twice_the_text_takes_at_most_twice_as_many_instructions(
    shape: str, mode: tuple[Any, Any], field: str, step: int
):
    def pieces(text: str) -> list[Any]:
        return [chunk(**{field: piece}) for piece in chunked(text, step)]

    assert growth(TEXTS[shape], pieces, think_tags=[ThinkTags(*pair, *mode) for pair in TAGS]) <= 1


@pytest.mark.slow("every instruction is counted")
@STEPS
@pytest.mark.parametrize("tool", ["send_message", "search"])
@pytest.mark.parametrize("shape", ARGUMENTS)
def test_twice_the_arguments_take_at_most_twice_as_many_instructions(shape: str, tool: str, step: int):
    assert growth(ARGUMENTS[shape], lambda text: call_chunks(tool, chunked(text, step))) <= 1


LEAVES: dict[str, Callable[[int], str]] = {
    **{shape: ARGUMENTS[shape] for shape in ("a long message", "nested", "bad escapes")},
    "many members": lambda n: "{" + ",".join(f'"{number:05}":1' for number in range(n)) + "}",
    "deep": lambda n: '{"a":' * n + "1" + "}" * n,
    "under a long key": lambda n: '{"' + "k" * 9 * n + '":{' + ",".join(['"a":1'] * n) + "}}",
    "a wide array": lambda n: '{"a":[' + ",".join(["[]"] * n) + "]}",
}


@pytest.mark.slow("every instruction is counted")
@STEPS
@pytest.mark.parametrize("shape", LEAVES)
def test_twice_the_leaves_take_at_most_twice_as_many_instructions(shape: str, step: int):
    """Those of ``$..*``. What is paid once, and a path that grows up to its longest, is more for the smaller one."""
    pieces = lambda text: call_chunks("search", chunked(text, step))  # noqa: E731 - as short as it gets
    assert growth(lambda size: LEAVES[shape](size * 3), pieces, channels=[Channel("$..*")]) <= 1.02


@pytest.mark.slow("every instruction is counted")
@STEPS
@pytest.mark.parametrize("shape", ["a long message", "nested"])
def test_twice_the_bytes_take_at_most_twice_as_many_instructions(shape: str, step: int):
    def pieces(text: str) -> list[bytes]:
        data = body(call_chunks("send_message", chunked(text, 16))).encode()
        return [data[at : at + step] for at in range(0, len(data), step)]

    assert growth(lambda size: ARGUMENTS[shape](size // 5), pieces) <= 1


@pytest.mark.slow("streams of several lengths")
def test_reading_all_again_takes_more():
    def reread(size: int) -> None:
        for end in range(size):
            for _ in range(end):
                pass

    def cost(size: int) -> int:
        with counted() as count:
            reread(size)
        return count()

    assert cost(2 * SIZE) > 3 * cost(SIZE)


# -- many of a thing ---------------------------------------------------------------------------------------------------


def _many(make: Callable[[int], Any]) -> Callable[[int], list[Any]]:
    return lambda count: [make(number) for number in range(count)]


MANY: dict[str, Callable[[int], list[Any]]] = {
    "calls": _many(lambda i: chunk(call(i, f"c{i}", "f", '{"a":1}'))),
    "calls of the message tool": _many(lambda i: chunk(call(i, f"c{i}", "send_message", '{"message":"x"}'))),
    "calls in one delta": lambda n: [chunk(*[call(i, f"c{i}", "f", "{}") for i in range(n)])],
    "calls that share an id": _many(lambda i: chunk(call(i, "c", "f", "{}"))),
    "calls without index": _many(lambda i: chunk(call(None, f"c{i}", "f", '{"a":1}'))),
    "calls without names": _many(lambda i: chunk(call(i, f"c{i}", None, '{"a":1}'))),
    "calls never named then finish": lambda n: [
        *_many(lambda i: chunk(call(i, f"c{i}", None, '{"a":1}')))(n),
        chunk(call(n, "z", "f", None)),
        chunk(finish="tool_calls"),
    ],
    "calls without args": _many(lambda i: chunk(call(i, f"c{i}", "f"))),
    "names, then arguments elsewhere": lambda n: [
        *_many(lambda i: chunk(call(i, f"c{i}", "f")))(n),
        *_many(lambda i: chunk(call(n + i, None, None, '{"a":1}')))(n),
    ],
    "arguments, then names elsewhere": lambda n: [
        *_many(lambda i: chunk(call(i, None, None, '{"a":1}')))(n),
        *_many(lambda i: chunk(call(n + i, f"c{i}", "f")))(n),
    ],
    "arguments, then their names, then names elsewhere": lambda n: [
        *_many(lambda i: chunk(call(i, f"a{i}", None, '{"a":')))(n),
        *_many(lambda i: chunk(call(i, None, "f", "1}")))(n),
        *_many(lambda i: chunk(call(n + i, f"c{i}", "f")))(n),
    ],
    "ids, then names elsewhere": lambda n: [
        *_many(lambda i: chunk(call(i, f"a{i}")))(n),
        *_many(lambda i: chunk(call(n + i, f"c{i}", "f")))(n),
    ],
    "calls, then arguments elsewhere": lambda n: [
        *_many(lambda i: chunk(call(i, f"c{i}", "f", '{"a":1}')))(n),
        *_many(lambda i: chunk(call(n + i, None, None, '{"a":1}')))(n),
    ],
    "ids of one call": lambda n: [chunk(call(0, "c", "f")), *[chunk(call(0, f"c{i}", None, "1")) for i in range(n)]],
    "indexes": lambda n: [chunk(call(i, "c", None, "1")) for i in range(n)],
    "echo": lambda n: [chunk(call(0, "c0", "f", '{"a":1}')) for i in range(n)],
    "calls with finish each": lambda n: [
        c for i in range(n) for c in (chunk(call(i, f"c{i}", "f", '{"a":1}')), chunk(finish="tool_calls"))
    ],
    "open calls with finish each": lambda n: [
        c for i in range(n) for c in (chunk(call(i, f"c{i}", "f", '{"a":')), chunk(finish="tool_calls"))
    ],
    "orphans with finish each": lambda n: [
        c for i in range(n) for c in (chunk(call(i, f"c{i}", None, '{"a":')), chunk(finish="tool_calls"))
    ],
    "choices": _many(lambda i: chunk(choice=i, content="x")),
    "choices with calls": _many(lambda i: chunk(call(0, f"c{i}", "f", "{}"), choice=i)),
    "choices answered by calls": lambda n: [
        chunk(choice=0, content="x"),
        *[chunk(call(0, f"c{i}", "f", "{}"), choice=i + 1, finish="tool_calls") for i in range(n)],
    ],
    "choices finished": _many(lambda i: chunk(choice=i, content="x", finish="stop")),
    "turns": lambda n: [chunk(**({"content": "x"} if i % 2 else {"reasoning_content": "x"})) for i in range(n)],
    "turns in choices": lambda n: [
        chunk(choice=i // 2, **({"content": "x"} if i % 2 else {"reasoning_content": "x"})) for i in range(n)
    ],
    "details": _many(
        lambda i: chunk(reasoning_details=[{"type": "reasoning.text", "text": "x", "index": i, "signature": "s"}])
    ),
    "details of one": _many(lambda _: chunk(reasoning_details=[{"type": "reasoning.text", "text": "x", "index": 0}])),
    "signed": _many(
        lambda i: chunk(reasoning_details=[{"type": "reasoning.text", "text": "x", "index": 0, "signature": f"s{i}"}])
    ),
    "extras": _many(lambda i: chunk(odd=i)),
    "extra names": _many(lambda i: chunk(**{f"odd{i}": i})),
    "extras of the chunk": _many(lambda i: {**chunk(), f"odd{i}": i}),
    "kept apart": _many(lambda i: {**chunk(), "vendor": {f"odd{i}": i}}),
    "anomalies": _many(lambda i: chunk(finish=f"odd{i}")),
    "wrong types": _many(lambda i: chunk(content=i)),
    "not chunks": _many(lambda i: i),
    "usage": _many(lambda i: chunk(usage={"completion_tokens": i, "x": {"y": i}})),
    "usage names": _many(lambda i: chunk(usage={f"odd{i}": i})),
    "late": lambda n: [
        chunk(content="x"),
        chunk(finish="stop"),
        {"error": {"message": "x"}},
        *[chunk(content="x") for i in range(n)],
    ],
    "models": _many(lambda i: {**chunk(content="x"), "model": f"m{i}", "id": f"id{i}"}),
    "names": lambda n: [chunk(call(0, "c", "f"[:1])) for i in range(n)],
    "choice unreadable": _many(lambda i: {"choices": [{"index": str(i), "delta": {"content": "x"}}]}),
    "duplicate keys": lambda n: [
        chunk(call(0, "c", "f", "{")),
        *[chunk(call(0, None, None, f'"a{i}":1,"a{i}":2,')) for i in range(n)],
    ],
    "thought objects": _many(lambda _: chunk(reasoning_content={"text": "x"})),
    "function_call": _many(lambda _: chunk(function_call={"name": "f", "arguments": "{}"})),
}

ENDLESS = Limits(tool_calls=10**6, choices=10**6, anomalies=10**6)


def _cost(chunks: list[Any], what: str, **options: Any) -> int:
    """Instructions to feed the chunks and close, or to ask for the result or a snapshot afterwards."""
    parser = StreamParser(limits=ENDLESS, message_id=PLAIN_ID, **options)

    def feed() -> None:
        for each in chunks:
            parser.feed(each)
        parser.close()

    if what == "feed":
        with counted() as count:
            feed()
        return count()
    feed()
    with counted() as count:
        parser.result if what == "result" else parser.snapshot()
    return count()


@pytest.mark.slow("every instruction is counted")
@pytest.mark.parametrize("what", ["feed", "result", "snapshot"])
@pytest.mark.parametrize("shape", MANY)
def test_the_cost_of_many_grows_with_their_number_and_no_faster(shape: str, what: str):
    few, many = 40, 160
    costs = [max(_cost(MANY[shape](count), what), 100) for count in (few, many)]
    exponent = log(costs[1] / costs[0]) / log(many / few)
    assert exponent <= 1.02


SEALED: dict[str, Callable[[int], list[Any]]] = {
    **{shape: MANY[shape] for shape in ("calls", "calls in one delta", "choices with calls", "calls with finish each")},
    "calls, then pieces of one": lambda n: [
        *MANY["calls"](n),
        *MANY["names"](n),
        *(chunk(call(n, arguments="1")),) * n,
    ],
    "calls, then chunks that are not": lambda n: [*MANY["calls"](n), *MANY["not chunks"](n)],
    "calls, then odd arguments": lambda n: [*MANY["calls"](n), *(chunk(call(0, arguments=5)),) * n],
    "calls, each doubted": lambda n: [*MANY["calls"](n), *(chunk(call(i, None, "g")) for i in range(n))],
}


@pytest.mark.slow("every instruction is counted")
@pytest.mark.parametrize("shape", SEALED)
def test_the_cost_of_many_sealed_calls_grows_with_their_number_and_no_faster(shape: str):
    costs = [_cost(SEALED[shape](count), "feed", seal_tools=["f"]) for count in (40, 160)]
    assert log(costs[1] / costs[0]) / log(4) <= 1.02


@pytest.mark.parametrize("policy", ["content", "reasoning", "arguments"])
def test_a_short_cumulative_piece_reads_no_more_than_its_length(policy: str):
    said = {"content": "content", "reasoning": "reasoning_content"}

    def piece(text: str) -> dict[str, Any]:
        return chunk(call(0, None, None, text)) if policy == "arguments" else chunk(**{said[policy]: text})

    class Counting(Buffer):
        most = 0

        def part(self, start: int, size: int) -> str:
            Counting.most = max(Counting.most, len(text := super().part(start, size)))
            return text

        def getvalue(self) -> str:
            raise AssertionError("read as a whole")

    parser = StreamParser(dialect=Dialect(**{policy: "snapshot"}), inner_thoughts_kwarg=None)
    parser.feed(chunk(call(0, "a", "f")))
    parser.feed(piece('{"a":"' + "word " * 1000))
    choice = parser._response.run.choices[0]
    lane = choice.calls.lanes[0] if policy == "arguments" else choice.texts[policy]
    name = {"arguments": "arguments", "content": "answer", "reasoning": "reasoning"}[policy]
    buffer = Counting(getattr(lane, name).getvalue())
    setattr(lane, name, buffer)
    parser.feed(piece('{"a":"wo'))
    assert 0 < Counting.most <= len('{"a":"wo')
