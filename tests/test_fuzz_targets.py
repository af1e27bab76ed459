"""The targets of coverage-guided fuzzing, without their engine: they pass what is right."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))

import targets

TEXTS = [b"", b"\xff", b"\xe9\xed\xa0\xbd", b'{"t":"\\ud83d\\ude00","a":1}', b'{"t":1}x', b"[" * 300]


@pytest.mark.parametrize(
    "data", [*TEXTS, *(b"\xff" + kind + text for kind in (b"C", b"R", b"N", b"S") for text in TEXTS)]
)
@pytest.mark.parametrize("target", [targets.scanner, targets.feed, targets.body])
def test_a_target_takes_any_bytes(target, data):
    target(data)


@pytest.mark.parametrize("target", targets.SEEDS)
def test_a_target_passes_its_seeds(target):
    for seed in targets.SEEDS[target]:
        getattr(targets, target)(seed)
