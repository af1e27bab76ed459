"""A plain delta passes at most five modules, and never turns back; ``docs/walk.md`` shows the way."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "walk.md").read_text(encoding="utf-8")
WALKS = re.findall(r"^\| (\w[\w ]*) \| (\w[\w ]*) \| (objects|bytes) \| (\d+) \| (.*) \|$", PAGE, re.MULTILINE)


def test_every_kind_of_delta_is_walked_from_objects_and_from_bytes():
    kinds = {(wire, kind) for wire, kind, *_ in WALKS}
    assert {("Chat Completions", kind) for kind in ("content", "message", "raw arguments", "channel")} <= kinds
    assert {("Responses", kind) for kind in ("content", "raw arguments")} <= kinds
    assert {each[:3] for each in WALKS} == {(*kind, entrance) for kind in kinds for entrance in ("objects", "bytes")}


@pytest.mark.parametrize(("count", "path"), [(count, path) for *_, count, path in WALKS])
def test_a_delta_passes_at_most_five_modules_and_never_turns_back(count: str, path: str):
    way = re.findall("`(.*?)`", path)
    assert path == " → ".join(f"`{module}`" for module in way)
    assert int(count) == len(way) == len(set(way)) <= 5
    assert (way[0], way[-1]) == ("parser", "core.writer")
