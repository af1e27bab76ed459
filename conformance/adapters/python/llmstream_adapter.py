"""llmstream: the events of its parser for OpenAI's wire."""

from importlib.metadata import version
from typing import Any

from llmstream.pipeline import ParserCore
from program import serve
from wire import ENDINGS


class Adapter:
    """A call whose arguments are not an object becomes an error event, so the calls that it completes count as safe."""

    HELLO = {
        "name": "llmstream",
        "version": version("llmstream"),
        "claims": ["content", "reasoning", "calls", "ids", "safe", "usage", "ending"],
    }

    def __init__(self, wire: str) -> None:
        self.core = ParserCore(provider="openai", on_error="skip")
        self.events = []

    def feed(self, event: Any) -> None:
        self.events += self.core.feed(event)

    def close(self) -> dict[str, Any]:
        self.events += self.core.close()
        texts = {"delta": "", "reasoning_delta": ""}
        calls, usage, word, failed = [], None, None, False
        for event in self.events:
            match event.type:
                case "delta" | "reasoning_delta":
                    texts[event.type] += event.text
                case "tool_call_complete":
                    calls.append({"id": event.id, "name": event.name, "arguments": event.raw_arguments, "safe": True})
                case "error" if event.code == "tool_arguments_invalid":
                    slot = self.core.tool_parser.slots[event.index]
                    calls.append({"id": slot.id, "name": slot.name, "arguments": event.raw_arguments, "safe": False})
                case "error":
                    failed = True
                case "usage":
                    usage = {"prompt_tokens": event.input_tokens, "completion_tokens": event.output_tokens}
                case "metadata":
                    word = event.finish_reason or word
        choice = {"content": texts["delta"], "reasoning": texts["reasoning_delta"], "calls": calls}
        return {"choices": [choice], "usage": usage, "ending": "failed" if failed else ENDINGS.get(word, "cut")}


if __name__ == "__main__":
    serve(Adapter)
