"""One run of a parser over chunks, guarded: what it raises, changes or never comes back from is a finding."""

import faulthandler
import pickle
import signal
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from streamfsm.testing.parsers import Parse, Read, Said, read_message
from streamfsm.testing.reports import LawBroken
from streamfsm.testing.streams import Key

SECONDS = 5.0
"""A run may take so long, unless a check is told otherwise."""


@dataclass(frozen=True)
class Run:
    """What a parser made of chunks.

    Attributes:
        chunks: what it was fed.
        steps: what it said to each chunk and, last, to the end. Snapshots are deltas here, but for one that does not
            begin with what it replaces: a retraction. One that repeats what it replaces says nothing.
        result: see :class:`streamfsm.testing.Parser`; ``None`` without one.
        trace: likewise; empty without one.
    """

    chunks: list[Any]
    steps: list[list[Said]]
    result: Any
    trace: list[Any]

    @property
    def said(self) -> list[Said]:
        """All that was said, in order."""
        return [said for step in self.steps for said in step]

    def coalesced(self) -> list[Said]:
        """All that was said; neighbours of the same kind and key are one."""
        joined: list[Said] = []
        for said in self.said:
            last = joined[-1] if joined else None
            if last and last[:2] == said[:2] and not said.snapshot:
                joined[-1] = last._replace(text=last.text + said.text)
            elif said.text:
                joined.append(said)
        return joined


class Texts(defaultdict[tuple[str, Key | None], str]):
    """What was said in all, by kind and key."""

    def __init__(self) -> None:
        super().__init__(str)

    def add(self, said: Said) -> Said | None:
        """Take what was said, and give it as a delta where it is one; nothing where a snapshot repeats."""
        before = self[said[:2]]
        self[said[:2]] = said.text if said.snapshot else before + said.text
        if not said.snapshot or not said.text.startswith(before):
            return said
        return None if said.text == before else Said(said.kind, said.key, said.text[len(before) :])


def run(parse: Parse, chunks: Sequence[Any], *, read: Read = read_message, seconds: float = SECONDS) -> Run:
    """Feed ``chunks`` to a new parser, and close it.

    Args:
        parse: makes the parser.
        chunks: they stay as they are; the parser gets a copy.
        read: what a message says.
        seconds: until the parser is taken to hang; see :func:`limit`.

    Raises:
        LawBroken: the parser raised, hung, or changed a chunk.
    """
    # Faster than deepcopy, which would be the larger part of a short run.
    given = pickle.loads(pickle.dumps(list(chunks)))  # noqa: S301 - our own
    answers: list[list[Any]] = []
    result, trace = None, list[Any]()
    try:
        with limit(seconds):
            parser = parse()
            trace = getattr(parser, "trace", trace)
            for chunk in given:
                answers.append(list(parser.feed(chunk) or ()))  # noqa: PERF401 - their count tells where it raised
            answers.append(list(parser.close() or ()))
            result = getattr(parser, "result", None)
            result = result() if callable(result) else result
    except Overrun:
        raise _broken(f"no answer within {seconds:g} seconds", chunks, answers, trace) from None
    except Exception as error:
        raise _broken(f"the parser raised {error!r}", chunks, answers, trace) from error
    for number, (chunk, before) in enumerate(zip(given, chunks, strict=True), 1):
        if chunk != before:
            raise LawBroken("total", f"the parser changed chunk {number} to {chunk!r}", chunks)
    texts = Texts()
    steps = [[new for message in answer for said in read(message) if (new := texts.add(said))] for answer in answers]
    return Run(list(chunks), steps, result, list(trace))


def _broken(what: str, chunks: Sequence[Any], answers: list[list[Any]], trace: list[Any]) -> LawBroken:
    place = f"at chunk {len(answers) + 1}" if len(answers) < len(chunks) else "at the end of the stream"
    return LawBroken("total", f"{what}, {place}", chunks, logs=[trace])


class Overrun(BaseException):
    """The time is up. No ``Exception``, so that a parser does not catch it."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raise :class:`Overrun` in what takes longer than ``seconds``.

    By an alarm signal, which ends any loop of Python's and a regular expression that runs away. Where there is none
    (outside the main thread, on Windows) the process ends, with a traceback of where it hung.
    """
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        handler = signal.signal(signal.SIGALRM, _ring)
        # And again: the first may come where exceptions are ignored, such as in __del__.
        before = signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
        try:
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        finally:  # of its own: where it rings just now, it is to ring no more
            signal.setitimer(signal.ITIMER_REAL, *before)
            signal.signal(signal.SIGALRM, handler)
    else:
        faulthandler.dump_traceback_later(seconds, exit=True)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def _ring(*_: object) -> None:
    raise Overrun
