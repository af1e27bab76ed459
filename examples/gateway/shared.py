"""Runs of a gateway in several processes: workers, producers, and Valkey or Redis between them.

    pip install '.[openai,redis]' starlette uvicorn
    export REDIS_URL=redis://127.0.0.1:6379
    python examples/gateway/shared.py                                               # a producer, or several
    uvicorn --app-dir examples/gateway --factory app:app --workers 4

A *worker* only has the connections to clients: it puts requests into a queue, and relays logs. If it is killed, its
clients continue at another worker, from their last event.

A *producer* has the connections to the model's server, reads them, and writes the logs. If it is killed, these
connections are lost, and nobody can continue their responses. Another producer notices that the lease on the request is
not renewed, and sends the request again. That is another attempt: clients are told to discard the previous one. After
``ATTEMPTS`` of them, the run ends in an error, so that a request that kills producers does not kill all of them. A
client never sees a ready call in an attempt that did not end.
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
"""The most requests for one answer. Use 1 if a request has side effects, such as tools that the server runs."""
LEASE = float(os.environ.get("LEASE", "10"))
"""Seconds after which a silent producer is considered dead."""
REQUESTS = "gateway:requests"  # a stream with the name and the request of each run that has not ended
PRODUCERS = "producers"  # the consumer group of producers, with a single consumer name
WANTED = "gateway:wanted"  # a sorted set: the time until which each run continues without a reader
ENDED = "gateway:ended:"  # followed by the name of a run that can be read again
WAIT = 20.0  # seconds for which one command waits for an answer


def connect(url: str) -> Any:
    """Return a client that retries for some seconds, because all commands here can safely be repeated."""
    options = {
        "decode_responses": True,
        "protocol": 2,
        "retry": Retry(ExponentialBackoff(cap=1, base=0.02), 10),
        "socket_timeout": 2 * WAIT,
        "max_connections": 2**16,  # each reader that waits for a message needs one; the default is 100
    }
    return Redis.from_url(url, **options)


async def now(client: Any) -> float:
    """Return the server's time, which is the same for all processes."""
    seconds, microseconds = await client.time()
    return float(seconds + microseconds / 1e6)


class SharedRuns:
    """The runs, as seen by a worker. It has the methods of :class:`runs.Runs`.

    Args:
        url: the URL of the Valkey or Redis server.
        grace: seconds for which a run continues without a reader.
    """

    def __init__(self, url: str, grace: float) -> None:
        self._client = connect(url)
        self._grace = grace
        self._being_read: Counter[str] = Counter()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep alive the runs that are being read, while the context lasts."""
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
        """Return the server-sent events of a run after the client's last event; ``None``: there is no such run."""
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
            self._being_read = +self._being_read  # drops those without readers
            if self._being_read:
                with suppress(redis.ConnectionError, redis.TimeoutError):
                    await self._want(self._being_read)
            await asyncio.sleep(self._grace / 3)


class Producer:
    """Takes requests, sends them to the server, and writes the logs.

    Args:
        client: the client of Valkey or Redis.
        server: the client of the server.
    """

    def __init__(self, client: Any, server: openai.AsyncOpenAI) -> None:
        self._client = client
        self._server = server
        self._runs: dict[str, tuple[str, asyncio.Task[None]]] = {}  # request → its run and task

    async def work(self) -> None:
        """Work until the connection to Valkey or Redis breaks. Open responses continue; this can be called again."""
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
        """Repeatedly renew leases, end runs that nobody wants, and take over those of dead producers."""
        while True:
            if at_work := dict(self._runs):  # a copy, because runs may end while this waits for answers
                # ``idle=0`` renews the lease: the time counts from now.
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
                    pipe.set(ENDED + run, 1, ex=KEPT_SECONDS - 60)  # the log is kept longer
                    pipe.zrem(WANTED, run)
                    pipe.xack(REQUESTS, PRODUCERS, entry)
                    pipe.xdel(REQUESTS, entry)
                    await pipe.execute()
        except (redis.ConnectionError, redis.TimeoutError):
            pass  # the lease is no longer renewed
        finally:
            del self._runs[entry]

    async def _has_ended(self, log: RedisLog, request: dict[str, Any]) -> bool:
        """Produce the run's next attempt. Return whether the run has ended; if not, another producer has it."""
        try:
            attempt = await log.begin()
        except StaleAttempt:
            return True  # the producer that ended it died before it could note this
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
    """Run a producer. It reconnects when the Valkey or Redis server comes back."""
    async with model.connected() as server, connect(url) as client:
        producer = Producer(client, server)
        while True:
            with suppress(redis.ConnectionError, redis.TimeoutError):
                await producer.work()
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main(os.environ["REDIS_URL"]))
