"""``streamfsm replay DIR``: reads all recordings in a directory, in several processes. It can be continued."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO

from streamfsm.errors import MisuseError
from streamfsm.replay.archive import in_processes, read_stream

_ENDINGS = (".sse", ".jsonl")


def replay_all(directory: Path, out: Path, options: Mapping[str, Any], jobs: int) -> int:
    """Read each recording below ``directory``, and append a line of JSON to ``out`` for each.

    Files that already have a line in ``out`` are skipped, so that a run that was stopped can be continued.

    Returns:
        The exit code. 0: no failure. 1: a file could not be read, or its stream failed. 130: interrupted.
    """
    with _opened(out) as (file, done):
        files = sorted(path for path in directory.rglob("*") if path.suffix in _ENDINGS and path.is_file())
        names = [str(path.relative_to(directory)) for path in files if path.resolve() != out.resolve()]
        names = [name for name in names if name not in done]
        states = Counter[str]()
        start = monotonic()
        try:
            with _progress(len(names)) as step:
                for name, found in in_processes(partial(_line, directory, options), names, jobs):
                    state, line = found or _told(name, {"error": "the process that read it died"})
                    file.write(line)
                    file.flush()
                    states[state] += 1
                    step()
        except KeyboardInterrupt:
            print(f"stopped after {states.total()} of {len(names)} files; the next run continues", file=sys.stderr)
            return 130  # the shells' exit code for an interrupt
    seconds = monotonic() - start
    told = ", ".join(f"{count} {state}" for state, count in states.most_common()) or "nothing to do"
    again = f"; {len(done)} were read before" if done else ""
    print(f"{told}, {seconds:.1f} s with {jobs} processes{again}", file=sys.stderr)
    return 0 if states.total() == states["done"] else 1


def _line(directory: Path, options: Mapping[str, Any], name: str) -> tuple[str, bytes]:
    """Read a file, in a worker process. Return how its stream ended, and its line of JSON, which may be an error."""
    try:
        found = read_stream((directory / name).read_bytes(), options)
    except Exception as error:  # noqa: BLE001 - one bad file must not stop the others
        found = {"error": f"{type(error).__name__}: {error}"}
    return _told(name, found)


def _told(name: str, found: Mapping[str, Any]) -> tuple[str, bytes]:
    return found.get("state", "unreadable"), json.dumps({"file": name, **found}).encode() + b"\n"


@contextmanager
def _opened(out: Path) -> Iterator[tuple[BinaryIO, set[str]]]:
    """Open the file to append to, without an incomplete last line. Yield it, and the names of recordings in it."""
    try:
        with out.open("ab+") as file:
            file.seek(0)
            lines = file.readlines()
            if lines and not lines[-1].endswith(b"\n"):
                file.truncate(file.tell() - len(lines.pop()))
            try:
                done = {json.loads(line)["file"] for line in lines}
            except (ValueError, KeyError, TypeError) as error:
                raise MisuseError(f"{out}: not the output of an earlier run") from error
            yield file, done
    except OSError as error:
        raise MisuseError(f"{out}: {error.strerror}") from error


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], object]]:
    """Show a progress bar on a terminal. Yield a function to call after each file."""
    if find_spec("rich") is None or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("streams", total=total)
        yield partial(progress.advance, task)
