"""The events of a streamed response of the OpenAI model, which agents pass on."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from client import client
from pydantic_ai.messages import ModelRequest, PartDeltaEvent, PartStartEvent, TextPart, ThinkingPart, ToolCallPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from streamfsm.testing import PulledParser, Said

PACKAGES = ("pydantic-ai-slim", "openai")
KINDS = ("content", "reasoning", "name", "arguments")
CLAIMS = {
    "split invariance": "a delta is “to apply to the specified part” (`PartDeltaEvent`)",
    "nothing lost": "the same; reasoning as `ThinkingPart`, from the fields that other servers use",
    "append-only": "a string “will be appended to existing JSON arguments” (`ToolCallPartDelta`)",
    "promptness": "“stream the response” (`StreamedResponse.__aiter__`)",
    "output grammar": "an event “that a new part has started”, then deltas “for an existing part”",
    "cut off": "a missing finish reason is read as `stop`; only an empty response is rejected",
}


class Adapter(PulledParser):
    """Reads the events: a part begins with an event that has its first text, and continues with deltas."""

    def __init__(self) -> None:
        super().__init__(self.events)

    async def events(self, chunks: AsyncIterator[dict[str, Any]]) -> AsyncIterator[Said]:
        """Yield what the events say if the request is answered with these chunks."""
        model = OpenAIChatModel("gpt-4.1", provider=OpenAIProvider(openai_client=client(chunks)))
        request = ModelRequest.user_text_prompt("Hello")
        async with model.request_stream([request], None, ModelRequestParameters()) as response:
            parts: dict[int, Any] = {}
            async for event in response:
                if isinstance(event, PartStartEvent):
                    part = parts[event.index] = event.part
                    for said in begun(part):
                        yield said
                elif isinstance(event, PartDeltaEvent):
                    for said in added(parts[event.index], event.delta):
                        yield said


def begun(part: Any) -> Iterator[Said]:
    """Yield what the first event of a part says."""
    if isinstance(part, ToolCallPart):
        yield from call(part.tool_call_id, part.tool_name, part.args)
    else:
        yield text(part, part.content)


def added(part: Any, delta: Any) -> Iterator[Said]:
    """Yield what a later event of a part says."""
    if isinstance(part, ToolCallPart):
        yield from call(part.tool_call_id, delta.tool_name_delta, delta.args_delta)
    else:
        yield text(part, delta.content_delta)


def text(part: TextPart | ThinkingPart, new: str) -> Said:
    """Return the new part of a text or of thinking."""
    return Said("reasoning" if isinstance(part, ThinkingPart) else "content", 0, new)


def call(identity: str, name: str | None, arguments: Any) -> Iterator[Said]:
    """Yield the new parts of a call's name and arguments."""
    if name:
        yield Said("name", identity, name)
    if arguments:
        yield Said("arguments", identity, arguments)
