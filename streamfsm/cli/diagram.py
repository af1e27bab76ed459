"""``streamfsm diagram``: prints the state machines."""

import json
from argparse import ArgumentTypeError, Namespace
from pathlib import Path

from streamfsm.channels import Channel, check
from streamfsm.cli.arguments import Commands
from streamfsm.cli.files import read_text, source
from streamfsm.errors import MisuseError
from streamfsm.machines import TABLES, TOOL_CALL, Table, diagrams
from streamfsm.machines.tool_call import MESSAGE, THOUGHTS, declared, tool_call

_TABLES = {table.name: table for table in TABLES}
_FORMATS = {**diagrams.FORMATS, "markdown": diagrams.markdown}


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser(
        "diagram",
        help="print the state machines",
        description="Print the state machines, drawn from the tables that the parser runs.",
    )
    parser.add_argument("machine", nargs="?", choices=_TABLES, help="the machine to print (default: all)")
    parser.add_argument(
        "--channel",
        dest="channels",
        metavar="'TOOL PATH'",
        type=_channel,
        action="append",
        help="draw the tool-call machine with this channel, for example 'write_file $.content'; repeatable",
    )
    parser.add_argument(
        "--format", choices=_FORMATS, default="mermaid", help="output format; svg needs Graphviz (default: %(default)s)"
    )
    parser.add_argument(
        "--trace",
        metavar="FILE.jsonl",
        type=source,
        help="mark the path that a trace took, with counts; the file is the output of streamfsm trace, or -",
    )
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
            raise MisuseError(f"channels belong to the machine {TOOL_CALL.table.name}, not to {arguments.machine}")
        check(arguments.channels, ())
        tables = [tool_call(THOUGHTS, MESSAGE, *map(declared, arguments.channels)).table]
    draw = _FORMATS[arguments.format]
    taken = _taken(arguments.trace, tables) if arguments.trace else None
    text = "\n".join(draw(table, None if taken is None else taken[table.name]) for table in tables)
    print(text, end="", flush=True)
    return 0


def _taken(file: Path, tables: list[Table]) -> dict[str, dict[tuple[str, str], int]]:
    """Return machine → state and event → how many times the trace in ``file`` took that row."""
    by_name = {table.name: table for table in (*_TABLES.values(), *tables)}
    taken: dict[str, dict[tuple[str, str], int]] = {name: {} for name in by_name}
    for number, line in enumerate(read_text(file).split("\n"), 1):
        if not line:
            continue
        try:
            record = json.loads(line)
            rows, cell = taken[record["machine"]], (record["state"], record["event"])
            is_row = cell in by_name[record["machine"]].by_cell
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise MisuseError(f"{file}: line {number} is not a record of a trace") from error
        if is_row or cell[1] == "text":
            rows[cell] = rows.get(cell, 0) + 1
    return taken
