"""Every recorded Chat Completions stream: nothing raises, and every chunking says the same.

The recordings lie beside the project, with their licences; they are read where they are and never copied.
"""

import os
from functools import partial
from typing import Any

import pytest
from recordings import CAPTURES, FILES

from streamfsm.replay import capture
from streamfsm.testing import TracedParser, check_split_invariance
from streamfsm.wires.chat.chunking import every


def test_the_recordings_are_there():
    if not FILES and not os.environ.get("CI"):
        pytest.skip(f"no recordings in {CAPTURES.name}; they are not part of the project")
    assert sum(name.startswith("chat/") for name in FILES) == 277
    assert sum(name.startswith("quirks/") for name in FILES) == 58


@pytest.mark.slow("every recording in several chunkings")
@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("name", FILES)
def test_every_chunking_of_a_recording_says_the_same(name: str):
    chunks: list[Any] = capture.chunks((CAPTURES / name).read_text(encoding="utf-8"))
    check_split_invariance(TracedParser, chunks, seconds=60)
    plain = partial(TracedParser, inner_thoughts_kwarg=None, assistant_tool=None, think_tags=("<think>", "</think>"))
    check_split_invariance(plain, chunks, every(1)(chunks), seconds=60)
