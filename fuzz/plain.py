"""A target on random bytes, without an engine: ``python fuzz/plain.py TARGET COUNT [SEED]``. Exits with 1 if any fails.

This is for targets that take too long for one, such as ``captures``. A failure is printed with its seed.
"""

import random
import sys
from time import monotonic
from traceback import print_exc

import targets


def main() -> int:
    """Try as many inputs as the command line says."""
    name, count, first = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0
    failed, start = 0, monotonic()
    for seed in range(first, first + count):
        chance = random.Random(seed)
        try:
            getattr(targets, name)(chance.randbytes(chance.randint(0, 256)))
        except Exception:  # noqa: BLE001 - this is what is looked for
            failed += 1
            print(f"seed {seed}:")
            print_exc(file=sys.stdout)
    print(f"{name}: {count} inputs in {monotonic() - start:.0f} s, {failed} failures")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
