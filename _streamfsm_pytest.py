"""The pytest plugin of ``streamfsm.testing``.

It is outside the package because pytest imports it at each start: importing ``streamfsm`` would delay pytest by a fifth
of a second for everybody who has it installed, and coverage that starts later could not measure that import.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from streamfsm.testing.laws import Logical
    from streamfsm.wires.chat.chunking import Chunk

_OPTION = "--streamfsm-captures"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("streamfsm").addoption(
        _OPTION, type=Path, metavar="DIR", help="recorded streams (*.sse) for tests that use replayed_capture"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses ``replayed_capture`` once for each recorded stream."""
    if "replayed_capture" not in metafunc.fixturenames:
        return
    directory: Path | None = metafunc.config.getoption(_OPTION)
    if directory is None:
        skip = pytest.mark.skip(reason=f"no recorded streams: give {_OPTION} DIR")
        metafunc.parametrize("replayed_capture", [pytest.param(None, marks=skip)], ids=["none"], indirect=True)
        return
    files = sorted(directory.rglob("*.sse"))
    if not files:
        raise pytest.UsageError(f"{_OPTION} {directory}: no *.sse files there")
    ids = [file.relative_to(directory).as_posix() for file in files]
    metafunc.parametrize("replayed_capture", files, ids=ids, indirect=True)


@pytest.fixture
def replayed_capture(request: pytest.FixtureRequest) -> list[Any]:
    """The chunks of one recorded stream in ``--streamfsm-captures``."""
    from streamfsm.replay import capture

    return capture.chunks(request.param.read_text(encoding="utf-8-sig"))


@pytest.fixture
def other_chunkings() -> Callable[[Logical], list[list[Chunk]]]:
    """A function that returns other chunkings of a stream: see :func:`streamfsm.testing.standard_chunkings`."""
    from streamfsm.testing import standard_chunkings

    return standard_chunkings
