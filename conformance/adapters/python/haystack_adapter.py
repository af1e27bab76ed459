"""Haystack's generator for OpenAI's chat: the message that it assembles from its chunks."""

import os
from importlib.metadata import version
from typing import Any

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

import openai
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.utils import Secret
from program import serve
from served import serve_next, sync_client
from wire import ENDINGS

GENERATOR = OpenAIChatGenerator(api_key=Secret.from_token("none"), model="gpt-4.1", streaming_callback=lambda _: None)
GENERATOR.client = sync_client()
GENERATOR.warm_up()


class Adapter:
    """It omits calls that are not JSON, so the calls that it returns count as safe."""

    HELLO = {
        "name": "haystack-ai",
        "version": version("haystack-ai"),
        "claims": ["content", "calls", "ids", "safe", "usage", "ending"],
    }

    def __init__(self, wire: str) -> None:
        self.events = []

    def feed(self, event: Any) -> None:
        self.events.append(event)

    def close(self) -> dict[str, Any]:
        serve_next(self.events)
        try:
            [message] = GENERATOR.run([ChatMessage.from_user("Hello")])["replies"]
        except openai.APIError:
            return {"ending": "failed"}
        usage = message.meta.get("usage") or {}
        calls = [
            {"id": call.id, "name": call.tool_name, "arguments": call.arguments, "safe": True}
            for call in message.tool_calls
        ]
        return {
            "choices": [{"content": message.text or "", "calls": calls}],
            "usage": {name: usage.get(name) for name in ("prompt_tokens", "completion_tokens")} if usage else None,
            "ending": ENDINGS.get(message.meta.get("finish_reason"), "cut"),
        }


if __name__ == "__main__":
    serve(Adapter)
