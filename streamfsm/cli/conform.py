"""``streamfsm conform``: asks a parser, in any language, the cases of the conformance suite."""

import sys
from argparse import Namespace
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from streamfsm.cli.arguments import Commands, count, positive
from streamfsm.cli.files import write
from streamfsm.cli.terminal import printable_lines
from streamfsm.errors import MisuseError

if TYPE_CHECKING:
    from streamfsm.conform.runner import Outcome


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser(
        "conform",
        help="put the conformance suite to a parser in any language",
        description="Ask a program, over a pipe, what its parser makes of each case of the conformance suite, cut in "
        "every way. docs/conformance.md describes the lines of JSON that the program reads and writes. Exit code 1: it "
        "breaks a law.",
    )
    option = parser.add_argument
    option("--command", metavar="COMMAND", dest="program", required=True, help="the program, as in 'node adapter.mjs'")
    option("--cases", metavar="PATH", type=Path, action="append", help="a file or directory (default: the suite's own)")
    option("--case", metavar="ID", action="append", help="ask only this case; * stands for anything; repeatable")
    option(
        "--jobs",
        metavar="N",
        type=count,
        default=1,
        help="how many processes of the program to run (default: %(default)s)",
    )
    option(
        "--timeout",
        metavar="SECONDS",
        type=positive,
        default=10.0,
        help="how long to wait for an answer (default: %(default)s)",
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
        "--findings", metavar="N", type=count, default=3, help="how many to show for each law (default: %(default)s)"
    )
    option("--resume", metavar="FILE", type=Path, help="keep outcomes in FILE, and skip what is already there")
    option = parser.add_mutually_exclusive_group().add_argument
    option("--cut", metavar="CUT", help="ask only in this cut: 'as sent', whole, 'at PLACE' or 'every SIZE'")
    option("--quick", action="store_true", help="ask only in the cuts that show most: whole, 'every 1', 'every 3'")
    parser.set_defaults(run=_run)


def _run(arguments: Namespace) -> int:
    if find_spec("hypothesis") is None:
        raise MisuseError("conform needs hypothesis: pip install 'streamfsm[testing]'")
    from streamfsm.conform import reports
    from streamfsm.conform.cases import directory, load
    from streamfsm.conform.cuts import QUICK, cut
    from streamfsm.conform.program import Limits
    from streamfsm.conform.runner import run

    cases = load(arguments.cases or [directory()])
    if arguments.case:
        cases = [each for each in cases if any(fnmatchcase(each.case.id, wanted) for wanted in arguments.case)]
    if not cases:
        raise MisuseError(f"no case is called {' or '.join(arguments.case)}")
    for each in cases if arguments.cut else ():
        cut(each.case, arguments.cut)
    progress = _Progress()
    try:
        hello, outcomes = run(
            arguments.program,
            cases,
            limits=Limits(seconds=arguments.timeout, megabytes=arguments.memory),
            jobs=arguments.jobs,
            only=QUICK if arguments.quick else arguments.cut and [arguments.cut],
            kept=arguments.resume,
            progress=progress.step,
        )
    except KeyboardInterrupt:
        print(f"stopped after {progress.done} cases", file=sys.stderr)
        return 130  # as shells count an interrupt
    print(printable_lines(reports.table(arguments.program, hello, outcomes, arguments.findings)))
    if arguments.json:
        write(arguments.json, reports.as_json(arguments.program, hello, outcomes))
    if arguments.junit:
        write(arguments.junit, reports.junit(arguments.program, hello, outcomes))
    if arguments.sarif:
        places = {each.case.id: each for each in cases}
        write(arguments.sarif, reports.sarif(arguments.program, hello, outcomes, places))
    return 1 if any(outcome.findings for outcome in outcomes) else 0


class _Progress:
    """Tells, every two seconds, how far a run has come."""

    def __init__(self) -> None:
        self.done = self._broken = 0
        self._next = monotonic() + 2
        self._lock = Lock()

    def step(self, outcome: "Outcome", cases: int) -> None:
        """One more of so many cases."""
        with self._lock:
            self.done += 1
            self._broken += bool(outcome.findings)
            if monotonic() >= self._next:
                self._next = monotonic() + 2
                bar = "#" * (20 * self.done // cases)
                print(f"[{bar:<20}] {self.done} of {cases}, {self._broken} broken", file=sys.stderr, flush=True)
