"""streamfsm's own parser, used through the same pipe as all others."""

from importlib.metadata import version
from typing import Any

from program import Answers, serve

from streamfsm import StreamParser, StreamResult

ENDINGS = {
    "end_turn": "complete",
    "tool_calls": "complete",
    "max_tokens_exceeded": "cut",
    "content_filter": "cut",
    "unknown": "cut",
    "incomplete": "broken",
    "error": "failed",
}
BROKEN = ("incomplete", "invalid", "trailing")


class Adapter(Answers):
    """It uses the default options."""

    HELLO = {
        "name": "streamfsm",
        "version": version("streamfsm"),
        "claims": [
            *("content", "reasoning", "refusal", "calls", "ids", "safe", "usage", "ending", "warnings"),
            *("choices", "parts", "custom_tools", "function_call"),
        ],
    }

    def __init__(self, wire: str) -> None:
        self.parser = StreamParser()

    def feed(self, event: Any) -> None:
        self.parser.feed(event)

    def close(self) -> dict[str, Any]:
        self.parser.close()
        result: StreamResult = self.parser.result
        usage = result.usage
        return {
            "choices": [
                {
                    "index": choice.index,
                    "content": choice.content,
                    "reasoning": choice.reasoning,
                    "refusal": choice.refusal,
                    "calls": [
                        {"id": call.id, "name": call.name, "arguments": call.arguments, "safe": call.ready}
                        for call in choice.tool_calls
                    ],
                }
                for choice in result.choices
            ],
            "usage": {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens},
            "ending": ENDINGS[result.stop_reason.value],
            "warnings": [anomaly.detail for anomaly in result.anomalies]
            + [
                f"arguments are {call.verdict}"
                for choice in result.choices
                for call in choice.tool_calls
                if call.verdict in BROKEN
            ],
        }


if __name__ == "__main__":
    serve(Adapter)
