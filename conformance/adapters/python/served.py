"""The openai client with a transport that answers with given events, without a network."""

import asyncio
from typing import Any

import openai
from wire import body

BODY = b""
"""The body of the answer to the next request."""

try:
    import httpx2 as httpx
except ImportError:
    import httpx


def serve_next(events: list[Any]) -> None:
    """Answer the next request with these events."""
    global BODY  # noqa: PLW0603 - one response at a time
    BODY = body(events)


def _answer(_: Any) -> Any:
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=BODY)


def client() -> openai.AsyncOpenAI:
    """Return a client whose requests are answered by this module."""
    transport = httpx.AsyncClient(transport=httpx.MockTransport(_answer))
    return openai.AsyncOpenAI(api_key="none", base_url="http://server.invalid/v1", http_client=transport, max_retries=0)


def sync_client() -> openai.OpenAI:
    """Return a synchronous client whose requests are answered by this module."""
    transport = httpx.Client(transport=httpx.MockTransport(_answer))
    return openai.OpenAI(api_key="none", base_url="http://server.invalid/v1", http_client=transport, max_retries=0)


class Collected:
    """An adapter for a client that pulls its chunks: it gets all of them at the end."""

    def __init__(self, wire: str) -> None:
        self.events: list[Any] = []

    def feed(self, event: Any) -> None:
        self.events.append(event)

    def close(self) -> dict[str, Any]:
        serve_next(self.events)
        return asyncio.run(self.read())

    async def read(self) -> dict[str, Any]:
        """Return the answer to the response that was set up."""
        raise NotImplementedError
