"""Makes a finding smaller, whatever the law: the fewest atoms that still show it, then the fewest chunks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from streamfsm.testing.streams import Stream
from streamfsm.wires.chat.chunking import Atom, Chunk

_F = TypeVar("_F")
_I = TypeVar("_I")
_S = TypeVar("_S")

_RUNS = 2000
"""The most attempts, each of which runs a parser twice: some seconds."""
_FEW = 64
"""The most pieces of a stream for which every 2-way split is tried."""


def smallest(stream: Stream, breaks: Callable[[list[Chunk], list[Chunk]], _F | None], most: int = _RUNS) -> _F | None:
    """Return what ``breaks`` finds in the smallest part of a stream; ``None`` if it finds nothing in the stream.

    Args:
        stream: the stream that shows the finding.
        breaks: gets the stream with one chunk per atom, and another chunking of it; returns a finding, if any.
        most: the most calls of ``breaks``.
    """
    left = iter(range(most))

    def cut(part: Stream, places: Iterable[int]) -> _F | None:
        return None if next(left, None) is None else breaks(part.plain(), numbered(part.cut(places)))

    def first(atoms: list[Atom]) -> tuple[_F, list[int]] | None:
        part = replace(stream, atoms=atoms)
        for places in _ways(len(part.pieces)):
            if found := cut(part, places):
                return found, list(places)
        return None

    atoms, shown = _fewest(stream.atoms, first)
    if shown is None:
        return None
    part = replace(stream, atoms=atoms)
    _, found = _fewest(shown[1], lambda places: cut(part, places))
    return found or shown[0]


def _fewest(items: list[_I], show: Callable[[list[_I]], _S | None]) -> tuple[list[_I], _S | None]:
    """Return as few items as still show something, in order, and what they show."""
    shown = show(items)
    size = len(items) if shown else 0
    while size:
        start = 0
        while start < len(items):
            fewer = items[:start] + items[start + size :]
            if smaller := show(fewer):
                items, shown = fewer, smaller
            else:
                start += size
        size //= 2
    return items, shown


def _ways(count: int) -> Iterator[Sequence[int]]:
    """Yield the cuts to try: between all pieces, and none; if there are few pieces, also one at each place."""
    yield range(1, count)
    yield ()
    if count <= _FEW:
        yield from ([place] for place in range(1, count))


def numbered(events: Iterable[Any]) -> list[Any]:
    """Return events with new sequence numbers, if they have any, because the pieces of a cut event have the same."""
    return [
        {**event, "sequence_number": number} if isinstance(event, dict) and "sequence_number" in event else event
        for number, event in enumerate(events)
    ]
