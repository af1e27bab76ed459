"""``streamfsm record``: a local proxy that forwards requests to a server, and records its answers."""

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
        help="record the answers of a server, as a proxy in front of it",
        description="Run a local proxy that records each answer of a server in a file of its own. Use the printed "
        "URL as the base URL of your client. Headers are not recorded, and therefore no API keys.",
    )
    option = parser.add_argument
    option("directory", metavar="DIR", type=Path, help="where to write the recordings: 0001.jsonl and so on")
    option(
        "--to",
        metavar="URL",
        default=environ.get("OPENAI_BASE_URL", _OPENAI),
        help="the server to forward requests to (default: %(default)s)",
    )
    option("--port", metavar="N", type=int, default=0, help="port to listen on (default: any free one)")
    option(
        "--budget",
        metavar="BYTES",
        type=count,
        default=BUDGET,
        help="maximum size of a recording (default: %(default)s)",
    )
    parser.set_defaults(run=_run)


def _run(arguments: Namespace) -> int:
    try:
        arguments.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MisuseError(f"{arguments.directory}: {error.strerror}") from error
    respond = recording_relay(arguments.to, arguments.directory, budget=arguments.budget)
    with loopback.serve(respond, port=arguments.port) as url:
        print(printable(f"{url} forwards to {arguments.to}, and records into {arguments.directory}"), flush=True)
        wait()
    return 0
