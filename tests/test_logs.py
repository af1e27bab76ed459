"""No word of a stream reaches a log or a warning, however the stream goes: they hold counts and names of our own."""

import asyncio
import json
import logging
import warnings
from contextlib import suppress

import pytest
from helpers import call, chunk
from response_events import added, argued, created, ended, function, message
from response_events import said as spoken

from streamfsm import Limits, OpenAIStreamingInterface, StreamError, StreamParser, TraceLog, iter_messages
from streamfsm.client.observer import Observer
from streamfsm.testing.responses import web_search

WORD = "xyzzy"


def loud(value):
    """A value with the word in each text and each name but those that a wire gives."""
    if isinstance(value, dict):
        return {name: loud(each) if name not in WIRE else each for name, each in value.items()} | {WORD: WORD}
    if isinstance(value, list):
        return [loud(each) for each in value]
    return f"{value}{WORD}" if isinstance(value, str) else value


WIRE = {"type", "object", "role", "status", "index"}
CHAT = [
    chunk(reasoning_content="Hm."),
    chunk(content="Hi <tool_call>{"),
    chunk(call(0, "a", "search", '{"q": "Ada"} and more'), call(1, "a", "null", "{")),
    chunk({"index": "0", "id": 7, "function": ["x"]}),
    chunk(call(2, "b", "send_message", '{"message": "Ada"')),
    chunk(usage={"completion_tokens": "many"}),
    chunk(finish="stop"),
]
RESPONSES = [
    created(),
    added(message()),
    spoken("Hi"),
    added(function(), 1),
    argued('{"a":1}', index=1),
    *web_search(2, "Ada"),
    {"type": "response.odd", "delta": "Ada"},
    ended(),
]
FAILURES = [
    [{"error": {"message": "Ada", "code": "Ada", "type": "Ada"}}],
    [{"type": "error", "message": "Ada", "code": "Ada"}],
    ["not an object", 5, None, {"odd": "Ada"}],
    [{"choices": "Ada"}, {"choices": [{"delta": "Ada", "finish_reason": ["Ada"]}]}],
]
STREAMS = [
    [loud(each) for each in stream] for stream in (CHAT, RESPONSES, *FAILURES, [*CHAT, *FAILURES[0], *RESPONSES])
]


class Raises(Observer):
    """Fails at all that it hears, with the words of the stream."""

    def _raise(self, *told):
        raise ValueError(f"{WORD} {told}")

    started = chunk_read = messages = first = ended = _raise
    add_event = __call__ = _raise  # as a span, and as a trace


class Wire:
    """Yields pieces; as it is closed, and as it ends if it ``fails``, it raises the words of the stream."""

    def __init__(self, pieces, *, fails):
        self._pieces = iter(pieces)
        self._fails = fails

    def __iter__(self):
        return self

    def __next__(self):
        for piece in self._pieces:
            return piece
        if self._fails:
            raise ConnectionError(WORD)
        raise StopIteration

    def __aiter__(self):
        return self

    async def __anext__(self):
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None

    def close(self):
        raise RuntimeError(WORD)

    aclose = close


def facade(stream, **options):
    interface = OpenAIStreamingInterface(trace=Raises(), observers=[Raises()], is_openai_proxy=True, **options)
    for _ in interface.process_sync(stream, Raises()):
        pass


def facade_async(stream, **options):
    async def main():
        interface = OpenAIStreamingInterface(trace=TraceLog(write=Raises()), observers=[Raises()], **options)
        async for _ in interface.process(stream, Raises()):
            pass

    asyncio.run(main())


def messages(stream, **options):
    list(iter_messages(stream, StreamParser(**options), observers=[Raises()]))


def by_hand(stream, **options):
    parser = StreamParser(**options)
    for piece in stream:
        parser.feed_bytes(piece) if isinstance(piece, bytes) else parser.feed(piece)
    parser.close()
    parser = StreamParser.restore(parser.snapshot())
    parser.feed({WORD: WORD})
    assert parser.result.model_dump_json()


def as_bytes(stream):
    return b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in stream)


@pytest.mark.parametrize("options", [{}, {"limits": Limits(text=3, arguments=3)}, {"limits": Limits(event=9)}])
@pytest.mark.parametrize("read", [facade, facade_async, messages, by_hand])
@pytest.mark.parametrize("stream", range(len(STREAMS)))
def test_no_word_of_a_stream_is_logged(caplog, stream, read, options):
    caplog.set_level(logging.DEBUG)
    for name in ("streamfsm", "transitions"):
        caplog.set_level(logging.DEBUG, name)
    body = as_bytes(STREAMS[stream])
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for pieces in (STREAMS[stream], [body], [body[:-9]], [f"<html>{WORD}".encode()], [json.dumps(WORD).encode()]):
            for fails in (True, False):
                with suppress(StreamError, ConnectionError, ValueError):  # which is the caller's to log
                    read(Wire(pieces, fails=fails), **options)
    told = [logging.Formatter().format(record) + repr(record.args) for record in caplog.records]
    told += [str(each.message) for each in warned]
    assert not [each for each in told if WORD in each]
    if read in (facade, facade_async):
        assert told


def test_a_word_that_is_logged_is_found(caplog):
    logging.getLogger("streamfsm").warning("%s", WORD)
    assert WORD in logging.Formatter().format(caplog.records[0])
