"""Text that grows: as a string would, at the memory of a string."""

import copy
import pickle
import random
import tracemalloc

import pytest

from streamfsm.core.buffer import Buffer, Passing


@pytest.mark.parametrize("seed", range(4))
def test_a_buffer_holds_what_a_string_would(seed: int):
    chance, text, buffer = random.Random(seed), "", Buffer()
    for _ in range(400):
        piece = chance.choice("ab\U0001f600\ud83d") * chance.choice([0, 1, 1, 7, 300, 40_000])
        text += piece
        buffer.write(piece)
        at, size = chance.randrange(len(text) + 2), chance.choice([0, 1, 9, 20_000, 100_000])
        if chance.random() < 0.3:
            assert buffer.part(at, size) == text[at : at + size]
        if chance.random() < 0.1:
            text = text[:at]
            buffer.cut(len(text))
        if chance.random() < 0.01:
            text = ""
            buffer.clear()
        assert buffer.size == len(text)
    assert buffer.getvalue() == text
    for again in (copy.deepcopy(buffer), pickle.loads(pickle.dumps(buffer)), Buffer(text)):  # noqa: S301 - our own
        again.write("z")
        assert (again.getvalue(), buffer.getvalue()) == (text + "z", text)


@pytest.mark.parametrize(("character", "most"), [("a", 1.2), ("é", 1.2), ("中", 2.2), ("\U0001f600", 4.2)])
def test_pieces_of_one_character_take_no_more_than_the_joined_text(character: str, most: float):
    tracemalloc.start()
    try:
        buffer = Buffer()
        for _ in range(100_000):
            buffer.write(character)
        assert tracemalloc.get_traced_memory()[0] <= most * 100_000
    finally:
        tracemalloc.stop()


def test_of_a_text_that_is_not_kept_no_part_can_be_had():
    passing = Passing("a" * 3000)
    passing.join()
    assert (passing.size, passing.getvalue(), passing.part(0, 3)) == (3000, "", "")
