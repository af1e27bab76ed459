"""A relay under load: streams per core when it parses and writes typed messages, and when it only relays bytes.

There are three processes on the loopback interface: an upstream that sends recorded events at a model's pace, the
relay, and the clients. The relay is an asyncio server without a framework, whose cost would be the same for both. Only
the relay's own CPU time is measured, so the others may use other cores. CPU seconds per stream give the number of
streams that one core sustains at that pace.

    python benchmarks/proxy.py [--quick] [--json]
"""

import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from multiprocessing.connection import Connection

from measure import Rows, main, ratio, significant
from wire import chunks

from streamfsm import StreamParser
from streamfsm.replay.capture import body
from streamfsm.sinks import Sse

STREAMS = 200
EVENTS = 200  # in a stream
SECONDS = 4.0  # the duration of a stream: 50 tokens per second
ROUNDS = 5
Way = Callable[[asyncio.StreamReader], AsyncIterator[bytes]]


async def bytes_only(upstream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the bytes as they arrive."""
    while data := await upstream.read(65_536):
        yield data


async def typed(upstream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield typed messages as server-sent events."""
    parser, sink = StreamParser(), Sse()
    while data := await upstream.read(65_536):
        if messages := parser.feed_bytes(data):
            yield b"".join(map(sink.frame, messages))
    if messages := parser.close():
        yield b"".join(map(sink.frame, messages))


WAYS: dict[str, Way] = {"bytes only": bytes_only, "typed messages": typed}


async def serve(handle: Callable[[asyncio.StreamWriter], Awaitable[None]], pipe: Connection) -> None:
    """Serve until the pipe says stop. Send the port first, then the CPU seconds of each round."""

    async def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=1024)
    pipe.send(server.sockets[0].getsockname()[1])
    while await asyncio.to_thread(pipe.recv):  # each round begins and ends with a message
        before = time.process_time()
        await asyncio.to_thread(pipe.recv)
        pipe.send(time.process_time() - before)
    server.close()


def upstream(pipe: Connection, seconds: float) -> None:
    """Run the server, which sends the same body to every client, one event at a time."""
    events = [f"{event}\n\n".encode() for event in body(chunks("message", EVENTS)).split("\n\n") if event]

    async def handle(writer: asyncio.StreamWriter) -> None:
        for event in events:
            writer.write(event)
            await writer.drain()
            await asyncio.sleep(seconds / len(events))

    asyncio.run(serve(handle, pipe))


def relay(pipe: Connection, way: str, port: int) -> None:
    """Run the relay."""

    async def handle(writer: asyncio.StreamWriter) -> None:
        reader, there = await asyncio.open_connection("127.0.0.1", port)
        async for data in WAYS[way](reader):
            writer.write(data)
            await writer.drain()
        there.close()

    asyncio.run(serve(handle, pipe))


async def load(port: int, streams: int) -> list[bytes]:
    """Return the bytes that each of many clients reads concurrently."""

    async def client() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        data = await reader.read()
        writer.close()
        return data

    return await asyncio.gather(*(client() for _ in range(streams)))


def started(target: Callable[..., None], *arguments: object) -> tuple[Connection, int]:
    """Start a process, and return its pipe and its port."""
    here, there = multiprocessing.Pipe()
    multiprocessing.get_context("spawn").Process(target=target, args=(there, *arguments), daemon=True).start()
    return here, here.recv()


def check(way: str, read: list[bytes]) -> None:
    """Check that each client has read the complete message."""
    for data in read:
        lines = data.decode().split("\n")
        events = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
        if way == "typed messages":
            text = "".join(event.get("content", "") for event in events)
            right = text.count("w") == EVENTS and events[-1]["message_type"] == "stop_reason"
        else:
            right = len(events) == EVENTS + 3
        if not right:
            sys.exit(f"the relay of {way} is wrong")


def rows(quick: bool) -> Rows:  # noqa: FBT001 - one option
    """Return a row for each way."""
    streams, seconds, rounds = (50, 1.0, 3) if quick else (STREAMS, SECONDS, ROUNDS)
    source, port = started(upstream, seconds)
    relays = {way: started(relay, way, port) for way in WAYS}
    costs: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(rounds + 1):
        for way, (pipe, own) in relays.items():
            pipe.send(True)
            read = asyncio.run(load(own, streams))
            pipe.send(True)
            cpu = pipe.recv()
            check(way, read)
            if number:  # the first round warms up
                costs[way].append(cpu / streams)
    for pipe in (source, *(pipe for pipe, _ in relays.values())):
        pipe.send(False)
    return [
        {
            "relay": way,
            "streams at once": streams,
            "CPU ms a stream": significant(statistics.median(times) * 1e3),
            "CPU µs an event": significant(statistics.median(times) / (EVENTS + 3) * 1e6),
            "streams a core": round(seconds / statistics.median(times)),
            "×": significant(ratio(times, costs["bytes only"])),
        }
        for way, times in costs.items()
    ]


if __name__ == "__main__":
    main(rows, __doc__)
