"""Runs a parser on chunks. An exception, a changed chunk or a hang breaks a law."""

import faulthandler
import multiprocessing
import pickle
import signal
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

from streamfsm.testing.parsers import Parse, Parser, Read, Said, read_message
from streamfsm.testing.reports import LawBroken
from streamfsm.testing.streams import Key
from streamfsm.testing.worker import Lost, Worker

SECONDS = 5.0
"""How long a run may take by default."""
_GRACE = 1.0  # seconds more for stopping the parser inside its process, so that its trace can be reported
_LAST = 5.0  # seconds more, after which the process is ended because the parser cannot be stopped
_STDERR = 2  # the file descriptor, because sys.stderr may be replaced, as under pytest
_RAISED = "the parser raised {!r}"
_OVERRUN = "no answer within {:g} seconds"


@dataclass(frozen=True)
class Run:
    """What a parser did with chunks.

    Attributes:
        chunks: the chunks that the parser was fed.
        steps: what it said after each chunk and, last, at the end. Cumulative texts become deltas, except for a
            retraction, which does not begin with the text that it replaces. A repeated text is left out.
        result: see :class:`streamfsm.testing.Parser`; ``None`` if it has none.
        trace: see :class:`streamfsm.testing.Parser`; empty if it has none.
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
        parse: returns a new parser.
        chunks: the chunks, of which the parser gets a copy.
        read: returns what a message says.
        seconds: the time after which the parser counts as hanging; see :func:`limit`.

    Raises:
        LawBroken: the parser raised, hung, or changed a chunk.
    """
    if isinstance(parse, OwnProcess):
        return parse.run(chunks, read, seconds)
    # Faster than deepcopy, which would take most of the time of a short run.
    given = pickle.loads(pickle.dumps(list(chunks)))  # noqa: S301 - our own
    answers: list[list[Any]] = []
    result, trace = None, list[Any]()
    try:
        with limit(seconds):
            parser = parse()
            trace = getattr(parser, "trace", trace)
            for chunk in given:
                answers.append(list(parser.feed(chunk) or ()))  # noqa: PERF401 - their number shows where it raised
            answers.append(list(parser.close() or ()))
            result = getattr(parser, "result", None)
            result = result() if callable(result) else result
    except Overrun:
        raise _broken(_OVERRUN.format(seconds), chunks, len(answers), trace) from None
    except KeyboardInterrupt:
        raise  # from the user; OwnProcess finds a parser that raises it itself
    except BaseException as error:
        raise _broken(_RAISED.format(error), chunks, len(answers), trace) from error
    for number, (chunk, before) in enumerate(zip(given, chunks, strict=True), 1):
        if not equal(chunk, before):
            raise LawBroken("total", f"the parser changed chunk {number} to {chunk!r}", chunks)
    said = [[each for message in answer for each in read(message)] for answer in answers]
    for each in chain.from_iterable(said):
        if not isinstance(each.text, str):
            raise LawBroken("total", f"the parser says {each.text!r}, which is not text", chunks)
    texts = Texts()
    steps = [[new for each in answer if (new := texts.add(each))] for answer in said]
    return Run(list(chunks), steps, result, list(trace))


def equal(one: Any, other: Any) -> bool:
    """Whether two values are equal; unlike with ``==``, NaN equals NaN."""
    return bool(one == other) or repr(one) == repr(other)


def _broken(what: str, chunks: Sequence[Any], answered: int, trace: Sequence[Any] = ()) -> LawBroken:
    place = f"at chunk {answered + 1}" if answered < len(chunks) else "at the end of the stream"
    guilty = answered + 1 if answered < len(chunks) else None
    return LawBroken("total", f"{what}, {place}", chunks, logs=[trace], guilty=guilty)


class OwnProcess:
    """Returns a new parser, as ``parse`` does; but the checks run the parser in a process of its own.

    So a parser that ends its process, hangs in C code, or catches the exception that should stop it breaks a law, like
    any parser that raises or hangs. Global state that it changes does not affect this process. This requires
    ``os.fork``, and a result and a trace that can be pickled.

    Args:
        parse: returns a new parser.
    """

    def __init__(self, parse: Parse) -> None:
        self._parse = parse
        self._read: Read = read_message
        self._worker: Worker | None = None
        self._reached = multiprocessing.RawValue("Q")

    def __call__(self) -> Parser:
        """Return a new parser in this process."""
        return self._parse()

    def run(self, chunks: Sequence[Any], read: Read, seconds: float) -> Run:
        """Do the same as :func:`run`, in the other process."""
        if self._worker is None or read is not self._read:  # a process keeps the ``read`` that it was started with
            self.end()
            self._read = read
            self._worker = Worker(self._run)
        self._reached.value = 0
        try:
            found: Run = self._worker.call((list(chunks), seconds), seconds + _GRACE)
        except Lost as loss:
            self._worker = None
            what = f"the parser's process {loss}" if str(loss) else _OVERRUN.format(seconds)
            raise _broken(what, chunks, self._answered) from None
        return found

    @property
    def _answered(self) -> int:
        return max(cast("int", self._reached.value) - 1, 0)  # 0 also if the parser was not created

    def end(self) -> None:
        """End the process; the next run starts a new one."""
        if self._worker:
            self._worker.end()
            self._worker = None

    def _run(self, argument: tuple[list[Any], float]) -> Run:
        chunks, seconds = argument
        try:
            return run(lambda: _Counted(self._parse(), self._reached), chunks, read=self._read, seconds=seconds)
        except KeyboardInterrupt as error:  # from the parser: the process ignores those from the user
            raise _broken(_RAISED.format(error), chunks, self._answered) from error


class _Counted:
    """A parser that counts its calls in shared memory."""

    def __init__(self, parser: Parser, reached: Any) -> None:
        self._parser, self._reached = parser, reached

    def feed(self, chunk: Any) -> Iterable[Any] | None:
        self._reached.value += 1
        return self._parser.feed(chunk)

    def close(self) -> Iterable[Any] | None:
        self._reached.value += 1
        return self._parser.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)


class Overrun(BaseException):
    """The time is up. It is not an ``Exception``, so that parsers do not catch it."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raise :class:`Overrun` in code that takes longer than ``seconds``.

    An alarm signal interrupts any Python loop and any regular expression. Code that continues, because it hangs in C or
    catches the exception, ends the process five seconds later, with a traceback of where it hangs. Without signals
    (outside the main thread, on Windows), the process ends at once.
    """
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        handler = signal.signal(signal.SIGALRM, _ring)
        # The alarm repeats, because the first may come where exceptions are ignored, as in __del__.
        before = signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
        try:
            try:
                with _last(seconds + _LAST):
                    yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        finally:  # nested, because the alarm must be switched off even if it comes right now
            signal.setitimer(signal.ITIMER_REAL, *before)
            signal.signal(signal.SIGALRM, handler)
    else:
        with _last(seconds):
            yield


@contextmanager
def _last(seconds: float) -> Iterator[None]:
    """End the process after this time."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=_STDERR)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _ring(*_: object) -> None:
    raise Overrun
