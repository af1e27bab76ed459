"""Logs: whoever is cut off, however often, gets the same messages."""

import asyncio
import platform
import re
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from helpers import ID, chunk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written import chunk_lists

from streamfsm import MisuseError, StreamParser
from streamfsm.errors import StaleAttempt
from streamfsm.resume import Cursor, MemoryLog, RedisLog, events
from streamfsm.resume.log import BEGINNING

HAS_SERVER = sys.version_info >= (3, 11) and sys.platform == "linux" and platform.machine() == "x86_64"
KINDS = ["memory", "redis"]


@pytest.fixture(params=KINDS)
def opened(request):
    """Opens the log of a new run, by as many hands as wanted."""
    if request.param == "redis" and not HAS_SERVER:
        pytest.skip("no wheel here with a server that speaks redis' protocol")
    url = request.getfixturevalue("valkey_url") if request.param == "redis" else None

    @asynccontextmanager
    async def open_log(run=None):
        run = run or f"run-{uuid4()}"
        if url is None:
            yield MemoryLog(run)
        else:
            from redis.asyncio import Redis

            async with Redis.from_url(url, decode_responses=True) as client:
                yield RedisLog(client, run)

    return open_log


def said(chunks):
    parser = StreamParser(message_id=ID)
    return [message for each in chunks for message in parser.feed(each)] + parser.close()


HELLO = said([chunk(content="Hel"), chunk(content="lo"), chunk(finish="stop")])
OTHER = said([chunk(content="Good"), chunk(content=" "), chunk(content="day"), chunk(finish="stop")])


async def append(log, messages, attempt=None):
    attempt = attempt or await log.begin()
    for message in messages:
        await log.append(attempt, message)
    return attempt


async def read(log, cursor=BEGINNING, most=None):
    """The entries after the cursor, as many as wanted."""
    found = []
    reading = log.read_from(cursor)
    async for entry in reading:
        found.append(entry)
        if len(found) == most:
            break
    await reading.aclose()
    return found


def test_a_reader_gets_what_was_and_what_comes(opened):
    async def scene():
        async with opened() as log:
            attempt = await append(log, HELLO[:1])
            reading = asyncio.create_task(read(log))
            await asyncio.sleep(0.01)
            await append(log, HELLO[1:], attempt)
            return await reading

    found = asyncio.run(scene())
    assert [entry.message for entry in found] == HELLO
    assert [entry.cursor for entry in found] == [(1, 0), (1, 1), (1, 2)]
    assert [entry.is_last for entry in found] == [False, False, True]


def test_a_reader_may_come_before_the_first_message(opened):
    async def scene():
        async with opened("early") as writing, opened("early") as log:
            hearing = writing if isinstance(writing, MemoryLog) else log
            reading = asyncio.create_task(read(hearing))
            await asyncio.sleep(0.05)
            await append(writing, HELLO)
            return await reading

    assert [entry.message for entry in asyncio.run(scene())] == HELLO


def test_a_reader_goes_on_after_its_last_message_also_after_the_end(opened):
    async def scene():
        async with opened() as log:
            await append(log, HELLO)
            return [[entry.message for entry in await read(log, Cursor(1, at))] for at in range(3)]

    assert asyncio.run(scene()) == [HELLO[1:], HELLO[2:], []]


def test_an_attempt_that_begins_anew_makes_void_what_came_before(opened):
    async def scene():
        async with opened() as log:
            first = await append(log, HELLO[:2])
            had = await read(log, most=2)
            second = await append(log, OTHER)
            with pytest.raises(StaleAttempt, match="attempt 1 of run"):
                await log.append(first, HELLO[2])
            return had[-1].cursor, second, await read(log, had[-1].cursor), await read(log)

    cursor, second, after, whole = asyncio.run(scene())
    assert (cursor, second) == ((1, 1), 2)
    assert [entry.message for entry in after] == OTHER
    assert after == whole


