"""The pytest plugin, in pytest runs of its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import chunk

from streamfsm.replay import capture

pytest_plugins = ["pytester"]

TESTS = """
from streamfsm.testing import TracedParser, check_split_invariance

def test_capture(replayed_capture, other_chunkings):
    check_split_invariance(TracedParser, replayed_capture, *other_chunkings(replayed_capture))
    print(len(replayed_capture), len(other_chunkings(replayed_capture)))

def test_other():
    pass
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Runs pytest with the plugin and no other, whether the environment knows its entry point or not."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(TESTS)
    for name in ("one", "two"):
        path = pytester.mkdir(name) / f"{name}.sse"
        path.write_text("\ufeff" + capture.body([chunk(content="Hi")]), encoding="utf-8")
    return lambda *arguments: pytester.runpytest_inprocess("-p", "_streamfsm_pytest", "-s", "-v", *arguments)


def test_a_test_runs_once_for_each_recorded_stream(run):
    result = run("--streamfsm-captures", ".")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*test_capture?one/one.sse? 1 5*", "*test_capture?two/two.sse? 1 5*"])


def test_without_the_option_the_test_is_skipped_with_a_reason(run):
    result = run("-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*no recorded streams: give --streamfsm-captures DIR*"])


def test_a_directory_without_recorded_streams_is_a_usage_error(run):
    result = run("--streamfsm-captures", "nowhere")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "--streamfsm-captures nowhere: no *.sse files there" in result.stdout.str() + result.stderr.str()


def test_the_plugin_costs_nothing_to_who_does_not_use_it():
    code = "import _streamfsm_pytest, sys; print([name for name in ('streamfsm', 'hypothesis') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert found.stdout.strip() == "[]"


def test_pytest_finds_the_plugin():
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'^\[project.entry-points.pytest11\]\nstreamfsm = "_streamfsm_pytest"$', project, re.MULTILINE)
    assert re.search(r'^only-include = .*"_streamfsm_pytest.py"', project, re.MULTILINE)
