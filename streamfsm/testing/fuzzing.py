"""Fuzzes a parser with a recorded stream: cut elsewhere, as other servers would send it, or cut off."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.errors import Flaky

from streamfsm.errors import MisuseError
from streamfsm.testing.laws import Logical, check_append_only, check_split_invariance
from streamfsm.testing.parsers import Parse, Read, read_message
from streamfsm.testing.quirks import Quirk, accented
from streamfsm.testing.reports import LawBroken
from streamfsm.testing.responses import responses_faults
from streamfsm.testing.retellings import RETELLINGS
from streamfsm.testing.runs import SECONDS
from streamfsm.testing.smallest import smallest
from streamfsm.testing.strategies import Fault, chunkings, dialects, faults
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
    with_faults: bool = True,
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
        with_faults: whether the stream may also break off, or an error of the server come in it.

    The first half of the examples are chunkings of the recording itself.

    Returns:
        The smallest finding: the fewest atoms of the stream that show it, in the fewest chunks; or ``None``.
        Its report names the quirks and the fault that are not in the recording.

    Raises:
        MisuseError: ``laws`` has an unknown law.
    """
    if unknown := sorted(set(laws) - set(LAWS)):
        raise MisuseError(f"no law is called {', '.join(unknown)}: {', '.join(LAWS)}")
    search = _Search(parse, chunks, random_seed, progress, read, seconds, laws)
    is_responses = any(map(is_event, chunks))
    spoken: st.SearchStrategy[list[Quirk]] = st.just([])
    broken: st.SearchStrategy[Fault | None] = st.none()
    if as_others_send_it:
        spoken = st.lists(st.sampled_from(RETELLINGS), max_size=1) if is_responses else dialects()
    if with_faults or garbage:
        broken |= (responses_faults if is_responses else faults)(garbage=garbage)
    if not (as_others_send_it or with_faults or garbage):
        return search(st.just([]), st.none(), examples, database)
    # What the recording itself shows comes first, or else another finding hides it: the user knows these chunks.
    own = -(-examples // 2)
    return search(st.just([]), st.none(), own, database / "as recorded" if database else None) or search(
        spoken, broken, max(examples - own, 1), database
    )


class _Search(NamedTuple):
    """A search for the smallest finding: the recording, the parser, and what counts."""

    parse: Parse
    chunks: Sequence[Chunk]
    random_seed: int | None
    progress: Callable[[], object]
    read: Read
    seconds: float
    laws: Collection[str]

    def __call__(
        self,
        spoken: st.SearchStrategy[list[Quirk]],
        broken: st.SearchStrategy[Fault | None],
        examples: int,
        database: Path | None,
    ) -> LawBroken | None:
        """Search among the chunkings of the recording with any of these quirks and faults."""
        findings: list[tuple[Stream, LawBroken, list[str], str | None]] = []

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
            self.progress()
            quirks = data.draw(spoken)
            stream = Stream.of(accented(self.chunks, quirks))
            if fault := data.draw(broken):
                stream = fault(stream)
            if finding := self.finding(stream, data.draw(chunkings(stream))):
                findings.append((stream, finding, [quirk.name for quirk in quirks], fault.words if fault else None))
                raise finding

        if self.random_seed is not None:
            attempt = seed(self.random_seed)(attempt)
        try:
            attempt()
        except LawBroken:
            stream, found, quirks, fault = findings[-1]
        except Flaky:  # the same chunks broke a law one time, but not another time
            _, found, quirks, fault = findings[-1]
            return found.with_changes(quirks, fault)
        else:
            return None

        def same_law(plain: list[Chunk], cut: list[Chunk]) -> LawBroken | None:
            self.progress()
            finding = self.finding(plain, cut)
            return finding if finding and finding.law == found.law else None

        most = _HANGS if found.detail.startswith("no answer") else _RUNS
        return (smallest(stream, same_law, most) or found).with_changes(quirks, fault)

    def finding(self, stream: Logical, cut: Sequence[Chunk]) -> LawBroken | None:
        """Return how the parser breaks one of the laws in this chunking of a stream; ``None`` if it does not."""
        parse, _, _, _, read, seconds, laws = self
        try:
            if "split invariance" in laws:
                check_split_invariance(parse, stream, cut, read=read, seconds=seconds)
            check_append_only(parse, stream, cut, read=read, seconds=seconds)
        except LawBroken as finding:
            return finding if finding.law in laws else None
        return None
