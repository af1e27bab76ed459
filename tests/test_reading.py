"""One reading behind every entrance: what observers hear, what is raised, and how it waits without ``anyio``."""

import asyncio
import subprocess
import sys
import time

import pytest
from helpers import call_chunks, chunk, said

from streamfsm import (
    Limits,
    MisuseError,
    OpenAIStreamingInterface,
    StreamError,
    StreamParser,
    StreamTimeout,
    aiter_messages,
    iter_messages,
)
from streamfsm.client import waiting
from streamfsm.client.observer import Observer
from streamfsm.client.reading import END, Reading
from streamfsm.replay import capture

SPEECH = call_chunks("send_message", ['{"thinking":"Hm.",', '"message":"Hi"}'])
SAID = [("reasoning", "Hm."), ("assistant", "Hi"), ("stop", "tool_calls")]
BODY = capture.body(SPEECH).encode()
PIECES = [BODY[at : at + 300] for at in range(0, len(BODY), 300)]


class Notes(Observer):
    """Writes down what it hears."""

    def __init__(self):
        self.heard = []
        self.chunks = 0
        self.seen = []

    def started(self, parser):
        self.heard.append(("started", parser.state))

    def chunk_read(self):
        self.chunks += 1

    def messages(self, messages):
        assert messages
        self.seen += messages

    def first(self, message):
        assert message not in self.seen
        self.heard.append(("first", message.message_type))

    def ended(self, result, error):
        self.heard.append(("ended", result.stop_reason.value, error and str(error)))


async def each(items, error=None):
    for item in items:
        yield item
    if error:
        raise error


def facade(items, observers, **options):
    async def consume():
        interface = OpenAIStreamingInterface(use_assistant_message=True, observers=observers, **options)
        return [message async for message in interface.process(each(items))]

    return asyncio.run(consume())


def facade_sync(items, observers, **options):
    interface = OpenAIStreamingInterface(use_assistant_message=True, observers=observers, **options)
    return list(interface.process_sync(items))


def asynchronous(items, observers, **options):
    async def consume():
        return [m async for m in aiter_messages(each(items), StreamParser(**options), observers=observers)]

    return asyncio.run(consume())


def synchronous(items, observers, **options):
    return list(iter_messages(iter(items), StreamParser(**options), observers=observers))


def by_hand(items, observers, **options):
    with Reading(StreamParser(**options), observers) as reading:
        return [message for item in [*items, END] for message in reading.next(item)]


ENTRANCES = [facade, facade_sync, asynchronous, synchronous, by_hand]
every_entrance = pytest.mark.parametrize("read", ENTRANCES)


@every_entrance
@pytest.mark.parametrize("items", [SPEECH, PIECES], ids=["chunks", "bytes"])
def test_an_observer_hears_the_start_each_chunk_the_first_of_each_type_and_the_end(read, items):
    notes = Notes()
    messages = read(items, [Observer(), notes])
    kept = [] if read in (facade, facade_sync) else [("first", "stop_reason")]  # the façade keeps that of a good end
    first = [("first", "reasoning_message"), ("first", "assistant_message"), *kept]
    assert notes.heard == [("started", "open"), *first, ("ended", "tool_calls", None)]
    assert notes.chunks == len(items)
    assert notes.seen == messages
    assert said(messages) == SAID[: len(SAID) - (not kept)]


@every_entrance
def test_an_observer_hears_the_error_that_is_raised(read):
    notes = Notes()
    with pytest.raises(StreamError, match="more than 3 characters") as caught:
        read([chunk(content="Hello")], [notes], limits=Limits(text=3))
    assert caught.value.code == "limit"
    first = [("first", "assistant_message"), ("first", "stop_reason")]
    assert notes.heard == [("started", "open"), *first, ("ended", "error", "more than 3 characters of text")]
    assert notes.seen[-1].is_err


class Broken:
    """No observer at all: it has none of the methods."""


@every_entrance
def test_an_observer_that_fails_is_logged_and_the_stream_goes_on(read, caplog):
    assert said(read(SPEECH, [Broken()]))[:2] == SAID[:2]
    assert "failed with AttributeError\n" in caplog.text


def test_an_observer_hears_once_that_a_consumer_left():
    for leave_after in (1, 2):
        notes = Notes()
        messages = iter_messages(iter(SPEECH), observers=[notes])
        for _ in range(leave_after):
            next(messages)
        messages.close()
        assert notes.heard[-1] == ("ended", "cancelled", None)
        assert [name for name, *_ in notes.heard].count("ended") == 1


def test_a_reading_that_is_left_ends_its_stream_as_cancelled():
    parser = StreamParser()
    with Reading(parser) as reading:
        reading.next(SPEECH[0])
    assert parser.state == "cancelled"
    reading.finish()
    assert parser.state == "cancelled"


def test_an_error_of_the_loop_itself_is_not_replaced():
    def loop(reading):
        assert said(reading.next(chunk(content="Hello"))) == [("assistant", "Hel"), ("stop", "error")]
        assert reading.has_failed
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), Reading(StreamParser(limits=Limits(text=3))) as reading:
        loop(reading)


def test_an_error_of_the_transport_is_raised_when_the_loop_is_left():
    error = ConnectionError("gone")
    parser = StreamParser()
    with pytest.raises(ConnectionError) as caught, Reading(parser) as reading:
        assert said(reading.failed(error)) == [("stop", "error")]
    assert caught.value is error
    assert parser.result.error.message == "gone"


