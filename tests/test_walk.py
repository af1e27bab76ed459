"""A plain delta does not turn back in the core, and passes few modules; ``docs/walk.md`` shows the way."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "walk.md").read_text(encoding="utf-8")
WALKS = re.findall(r"^\| (\w[\w ]*) \| (objects|bytes) \| (\d+) \| (.*) \|$", PAGE, re.MULTILINE)


def test_every_kind_of_delta_is_walked_from_objects_and_from_bytes():
    kinds = {kind for kind, *_ in WALKS}
    assert {"content", "message", "raw arguments", "channel"} <= kinds
    assert {(kind, entrance) for kind, entrance, *_ in WALKS} == {
        (kind, entrance) for kind in kinds for entrance in ("objects", "bytes")
    }


@pytest.mark.parametrize(("kind", "count", "path"), [(kind, count, path) for kind, _, count, path in WALKS])
def test_a_delta_passes_few_modules_and_turns_back_once_before_the_core(kind: str, count: str, path: str):
    way, _, core = path.partition(" → `core.response`")
    assert "←" not in core
    assert way.count("←") == 1
    assert int(count) == len(set(re.findall("`(.*?)`", path))) <= (6 if kind == "content" else 7)
    assert re.findall("`(.*?)`", core)[-1] == "core.writer"
