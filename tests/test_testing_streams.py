"""Logical streams of the kit."""

import pytest
from helpers import call_chunks, chunk

from streamfsm.testing import LawBroken, Stream
from streamfsm.testing.reports import difference, side_by_side
from streamfsm.testing.streams import call, finish, text, usage
from streamfsm.wires.chat.chunking import Atom, pack

WHOLE = Stream([*text("reasoning", "Hm"), *text("content", "Hi"), *call(0, "fg", "{}"), *finish("stop"), *usage(1, 2)])


def test_a_stream_is_cut_before_the_pieces_that_are_named():
    stream = Stream(text("content", "abc"))
    said = [[each["choices"][0]["delta"]["content"] for each in stream.cut(places)] for places in ([], [1], [2, 1])]
    assert said == [["abc"], ["a", "bc"], ["a", "b", "c"]]


def test_what_has_no_text_is_one_piece_and_so_is_a_name_that_may_not_be_cut():
    assert len(WHOLE.pieces) == 2 + 2 + 2 + 2 + 1 + 1
    assert len(Stream(WHOLE.atoms, cut_names=False).pieces) == len(WHOLE.pieces) - 1


def test_a_stream_of_chunks_keeps_recorded_names_whole_and_a_stream_is_itself():
    stream = Stream.of(call_chunks("name", ["{", "}"]))
    assert [piece.text for piece in stream.pieces] == ["name", "{", "}", ""]
    assert Stream.of(WHOLE) is WHOLE


def test_what_is_said_is_told_by_kind_and_key():
    atoms = [*WHOLE.atoms, *text("refusal", "no", choice=1), *call(0, "g", "[]", choice=1), *call(1, "h", "")]
    assert Stream(atoms).said() == {
        ("reasoning", 0): "Hm",
        ("content", 0): "Hi",
        ("name", "call_0_0"): "fg",
        ("arguments", "call_0_0"): "{}",
        ("refusal", 1): "no",
        ("name", "call_1_0"): "g",
        ("arguments", "call_1_0"): "[]",
        ("name", "call_0_1"): "h",
    }
    assert Stream([]).said() == {}
    assert text("content", "") == finish(None) == []


@pytest.mark.parametrize("place", range(12))
def test_a_stream_parts_at_every_piece(place):
    before, after = WHOLE.parted(place)
    assert pack([*before, *after]) == pack(WHOLE.atoms)
    assert len(Stream(before).pieces) == min(place, len(WHOLE.pieces))


def test_a_name_that_may_not_be_cut_goes_with_what_follows():
    before, after = Stream(call(0, "name", "{}"), cut_names=False).parted(1)
    assert [atom.text for atom in before] == ["name"]
    assert [atom.text for atom in after] == ["{}"]


def test_a_stream_is_shown_an_atom_a_line():
    stream = Stream([*WHOLE.atoms, *text("content", "x", choice=1), Atom("opaque", None, chunk=None)])
    assert repr(stream).splitlines() == [
        "Stream:",
        "    reasoning 'Hm'",
        "    content 'Hi'",
        "    name 'fg' {'index': 0, 'id': 'call_0_0', 'type': 'function'}",
        "    arguments '{}' {'index': 0}",
        "    finish {'finish_reason': 'stop'}",
        "    usage {'prompt_tokens': 1, 'completion_tokens': 2}",
        "    choice 1 content 'x'",
        "    chunk null",
    ]


# -- reports of them ---------------------------------------------------------------------------------------------------


def test_a_long_section_of_a_report_is_shown_from_both_ends():
    chunks = [chunk(content=str(number)) for number in range(100)]
    report = str(LawBroken("total", "something", chunks)).splitlines()
    assert report[:3] == ["total is broken: something", "", "100 chunks:"]
    assert len(report) == 3 + 61
    assert report[33] == "    … 40 more …"
    assert '"99"' in report[-1]


def test_a_report_is_for_any_terminal_and_any_chunk():
    report = str(LawBroken("total", "something", [None, {"x": object}, {"model": "left out", "x": "\ud83d\u2028"}]))
    assert report.isascii()
    assert report.splitlines()[3:] == [
        "     1  null",
        '     2  {"x":"<class \'object\'>"}',
        '     3  {"x":"\\ud83d\\u2028"}',
    ]


def test_columns_of_different_lengths_are_shown_side_by_side():
    assert side_by_side(["a", "b"], ["a"]) == ["  a   a", "≠ b"]
    assert side_by_side(["a"]) == ["  a"]
    report = str(LawBroken("total", "something", [{}], logs=[["step one"], [2]]))
    assert report.splitlines()[-1] == "    ≠ step one   2"


@pytest.mark.parametrize(
    ("one", "other", "where"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "result['a'][1]['b']\n    A  2\n    B  3"),
        ({"a": 1}, {"b": 1}, "result['a']\n    A  1\n    B  None"),
        ([1], [1, 2], "result[1]\n    A  None\n    B  2"),
        ({"a": None}, {}, "result\n    A  {'a': None}\n    B  {}"),
        (1, [1], "result\n    A  1\n    B  [1]"),
    ],
)
def test_two_results_are_told_apart_at_the_first_place_that_differs(one, other, where):
    assert difference(one, other) == where
