"""``Worker``: calls a function in another process, which can be ended whatever the function does."""

import multiprocessing
import os
import signal
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from streamfsm.errors import MisuseError

AVAILABLE = hasattr(os, "fork")
"""Whether this system can fork a process; a forked process has the function without importing it."""

_ROUNDS, _ROUND = 50, 0.01  # how often to check, and at intervals of how many seconds, whether a process has ended


class Lost(Exception):  # noqa: N818 - what happened
    """The process did not answer. The text says why; if it is empty, the time was up."""


class Worker:
    """Calls ``function`` in another process, one argument at a time.

    Arguments, and what the function returns or raises, are pickled.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(self._ours, theirs, function), daemon=True)
        with warnings.catch_warnings():  # about forking a process with threads
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        theirs.close()

    def call(self, argument: Any, seconds: float) -> Any:
        """Return what the function returns for ``argument``, or raise what it raises.

        Raises:
            Lost: it took longer than ``seconds``, or the process ended. The worker cannot be used after that.
        """
        answered = False
        try:
            self._ours.send(argument)
            if not self._ours.poll(seconds):
                raise Lost
            raised, value = self._ours.recv()
            answered = True
        except (EOFError, OSError):
            raise Lost(self._ending()) from None
        finally:
            if not answered:
                self.end()
        if raised:
            raise value
        return value

    def _ending(self) -> str:
        for _ in range(_ROUNDS):  # join() would wait for ever if the process closed its end of the pipe but did not end
            if (code := self._process.exitcode) is not None:
                return f"ended with exit code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
            time.sleep(_ROUND)
        return "closed its files"

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._ours.close()


def _work(others: Connection, ours: Connection, function: Callable[[Any], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets an interrupt from the terminal too, and ends us
    others.close()
    serve(ours, function)


def serve(connection: Connection, function: Callable[[Any], Any]) -> None:
    """Answer each argument that arrives, until either end of the connection is closed."""
    with suppress(EOFError, OSError):
        while True:
            argument = connection.recv()
            try:
                answer = False, function(argument)
            except BaseException as error:  # noqa: BLE001 - any exception is an answer
                answer = True, error
            try:
                connection.send(answer)
            except Exception as error:  # noqa: BLE001 - pickling runs code of the object, which may raise anything
                connection.send((True, MisuseError(f"cannot be pickled, which another process requires: {error!r}")))
