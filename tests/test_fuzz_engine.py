"""The engine finds what is planted, from nothing. Needs atheris: ``make test-fuzz``."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("atheris", reason="the engine has an environment of its own: make test-fuzz")

ROOT = Path(__file__).parents[1]

# Of a file, a piece and what takes its place.
PLANTED = {
    "scanner": ("core/scanner.py", "verdict, self._base + at", "verdict, at"),
    "feed": ("core/lanes.py", '"\\ufffd" * len(self._half)', '""'),
    "body": ("wires/sse.py", "self._skip = data.endswith", "self._skip = not data.endswith"),
}


@pytest.mark.parametrize("target", PLANTED)
def test_the_engine_finds_what_is_planted(target, tmp_path):
    name, right, wrong = PLANTED[target]
    shutil.copytree(ROOT / "streamfsm", tmp_path / "streamfsm")
    path = tmp_path / "streamfsm" / name
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    process = subprocess.run(  # noqa: S603 - our own
        [sys.executable, ROOT / "fuzz" / "run.py", target, "-max_total_time=300", "-seed=1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Uncaught Python exception" in process.stdout + process.stderr
    assert list(tmp_path.glob(".fuzz/*/crash-*"))
