"""What an agent of openai-agents gets: the events as they come, and at the end the response in the last one."""

from collections.abc import AsyncIterator
from typing import Any

from agents import ModelSettings, ModelTracing
from agents.models.openai_responses import OpenAIResponsesModel
from client import responses_client

from streamfsm.testing import PulledParser, Said

PACKAGES = ("openai-agents", "openai")
KINDS = ("content", "reasoning", "name", "arguments")
CLAIMS = {
    "split invariance": "“a partial message as it is generated” (`stream_response`)",
    "nothing lost": "the same",
    "append-only": "events “are directly passed through” (`RawResponsesStreamEvent`)",
    "promptness": "the same",
    "output grammar": "the same",
}


class Adapter(PulledParser):
    """Reads the events that the model passes on."""

    def __init__(self) -> None:
        super().__init__(self.events)

    async def events(self, chunks: AsyncIterator[dict[str, Any]]) -> AsyncIterator[Said]:
        """Yield what the events say if the request is answered with these events of the API."""
        model = OpenAIResponsesModel("gpt-4.1", responses_client(chunks))
        asked = (None, "Hello", ModelSettings(), [], None, [], ModelTracing.DISABLED)
        calls: dict[int, str] = {}
        async for event in model.stream_response(*asked):
            match event.type:
                case "response.output_text.delta" if event.delta:
                    yield Said("content", 0, event.delta)
                case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" if event.delta:
                    yield Said("reasoning", 0, event.delta)
                case "response.output_item.added" if event.item.type == "function_call":
                    calls[event.output_index] = event.item.call_id
                    yield Said("name", event.item.call_id, event.item.name)
                case "response.function_call_arguments.delta" if event.delta:
                    yield Said("arguments", calls[event.output_index], event.delta)
