"""Law 7 in bytecode instructions: twice the stream takes at most twice as many, whatever its shape and its cuts.

``test_laws.py`` counts calls, which a loop without calls escapes; this counts what the interpreter executes, our code
and all that it calls in Python. Neither sees the inside of a regular expression: ``benchmarks/feed.py`` does.
"""

from collections.abc import Callable
from typing import Any

import pytest
from helpers import call_chunks, chunk, chunked, counted
from streams import SHAPES

from streamfsm import Channel, StreamParser, ThinkTags
from streamfsm.replay.capture import body

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
STEPS = pytest.mark.parametrize("step", [1, 4, 10**9], ids=["by character", "by four", "whole"])


def instructions(pieces: list[Any], **options: Any) -> int:
    """What a parser takes for chunks, or for pieces of a body."""
    feed = StreamParser.feed_bytes if isinstance(pieces[0], bytes) else StreamParser.feed

    def run() -> None:
        parser = StreamParser(**options)
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
