"""Runs every case in every cut on a program, and collects the findings."""

import json
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from streamfsm.conform.cases import Case, Located
from streamfsm.conform.cuts import AS_SENT, Cut, cut, cuts
from streamfsm.conform.facts import Answer, Hello, Strict
from streamfsm.conform.judge import Law, differs, judge, laws_of
from streamfsm.conform.program import Failure, Limits, Program
from streamfsm.errors import MisuseError
from streamfsm.testing.smallest import smallest
from streamfsm.testing.streams import Stream

_RUNS = 200
"""The most runs for reducing a finding."""


class Finding(Strict):
    """A law that a parser breaks in a case."""

    law: Law
    case: str
    cut: str
    """How the events were cut: ``as sent``, ``whole``, ``at PLACE`` or ``every SIZE``."""
    detail: str
    """The correct facts, or the answer to the events as sent, → the answer."""
    events: tuple[Any, ...]
    """The smallest events found that break the law."""
    than: tuple[Any, ...] | None = None
    """For the law ``split``: other events of the same response, which get another answer."""
    cuts: int = 1
    """The number of the case's cuts that broke the law."""
    again: bool = True
    """Whether another process broke the same law."""


class Outcome(Strict):
    """The outcome of one case."""

    case: str
    digest: str
    laws: tuple[Law, ...]
    """The laws on which the parser was judged."""
    runs: int
    findings: tuple[Finding, ...]


class Pair(NamedTuple):
    """Two processes of a program: one runs the cases, and the other confirms findings."""

    program: Program
    witness: Program


def examine(pair: Pair, hello: Hello, case: Case, digest: str = "", only: Collection[str] | None = None) -> Outcome:
    """Run one case as sent and in all cuts, or only in the cuts named in ``only``."""
    ways = [way for way in cuts(case) if only is None or way[0] in only]
    found, runs = seen(pair.program, hello, case, ways)
    found = [_smaller(pair.program, hello, case, each) if each.law == "split" else each for each in found]
    found = [each.model_copy(update={"again": _again(pair.witness, hello, case, each)}) for each in found]
    laws = tuple(sorted(laws_of(case, hello.claims)))
    return Outcome(case=case.id, digest=digest, laws=laws, runs=runs, findings=tuple(found))


def seen(program: Program, hello: Hello, case: Case, ways: Iterable[Cut]) -> tuple[list[Finding], int]:
    """Return the findings of a program in a case, as sent and in these cuts, and the number of runs."""
    runs, found, split, splits = 1, list[Finding](), None, 0
    first = _read(program, case, list(case.events))
    if isinstance(first, str):
        return [_finding("total", case, AS_SENT, first, case.events)], runs
    found += [_finding(law, case, AS_SENT, why, case.events) for law, why in judge(case, hello.claims, first)]
    for name, make in ways:
        events = make()
        answer = _read(program, case, events)
        runs += 1
        if isinstance(answer, str):
            found.append(_finding("total", case, name, answer, events))
            break
        if why := differs(case, hello.claims, first, answer):
            splits += 1
            finding = _finding("split", case, name, why, events)
            split = finding if split is None or len(events) < len(split.events) else split
    if split:
        found.append(split.model_copy(update={"cuts": splits}))
    return found, runs


def _finding(law: Law, case: Case, name: str, detail: str, events: Sequence[Any]) -> Finding:
    return Finding(law=law, case=case.id, cut=name, detail=detail, events=tuple(events))


def _read(program: Program, case: Case, events: list[Any]) -> Answer | str:
    """Return the program's answer, or how it failed."""
    try:
        return program.read(case.wire, events)
    except Failure as failure:
        return str(failure)


def _smaller(program: Program, hello: Hello, case: Case, finding: Finding) -> Finding:
    """Return the finding with the smallest part of the response that shows it."""

    def breaks(one: list[Any], other: list[Any]) -> Finding | None:
        first, second = (_read(program, case, events) for events in (one, other))
        if isinstance(first, str) or isinstance(second, str) or differs(case, hello.claims, first, second) is None:
            return None
        return finding.model_copy(update={"than": tuple(one), "events": tuple(other)})

    found = smallest(Stream.of(case.events), breaks, _RUNS)
    return found or finding.model_copy(update={"than": case.events})


