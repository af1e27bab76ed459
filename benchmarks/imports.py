"""The time of imports, compared with pydantic's: in new processes, in turn, with bytecode on disk as when installed.

``import streamfsm`` alone loads nothing, and ``import pydantic`` alone loads little, so these two are compared with
each other. A parser that has read a chunk is compared with a pydantic model that has been used.

    python benchmarks/imports.py [--quick] [--json]
"""

import os
import statistics
import subprocess
import sys
import time
from functools import partial

from measure import Rows, in_turn, main, ratio, significant, spread

ROUNDS = 21
CODE = {
    "nothing": "pass",
    "import pydantic": "import pydantic",
    "import streamfsm": "import streamfsm",
    "a model used": "from pydantic import BaseModel\nclass Model(BaseModel):\n    x: int\nModel(x=1)",
    "a parser used": (
        "from streamfsm import StreamParser\nparser = StreamParser()\n"
        "parser.feed({'choices': [{'index': 0, 'delta': {'content': 'x'}}]})\nparser.close()"
    ),
    "import openai": "import openai",
}
BASES = {"import streamfsm": "import pydantic", "a parser used": "a model used", "import openai": "import pydantic"}


def seconds(code: str) -> float:
    """Return the seconds of a process that runs ``code``."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)  # noqa: S603 - our own code
    return time.perf_counter() - start


def rows(quick: bool) -> Rows:  # noqa: FBT001 - one option
    """Return a row for each code. The ratio is to its base, after subtracting the bare interpreter's time from both."""
    for code in CODE.values():
        seconds(code)  # writes the bytecode
    costs = in_turn({name: partial(seconds, code) for name, code in CODE.items()}, 3 if quick else ROUNDS)
    bare = costs["nothing"]
    extra = {name: [one - least for one, least in zip(times, bare, strict=True)] for name, times in costs.items()}
    return [
        {
            "code": name,
            "ms": significant(statistics.median(times) * 1e3),
            "spread": significant(spread(times), 2),
            "×": significant(ratio(extra[name], extra[BASES[name]])) if name in BASES else None,
            "of": BASES.get(name),
        }
        for name, times in costs.items()
    ]


if __name__ == "__main__":
    main(rows, __doc__)
