"""The client that frameworks are given here: its request answers with chunks or events from elsewhere."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from openai import AsyncOpenAI, AsyncStream
from openai._models import construct_type
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent


def event(fields: dict[str, Any]) -> Any:
    """The object that the client would build of an event of the Responses API."""
    return construct_type(type_=ResponseStreamEvent, value=fields)


class Response(AsyncStream[Any]):
    """In place of the client's own: the objects that it would build of these chunks."""

    def __init__(self, chunks: AsyncIterator[dict[str, Any]], build: Callable[[dict[str, Any]], Any]) -> None:
        self._chunks = chunks
        self._build = build

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        return self._build(await anext(self._chunks))

    async def parse(self) -> "Response":
        """Stand in for a raw response too, of which this is the content."""
        return self

    async def close(self) -> None:
        """Nothing to close."""


CLIENT = AsyncOpenAI(api_key="none")


def client(chunks: AsyncIterator[dict[str, Any]]) -> AsyncOpenAI:
    """A client whose request for a chat completion answers with these chunks."""

    async def create(**_: Any) -> Response:
        return Response(chunks, lambda chunk: ChatCompletionChunk.construct(**chunk))

    made = CLIENT.copy()
    made.chat.completions.create = create  # type: ignore[method-assign, assignment]
    return made


def responses_client(events: AsyncIterator[dict[str, Any]]) -> AsyncOpenAI:
    """A client whose request for a response answers with these events."""

    async def create(**_: Any) -> Response:
        return Response(events, event)

    made = CLIENT.copy()
    made.responses.create = create  # type: ignore[method-assign, assignment]
    return made
