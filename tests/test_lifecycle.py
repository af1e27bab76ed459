"""The façade on a real wire: the real ``openai`` client against a server on loopback that does what servers do.

Run for every claimed version of ``openai`` by ``make test-openai``, so nothing here names what only some have.
"""

import asyncio
import gc
import json
import socket
import sys
import threading
import time
from contextlib import aclosing, asynccontextmanager

import anyio
import openai
import pytest
from helpers import call_chunks, chunk, said

from streamfsm import OpenAIStreamingInterface, StopReasonType
from streamfsm.errors import StreamTimeout
from streamfsm.replay import capture
from streamfsm.replay.loopback import serve

SPEECH = call_chunks("send_message", ['{"thinking":"Hm.",', '"message":"a', 'b\\u00e9", "x": [1]}'])
WHOLE = [("reasoning", "Hm."), ("assistant", "abé")]


def events(chunks):
    """The pieces of a body, one event each."""
    return [f"data: {json.dumps(each)}\n\n".encode() for each in chunks]


DONE = b"data: [DONE]\n\n"
released = threading.Event()  # ends every stall when its test is over


@asynccontextmanager
async def connected(respond):
    """A real client of a server that answers as ``respond`` says; what opens a stream."""
    released.clear()
    with serve(respond) as url:
        http = openai.DefaultAsyncHttpxClient(trust_env=False)
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, http_client=http) as client:
            try:
                yield lambda: client.chat.completions.create(model="m", messages=[], stream=True)
            finally:
                released.set()


def read(respond, **options):
    """All messages, the interface and the error, if any, of one stream."""

    async def consume():
        interface = OpenAIStreamingInterface(use_assistant_message=True, **options)
        seen, error = [], None
        async with connected(respond) as start:
            stream = await start()
            try:
                async for message in interface.process(stream):
                    seen.append(message)  # noqa: PERF401 - what came before an error counts
            except Exception as caught:  # noqa: BLE001 - whatever this version raises
                error = caught
            assert stream.response.is_closed
        return seen, interface, error

    return asyncio.run(consume())


def stall(after):
    """Say ``after``, then nothing for a long time."""

    def respond(_):
        yield from after
        released.wait(30)

    return respond


def test_a_stream_that_ends_well():
    messages, interface, error = read(lambda _: [*events(SPEECH), DONE])
    assert (said(messages), error) == (WHOLE, None)
    assert interface.stop_reason.stop_reason is StopReasonType.tool_calls
    assert interface.get_tool_call_object().function.arguments == '{"thinking":"Hm.","message":"ab\\u00e9", "x": [1]}'
    assert interface.result.tool_calls[0].ready
    assert (interface.message_id, interface.model) == ("chatcmpl-1", "gpt-4.1")


def test_a_body_cut_anywhere_by_the_network_says_the_same():
    body = capture.body(SPEECH).encode()
    for size in (1, 7, 1000):
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        assert said(read(lambda _, pieces=pieces: pieces)[0]) == WHOLE


def test_a_slow_server_is_only_slow():
    def respond(_):
        for each in [*events(SPEECH), DONE]:
            time.sleep(0.02)
            yield each

    messages, _, error = read(respond, first_chunk_timeout=10, idle_timeout=10, total_timeout=10)
    assert (said(messages), error) == (WHOLE, None)


def test_a_body_without_done_ends_by_its_finish_reason():
    messages, interface, error = read(lambda _: events(SPEECH))
    assert (said(messages), error) == (WHOLE, None)
    assert interface.stop_reason.stop_reason is StopReasonType.tool_calls


def test_a_body_that_just_stops_is_incomplete():
    _, interface, error = read(lambda _: events(SPEECH[:-1]))
    assert error is None
    assert interface.stop_reason.stop_reason is StopReasonType.incomplete
    assert not interface.result.tool_calls[0].ready


def drop(_):
    yield from events(SPEECH[:3])
    yield events(SPEECH[3:4])[0][:20]
    raise ConnectionError


