"""Tags in text that is cut anywhere, against ``str.partition`` of the whole."""

import pytest
from helpers import splits
from hypothesis import given
from hypothesis import strategies as st

from streamfsm._tags import split_at_tag


@pytest.mark.parametrize(
    ("text", "tag", "split"),
    [
        ("", "<t>", ("", None)),
        ("abc", "<t>", ("abc", None)),
        ("a<t>b", "<t>", ("a", "b")),
        ("<t>", "<t>", ("", "")),
        ("a<t>b<t>", "<t>", ("a", "b<t>")),
        ("a<", "<t>", ("a", None)),
        ("a<t", "<t>", ("a", None)),
        ("a<<", "<t>", ("a<", None)),
        ("<t", "<t>", ("", None)),
        ("a<x", "<t>", ("a<x", None)),
        ("aab", "aabaac", ("", None)),
        ("xaabaa", "aabaac", ("x", None)),
        ("aabaab", "aabaac", ("aab", None)),
        ("<", "<", ("", "")),
        ("a", "<", ("a", None)),
    ],
)
def test_text_ends_where_a_tag_begins_or_may_begin(text, tag, split):
    assert split_at_tag(text, tag) == split


@given(st.text("<t>a"), st.sampled_from(["<t>", "<", "<<t", "t<t>t", "aa"]))
def test_every_split_finds_the_tag_that_partition_finds(text, tag):
    before, found, after = text.partition(tag)
    for pieces in splits(text[:12]) if len(text) <= 12 else ([text[:at], text[at:]] for at in range(len(text))):
        done, held = "", ""
        for place, piece in enumerate(pieces):
            decided, rest = split_at_tag(held + piece, tag)
            held = (held + piece)[len(decided) :]
            done += decided
            if rest is not None:
                assert (done, rest + "".join(pieces[place + 1 :])) == (before, after)
                break
        else:
            assert not found
            assert done + held == before
            assert len(held) < len(tag)
            assert tag.startswith(held)
