"""pydantic-ai's OpenAI model: the response that its stream has at the end."""

from importlib.metadata import version
from typing import Any

from program import WIRE, serve
from pydantic_ai.exceptions import ModelAPIError
from pydantic_ai.messages import ModelRequest, TextPart, ThinkingPart, ToolCallPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider
from served import Collected, client
from wire import ENDINGS

MODELS = {"chat": OpenAIChatModel, "responses": OpenAIResponsesModel}
MODEL = MODELS[WIRE]("gpt-4.1", provider=OpenAIProvider(openai_client=client()))


class Adapter(Collected):
    """Reads to the end, or to the error."""

    HELLO = {
        "name": "pydantic-ai-slim",
        "version": version("pydantic-ai-slim"),
        "claims": ["content", "reasoning", "calls", "ids", "usage", "ending"],
    }

    async def read(self) -> dict[str, Any]:
        request = ModelRequest.user_text_prompt("Hello")
        try:
            async with MODEL.request_stream([request], None, ModelRequestParameters()) as stream:
                failed = False
                try:
                    async for _ in stream:
                        pass
                except ModelAPIError:
                    failed = True
                response = stream.get()
                usage = stream.usage() if callable(stream.usage) else stream.usage
        except ModelAPIError:
            return {"ending": "failed"}
        parts = response.parts
        choice = {
            "content": "".join(part.content for part in parts if isinstance(part, TextPart)),
            "reasoning": "".join(part.content for part in parts if isinstance(part, ThinkingPart)),
            "calls": [
                {"id": part.tool_call_id, "name": part.tool_name, "arguments": part.args}
                for part in parts
                if isinstance(part, ToolCallPart)
            ],
        }
        return {
            "choices": [choice],
            "usage": {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens},
            "ending": "failed" if failed else ENDINGS.get(response.finish_reason, "cut"),
        }


if __name__ == "__main__":
    serve(Adapter)
