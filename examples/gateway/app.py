"""A gateway: relays an OpenAI-compatible server as typed messages, AG-UI and UI messages, with a page to watch it.

    pip install 'streamfsm[ag-ui,openai]' starlette uvicorn
    python examples/gateway/app.py                       # a scripted model on this machine: no key, no network
    OPENAI_API_KEY=… MODEL=gpt-4.1 python examples/gateway/app.py          # or any server, with OPENAI_BASE_URL

A *run* goes on for a while when its reader is cut off, so that the page can go on from its last event; if nobody comes
back, the request to the server is cancelled. The other protocols are relayed directly: when the client leaves, the
request is cancelled at once.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import openai
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from streamfsm import StreamParser, aiter_messages
from streamfsm.replay.loopback import serve
from streamfsm.resume import MemoryLog, events
from streamfsm.sinks import AgUi, AnthropicEvents, ResponsesEvents, Sse, UiMessageStream, encode

PAGE = Path(__file__).with_name("page.html")
SINKS: dict[str, Callable[[], Any]] = {
    "ag-ui": AgUi,
    "ui-messages": UiMessageStream,
    "responses": ResponsesEvents,
    "anthropic": AnthropicEvents,
}
KEPT_SECONDS = 600.0
"""For how long a run can be read again after its end."""


class Run:
    """One response, which is read from the server while anybody may want it."""

    def __init__(self, name: str, grace: float) -> None:
        self.log = MemoryLog(name)
        self.readers = 0
        self.task: asyncio.Task[None] | None = None
        self._grace = grace

    def start(self, client: openai.AsyncOpenAI, request: dict[str, Any]) -> None:
        """Ask the server."""
        self.task = asyncio.create_task(self._produce(client, request))

    async def _produce(self, client: openai.AsyncOpenAI, request: dict[str, Any]) -> None:
        attempt, parser = await self.log.begin(), StreamParser()
        try:
            async with client.chat.completions.with_streaming_response.create(**request) as response:
                async for data in response.iter_bytes():
                    for message in parser.feed_bytes(data):
                        await self.log.append(attempt, message)
            rest = parser.close()
        except asyncio.CancelledError:
            rest = parser.cancel()
        except Exception as error:  # noqa: BLE001 - whatever breaks the response is told to who reads it
            rest = parser.fail(error)
        for message in rest:
            await self.log.append(attempt, message)

    async def read(self, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        """Yield server-sent events from where the reader was cut off."""
        self.readers += 1
        try:
            async for event in events(self.log, last_event_id):
                yield event
        finally:
            self.readers -= 1
            asyncio.get_running_loop().call_later(self._grace, self._leave)

    def _leave(self) -> None:
        if not self.readers and self.task:
            self.task.cancel()


def app(*, grace: float = 5.0) -> Starlette:
    """Return the application.

    Args:
        grace: seconds for which a run goes on without a reader.
    """
    runs: dict[str, Run] = {}

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        with serve(scripted) as url:
            options = {} if "OPENAI_API_KEY" in os.environ else {"base_url": url, "api_key": "none"}
            async with openai.AsyncOpenAI(**options) as application.state.client:  # type: ignore[arg-type]
                yield
                tasks = [run.task for run in runs.values() if run.task]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def page(_: Request) -> Response:
        return FileResponse(PAGE)

    async def begin(request: Request) -> Response:
        name = f"run-{uuid4()}"
        run = runs[name] = Run(name, grace)
        run.start(request.app.state.client, asked(await request.json()))
        asyncio.get_running_loop().call_later(KEPT_SECONDS, runs.pop, name, None)
        return JSONResponse({"events": f"/runs/{name}"})

    async def read(request: Request) -> Response:
        run = runs.get(request.path_params["name"])
        if run is None:
            return Response("there is no such run", 404)
        last = request.headers.get("last-event-id") or request.query_params.get("last")
        return StreamingResponse(run.read(last), headers=Sse.HEADERS)

    async def relay(request: Request) -> Response:
        make = SINKS.get(request.path_params["protocol"])
        if make is None:
            return Response(f"the protocols are {', '.join(SINKS)}", 404)
        sink, parser = make(), StreamParser(boundaries=True)
        client: openai.AsyncOpenAI = request.app.state.client
        response = client.chat.completions.with_streaming_response.create(**asked(await request.json()))
        body = encode(aiter_messages(response, parser), sink, result=lambda: parser.result)
        return StreamingResponse(body, headers=sink.HEADERS)

    routes = [
        Route("/", page),
        Route("/runs", begin, methods=["POST"]),
        Route("/runs/{name}", read),
        Route("/relay/{protocol}", relay, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def asked(body: dict[str, Any]) -> dict[str, Any]:
    """Return the request to the server."""
    messages = [{"role": "user", "content": str(body.get("prompt", ""))}]
    options = {"stream": True, "stream_options": {"include_usage": True}}
    return {"model": os.environ.get("MODEL", "scripted"), "messages": messages, **options}


def scripted(request: dict[str, Any]) -> Iterator[bytes]:
    """Answer as a model would: thoughts, an answer, a call; a word at a time."""
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
    """Return the text in pieces of some characters."""
    return (text[at : at + 6] for at in range(0, len(text), 6))


def arguments(prompt: str) -> str:
    """Return the arguments of the call."""
    return json.dumps({"query": prompt})


def chunk(choice: dict[str, Any]) -> bytes:
    """Return an event of the scripted server."""
    return f"data: {json.dumps({'id': 'chatcmpl-1', 'model': 'scripted', 'choices': [choice]})}\n\n".encode()


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    print(f"http://127.0.0.1:{port}")
    uvicorn.run(app(), host="127.0.0.1", port=port, log_level="warning")
