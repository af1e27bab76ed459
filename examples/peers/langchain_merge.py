"""The chunks of LangChain's OpenAI model, added to one message."""

from collections.abc import AsyncIterator
from typing import Any

from client import client
from langchain_openai import ChatOpenAI

from streamfsm.testing import PulledParser, Said

PACKAGES = ("langchain-core", "langchain-openai")
KINDS = ("content", "name", "arguments")
IN_ORDER = False  # a message so far does not say what came first
CLAIMS = {
    "split invariance": "“combine message chunks yielded from a streaming model into a complete message” "
    "(`BaseMessageChunk.__add__`)",
    "nothing lost": "“all string attributes are concatenated”, by index (`ToolCallChunk`); of “official OpenAI API "
    "specifications only”, so no reasoning (`ChatOpenAI`)",
}


class Adapter(PulledParser):
    """Says the message so far after each chunk, which is ``message + chunk``."""

    def __init__(self) -> None:
        super().__init__(self.merged)

    async def merged(self, chunks: AsyncIterator[dict[str, Any]]) -> AsyncIterator[Said]:
        """Yield what the message so far says if the model's request is answered with these chunks."""
        model = ChatOpenAI(model="gpt-4.1", api_key="none", async_client=client(chunks).chat.completions)
        message: Any = None
        async for chunk in model.astream("Hello"):
            message = chunk if message is None else message + chunk
            yield Said("content", 0, message.content, snapshot=True)
            for call in message.tool_call_chunks:
                yield Said("name", call["id"], call["name"] or "", snapshot=True)
                yield Said("arguments", call["id"], call["args"] or "", snapshot=True)