def test_nothing_follows_the_end_of_an_attempt_or_comes_twice(opened):
    async def scene():
        async with opened() as log:
            attempt = await append(log, HELLO[:2])
            with pytest.raises(MisuseError, match="message 1"):
                await log.append(attempt, HELLO[1])
            await append(log, HELLO[2:], attempt)
            with pytest.raises(StaleAttempt):
                await log.append(attempt, OTHER[3])
            with pytest.raises(MisuseError, match="needs a seq_id"):
                await log.append(attempt, HELLO[0].model_copy(update={"seq_id": None}))

    asyncio.run(scene())


def test_no_attempt_begins_after_one_that_has_ended(opened):
    async def scene():
        async with opened() as log:
            await append(log, HELLO[:2])
            await append(log, HELLO)
            with pytest.raises(StaleAttempt) as stale:
                await log.begin()
            return stale.value.attempt, [entry.message for entry in await read(log)]

    assert asyncio.run(scene()) == (2, HELLO)


@pytest.mark.slow("real servers")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunks=chunk_lists(), data=st.data())
def test_any_disconnects_same_messages(opened, chunks, data):
    messages = said(chunks)
    attempts = data.draw(st.lists(st.integers(0, len(messages) - 1), max_size=2))  # how far each broken one came
    cuts = data.draw(st.lists(st.integers(1, 4), max_size=12))  # after how many messages a reader is cut off

    async def producer(log):
        for reached in attempts:
            await append(log, messages[:reached])
            await asyncio.sleep(0)
        await append(log, messages)

    async def reader(log):
        """A client: forgets what it has when it is told of an attempt, and connects again with its last event's id."""
        has, last_id = [], None
        for most in [*cuts, None]:
            stream = events(log, last_id)
            number = 0
            async for event in stream:
                for frame in event.decode().removesuffix("\n\n").split("\n\n"):
                    if frame.startswith("event: attempt"):
                        has = []
                    else:
                        identity, body = frame.split("\n", 1)
                        last_id = identity.removeprefix("id: ")
                        has.append(body.removeprefix("data: "))
                number += 1
                if number == most:
                    break
            await stream.aclose()
        return has

    async def scene():
        async with opened() as log:
            writing = asyncio.create_task(producer(log))
            has = await reader(log)
            await writing
            return has

    assert asyncio.run(scene()) == [message.model_dump_json(exclude_none=True) for message in messages]


def test_events_have_their_cursor_as_id_and_tell_of_an_attempt():
    async def scene():
        log = MemoryLog("a-run")
        await append(log, HELLO)
        whole = b"".join([event async for event in events(log)]).decode()
        rest = b"".join([event async for event in events(log, "a-run/1-1")]).decode()
        elsewhere = b"".join([event async for event in events(log, "another/1-1")]).decode()
        return whole, rest, elsewhere

    whole, rest, elsewhere = asyncio.run(scene())
    assert whole.startswith('event: attempt\ndata: 1\n\nid: a-run/1-0\ndata: {"id":')
    assert rest.startswith("id: a-run/1-2\ndata: ")
    assert elsewhere == whole


@pytest.mark.parametrize("text", [None, "", "1-1", "a-run/1-", "a-run/-1-1", "a-run/1-1 ", "a-run/" + "9" * 30 + "-1"])
def test_what_is_no_cursor_is_the_beginning(text):
    assert Cursor.of(text, "a-run") == BEGINNING


def test_a_cursor_is_a_text_and_back():
    assert Cursor.of(Cursor(3, 4).text("a/run/1-1"), "a/run/1-1") == (3, 4)


def test_a_run_that_never_expires():
    log = RedisLog(None, "a-run", expires=None)
    assert log._expires is None


def test_the_page_shows_what_is_printed(capsys):
    page = (Path(__file__).parents[1] / "docs" / "resume.md").read_text(encoding="utf-8")
    ((code, output),) = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```\n", page, re.DOTALL)
    exec(compile(code, "resume.md", "exec"), {"__name__": "__main__"})  # noqa: S102 - our own code
    assert capsys.readouterr().out == output
