"""LangChain's OpenAI model: its chunks, added to one message."""

from importlib.metadata import version
from typing import Any

import openai
from langchain_openai import ChatOpenAI
from program import WIRE, serve
from served import Collected, client
from wire import ENDINGS

CLIENT = client()
MODEL = ChatOpenAI(
    model="gpt-4.1",
    api_key="none",
    async_client=CLIENT.chat.completions,
    root_async_client=CLIENT,
    stream_usage=True,
    use_responses_api=WIRE == "responses",
)


class Adapter(Collected):
    """It adds chunks. Calls that it can parse are in ``tool_calls``, the others in ``invalid_tool_calls``."""

    HELLO = {
        "name": "langchain-openai",
        "version": version("langchain-openai"),
        "claims": ["content", "calls", "ids", "safe", "usage", "ending"],
    }

    async def read(self) -> dict[str, Any]:
        message, failed = None, False
        try:
            async for chunk in MODEL.astream("Hello"):
                message = chunk if message is None else message + chunk
        except openai.APIError:
            failed = True
        except ValueError:  # raised for an error event of a response
            if WIRE != "responses":
                raise
            failed = True
        if message is None:
            return {"ending": "failed" if failed else "broken"}
        usage = message.usage_metadata
        valid = [(call["index"], call) for call in message.tool_call_chunks]
        whole = [(call["name"], call["id"]) for call in message.tool_calls]
        calls = [
            {
                "id": call["id"],
                "name": call["name"] or "",
                "arguments": call["args"] or "",
                "safe": (call["name"], call["id"]) in whole,
            }
            for _, call in valid
        ]
        content = message.content if isinstance(message.content, str) else message.text
        return {
            "choices": [{"content": content, "calls": calls}],
            "usage": usage and {"prompt_tokens": usage["input_tokens"], "completion_tokens": usage["output_tokens"]},
            "ending": "failed" if failed else ENDINGS.get(ended(message.response_metadata), "cut"),
        }


def ended(metadata: dict[str, Any]) -> Any:
    """The finish reason, or the status of a response."""
    return metadata.get("finish_reason") or metadata.get("status")


if __name__ == "__main__":
    serve(Adapter)
