"""Proves split invariance for every chunking of a text, by induction over each state and each piece after it."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from streamfsm.errors import MisuseError
from streamfsm.testing.parsers import Said, read_message
from streamfsm.testing.reports import LawBroken


class Resumable(Protocol):
    """A parser of one response whose state can be stored."""

    def close(self) -> Iterable[Any] | None:
        """End the stream; return the messages that this gives."""

    def snapshot(self) -> Any:
        """Return all state that future output depends on, as a value that can be compared."""


R = TypeVar("R", bound=Resumable)
Text: TypeAlias = bytes | str


class Proof(NamedTuple):
    """What was proved, and how much work it took."""

    chunkings: int
    """The number of ways to cut the text that were proved to say the same."""
    feeds: int
    """The number of pieces that were fed."""


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
    """Prove that every way to cut ``text`` gives the same output and the same final state.

    A text of ``n`` characters can be cut in 2^(n-1) ways, far too many to try. But assume that all ways to cut the
    first ``i`` characters lead to one state, with the same output. If, for every ``i``, each piece ``text[i:j]`` leads
    from that state to the one state at ``j``, with the same output in total, then by induction all ways to cut the
    first ``j`` characters do. That takes n(n+1)/2 pieces.

    The proof relies on the snapshots: two parsers whose snapshots are equal after ``same`` must behave alike from then
    on. It applies to parsers that are restored at each cut; that restoring changes nothing must be tested separately.

    Args:
        parse: returns a new parser.
        restore: returns a parser that continues from a snapshot, without changing the snapshot.
        text: the bytes of a body, or the characters of a text.
        feed: feeds a piece of ``text`` to a parser, and returns its messages.
        same: returns the part of a snapshot that must not depend on the cuts, for example without a count of messages.
        join: joins messages that may be cut anywhere; its own results can be joined with more messages. By default, it
            joins what the messages say, as :func:`read_message` reads it.
        longest: the most characters of a piece, for texts that are too long for all pieces. The proof then covers the
            ways to cut the text in which no piece is longer.

    Returns:
        The number of chunkings, and the number of pieces that were fed.

    Raises:
        LawBroken: a piece leads to another state, or to other output.
        MisuseError: ``longest`` is less than 1.
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
                raise _broken(text, at, to, f"says {found!r}, but its characters one by one say {expected!r}")
            if (other := same(parser.snapshot())) != state:
                raise _broken(text, at, to, f"leads to another state: {_difference(state, other)}")
        ways.append(sum(ways[-longest:]))
    last = restore(states[size][0])
    if (found := join([*told, *(last.close() or ())])) != end:
        raise _broken(text, size, size, f"says {found!r} at the end, but a parser that was not restored says {end!r}")
    return Proof(ways[size], feeds)


def _broken(text: Text, at: int, to: int, what: str) -> LawBroken:
    return LawBroken("every chunking", f"{text[at:to]!r}, from {at} on, {what}", [text[:at], text[at:to]], guilty=2)


def _difference(state: Any, other: Any, place: str = "") -> str:
    """Return the first place where two states differ, with both values."""
    if isinstance(state, dict) and isinstance(other, dict) and state.keys() == other.keys():
        return next(_difference(state[key], other[key], f"{place}/{key}") for key in state if state[key] != other[key])
    if isinstance(state, list) and isinstance(other, list) and len(state) == len(other):
        at = next(at for at in range(len(state)) if state[at] != other[at])
        return _difference(state[at], other[at], f"{place}/{at}")
    return f"{other!r} where there should be {state!r}, at {place or '/'}"
