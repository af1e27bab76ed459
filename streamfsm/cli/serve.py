"""``streamfsm serve``: an OpenAI-compatible server that plays recordings, for tests of clients."""

from argparse import ArgumentTypeError, Namespace
from pathlib import Path

from streamfsm.cli.arguments import Commands, positive, wait
from streamfsm.cli.files import read_recording
from streamfsm.cli.terminal import printable
from streamfsm.errors import MisuseError
from streamfsm.replay import loopback
from streamfsm.replay.server import FAULT_HEADER, Fault, playing


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser(
        "serve",
        help="play recordings as an OpenAI-compatible server",
        description="Run a local server that answers requests for Chat Completions and Responses with recordings. "
        "The model of a request selects a recording by its file name without the extension. The header "
        f"{FAULT_HEADER} of a request injects a fault.",
    )
    option = parser.add_argument
    option("files", metavar="FILE", nargs="+", type=Path, help="a recording, or a body of server-sent events")
    option("--port", metavar="N", type=int, default=0, help="port to listen on (default: any free one)")
    option(
        "--speed", metavar="N", type=positive, help="1 is the recorded pace, 2 is twice as fast (default: all at once)"
    )
    option(
        "--fault",
        metavar="KIND[@N]",
        type=_fault,
        help="fault to inject into every answer: stall, cut, reset or garbage, after N pieces (default: half of them)",
    )
    parser.set_defaults(run=_run)


def _fault(spec: str) -> Fault:
    try:
        return Fault.parse(spec)
    except MisuseError as error:
        raise ArgumentTypeError(str(error)) from error


def _run(arguments: Namespace) -> int:
    recordings = {file.stem: read_recording(file) for file in arguments.files}
    if len(recordings) < len(arguments.files):
        raise MisuseError("two files have the same name, so that a request could not select one")
    respond = playing(recordings, speed=arguments.speed, fault=arguments.fault)
    with loopback.serve(respond, port=arguments.port) as url:
        print(printable(f"{url} plays {', '.join(recordings)}"), flush=True)
        wait()
    return 0
