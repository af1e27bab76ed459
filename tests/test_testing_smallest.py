"""Making a finding smaller."""

from streamfsm.testing import Stream
from streamfsm.testing.smallest import smallest
from streamfsm.testing.streams import call, finish, text

STREAM = Stream([*text("content", "ab cd"), *call(0, "f", "{}"), *finish("stop")], cut_names=False)


def contents(chunks):
    return [choice["delta"].get("content") for chunk in chunks for choice in chunk["choices"]]


def pair(holds):
    """What finds two chunkings, if the second holds it."""
    return lambda plain, cut: (contents(plain), contents(cut)) if holds(cut) else None


def test_only_the_atoms_that_show_it_are_left_in_the_fewest_chunks():
    assert smallest(STREAM, pair(lambda cut: "b " in "".join(filter(None, contents(cut))) and len(cut) > 1)) == (
        ["ab cd"],
        ["ab c", "d"],
    )


def test_what_shows_without_a_cut_is_not_cut():
    assert smallest(STREAM, pair(lambda cut: "ab cd" in contents(cut))) == (["ab cd"], ["ab cd"])


def test_a_cut_at_one_place_only_is_found_in_a_short_stream():
    found = smallest(STREAM, pair(lambda cut: contents(cut)[:2] == ["ab ", "cd"]))
    assert found == (["ab cd"], ["ab ", "cd"])
    long = Stream(text("content", "ab " + "c" * 99))
    assert smallest(long, pair(lambda cut: contents(cut)[:1] == ["ab "])) is None


def test_what_nothing_shows_is_not_made_smaller():
    assert smallest(STREAM, lambda *_: None) is None


def test_it_is_tried_only_so_often():
    tried = []
    assert smallest(STREAM, lambda *_: tried.append(1), most=2) is None
    assert len(tried) == 2


def test_events_with_numbers_are_numbered_anew():
    event = {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0}
    stream = Stream.of([{**event, "delta": "ab", "sequence_number": 4}])
    cut = smallest(stream, lambda _, cut: cut if len(cut) == 2 else None)
    assert [each["sequence_number"] for each in cut] == [0, 1]
