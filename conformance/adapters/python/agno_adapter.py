"""agno's OpenAI model: its deltas, and the calls that its ``parse_tool_calls`` assembles."""

from importlib.metadata import version
from typing import Any

from agno.exceptions import ModelProviderError
from agno.models.message import Message
from agno.models.openai import OpenAIChat
from program import serve
from served import Collected, client

MODEL = OpenAIChat(id="gpt-4.1", async_client=client())


class Adapter(Collected):
    """Its response has no finish reason, so the ending is not claimed."""

    HELLO = {
        "name": "agno",
        "version": version("agno"),
        "claims": ["content", "reasoning", "calls", "ids", "usage"],
    }

    async def read(self) -> dict[str, Any]:
        content, reasoning, entries, usage = "", "", [], None
        assistant = Message(role="assistant")
        try:
            async for delta in MODEL.ainvoke_stream([Message(role="user", content="Hello")], assistant):
                content += delta.content or ""
                reasoning += delta.reasoning_content or ""
                entries += delta.tool_calls or ()
                usage = delta.response_usage or usage
        except ModelProviderError:
            return {"ending": "failed"}
        calls = [
            {
                "id": call.get("id"),
                "name": call["function"].get("name") or "",
                "arguments": call["function"].get("arguments") or "",
            }
            for call in MODEL.parse_tool_calls(entries)
        ]
        return {
            "choices": [{"content": content, "reasoning": reasoning, "calls": calls}],
            "usage": usage and {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens},
        }


if __name__ == "__main__":
    serve(Adapter)
