"""``streamfsm scrub``: makes the content of a recording unreadable, so that it can be shared."""

import sys
from argparse import Namespace
from itertools import zip_longest
from pathlib import Path

from streamfsm.cli.arguments import Commands
from streamfsm.cli.files import check_size, check_target, read_recording, source, write_recording
from streamfsm.cli.terminal import printable
from streamfsm.replay import capture
from streamfsm.replay.scrub import KEEP, reading, scrub

_MOST = 1 << 24  # characters of text, each of which takes 150 bytes


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser(
        "scrub",
        help="make a recording unreadable, so that it can be shared",
        description="Write a copy of a recording with unreadable texts, ids and secrets. Lengths, structure, "
        "escapes and cuts stay as they are. Exit code 1: the parser does not read both files in the "
        "same way.",
    )
    option = parser.add_argument
    option(
        "file", metavar="FILE", type=source, help="a recording, or a body of server-sent events; - is standard input"
    )
    option("out", metavar="OUT", type=Path, help="where to write the copy, in the same form")
    option(
        "--keep",
        metavar="NAME",
        action="append",
        default=[*KEEP],
        help=f"name of an argument or tool to keep for the parser; repeatable (always kept: {', '.join(KEEP)})",
    )
    parser.set_defaults(run=_run)


def _run(arguments: Namespace) -> int:
    check_target(arguments.out, arguments.file)  # the key is not kept: the original would be lost
    recording = read_recording(arguments.file)
    check_size(arguments.file, capture.chunks(recording.body.decode(errors="replace")), _MOST, "scrub")
    scrubbed = scrub(recording, keep=arguments.keep)
    write_recording(arguments.out, scrubbed)
    for before, after in zip_longest(reading(recording), reading(scrubbed), fillvalue="nothing"):
        if before != after:
            print(printable(f"read differently: {before}; scrubbed: {after}"), file=sys.stderr)
            return 1
    return 0
