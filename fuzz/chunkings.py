"""Tests law 1 on many chunkings: ``python fuzz/chunkings.py COUNT [--jobs N] [--first SEED]``. Exit code 1: failed.

Streams of both wires are generated from random numbers, and recorded ones are read from a folder next to the project,
if there is one. Each is cut in many ways, all of which must give the same output. The seeds of findings are kept in a
Hypothesis database, named by HYPOTHESIS_DATABASE, which processes can share; each run tries them first.
"""

import os
import random
import sys
from argparse import ArgumentParser
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from conftest import database
from recordings import CAPTURES, FILES, RESPONSES
from sinks import ARGUMENTS, NAMES, text
from sinks import stream as chat_stream

from streamfsm.replay import capture
from streamfsm.testing import LawBroken, Stream, TracedParser, check_split_invariance
from streamfsm.testing import responses as of
from streamfsm.wires.chat.chunking import split

A_STREAM = 50
"""Chunkings per stream."""
SHORT = 2000  # the most pieces of a recorded stream; a longer one takes seconds per chunking
KEY = b"streamfsm chunkings"
PARSERS = (
    TracedParser,
    partial(TracedParser, inner_thoughts_kwarg=None, assistant_tool=None),
    partial(TracedParser, inner_thoughts_kwarg=("a", "thinking"), think_tags=("<think>", "</think>")),
)
ENDS = ("completed", "completed", "max_output_tokens", "content_filter", "failed", None)


def responses_stream(rng: random.Random) -> Stream:
    """Return a response of one to three items, with an end."""
    makers = (
        lambda at: of.message(at, [(rng.choice(("content", "refusal")), words(rng)) for _ in range(rng.randint(1, 2))]),
        lambda at: of.reasoning(
            at, [words(rng) for _ in range(rng.randint(0, 2))], encrypted=rng.choice(("", "gAAAA"))
        ),
        lambda at: of.call(at, rng.choice(NAMES), rng.choice(ARGUMENTS)),
        lambda at: of.call(at, rng.choice(NAMES), words(rng), custom=True),
        lambda at: of.web_search(at, words(rng)),
    )
    items = [event for at in range(rng.randint(1, 3)) for event in rng.choice(makers)(at)]
    return Stream(split(of.response(items, rng.choice(ENDS), rng.choice((None, {"input_tokens": 3})))))


def words(rng: random.Random) -> str:
    """Return a text that does not end in half a character, which would be held back while other parts continue."""
    return text(rng).strip("\ud83d")


@cache
def recorded() -> list[Stream]:
    """Return the recorded streams of moderate length."""
    bodies = [(CAPTURES / name).read_bytes().decode(errors="replace") for name in (*FILES, *RESPONSES)]
    streams = [Stream.of(capture.chunks(body)) for body in bodies]
    return [stream for stream in streams if 1 < len(stream.pieces) <= SHORT]


def check(seed: int, count: int = A_STREAM) -> tuple[str, int]:
    """Cut one stream in many ways, and return its kind and the number of ways."""
    rng = random.Random(seed)
    kind = rng.choices(("chat", "responses", "recorded"), (48, 48, 4 if FILES else 0))[0]
    if kind == "recorded":
        stream = rng.choice(recorded())
    else:
        stream = chat_stream(rng) if kind == "chat" else responses_stream(rng)
    most = len(stream.pieces)
    cuts = [rng.sample(range(most), rng.randint(0, rng.choice((min(most, 3), most)))) for _ in range(count)]
    check_split_invariance(rng.choice(PARSERS), stream, *map(stream.cut, cuts))
    return kind, count


def work(place: str, seeds: range) -> tuple[Counter[str], list[str]]:
    """Check the streams of these seeds, in a worker process."""
    found, counts, kept = [], Counter[str](), database(place)
    for seed in seeds:
        try:
            kind, count = check(seed)
        except LawBroken as broken:
            kept.save(KEY, seed.to_bytes(8, "big"))
            found.append(f"seed {seed}: {broken}")
        else:
            counts[kind] += count
    return counts, found


def main() -> int:
    """Check as many chunkings as the command line asks for."""
    parser = ArgumentParser()
    parser.add_argument("count", type=int, help="chunkings")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--first", type=int, default=0, help="seed of the first stream")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="start no new stream after this time")
    arguments = parser.parse_args()
    place = os.environ.get("HYPOTHESIS_DATABASE", ".hypothesis/examples")
    counts, found, start = Counter[str](), [], monotonic()
    before = [int.from_bytes(each, "big") for each in database(place).fetch(KEY)]
    after = range(arguments.first, arguments.first + -(-arguments.count // A_STREAM))
    parts = [range(seed, seed + 1) for seed in before] + [after[at : at + 200] for at in range(0, len(after), 200)]
    done = after.start
    with ProcessPoolExecutor(arguments.jobs) as processes:
        for at in range(0, len(parts), arguments.jobs):
            if monotonic() - start > arguments.seconds:
                break
            several = parts[at : at + arguments.jobs]
            for more, wrong in processes.map(partial(work, place), several):
                counts += more
                found += wrong
            done = max(done, several[-1].stop) if several[-1].start in after else done
    print(*found, sep="\n\n")
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))
    print(f"{counts.total()} chunkings ({kinds}) in {monotonic() - start:.0f} s, {len(found)} findings")
    print(f"the next run: --first {done}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
