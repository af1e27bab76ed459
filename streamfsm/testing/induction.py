"""Proves every chunking of a text by induction: from the state at each place, each piece that may come next."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from streamfsm.errors import MisuseError
from streamfsm.testing.parsers import Said, read_message
from streamfsm.testing.reports import LawBroken


class Resumable(Protocol):
    """A parser of one response whose state can be stored."""

    def close(self) -> Iterable[Any] | None:
        """Return the messages that the end of the stream gives."""

    def snapshot(self) -> Any:
        """Return all state on which depends what comes next, as a value that can be compared."""


R = TypeVar("R", bound=Resumable)
Text: TypeAlias = bytes | str


class Proof(NamedTuple):
    """What was proved, and by how much work."""

    chunkings: int
    """Ways to cut the text, each of which says the same."""
    feeds: int
    """Pieces that were fed."""


def joined(messages: Iterable[Any]) -> list[Any]:
    """Return what messages say, with neighbours of one kind joined."""
    found: list[Said] = []
    for message in messages:
        for said in read_message(message):
            if found and not said.snapshot and found[-1][:2] == said[:2]:
                found[-1] = said._replace(text=found[-1].text + said.text)
            elif said.text or said.snapshot:
                found.append(said)
    return found


def check_every_chunking(
    parse: Callable[[], R],
    restore: Callable[[Any], R],
    text: Text,
    *,
    feed: Callable[[R, Any], Iterable[Any] | None],
    same: Callable[[Any], Any] = lambda snapshot: snapshot,
    join: Callable[[list[Any]], list[Any]] = joined,
    longest: int | None = None,
) -> Proof:
    """Prove that every way to cut ``text`` says the same, and leaves the parser in the same state.

    A text of ``n`` characters can be cut in 2^(n-1) ways, far too many to try. But let S be the state after the first
    ``i`` characters, however these were cut: if from S each piece ``text[i:j]`` leads to the one state at ``j``, and
    the messages so far with those of the piece say what is to be said up to ``j``, then all cuts up to ``j`` do, by
    induction. That takes n(n+1)/2 pieces.

    The proof is as good as the snapshots: two parsers with equal ones, as ``same`` sees them, must go on alike. It
    holds for parsers that are restored at each cut; that restoring changes nothing is a law to be tested apart.

    Args:
        parse: makes a parser.
        restore: makes one that goes on from a snapshot, and leaves the snapshot as it is.
        text: what is cut: bytes of a body, or characters of one text.
        feed: feeds a parser with a piece of ``text``, and returns its messages.
        same: what of a snapshot must not depend on the cuts; a parser that numbers its messages leaves their count out.
        join: joins messages that may be cut anywhere; also those that it joined before with more of them. By default,
            what they say, as :func:`read_message` reads it.
        longest: characters of a piece at most, for texts so long that their square is too much; of all ways to cut the
            text, those are proved that have no longer piece.

    Returns:
        How many chunkings that are, and how many pieces were fed.

    Raises:
        LawBroken: a piece leads elsewhere.
        MisuseError: ``longest`` is below 1.
    """
    size = len(text)
    longest = size if longest is None else longest
    if longest < 1 <= size:
        raise MisuseError(f"longest must be at least 1, not {longest}")
    parser, told = parse(), join([])
    states: list[tuple[Any, Any, list[Any]]] = [(parser.snapshot(), same(parser.snapshot()), told)]
    for at in range(size):
        told = join([*told, *(feed(parser, text[at : at + 1]) or ())])
        snapshot = parser.snapshot()
        states.append((snapshot, same(snapshot), told))
    end, feeds, ways = join([*told, *(parser.close() or ())]), size, [1]
    for at in range(size):
        before, _, so_far = states[at]
        for to in range(at + 1, min(at + longest, size) + 1):
            parser, piece = restore(before), text[at:to]
            found = join([*so_far, *(feed(parser, piece) or ())])
            _, state, expected = states[to]
            feeds += 1
            if found != expected:
                raise _broken(text, at, to, f"says {found!r}, and its characters one by one {expected!r}")
            if (other := same(parser.snapshot())) != state:
                raise _broken(text, at, to, f"leads to another state: {_difference(state, other)}")
        ways.append(sum(ways[-longest:]))
    last = restore(states[size][0])
    if (found := join([*told, *(last.close() or ())])) != end:
        raise _broken(text, size, size, f"says {found!r} at the end, and a parser that was not restored {end!r}")
    return Proof(ways[size], feeds)


def _broken(text: Text, at: int, to: int, what: str) -> LawBroken:
    return LawBroken("every chunking", f"{text[at:to]!r}, from {at} on, {what}", [text[:at], text[at:to]], guilty=2)


def _difference(state: Any, other: Any, place: str = "") -> str:
    """Return the first place where two states differ, with what is there."""
    if isinstance(state, dict) and isinstance(other, dict) and state.keys() == other.keys():
        return next(_difference(state[key], other[key], f"{place}/{key}") for key in state if state[key] != other[key])
    if isinstance(state, list) and isinstance(other, list) and len(state) == len(other):
        at = next(at for at in range(len(state)) if state[at] != other[at])
        return _difference(state[at], other[at], f"{place}/{at}")
    return f"{other!r} where there should be {state!r}, at {place or '/'}"
