"""The engine finds what is planted, from nothing. Needs atheris: ``make test-fuzz``."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from mutating import replaced

ROOT = Path(__file__).parents[1]

# Of a file, a place and what takes it; see `mutating.replaced`.
PLANTED = {
    "scanner": (
        "core/scanner.py",
        "self.verdict, self.error_offset = verdict, self._base + at",
        "self.verdict, self.error_offset = verdict, at",
    ),
    "feed": ("core/lanes.py", 'self._prefix + "\\ufffd" * len(self.half)', "self._prefix"),
    "body": ("wires/sse.py", 'self._skip = data.endswith(b"\\r")', "self._skip = False"),
}


def planted(target):
    """The file, and what it is to say."""
    name, right, wrong = PLANTED[target]
    return name, replaced((ROOT / "streamfsm" / name).read_text(encoding="utf-8"), right, wrong)


@pytest.mark.parametrize("target", PLANTED)
def test_what_is_planted_has_its_place(target):
    compile(*reversed(planted(target)), "exec")


@pytest.mark.skipif(not find_spec("atheris"), reason="the engine has an environment of its own: make test-fuzz")
@pytest.mark.parametrize("target", PLANTED)
def test_the_engine_finds_what_is_planted(target, tmp_path):
    shutil.copytree(ROOT / "streamfsm", tmp_path / "streamfsm")
    name, text = planted(target)
    (tmp_path / "streamfsm" / name).write_text(text, encoding="utf-8")
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
