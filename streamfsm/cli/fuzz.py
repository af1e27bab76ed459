"""``streamfsm fuzz``: searches for a chunking of a recorded stream that a parser reads wrongly."""

import sys
from argparse import Namespace
from importlib import import_module
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, uuid5

from streamfsm.cli.arguments import Commands, count, positive
from streamfsm.cli.files import check_size, check_target, read_body, source, write
from streamfsm.cli.progress import Progress
from streamfsm.cli.terminal import printable, printable_lines
from streamfsm.errors import MisuseError, with_extra
from streamfsm.replay import capture

if TYPE_CHECKING:
    from streamfsm.testing import LawBroken, Parse

_MOST = 1 << 16  # characters of text: each may become a chunk, several times per example


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser(
        "fuzz",
        help="search for a way to cut a recorded stream that makes a parser fail",
        description="Cut a recorded stream in many ways, then also break it off and imitate other servers, and compare "
        "the parser's output for each. If a law is broken, the command prints the fewest chunks that break it and what "
        "was done to the recording, and the exit code is 1.",
    )
    option = parser.add_argument
    option(
        "file",
        metavar="FILE.sse",
        type=source,
        help="a recording, or a body of server-sent events; - is standard input",
    )
    option(
        "--parser",
        metavar="MODULE:FACTORY",
        help="factory of the parser to test, which must have feed(chunk) and close() (default: streamfsm's parser)",
    )
    option("--examples", metavar="N", type=count, default=1000, help="number of variants to try (default: %(default)s)")
    option(
        "--seed",
        metavar="S",
        type=int,
        help="try the same variants each time (default: earlier findings, then new ones)",
    )
    disturbed = parser.add_mutually_exclusive_group().add_argument
    disturbed("--garbage", action="store_true", help="also send objects that are not chunks")
    disturbed("--no-faults", action="store_true", help="do not break the stream off, and send no errors")
    option("--laws", metavar="LAW,…", help="check only these: split-invariance, append-only, total (default: all)")
    option("--no-dialects", action="store_true", help="do not imitate other servers")
    option(
        "--timeout",
        metavar="SECONDS",
        type=positive,
        default=5.0,
        help="time after which the parser counts as hanging (default: %(default)s)",
    )
    option(
        "--out",
        metavar="FILE",
        type=Path,
        default=Path("finding.sse"),
        help="where to write a finding (default: %(default)s)",
    )
    option(
        "--database",
        metavar="DIR",
        type=Path,
        default=Path(".hypothesis/streamfsm"),
        help="where to keep findings, with which the next run starts (default: %(default)s)",
    )
    parser.set_defaults(run=_run)


def _run(arguments: Namespace) -> int:
    if find_spec("hypothesis") is None:
        raise MisuseError(f"fuzz needs hypothesis: {with_extra('testing')}")
    from streamfsm.testing import OwnProcess, TracedParser, fuzz
    from streamfsm.testing.fuzzing import LAWS
    from streamfsm.testing.worker import AVAILABLE

    body = read_body(arguments.file)
    chunks = capture.chunks(body)
    if not chunks:
        raise MisuseError(f"{arguments.file}: the file contains no JSON, so there is nothing to cut")
    check_size(arguments.file, chunks, _MOST)
    if not arguments.out.parent.is_dir():  # check before the search, not after it
        raise MisuseError(f"{arguments.out}: No such file or directory")
    check_target(arguments.out, arguments.file)
    parse: Parse = _factory(arguments.parser) if arguments.parser else TracedParser
    if AVAILABLE:
        parse = OwnProcess(parse)
    progress = Progress("examples")
    try:
        finding = fuzz(
            parse,
            chunks,
            examples=arguments.examples,
            random_seed=arguments.seed,
            # Hypothesis stores choices, which are valid only for the same stream, parser and options.
            database=arguments.database
            / uuid5(
                NAMESPACE_OID,
                f"{arguments.parser} {arguments.laws} {arguments.no_dialects} {arguments.no_faults} {body}",
            ).hex,
            progress=lambda: progress.step(arguments.examples),
            garbage=arguments.garbage,
            laws=_laws(arguments.laws) if arguments.laws else LAWS,
            as_others_send_it=not arguments.no_dialects,
            with_faults=not arguments.no_faults,
            seconds=arguments.timeout,
        )
    except KeyboardInterrupt:
        print(f"stopped after {progress.done} examples; findings are kept for the next run", file=sys.stderr)
        return 130  # the shells' exit code for an interrupt
    if finding is None:
        print(f"nothing found in {progress.done} examples")
        return 0
    report = printable_lines("\n\n".join([str(finding), *_left_out(finding)]))
    comment = "".join(f": {line}\n" for line in report.split("\n"))
    write(arguments.out, comment + "\n" + capture.body(finding.chunks))
    print(f"{report}\n\nwritten to {printable(str(arguments.out))}")
    return 1


def _left_out(finding: "LawBroken") -> list[str]:
    """Which options leave out what is not in the recording."""
    options = [
        *(["--no-dialects does not imitate other servers"] if finding.quirks else []),
        *(["--no-faults, without --garbage, leaves out faults"] if finding.fault else []),
    ]
    return ["; ".join(options)] if options else []


def _laws(names: str) -> list[str]:
    """Return the names of laws as in reports; on the command line, a name of two words has a hyphen."""
    return [{"split-invariance": "split invariance"}.get(name, name) for name in names.split(",")]


def _factory(spec: str) -> "Parse":
    """Return the parser's factory: ``spec`` is a module that can be imported from here, and a name in it."""
    module, _, name = spec.partition(":")
    sys.path.insert(0, "")  # as ``python -m`` does
    try:
        factory: Parse = attrgetter(name)(import_module(module))
    except KeyboardInterrupt:
        raise
    except (ImportError, AttributeError, ValueError) as error:
        raise MisuseError(f"--parser {spec}: {error}; expected MODULE:FACTORY") from error
    except BaseException as error:  # raised by the module; it may even be SystemExit
        raise MisuseError(f"--parser {spec}: {module} raised {error!r}") from error
    finally:
        sys.path.remove("")
    if not callable(factory):
        raise MisuseError(f"--parser {spec}: {factory!r} is neither a function nor a class")
    return factory
