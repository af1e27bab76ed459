"""``streamfsm record``: a server on this machine that passes requests on to another, and records its answers."""

from argparse import Namespace
from os import environ
from pathlib import Path

from streamfsm.cli.arguments import Commands, count, wait
from streamfsm.cli.terminal import printable
from streamfsm.errors import MisuseError
from streamfsm.replay import loopback
from streamfsm.replay.recorder import BUDGET
from streamfsm.replay.relay import recording_relay

_OPENAI = "https://api.openai.com/v1"


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser(
        "record",
        help="record what a server answers to a client",
        description="Pass on what a client asks of this machine, and record each answer into a file of its own. Give "
        "the client the URL that is printed as its base URL. Headers, and so keys, are not recorded.",
    )
    option = parser.add_argument
    option("directory", metavar="DIR", type=Path, help="for the recordings: 0001.jsonl and so on")
    option(
        "--to", metavar="URL", default=environ.get("OPENAI_BASE_URL", _OPENAI), help="the server (default: %(default)s)"
    )
    option("--port", metavar="N", type=int, default=0, help="default: any that is free")
    option("--budget", metavar="BYTES", type=count, default=BUDGET, help="largest file (default: %(default)s)")
    parser.set_defaults(run=_run)


def _run(arguments: Namespace) -> int:
    try:
        arguments.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MisuseError(f"{arguments.directory}: {error.strerror}") from error
    respond = recording_relay(arguments.to, arguments.directory, budget=arguments.budget)
    with loopback.serve(respond, port=arguments.port) as url:
        print(printable(f"{url} passes on to {arguments.to}, and records into {arguments.directory}"), flush=True)
        wait()
    return 0
