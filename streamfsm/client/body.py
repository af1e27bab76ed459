"""Messages directly from the body of a response, without an object per chunk.

This is for speed: the ``openai`` client needs more time to build a chunk's object than everything else takes
(``benchmarks/wire.py``). The client still makes the request, with its retries and its authorisation. Use its raw or
streaming response.
"""

from collections.abc import AsyncGenerator, Collection, Generator
from typing import Any

from streamfsm.client.observer import Observer
from streamfsm.client.reading import Reading, read, read_sync
from streamfsm.messages import StreamMessage
from streamfsm.parser import StreamParser


def aiter_messages(
    response: Any, parser: StreamParser | None = None, *, observers: Collection[Observer] = ()
) -> AsyncGenerator[StreamMessage, None]:
    """Yield the messages of a response while its bytes arrive.

    Args:
        response: of ``openai``, what ``with_streaming_response.create(…)`` returns, entered or not, or what
            ``with_raw_response.create(…)`` returns; a response of ``httpx``, ``httpx2`` or ``aiohttp``; or any
            asynchronous iterable of bytes. It is closed at the end.
        parser: the parser to feed, by default a new one; its ``result`` is the result of the stream.
        observers: notified of what happens.

    Yields:
        All messages; the last one is the :class:`StopReason`.

    Raises:
        StreamError: after the :class:`StopReason`: the stream failed, because of the server's error, a limit, or a
            body that is not a stream.
        MisuseError: the parser's stream has ended.
        Exception: whatever the transport raised, after the :class:`StopReason`.
    """
    return read(response, Reading(parser or StreamParser(), observers))


def iter_messages(
    response: Any, parser: StreamParser | None = None, *, observers: Collection[Observer] = ()
) -> Generator[StreamMessage, None, None]:
    """The synchronous version of :func:`aiter_messages`."""
    return read_sync(response, Reading(parser or StreamParser(), observers))
