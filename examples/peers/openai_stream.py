"""The openai client's helper: the state behind ``client.chat.completions.stream``, fed with chunks."""

from collections.abc import Iterator
from typing import Any

from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from streamfsm.testing import Said

PACKAGES = ("openai",)
KINDS = ("content", "name", "arguments")
CLAIMS = {
    "split invariance": "“automatic accumulation of each delta” (helpers.md)",
    "nothing lost": "the same; reasoning is not part of the API",
    "append-only": "the events' “new content string” and “new JSON string fragment” (helpers.md)",
    "promptness": "“emitted for every chunk containing new content” (helpers.md)",
    "output grammar": "each event about arguments has “the name of the function being called” (helpers.md)",
    "cut off": "“can also access the accumulated `ChatCompletion` mid-stream” (`ChatCompletionStreamState`)",
}


class Adapter:
    """Reads the delta events. They refer to a call by its index; its id is in the completion so far."""

    def __init__(self) -> None:
        self.state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
        self.named: set[int] = set()
        self.choices: list[Any] = []

    def feed(self, chunk: dict[str, Any]) -> Iterator[Said]:
        """Yield what the events of this chunk say; the helper gets the chunk as the client would build it."""
        for event in self.state.handle_chunk(ChatCompletionChunk.construct(**chunk)):
            match event.type:
                case "chunk":
                    self.choices = event.snapshot.choices
                case "content.delta" if event.delta:
                    yield Said("content", 0, event.delta)
                case "tool_calls.function.arguments.delta":
                    call = self.choices[0].message.tool_calls[event.index]
                    if event.index not in self.named:
                        self.named.add(event.index)
                        yield Said("name", call.id, event.name)
                    if event.arguments_delta:
                        yield Said("arguments", call.id, event.arguments_delta)

    def close(self) -> None:
        """Do nothing: the helper emits nothing at the end."""

    def result(self) -> list[Any]:
        """Return the completion that the helper accumulates."""
        return [
            (
                choice.message.content,
                [(call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls or ()],
                choice.finish_reason,
            )
            for choice in self.choices
        ]
