"""``streamfsm diagram``: prints the state machines."""

from argparse import ArgumentTypeError, Namespace

from streamfsm.channels import Channel, check
from streamfsm.cli.arguments import Commands
from streamfsm.errors import MisuseError
from streamfsm.machines import TABLES, TOOL_CALL, diagrams
from streamfsm.machines.tool_call import MESSAGE, THOUGHTS, declared, tool_call

_TABLES = {table.name: table for table in TABLES}
_FORMATS = {**diagrams.FORMATS, "markdown": diagrams.markdown}


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser("diagram", help="print the state machines", description="Print the state machines.")
    parser.add_argument("machine", nargs="?", choices=_TABLES, help="default: all")
    parser.add_argument(
        "--channel",
        dest="channels",
        metavar="'TOOL PATH'",
        type=_channel,
        action="append",
        help="draw the tool-call machine with this channel, as 'write_file $.content'; repeatable",
    )
    parser.add_argument("--format", choices=_FORMATS, default="mermaid", help="default: %(default)s")
    parser.set_defaults(run=_run)


def _channel(text: str) -> Channel:
    tool, found, path = text.partition("$")
    try:
        return Channel(found + path, tool.strip() or None)
    except MisuseError as error:
        raise ArgumentTypeError(str(error)) from error


def _run(arguments: Namespace) -> int:
    names = [arguments.machine] if arguments.machine else [*_TABLES]
    tables = [_TABLES[name] for name in names]
    if arguments.channels:
        if arguments.machine not in (None, TOOL_CALL.table.name):
            raise MisuseError(f"channels are of the machine {TOOL_CALL.table.name}, not of {arguments.machine}")
        check(arguments.channels, ())
        tables = [tool_call(THOUGHTS, MESSAGE, *map(declared, arguments.channels)).table]
    text = "\n".join(_FORMATS[arguments.format](table, None) for table in tables)
    print(text, end="", flush=True)
    return 0
