"""Bodies in pieces, many of them interleaved, and what each says when nobody disturbs it."""

import json
import random
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
STREAMS = EXAMPLES / "streams"
BODIES = [path.read_bytes() for path in sorted((EXAMPLES / "captures").glob("*.sse"))]
AT = 1_795_777_401.25

sys.path.insert(0, str(STREAMS))
from folding import Piece, fold  # noqa: E402 - examples are no package

sys.path.remove(str(STREAMS))


def pieces(body, seed, most=400, end=""):
    """The body, cut at random, and its end."""
    pick, at, number = random.Random(seed), 0, 0
    while at < len(body):
        size = pick.randrange(1, most)
        yield Piece(number, AT + number / 10, body[at : at + size])
        at, number = at + size, number + 1
    yield Piece(number, AT + number / 10, end=end)


def streams(copies, most=400):
    """Each capture some times, cut in different ways, by keys."""
    return {
        f"{copy}-{number}": list(pieces(body, 100 * copy + number, most))
        for copy in range(copies)
        for number, body in enumerate(BODIES)
    }


def interleaved(given, seed):
    """The pieces of all streams, in an order in which they might come."""
    pick, waiting = random.Random(seed), {key: iter(each) for key, each in given.items()}
    while waiting:
        key = pick.choice(list(waiting))
        piece = next(waiting[key], None)
        if piece is None:
            del waiting[key]
        else:
            yield key, piece


def undisturbed(given):
    """What each stream says to a parser that lives as long."""
    return {
        key: [json.loads(m.model_dump_json(exclude_none=True)) for m in fold(None, key, each)[1]]
        for key, each in given.items()
    }
