"""What may become a tag, against the definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfsm._tags import may_begin


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
