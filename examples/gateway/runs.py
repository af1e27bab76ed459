"""Runs: responses that continue for a while when their reader is cut off, and are kept so that it can catch up."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import openai

from streamfsm import MisuseError, StreamMessage, StreamParser
from streamfsm.resume import Log, MemoryLog, events

KEPT_SECONDS = 600
"""How long a run can be read again after its end."""


async def produce(log: Log, attempt: int, client: openai.AsyncOpenAI, request: dict[str, Any]) -> None:
    """Send the request to the server, and write the messages into the log until the end.

    When the task is cancelled, the request is cancelled, and the log ends with that.
    """
    parser = StreamParser(keep=False)  # the log keeps the texts
    unsure: list[StreamMessage] = []  # messages that the log may lack

    async def append(messages: list[StreamMessage]) -> None:
        for message in messages:
            with suppress(MisuseError):  # the log already has the message
                await log.append(attempt, message)

    try:
        async with client.chat.completions.with_streaming_response.create(**request) as response:
            async for data in response.iter_bytes():
                unsure = parser.feed_bytes(data)
                await append(unsure)
        rest = parser.close()
    except asyncio.CancelledError:
        rest = [*unsure, *parser.cancel()]
    except Exception as error:  # noqa: BLE001 - readers must learn of any failure
        rest = [*unsure, *parser.fail(error)]
    await append(rest)


class Run:
    """A run in this process."""

    def __init__(self, name: str, grace: float) -> None:
        self.log = MemoryLog(name)
        self.task: asyncio.Task[None] | None = None
        self._readers = 0
        self._grace = grace

    def start(self, client: openai.AsyncOpenAI, request: dict[str, Any]) -> None:
        """Send the request."""
        self.task = asyncio.create_task(self._produce(client, request))

    async def _produce(self, client: openai.AsyncOpenAI, request: dict[str, Any]) -> None:
        await produce(self.log, await self.log.begin(), client, request)

    async def read(self, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        """Yield server-sent events from the place where the reader was cut off."""
        self._readers += 1
        try:
            async for event in events(self.log, last_event_id):
                yield event
        finally:
            self._readers -= 1
            asyncio.get_running_loop().call_later(self._grace, self._leave)

    def _leave(self) -> None:
        if not self._readers and self.task:
            self.task.cancel()


class Runs:
    """The runs of a gateway in a single process.

    Args:
        client: the client of the server.
        grace: seconds for which a run continues without a reader.
    """

    def __init__(self, client: openai.AsyncOpenAI, grace: float) -> None:
        self._client = client
        self._grace = grace
        self._runs: dict[str, Run] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Leaving the context cancels all runs."""
        yield
        tasks = [run.task for run in self._runs.values() if run.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def begin(self, request: dict[str, Any]) -> str:
        """Begin a run, and return its name."""
        name = f"run-{uuid4()}"
        run = self._runs[name] = Run(name, self._grace)
        run.start(self._client, request)
        asyncio.get_running_loop().call_later(KEPT_SECONDS, self._runs.pop, name, None)
        return name

    async def read(self, name: str, last_event_id: str | None) -> AsyncGenerator[bytes, None] | None:
        """Return the server-sent events of a run after the reader's last event; ``None``: there is no such run."""
        run = self._runs.get(name)
        return run and run.read(last_event_id)
