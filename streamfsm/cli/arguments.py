"""Types of arguments, and other helpers, that commands share."""

from argparse import ArgumentParser, ArgumentTypeError, _SubParsersAction
from contextlib import suppress
from math import inf
from threading import Event
from typing import TypeAlias

from streamfsm.wires.chat.chunking import Cutter, cutter

Commands: TypeAlias = "_SubParsersAction[ArgumentParser]"


def chunking(spec: str) -> Cutter:
    """Parse how to cut a stream."""
    try:
        return cutter(spec)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def count(text: str) -> int:
    """Parse a positive integer."""
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def positive(text: str) -> float:
    """Parse a positive number."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < inf:
        raise ArgumentTypeError(f"{text!r} is not a positive number")
    return value


def wait() -> None:
    """Wait for an interrupt, in commands that run a server."""
    with suppress(KeyboardInterrupt):
        Event().wait()
