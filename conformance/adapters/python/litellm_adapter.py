"""litellm's stream of an OpenAI-compatible server, assembled by its ``stream_chunk_builder``."""

import os
from importlib.metadata import version
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or it would access the network

import litellm
import openai
from program import serve
from served import Collected, client
from wire import ENDINGS

CLIENT = client()


class Adapter(Collected):
    """Reads to the end, or to the error."""

    HELLO = {
        "name": "litellm",
        "version": version("litellm"),
        "claims": ["content", "reasoning", "calls", "ids", "ending"],
    }

    async def read(self) -> dict[str, Any]:
        chunks, failed = [], False
        try:
            stream = await litellm.acompletion(
                model="openai/gpt-4.1", messages=[{"role": "user", "content": "Hello"}], stream=True, client=CLIENT
            )
            async for chunk in stream:
                chunks.append(chunk)  # noqa: PERF401 - what came before an error counts
        except openai.APIError:
            failed = True
        whole = litellm.stream_chunk_builder(chunks) if chunks else None
        if whole is None:
            return {"ending": "failed" if failed else "broken"}
        [choice] = whole.choices
        message = choice.message
        return {
            "choices": [
                {
                    "content": message.content or "",
                    "reasoning": getattr(message, "reasoning_content", None) or "",
                    "calls": [
                        {"id": call.id, "name": call.function.name or "", "arguments": call.function.arguments or ""}
                        for call in message.tool_calls or ()
                    ],
                }
            ],
            "ending": "failed" if failed else ENDINGS.get(choice.finish_reason, "cut"),
        }


if __name__ == "__main__":
    serve(Adapter)
