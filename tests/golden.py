"""Snapshots as a version of their schema makes them, kept in ``snapshots/``.

``python tests/golden.py`` writes those of the schema that the code has now; older ones stay, to be refused.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from helpers import call_chunks, dumped
from rich_stream import RICH, RICH_OPTIONS

from streamfsm import StreamParser
from streamfsm.replay import capture

FOLDER = Path(__file__).parent / "snapshots"
BODY = capture.body(call_chunks("send_message", ['{"thinking":"Hm\\ud83d', '\\ude00","message":"H', 'i"}'])).encode()


class Case(NamedTuple):
    """What a parser was fed when its snapshot was taken, and what comes then: chunks, bytes, and ``None`` to close."""

    before: list[Any]
    after: list[Any]


CASES = {
    **{f"chunks-{at:02}": Case(RICH[:at], [*RICH[at:], None]) for at in (0, 4, 9, 12, 17, 21, 27, len(RICH))},
    **{f"bytes-{at:03}": Case([BODY[:at]], [BODY[at:], None]) for at in (9, len(BODY) // 2, len(BODY) - 3)},
    "closed": Case([*RICH, None], []),
}


def fed(parser: StreamParser, pieces: list[Any]) -> list[dict[str, Any]]:
    """The messages of the pieces, as data."""
    messages = []
    for piece in pieces:
        if isinstance(piece, bytes):
            messages += parser.feed_bytes(piece)
        else:
            messages += parser.close() if piece is None else parser.feed(piece)
    return dumped(messages)


def snapshot(case: Case) -> dict[str, Any]:
    parser = StreamParser(**RICH_OPTIONS)
    fed(parser, case.before)
    return parser.snapshot()


def version() -> int:
    """Of the schema that the code has now."""
    return StreamParser().snapshot()["version"]


def write() -> None:
    folder = FOLDER / f"version_{version()}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, case in CASES.items():
        text = json.dumps(snapshot(case), indent=1, sort_keys=True) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
