"""Strands Agents' OpenAI model: the message that its ``process_stream`` assembles from the model's events."""

from importlib.metadata import version
from typing import Any

import openai
from program import serve
from served import Collected, client
from strands.event_loop.streaming import process_stream
from strands.models.openai import OpenAIModel

MODEL = OpenAIModel(client=client(), model_id="gpt-4.1")
ENDINGS = {"end_turn": "complete", "tool_use": "complete", "max_tokens": "cut", "content_filtered": "cut"}


class Adapter(Collected):
    """Calls count as safe if the message stopped for tools, because its agent runs them then."""

    HELLO = {
        "name": "strands-agents",
        "version": version("strands-agents"),
        "claims": ["content", "reasoning", "calls", "ids", "safe", "usage", "ending"],
    }

    async def read(self) -> dict[str, Any]:
        stop = None
        try:
            async for event in process_stream(MODEL.stream([{"role": "user", "content": [{"text": "Hello"}]}])):
                stop = event.get("stop", stop)
        except openai.APIError:
            return {"ending": "failed"}
        if stop is None:
            return {"ending": "broken"}
        reason, message, usage, *_ = stop
        parts = message["content"]
        choice = {
            "content": "".join(part.get("text", "") for part in parts),
            "reasoning": "".join(
                part["reasoningContent"].get("reasoningText", {}).get("text", "")
                for part in parts
                if "reasoningContent" in part
            ),
            "calls": [
                {"id": use["toolUseId"], "name": use["name"], "arguments": use["input"], "safe": reason == "tool_use"}
                for use in (part["toolUse"] for part in parts if "toolUse" in part)
            ],
        }
        return {
            "choices": [choice],
            "usage": {"prompt_tokens": usage["inputTokens"], "completion_tokens": usage["outputTokens"]},
            "ending": ENDINGS.get(reason, "cut"),
        }


if __name__ == "__main__":
    serve(Adapter)
