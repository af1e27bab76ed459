"""``streamfsm diagram``: prints the state machines."""

import json
from argparse import Namespace
from pathlib import Path

from streamfsm.cli.arguments import Commands
from streamfsm.cli.files import read
from streamfsm.errors import MisuseError
from streamfsm.machines import TABLES, diagrams

_TABLES = {table.name: table for table in TABLES}
_FORMATS = {**diagrams.FORMATS, "markdown": diagrams.markdown}


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser("diagram", help="print the state machines", description="Print the state machines.")
    parser.add_argument("machine", nargs="?", choices=_TABLES, help="default: all")
    parser.add_argument("--format", choices=_FORMATS, default="mermaid", help="default: %(default)s")
    parser.add_argument(
        "--trace", metavar="FILE.jsonl", type=Path, help="output of `streamfsm trace`: show the path taken, with counts"
    )
    parser.set_defaults(run=_run)


def _run(arguments: Namespace) -> int:
    names = [arguments.machine] if arguments.machine else _TABLES
    draw = _FORMATS[arguments.format]
    taken = _taken(arguments.trace) if arguments.trace else None
    text = "\n".join(draw(_TABLES[name], None if taken is None else taken[name]) for name in names)
    print(text, end="", flush=True)
    return 0


def _taken(file: Path) -> dict[str, dict[tuple[str, str], int]]:
    """Machine → state and event → how often the trace in ``file`` took that row."""
    taken: dict[str, dict[tuple[str, str], int]] = {name: {} for name in _TABLES}
    for number, line in enumerate(read(file).split("\n"), 1):
        if not line:
            continue
        try:
            record = json.loads(line)
            rows, cell = taken[record["machine"]], (record["state"], record["event"])
        except (ValueError, TypeError, KeyError) as error:
            raise MisuseError(f"{file}: line {number} is not a record of a trace") from error
        if cell in _TABLES[record["machine"]].by_cell or cell[1] == "text":
            rows[cell] = rows.get(cell, 0) + 1
    return taken
