"""The events of a streamed response of the OpenAI Responses model, which agents pass on."""

from collections.abc import AsyncIterator
from typing import Any

from client import responses_client
from pydantic_ai.messages import ModelRequest, PartDeltaEvent, PartStartEvent
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai_events import CLAIMS as CHAT_CLAIMS
from pydantic_ai_events import added, begun

from streamfsm.testing import PulledParser, Said

PACKAGES = ("pydantic-ai-slim", "openai")
KINDS = ("content", "reasoning", "name", "arguments")
CLAIMS = {law: CHAT_CLAIMS[law] for law in ("split invariance", "append-only", "promptness", "output grammar")} | {
    "nothing lost": "the same; summaries of reasoning as `ThinkingPart`"
}


class Adapter(PulledParser):
    """Reads the events: a part begins with an event that has its first text, and continues with deltas."""

    def __init__(self) -> None:
        super().__init__(self.events)

    async def events(self, chunks: AsyncIterator[dict[str, Any]]) -> AsyncIterator[Said]:
        """Yield what the events say if the request is answered with these events of the API."""
        model = OpenAIResponsesModel("gpt-4.1", provider=OpenAIProvider(openai_client=responses_client(chunks)))
        request = ModelRequest.user_text_prompt("Hello")
        async with model.request_stream([request], None, ModelRequestParameters()) as response:
            parts: dict[int, Any] = {}
            async for event in response:
                if isinstance(event, PartStartEvent):
                    part = parts[event.index] = event.part
                    for said in begun(part):
                        if said.text:
                            yield said
                elif isinstance(event, PartDeltaEvent):
                    for said in added(parts[event.index], event.delta):
                        if said.text:
                            yield said
