"""Snapshots that were made once are restored by every release whose schema is theirs, and refused by any other."""

import json

import pytest
from golden import CASES, FOLDER, fed, version
from rich_stream import RICH_OPTIONS

from streamfsm import MisuseError, StreamParser

OURS = FOLDER / f"version_{version()}"
OTHERS = [file for file in sorted(FOLDER.glob("*/*.json")) if file.parent != OURS]


def test_every_case_is_kept_in_the_schema_of_now():
    assert {file.stem for file in OURS.glob("*.json")} == set(CASES), "run: python tests/golden.py"


@pytest.mark.parametrize("name", CASES)
def test_a_golden_snapshot_goes_on_as_if_nothing_had_been(name):
    before, after = CASES[name]
    parser = StreamParser(**RICH_OPTIONS)
    fed(parser, before)
    restored = StreamParser.restore(json.loads((OURS / f"{name}.json").read_text(encoding="utf-8")))
    assert restored.result == parser.result
    assert fed(restored, after) == fed(parser, after)
    assert (restored.result, restored.state) == (parser.result, parser.state)


@pytest.mark.parametrize("file", OTHERS, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_golden_snapshot_of_another_schema_is_refused_and_both_versions_are_named(file):
    snapshot = json.loads(file.read_text(encoding="utf-8"))
    with pytest.raises(MisuseError, match=f"version {snapshot['version']}.* version {version()}"):
        StreamParser.restore(snapshot)