def test_a_parser_whose_stream_is_over_is_refused():
    parser = StreamParser()
    parser.close()
    with pytest.raises(MisuseError, match="has ended"):
        list(iter_messages(iter(SPEECH), parser))
    with pytest.raises(MisuseError, match="has ended"):
        asyncio.run(anext(aiter_messages(each(SPEECH), parser)))


# -- deadlines ---------------------------------------------------------------------------------------------------------


class Answering:
    """A transport that answers an interruption with something else."""

    def __init__(self, answer):
        self.answer = answer
        self.pieces = iter([BODY[:20]])

    def __aiter__(self):
        return self

    async def __anext__(self):
        for piece in self.pieces:
            return piece
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            raise self.answer from None


@pytest.mark.parametrize("answer", [StopAsyncIteration(), ConnectionError("gone")], ids=["the end", "an error"])
def test_a_deadline_inside_an_event_is_a_timeout_whatever_the_transport_makes_of_it(answer):
    async def consume():
        async for _ in interface.process(Answering(answer)):
            pass

    interface = OpenAIStreamingInterface(idle_timeout=0.02)
    with pytest.raises(StreamTimeout, match="idle"):
        asyncio.run(consume())
    assert interface.result.error.code == "timeout"


def test_an_error_before_the_deadline_is_the_transports_own():
    async def consume():
        async for _ in OpenAIStreamingInterface(total_timeout=5).process(each([], ConnectionError("gone"))):
            pass

    with pytest.raises(ConnectionError, match="gone"):
        asyncio.run(consume())


# -- without anyio -----------------------------------------------------------------------------------------------------


@pytest.fixture
def without_anyio(monkeypatch):
    monkeypatch.setattr(waiting, "_anyio", lambda: None)


async def stalling(close=0.0):
    try:
        yield SPEECH[0]
        await asyncio.sleep(30)
    finally:
        await asyncio.sleep(close)


@pytest.mark.usefixtures("without_anyio")
def test_without_anyio_deadlines_hold():
    async def consume(stream, **options):
        async for _ in OpenAIStreamingInterface(**options).process(stream):
            pass

    assert asyncio.run(consume(each(SPEECH), total_timeout=5)) is None
    with pytest.raises(StreamTimeout, match="idle"):
        asyncio.run(consume(stalling(), idle_timeout=0.02))
    with pytest.raises(ConnectionError, match="gone"):
        asyncio.run(consume(each([], ConnectionError("gone")), total_timeout=5))


class OwnTimeout(asyncio.TimeoutError):
    """As ``aiohttp`` has one."""


@pytest.mark.usefixtures("without_anyio")
def test_without_anyio_a_timeout_of_the_transports_own_stays_its_own():
    async def consume():
        async for _ in OpenAIStreamingInterface(total_timeout=5).process(each([], OwnTimeout("own"))):
            pass

    with pytest.raises(OwnTimeout):
        asyncio.run(consume())


@pytest.mark.usefixtures("without_anyio")
def test_without_anyio_a_close_that_takes_too_long_is_given_up(monkeypatch, caplog):
    monkeypatch.setattr("streamfsm.client.stream._CLOSING", 0.02)

    async def consume():
        start = time.monotonic()
        async for _ in OpenAIStreamingInterface(idle_timeout=0.02).process(Stuck()):
            pass
        assert time.monotonic() - start < 10

    class Stuck:
        def __aiter__(self):
            return each(SPEECH)

        async def aclose(self):
            await asyncio.sleep(30)

    asyncio.run(consume())
    assert "did not close within 0.02 s" in caplog.text


@pytest.mark.usefixtures("without_anyio")
def test_without_anyio_a_cancellation_goes_on_and_the_wire_is_closed():
    closed = []

    async def stream():
        try:
            async for item in stalling():
                yield item
        finally:
            closed.append(True)

    async def consume():
        async for _ in interface.process(stream()):
            pass

    async def main():
        task = asyncio.ensure_future(consume())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    interface = OpenAIStreamingInterface(total_timeout=20)
    asyncio.run(main())
    assert closed
    assert interface.stop_reason.stop_reason == "cancelled"


def test_where_anyio_is_not_installed_the_facade_works():
    code = f"""
import asyncio, sys
sys.modules["anyio"] = None
from streamfsm import OpenAIStreamingInterface
async def pieces():
    yield {BODY!r}
async def main():
    interface = OpenAIStreamingInterface(use_assistant_message=True, is_openai_proxy=True, idle_timeout=5)
    print([message.message_type async for message in interface.process(pieces())])
    print(interface.result.usage.source)
asyncio.run(main())
"""
    found = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert found.stderr == ""
    assert found.stdout == "['reasoning_message', 'assistant_message']\nestimated\n"


class Quotes(Observer):
    """Fails with what it heard."""

    def messages(self, messages):
        raise ValueError(messages)


@every_entrance
def test_the_log_says_where_an_observer_failed_and_nothing_of_the_stream(read, caplog):
    caplog.set_level("DEBUG")
    read(SPEECH, [Quotes()])
    assert "Quotes.messages failed with ValueError\n" in caplog.text
    assert "test_reading.py" in caplog.text
    assert not [
        said for said in ("Hm.", "'Hi'", '"Hi"') if said in caplog.text.replace("raise ValueError(messages)", "")
    ]
