"""How a stream ends, at every entrance: the tables of docs/facade.md, tried with the real client on loopback."""

import asyncio
import gzip
import json
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx
import openai
import pytest
from helpers import chunk

from streamfsm import (
    Dialect,
    Limits,
    OpenAIStreamingInterface,
    StreamError,
    StreamParser,
    aiter_messages,
    iter_messages,
)
from streamfsm.client.observer import SpanEvents
from streamfsm.replay.loopback import serve

REQUEST = {"model": "m", "messages": [], "stream": True}
FIRST = f"data: {json.dumps(chunk(content='Hello'))}\n\n".encode()
LAST = f"data: {json.dumps(chunk(finish='stop'))}\n\n".encode()
ERROR = b'data: {"error": {"message": "overloaded", "code": 503}}'
released = threading.Event()  # ends every stall when its test is over


def drop(_):
    yield FIRST
    raise ConnectionError


def stall(_):
    yield FIRST + LAST[:20]
    released.wait(10)


# What happens, as the table says it: what the server does, and with which options the stream is read.
CASES = {
    "the stream ends": ([FIRST, LAST], {}),
    "the body stops between events": ([FIRST], {}),
    "the connection is lost": (drop, {}),
    "an error payload": ([FIRST, ERROR, b"\n\n", LAST], {}),
    "an error payload without a blank line after it": ([FIRST, ERROR], {}),
    "an event that is not JSON": ([FIRST, b"data: oops\n\n", LAST], {}),
    "the JSON of the last event is cut off": ([FIRST, LAST.strip()[:-9]], {}),
    "more than `limits` allow": ([FIRST, FIRST, LAST], {"limits": Limits(text=7)}),
    "more than `limits` allow, in a last event without a blank line": (
        [FIRST, FIRST.strip()],
        {"limits": Limits(text=7)},
    ),
    "no finish reason, with `strict_end`": ([FIRST], {"dialect": Dialect(strict_end=True)}),
    "a deadline inside an event": (stall, {}),
    "gzip cut short": ([gzip.compress(FIRST * 99 + LAST)[:-30]], {}, {"headers": {"Content-Encoding": "gzip"}}),
    "an empty body": ([], {}),
    "an empty body that is not an event stream": ([], {}, {"headers": {"Content-Type": "application/json"}}),
    "an HTML page with status 200": ([b"<html>Sorry.</html>"], {}, {"headers": {"Content-Type": "text/html"}}),
    "a JSON error with status 200": (
        [b'{"error": {"message": "overloaded", "code": 503}}'],
        {},
        {"headers": {"Content-Type": "application/json"}},
    ),
    "an HTTP error before the first chunk": (
        [b'{"error": {"message": "overloaded", "code": 503}}'],
        {},
        {"headers": {"Content-Type": "application/json"}, "status": 500},
    ),
}
CLIENT = {"api_key": "none", "max_retries": 0, "timeout": 0.5}


class Span:
    def __init__(self):
        self.events = []

    def add_event(self, name, attributes):
        self.events.append((name, attributes))


def _async(url, options, span, start):
    """All messages, the error and the parser of an asynchronous reading that ``start`` starts."""

    async def main():
        http = openai.DefaultAsyncHttpxClient(trust_env=False)
        async with openai.AsyncOpenAI(base_url=url, http_client=http, **CLIENT) as client:
            seen, parser, error = [], None, None
            try:
                messages, parser = await start(client.chat.completions, options, span)
                async for message in messages:
                    seen.append(message)  # noqa: PERF401 - what came before an error counts
            except Exception as caught:  # noqa: BLE001 - whatever this version raises
                error = caught
            return seen, error, parser

    return asyncio.run(main())


def facade(options):
    return OpenAIStreamingInterface(**options, idle_timeout=0.2)


async def facade_on_chunks(completions, options, span):
    interface = facade(options)
    return interface.process(await completions.create(**REQUEST), span), interface.parser


async def facade_on_bytes(completions, options, span):
    interface = facade(options)
    return interface.process(completions.with_streaming_response.create(**REQUEST), span), interface.parser


async def asynchronous(completions, options, span):
    parser = StreamParser(**options)
    response = completions.with_streaming_response.create(**REQUEST)
    return aiter_messages(response, parser, observers=[SpanEvents(span)]), parser


