"""Many open streams on one event loop: latency and memory of parsing, compared with relaying bytes.

One worker of Uvicorn serves all streams, and a process of clients reads them. Each stream sends text at times of its
own. The worker creates the upstream's bytes itself, with the time in them. A client measures from there to its own
socket, and the worker measures to the point where it hands the data to Uvicorn. The difference is the time that
processes wait for a core, whatever they relay. Each way has a new worker, and the ways alternate; the result is the
lowest of the rounds. CPU is the worker's, from when all streams are open.

    python benchmarks/open_streams.py [--quick] [--json]

10,000 streams need as many open files: ``ulimit -n``.
"""

import asyncio
import json
import multiprocessing
import re
import resource
import statistics
import sys
import time
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from measure import Rows, main, significant

from streamfsm import StreamParser
from streamfsm.sinks import Sse

LOADS = ((200, 0.25, 40, 3), (1000, 0.5, 20, 3), (10_000, 20.0, 2, 1))
"""Number of streams, seconds between texts, texts per stream, and rounds."""
QUICK = ((100, 0.25, 4, 1),)
WAYS = ("bytes only", "typed messages")
_STAMP = re.compile(rb"@(\d+)@")


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """Return an event as servers send it."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


async def upstream(phase: float, every: float, events: int) -> AsyncIterator[bytes]:
    """Yield the bytes of a server, which sends the time as text at intervals."""
    yield event({"role": "assistant", "content": "Hello"})
    await asyncio.sleep(phase)
    for _ in range(events):
        yield event({"content": f" @{time.monotonic_ns()}@"})
        await asyncio.sleep(every)
    yield event({}, "stop") + b"data: [DONE]\n\n"


async def typed(source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield typed messages as server-sent events."""
    parser, sink = StreamParser(keep=False), Sse()
    async for data in source:
        for message in parser.feed_bytes(data):
            yield sink.frame(message)


def memory() -> float:
    """Return the memory of this process in MiB."""
    (kib,) = re.findall(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(kib) / 1024


def worker(pipe: Connection, way: str, every: float, events: int) -> None:
    """Run the worker. It sends its port, then, on request, its CPU seconds, memory and latencies."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    more_files()
    latencies: list[float] = []

    async def watched(source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for data in source:
            if stamp := _STAMP.search(data):
                latencies.append((time.monotonic_ns() - int(stamp[1])) / 1e9)
            yield data

    async def stream(request: Request) -> StreamingResponse:
        source = upstream(float(request.query_params["phase"]), every, events)
        relayed = source if way == "bytes only" else typed(source)
        return StreamingResponse(watched(relayed), media_type="text/event-stream")

    async def run() -> None:
        config = uvicorn.Config(
            Starlette(routes=[Route("/", stream)]), host="127.0.0.1", port=0, log_level="critical", backlog=4096
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)
        pipe.send(server.servers[0].sockets[0].getsockname()[1])
        while await asyncio.to_thread(pipe.recv):
            pipe.send((time.process_time(), memory(), latencies))
        server.should_exit = True
        await serving

    asyncio.run(run())


async def load(
    port: int, streams: int, every: float, events: int, pipe: Connection
) -> tuple[list[float], tuple[float, float, list[float]]]:
    """Return the latencies of all deltas, in seconds, and the worker's figures while all streams are open."""
    latencies: list[float] = []
    opens = 1 + streams / 400  # seconds to open all of them
    gate = asyncio.Semaphore(200)  # the most connections that are being opened
    opened, all_open = 0, asyncio.Event()

    async def client(number: int) -> None:
        nonlocal opened
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            # After all are open, each at a time of its own.
            phase = opens + (streams - number) / streams * opens + every * number / streams
            writer.write(f"GET /?phase={phase} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
            head = await reader.readuntil(b"Hello")
            if b" 200 " not in head:
                sys.exit("the worker does not answer")
        opened += 1
        if opened == streams:
            all_open.set()
        found = 0
        while data := await reader.read(65_536):
            now = time.monotonic_ns()
            for stamp in _STAMP.findall(data):
                latencies.append((now - int(stamp)) / 1e9)
                found += 1
        if found != events:
            sys.exit("a client has not read all of its stream")
        writer.close()

    clients = [asyncio.create_task(client(number)) for number in range(streams)]
    await all_open.wait()
    pipe.send(True)
    told = pipe.recv()
    await asyncio.gather(*clients)
    return latencies, told


def more_files() -> None:
    """Allow as many open files as the system permits."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def measured(way: str, streams: int, every: float, events: int) -> dict[str, float]:
    """Measure one way with this many streams."""
    here, other = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=worker, args=(other, way, every, events), daemon=True)
    process.start()
    port = here.recv()
    here.send(True)
    _, empty, _ = here.recv()
    latencies, (before, full, _) = asyncio.run(load(port, streams, every, events, here))
    here.send(True)
    after, _, inside = here.recv()
    here.send(False)
    process.join()
    inside, whole = (statistics.quantiles(each, n=100) for each in (inside, latencies))
    return {
        "in the worker: p50 ms": inside[49] * 1e3,
        "p99 ms": inside[98] * 1e3,
        "to the client: p50 ms": whole[49] * 1e3,
        "its p99 ms": whole[98] * 1e3,
        "CPU µs a delta": (after - before) / len(latencies) * 1e6,
        "KiB a stream": (full - empty) * 1024 / streams,
    }


def rows(quick: bool) -> Rows:  # noqa: FBT001 - one option
    """Return a row for each way and load."""
    more_files()
    found = []
    for streams, every, events, rounds in QUICK if quick else LOADS:
        runs = [{way: measured(way, streams, every, events) for way in WAYS} for _ in range(rounds)]
        for way in WAYS:
            lowest = {name: significant(min(run[way][name] for run in runs)) for name in runs[0][way]}
            found.append({"relay": way, "open streams": streams, "deltas a second": round(streams / every), **lowest})
    return found


if __name__ == "__main__":
    main(rows, __doc__)
