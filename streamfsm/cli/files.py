"""Files that commands read and write. One that cannot be read or written is a :class:`MisuseError` that names it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from streamfsm.errors import MisuseError
from streamfsm.replay import capture
from streamfsm.wires.chat.chunking import split

_LARGEST = 1 << 28  # bytes of a body, which is read whole, and takes several times as much memory


def read_body(file: Path) -> str:
    """Return the text of a recorded body; what a command prints of it is a pure function of it."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise MisuseError(f"{file}: more than {_LARGEST} bytes")
        body = data.decode("utf-8-sig")
    except OSError as error:
        raise MisuseError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MisuseError(f"{file}: not UTF-8 at byte {error.start}") from error
    if capture.is_framed(body) and not capture.events(body):
        raise MisuseError(f"{file}: no server-sent events")
    return body


def check_size(file: Path, chunks: Iterable[Any], most: int) -> None:
    """Check that the chunks hold no more characters of text than can be cut anew in the time and memory there is."""
    size = sum(len(atom.text) for atom in split(chunks))
    if size > most:
        raise MisuseError(f"{file}: {size} characters of text are too many to cut anew; {most} are not")


def write(file: Path, text: str) -> None:
    """Write ``text`` to ``file``."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MisuseError(f"{file}: {error.strerror}") from error
