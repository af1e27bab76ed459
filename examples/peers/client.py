"""The client that frameworks are given here: its request answers with chunks from elsewhere."""

from collections.abc import AsyncIterator
from typing import Any

from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionChunk


class Response(AsyncStream[ChatCompletionChunk]):
    """In place of the client's own: the objects that it would build of these chunks."""

    def __init__(self, chunks: AsyncIterator[dict[str, Any]]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> AsyncIterator[ChatCompletionChunk]:
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        return ChatCompletionChunk.construct(**await anext(self._chunks))

    async def close(self) -> None:
        """Nothing to close."""


CLIENT = AsyncOpenAI(api_key="none")


def client(chunks: AsyncIterator[dict[str, Any]]) -> AsyncOpenAI:
    """A client whose request for a chat completion answers with these chunks."""

    async def create(**_: Any) -> Response:
        return Response(chunks)

    made = CLIENT.copy()
    made.chat.completions.create = create  # type: ignore[method-assign, assignment]
    return made
