"""One step of a stream's parser, as a function of its state, for any engine with keyed state.

The state is text: the number of pieces read, and, while the stream is open, the parser's snapshot. The parser keeps
nothing that it has emitted, so the state does not grow with the stream. A piece that was read before is ignored, so a
producer that does not know whether a piece arrived may send it again.
"""

import json
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import NamedTuple

from streamfsm import StreamMessage, StreamParser


class Piece(NamedTuple):
    """A piece of a response's body that came at once, or its end."""

    number: int
    """0, 1, 2, … within a stream."""
    at: float
    """When it came, in seconds since 1970. The first piece's time is the date of all messages, whenever they are
    parsed."""
    data: bytes = b""
    end: str | None = None
    """For the last piece: empty, or the text of the transport's exception."""


def fold(state: str | None, key: str, pieces: Iterable[Piece]) -> tuple[str, list[StreamMessage]]:
    """Read pieces of the stream ``key``.

    Args:
        state: what the last call for this key returned; ``None`` at first.
        key: the stream's name.
        pieces: in order, from the first one that was not read, or from an earlier one. The stream fails if one is
            missing.

    Returns:
        The new state, and the messages that became certain. The function is pure.
    """
    kept = json.loads(state) if state else {"taken": 0, "parser": None}
    taken, parser = kept["taken"], kept["parser"] and StreamParser.restore(kept["parser"])
    messages: list[StreamMessage] = []
    for piece in pieces:
        if piece.number < taken or (taken and parser is None):
            continue
        if parser is None:
            date = datetime.fromtimestamp(int(piece.at), timezone.utc)
            parser = StreamParser(message_id=f"message-{key}", date=date, keep=False)
        if piece.number > taken:
            messages += parser.fail(f"pieces from {taken} to {piece.number - 1} are missing")
        messages += parser.feed_bytes(piece.data)
        if piece.end is not None:
            messages += parser.fail(piece.end) if piece.end else parser.close()
        taken = piece.number + 1
        if parser.state != "open":
            parser = None
    return json.dumps({"taken": taken, "parser": parser and parser.snapshot()}, separators=(",", ":")), messages
