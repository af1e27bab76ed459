"""Many open streams on one event loop: the latency that parsing adds to a delta, and memory, beside a relay of bytes.

A worker of Uvicorn serves them all, and a process of clients reads them. Each stream says something now and then, at
its own time. The worker makes the bytes of the upstream itself, with the time in them; a client measures from there to
its own socket. Each way has a fresh worker.

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

EVENTS = 2  # of a stream
EVERY = 20.0  # seconds, in which each stream says one
WAYS = ("bytes only", "typed messages")
_STAMP = re.compile(rb"@(\d+)@")


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """An event as servers send it."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


async def upstream(phase: float, every: float) -> AsyncIterator[bytes]:
    """The bytes of a server: text that is the time, now and then."""
    yield event({"role": "assistant", "content": "Hello"})
    await asyncio.sleep(phase)
    for _ in range(EVENTS):
        yield event({"content": f" @{time.monotonic_ns()}@"})
        await asyncio.sleep(every)
    yield event({}, "stop") + b"data: [DONE]\n\n"


async def typed(source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Typed messages as server-sent events."""
    parser = StreamParser()
    async for data in source:
        for message in parser.feed_bytes(data):
            yield f"data: {message.model_dump_json(exclude_none=True)}\n\n".encode()


def memory() -> float:
    """What this process holds, in MiB."""
    (kib,) = re.findall(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(kib) / 1024


def worker(pipe: Connection, way: str, every: float) -> None:
    """The process of the worker: tells its port, then, whenever asked, its CPU seconds and memory."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    more_files()

    async def stream(request: Request) -> StreamingResponse:
        source = upstream(float(request.query_params["phase"]), every)
        return StreamingResponse(source if way == "bytes only" else typed(source), media_type="text/event-stream")

    async def run() -> None:
        config = uvicorn.Config(
            Starlette(routes=[Route("/", stream)]), host="127.0.0.1", port=0, log_level="critical", backlog=4096
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.01)
        pipe.send(server.servers[0].sockets[0].getsockname()[1])
        while await asyncio.to_thread(pipe.recv):
            pipe.send((time.process_time(), memory()))
        server.should_exit = True
        await serving

    asyncio.run(run())


async def load(port: int, streams: int, every: float, pipe: Connection) -> tuple[list[float], tuple[float, float]]:
    """The latencies of all deltas, in seconds, and what the worker tells while all streams are open."""
    latencies: list[float] = []
    gate = asyncio.Semaphore(200)  # connections that are being opened
    opened, all_open = 0, asyncio.Event()

    async def client(number: int) -> None:
        nonlocal opened
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            phase = every + every * number / streams  # once most are open
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
        if found != EVENTS:
            sys.exit("a client has not read all of its stream")
        writer.close()

    clients = [asyncio.create_task(client(number)) for number in range(streams)]
    await all_open.wait()
    pipe.send(True)
    told = pipe.recv()
    await asyncio.gather(*clients)
    return latencies, told


def more_files() -> None:
    """As many open files as this process may have."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def measured(way: str, streams: int, every: float) -> dict[str, Any]:
    """One way with so many streams, as a row."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=worker, args=(there, way, every), daemon=True)
    process.start()
    port = here.recv()
    here.send(True)
    before, empty = here.recv()
    latencies, (_, full) = asyncio.run(load(port, streams, every, here))
    here.send(True)
    after, _ = here.recv()
    here.send(False)
    process.join()
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "relay": way,
        "open streams": streams,
        "p50 ms": significant(cuts[49] * 1e3),
        "p99 ms": significant(cuts[98] * 1e3),
        "CPU µs a delta, with its share of the request": significant((after - before) / len(latencies) * 1e6),
        "KiB a stream": significant((full - empty) * 1024 / streams),
    }


def rows(quick: bool) -> Rows:  # noqa: FBT001 - one option
    """A row for each way and number of streams."""
    more_files()
    every = 0.5 if quick else EVERY
    return [measured(way, streams, every) for streams in ((100,) if quick else (1000, 10_000)) for way in WAYS]


if __name__ == "__main__":
    main(rows, __doc__)
