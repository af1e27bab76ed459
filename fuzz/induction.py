"""Proves law 1 for every chunking of a body, by induction: ``python fuzz/induction.py BODIES [--first SEED]``.

Bodies of both wires, with all sorts of line ends, are generated from random numbers; and the shortest recorded ones
(``--recorded N``) are read from a folder next to the project. The proof covers all ways to cut a body into bytes; for
bodies of more than ``WHOLE`` bytes, all ways with pieces of at most ``PIECE`` bytes. Exit code 1: an output differs.
"""

import json
import random
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, process_time
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from chunked import prove
from chunkings import responses_stream
from recordings import CAPTURES, FILES, RESPONSES
from sinks import stream as chat_stream

from streamfsm import MisuseError
from streamfsm.testing import LawBroken

WHOLE = 320
PIECE = 48
MOST = 1500  # bytes of a generated body; a longer one is cut off there
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"assistant_tool": None, "inner_thoughts_kwarg": None},
    {"think_tags": ("<think>", "</think>"), "inner_thoughts_kwarg": ("a", "thinking")},
    {"keep": False, "boundaries": False},
)
_LEFT_OUT = ("id", "object", "created", "model", "sequence_number", "obfuscation")


def body(rng: random.Random) -> tuple[str, bytes]:
    """Return a body of one of the wires, without events that change nothing."""
    kind = rng.choice(("chat", "responses"))
    made = chat_stream(rng) if kind == "chat" else responses_stream(rng)
    chunks = made.cut(rng.sample(range(len(made.pieces)), rng.randint(0, min(len(made.pieces), 3))))
    end = rng.choice((b"\n", b"\n", b"\r\n", b"\r"))
    events = []
    for chunk in chunks:
        said = {name: value for name, value in chunk.items() if kind == "responses" or name not in _LEFT_OUT}
        data = json.dumps(said, ensure_ascii=rng.random() < 0.5, separators=(",", ":"))
        name = b"event: " + chunk["type"].encode() + end if kind == "responses" and rng.random() < 0.5 else b""
        events.append(name + b"data:" + b" " * rng.randint(0, 1) + data.encode("utf-8", "replace") + end * 2)
    skipped = rng.randint(0, max(len(events) - 3, 0))
    return kind, b"".join([*events[:1], *events[1 + skipped :], b"data: [DONE]" + end * 2])[:MOST]


def bodies(seeds: range, recorded: int) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Yield all bodies, each with its name and options."""
    for seed in seeds:
        rng = random.Random(seed)
        kind, data = body(rng)
        yield f"{kind} {seed}", data, rng.choice(OPTIONS)
    for names in (FILES, RESPONSES):
        for name in sorted(names, key=lambda name: (CAPTURES / name).stat().st_size)[:recorded]:
            yield name, (CAPTURES / name).read_bytes(), {}


def main() -> int:
    """Prove the law for as many bodies as the command line asks for."""
    parser = ArgumentParser()
    parser.add_argument("bodies", type=int, help="bodies to generate")
    parser.add_argument("--first", type=int, default=0, help="seed of the first")
    parser.add_argument("--recorded", type=int, default=0, help="recorded bodies of each wire, the shortest first")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="start no new body after this time")
    given = parser.parse_args()
    start, found, chunkings, feeds, whole, parted, size = monotonic(), 0, 0, 0, 0, 0, 0
    for name, data, options in bodies(range(given.first, given.first + given.bodies), given.recorded):
        if monotonic() - start > given.seconds:
            break
        is_whole = len(data) <= WHOLE
        try:
            proof = prove(data, longest=None if is_whole else PIECE, **options)
        except (LawBroken, MisuseError) as broken:  # a state whose snapshot is rejected is a finding, too
            found += 1
            print(f"{name}, {options}: {broken}")
            continue
        chunkings, feeds, size = chunkings + proof.chunkings, feeds + proof.feeds, size + len(data)
        whole, parted = whole + is_whole, parted + (not is_whole)
    print(f"{whole} bodies in all ways, {parted} in all ways with pieces of up to {PIECE} bytes; {size:,} bytes in all")
    print(f"2^{chunkings.bit_length() - 1} chunkings by {feeds:,} pieces, {process_time():.0f} s, {found} findings")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
