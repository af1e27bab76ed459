"""``streamfsm trace``: what the parser did with a recorded body, as records, as a page, or beside another body."""

import json
from argparse import Namespace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from streamfsm.cli.arguments import Commands
from streamfsm.cli.files import check_size, read_body, write
from streamfsm.cli.options import add_options, parser_options
from streamfsm.cli.terminal import printable, printable_json, said
from streamfsm.messages import coalesce
from streamfsm.parser import StreamParser
from streamfsm.replay import capture
from streamfsm.replay.archive import stamps
from streamfsm.replay.explorer import page
from streamfsm.replay.provenance import HELD, Provenance, provenance

_MOST = 1 << 20  # characters of text: each is fed alone, and half a minute and 700 MB pass


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser(
        "trace",
        help="show which characters made each message, by which row of which table",
        description="Read a recorded response body a character at a time, and print what the parser did, one JSON "
        "object a line.",
    )
    parser.add_argument("file", metavar="FILE.sse", type=Path, help="server-sent events of Chat Completions chunks")
    output = parser.add_mutually_exclusive_group()
    output.add_argument(
        "--html", metavar="OUT.html", type=Path, help="write a page instead, to step through in a browser"
    )
    output.add_argument(
        "--diff", metavar="OTHER.sse", type=Path, help="print instead where the two part; exit code 1 if they do"
    )
    add_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: Namespace) -> int:
    body = read_body(arguments.file)
    chunks = _chunks(arguments.file, body)
    make = partial(StreamParser, **stamps(body), **parser_options(arguments))
    if arguments.html:
        write(arguments.html, page(arguments.file.name, chunks, make))
        print(f"written to {printable(str(arguments.html))}")
        return 0
    found = provenance(chunks, make)
    if arguments.diff:
        return _compare(found, provenance(_chunks(arguments.diff, read_body(arguments.diff)), make))
    for record in found.records:
        print(printable_json(json.dumps(record._asdict())))
    return 0


def _chunks(file: Path, body: str) -> list[Any]:
    chunks = capture.chunks(body)
    check_size(file, chunks, _MOST, "trace")
    return chunks


def _compare(one: Provenance, other: Provenance) -> int:
    """Print where two streams part: in the rows taken, and in what they say."""
    parts = []
    for what, tell in (("states", _path), ("messages", _said)):
        pairs = enumerate(zip_longest(tell(one), tell(other), fillvalue="nothing more"), 1)
        if parting := next(((place, *pair) for place, pair in pairs if pair[0] != pair[1]), None):
            place, here, there = parting
            parts.append(f"{what} part at number {place}:\n  A  {printable(here)}\n  B  {printable(there)}")
    print("\n".join(parts) or "the same states and messages")
    return int(bool(parts))


def _path(found: Provenance) -> list[str]:
    rows = [record for record in found.records if record.event not in ("text", HELD)]  # which depend on the cuts
    return [f"{row.lane}: {row.state} –{row.event}→ {row.target}" for row in rows]


def _said(found: Provenance) -> list[str]:
    return [f"{message.message_type}: {said(message)}" for message in coalesce(found.messages)]
