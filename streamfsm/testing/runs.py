"""One guarded run of a parser over chunks: an exception, a changed chunk or a hang is a finding."""

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
"""How long a run may take, unless a check is told otherwise."""


@dataclass(frozen=True)
class Run:
    """What a parser made of chunks.

    Attributes:
        chunks: the chunks that the parser was fed.
        steps: what it said to each chunk and, last, to the end. Cumulative texts are deltas here, except for a
            retraction, which does not begin with the text that it replaces. A repeated text says nothing.
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
        """All that was said, with neighbours of the same kind and key joined."""
        joined: list[Said] = []
        for said in self.said:
            last = joined[-1] if joined else None
            if last and last[:2] == said[:2] and not said.snapshot:
                joined[-1] = last._replace(text=last.text + said.text)
            elif said.text:
                joined.append(said)
        return joined


class Texts(defaultdict[tuple[str, Key | None], str]):
    """All that was said, by kind and key."""

    def __init__(self) -> None:
        super().__init__(str)

    def add(self, said: Said) -> Said | None:
        """Add what was said, and return it as a delta if it is one; ``None`` if a cumulative text adds nothing."""
        before = self[said[:2]]
        self[said[:2]] = said.text if said.snapshot else before + said.text
        if not said.snapshot or not said.text.startswith(before):
            return said
        return None if said.text == before else Said(said.kind, said.key, said.text[len(before) :])


def run(parse: Parse, chunks: Sequence[Any], *, read: Read = read_message, seconds: float = SECONDS) -> Run:
    """Feed ``chunks`` to a new parser, and close it.

    Args:
        parse: makes the parser.
        chunks: the chunks, which are not changed; the parser gets a copy.
        read: returns what a message says.
        seconds: time after which the parser counts as hanging; see :func:`limit`.

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
    """The time is up. It is not an ``Exception``, so that a parser does not catch it."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raise :class:`Overrun` in code that takes longer than ``seconds``.

    An alarm signal ends any Python loop and any regular expression that runs away. Where there are no signals (outside
    the main thread, on Windows) the process ends, with a traceback of where it hung.
    """
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        handler = signal.signal(signal.SIGALRM, _ring)
        # The alarm repeats, because the first may come where exceptions are ignored, such as in __del__.
        before = signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
        try:
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        finally:  # a nested finally: even if the alarm rings just now, it must be switched off
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
