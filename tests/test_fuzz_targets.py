"""The targets of coverage-guided fuzzing, without their engine: they pass what is right."""

import random
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


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("target", [targets.objects, targets.passing, targets.snapshots, targets.files])
def test_a_target_takes_any_choices(target, seed):
    chance = random.Random(seed)
    target(chance.randbytes(chance.randint(0, 200)))


def test_arguments_that_come_again_are_no_finding():
    targets.feed(b"\xff!\xfd\xfd")


def test_choices_are_made_by_the_bytes_and_then_by_zeros():
    chance = targets.Choices(b"\x03\x17\x00")
    assert [chance.choice("abcdefgh") for _ in range(4)] == ["d", "h", "a", "a"]


@pytest.mark.parametrize("target", targets.SEEDS)
def test_a_target_passes_its_seeds(target):
    for seed in targets.SEEDS[target]:
        getattr(targets, target)(seed)
