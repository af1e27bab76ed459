"""The OpenAI Agents SDK over either wire: the response that its model streams at the end."""

from importlib.metadata import version
from typing import Any

import openai
from agents import (
    ModelBehaviorError,
    ModelSettings,
    ModelTracing,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    set_tracing_disabled,
)
from program import WIRE, serve
from served import Collected, client

set_tracing_disabled(disabled=True)
MODELS = {"chat": OpenAIChatCompletionsModel, "responses": OpenAIResponsesModel}
MODEL = MODELS[WIRE](model="gpt-4.1", openai_client=client())


class Adapter(Collected):
    """Its final response has no finish reason, so the ending is not claimed."""

    HELLO = {
        "name": "openai-agents",
        "version": version("openai-agents"),
        "claims": ["content", "reasoning", "refusal", "calls", "ids", "usage"],
    }

    async def read(self) -> dict[str, Any]:
        final = None
        stream = MODEL.stream_response(
            None, "Hello", ModelSettings(include_usage=True), [], None, [], ModelTracing.DISABLED,
            previous_response_id=None, conversation_id=None, prompt=None,
        )  # fmt: skip
        try:
            async for event in stream:
                if event.type == "response.completed":
                    final = event.response
        except (openai.APIError, ModelBehaviorError):
            pass
        if final is None:
            return {"ending": "failed"}
        parts = [part for item in final.output if item.type == "message" for part in item.content]
        reasoning = [part for item in final.output if item.type == "reasoning" for part in item.summary]
        usage = final.usage
        choice = {
            "content": "".join(part.text for part in parts if part.type == "output_text"),
            "refusal": "".join(part.refusal for part in parts if part.type == "refusal"),
            "reasoning": "".join(part.text for part in reasoning),
            "calls": [
                {"id": item.call_id, "name": item.name, "arguments": item.arguments}
                for item in final.output
                if item.type == "function_call"
            ],
        }
        return {
            "choices": [choice],
            "usage": usage and {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens},
        }


if __name__ == "__main__":
    serve(Adapter)
