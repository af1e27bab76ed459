"""Tries every way to cut a stream, if that is feasible, and counts the ways."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from streamfsm.testing.laws import Logical, check_split_invariance
from streamfsm.testing.parsers import Parse, Read, read_message
from streamfsm.testing.runs import SECONDS
from streamfsm.testing.streams import Stream
from streamfsm.wires.chat.chunking import Chunk

_ALL = 12  # pieces: 2,048 ways
_THREE_WAY = 80  # pieces: 3,081 ways, which grow with the square


def cuts(length: int) -> Iterator[tuple[str, Sequence[int]]]:
    """Yield ways to cut something of ``length`` pieces: the sort of cuts, and the places to cut.

    Up to 12 pieces, all 2^(length - 1) ways. For more pieces: uncut, every 2-way split, and every size; below 80,
    also every 3-way split.
    """
    inner = range(1, length)
    if length <= _ALL:
        for count in range(length or 1):
            yield from (("all", places) for places in combinations(inner, count))
        return
    yield "whole", ()
    yield from (("2-way", (place,)) for place in inner)
    yield from (("by size", range(size, length, size)) for size in inner)
    if length < _THREE_WAY:
        yield from (("3-way", places) for places in combinations(inner, 2))


def splits(text: str) -> Iterator[list[str]]:
    """Yield ``text`` in pieces, in each way of :func:`cuts`."""
    for _, places in cuts(len(text)):
        yield [text[start:end] for start, end in pairwise([0, *places, len(text)])]


def chunkings(stream: Stream) -> Iterator[tuple[str, list[Chunk]]]:
    """Yield the stream in chunks, in each way of :func:`cuts`: characters cut apart, and neighbouring atoms merged."""
    for sort, places in cuts(len(stream.pieces)):
        yield sort, stream.cut(places)


def check_every_split(
    parse: Parse, stream: Logical, *, results: bool = True, read: Read = read_message, seconds: float = SECONDS
) -> Counter[str]:
    """Do :func:`streamfsm.testing.check_split_invariance` with the stream cut in each way of :func:`cuts`.

    Returns:
        The number of chunkings of each sort that were tried.
    """
    tried: Counter[str] = Counter()
    for sort, chunks in chunkings(Stream.of(stream)):
        check_split_invariance(parse, stream, chunks, results=results, read=read, seconds=seconds)
        tried[sort] += 1
    return tried
