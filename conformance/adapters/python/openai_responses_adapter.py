"""The openai client's own helper, ``client.responses.stream``: the response that ends the stream, or the deltas."""

from typing import Any

import openai
from program import serve
from served import Collected, client
from wire import ENDINGS

CLIENT = client()
ENDS = ("response.completed", "response.incomplete", "response.failed")


class Adapter(Collected):
    """Reads to the end, or to the error."""

    HELLO = {
        "name": "openai",
        "version": openai.__version__,
        "claims": ["content", "reasoning", "calls", "ids", "usage", "ending", "custom_tools"],
    }

    async def read(self) -> dict[str, Any]:
        response, failed = None, False
        deltas: dict[str, str] = {"content": "", "reasoning": ""}
        items: dict[int, Any] = {}
        try:
            async with CLIENT.responses.stream(model="m", input="Hello") as stream:
                async for event in stream:
                    if event.type in ENDS:
                        response = event.response
                    elif event.type == "response.output_text.delta":
                        deltas["content"] += event.delta
                    elif event.type == "response.reasoning_summary_text.delta":
                        deltas["reasoning"] += event.delta
                    elif event.type in {"response.output_item.added", "response.output_item.done"}:
                        items[event.output_index] = event.item
                    elif event.type == "error":
                        failed = True
        except openai.APIError:
            failed = True
        output = response.output if response else list(items.values())
        messages = [part for item in output if item.type == "message" for part in item.content]
        summaries = [part for item in output if item.type == "reasoning" for part in item.summary]
        calls = [
            {
                "id": item.call_id,
                "name": item.name,
                "arguments": item.input if item.type == "custom_tool_call" else item.arguments,
            }
            for item in output
            if item.type in ("function_call", "custom_tool_call")
        ]
        if response:
            deltas = {
                "content": "".join(part.text for part in messages if part.type == "output_text"),
                "reasoning": "".join(part.text for part in summaries),
            }
        usage = response.usage if response else None
        return {
            "choices": [{**deltas, "calls": calls}],
            "usage": usage and {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens},
            "ending": "failed" if failed else ENDINGS.get(response.status if response else None, "cut"),
        }


if __name__ == "__main__":
    serve(Adapter)
