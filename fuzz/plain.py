"""Runs a target on random bytes, without an engine: ``python fuzz/plain.py TARGET COUNT [SEED]``. Exit code 1: failed.

This is for targets that are too slow for an engine, such as ``captures``. A failure is printed with its seed.
"""

import random
import sys
from time import monotonic
from traceback import print_exc

import targets


def main() -> int:
    """Try as many inputs as the command line asks for."""
    name, count, first = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0
    failed, start = 0, monotonic()
    for seed in range(first, first + count):
        chance = random.Random(seed)
        try:
            getattr(targets, name)(chance.randbytes(chance.randint(0, 256)))
        except Exception:  # noqa: BLE001 - any exception is a finding
            failed += 1
            print(f"seed {seed}:")
            print_exc(file=sys.stdout)
    print(f"{name}: {count} inputs in {monotonic() - start:.0f} s, {failed} failures")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
