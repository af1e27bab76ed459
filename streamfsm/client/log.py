"""The library's logger, and a wrapper for code whose failure must not end a stream."""

import logging
from collections.abc import Callable
from contextlib import suppress
from traceback import format_tb
from typing import Any

logger: logging.Logger = logging.getLogger("streamfsm")
logger.addHandler(logging.NullHandler())  # silent unless the application configures logging


def log_failure(what: str, error: BaseException) -> None:
    """Log that something failed, with the exception's type and traceback. Never raises.

    The exception's text is left out, because it may quote the stream.
    """
    with suppress(Exception):  # the logger itself may fail
        where = "".join(format_tb(error.__traceback__))
        logger.warning("%s failed with %s\n%s", what, type(error).__name__, where)


def harmless(action: Callable[..., object]) -> Callable[..., None]:
    """Wrap ``action`` so that its failure is logged: it must neither end the stream nor hide the stream's error."""

    def attempt(*args: Any, **options: Any) -> None:
        try:
            action(*args, **options)
        except Exception as error:  # noqa: BLE001 - whatever it is
            log_failure(getattr(action, "__qualname__", "a watcher"), error)

    return attempt
