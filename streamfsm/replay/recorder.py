"""Recording a live stream: :func:`record` writes a stream to a file while it is read."""

import json
import os
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamfsm.client.log import harmless
from streamfsm.client.stream import END, SyncWire, Wire
from streamfsm.core.json_values import as_json
from streamfsm.errors import MisuseError
from streamfsm.replay.recording import HEAD, Ending, Piece, end_line

BUDGET = 64 * 2**20
"""The default maximum size of a recording in bytes: more than any answer of a current model."""


class Recorder:
    """Writes a recording while the pieces arrive. It raises no exception: a failure is logged, and recording ends.

    Args:
        path: the file, which is created when the first piece arrives, and overwritten if it exists. Only its owner may
            read it.
        budget: the most bytes in the file.
    """

    def __init__(self, path: str | os.PathLike[str], budget: int = BUDGET) -> None:
        self._path = Path(path)
        self._left = budget
        self._start = time.monotonic()
        self._file: int | None = None
        self._is_over = False

    def piece(self, piece: Any) -> None:
        """Write a piece: bytes, or a chunk."""
        harmless(self._write_piece)(piece)

    def end(self, end: Ending, error: BaseException | None = None) -> None:
        """Write how the stream ended, and close the file. Idempotent."""
        harmless(self._end)(end, error)

    def _write_piece(self, piece: Any) -> None:
        if self._is_over:
            return
        try:
            line = Piece(time.monotonic() - self._start, _recorded(piece)).line().encode()
            if len(line) > self._left:
                self._end("budget", None)
            else:
                self._write(line)
        except BaseException:
            self._close()
            raise

    def _end(self, end: Ending, error: BaseException | None) -> None:
        if not self._is_over:
            text = f"{type(error).__qualname__}: {error}" if error else None
            try:
                self._write(end_line(time.monotonic() - self._start, end, text).encode())
            finally:
                self._close()

    def _write(self, line: bytes) -> None:
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            line = HEAD.encode() + line
        self._left -= len(line)
        while line:  # a full disk may accept only a part
            line = line[os.write(self._file, line) :]

    def _close(self) -> None:
        self._is_over = True
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)


def _recorded(piece: Any) -> bytes | dict[str, Any]:
    if isinstance(piece, bytes | bytearray | memoryview):
        return bytes(piece)
    text = as_json(piece)
    chunk = None if text is None else json.loads(text)
    return chunk if isinstance(chunk, dict) else {"not_recorded": repr(piece)}


class Recorded:
    """A stream that is recorded while it is read; see :func:`record`."""

    def __init__(self, stream: Any, path: str | os.PathLike[str], budget: int) -> None:
        self._stream = stream
        self._path = path
        self._budget = budget

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        wire = Wire(self._stream)
        try:
            with self._recorder() as recorder:
                while (piece := await wire.read()) is not END:
                    recorder.piece(piece)
                    yield piece
        finally:
            await wire.close()

    def __iter__(self) -> Generator[Any, None, None]:
        wire = SyncWire(self._stream)
        try:
            with self._recorder() as recorder:
                while (piece := wire.read()) is not END:
                    recorder.piece(piece)
                    yield piece
        finally:
            wire.close()

    @contextmanager
    def _recorder(self) -> Iterator[Recorder]:
        """Yield a recorder, and then record how the reading ended."""
        recorder = Recorder(self._path, self._budget)
        try:
            yield recorder
            recorder.end("end")
        except Exception as error:
            recorder.end("error", error)
            raise
        finally:
            recorder.end("left")


def record(stream: Any, path: str | os.PathLike[str], *, budget: int = BUDGET) -> Recorded:
    """Write a stream to a file while it is read: each piece, with the time when it arrived.

    Recording never makes the stream fail and does not change it. Failures to record are logged.

    Args:
        stream: what :func:`streamfsm.aiter_messages` or the façade accepts, asynchronous or not: a stream of chunks, or
            a response whose body has not been read.
        path: the file, which is created when reading begins, and overwritten if it exists. Only its owner may read it,
            because it contains the conversation. ``streamfsm scrub`` makes it unreadable.
        budget: the most bytes in the file. When it is full, the recording ends, and the stream continues.

    Returns:
        The stream to read instead of ``stream``: with the façade, with :func:`streamfsm.iter_messages` and the like, or
        with a loop of your own.

    Raises:
        MisuseError: the budget is not an integer above 0.
    """
    if not (isinstance(budget, int) and budget > 0):
        raise MisuseError(f"budget must be a number of bytes above 0, not {budget!r}")
    return Recorded(stream, path, budget)
