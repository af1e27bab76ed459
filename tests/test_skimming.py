"""Nested text is read by what stands between its strings, with the same result as step by step."""

from typing import Any

import pytest
from channeling import DOCUMENTS, channels, fed
from helpers import cut, dumped
from hypothesis import given
from hypothesis import strategies as st
from scanning import assert_judged_as_json_loads_judges, scan

from streamfsm import Channel, coalesce
from streamfsm.core import scanner
from streamfsm.core.scanner import Scanner

NESTED = '{"a": [{"id": 17, "to": ["a", "é😀"], "at" : {"x":-1.5e3,"ok":true }}, {} , [ ], null, 0], "b": {"c": [1]}}'


@pytest.fixture(autouse=True)
def _pieces_of_any_length_are_skimmed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scanner, "_SKIMMED", range(1, 1 << 20))


def in_steps(document: str, **options: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanner, "_SKIMMED", range(0))
        return scan(list(document), **options)


def skimmed(text: str, rest: str) -> str:
    """What of the rest of a text is skimmed."""
    reader = Scanner()
    reader.feed(text, None, Silent())
    return rest[: reader._skim(rest, 0)]


class Silent:
    """Takes what a scanner tells."""

    def key(self, call: object) -> None:
        pass

    def boundary(self, call: object, event: str, emits: object = "") -> None:
        pass

    def text(self, call: object, text: str) -> None:
        pass


@pytest.mark.parametrize(
    ("text", "rest", "end"),
    [
        ('{"a":[', '1, "b", {"c": -1.5e+3, "d": [true, null]}, 20', ""),
        ('{"a":["b', 'c", "d", "e', ""),
        ('{"a":["b', "c", ""),
        ('{"a":{"b', '": 1', ""),
        ('{"a":{"b":1', "2.5 , ", ""),
        ('{"a":[1,', '"b"]', "]"),
        ('{"a":[1,', '"b", [2]], "c": 1', ", [2]], "),
        ('{"a":[1,', '"b", tru', ", tru"),
        ('{"a":[t', 'rue, "b"', 'rue, "b"'),
        ('{"a":[1,', '"b", 2 3, "c"', ", 2 3, "),
        ('{"a":[1,', '"b" "c"', ' "c"'),
        ('{"a":[1,', '"b",' + " " * 32 + '"c"', "," + " " * 32),
        ('{"a":[1,', '"b",' + " " * 31 + '"c"', ""),
        ('{"a":' + "[" * 16, '1, "b"', ""),
        ('{"a":' + "[" * 17, '1, "b"', '1, "b"'),
    ],
)
def test_a_piece_is_skimmed_up_to_what_needs_a_step(text: str, rest: str, end: str):
    left = rest.removeprefix(skimmed(text, rest))
    assert left.startswith(end)
    assert bool(left) == bool(end)
    assert scan([text, rest]) == in_steps(text + rest)


@pytest.mark.parametrize("char", ["", *'{}[]",:1e.- \\tx\n'])
def test_any_character_in_any_place_is_judged_as_in_steps(char: str):
    for at in range(len(NESTED)):
        for rest in (NESTED[at:], NESTED[at + 1 :]):
            document = NESTED[:at] + char + rest
            expected = in_steps(document)
            assert scan([document]) == expected
            assert scan([document[: at + 1], document[at + 1 :]]) == expected
            assert_judged_as_json_loads_judges(document)


def test_where_a_text_is_cut_changes_nothing():
    expected = in_steps(NESTED)
    for at in range(len(NESTED)):
        for to in range(at, len(NESTED), 7):
            assert scan([NESTED[:at], NESTED[at:to], NESTED[to:]]) == expected


@given(DOCUMENTS, st.lists(st.integers(0, 60), max_size=3), st.integers(0, 80), st.sampled_from(["", *'{}[]",: 1n']))
def test_split_merge_invariance_of_skimming(document: str, places: list[int], at: int, inserted: str):
    document = f'{{"a":[{document},{document}],"b":{document}}}'
    document = document[:at] + inserted + document[at:]
    pieces = cut(document, [place for place in places if place <= len(document)])
    for captured in ({}, {"a": "thoughts_open"}):
        assert scan(pieces, captured=captured) == in_steps(document, captured=captured)


@given(DOCUMENTS, channels(), st.integers(0, 60))
def test_nothing_that_a_channel_takes_is_skimmed(document: str, declared: list[Channel], at: int):
    document = f'{{"a":[{document},{document}],"b":{document}}}'
    some, parser = fed([document[:at], document[at:]], declared)
    steps, other = fed(list(document), declared)
    assert dumped(coalesce(some)) == [{**each, "date": some[0].date} for each in dumped(coalesce(steps))]
    assert parser.result == other.result
