"""Fuzzing a parser with a recorded stream: cut elsewhere, as other servers would send it, or broken off."""

from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.errors import Flaky

from streamfsm.testing.laws import check_append_only, check_split_invariance
from streamfsm.testing.parsers import Parse, Read, read_message
from streamfsm.testing.quirks import accented
from streamfsm.testing.reports import LawBroken
from streamfsm.testing.responses import responses_faults
from streamfsm.testing.retellings import RETELLINGS
from streamfsm.testing.runs import SECONDS
from streamfsm.testing.strategies import chunkings, dialects, faults
from streamfsm.testing.streams import Stream
from streamfsm.wires.chat.chunking import Chunk
from streamfsm.wires.responses.chunking import is_event


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
) -> LawBroken | None:
    """Look for a chunking of a recorded stream, or of what its server might have sent, that breaks a law.

    Args:
        parse: makes the parser.
        chunks: the recorded stream.
        examples: how many examples to try.
        random_seed: the same seed tries the same examples, whatever the database holds; ``None``: others each time.
        database: a directory that keeps failing examples, which a later run tries first, and makes smaller.
        garbage: whether garbage chunks come too. A parser behind a client that checks chunks need not survive them.
        progress: called before each example, also while a finding is made smaller.
        read: returns what a message says.
        seconds: time after which the parser counts as hanging.

    Returns:
        The smallest finding, or ``None``.
    """
    findings: list[LawBroken] = []
    spoken, broken = dialects(), faults(garbage=garbage)
    if any(map(is_event, chunks)):
        spoken, broken = st.lists(st.sampled_from(RETELLINGS), max_size=1), responses_faults(garbage=garbage)

    @settings(
        max_examples=examples,
        database=DirectoryBasedExampleDatabase(database) if database else None,
        deadline=None,
        phases=set(Phase) - {Phase.explain},  # which explains lines of this module
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
        try:
            cut = data.draw(chunkings(stream))
            check_split_invariance(parse, stream, cut, read=read, seconds=seconds)
            check_append_only(parse, stream, cut, read=read, seconds=seconds)
        except LawBroken as finding:
            findings.append(finding)
            raise

    if random_seed is not None:
        attempt = seed(random_seed)(attempt)
    try:
        attempt()
    except LawBroken as finding:
        return finding
    except Flaky:  # the same chunks broke a law once, and did not another time
        return findings[-1]
    return None
