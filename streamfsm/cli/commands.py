"""The command line: runs the command that is named in the arguments."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn, cast

from streamfsm.cli import conform, diagram, fuzz, record, replay, scrub, serve, trace, verify
from streamfsm.cli.terminal import printable
from streamfsm.errors import MisuseError

_COMMANDS = (replay, record, scrub, serve, trace, verify, fuzz, conform, diagram)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv``, by default the arguments of the process.

    Returns:
        The exit code. 0: success. 1: the replayed stream failed, compared streams differ, fuzzing or verifying found
        something, or a scrubbed recording is read differently. 2: the command cannot work, for example because a
        recording is of another protocol; a line on stderr gives the reason.

    Raises:
        SystemExit: the arguments ask for help or the version (code 0), or are invalid (code 2).
    """
    arguments = _parser().parse_args(argv)
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        reconfigure(encoding="utf-8")  # models write any character, and the locale may lack some
    try:
        return cast("int", arguments.run(arguments))
    except MisuseError as error:
        print(f"streamfsm: {printable(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has closed it, as ``head`` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # receives what is flushed at exit
        return 1
    except OSError as error:  # such as a full disk
        print(f"streamfsm: {printable(str(error))}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2


_DESCRIPTION = (
    "Show, record, replay and test the token streams of language models, read as typed messages by state machines."
)
_EPILOG = "streamfsm COMMAND --help explains a command."


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(printable(message))  # it quotes arguments, such as names of files


def _parser() -> ArgumentParser:
    parser = _Parser(prog="streamfsm", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"streamfsm {version('streamfsm')}")
    commands = parser.add_subparsers(dest="command", required=True, title="commands", metavar="COMMAND")
    for command in _COMMANDS:
        command.declare(commands)
    return parser
