"""smolagents' OpenAI model: its deltas, assembled by its ``agglomerate_stream_deltas``."""

from importlib.metadata import version
from typing import Any

import openai
from program import serve
from served import serve_next, sync_client
from smolagents import OpenAIModel
from smolagents.models import agglomerate_stream_deltas

MODEL = OpenAIModel("gpt-4.1", api_key="none", retry=False)
MODEL.client = sync_client()


class Adapter:
    """Its message has no finish reason, so the ending is not claimed."""

    HELLO = {
        "name": "smolagents",
        "version": version("smolagents"),
        "claims": ["content", "calls", "ids", "usage"],
    }

    def __init__(self, wire: str) -> None:
        self.events = []

    def feed(self, event: Any) -> None:
        self.events.append(event)

    def close(self) -> dict[str, Any]:
        serve_next(self.events)
        deltas = []
        try:
            deltas.extend(MODEL.generate_stream([{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]))
        except openai.APIError:
            return {"ending": "failed"}
        message = agglomerate_stream_deltas(deltas)
        usage = message.token_usage
        calls = [
            {"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
            for call in message.tool_calls or ()
        ]
        return {
            "choices": [{"content": message.content or "", "calls": calls}],
            "usage": {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens},
        }


if __name__ == "__main__":
    serve(Adapter)
