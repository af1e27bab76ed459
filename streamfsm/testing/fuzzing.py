"""Fuzzes a parser with a recorded stream: cut elsewhere, as other servers would send it, or cut off."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.errors import Flaky

from streamfsm.errors import MisuseError
from streamfsm.testing.laws import Logical, check_append_only, check_split_invariance
from streamfsm.testing.parsers import Parse, Read, read_message
from streamfsm.testing.quirks import accented
from streamfsm.testing.reports import LawBroken
from streamfsm.testing.responses import responses_faults
from streamfsm.testing.retellings import RETELLINGS
from streamfsm.testing.runs import SECONDS
from streamfsm.testing.smallest import smallest
from streamfsm.testing.strategies import chunkings, dialects, faults
from streamfsm.testing.streams import Stream
from streamfsm.wires.chat.chunking import Chunk
from streamfsm.wires.responses.chunking import is_event

LAWS = ("split invariance", "append-only", "total")
"""The laws that fuzzing a recorded stream checks."""

_RUNS, _HANGS = 1000, 20
"""The most runs to make a finding smaller; fewer if each run hangs until the time is up."""


def fuzz(
    parse: Parse,
    chunks: Sequence[Chunk],
    *,
    examples: int = 1000,
    random_seed: int | None = None,
    database: Path | None = None,
    garbage: bool = False,
    progress: Callable[[], object] = lambda: None,
    read: Read = read_message,
    seconds: float = SECONDS,
    laws: Collection[str] = LAWS,
    as_others_send_it: bool = True,
) -> LawBroken | None:
    """Search for a chunking of a recorded stream, or of what its server might have sent, that breaks a law.

    Args:
        parse: returns a new parser.
        chunks: the recorded stream.
        examples: the number of examples to try.
        random_seed: equal seeds try the same examples, whatever the database holds; ``None``: other ones each time.
        database: a directory that keeps failing examples; a later run tries them first, and makes them smaller.
        garbage: whether to send garbage chunks too. A parser behind a client that checks chunks need not survive them.
        progress: called before each example, also while a finding is made smaller.
        read: returns what a message says.
        seconds: the time after which the parser counts as hanging.
        laws: those of :data:`LAWS` that the parser must keep; violations of others are ignored.
        as_others_send_it: whether to send the stream also as other servers would. A parser for one server need not read
            that.

    Returns:
        The smallest finding: the fewest atoms of the stream that show it, in the fewest chunks; or ``None``.

    Raises:
        MisuseError: ``laws`` has an unknown law.
    """
    if unknown := sorted(set(laws) - set(LAWS)):
        raise MisuseError(f"no law is called {', '.join(unknown)}: {', '.join(LAWS)}")
    findings: list[tuple[Stream, LawBroken]] = []
    spoken, broken = dialects(), faults(garbage=garbage)
    if any(map(is_event, chunks)):
        spoken, broken = st.lists(st.sampled_from(RETELLINGS), max_size=1), responses_faults(garbage=garbage)

    if not as_others_send_it:
        spoken = st.just([])

    @settings(
        max_examples=examples,
        database=DirectoryBasedExampleDatabase(database) if database else None,
        deadline=None,
        phases=set(Phase) - {Phase.explain},  # it would explain lines of this module
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @given(st.data())
    def attempt(data: st.DataObject) -> None:
        progress()
        stream = Stream.of(accented(chunks, data.draw(spoken)))
        if fault := data.draw(st.none() | broken):
            stream = fault(stream)
        if finding := _broken(parse, stream, data.draw(chunkings(stream)), laws=laws, read=read, seconds=seconds):
            findings.append((stream, finding))
            raise finding

    if random_seed is not None:
        attempt = seed(random_seed)(attempt)
    try:
        attempt()
    except LawBroken:
        stream, found = findings[-1]
    except Flaky:  # the same chunks broke a law one time, but not another time
        return findings[-1][1]
    else:
        return None

    def same_law(plain: list[Chunk], cut: list[Chunk]) -> LawBroken | None:
        progress()
        finding = _broken(parse, plain, cut, laws=laws, read=read, seconds=seconds)
        return finding if finding and finding.law == found.law else None

    return smallest(stream, same_law, _HANGS if found.detail.startswith("no answer") else _RUNS) or found


def _broken(
    parse: Parse, stream: Logical, cut: Sequence[Chunk], *, laws: Collection[str], read: Read, seconds: float
) -> LawBroken | None:
    """Return how a parser breaks one of the laws in this chunking of a stream; ``None`` if it does not."""
    try:
        if "split invariance" in laws:
            check_split_invariance(parse, stream, cut, read=read, seconds=seconds)
        check_append_only(parse, stream, cut, read=read, seconds=seconds)
    except LawBroken as finding:
        return finding if finding.law in laws else None
    return None
