"""The ways to cut a case's response, each with a name for the command line."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeAlias

from streamfsm.conform.cases import Case
from streamfsm.errors import MisuseError
from streamfsm.testing.smallest import numbered
from streamfsm.testing.streams import Stream

Cut: TypeAlias = tuple[str, Callable[[], list[Any]]]
"""A name, and a function that returns the events."""

AS_SENT = "as sent"


QUICK = ("whole", "every 1", "every 3")
"""The cuts that find most."""


def cuts(case: Case) -> Iterator[Cut]:
    """Yield other ways to send a case's events: in as few as possible, cut in two anywhere, in pieces of every size."""
    if not case.cut:
        return
    stream = Stream.of(case.events)
    last = len(stream.pieces)
    ways: list[tuple[str, Iterable[int]]] = [("whole", ())]
    ways += [(f"at {place}", [place]) for place in range(1, last)]
    ways += [(f"every {size}", range(size, last, size)) for size in range(1, (last + 1) // 2)]  # larger ones cut in two
    for name, places in ways:
        yield name, partial(_sent, stream, places)


def _sent(stream: Stream, places: Iterable[int]) -> list[Any]:
    return numbered(stream.cut(places))


def cut(case: Case, name: str) -> list[Any]:
    """Return a case's events in the cut with this name.

    Raises:
        MisuseError: the case has no such cut.
    """
    if name == AS_SENT:
        return list(case.events)
    for each, events in cuts(case):
        if each == name:
            return events()
    raise MisuseError(f"{case.id} is not cut {name!r}: {AS_SENT!r}, 'whole', 'at PLACE' or 'every SIZE'")
