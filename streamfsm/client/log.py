"""The library's logger, and what may fail without harm."""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

logger = logging.getLogger("streamfsm")
logger.addHandler(logging.NullHandler())  # silent unless the application says otherwise


def harmless(action: Callable[..., object]) -> Callable[..., None]:
    """``action``, whose failure is logged: what only watches a stream must not end it, nor mask its own error."""

    def attempt(*args: Any, **options: Any) -> None:
        try:
            action(*args, **options)
        except Exception:
            with suppress(Exception):  # the logger itself may be what fails
                logger.warning("%r failed", action, exc_info=True)

    return attempt
