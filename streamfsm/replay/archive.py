"""Archives: many recorded streams, each read by :func:`read_stream`, in processes of their own or on any engine."""

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime, timedelta, timezone
from functools import partial
from multiprocessing import get_context
from typing import Any, TypeVar
from uuid import NAMESPACE_OID, uuid5

from streamfsm.errors import MisuseError
from streamfsm.messages import coalesce
from streamfsm.parser import StreamParser
from streamfsm.replay import capture
from streamfsm.replay.recording import parse

_T = TypeVar("_T")
_R = TypeVar("_R")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_AHEAD = 4  # batches for each process that wait for it, so that it need not wait for the next
_BATCH = 16  # items


def read_stream(data: bytes, options: Mapping[str, Any]) -> dict[str, Any]:
    """Read one recording, or a body. The output depends only on the arguments.

    Args:
        data: the content of a file.
        options: of the parser.

    Returns:
        ``state``, the ``messages``, coalesced, and the ``result``, as plain data; or ``error``: not a recording.
    """
    try:
        recording = parse(data)
    except MisuseError as error:
        return {"error": str(error)}
    body = recording.body
    parser = StreamParser(**{**stamps(body.decode(errors="replace")), **options})
    messages = parser.feed_bytes(body)
    messages += parser.fail(recording.error or "") if recording.end == "error" else parser.close()
    return {
        "state": parser.state,
        "messages": [message.model_dump(mode="json", exclude_none=True) for message in coalesce(messages)],
        "result": parser.result.model_dump(mode="json"),
    }


def stamps(body: str) -> dict[str, Any]:
    """Return a message id and a date for a parser that reads ``body``: the same whenever it is read.

    The date is when the first chunk says it was made; 1970 if it does not.
    """
    first = next(iter(capture.chunks(body)), None)
    created = first.get("created") if isinstance(first, dict) else None
    try:
        date = _EPOCH + timedelta(seconds=created if type(created) is int else 0)
    except OverflowError:
        date = _EPOCH
    return {"message_id": f"message-{uuid5(NAMESPACE_OID, body)}", "date": date}


def in_processes(work: Callable[[_T], _R], items: Iterable[_T], jobs: int) -> Iterator[tuple[_T, _R | None]]:
    """Yield each item with its result, as they come; ``None``: the process died of it.

    Items go to the processes in batches, because one that is read in a millisecond takes as long to be sent. Where a
    process dies, all that were at work are done again, apart, so that one item costs no other its result.

    Args:
        work: a function that a process can import, and that raises nothing.
        items: all of them are taken before the first result is yielded.
        jobs: how many processes.
    """
    waiting = [*items]
    size = min(_BATCH, -(-len(waiting) // (jobs * _AHEAD)) or 1)
    batches = deque(waiting[at : at + size] for at in range(0, len(waiting), size))
    while batches:
        running: dict[Future[list[_R]], list[_T]] = {}
        try:
            with _pool(jobs) as pool:
                while batches or running:
                    while batches and len(running) < _AHEAD * jobs:
                        future = pool.submit(_each, work, batches[0])  # which fails if a process has died
                        running[future] = batches.popleft()
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        results = future.result()
                        yield from zip(running.pop(future), results, strict=True)
        except BrokenProcessPool:
            for batch in running.values():
                yield from _apart(work, batch)


def _each(work: Callable[[_T], _R], batch: list[_T]) -> list[_R]:
    return [work(item) for item in batch]


def _apart(work: Callable[[_T], _R], batch: list[_T]) -> Iterator[tuple[_T, _R | None]]:
    """The same for a batch of which one item may end its process: that one is found by halves."""
    try:
        with _pool(1) as pool:
            results = pool.submit(_each, work, batch).result()
    except BrokenProcessPool:
        if len(batch) == 1:
            yield batch[0], None
            return
        middle = len(batch) // 2
        yield from _apart(work, batch[:middle])
        yield from _apart(work, batch[middle:])
    else:
        yield from zip(batch, results, strict=True)


def _pool(jobs: int) -> ProcessPoolExecutor:
    # Spawned, because a process that has threads cannot be forked safely. An interrupt is the parent's to handle.
    ignore = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=ignore)
