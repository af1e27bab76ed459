"""A gateway: relays an OpenAI-compatible server as typed messages, AG-UI and UI messages, with a page to watch it.

    pip install '.[ag-ui,openai]' starlette uvicorn
    python examples/gateway/app.py                       # a scripted model on this machine: no key, no network
    OPENAI_API_KEY=… MODEL=gpt-4.1 python examples/gateway/app.py          # or any server, with OPENAI_BASE_URL

A *run* continues for a while when its reader is cut off, so that the page can continue after its last event. If nobody
returns, the request to the server is cancelled. The other protocols are relayed directly: when the client leaves, the
request is cancelled at once. ``shared.py`` shows how several processes share the runs.
"""

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import model
import uvicorn
from runs import Runs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from streamfsm import StreamParser, aiter_messages
from streamfsm.sinks import AgUi, AnthropicEvents, ResponsesEvents, Sse, UiMessageStream, encode

PAGE = Path(__file__).with_name("page.html")
SINKS: dict[str, Callable[[], Any]] = {
    "ag-ui": AgUi,
    "ui-messages": UiMessageStream,
    "responses": ResponsesEvents,
    "anthropic": AnthropicEvents,
}


def app(*, grace: float = 5.0) -> Starlette:
    """Return the application. If ``REDIS_URL`` is set, it shares its runs with other processes.

    Args:
        grace: seconds for which a run continues without a reader.
    """

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        state = application.state
        async with model.connected() as state.client:
            if url := os.environ.get("REDIS_URL"):
                from shared import SharedRuns

                state.runs = SharedRuns(url, grace)
            else:
                state.runs = Runs(state.client, grace)
            async with state.runs.open():
                yield

    async def page(_: Request) -> Response:
        return FileResponse(PAGE)

    async def begin(request: Request) -> Response:
        name = await request.app.state.runs.begin(model.asked(await request.json()))
        return JSONResponse({"events": f"/runs/{name}"})

    async def read(request: Request) -> Response:
        last = request.headers.get("last-event-id") or request.query_params.get("last")
        events = await request.app.state.runs.read(request.path_params["name"], last)
        if events is None:
            return Response("there is no such run", 404)
        return StreamingResponse(events, headers=Sse.HEADERS)

    async def relay(request: Request) -> Response:
        make = SINKS.get(request.path_params["protocol"])
        if make is None:
            return Response(f"the protocols are {', '.join(SINKS)}", 404)
        sink, parser = make(), StreamParser(boundaries=True)
        create = request.app.state.client.chat.completions.with_streaming_response.create
        response = create(**model.asked(await request.json()))
        body = encode(aiter_messages(response, parser), sink, result=lambda: parser.result)
        return StreamingResponse(body, headers=sink.HEADERS)

    routes = [
        Route("/", page),
        Route("/runs", begin, methods=["POST"]),
        Route("/runs/{name}", read),
        Route("/relay/{protocol}", relay, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    print(f"http://127.0.0.1:{port}")
    uvicorn.run(app(), host="127.0.0.1", port=port, log_level="warning")
