"""What importing costs, over what pydantic costs: a process each, in turn, with bytecode on disk as where installed.

``import streamfsm`` alone loads nothing, as ``import pydantic`` alone loads little, so these two are compared with each
other; and a parser that has read a chunk is compared with a pydantic model that was used.

    python benchmarks/imports.py [--json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from measure import in_turn, ratio, spread

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
    """Of a process that runs ``code``."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)  # noqa: S603 - our own code
    return time.perf_counter() - start


def rows() -> list[dict[str, object]]:
    """A row for each code; ``ratio`` is to its base, the bare interpreter's time taken off both."""
    for code in CODE.values():
        seconds(code)  # writes the bytecode
    costs = in_turn({name: lambda code=code: seconds(code) for name, code in CODE.items()}, ROUNDS)
    extra = {
        name: [one - bare for one, bare in zip(times, costs["nothing"], strict=True)] for name, times in costs.items()
    }
    return [
        {
            "code": name,
            "ms": round(statistics.median(times) * 1e3, 1),
            "spread": round(spread(times), 2),
            "base": BASES.get(name),
            "ratio": round(ratio(extra[name], extra[BASES[name]]), 2) if name in BASES else None,
        }
        for name, times in costs.items()
    ]


def main() -> None:
    """Print a line per code."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="a line of JSON each instead")
    as_json = arguments.parse_args().json
    for row in rows():
        if as_json:
            print(json.dumps(row))
        else:
            over = f"{row['ratio']:.2f} × {row['base']}" if row["base"] else ""
            print(f"{row['code']:18} {row['ms']:6.1f} ms ± {row['spread']:.0%}  {over}")


if __name__ == "__main__":
    main()
