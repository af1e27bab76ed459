"""A log in a Redis stream, for producers and readers in several processes.

The ids of a Redis stream are pairs of increasing numbers, like cursors. So the server itself rejects a message that
comes twice, or that belongs to an attempt that has ended.
"""

from collections.abc import AsyncGenerator
from typing import Any

from streamfsm.errors import MisuseError, StaleAttempt
from streamfsm.messages import Message, StopReason
from streamfsm.resume.log import BEGINNING, Cursor, Entry, number_of, written

_BEGIN = """
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if last and last[2][4] == '1' then return -redis.call('GET', KEYS[2]) end
local attempt = redis.call('INCR', KEYS[2])
redis.call('XTRIM', KEYS[1], 'MINID', attempt .. '-0')
return attempt
"""
_APPEND = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if last and last[1]:sub(1, #ARGV[1] + 1) == ARGV[1] .. '-' and last[2][4] == '1' then return 0 end
redis.call('XADD', KEYS[1], ARGV[1] .. '-' .. ARGV[2], 'json', ARGV[3], 'last', ARGV[4])
if ARGV[5] ~= '' then
    redis.call('EXPIRE', KEYS[1], ARGV[5])
    redis.call('EXPIRE', KEYS[2], ARGV[5])
end
return 1
"""


class RedisLog:
    """A :class:`~streamfsm.resume.Log` in Redis, Valkey, or a compatible server (extra ``redis``).

    Args:
        client: a ``redis.asyncio.Redis`` with ``decode_responses=True``.
        run: the run's name; its keys begin with ``streamfsm:``.
        expires: seconds from the last message until the server deletes the run; ``None``: never.
        wait: seconds for which a reader's request for more messages blocks before it is repeated. It occupies a
            connection meanwhile, so the client's ``socket_timeout`` must be longer.
    """

    def __init__(self, client: Any, run: str, *, expires: int | None = 3600, wait: float = 1.0) -> None:
        self.run = run
        self._client = client
        # The braces put both keys on one node of a cluster.
        self._keys = (f"streamfsm:{{{run}}}", f"streamfsm:{{{run}}}:attempt")
        self._expires = expires
        self._milliseconds = int(wait * 1000)

    async def begin(self) -> int:
        """See :class:`~streamfsm.resume.Log`."""
        attempt = int(await self._client.eval(_BEGIN, 2, *self._keys))
        if attempt < 0:
            raise StaleAttempt(self.run, -attempt)
        return attempt

    async def append(self, attempt: int, message: Message) -> None:
        """See :class:`~streamfsm.resume.Log`."""
        from redis import ResponseError

        number = number_of(message)
        last = int(isinstance(message, StopReason))
        # 0-0 is not a valid id in a Redis stream, so the numbers of messages begin at 1.
        entry = (str(attempt), number + 1, written(message), last, self._expires or "")
        try:
            appended = await self._client.eval(_APPEND, 2, *self._keys, *entry)
        except ResponseError as error:
            raise MisuseError(f"message {number} does not come after the one before: {error}") from error
        if not appended:
            raise StaleAttempt(self.run, attempt)

    async def read_from(self, cursor: Cursor = BEGINNING) -> AsyncGenerator[Entry, None]:
        """See :class:`~streamfsm.resume.Log`."""
        key = self._keys[0]
        if last := await self._client.xrevrange(key, count=1):
            entry = _entry(*last[0])
            if entry.is_last and entry.cursor <= cursor:
                return
        after = f"{cursor.attempt}-{cursor.seq_id + 1}" if cursor.attempt else "0"
        while True:
            for _, entries in await self._client.xread({key: after}, count=_AT_ONCE, block=self._milliseconds):
                for after, fields in entries:
                    entry = _entry(after, fields)
                    yield entry
                    if entry.is_last:
                        return


_AT_ONCE = 100


def _entry(place: str, fields: dict[str, str]) -> Entry:
    attempt, number = place.split("-")
    return Entry(Cursor(int(attempt), int(number) - 1), fields["json"], fields["last"] == "1")