def synchronous(url, options, span):
    parser, seen, error = StreamParser(**options), [], None
    http = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(base_url=url, http_client=http, **CLIENT) as client:
        response = client.chat.completions.with_streaming_response.create(**REQUEST)
        try:
            for message in iter_messages(response, parser, observers=[SpanEvents(span)]):
                seen.append(message)  # noqa: PERF402 - what came before an error counts
        except Exception as caught:  # noqa: BLE001 - whatever this version raises
            error = caught
    return seen, error, parser


def fed(url, options, _):
    """As one who has the bytes feeds them: ``fail`` for an error of the transport, else ``close``."""
    parser, seen = StreamParser(**options), []
    with httpx.Client(trust_env=False, timeout=0.5) as client:
        try:
            with client.stream("POST", url, json=REQUEST) as response:
                for data in response.iter_bytes():
                    seen += parser.feed_bytes(data)
            seen += parser.close()
        except httpx.HTTPError as error:
            seen += parser.fail(error)
    return seen, None, parser


ENTRANCES = {
    "the façade, on chunks": lambda *args: _async(*args, facade_on_chunks),
    "the façade, on bytes": lambda *args: _async(*args, facade_on_bytes),
    "`aiter_messages`": lambda *args: _async(*args, asynchronous),
    "`iter_messages`": synchronous,
    "`feed_bytes`": fed,
}


@contextmanager
def served(body, **how):
    released.clear()
    with serve(body if callable(body) else lambda _: body, **how) as url:
        try:
            yield url
        finally:
            released.set()


def cell(happens, entrance):
    """What the table says in a cell: the last message's stop reason, the error's code, and what is raised."""
    body, options, *how = CASES[happens]
    span = Span()
    with served(body, **(how[0] if how else {})) as url:
        messages, error, parser = ENTRANCES[entrance](url, options, span)
    told = [attributes for name, attributes in span.events if name == "stop_reason"]
    if parser is None:
        assert (messages, told) == ([], [])
        return f"`create` raises `{type(error).__name__}`"
    result = parser.result
    assert parser.state == ("failed" if result.error else "done")
    assert not any(call.ready for call in result.tool_calls) or not result.error
    last = messages[-1] if messages else None
    if last and last.message_type == "stop_reason":
        assert last.stop_reason == result.stop_reason or not result.choices
        assert bool(last.is_err) == bool(result.error)
    assert (error is None) == (result.error is None) or entrance == "`feed_bytes`"
    if error:
        assert last.stop_reason == "error"
        assert [attributes["error"] for attributes in told] == [str(error)]
        assert result.error.message == (str(error) or repr(error))
    else:
        assert told == []
    if not result.error:
        return f"`{result.stop_reason.value}`"
    name = f"`{type(error).__name__}`" if error else "failed"
    return f"{name}, `{result.error.code}`" if result.error.code else name


def rows(title):
    """The rows of the docs' table that begins with ``title``, its head first."""
    lines = (Path(__file__).parents[1] / "docs" / "facade.md").read_text(encoding="utf-8").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"| {title} |"))
    for line in lines[start:]:
        if not line:
            break
        yield [each.strip() for each in line.strip("|").split("|")]


HEAD, _, *ROWS = rows("What the server does")


def test_the_table_has_all_cases_and_all_entrances():
    assert [row[0] for row in ROWS] == list(CASES)
    assert HEAD[1:] == list(ENTRANCES)


@pytest.mark.slow("servers and deadlines at every entrance")
@pytest.mark.parametrize(
    ("happens", "entrance", "expected"),
    [(row[0], entrance, expected) for row in ROWS for entrance, expected in zip(ENTRANCES, row[1:], strict=True)],
)
def test_what_fails_is_raised_at_every_entrance_as_the_docs_say(happens, entrance, expected):
    assert cell(happens, entrance) == expected


def test_an_error_status_without_a_body_fails_where_the_client_does_not_look_at_it():
    async def read_async(url):
        async with httpx.AsyncClient(trust_env=False) as client:
            return [message async for message in aiter_messages(client.stream("POST", url, json=REQUEST))]

    with served([], status=502) as url, httpx.Client(trust_env=False) as client:
        with pytest.raises(StreamError, match="status 502") as caught:
            list(iter_messages(client.stream("POST", url, json=REQUEST)))
        assert caught.value.code == "502"
        with pytest.raises(StreamError, match="status 502"):
            asyncio.run(read_async(url))
