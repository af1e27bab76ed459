"""Messages straight from a response's body, without an object per chunk.

For speed: building a chunk's object takes the ``openai`` client longer than all the rest (``benchmarks/wire.py``). The
request, its retries and its authorisation stay the client's: take its raw or streaming response.
"""

from collections.abc import AsyncGenerator, Generator
from typing import Any

from streamfsm.client.stream import END, SyncWire, Wire
from streamfsm.messages import StreamMessage
from streamfsm.parser import StreamParser


async def aiter_messages(response: Any, parser: StreamParser | None = None) -> AsyncGenerator[StreamMessage, None]:
    """The messages of a response, as its bytes come.

    Args:
        response: of ``openai``: what ``with_streaming_response.create(…)`` gives, entered or not, or what
            ``with_raw_response.create(…)`` returns; a response of ``httpx``, ``httpx2`` or ``aiohttp``; or any
            asynchronous iterable of bytes. It is closed in the end.
        parser: a new one with its defaults, unless given; its ``result`` tells what came of the stream.

    Yields:
        All messages, the :class:`StopReason` last.

    Raises:
        Exception: whatever the transport raised, after the :class:`StopReason`.
    """
    parser = parser or StreamParser()
    wire = Wire(response)
    errors: list[Exception] = []
    try:
        while parser.state == "open":
            try:
                messages = _take(await wire.read(), parser)
            except Exception as raised:  # noqa: BLE001 - raised again below
                errors.append(raised)
                messages = parser.fail(raised)
            for message in messages:
                yield message
    finally:
        try:
            await wire.close()
        finally:
            parser.cancel()
    if errors:
        raise errors.pop()  # no variable keeps it: its traceback holds this frame, and all would wait for a collection


def iter_messages(response: Any, parser: StreamParser | None = None) -> Generator[StreamMessage, None, None]:
    """The synchronous twin of :func:`aiter_messages`."""
    parser = parser or StreamParser()
    wire = SyncWire(response)
    errors: list[Exception] = []
    try:
        while parser.state == "open":
            try:
                messages = _take(wire.read(), parser)
            except Exception as raised:  # noqa: BLE001 - raised again below
                errors.append(raised)
                messages = parser.fail(raised)
            yield from messages
    finally:
        wire.close()
        parser.cancel()
    if errors:
        raise errors.pop()  # no variable keeps it: its traceback holds this frame, and all would wait for a collection


def _take(data: Any, parser: StreamParser) -> list[StreamMessage]:
    return parser.close() if data is END else parser.feed_bytes(data)
