"""Parsers that pull their chunks are fed: each chunk gets its answer, and nothing is left behind."""

import asyncio
import gc

import pytest
from helpers import call_chunks, chunk

from streamfsm import OpenAIStreamingInterface
from streamfsm.testing import LawBroken, PulledParser, Said, TracedParser, check_total, run

CHUNKS = [chunk(content=letter) for letter in "abc"]


@pytest.fixture(autouse=True)
def _nothing_is_left_behind():
    """An event loop or an asynchronous generator that was left open warns when it is collected, and warnings fail."""
    gc.freeze()  # what was there before is not looked through: half a second a test, late in a run
    yield
    gc.collect()
    gc.unfreeze()


def content(chunk):
    return Said("content", 0, chunk["choices"][0]["delta"]["content"])


async def echo(chunks):
    async for each in chunks:
        await asyncio.sleep(0)
        yield content(each)
    yield Said("stop", 0, "end")


def test_what_is_said_to_each_chunk_and_to_the_end_is_told_apart():
    found = run(lambda: PulledParser(echo), CHUNKS)
    assert found.steps == [[Said("content", 0, letter)] for letter in "abc"] + [[Said("stop", 0, "end")]]


def test_what_a_parser_says_before_it_asks_belongs_to_the_first_chunk():
    async def greets(chunks):
        yield Said("note", 0, "hello")
        async for each in chunks:
            yield content(each)

    assert run(lambda: PulledParser(greets), CHUNKS[:1]).steps == [
        [("note", 0, "hello", False), content(CHUNKS[0])],
        [],
    ]


def test_a_parser_that_looks_ahead_answers_late():
    async def late(chunks):
        before = None
        async for each in chunks:
            if before:
                yield content(before)
            before = each

    assert run(lambda: PulledParser(late), CHUNKS).steps == [[], [content(CHUNKS[0])], [content(CHUNKS[1])], []]


def test_a_parser_that_has_ended_says_nothing_more():
    async def first(chunks):
        async for each in chunks:
            yield content(each)
            return

    assert run(lambda: PulledParser(first), CHUNKS).steps == [[content(CHUNKS[0])], [], [], []]


def test_what_a_parser_leaves_open_is_closed():
    closed = []

    async def passed_on(chunks):
        try:
            async for each in chunks:
                yield each
        finally:
            await asyncio.sleep(0)
            closed.append("passed on")

    async def first(chunks):
        async for each in passed_on(chunks):
            yield content(each)
            return

    run(lambda: PulledParser(first), CHUNKS)
    assert closed == ["passed on"]


@pytest.mark.parametrize(("heard", "place"), [("a", "at chunk 1"), ("b", "at chunk 2"), (None, "at the end")])
def test_what_a_parser_raises_is_found_where_it_raises(heard, place):
    async def fails(chunks):
        async for each in chunks:
            if content(each).text == heard:
                break
            yield content(each)
        raise ValueError("no")

    with pytest.raises(LawBroken, match=rf"the parser raised ValueError\('no'\), {place}"):
        run(lambda: PulledParser(fails), CHUNKS)


def test_a_parser_that_cannot_begin_is_found_at_the_first_chunk():
    def refuses(_chunks):
        raise ValueError("no")

    with pytest.raises(LawBroken, match=r"the parser raised ValueError\('no'\), at chunk 1"):
        run(lambda: PulledParser(refuses), CHUNKS)


def test_a_parser_that_waits_for_what_never_comes_is_stopped():
    async def waits(chunks):
        async for each in chunks:
            yield content(each)
            await asyncio.Event().wait()

    with pytest.raises(LawBroken, match=r"no answer within 0\.1 seconds, at chunk 1"):
        check_total(lambda: PulledParser(waits), CHUNKS, seconds=0.1)


def test_our_facade_pulls_and_says_what_our_parser_says():
    chunks = call_chunks("send_message", ['{"thinking":"x', '","message":"y', 'z"}'])
    facade = run(lambda: PulledParser(OpenAIStreamingInterface(use_assistant_message=True).process), chunks)
    parser = run(TracedParser, chunks)
    assert [said for step in facade.steps for said in step] == [said for said in parser.said if said.kind != "stop"]
