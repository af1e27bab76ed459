"""``streamfsm trace``: shows what the parser does with a recorded body, or compares it with another."""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from streamfsm.cli.arguments import Commands
from streamfsm.cli.files import check_target, exit_code, read_recording, source, write
from streamfsm.cli.options import add_options, parser_options
from streamfsm.cli.terminal import printable, printable_json, said
from streamfsm.errors import MisuseError
from streamfsm.messages import coalesce
from streamfsm.parser import StreamParser
from streamfsm.replay import capture
from streamfsm.replay.archive import stamps
from streamfsm.replay.explorer import page
from streamfsm.replay.provenance import Make, Provenance, ended, provenance
from streamfsm.trace import HELD

_MOST = 1 << 20  # characters of text, each of which is fed alone: this takes a minute, and a gigabyte for records


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser(
        "trace",
        help="show which characters each message came from, and why it was emitted",
        description="Read a recorded response body one character at a time, and print what the parser does: one "
        "JSON object per line, each for a row of a state table, with its reason. If the body "
        "breaks off, the stream fails there. Exit code 1: the stream failed; 2: it is of another protocol, or the file "
        "cannot be read.",
    )
    parser.add_argument(
        "file",
        metavar="FILE.sse",
        type=source,
        help="a recording, or a body of server-sent events; - is standard input",
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument(
        "--html", metavar="OUT.html", type=Path, help="write a page instead, to step through in a browser"
    )
    output.add_argument(
        "--diff",
        metavar="OTHER.sse",
        type=source,
        help="print the first difference from another stream instead; exit code 1 if there is one",
    )
    add_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: Namespace) -> int:
    data, chunks, breaks = _read(arguments.file)
    options = parser_options(arguments)
    make = partial(StreamParser, **stamps(data.decode(errors="replace")), **options)
    if arguments.html:
        check_target(arguments.html, arguments.file)
        write(arguments.html, page(arguments.file.name, chunks, make, options, breaks))
        print(f"written to {printable(str(arguments.html))}")
        return _exit_code(arguments.file, chunks, make, breaks)
    found = provenance(chunks, make, breaks)
    if arguments.diff:
        _, others, other_breaks = _read(arguments.diff)
        differs = _compare(found, provenance(others, make, other_breaks))
        codes = [
            _exit_code(arguments.file, chunks, make, breaks),
            _exit_code(arguments.diff, others, make, other_breaks),
        ]
        return max(differs, *codes)
    for record in found.records:
        print(printable_json(json.dumps(record._asdict())))
    return _exit_code(arguments.file, chunks, make, breaks)


def _exit_code(file: Path, chunks: Sequence[Any], make: Make, breaks: str | None) -> int:
    parser = make(trace=None)
    for chunk in chunks:
        parser.feed(chunk)
    ended(parser, breaks)
    return exit_code(file, parser)


def _read(file: Path) -> tuple[bytes, list[Any], str | None]:
    """Return the body in a file, its wire objects, and why it breaks off after them; ``None``: it does not."""
    data = read_recording(file).body
    chunks, breaks = capture.whole_part(data, _MOST)
    if not chunks:
        raise MisuseError(f"{file}: {breaks or 'no server-sent events'}")
    if breaks:
        print(printable(f"streamfsm: {file}: {breaks}; showing what comes before"), file=sys.stderr)
    return data, chunks, breaks


def _compare(one: Provenance, other: Provenance) -> int:
    """Print where two streams first differ: in the rows taken, and in the messages. Return the exit code."""
    parts = []
    for what, tell in (("states", _path), ("messages", _said)):
        pairs = enumerate(zip_longest(tell(one), tell(other), fillvalue="nothing more"), 1)
        if parting := next(((place, *pair) for place, pair in pairs if pair[0] != pair[1]), None):
            place, here, there = parting
            parts.append(f"{what} differ at number {place}:\n  A  {printable(here)}\n  B  {printable(there)}")
    print("\n".join(parts) or "the same states and messages")
    return int(bool(parts))


def _path(found: Provenance) -> list[str]:
    rows = [record for record in found.records if record.event not in ("text", HELD)]  # these depend on the cuts
    return [f"{row.lane}: {row.state} –{row.event}→ {row.target}" for row in rows]


def _said(found: Provenance) -> list[str]:
    return [f"{message.message_type}: {said(message)}" for message in coalesce(found.messages)]
