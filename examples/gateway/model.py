"""The model behind the gateway: an OpenAI-compatible server, or a scripted one on this machine."""

import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import openai

from streamfsm.replay.loopback import serve


@asynccontextmanager
async def connected() -> AsyncIterator[openai.AsyncOpenAI]:
    """Yield a client of the server at ``OPENAI_BASE_URL``; without ``OPENAI_API_KEY``, of the scripted model."""
    if "OPENAI_API_KEY" in os.environ:
        # Each open stream needs a connection; the client's default limit is 1,000.
        http = openai.DefaultAsyncHttpxClient(limits=type(openai.DEFAULT_CONNECTION_LIMITS)(max_connections=None))
        async with openai.AsyncOpenAI(http_client=http) as client:
            yield client
    else:
        with serve(scripted) as url:
            async with openai.AsyncOpenAI(base_url=url, api_key="none") as client:
                yield client


def asked(body: dict[str, Any]) -> dict[str, Any]:
    """Return the request to the server."""
    messages = [{"role": "user", "content": str(body.get("prompt", ""))}]
    options = {"stream": True, "stream_options": {"include_usage": True}}
    return {"model": os.environ.get("MODEL", "scripted"), "messages": messages, **options}


def scripted(request: dict[str, Any]) -> Iterator[bytes]:
    """Answer like a model, word by word: thoughts, an answer, and a call."""
    prompt = request["messages"][-1]["content"]
    deltas: list[dict[str, Any]] = [
        *({"reasoning_content": word} for word in split("They want to know something. A search will tell.")),
        *({"content": word} for word in split(f"You said: {prompt}. Let me look it up.")),
        {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "search"}}]},
        *({"tool_calls": [{"index": 0, "function": {"arguments": part}}]} for part in split(arguments(prompt))),
    ]
    for delta in deltas:
        yield chunk({"index": 0, "delta": delta, "finish_reason": None})
        time.sleep(float(os.environ.get("PACE", "0.05")))
    yield chunk({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    yield b"data: [DONE]\n\n"


def split(text: str) -> Iterator[str]:
    """Yield the text in pieces of a few characters."""
    return (text[at : at + 6] for at in range(0, len(text), 6))


def arguments(prompt: str) -> str:
    """Return the arguments of the call."""
    return json.dumps({"query": prompt})


def chunk(choice: dict[str, Any]) -> bytes:
    """Return an event of the scripted server."""
    return f"data: {json.dumps({'id': 'chatcmpl-1', 'model': 'scripted', 'choices': [choice]})}\n\n".encode()
