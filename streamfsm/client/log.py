"""The library's logger, and a wrapper for code that may fail without harm."""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

logger = logging.getLogger("streamfsm")
logger.addHandler(logging.NullHandler())  # silent unless the application says otherwise


def harmless(action: Callable[..., object]) -> Callable[..., None]:
    """Wrap ``action`` so that its failure is logged: a watcher must not end the stream, nor mask the stream's error."""

    def attempt(*args: Any, **options: Any) -> None:
        try:
            action(*args, **options)
        except Exception:
            with suppress(Exception):  # the logger itself may fail
                logger.warning("%r failed", action, exc_info=True)

    return attempt
