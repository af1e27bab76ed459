"""Runs of a gateway that is several processes: workers, producers, and Valkey or Redis between them.

    pip install '.[openai,redis]' starlette uvicorn
    export REDIS_URL=redis://127.0.0.1:6379
    python examples/gateway/shared.py                                               # a producer, or several
    uvicorn --app-dir examples/gateway --factory app:app --workers 4

A *worker* has the connections to clients, and nothing else: it puts requests into a queue, and relays logs. If it is
killed, its clients go on at another worker, from their last event.

A *producer* has the connections to the model's server, reads them, and writes the logs. If it is killed, these
connections are lost, and nobody can go on with what they said. Another producer notices that nobody has renewed the
lease on the request, and asks the server again. That is another attempt: clients are told to forget the one before.
After ``ATTEMPTS`` of them the run ends in an error, so that a request that kills producers does not kill all. An
attempt that did not end has told nobody that a call is ready.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import model
import openai
import redis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from runs import KEPT_SECONDS, produce

from streamfsm import StreamParser
from streamfsm.errors import StaleAttempt
from streamfsm.resume import RedisLog, events

ATTEMPTS = 2
"""How often the server is asked for one answer. 1 where asking has effects, such as tools that the server runs."""
LEASE = float(os.environ.get("LEASE", "10"))
"""Seconds after which a producer that says nothing is thought dead."""
REQUESTS = "gateway:requests"  # a stream: of each run that has not ended, its name and the request
PRODUCERS = "producers"  # who share them: a consumer group, as one consumer
WANTED = "gateway:wanted"  # a sorted set: until when each run that has not ended goes on without a reader
ENDED = "gateway:ended:"  # and the name of a run that can be read again
WAIT = 20.0  # seconds that one question waits for an answer


def connect(url: str) -> Any:
    """Return a client that tries again for some seconds. Whatever is asked for here may be done twice."""
    options = {
        "decode_responses": True,
        "protocol": 2,
        "retry": Retry(ExponentialBackoff(cap=1, base=0.02), 10),
        "socket_timeout": 2 * WAIT,
        "max_connections": 2**16,  # who waits for a log's next message holds one; the client's own bound is 100
    }
    return Redis.from_url(url, **options)


async def now(client: Any) -> float:
    """Return the server's time, which is the same for all."""
    seconds, microseconds = await client.time()
    return float(seconds + microseconds / 1e6)


