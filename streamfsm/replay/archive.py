"""Archives of recorded streams, each read by :func:`read_stream`, in several processes or on any batch engine."""

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
_AHEAD = 4  # batches queued per process, so that it never waits for the next
_BATCH = 16  # items


def read_stream(data: bytes, options: Mapping[str, Any]) -> dict[str, Any]:
    """Read one recording, or a body. A pure function.

    Args:
        data: the contents of a file.
        options: the options of the parser.

    Returns:
        ``state``, the ``messages``, coalesced, and the ``result``, as plain data; or only ``error``, if the file is not
        a recording.
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
    """Return a message id and a date for a parser that reads ``body``, which are the same whenever it is read.

    The date is the creation time in the first chunk, or 1970 if it has none.
    """
    first = next(iter(capture.chunks(body)), None)
    created = first.get("created") if isinstance(first, dict) else None
    try:
        date = _EPOCH + timedelta(seconds=created if type(created) is int else 0)
    except OverflowError:
        date = _EPOCH
    return {"message_id": f"message-{uuid5(NAMESPACE_OID, body)}", "date": date}


def in_processes(work: Callable[[_T], _R], items: Iterable[_T], jobs: int) -> Iterator[tuple[_T, _R | None]]:
    """Yield each item with its result, in the order of completion; ``None``: the item made its process die.

    Items go to the processes in batches, because sending one takes as long as reading one does, about a millisecond. If
    a process dies, the batches in progress are run again separately, so that one item does not lose other items'
    results.

    Args:
        work: a function that a process can import, and that raises no exception.
        items: all of them are read before the first result is yielded.
        jobs: the number of processes.
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
                        future = pool.submit(_each, work, batches[0])  # raises if a process has died
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
    """Run a batch with an item that may make its process die, which is found by halving the batch."""
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
    # Spawned, because a process with threads cannot be forked safely. The parent handles interrupts.
    ignore = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=ignore)
