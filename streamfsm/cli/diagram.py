"""``streamfsm diagram``: prints the state machines."""

from argparse import Namespace

from streamfsm.cli.arguments import Commands
from streamfsm.machines import TABLES, diagrams

_TABLES = {table.name: table for table in TABLES}
_FORMATS = {**diagrams.FORMATS, "markdown": diagrams.markdown}


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser("diagram", help="print the state machines", description="Print the state machines.")
    parser.add_argument("machine", nargs="?", choices=_TABLES, help="default: all")
    parser.add_argument("--format", choices=_FORMATS, default="mermaid", help="default: %(default)s")
    parser.set_defaults(run=_run)


def _run(arguments: Namespace) -> int:
    names = [arguments.machine] if arguments.machine else _TABLES
    text = "\n".join(_FORMATS[arguments.format](_TABLES[name], None) for name in names)
    print(text, end="", flush=True)
    return 0
