"""Every way to cut, and the count of them."""

from math import comb

import pytest
from parsers import Doubles, Plain, Strips

from streamfsm.testing import LawBroken, Stream, check_every_split, cuts, splits
from streamfsm.testing.exhaustive import chunkings
from streamfsm.testing.streams import call, finish, text


@pytest.mark.parametrize("length", range(13))
def test_a_short_text_is_cut_in_all_ways(length):
    ways = list(splits("abcdefghijkl"[:length]))
    assert len({tuple(way) for way in ways}) == len(ways) == 2 ** max(length - 1, 0)
    assert all("".join(way) == "abcdefghijkl"[:length] for way in ways)


@pytest.mark.parametrize("length", [13, 79, 80, 200])
def test_a_longer_text_is_cut_in_two_and_three_and_by_every_size(length):
    text = "x" * length
    ways = list(splits(text))
    assert all("".join(way) == text for way in ways)
    assert sum(len(way) == 1 for way in ways) == 1
    assert {len(way) for way in ways if len({*map(len, way[:-1])}) == 1} >= {2, length}
    three = sum(sort == "3-way" for sort, _ in cuts(length))
    assert three == (comb(length - 1, 2) if length < 80 else 0)
    assert sum(sort == "2-way" for sort, _ in cuts(length)) == length - 1


def test_a_short_stream_is_cut_and_merged_in_all_ways_and_they_are_counted():
    stream = Stream([*text("content", "ab"), *call(0, "f", "{}"), *finish("stop")])
    assert check_every_split(Plain, stream) == {"all": 32}
    ways = [chunks for _, chunks in chunkings(stream)]
    assert {len(chunks) for chunks in ways} == {1, 2, 3, 4, 5, 6}
    assert all(ways.count(chunks) == 1 for chunks in ways)


def test_a_longer_stream_is_covered_by_sorts():
    stream = Stream(text("content", "x" * 20))
    assert check_every_split(Plain, stream) == {"whole": 1, "2-way": 19, "by size": 19, "3-way": comb(19, 2)}


@pytest.mark.parametrize("parse", [Strips, Doubles])
def test_a_cut_that_breaks_a_parser_is_found(parse):
    with pytest.raises(LawBroken, match="split invariance is broken"):
        check_every_split(parse, Stream(text("content", 'say "hi" you')))