class SharedRuns:
    """What a worker knows of the runs. It has the methods of :class:`runs.Runs`.

    Args:
        url: of the server of Valkey or Redis.
        grace: seconds for which a run goes on without a reader.
    """

    def __init__(self, url: str, grace: float) -> None:
        self._client = connect(url)
        self._grace = grace
        self._being_read: Counter[str] = Counter()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """While this is open, runs that are read here go on."""
        async with self._client:
            task = asyncio.create_task(self._renew())
            yield
            task.cancel()

    async def begin(self, request: dict[str, Any]) -> str:
        """Begin a run, and return its name."""
        name = f"run-{uuid4()}"
        until = await now(self._client) + self._grace
        async with self._client.pipeline() as pipe:
            pipe.zadd(WANTED, {name: until})
            pipe.xadd(REQUESTS, {"run": name, "request": json.dumps(request)})
            await pipe.execute()
        return name

    async def read(self, name: str, last_event_id: str | None) -> AsyncGenerator[bytes, None] | None:
        """Return the server-sent events of a run from where the client was cut off; ``None``: there is no such run."""
        if await self._client.zscore(WANTED, name) is None and not await self._client.exists(ENDED + name):
            return None
        await self._want([name])
        return self._events(name, last_event_id)

    async def _want(self, names: Iterable[str]) -> None:
        until = await now(self._client) + self._grace
        await self._client.zadd(WANTED, dict.fromkeys(names, until), xx=True)  # unless a run has ended

    async def _events(self, name: str, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        self._being_read[name] += 1
        try:
            async for event in events(RedisLog(self._client, name, wait=WAIT), last_event_id):
                yield event
        finally:
            self._being_read[name] -= 1

    async def _renew(self) -> None:
        while True:
            self._being_read = +self._being_read  # without those that nobody reads
            if self._being_read:
                with suppress(redis.ConnectionError, redis.TimeoutError):
                    await self._want(self._being_read)
            await asyncio.sleep(self._grace / 3)


class Producer:
    """Takes requests, asks the server, and writes the logs.

    Args:
        client: of Valkey or Redis.
        server: the client of the server.
    """

    def __init__(self, client: Any, server: openai.AsyncOpenAI) -> None:
        self._client = client
        self._server = server
        self._runs: dict[str, tuple[str, asyncio.Task[None]]] = {}  # by request: the run, and who reads it

    async def work(self) -> None:
        """Work until the connection to Valkey or Redis breaks. Responses go on meanwhile, and so may this, later."""
        try:
            await self._client.xgroup_create(REQUESTS, PRODUCERS, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        looks = asyncio.create_task(self._look())
        try:
            while not looks.done():
                read = await self._client.xreadgroup(
                    PRODUCERS, PRODUCERS, {REQUESTS: ">"}, count=100, block=int(LEASE * 1000)
                )
                for _, entries in read:
                    self._take(entries)
            await looks
        finally:
            looks.cancel()

    async def _look(self) -> None:
        """Again and again: renew leases, end what nobody wants, take what a dead producer left."""
        while True:
            if at_work := dict(self._runs):  # which runs leave while this waits for answers
                # ``idle=0`` says: somebody is at work. A request is idle from then on.
                await self._client.xclaim(REQUESTS, PRODUCERS, PRODUCERS, 0, list(at_work), idle=0, justid=True)
                until = await self._client.zmscore(WANTED, [name for name, _ in at_work.values()])
                time = await now(self._client)
                for (_, task), wanted in zip(at_work.values(), until, strict=True):
                    if (wanted or 0) < time:
                        task.cancel()
            place = "0-0"
            while place:
                place, entries, *_ = await self._client.xautoclaim(
                    REQUESTS, PRODUCERS, PRODUCERS, int(LEASE * 1000), place
                )
                self._take(entries)
                place = place if place != "0-0" else ""
            await asyncio.sleep(LEASE / 4)

    def _take(self, entries: list[tuple[str, dict[str, str]]]) -> None:
        for entry, fields in entries:
            if entry not in self._runs:
                run = fields["run"]
                self._runs[entry] = run, asyncio.create_task(self._read(entry, run, json.loads(fields["request"])))

    async def _read(self, entry: str, run: str, request: dict[str, Any]) -> None:
        try:
            if await self._has_ended(RedisLog(self._client, run, expires=KEPT_SECONDS), request):
                async with self._client.pipeline() as pipe:
                    pipe.set(ENDED + run, 1, ex=KEPT_SECONDS - 60)  # the log is there for longer
                    pipe.zrem(WANTED, run)
                    pipe.xack(REQUESTS, PRODUCERS, entry)
                    pipe.xdel(REQUESTS, entry)
                    await pipe.execute()
        except (redis.ConnectionError, redis.TimeoutError):
            pass  # nobody renews the lease any more
        finally:
            del self._runs[entry]

    async def _has_ended(self, log: RedisLog, request: dict[str, Any]) -> bool:
        """Make the run's next attempt. ``False``: another producer has made one meanwhile."""
        try:
            attempt = await log.begin()
        except StaleAttempt:
            return True  # whoever ended it did not live to say so
        try:
            if attempt <= ATTEMPTS:
                await produce(log, attempt, self._server, request)
            else:
                for message in StreamParser().fail(f"{ATTEMPTS} producers of the response are gone"):
                    await log.append(attempt, message)
        except StaleAttempt:
            return False
        return True


async def main(url: str) -> None:
    """Produce. A server of Valkey or Redis that is gone may come back."""
    async with model.connected() as server, connect(url) as client:
        producer = Producer(client, server)
        while True:
            with suppress(redis.ConnectionError, redis.TimeoutError):
                await producer.work()
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main(os.environ["REDIS_URL"]))
