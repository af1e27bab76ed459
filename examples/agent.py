"""An agent loop: the model thinks, asks for a tool, gets its result, and speaks through ``send_message``.

The server here is a scripted one on this machine. For a real one, give ``AsyncOpenAI`` its URL and key.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import openai

from streamfsm import AssistantMessage, OpenAIStreamingInterface, ReasoningMessage, StreamMessage
from streamfsm.replay.loopback import serve
from streamfsm.wires.chat.chunking import every


def tool(name: str, **parameters: str) -> Any:
    """A tool's schema. Each tool has an argument for the model's thoughts, which comes first."""
    properties = {key: {"type": kind} for key, kind in {"thinking": "string", **parameters}.items()}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


TOOLS = [tool("search", query="string", limit="integer"), tool("send_message", message="string")]


def search(query: str, limit: int) -> list[str]:
    """The one tool that does something."""
    return [f"{query}: yes, on the wing", "A swift can stay in the air for ten months."][:limit]


async def agent(client: openai.AsyncOpenAI, question: str) -> None:
    """Call the model until it speaks."""
    messages: list[Any] = [{"role": "user", "content": question}]
    while True:
        stream = await client.chat.completions.create(
            model="scripted", messages=messages, tools=TOOLS, tool_choice="required", stream=True
        )
        interface = OpenAIStreamingInterface(use_assistant_message=True, put_inner_thoughts_in_kwarg=True)
        async with aclosing(interface.process(stream)) as response:
            await show(response)
        call = interface.get_tool_call_object()
        if not interface.result.tool_calls[0].ready:
            sys.exit("the call was cut off, or is no JSON: it must not be run")
        if call.function.name == "send_message":
            return
        arguments = json.loads(call.function.arguments, strict=False)
        arguments.pop("thinking", None)
        found = search(**arguments)
        print(f"runs: search({arguments}) -> {found}")
        messages.append({"role": "assistant", "tool_calls": [call.model_dump()]})
        messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(found)})


async def show(response: AsyncIterator[StreamMessage]) -> None:
    """Print what the model thinks and says, as it comes."""
    kind = ""
    async for message in response:
        if isinstance(message, ReasoningMessage):
            now, text = "thinks", message.reasoning
        elif isinstance(message, AssistantMessage):
            now, text = "says", message.content
        else:
            continue
        print(text if now == kind else f"\n{now}: {text}", end="", flush=True)
        kind = now
    print()


# -- the scripted model ------------------------------------------------------------------------------------------------

FIRST = "search", {"thinking": "I had better look that up.", "query": "do swifts sleep", "limit": 2}
THEN = "send_message", {"thinking": "That settles it.", "message": "Yes, in the air: half a brain at a time. 🐦"}


def respond(request: dict[str, Any]) -> Iterator[bytes]:
    """A call, token by token: of the search first, of the message once its result is there."""
    name, arguments = THEN if request["messages"][-1]["role"] == "tool" else FIRST
    call = {"index": 0, "id": "call_1", "function": {"name": name, "arguments": json.dumps(arguments)}}
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}
    for chunk in every(4)([{"id": "chatcmpl-1", "choices": [choice]}]):
        yield f"data: {json.dumps(chunk)}\n\n".encode()
        time.sleep(0 if "--no-delay" in sys.argv else 0.05)
    yield b"data: [DONE]\n\n"


async def main() -> None:
    """Ask one question."""
    http = openai.DefaultAsyncHttpxClient(trust_env=False)  # no proxy on the way to this machine
    with serve(respond) as url:
        async with openai.AsyncOpenAI(base_url=url, api_key="none", http_client=http) as client:
            await agent(client, "Do swifts sleep?")


if __name__ == "__main__":
    asyncio.run(main())
