"""Every chunking of a text, proved for our parser."""

from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import Any

from helpers import ID

from streamfsm import StreamParser, coalesce
from streamfsm.testing import Proof, check_every_chunking

DATE = datetime(2026, 1, 2, tzinfo=timezone.utc)


def unnumbered(snapshot: dict[str, Any]) -> dict[str, Any]:
    """A snapshot without the number of messages, and without bytes after the end marker: nobody reads them."""
    run, wire = snapshot["run"], snapshot["wire"]
    wire = {**wire, "body": None} if wire["body_done"] else wire
    return {**snapshot, "wire": wire, "run": {**run, "numbering": {**run["numbering"], "next_seq": 0}}}


def prove(
    text: bytes | str,
    *,
    feed: Callable[[StreamParser, Any], list[Any]] = StreamParser.feed_bytes,
    before: Iterable[Any] = (),
    longest: int | None = None,
    **options: Any,
) -> Proof:
    """Prove that all chunkings of a body, or of a text after some chunks, give the same messages and the same state."""

    def parse() -> StreamParser:
        parser = StreamParser(message_id=ID, date=DATE, **options)
        for chunk in before:
            parser.feed(chunk)
        return parser

    return check_every_chunking(
        parse,
        StreamParser.restore,
        text,
        feed=feed,
        same=unnumbered,
        join=coalesce,
        longest=longest,
    )
