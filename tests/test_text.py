"""Halves of astral characters, against Python's UTF-16 decoder; what may become a tag, against the definition."""

import pytest
from helpers import cut, splits
from hypothesis import given
from hypothesis import strategies as st

from streamfsm.core.text import join_surrogates, may_begin

HIGH, LOW = "\ud83d", "\ude00"
TEXTS = st.text(st.sampled_from(["a", "é", "\U0001f600", "\ufffd", HIGH, LOW, "\ud800", "\udbff", "\udc00", "\udfff"]))


def joined(pieces):
    """All that is decided of a text in pieces, and what is still held at its end."""
    done, held = "", ""
    for piece in pieces:
        decided, held = join_surrogates(held, piece)
        done += decided
    return done, held


@pytest.mark.parametrize(
    ("text", "decided", "held"),
    [
        ("", "", ""),
        ("plain é \U0001f600", "plain é \U0001f600", ""),
        (HIGH + LOW, "\U0001f600", ""),
        ("a" + HIGH, "a", HIGH),
        (HIGH + HIGH, "\ufffd", HIGH),
        (HIGH + HIGH + LOW, "\ufffd\U0001f600", ""),
        (LOW, "\ufffd", ""),
        (LOW + HIGH + "a", "\ufffd\ufffda", ""),
        (HIGH + "\U0001f600", "\ufffd\U0001f600", ""),
        ("\ud800\udc00\udbff\udfff", "\U00010000\U0010ffff", ""),
    ],
)
def test_pairs_join_and_lone_halves_become_replacement_characters_at_every_split(text, decided, held):
    assert all(joined(pieces) == (decided, held) for pieces in splits(text))


def test_an_empty_piece_keeps_what_is_held():
    assert join_surrogates(HIGH, "") == ("", HIGH)


@given(TEXTS, st.lists(st.integers(0, 20)))
def test_any_cut_of_any_text_gives_what_utf_16_gives(text, at):
    done, held = joined(cut(text, [index for index in at if index <= len(text)]))
    truth = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert done + "\ufffd" * len(held) == truth


@pytest.mark.parametrize(
    ("text", "tag", "held"),
    [
        ("", "<t>", ""),
        ("abc", "<t>", ""),
        ("a<", "<t>", "<"),
        ("a<t", "<t>", "<t"),
        ("a<<", "<t>", "<"),
        ("<t", "<t>", "<t"),
        ("a<x", "<t>", ""),
        ("aab", "aabaac", "aab"),
        ("xaabaa", "aabaac", "aabaa"),
        ("aabaab", "aabaac", "aab"),
        ("a", "<", ""),
    ],
)
def test_the_longest_proper_prefix_of_the_tag_is_held(text, tag, held):
    assert text[may_begin(text, tag) :] == held


@given(st.text("<t>a"), st.sampled_from(["<t>", "<", "<<t", "t<t>t", "aa"]))
def test_what_is_held_is_the_longest_proper_prefix_that_ends_the_text(text, tag):
    ends = [text[at:] for at in range(len(text) + 1)]
    assert text[may_begin(text, tag) :] == max((end for end in ends if tag.startswith(end) and end != tag), key=len)
