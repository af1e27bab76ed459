"""An archive of recordings, read by ``streamfsm replay --jobs N DIR --jsonl OUT``: how speed grows with the processes.

The archive has copies of the recordings in the given directories, or in ``examples/captures/``.

    python benchmarks/archive.py [--quick] [--json] [DIR …]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import Rows, main, significant

CAPTURES = Path(__file__).parents[1] / "examples" / "captures"
STREAMS = 3000
JOBS = (1, 2, 4)
ROUNDS = 3


def filled(folder: Path, directories: list[Path], streams: int) -> int:
    """Fill a folder with this many recordings, and return their size in bytes."""
    bodies = [path.read_bytes() for name in directories for path in sorted(name.rglob("*.sse"))]
    for number in range(streams):
        (folder / f"{number:06}.sse").write_bytes(bodies[number % len(bodies)])
    return sum(path.stat().st_size for path in folder.iterdir())


def replayed(folder: Path, jobs: int, streams: int) -> tuple[float, float]:
    """Return the seconds of one run, and the CPU seconds of all its processes."""
    with tempfile.TemporaryDirectory() as out:
        lines = Path(out) / "out.jsonl"
        command = [sys.executable, "-m", "streamfsm", "replay", "--jobs", str(jobs), str(folder), "--jsonl", str(lines)]
        began = time.monotonic()
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603 - ours
        _, _, usage = os.wait4(process.pid, 0)
        took = time.monotonic() - began
        with lines.open("rb") as written:
            if sum(1 for _ in written) != streams:
                sys.exit("not every recording has a line")
    return took, usage.ru_utime + usage.ru_stime


def rows(quick: bool, directories: list[Path]) -> Rows:  # noqa: FBT001 - one option
    """Return a row for each number of processes: the fastest of the rounds."""
    streams, rounds = (100, 1) if quick else (STREAMS, ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        size = filled(Path(folder), directories, streams)
        runs = [{jobs: replayed(Path(folder), jobs, streams) for jobs in JOBS} for _ in range(rounds)]
    found = []
    for jobs in JOBS:
        seconds, cpu = (min(run[jobs][which] for run in runs) for which in (0, 1))
        found.append(
            {
                "jobs": jobs,
                "streams": streams,
                "MB": significant(size / 1e6),
                "streams a second": round(streams / seconds),
                "streams a second of CPU": round(streams / cpu),
                "× one job": significant(min(run[1][0] for run in runs) / seconds),
            }
        )
    return found


if __name__ == "__main__":
    given = [name for name in sys.argv[1:] if not name.startswith("-")]
    sys.argv = [name for name in sys.argv if name not in given]
    main(lambda quick: rows(quick, [Path(name) for name in given] or [CAPTURES]), __doc__)
