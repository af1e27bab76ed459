"""An agent loop: the model thinks, calls a tool, gets its result, and speaks through ``send_message``.

The server is a scripted one on this machine. For a real one, give ``AsyncOpenAI`` its URL and key.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import openai

from streamfsm import OpenAIStreamingInterface, ParsedCall, StreamMessage
from streamfsm.replay.loopback import serve
from streamfsm.wires.chat.chunking import every


def tool(name: str, **parameters: str) -> Any:
    """Return a tool's schema. The first argument of each tool is for the model's thoughts."""
    properties = {key: {"type": kind} for key, kind in {"thinking": "string", **parameters}.items()}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


TOOLS = [tool("search", query="string", limit="integer"), tool("send_message", message="string")]


def search(query: str, limit: int) -> list[str]:
    """Return what the search finds."""
    return [f"{query}: yes, on the wing", "A swift can stay in the air for ten months."][:limit]


async def agent(client: openai.AsyncOpenAI, question: str) -> None:
    """Call the model until it has spoken and calls no more tools."""
    messages: list[Any] = [{"role": "user", "content": question}]
    for _ in range(20):  # the most requests
        stream = await client.chat.completions.create(model="scripted", messages=messages, tools=TOOLS, stream=True)
        interface = OpenAIStreamingInterface(use_assistant_message=True, put_inner_thoughts_in_kwarg=True)
        async with aclosing(interface.process(stream)) as response:
            await show(response)
        result = interface.result
        calls = [call for call in result.tool_calls if call.goes_back]  # these must be answered
        messages.append(result.assistant_message())
        for call, answer in zip(calls, await asyncio.gather(*map(run, calls)), strict=True):
            messages.append({"role": "tool", "tool_call_id": call.tool_call_id, "content": answer})
        if len(calls) < len(result.tool_calls) or (not calls and result.stop_reason == "tool_calls"):
            messages.append({"role": "user", "content": "A tool call of yours did not arrive whole. Call again."})
        elif all(call.name == "send_message" for call in calls):
            return


async def run(call: ParsedCall) -> str:
    """Run a call, and return the text for the model: the result, or the reason why there is none."""
    try:
        arguments = call.parse()  # raises unless the call is ready
        arguments.pop("thinking", None)
        if call.name == "send_message":
            return "sent"
        found = await asyncio.to_thread({"search": search}[call.name], **arguments)
    except Exception as error:  # noqa: BLE001 - the model may correct any error
        return f"not done: {error!r}"
    print(f"runs: {call.name}({arguments}) -> {found}")
    return json.dumps(found)


async def show(response: AsyncIterator[StreamMessage]) -> None:
    """Print thoughts and speech as they arrive."""
    kind = ""
    async for message in response:
        if message.message_type == "reasoning_message":
            now, text = "thinks", message.reasoning
        elif message.message_type == "assistant_message":
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
    """Yield a call, token by token: first of the search, then, with its result, of the message tool."""
    name, arguments = THEN if request["messages"][-1]["role"] == "tool" else FIRST
    call = {"index": 0, "id": "call_1", "function": {"name": name, "arguments": json.dumps(arguments)}}
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}
    for chunk in every(4)([{"id": "chatcmpl-1", "choices": [choice]}]):
        yield f"data: {json.dumps(chunk)}\n\n".encode()
        time.sleep(0 if "--no-delay" in sys.argv else 0.05)
    yield b"data: [DONE]\n\n"


async def main() -> None:
    """Ask one question."""
    http = openai.DefaultAsyncHttpxClient(trust_env=False)  # no proxy for requests to this machine
    with serve(respond) as url:
        async with openai.AsyncOpenAI(base_url=url, api_key="none", http_client=http) as client:
            await agent(client, "Do swifts sleep?")


if __name__ == "__main__":
    asyncio.run(main())
