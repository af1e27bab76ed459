"""The program under test, which reads JSON lines on standard input and answers on standard output, within limits."""

import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from threading import Event, Timer
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from streamfsm.conform.facts import PROTOCOL, Answer, Hello, Wire
from streamfsm.core.text import without_surrogates
from streamfsm.errors import MisuseError

_M = TypeVar("_M", bound=BaseModel)

_LONGEST = 1 << 24
"""The most bytes in an answer: a thousand times the size of any case."""
_TAIL = 400
"""The bytes of the program's standard error that a finding quotes."""


_GRACE = 1.0
"""Seconds to wait for the exit code of a program that has stopped answering."""


class Limits(NamedTuple):
    """The resources that a program may use."""

    seconds: float = 10.0
    """Time for one answer."""
    start_seconds: float = 120.0
    """Time for the first answer, because some clients take long to import."""
    megabytes: int = 4096
    """Memory, on systems that can limit it (Linux)."""


class Failure(Exception):  # noqa: N818 - of the program, not of this library
    """The program crashed, hung, or gave an invalid answer, as the text says."""


class Program:
    """A program under test. It is started when needed, and again after it has ended.

    Args:
        command: the program and its arguments in shell syntax; it is not run by a shell.
        limits: the limits of time and memory.

    Raises:
        MisuseError: the command is empty, or its quotes are not closed.
    """

    def __init__(self, command: str, limits: Limits = Limits()) -> None:  # noqa: B008 - immutable
        try:
            self._arguments = shlex.split(command)
        except ValueError as error:
            raise MisuseError(f"--command {command}: {error}") from error
        if not self._arguments:
            raise MisuseError("--command is empty")
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the program

    def close(self) -> None:
        """End the program."""
        self._end()
        self._errors.close()

    def hello(self) -> Hello:
        """Start the program, and return its answer to ``hello``.

        Raises:
            MisuseError: it cannot be started, or its answer is invalid.
        """
        try:
            self._start()
            return self._ask(Hello, [{"hello": PROTOCOL}], self._limits.start_seconds)
        except Failure as failure:
            raise MisuseError(f"--command: {failure}") from failure

    def read(self, wire: Wire, events: Sequence[Any]) -> Answer:
        """Feed a response to the program, and return its answer.

        Raises:
            Failure: it crashed, hung, or gave an invalid answer.
        """
        if self._process is None:
            self.hello()
        requests = [{"open": wire}, *({"feed": event} for event in events), {"close": True}]
        return self._ask(Answer, requests, self._limits.seconds)

    def _start(self) -> None:
        self._errors.truncate(0)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the user's own command
                self._arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
            )
        except OSError as error:
            raise MisuseError(f"--command: {self._arguments[0]}: {error.strerror}") from error
        if sys.platform == "linux":
            import resource

            most = self._limits.megabytes << 20
            resource.prlimit(self._process.pid, resource.RLIMIT_DATA, (most, most))

    def _ask(self, model: type[_M], requests: Sequence[Any], seconds: float) -> _M:
        line, in_time = self._exchange("".join(f"{json.dumps(each)}\n" for each in requests).encode(), seconds)
        if not in_time:
            self._end()
            raise Failure(f"no answer within {seconds:g} seconds")
        if not line.endswith(b"\n"):
            ended = self._end(_GRACE if len(line) < _LONGEST else 0)
            raise Failure(ended if len(line) < _LONGEST else f"more than {_LONGEST} bytes in an answer")
        try:
            text = json.dumps(json.loads(line), ensure_ascii=False)
            return model.model_validate_json(without_surrogates(text))
        except (RecursionError, ValueError) as error:
            self._end()
            raise Failure(f"nonsense: {_why(error)}: {line[:_TAIL].decode(errors='replace').strip()}") from error

    def _exchange(self, data: bytes, seconds: float) -> tuple[bytes, bool]:
        """Return the line that answers ``data``, and whether it came in time."""
        process = self._process
        assert process is not None  # noqa: S101 - for the type checker
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        late = Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = Timer(seconds, end)
        timer.start()
        try:
            process.stdin.write(data)
            process.stdin.flush()
            line = process.stdout.readline(_LONGEST)
        except OSError:  # it has ended
            line = b""
        finally:
            timer.cancel()
            timer.join()
        return line, not late.is_set()

    def _end(self, grace: float = 0.0) -> str:
        """Kill the process if it does not end within ``grace`` seconds, and return how it ended."""
        process, self._process = self._process, None
        if process is None:
            return ""
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)
        process.kill()
        process.communicate()
        self._errors.seek(0)
        said = self._errors.read()[-_TAIL:].decode(errors="replace").strip()
        return f"ended with code {process.returncode}{': ' + said if said else ''}"


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the answer'}: {first['msg']}"
    return str(error)
