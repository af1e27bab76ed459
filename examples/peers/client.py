"""A client for frameworks, whose requests are answered with given chunks or events."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from openai import AsyncOpenAI, AsyncStream
from openai._models import construct_type
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent


def event(fields: dict[str, Any]) -> Any:
    """Return the object that the client would build from an event of the Responses API."""
    return construct_type(type_=ResponseStreamEvent, value=fields)


class Response(AsyncStream[Any]):
    """Replaces the client's stream: yields the objects that the client would build from these chunks."""

    def __init__(self, chunks: AsyncIterator[dict[str, Any]], build: Callable[[dict[str, Any]], Any]) -> None:
        self._chunks = chunks
        self._build = build

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        return self._build(await anext(self._chunks))

    async def parse(self) -> "Response":
        """Return this stream, as the content of a raw response."""
        return self

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


CLIENT = AsyncOpenAI(api_key="none")


def client(chunks: AsyncIterator[dict[str, Any]]) -> AsyncOpenAI:
    """Return a client whose request for a chat completion is answered with these chunks."""

    async def create(**_: Any) -> Response:
        return Response(chunks, lambda chunk: ChatCompletionChunk.construct(**chunk))

    made = CLIENT.copy()
    made.chat.completions.create = create  # type: ignore[method-assign, assignment]
    return made


def responses_client(events: AsyncIterator[dict[str, Any]]) -> AsyncOpenAI:
    """Return a client whose request for a response is answered with these events."""

    async def create(**_: Any) -> Response:
        return Response(events, event)

    made = CLIENT.copy()
    made.responses.create = create  # type: ignore[method-assign, assignment]
    return made
