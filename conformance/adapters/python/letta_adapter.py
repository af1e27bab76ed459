"""Letta's `OpenAIStreamingInterface`, the last one published: the call that its agent runs, and the token counts."""

from importlib.metadata import version
from typing import Any

import openai
from letta.interfaces.openai_streaming_interface import OpenAIStreamingInterface
from program import serve
from served import Collected, client

CLIENT = client()


class Adapter(Collected):
    """It reads one call of a response, and no content, because its agents speak through calls."""

    HELLO = {"name": "letta", "version": version("letta"), "claims": ["calls", "ids", "usage"]}

    async def read(self) -> dict[str, Any]:
        interface = OpenAIStreamingInterface(put_inner_thoughts_in_kwarg=False)
        stream = await CLIENT.chat.completions.create(model="m", messages=[], stream=True)
        try:
            async for _ in interface.process(stream):
                pass
        except openai.APIError:
            return {"ending": "failed"}
        try:
            call = interface.get_tool_call_object()
        except ValueError:  # raised if there is no call
            calls = []
        else:
            calls = [{"id": call.id, "name": call.function.name, "arguments": call.function.arguments}]
        counts = interface.get_usage_statistics()
        return {
            "choices": [{"calls": calls}],
            "usage": {"prompt_tokens": counts.prompt_tokens, "completion_tokens": counts.completion_tokens},
        }


if __name__ == "__main__":
    serve(Adapter)
