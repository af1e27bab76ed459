"""The openai client's helper: the state behind ``client.responses.stream``, fed with events."""

from collections.abc import Iterator
from typing import Any

from client import event
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState

from streamfsm.testing import Said

PACKAGES = ("openai",)
KINDS = ("content", "reasoning", "name", "arguments")
CLAIMS = {
    "split invariance": "“the accumulated `ParsedResponse` object” (`get_final_response`)",
    "nothing lost": "the same",
    "append-only": "each event has a `delta` and the `snapshot` that it adds up to",
    "promptness": "each event of the API is passed on at once",
    "output grammar": "the same",
}


class Adapter:
    """Reads the events of the helper, which are those of the API, with snapshots."""

    def __init__(self) -> None:
        self.state: ResponseStreamState[None] = ResponseStreamState(input_tools=omit, text_format=omit)
        self.calls: dict[int, str] = {}
        self.final: list[Any] = []

    def feed(self, fields: dict[str, Any]) -> Iterator[Said]:
        """Yield what the helper's events for this event say."""
        for each in self.state.handle_event(event(fields)):
            match each.type:
                case "response.output_text.delta" if each.delta:
                    yield Said("content", 0, each.delta)
                case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" if each.delta:
                    yield Said("reasoning", 0, each.delta)
                case "response.output_item.added" if each.item.type == "function_call":
                    self.calls[each.output_index] = each.item.call_id
                    yield Said("name", each.item.call_id, each.item.name)
                case "response.function_call_arguments.delta" if each.delta:
                    yield Said("arguments", self.calls[each.output_index], each.delta)
                case "response.completed":
                    self.final = each.response.output

    def close(self) -> None:
        """Do nothing: the helper emits nothing at the end."""

    def result(self) -> list[Any]:
        """Return the final response of the helper."""
        return [item.to_dict() for item in self.final]
