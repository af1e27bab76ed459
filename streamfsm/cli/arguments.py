"""What the commands' arguments have in common."""

from argparse import ArgumentParser, ArgumentTypeError, _SubParsersAction
from contextlib import suppress
from math import inf
from threading import Event
from typing import TypeAlias

from streamfsm.wires.chat.chunking import Cutter, cutter

Commands: TypeAlias = "_SubParsersAction[ArgumentParser]"


def chunking(spec: str) -> Cutter:
    """Read how a stream is to be cut."""
    try:
        return cutter(spec)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def count(text: str) -> int:
    """Read a positive number."""
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text)


def positive(text: str) -> float:
    """Read a positive number, not necessarily whole."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < inf:
        raise ArgumentTypeError(f"{text!r} is not a positive number")
    return value


def wait() -> None:
    """Wait for an interrupt, as commands that serve do."""
    with suppress(KeyboardInterrupt):
        Event().wait()
