"""Generates cases, runs them on a program, and reduces those that fail, as long as there is time."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from streamfsm.conform.cases import Case, line
from streamfsm.conform.composing import RESPONSES_ENDINGS, Said, composed, opened, responded, told
from streamfsm.conform.cuts import cuts
from streamfsm.conform.facts import Hello, Wire
from streamfsm.conform.judge import Claims
from streamfsm.conform.program import Limits, Program
from streamfsm.conform.runner import Finding, Outcome, Pair, examine, seen
from streamfsm.testing.quirks import accented
from streamfsm.testing.retellings import RETELLINGS
from streamfsm.testing.strategies import (
    ERRORS,
    arguments,
    damaged_arguments,
    dialects,
    faults_with,
    logical_streams,
    texts,
)
from streamfsm.testing.streams import Stream

_ROUND = 100
"""The examples of a round, which finds at most one violation."""
_QUIET = 2
"""The rounds without a finding after which the other wire is tried."""
_NAMES = st.sampled_from(["f", "search", "get"])
_ARGUMENTS = arguments() | damaged_arguments()
_WHY = "Generated: not one of the suite's cases."


class Found(NamedTuple):
    """A case in which a law is broken, and its outcome."""

    case: Case
    outcome: Outcome


Sort: TypeAlias = tuple[str, str]
"""What distinguishes violations: the law, and the first words of the detail."""


def fuzz(
    command: str,
    *,
    going: Callable[[], bool],
    limits: Limits = Limits(),  # noqa: B008 - immutable
    random_seed: int | None = None,
    progress: Callable[[], object] = lambda: None,
) -> tuple[Hello, list[Found]]:
    """Run generated cases on a program until the time is up.

    Args:
        command: the program under test.
        going: returns whether there is time left. After that, findings are not reduced any further.
        limits: the limits of time and memory.
        random_seed: the same seed generates the same cases, if the program's answers and the loaded modules are the
            same (Hypothesis takes constants from them); ``None``: a random one.
        progress: called before each case is run.

    Returns:
        The program's answer to ``hello``, and the smallest case for each violation.

    Raises:
        MisuseError: the program does not start, or does not answer ``hello``.
    """
    pair = Pair(Program(command, limits), Program(command, limits))
    try:
        hello = pair.program.hello()
        search = _Search(pair.program, hello, going, progress)
        found: dict[str, Found] = {}
        rounds = 0
        while going():
            for wire in sorted(hello.wires):
                quiet = 0
                while quiet < _QUIET and going():
                    rounds += 1
                    number = None if random_seed is None else random_seed + rounds
                    case = search.round(wire, number)
                    if case is None:
                        quiet += 1
                    else:
                        found[case.id] = Found(case, examine(pair, hello, case))
                        search.known |= {_sort(each) for each in found[case.id].outcome.findings}
        return hello, list(found.values())
    finally:
        for program in pair:
            program.close()


class _TimeIsUp(BaseException):
    """Ends a round. It is not an ``Exception``, which Hypothesis would count as a failure of the case."""


@dataclass
class _Search:
    """Searches for cases with new violations."""

    program: Program
    hello: Hello
    going: Callable[[], bool]
    progress: Callable[[], object]
    known: set[Sort] = field(default_factory=set)

    def round(self, wire: Wire, random_seed: int | None) -> Case | None:
        """Return the smallest case found, and count its violations as known from then on."""
        broken: list[tuple[int, Case, set[Sort]]] = []

        @settings(
            max_examples=_ROUND,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        )
        @given(st.data())
        def attempt(data: st.DataObject) -> None:
            case = data.draw(_CASES[wire](self.hello.claims))
            whole, *others = [*cuts(case)]
            drawn = data.draw(st.sets(st.integers(0, len(others) - 1), max_size=3)) if others else ()
            if not self.going():
                raise _TimeIsUp
            self.progress()
            findings, _ = seen(self.program, self.hello, case, [whole, *(others[at] for at in sorted(drawn))])
            new = {_sort(each) for each in findings} - self.known
            if broken:  # keep the same violation while reducing
                new &= broken[0][2]
            if new:
                broken.append((len(line(case)), case, new))
                raise AssertionError

        with suppress(AssertionError, Flaky, _TimeIsUp):
            (attempt if random_seed is None else seed(random_seed)(attempt))()
        if not broken:
            return None
        _, case, new = min(broken, key=lambda each: each[0])
        self.known |= new
        return _named(case, min(new)[0])


def _named(case: Case, law: str) -> Case:
    digest = sha256(line(case).encode()).hexdigest()[:8]
    return case.model_copy(update={"id": f"found/{law}-{digest}"})


def _sort(finding: Finding) -> Sort:
    words = finding.detail.partition("→")[0].partition(":")[0]
    return finding.law, re.sub(r"[\d']+", "", words)


# -- generating --------------------------------------------------------------------------------------------------------


@st.composite
def _chat(draw: st.DrawFn, claims: Claims) -> Case:
    fields = ["reasoning", "content", *(["refusal"] if "refusal" in claims else [])]
    stream = draw(
        logical_streams(
            arguments=_ARGUMENTS,
            names=_NAMES,
            texts=texts(),
            fields=fields,
            max_choices=2 if "choices" in claims else 1,
        )
    )
    stream = Stream([*stream.atoms], cut_names=False)
    ending: str | None = ""
    fault = draw(st.none() | faults_with(ERRORS, None))
    if fault and not any(atom.kind in ("finish", "usage") for atom in stream.atoms):
        stream, ending = fault(stream), "failed" if fault.sort == "error" else ""
    if len({atom.choice for atom in stream.atoms if atom.choice is not None}) > 1:
        ending = ending or None  # choices may end differently
    plain = opened(stream).plain()
    quirks = draw(dialects())
    events = accented(plain, quirks)
    said = composed(
        "found/case",
        f"{_WHY} {'; '.join(quirk.name for quirk in quirks)}".strip(),
        stream,
        title="A generated response",
        law="texts" if events == plain else "dialects",
        events=events,
        ending=ending,
    )
    return Case.model_validate(said)


@st.composite
def _responses(draw: st.DrawFn, claims: Claims) -> Case:
    whole = texts().filter(bool)
    kinds = [
        st.tuples(st.sampled_from(["content", "reasoning"]), whole),
        st.tuples(st.just("call"), _NAMES, _ARGUMENTS),
        st.tuples(st.just("custom"), _NAMES, whole),
    ]
    said: Said = draw(st.lists(st.one_of(kinds[: 3 if "custom_tools" in claims else 2]), max_size=4))
    end = draw(st.sampled_from(list(RESPONSES_ENDINGS)))
    plain = told(said, end)
    retelling = draw(st.lists(st.sampled_from(RETELLINGS), max_size=1))
    events = accented(plain, retelling)
    case = responded(
        "found/case",
        f"{_WHY} {'; '.join(each.name for each in retelling)}".strip(),
        said,
        end=end,
        title="A generated response",
        law="texts" if events == plain else "dialects",
        events=events,
    )
    return Case.model_validate(case)


_CASES: dict[Wire, Callable[[Claims], st.SearchStrategy[Case]]] = {"chat": _chat, "responses": _responses}
