"""Files that commands read and write. One that cannot be read or written is a :class:`MisuseError` that names it."""

from pathlib import Path

from streamfsm.errors import MisuseError
from streamfsm.replay import capture, recording
from streamfsm.replay.recording import Recording


def read_recording(file: Path) -> Recording:
    """Return a recording, or a body as one."""
    try:
        return recording.parse(file.read_bytes())
    except OSError as error:
        raise MisuseError(f"{file}: {error.strerror}") from error
    except MisuseError as error:
        raise MisuseError(f"{file}: {error}") from error


def read_body(file: Path) -> str:
    """Return the text of a recorded body; what a command prints of it is a pure function of it."""
    return text_of(read_recording(file), file)


def text_of(recording: Recording, file: Path) -> str:
    """Return the text of a body that was read from ``file``."""
    try:
        body = recording.body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MisuseError(f"{file}: not UTF-8 at byte {error.start}") from error
    if capture.is_framed(body) and not capture.events(body):
        raise MisuseError(f"{file}: no server-sent events")
    return body


def write_recording(file: Path, recording: Recording) -> None:
    """Write a recording; one without times as a body."""
    try:
        file.write_bytes(recording.lines().encode() if recording.is_timed else recording.body)
    except OSError as error:
        raise MisuseError(f"{file}: {error.strerror}") from error


def write(file: Path, text: str) -> None:
    """Write ``text`` to ``file``."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MisuseError(f"{file}: {error.strerror}") from error
