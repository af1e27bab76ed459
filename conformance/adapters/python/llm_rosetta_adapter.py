"""llm-rosetta: the events of its converter for either wire, and the calls that its context has assembled."""

from importlib.metadata import version
from typing import Any

from llm_rosetta import OpenAIChatConverter, OpenAIResponsesConverter
from program import WIRE, serve
from wire import ENDINGS


class Adapter:
    """It joins texts and calls by choice, as users of the library do."""

    HELLO = {
        "name": "llm-rosetta",
        "version": version("llm-rosetta"),
        "claims": ["content", "reasoning", "calls", "ids", "usage", "ending", "choices", "custom_tools"],
    }

    def __init__(self, wire: str) -> None:
        self.converter = {"chat": OpenAIChatConverter, "responses": OpenAIResponsesConverter}[WIRE]()
        self.context = self.converter.create_stream_context()
        self.choices, self.usage, self.words = {}, None, {}

    def feed(self, event: Any) -> None:
        for each in self.converter.stream_response_from_provider(event, self.context):
            index = each.get("choice_index", 0)
            choice = self.choices.setdefault(index, {"index": index, "content": "", "reasoning": "", "calls": {}})
            match each["type"]:
                case "text_delta":
                    choice["content"] += each["text"]
                case "reasoning_delta":
                    choice["reasoning"] += each["reasoning"]
                case "tool_call_start":
                    identity = each["tool_call_id"]
                    choice["calls"][identity] = {"id": identity, "name": each["tool_name"], "arguments": ""}
                case "tool_call_delta":
                    empty = {"id": None, "name": "", "arguments": ""}
                    choice["calls"].setdefault(each["tool_call_id"], empty)["arguments"] += each["arguments_delta"]
                case "usage":
                    counts = each["usage"]
                    self.usage = {name: counts.get(name) for name in ("prompt_tokens", "completion_tokens")}
                case "finish":
                    self.words[index] = each["finish_reason"]["reason"]

    def close(self) -> dict[str, Any]:
        choices = [{**choice, "calls": list(choice["calls"].values())} for choice in self.choices.values()]
        word = next(iter(self.words.values()), None)
        return {"choices": choices, "usage": self.usage, "ending": ENDINGS.get(word, "cut")}


if __name__ == "__main__":
    serve(Adapter)
