"""Waiting for I/O: bounded, shielded, or in a thread; by ``anyio`` if it is installed, else by ``asyncio`` alone.

``openai`` requires ``anyio``; a program that reads with another client, such as ``aiohttp``, may lack it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

_T = TypeVar("_T")


class Late(Exception):  # noqa: N818 - a signal to our own callers
    """An action took too long."""


async def in_time(action: Callable[[], Awaitable[_T]], seconds: float, *, shield: bool = False) -> _T:
    """Return the result of ``action``.

    Args:
        action: is interrupted when it takes too long.
        seconds: how long it may take.
        shield: against ``anyio``'s cancellations, which come again at each ``await``; ``asyncio``'s own come once.

    Raises:
        Late: it took longer, even if it answered the interruption with an error of its own.
    """
    anyio = _anyio()
    if not anyio:
        try:
            return await asyncio.wait_for(action(), seconds)
        except asyncio.TimeoutError as error:
            if type(error) is asyncio.TimeoutError:
                raise Late from None
            raise  # the transport's own, which is a subclass
    with anyio.move_on_after(seconds, shield=shield) as scope:
        try:
            return await action()
        except Exception:
            if not scope.cancel_called:
                raise
    raise Late


async def in_thread(action: Callable[[], object]) -> None:
    """Run ``action`` off the event loop; a cancellation does not wait for it."""
    if anyio := _anyio():
        own = anyio.CapacityLimiter(1)  # the shared one may be busy for a long time
        await anyio.to_thread.run_sync(action, abandon_on_cancel=True, limiter=own)
    else:
        await asyncio.to_thread(action)


@cache
def _anyio() -> Any:
    """``anyio``, if it is installed."""
    try:
        return import_module("anyio")
    except ModuleNotFoundError:
        return None
