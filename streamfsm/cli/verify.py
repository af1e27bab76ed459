"""``streamfsm verify``: checks the order of a recorded stream's events."""

import json
from argparse import Namespace
from collections.abc import Callable, Sequence

from streamfsm.cli.arguments import Commands
from streamfsm.cli.files import read_text, source
from streamfsm.cli.terminal import printable, printable_json
from streamfsm.replay.verdicts import Verdict, sarif, verdict
from streamfsm.sinks import GRAMMARS

_FORMATS: dict[str, Callable[[Sequence[Verdict]], str]] = {
    "text": lambda found: "\n".join(printable(str(each)) for each in found),
    "json": lambda found: "\n".join(printable_json(json.dumps(each.as_json())) for each in found),
    "sarif": lambda found: "\n".join(map(printable_json, json.dumps(sarif(found), indent=2).split("\n"))),
}


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser(
        "verify",
        help="check recorded streams against the grammar of their protocol",
        description="Check recorded streams, by any program, against the grammar of their protocol. For each "
        "stream that breaks it, the command prints the first illegal event, with its line and what "
        "would have been legal, and the exit code is 1.",
    )
    option = parser.add_argument
    option(
        "files",
        metavar="FILE",
        type=source,
        nargs="+",
        help="server-sent events, a JSON list, or one JSON value per line; - is standard input",
    )
    option("--wire", choices=GRAMMARS, required=True, help="the protocol of the streams")
    option("--format", choices=_FORMATS, default="text", help="format of the report (default: %(default)s)")
    parser.set_defaults(run=_run)


def _run(arguments: Namespace) -> int:
    grammar = GRAMMARS[arguments.wire]
    found = [verdict(file.as_posix(), read_text(file), grammar) for file in arguments.files]
    print(_FORMATS[arguments.format](found), flush=True)
    return int(any(each.violation for each in found))
