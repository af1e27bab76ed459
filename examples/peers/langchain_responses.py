"""The chunks of LangChain's OpenAI model on the Responses API, added to one message."""

from collections.abc import AsyncIterator
from typing import Any

from client import responses_client
from langchain_merge import CLAIMS as CHAT_CLAIMS
from langchain_openai import ChatOpenAI

from streamfsm.testing import PulledParser, Said

PACKAGES = ("langchain-core", "langchain-openai")
IN_ORDER = False  # a message so far does not say what came first
KINDS = ("content", "reasoning", "name", "arguments")
CLAIMS = {
    "split invariance": CHAT_CLAIMS["split invariance"],
    "nothing lost": "“all string attributes are concatenated”, by index (`ToolCallChunk`)",
}


class Adapter(PulledParser):
    """Says the message so far after each chunk, which is ``message + chunk``."""

    def __init__(self) -> None:
        super().__init__(self.merged)

    async def merged(self, chunks: AsyncIterator[dict[str, Any]]) -> AsyncIterator[Said]:
        """Yield what the message so far says if the model's request is answered with these events."""
        client = responses_client(chunks)
        model = ChatOpenAI(
            model="gpt-4.1",
            api_key="none",
            use_responses_api=True,
            output_version="responses/v1",
            root_async_client=client,
            async_client=client.chat.completions,
        )
        message: Any = None
        async for chunk in model.astream("Hello"):
            message = chunk if message is None else message + chunk
            blocks = [block for block in message.content if isinstance(block, dict)]
            yield Said("content", 0, "".join(block.get("text") or "" for block in blocks), snapshot=True)
            summaries = [part for block in blocks for part in block.get("summary") or []]
            yield Said("reasoning", 0, "".join(part.get("text") or "" for part in summaries), snapshot=True)
            for call in message.tool_call_chunks:
                yield Said("name", call["id"], call["name"] or "", snapshot=True)
                yield Said("arguments", call["id"], call["args"] or "", snapshot=True)