def _again(program: Program, hello: Hello, case: Case, finding: Finding) -> bool:
    """Whether another process breaks the same law."""
    first = _read(program, case, list(case.events))
    if finding.law == "split":
        other = _read(program, case, cut(case, finding.cut))
        same = not isinstance(first, str) and not isinstance(other, str)
        return same and differs(case, hello.claims, first, other) is not None  # type: ignore[arg-type]
    if finding.cut != AS_SENT:
        first = _read(program, case, cut(case, finding.cut))
    if isinstance(first, str):
        return finding.law == "total"
    return finding.law in [law for law, _ in judge(case, hello.claims, first)]


def asked(hello: Hello, cases: Iterable[Located]) -> list[Located]:
    """Return the cases of the parser's wires whose needs it claims."""
    return [each for each in cases if each.case.wire in hello.wires and hello.claims.issuperset(each.case.needs)]


def run(
    command: str,
    cases: Sequence[Located],
    *,
    limits: Limits = Limits(),  # noqa: B008 - immutable
    jobs: int = 1,
    only: Collection[str] | None = None,
    kept: Path | None = None,
    progress: Callable[[Outcome, int], object] = lambda *_: None,
) -> tuple[Hello, list[Outcome]]:
    """Run all cases on a program, in as many of its processes as there are ``jobs``.

    Args:
        command: the program under test.
        cases: see :func:`streamfsm.conform.cases.load`.
        limits: the limits of time and memory.
        jobs: the number of cases that run at once.
        only: the names of cuts to run besides the events as sent; ``None``: all.
        kept: a file to which each outcome is appended. Cases with an outcome in it are not run again.
        progress: called with each outcome and the total number of cases.

    Returns:
        The program's answer to ``hello``, and the outcomes in the order of the cases.

    Raises:
        MisuseError: the program does not start, or does not answer ``hello``; or ``kept`` cannot be read.
    """
    idle: SimpleQueue[Pair] = SimpleQueue()
    pairs = [Pair(Program(command, limits), Program(command, limits)) for _ in range(jobs)]
    try:
        hello = pairs[0].program.hello()
        for pair in pairs:
            idle.put(pair)
        wanted = asked(hello, cases)
        key = [command, sorted(only or ())]
        done = dict(_kept(kept, key)) if kept and kept.exists() else {}

        def one(each: Located) -> Outcome:
            if known := done.get(each.digest):
                progress(known, len(wanted))
                return known
            pair = idle.get()
            try:
                outcome = examine(pair, hello, each.case, each.digest, only)
            finally:
                idle.put(pair)
            if kept:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"asked": key, **outcome.model_dump()}) + "\n")
            progress(outcome, len(wanted))
            return outcome

        with ThreadPoolExecutor(jobs) as pool:
            try:
                return hello, list(pool.map(one, wanted))
            except BaseException:  # an interrupt too
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        for program in chain.from_iterable(pairs):
            program.close()


def _kept(file: Path, key: list[Any]) -> Iterator[tuple[str, Outcome]]:
    """Yield the outcomes kept by an earlier run of the same command in the same cuts."""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
            if record.pop("asked") == key:
                outcome = Outcome.model_validate(record)
                yield outcome.digest, outcome
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # noqa: PERF203 - for the line number
            raise MisuseError(f"{file}:{number}: not an outcome of an earlier run") from error


def repeat(command: str, finding: Finding, files: Sequence[Path] = ()) -> str:
    """Return the shell command that repeats a finding with a case from these files, by default the suite's own."""
    cases = [part for path in files for part in ("--cases", str(path))]
    cut = [] if finding.cut == AS_SENT else ["--cut", finding.cut]
    return shlex.join(["streamfsm", "conform", "--command", command, *cases, "--case", finding.case, *cut])
