"""Runs: responses that go on for a while when their reader is cut off, and are kept so that it can go on, too."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import openai

from streamfsm import MisuseError, StreamMessage, StreamParser
from streamfsm.resume import Log, MemoryLog, events

KEPT_SECONDS = 600
"""For how long a run can be read again after its end."""


async def produce(log: Log, attempt: int, client: openai.AsyncOpenAI, request: dict[str, Any]) -> None:
    """Ask the server, and write what it says into the log, to the end.

    When the task is cancelled, that is the end: the request is cancelled, and the log says so.
    """
    parser = StreamParser(keep=False)  # the log keeps what it says
    unsure: list[StreamMessage] = []  # whether the log has them

    async def append(messages: list[StreamMessage]) -> None:
        for message in messages:
            with suppress(MisuseError):  # the log has it already
                await log.append(attempt, message)

    try:
        async with client.chat.completions.with_streaming_response.create(**request) as response:
            async for data in response.iter_bytes():
                unsure = parser.feed_bytes(data)
                await append(unsure)
        rest = parser.close()
    except asyncio.CancelledError:
        rest = [*unsure, *parser.cancel()]
    except Exception as error:  # noqa: BLE001 - whatever breaks the response is told to who reads it
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
        """Ask the server."""
        self.task = asyncio.create_task(self._produce(client, request))

    async def _produce(self, client: openai.AsyncOpenAI, request: dict[str, Any]) -> None:
        await produce(self.log, await self.log.begin(), client, request)

    async def read(self, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        """Yield server-sent events from where the reader was cut off."""
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
    """The runs of a gateway that is one process.

    Args:
        client: of the server.
        grace: seconds for which a run goes on without a reader.
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
        """Return the server-sent events of a run from where the reader was cut off; ``None``: there is no such run."""
        run = self._runs.get(name)
        return run and run.read(last_event_id)
