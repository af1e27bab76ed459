"""The openai client's own helper, ``client.chat.completions.stream``: the completion that it accumulates."""

from typing import Any

import openai
from program import serve
from served import Collected, client
from wire import ENDINGS

CLIENT = client()


class Adapter(Collected):
    """Reads to the end, or to the error."""

    HELLO = {
        "name": "openai",
        "version": openai.__version__,
        "claims": ["content", "refusal", "calls", "ids", "usage", "ending", "choices"],
    }

    async def read(self) -> dict[str, Any]:
        failed = False
        async with CLIENT.chat.completions.stream(model="m", messages=[]) as stream:
            try:
                async for _ in stream:
                    pass
            except openai.APIError:
                failed = True
            try:
                completion = stream.current_completion_snapshot
            except (AssertionError, AttributeError):  # the response is empty
                return {"ending": "failed" if failed else "broken"}
        usage = completion.usage
        return {
            "choices": [
                {
                    "index": choice.index,
                    "content": choice.message.content or "",
                    "refusal": choice.message.refusal or "",
                    "calls": [
                        {"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
                        for call in choice.message.tool_calls or ()
                    ],
                }
                for choice in completion.choices
            ],
            "usage": usage and {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens},
            "ending": "failed" if failed else ended([choice.finish_reason for choice in completion.choices]),
        }


def ended(words: list[str | None]) -> str:
    """Return how the first choice ended."""
    return ENDINGS.get(words[0] if words else None, "cut")


if __name__ == "__main__":
    serve(Adapter)
