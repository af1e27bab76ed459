"""Reading and writing files. Each function raises a :class:`MisuseError` that names the file if it fails."""

import os
from collections.abc import Iterable
from pathlib import Path
from stat import S_ISREG
from typing import Any

from streamfsm.errors import MisuseError
from streamfsm.parser import StreamParser
from streamfsm.replay import capture, recording
from streamfsm.replay.recording import Recording
from streamfsm.wires.chat.chunking import split

_LARGEST = 1 << 28  # bytes of a file: reading it takes several times as much memory

STDIN = Path("<stdin>")
"""Standard input, with its name in messages. It is compared by identity, because a file may have this name."""


def source(name: str) -> Path:
    """Return the file that an argument names; ``-`` is standard input."""
    return STDIN if name == "-" else Path(name)


def read_recording(file: Path) -> Recording:
    """Return the recording in a file, which may also be a body of server-sent events."""
    data = _read(file)
    try:
        return recording.parse(data)
    except MisuseError as error:
        raise MisuseError(f"{file}: {error}") from error


def read_text(file: Path) -> str:
    """Return the text of a file."""
    return _decoded(_read(file), file)


def read_body(file: Path) -> str:
    """Return the text of a recorded body."""
    return text_of(read_recording(file), file)


def text_of(recording: Recording, file: Path) -> str:
    """Return the text of a body that was read from ``file``."""
    body = _decoded(recording.body, file)
    if capture.is_framed(body) and not capture.events(body):
        raise MisuseError(f"{file}: no server-sent events")
    return body


def check_size(file: Path, chunks: Iterable[Any], most: int, work: str = "cut again") -> None:
    """Check that the chunks contain at most ``most`` characters of text, so that the ``work`` takes bounded time."""
    size = sum(len(atom.text) for atom in split(chunks))
    if size > most:
        raise MisuseError(f"{file}: {size} characters of text are too many to {work}; the limit is {most}")


def exit_code(file: Path, parser: StreamParser) -> int:
    """Return the exit code of a command that read the stream in ``file`` to its end.

    Raises:
        MisuseError: the stream is of another protocol.
    """
    error = parser.result.error
    if error and error.code == "foreign_wire":
        raise MisuseError(f"{file}: {error.message}")
    return 0 if parser.state == "done" else 1


def check_target(out: Path, *sources: Path) -> None:
    """Check that writing ``out`` does not overwrite a file that the command reads, under this or another name."""
    for source in sources:
        try:
            before, after = os.fstat(0) if source is STDIN else source.stat(), out.stat()
        except OSError:  # one of them does not exist
            continue
        if S_ISREG(after.st_mode) and os.path.samestat(before, after):
            raise MisuseError(f"{out}: this would overwrite the input; choose another name")


def write_recording(file: Path, recording: Recording) -> None:
    """Write a recording; if it has no times, as a body."""
    _write(file, recording.lines().encode() if recording.is_timed else recording.body)


def write(file: Path, text: str) -> None:
    """Write ``text`` to ``file``."""
    _write(file, text.encode())


def _read(file: Path) -> bytes:
    try:
        with os.fdopen(0, "rb", closefd=False) if file is STDIN else file.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise MisuseError(f"{file}: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise MisuseError(f"{file}: more than {_LARGEST} bytes")
    return data


def _decoded(data: bytes, file: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MisuseError(f"{file}: not UTF-8 at byte {error.start}") from error


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        raise MisuseError(f"{file}: {error.strerror}") from error