def garbage(_):
    return [*events(SPEECH[:3]), b"data: {oops\n\n", *events(SPEECH[3:]), DONE]


def error_object(_):
    return [*events(SPEECH[:3]), *events([{"error": {"message": "overloaded", "code": 503}}]), DONE]


def error_event(_):
    return [*events(SPEECH[:3]), b'event: error\ndata: {"error": {"message": "overloaded"}}\n\n', DONE]


@pytest.mark.parametrize("respond", [drop, garbage, error_object, error_event])
def test_what_breaks_a_stream_gives_one_stop_reason_and_goes_on_and_the_partial_stands(respond):
    messages, interface, error = read(respond)
    assert error is not None
    assert said(messages) == [("reasoning", "Hm."), ("assistant", "a"), ("stop", "error")]
    assert interface.result.error.message == str(error)
    assert interface.current_function_arguments == '{"thinking":"Hm.","message":"a'
    assert [(call.verdict, call.ready) for call in interface.result.tool_calls] == [("incomplete", False)]
    if respond in (error_object, error_event):
        assert "overloaded" in str(error)


# -- deadlines ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "options", "deadline"),
    [
        ([], {"first_chunk_timeout": 0.1}, "first_chunk"),
        ([], {"first_chunk_timeout": 0.1, "total_timeout": 30}, "first_chunk"),
        ([], {"first_chunk_timeout": 30, "total_timeout": 0.1}, "total"),
        (SPEECH[:3], {"first_chunk_timeout": 30, "idle_timeout": 0.1}, "idle"),
        (SPEECH[:3], {"total_timeout": 0.3}, "total"),
        (SPEECH[:3], {"idle_timeout": 30, "total_timeout": 0.3}, "total"),
    ],
)
def test_a_deadline_ends_a_stall_with_a_typed_error_and_a_consistent_partial(after, options, deadline):
    messages, interface, error = read(stall(events(after)), **options)
    assert type(error) is StreamTimeout
    assert isinstance(error, TimeoutError)
    assert (error.deadline, error.code) == (deadline, "timeout")
    partial = [("reasoning", "Hm."), ("assistant", "a")] if after else []
    assert said(messages) == [*partial, ("stop", "error")]
    assert interface.result.error.code == "timeout"


# -- cancellation ------------------------------------------------------------------------------------------------------


async def cancelled_by_task(consume):
    task = asyncio.ensure_future(consume())
    await asyncio.sleep(0.15)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def cancelled_by_anyio(consume):
    with anyio.move_on_after(0.15) as scope:
        await consume()
    assert scope.cancelled_caught


async def cancelled_by_a_task_group(consume):
    async with anyio.create_task_group() as group:
        group.start_soon(consume)
        await asyncio.sleep(0.15)
        group.cancel_scope.cancel()


async def cancelled_by_wait_for(consume):
    with pytest.raises((TimeoutError, asyncio.TimeoutError)):
        await asyncio.wait_for(consume(), 0.15)


async def cancelled_by_timeout(consume):
    if sys.version_info < (3, 11):
        pytest.skip("asyncio.timeout is of Python 3.11")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.15):
            await consume()


@pytest.mark.parametrize(
    "cancelled",
    [cancelled_by_task, cancelled_by_anyio, cancelled_by_a_task_group, cancelled_by_wait_for, cancelled_by_timeout],
)
def test_a_cancellation_goes_on_and_leaves_a_closed_wire_and_a_consistent_partial(cancelled):
    left = threading.Event()

    def respond(_):
        try:
            yield from events(SPEECH[:3])
            while not released.wait(0.02):
                yield b": still here\n\n"
        finally:
            left.set()

    async def main():
        interface = OpenAIStreamingInterface(use_assistant_message=True)
        seen = []
        async with connected(respond) as start:
            stream = await start()

            async def consume():
                async for message in interface.process(stream):
                    seen.append(message)  # noqa: PERF401 - what came before the cancellation counts

            await cancelled(consume)
            assert stream.response.is_closed
            assert await asyncio.to_thread(left.wait, 10)  # the server saw the client leave
        return seen, interface

    messages, interface = asyncio.run(main())
    assert said(messages) == [("reasoning", "Hm."), ("assistant", "a")]
    assert interface.stop_reason.stop_reason is StopReasonType.cancelled
    assert interface.current_function_arguments == '{"thinking":"Hm.","message":"a'
    assert [(call.verdict, call.ready) for call in interface.result.tool_calls] == [("incomplete", False)]


