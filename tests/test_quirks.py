r"""What real servers do, a document a family in ``quirks/``, a few chunks a quirk. Every document is run.

Under each ``## heading`` and its reason stand fenced blocks:

- ``wire``: one JSON chunk a line; or ``sse``: a body, whose events are read with each of the three line ends; or
  ``body``: the same for a body whose bytes are fed, whole and in pieces.
- ``messages``: the coalesced messages, one a line: ``reasoning "…"``, ``assistant "…"`` and ``arguments "…"`` with the
  text as JSON, ``call name (id)``, ``hidden omitted``, ``stop end_turn``. Arguments of another call than the line
  before are ``arguments (id) "…"``; a line of another choice than 0 begins with its index, as in ``1: assistant "…"``.
- ``result``, optional: ``path: value`` as JSON, a path into the result. ``anomalies`` are kinds, none where not given.

A line ``options: {…}`` before them gives the parser's options as JSON.
"""

from pathlib import Path

import pytest
from quirk_documents import assert_is_read_as_told

DOCUMENTS = Path(__file__).parent / "quirks"


def sections() -> dict[str, str]:
    """Heading → the text under it."""
    found: dict[str, str] = {}
    for document in sorted(DOCUMENTS.glob("*.md")):
        for section in document.read_text(encoding="utf-8").split("\n## ")[1:]:
            name, text = section.split("\n", 1)
            assert name not in found, f"two quirks called {name!r}"
            found[name] = text
    return found


SECTIONS = sections()


@pytest.mark.parametrize("name", SECTIONS)
def test_a_quirk_is_read_as_its_document_says(name):
    assert_is_read_as_told(SECTIONS[name])
