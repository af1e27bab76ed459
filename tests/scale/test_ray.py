"""The archive's function on Ray Data, of which a worker is killed: nothing is lost, and nothing comes twice."""

import os
import signal
import sys
from pathlib import Path

import pytest
from piecewise import BODIES, EXAMPLES

from streamfsm.replay.archive import read_stream

pytest.importorskip("ray", reason="Ray is not installed")
sys.path.insert(0, str(EXAMPLES / "archive"))
import ray_data


def test_a_killed_worker_costs_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES / "archive"))  # for Ray's workers, which import the function
    folder, mark = tmp_path / "archive", tmp_path / "killed"
    folder.mkdir()
    for number in range(10):
        for kind, body in enumerate(BODIES):
            (folder / f"{number}-{kind}.sse").write_bytes(body + f": {number}\n\n".encode())
    parse = ray_data.parse

    def dies_once(row):
        if row["path"].endswith("5-2.sse") and not Path(mark).exists():
            Path(mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return parse(row)

    found = list(ray_data.rows(str(folder), parse=dies_once))
    assert mark.exists()
    expected = {str(path): read_stream(path.read_bytes(), {}) for path in folder.iterdir()}
    assert len(found) == len(expected)
    assert {each.pop("file"): each for each in found} == expected
