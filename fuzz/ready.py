"""Law 10 on many streams: ``python fuzz/ready.py COUNT [SEED]``. Exits with 1 if any ready call was wrong.

Streams, quirks and faults are those of the kit, drawn by a plain generator of random numbers, which is several times as
fast as Hypothesis and shrinks nothing: a finding is printed with its seed, and so can be repeated.
"""

import json
import random
import sys

from streamfsm import StreamParser
from streamfsm.testing import QUIRKS, LawBroken, Stream, accented, check_ready_is_true
from streamfsm.testing import streams as of

NAMES = ("f", "g", "search", "get_weather")
VALUES = (1, "x", None, "}{", '"', {"b": [1, {}]}, [], "\\u00e9\U0001f600")
# Either of these, with an index of its own for every entry, leaves nothing by which a call's entries belong together.
OTHER_IDS = {"another id in every entry", "another id in later entries"}
FINISHES = ("tool_calls", "tool_calls", "stop", "length", None)


def arguments(rng: random.Random) -> str:
    """Of one call: none, an empty object, or a small one."""
    kind = rng.random()
    if kind < 0.2:
        return rng.choice(["", "{}", "null"])
    return json.dumps({rng.choice("abq"): rng.choice(VALUES) for _ in range(rng.randint(1, 2))})


def stream(rng: random.Random) -> Stream:
    """One to three calls and a finish."""
    calls = [of.call(index, rng.choice(NAMES), arguments(rng)) for index in range(rng.randint(1, 3))]
    return Stream([*(atom for call in calls for atom in call), *of.finish(rng.choice(FINISHES))], cut_names=False)


def check(seed: int) -> int:
    """One stream under up to four quirks, cut anywhere, and perhaps broken off; returns how many calls were ready."""
    rng = random.Random(seed)
    logical = stream(rng)
    places = sorted(rng.sample(range(len(logical.pieces)), rng.randint(0, min(6, len(logical.pieces)))))
    quirks = [QUIRKS[at] for at in sorted(rng.sample(range(len(QUIRKS)), rng.randint(0, 4)))]
    names = {quirk.name for quirk in quirks}
    if names & OTHER_IDS and "an index of its own for every entry" in names:
        quirks = []
    chunks = accented(logical.cut(places), quirks)
    if rng.random() < 0.2 and "a finish after every chunk" not in names:  # it would say that the rest is all
        del chunks[rng.randint(0, len(chunks)) :]
    parsers = []

    def parse() -> StreamParser:
        parsers.append(StreamParser(assistant_tool=None))
        return parsers[-1]

    check_ready_is_true(parse, logical, chunks)
    return sum(len(choice.ready_calls) for choice in parsers[0].result.choices)


def main() -> int:
    """Check as many streams as the command line says."""
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    ready = wrong = 0
    for seed in range(first, first + count):
        try:
            ready += check(seed)
        except LawBroken as broken:
            wrong += 1
            print(f"seed {seed}: {broken}\n")
    print(f"{count} streams, {ready} ready calls, {wrong} streams with a wrong one")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
