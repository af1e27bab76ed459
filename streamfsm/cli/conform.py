"""``streamfsm conform``: runs the cases of the conformance suite on a parser in any language."""

import sys
from argparse import Namespace
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from streamfsm.cli.arguments import Commands, count, positive
from streamfsm.cli.files import write
from streamfsm.cli.progress import Progress
from streamfsm.errors import MisuseError, with_extra

if TYPE_CHECKING:
    from streamfsm.conform.facts import Hello
    from streamfsm.conform.program import Limits
    from streamfsm.conform.runner import Outcome


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser(
        "conform",
        help="run the conformance suite on a parser in any language",
        description="Run the cases of the conformance suite, cut in every way, on a parser that a program offers "
        "over a pipe. docs/conformance.md describes the lines of JSON that the program reads and "
        "writes. Exit code 1: the parser breaks a law.",
    )
    option = parser.add_argument
    option(
        "--command",
        metavar="COMMAND",
        dest="program",
        required=True,
        help="the program, for example 'node adapter.mjs'",
    )
    option("--cases", metavar="PATH", type=Path, action="append", help="a file or directory (default: the suite's own)")
    option("--case", metavar="ID", action="append", help="run only this case; * matches anything; repeatable")
    option(
        "--jobs",
        metavar="N",
        type=count,
        default=1,
        help="number of processes of the program (default: %(default)s)",
    )
    option(
        "--timeout",
        metavar="SECONDS",
        type=positive,
        default=10.0,
        help="time to wait for an answer (default: %(default)s)",
    )
    option(
        "--memory",
        metavar="MB",
        type=count,
        default=4096,
        help="memory for each process, on Linux (default: %(default)s)",
    )
    option("--json", metavar="FILE", type=Path, help="write all findings as JSON")
    option("--junit", metavar="FILE", type=Path, help="write them as JUnit XML")
    option("--sarif", metavar="FILE", type=Path, help="write them as SARIF")
    option(
        "--findings",
        metavar="N",
        type=count,
        default=3,
        help="number of findings to show for each law (default: %(default)s)",
    )
    option("--resume", metavar="FILE", type=Path, help="keep outcomes in FILE, and skip those that it already has")
    option = parser.add_mutually_exclusive_group().add_argument
    option("--cut", metavar="CUT", help="use only this cut: 'as sent', whole, 'at PLACE' or 'every SIZE'")
    option("--quick", action="store_true", help="use only the cuts that find most: whole, 'every 1', 'every 3'")
    option("--fuzz", metavar="SECONDS", type=positive, help="run generated cases instead, for this long")
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        default=Path("found.jsonl"),
        help="file to which --fuzz adds the smallest failing cases; run them again with --cases (default: %(default)s)",
    )
    parser.set_defaults(run=_run)


def _run(arguments: Namespace) -> int:
    if find_spec("hypothesis") is None:
        raise MisuseError(f"conform needs hypothesis: {with_extra('testing')}")
    from streamfsm.conform import reports
    from streamfsm.conform.cases import directory, load

    progress = Progress("cases")
    files: list[Path] = arguments.cases or []
    try:
        if arguments.fuzz:
            hello, outcomes = _fuzz(arguments, progress)
            files = [arguments.out]
        else:
            hello, outcomes = _ask(arguments, progress)
    except KeyboardInterrupt:
        print(f"stopped after {progress.done} cases", file=sys.stderr)
        return 130  # the shells' exit code for an interrupt
    print(reports.table(arguments.program, hello, outcomes, arguments.findings, files))
    if arguments.json:
        write(arguments.json, reports.as_json(arguments.program, hello, outcomes, files))
    if arguments.junit:
        write(arguments.junit, reports.junit(arguments.program, hello, outcomes, files))
    if arguments.sarif:
        places = {each.case.id: each for each in (load(files or [directory()]) if outcomes else ())}
        write(arguments.sarif, reports.sarif(arguments.program, hello, outcomes, places, files))
    return 1 if any(outcome.findings for outcome in outcomes) else 0


def _ask(arguments: Namespace, progress: Progress) -> "tuple[Hello, list[Outcome]]":
    """Run the cases of the suite."""
    from streamfsm.conform.cases import directory, load
    from streamfsm.conform.cuts import QUICK, cut
    from streamfsm.conform.runner import run

    cases = load(arguments.cases or [directory()])
    if arguments.case:
        cases = [each for each in cases if any(fnmatchcase(each.case.id, wanted) for wanted in arguments.case)]
    if not cases:
        raise MisuseError(f"no case has the id {' or '.join(arguments.case)}")
    for each in cases if arguments.cut else ():
        cut(each.case, arguments.cut)
    return run(
        arguments.program,
        cases,
        limits=_limits(arguments),
        jobs=arguments.jobs,
        only=QUICK if arguments.quick else arguments.cut and [arguments.cut],
        kept=arguments.resume,
        progress=lambda outcome, of: progress.step(of, broken=bool(outcome.findings)),
    )


def _fuzz(arguments: Namespace, progress: Progress) -> "tuple[Hello, list[Outcome]]":
    """Run generated cases, and add the failing ones to a file."""
    from streamfsm.conform.cases import line, load
    from streamfsm.conform.fuzzing import fuzz

    out: Path = arguments.out
    kept = load([out]) if out.exists() else []
    end = monotonic() + arguments.fuzz
    hello, found = fuzz(
        arguments.program, going=lambda: monotonic() < end, limits=_limits(arguments), progress=progress.step
    )
    known = {each.case.id for each in kept}
    cases = [each.case for each in kept] + [each.case for each in found if each.case.id not in known]
    if found:
        write(out, "".join(map(line, cases)))
    print(f"{progress.done} generated cases run, {len(cases) - len(kept)} written to {out}", file=sys.stderr)
    return hello, [each.outcome for each in found]


def _limits(arguments: Namespace) -> "Limits":
    from streamfsm.conform.program import Limits

    return Limits(seconds=arguments.timeout, megabytes=arguments.memory)
