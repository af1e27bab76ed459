"""Reads an archive of recordings on Ray Data, with the function that ``streamfsm replay DIR`` runs in its processes.

    pip install . 'ray[data]'
    python examples/archive/ray_data.py DIR > messages.jsonl

If a worker dies, Ray runs its rows again, with the same result, because the function depends only on the bytes of the
file.
"""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

# Without this, Ray listens on all interfaces, whatever address it is given.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"

import ray

from streamfsm.replay.archive import read_stream


def parse(row: dict[str, Any]) -> dict[str, Any]:
    """Read one recording."""
    return {"file": row["path"], "read": json.dumps(read_stream(row["bytes"], {}))}


def rows(directory: str, *, jobs: int = 2, parse: Any = parse) -> Iterator[dict[str, Any]]:
    """Yield the result of each recording in a directory."""
    ray.init(num_cpus=jobs, include_dashboard=False, object_store_memory=100 * 2**20, log_to_driver=False)
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        files = ray.data.read_binary_files(
            directory, include_paths=True, file_extensions=["sse", "jsonl"], override_num_blocks=4 * jobs
        )
        for row in files.map(parse).iter_rows():
            yield {"file": row["file"], **json.loads(row["read"])}
    finally:
        ray.shutdown()


if __name__ == "__main__":
    for each in rows(sys.argv[1]):
        print(json.dumps(each))