def test_a_consumer_that_leaves_closes_the_wire():
    async def main():
        async with connected(stall(events(SPEECH[:3]))) as start:
            stream = await start()
            async with aclosing(OpenAIStreamingInterface().process(stream)) as messages:
                assert (await anext(messages)).message_type == "tool_call_message"
            assert stream.response.is_closed

    asyncio.run(main())


# -- the synchronous twin ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("respond", [lambda _: [*events(SPEECH), DONE], drop, error_event])
def test_the_synchronous_twin_reads_the_synchronous_client(respond):
    expected, _, expected_error = read(respond)
    with serve(respond) as url:
        http = openai.DefaultHttpxClient(trust_env=False)
        with openai.OpenAI(base_url=url, api_key="none", max_retries=0, http_client=http) as client:
            stream = client.chat.completions.create(model="m", messages=[], stream=True)
            messages, error = [], None
            try:
                for message in OpenAIStreamingInterface(use_assistant_message=True).process_sync(stream):
                    messages.append(message)  # noqa: PERF402 - what came before an error counts
            except Exception as caught:  # noqa: BLE001 - whatever this version raises
                error = caught
            assert stream.response.is_closed
    assert said(messages) == said(expected)
    assert (type(error), str(error)) == (type(expected_error), str(expected_error))


# -- leaks -------------------------------------------------------------------------------------------------------------

STREAMS = 1000
AT_ONCE = 20


# Whose objects a stream is made of.
OWN = {"streamfsm", "openai", "httpx", "httpx2", "httpcore", "httpcore2", "h11", "anyio", "asyncio", "_asyncio"}


def kept():
    """How many objects of theirs are alive, and how many sockets are open."""
    gc.collect()
    alive = gc.get_objects()
    sockets = [each for each in alive if issubclass(type(each), socket.socket)]  # isinstance would wake lazy modules
    own = [each for each in alive if str(type(each).__module__).partition(".")[0] in OWN]
    return len(own), sum(each.family == socket.AF_INET and each.fileno() != -1 for each in sockets)


@pytest.mark.slow("a thousand streams")
@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_a_thousand_streams_that_end_badly_leave_nothing(how):
    def respond(_):
        yield b"".join(events([*SPEECH[:3], chunk(content="x" * 1000)]))
        if how == "failed":
            raise ConnectionError
        released.wait(30)

    async def one(start):
        interface = OpenAIStreamingInterface(use_assistant_message=True)
        stream = await start()
        task = asyncio.ensure_future(consume(interface, stream))
        if how == "cancelled":
            while not interface.result.content:  # noqa: ASYNC110 - the façade has no event for it
                await asyncio.sleep(0.001)
            task.cancel()
        with pytest.raises((asyncio.CancelledError, Exception)):
            await task
        assert interface.parser.state == how

    async def consume(interface, stream):
        async for _ in interface.process(stream):
            pass

    async def rest():
        """What is kept once the server's threads have seen the clients leave."""
        released.set()
        await asyncio.sleep(0.05)  # the last tasks are done, but the loop has yet to let go of them
        for _ in range(100):
            if kept()[1] == 1:  # the server's own socket
                break
            await asyncio.sleep(0.05)
        released.clear()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return kept()

    async def main():
        async with connected(respond) as start:
            seen = []
            for round_number in range(STREAMS // AT_ONCE):
                await asyncio.gather(*(one(start) for _ in range(AT_ONCE)))
                if round_number % 10 == 9:
                    seen.append(await rest())
            return seen

    first, *later = asyncio.run(main())
    assert first[1] == 1
    assert later == [first] * len(later)
