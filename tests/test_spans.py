"""Spans are JSON, and reading them at once changes nothing: a character a piece, no span is read."""

import json
from typing import Any

import pytest
from channeling import DOCUMENTS, channels, fed
from helpers import cut, dumped
from hypothesis import example, given
from hypothesis import strategies as st
from scanning import assert_judged_as_json_loads_judges, decoder, scan, text

from streamfsm import Channel, coalesce
from streamfsm.core import scanner, spans

MEMBERS = r'"a":1, "b" :[-0.5e+1,[],{}], "\u00e9":"\ud83d\n", "c":{"x":[true ,null],"y":{"z":"é😀"}}'
ELEMENTS = r'1, "a\"b" ,[0,[false,-1],{"a":1 }],{"b":{"c":1.5}} , null,"\\",{}'
NESTED = f'{{"a":[{ELEMENTS}],"b":{{{MEMBERS}}}}}'


@pytest.fixture(autouse=True)
def _no_piece_is_skimmed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scanner, "_SKIMMED", range(0))


@pytest.mark.parametrize(
    ("pattern", "whole", "closing"),
    [(spans.members(), MEMBERS, "}"), (spans.elements(), ELEMENTS, "]")],
    ids=["members", "elements"],
)
def test_a_span_is_all_that_is_whole(pattern: Any, whole: str, closing: str):
    assert pattern.match(whole + closing).end() == len(whole)
    assert pattern.match(whole + "," + whole).end() > len(whole)
    assert pattern.match(closing + whole).end() == 0


@pytest.mark.parametrize(
    "text",
    [
        "1", "tru", "truex,", '"a', '"a"', "[1,]", "[1,2", "{]", '{"a":1,}', "01,", "1.,", ".5,", "+1,", "1 2,", "NaN,",
        "'a',", '"\n",', r'"\x",', r'"\u12G4",', "-Infinity,", "\u00a01,", "١,", "{a:1},", '{"a" 1},', "[[[[1]]]],",
        ",",
    ],
)  # fmt: skip
def test_what_is_not_whole_or_not_json_or_too_deep_is_no_span(text: str):
    assert spans.elements().match(text).end() == 0
    assert spans.members().match(f'"a":{text}').group() in ("", '"a":')


@example("[01]", 1)
@given(DOCUMENTS | st.text('{}[]",:01e.- \\utn\n', max_size=40), st.integers(0, 20))
def test_whatever_a_span_holds_is_json(document: str, at: int):
    for pattern, opening, closing in ((spans.elements(), "[", "]"), (spans.members(), "{", "}")):
        found = pattern.match(document, at)
        span = found.group()[: found.start("key") - at if "key" in found.groupdict() and found["key"] else None]
        decoder().decode(opening + span.rstrip(" \t\n\r").removesuffix(",") + closing)


def in_steps(document: str, **options: Any) -> Any:
    return scan(list(document), **options)


@pytest.mark.parametrize("shortest", [0, spans.SHORTEST])
@pytest.mark.parametrize("longest", [1, 2, 3, 5, 8, 13, 21, 34, spans.LONGEST])
def test_how_long_spans_are_changes_nothing(monkeypatch: pytest.MonkeyPatch, shortest: int, longest: int):
    expected = in_steps(NESTED)
    monkeypatch.setattr(spans, "SHORTEST", shortest)
    monkeypatch.setattr(spans, "LONGEST", longest)
    assert scan([NESTED]) == expected
    assert all(scan([NESTED[:at], NESTED[at:]]) == expected for at in range(len(NESTED)))


@pytest.mark.slow("thousands of documents")
@pytest.mark.parametrize("char", ["", *'{}[]",:1e.- \\tx\n'])
def test_any_character_in_any_place_is_judged_in_spans_as_in_steps(char: str):
    for at in range(len(NESTED)):
        for rest in (NESTED[at:], NESTED[at + 1 :]):
            document = NESTED[:at] + char + rest
            assert scan([document]) == in_steps(document)
            assert_judged_as_json_loads_judges(document)


@given(DOCUMENTS, st.lists(st.integers(0, 60), max_size=3), st.sampled_from([0, 3, spans.SHORTEST]))
def test_split_merge_invariance_of_spans(document: str, places: list[int], shortest: int):
    document = f'{{"a":[{document},{document}],"b":{document}}}'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spans, "SHORTEST", shortest)
        pieces = cut(document, [place for place in places if place <= len(document)])
        for captured in ({}, {"a": "thoughts_open"}):
            assert scan(pieces, captured=captured) == in_steps(document, captured=captured)


@given(
    DOCUMENTS,
    st.integers(0, 80),
    st.sampled_from([",", ", ", *'{}[]":1 ']),
    st.integers(1, 40),
    st.sampled_from([0, 16]),
)
def test_what_is_inserted_is_judged_alike_however_long_spans_are(
    document: str, at: int, inserted: str, longest: int, shortest: int
):
    document = f'{{"a":[{document},{document}],"b":{document}}}'
    document = document[:at] + inserted + document[at:]
    expected = in_steps(document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spans, "LONGEST", longest)
        patch.setattr(spans, "SHORTEST", shortest)
        assert scan([document]) == expected


@pytest.mark.parametrize("end", ["]}", " ]}", "}", " }", "1]}"])
def test_a_comma_where_a_span_ends_may_not_be_the_last(end: str):
    for more in range(-3, 4):
        for document in (
            '{"a":[' + "1," * 512 + " " * (more + 3) + end,
            '{"a":[' + "1" * (more + 3) + ",2" * 511 + "," + end,
        ):
            assert scan([document]) == in_steps(document)
            assert_judged_as_json_loads_judges(document)


@given(DOCUMENTS, channels(), st.integers(0, 60))
def test_nothing_that_a_channel_takes_is_in_a_span(document: str, declared: list[Channel], at: int):
    document = f'{{"a":[{document},{document}],"b":{document}}}'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spans, "SHORTEST", 0)
        some, parser = fed([document[:at], document[at:]], declared)
    steps, other = fed(list(document), declared)
    assert dumped(coalesce(some)) == [{**each, "date": some[0].date} for each in dumped(coalesce(steps))]
    assert parser.result == other.result


def test_a_large_array_is_read_in_spans():
    document = f'{{"a":[{",".join([NESTED] * 500)}]}}'
    assert json.loads(document)
    assert scan([document]) == ([text(document), ("object_closed", "")], "valid", None, [])
