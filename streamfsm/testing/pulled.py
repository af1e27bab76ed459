"""``PulledParser``: adapts parsers that pull their chunks to the kit, which feeds parsers."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Any

_END = object()


class PulledParser:
    """Turns a parser that pulls its chunks into one that is fed, so that it is known which chunk gives which messages.

    The parser runs in an event loop of its own, which is stopped while the parser waits for a chunk.

    Args:
        parse: takes an asynchronous iterator of chunks, and returns one of the response's messages.
    """

    def __init__(self, parse: Callable[[AsyncIterator[Any]], AsyncIterable[Any]]) -> None:
        self._loop = asyncio.new_event_loop()
        self._said: list[Any] = []
        self._reading = self._loop.create_task(self._read(parse))
        self._reading.add_done_callback(lambda _: self._loop.stop())
        self._run()

    def feed(self, chunk: Any) -> list[Any]:
        """Return the messages that the parser yields before it asks for the next chunk.

        Raises:
            Exception: the parser raised it.
        """
        if not self._reading.done():
            self._wanted.set_result(chunk)
            self._run()
        said, self._said = self._said, []
        return said

    def close(self) -> list[Any]:
        """Return the messages that the parser yields when there are no more chunks.

        Raises:
            Exception: the parser raised it.
        """
        return self.feed(_END)

    async def _read(self, parse: Callable[[AsyncIterator[Any]], AsyncIterable[Any]]) -> None:
        async for message in parse(self._chunks()):
            self._said.append(message)

    async def _chunks(self) -> AsyncIterator[Any]:
        while True:
            self._wanted = self._loop.create_future()
            self._loop.stop()
            chunk = await self._wanted
            if chunk is _END:
                return
            yield chunk

    def _run(self) -> None:
        """Run the loop until the parser asks for a chunk, or has ended."""
        try:
            self._loop.run_forever()
        except BaseException:  # the time was up while the parser waited for something else
            self._reading.cancel()
            self._loop.run_forever()
            raise
        finally:
            if self._reading.done():
                self._loop.run_until_complete(self._loop.shutdown_asyncgens())
                self._loop.close()
        if self._reading.done():
            self._reading.result()
