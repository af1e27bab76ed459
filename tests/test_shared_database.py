"""Processes share one database of examples: what one finds, the next tries first."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

# Where `pyproject.toml` asks for it.
HAS_SERVER = sys.version_info >= (3, 11) and sys.platform == "linux" and platform.machine() == "x86_64"
PROPERTY = """
import json, sys
import conftest
from hypothesis import Phase, given, settings
from parsers import Strips
from streamfsm.testing import Stream, check_split_invariance, chunkings
from streamfsm.testing.streams import text

STREAM = Stream(text("content", "some words, and more"))

@settings(max_examples=int(sys.argv[1]), phases=set(Phase) - {Phase.explain})
@given(chunkings(STREAM))
def no_cut_changes_what_is_said(cut):
    print(json.dumps(cut))
    check_split_invariance(Strips, STREAM, cut)

no_cut_changes_what_is_said()
"""


def tried(database, examples):
    """The chunkings that a new process tries, in order, and whether it finds that one breaks the law."""
    process = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", PROPERTY, str(examples)],
        env={**os.environ, "HYPOTHESIS_DATABASE": database, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == ("split invariance is broken" in process.stderr), process.stderr
    return process.stdout.splitlines(), bool(process.returncode)


@pytest.fixture(params=["directory", "redis"])
def database(request, tmp_path):
    if request.param == "directory":
        return str(tmp_path)
    if not HAS_SERVER:
        pytest.skip("no wheel here with a server that speaks redis' protocol")
    return request.getfixturevalue("valkey_url")


@pytest.mark.slow("processes that import Hypothesis, and a server")
def test_what_one_process_finds_another_tries_first(database):
    assert not tried(database, 1)[1]
    found, fails = tried(database, 1000)
    assert fails
    assert tried(database, 1) == ([found[-1]] * 2, True)
