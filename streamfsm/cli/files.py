"""Files that commands read and write. One that cannot be read or written is a :class:`MisuseError` that names it."""

from pathlib import Path

from streamfsm.errors import MisuseError
from streamfsm.replay import capture


def read(file: Path) -> str:
    """Return the text of a file."""
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise MisuseError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MisuseError(f"{file}: not UTF-8 at byte {error.start}") from error


def read_body(file: Path) -> str:
    """Return the text of a recorded body; what a command prints of it is a pure function of it."""
    body = read(file)
    if capture.is_framed(body) and not capture.events(body):
        raise MisuseError(f"{file}: no server-sent events")
    return body


def write(file: Path, text: str) -> None:
    """Write ``text`` to ``file``."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MisuseError(f"{file}: {error.strerror}") from error
