"""The ways to cut a case's response, each with a name by which a command can ask for it again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

from streamfsm.conform.cases import Case
from streamfsm.errors import MisuseError
from streamfsm.testing.streams import Stream

Cut: TypeAlias = tuple[str, Callable[[], list[Any]]]
"""A name, and what gives the events."""

AS_SENT = "as sent"


def cuts(case: Case) -> Iterator[Cut]:
    """Yield other ways to send a case's events: as few as possible, cut in two anywhere, in pieces of every size."""
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
    """Return the stream so cut, its events numbered anew where they have numbers, which a cut would repeat."""
    return [
        {**event, "sequence_number": number} if isinstance(event, dict) and "sequence_number" in event else event
        for number, event in enumerate(stream.cut(places))
    ]


def cut(case: Case, name: str) -> list[Any]:
    """Return a case's events as the cut of this name sends them.

    Raises:
        MisuseError: the case is not cut so.
    """
    if name == AS_SENT:
        return list(case.events)
    for each, events in cuts(case):
        if each == name:
            return events()
    raise MisuseError(f"{case.id} is not cut {name!r}: {AS_SENT!r}, 'whole', 'at PLACE' or 'every SIZE'")


def smallest(
    events: Sequence[Any], fails: Callable[[list[Any], list[Any]], bool]
) -> tuple[list[Any], list[Any]] | None:
    """Look for the smallest part of a response that still gives two answers.

    Args:
        events: the response.
        fails: whether two ways to send one response are answered differently.

    Returns:
        The two ways, of which the first is an event for each piece of text; ``None`` if no two differ.
    """
    atoms = Stream.of(events).atoms
    found = _differing(atoms, fails)
    at = 0
    while found and at < len(atoms):
        fewer = atoms[:at] + atoms[at + 1 :]
        if smaller := _differing(fewer, fails):
            atoms, found = fewer, smaller
        else:
            at += 1
    return found


def _differing(
    atoms: Sequence[Any], fails: Callable[[list[Any], list[Any]], bool]
) -> tuple[list[Any], list[Any]] | None:
    stream = Stream(list(atoms), cut_names=False)
    plain = stream.plain()
    last = len(stream.pieces)
    for places in ([], *([place] for place in range(1, last)), range(last)):
        other = _sent(stream, places)
        if fails(plain, other):
            return plain, other
    return None
