"""Cutting a stream elsewhere: atoms, packing, and chunkings by name."""

import copy
from itertools import pairwise

import pytest
from helpers import call, call_chunks, chunk, chunked
from hypothesis import given
from hypothesis import strategies as st
from streams import ENVELOPE, chunkings, outcome, streams

from streamfsm.core.events import CallPiece, Recorder, Text
from streamfsm.wires.chat.chunking import at_random, cutter, every, pack, split, whole
from streamfsm.wires.chat.dialect import Dialect
from streamfsm.wires.chat.reader import ChatCompletions


def kinds(chunks):
    """Atoms in short: kind and text, with the choice where it is not the first."""
    return [
        (atom.kind, atom.text) if not atom.choice else (atom.kind, atom.text, atom.choice) for atom in split(chunks)
    ]


# -- taking apart ------------------------------------------------------------------------------------------------------

EVERYTHING = chunk(
    call(0, "a", "f", "{}"),
    call(1, "b", "g"),
    call(0, arguments="x"),
    refusal="No",
    content="Hi",
    reasoning="Hm",
    finish="stop",
    usage={"prompt_tokens": 1},
)
ATOMS = {
    "everything, in reading order": (
        [EVERYTHING],
        [
            ("reasoning", "Hm"),
            ("content", "Hi"),
            ("refusal", "No"),
            ("name", "f"),
            ("arguments", "{}"),
            ("name", "g"),
            ("arguments", "x"),
            ("finish", ""),
            ("usage", ""),
        ],
    ),
    "reasoning in two fields of one text": (
        [chunk(reasoning="a", reasoning_content="a")],
        [("reasoning", "a")],
    ),
    "reasoning in two fields of two texts": (
        [chunk(reasoning="b", reasoning_content="a")],
        [("opaque", "")],
    ),
    "choices": (
        [{"choices": [chunk(content="a", choice=1)["choices"][0], chunk(content="b")["choices"][0]]}],
        [("content", "a", 1), ("content", "b")],
    ),
    "choices without an index": (
        [{"choices": [{"delta": {"content": "a"}}, {"delta": {"content": "b"}}]}],
        [("content", "a"), ("content", "b", 1)],
    ),
    "a call with an id and arguments": ([chunk(call(0, "a", None, "{}"))], [("name", ""), ("arguments", "{}")]),
    "a call with nothing": ([chunk(call(0))], [("name", "")]),
    "null fields": (
        [chunk({"index": 0, "id": None, "function": {"name": None, "arguments": "x"}}, content=None, refusal=None)],
        [("arguments", "x")],
    ),
}


@pytest.mark.parametrize(("chunks", "atoms"), ATOMS.values(), ids=ATOMS)
def test_chunks_are_taken_apart_into_pieces_of_fields(chunks, atoms):
    assert kinds(chunks) == atoms


OPAQUE = {
    "no choices": {"id": "x"},
    "an empty list of choices": {"choices": [], "usage": {"prompt_tokens": 1}},
    "choices that are no list": {"choices": "x"},
    "a choice that is no object": {"choices": ["x"]},
    "a null delta": {"choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]},
    "an error": {"error": {"message": "boom"}},
    "an error beside text": {**chunk(content="x"), "error": {"message": "boom"}},
    "an error in a choice": {"choices": [{"index": 0, "delta": {"content": "x"}, "error": "boom"}]},
    "an error in a delta": chunk(content="x", error="boom"),
    "an error in a message": {"choices": [{"index": 0, "delta": {"content": "x"}, "message": {"error": "boom"}}]},
    "only a role": chunk(role="assistant", content=""),
    "an empty delta": chunk(),
    "a legacy function call": chunk(function_call={"name": "f", "arguments": "{}"}),
    "content in parts": chunk(content=[{"type": "text", "text": "x"}]),
    "content in parts between others": chunk(reasoning="a", content=[{"type": "text", "text": "x"}], refusal="b"),
    "a call that is no object": chunk(tool_calls=["x"]),
    "a call without a function": chunk({"index": 0, "id": "a"}),
    "arguments that are an object": chunk({"index": 0, "id": "a", "function": {"name": "f", "arguments": {"a": 1}}}),
}


@pytest.mark.parametrize("odd", OPAQUE.values(), ids=OPAQUE)
def test_what_cannot_be_taken_apart_stays_as_it_is_and_where_it_is(odd):
    before, after = chunk(content="before"), chunk(content="after")
    assert [atom.kind for atom in split([odd])] == ["opaque"]
    for cut in (whole, every(1), at_random(1)):
        chunks = cut([before, odd, after])
        assert chunks.count(odd) == 1
        place = chunks.index(odd)
        sides = (chunks[:place], chunks[place + 1 :])
        assert ["".join(each["choices"][0]["delta"]["content"] for each in side) for side in sides] == [
            "before",
            "after",
        ]


def test_of_several_choices_only_the_odd_one_stays_whole():
    odd = chunk(content=[{"text": "x"}], choice=1)["choices"][0]
    plain = chunk(content="ab")["choices"][0]
    chunks = every(1)([{"id": "r", "choices": [plain, odd]}])
    assert [each["choices"][0]["delta"]["content"] for each in chunks] == ["a", "b", [{"text": "x"}]]
    assert all(each["id"] == "r" for each in chunks)


# -- cutting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lengths", "pieces"),
    [
        ([], ["abcdef"]),
        ([2], ["ab", "cdef"]),
        ([1, 2, 3], ["a", "bc", "def"]),
        ([6], ["abcdef"]),
        ([4, 9], ["abcd", "ef"]),
        ([5, 1], ["abcde", "f"]),
    ],
)
def test_an_atom_is_cut_into_lengths_and_a_rest(lengths, pieces):
    (atom,) = split([chunk(content="abcdef")])
    assert [piece.text for piece in atom.pieces(lengths)] == pieces


def test_what_travels_with_a_piece_travels_with_the_first():
    wire = chunk(call(0, "a", None, "{}"), role="assistant", content="xy")
    wire["choices"][0]["logprobs"] = {"content": []}
    content, name, arguments = split([wire])
    first, second = content.pieces([1])
    assert (first.delta, first.outer) == ({"role": "assistant"}, {"logprobs": {"content": []}})
    assert (second.delta, second.outer, second.envelope) == ({}, {}, first.envelope)
    assert name.call == {"index": 0, "id": "a", "type": "function"}
    assert [piece.call for piece in arguments.pieces([1])] == [{"index": 0}] * 2


def test_nothing_of_a_chunk_is_lost_when_it_is_put_together_again():
    wire = chunk(call(0, "a", "f", "{}"), role="assistant", content="xy", finish="stop", usage={"prompt_tokens": 1})
    wire["choices"][0]["logprobs"] = {"content": []}
    assert pack(split([wire])) == [wire]


@given(st.data(), streams(calls=1))
def test_cutting_leaves_the_chunks_it_was_given_as_they_were(data, stream):
    chunks = data.draw(chunkings(stream))
    before = copy.deepcopy(chunks)
    for cut in (whole, every(2), at_random(data.draw(st.integers(0, 9)))):
        cut(chunks)
        assert chunks == before


# -- packing -----------------------------------------------------------------------------------------------------------


def merged(*chunks):
    return len(whole(chunks)) == 1


# Two chunks, and whether one chunk can say the same.
PAIRS = {
    "the same field": (chunk(content="a"), chunk(content="b"), True),
    "reasoning, then content": (chunk(reasoning="a"), chunk(content="b"), True),
    "content, then reasoning": (chunk(content="a"), chunk(reasoning="b"), False),
    "content, then a refusal": (chunk(content="a"), chunk(refusal="b"), True),
    "a refusal, then content": (chunk(refusal="a"), chunk(content="b"), False),
    "content, then a call": (chunk(content="a"), chunk(call(0, "a", "f", "{}")), True),
    "a call, then content": (chunk(call(0, "a", "f", "{}")), chunk(content="a"), False),
    "one reasoning field, then the other": (chunk(reasoning="a"), chunk(reasoning_content="b"), False),
    "two reasoning fields, then one": (chunk(reasoning="a", reasoning_content="a"), chunk(reasoning="b"), False),
    "two calls": (chunk(call(0, "a", "f", "{}")), chunk(call(1, "b", "g", "{}")), True),
    "a name, then arguments": (chunk(call(0, "a", "f")), chunk(call(0, arguments="{}")), True),
    "text, then a finish": (chunk(content="a"), chunk(finish="stop"), True),
    "a finish, then text": (chunk(finish="stop"), chunk(content="a"), False),
    "two finishes": (chunk(finish="stop"), chunk(finish="stop"), False),
    "text, then usage": (chunk(content="a"), chunk(content="b", usage={"prompt_tokens": 1}), True),
    "usage, then text": (chunk(content="a", usage={"prompt_tokens": 1}), chunk(content="b"), False),
    "usage, then another choice": (
        chunk(content="a", usage={"prompt_tokens": 1}),
        chunk(content="b", choice=1),
        False,
    ),
    "a finish, then another choice": (chunk(finish="stop"), chunk(content="a", choice=1), True),
    "another choice, then a first": (chunk(content="a", choice=1), chunk(content="a"), True),
}


@pytest.mark.parametrize(("first", "second", "may_share"), PAIRS.values(), ids=PAIRS)
def test_two_chunks_become_one_where_the_order_of_the_wire_allows(first, second, may_share):
    assert merged(first, second) == may_share


def test_a_choice_that_was_left_is_not_gone_back_to_in_one_chunk():
    assert len(whole([chunk(content="a"), chunk(content="b", choice=1), chunk(content="c")])) == 2


@pytest.mark.parametrize(
    ("sizes", "packed"),
    [([], ["abcd"]), ([1], ["a", "bcd"]), ([2, 1], ["ab", "c", "d"]), ([1] * 9, ["a", "b", "c", "d"])],
)
def test_a_size_says_how_many_atoms_go_into_a_chunk(sizes, packed):
    chunks = pack(split([chunk(content=character) for character in "abcd"]), sizes)
    assert [each["choices"][0]["delta"]["content"] for each in chunks] == packed


def test_the_same_entries_of_a_call_are_one_entry_and_others_are_not():
    (one,) = whole([*call_chunks("f", ['{"a"', ":1}"], finish=None), chunk(call(1, "b", "f", "{}"))])
    assert one["choices"][0]["delta"]["tool_calls"] == [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"index": 1, "id": "b", "type": "function", "function": {"name": "f", "arguments": "{}"}},
    ]


def test_a_repeated_id_or_a_late_name_is_an_entry_of_its_own():
    (one,) = whole([chunk(call(0, "a", "f", "{")), chunk(call(0, "a", None, "1")), chunk(call(0, None, "f"))])
    entries = one["choices"][0]["delta"]["tool_calls"]
    assert [(each.get("id"), each["function"]) for each in entries] == [
        ("a", {"name": "f", "arguments": "{"}),
        ("a", {"name": "", "arguments": "1"}),
        (None, {"name": "f"}),
    ]


def test_a_name_that_comes_again_is_an_entry_of_its_own():
    (one,) = whole([chunk(call(0, "a", "get_")), chunk(call(0, "a", "get_time"))])
    entries = one["choices"][0]["delta"]["tool_calls"]
    assert [each["function"]["name"] for each in entries] == ["get_", "get_time"]


def read(chunks):
    """What chunks say, in order: text by the character, so that no cut shows."""
    source = ChatCompletions(Dialect(choice="many"))  # otherwise entries may wait, and what follows overtakes them
    recorder, found = Recorder(), []
    for each in chunks:
        source.read(each, recorder)
    for event in recorder.events:
        match event:
            case Text(choice, field, text):
                found += [(choice, field, character) for character in text]
            case CallPiece(choice, index, call_id, name, arguments):
                found += [(choice, index, "id", call_id)] * bool(call_id)
                found += [(choice, index, "name", character) for character in name]
                found += [(choice, index, "arguments", character) for character in arguments]
            case _:
                found.append(event)
    return found


@given(st.data(), streams())
def test_merging_keeps_the_order_of_the_wire(data, stream):
    sizes = data.draw(st.lists(st.integers(1, 6), max_size=8))
    plain = stream.plain()
    assert read(pack(stream.atoms, sizes)) == read(plain)
    assert read(whole(plain)) == read(plain)


@given(st.data(), streams(calls=2))
def test_taken_apart_and_packed_again_a_stream_says_the_same(data, stream):
    chunks = data.draw(chunkings(stream))
    expected = outcome(chunks)
    assert outcome(pack(split(chunks), data.draw(st.lists(st.integers(1, 4), max_size=9)))) == expected
    for cut in (whole, every(1), every(3), at_random(data.draw(st.integers(0, 99)))):
        assert outcome(cut(chunks)) == expected


ODD = {
    "a function call beside text": [
        chunk(content="ab", function_call={"name": "f", "arguments": "{"}),
        chunk(content="cd", function_call={"arguments": "}"}),
    ],
    "content in parts beside reasoning": [
        chunk(reasoning="ab", content=[{"text": "x"}]),
        chunk(reasoning="cd", content=[{"text": "y"}]),
    ],
    "usage of a provider's own": [
        {**chunk(content="ab"), "x_groq": {"id": "r"}},
        {**chunk(finish="stop"), "x_groq": {"id": "r", "usage": {"prompt_tokens": 1}}},
    ],
    "an index that is no integer": [chunk(finish="stop"), chunk(finish=":", choice=True)],
    "an index that is null": [
        {"choices": [{"delta": {"content": "ab"}}, {"index": None, "delta": {"content": "cd"}}]},
    ],
    "two reasoning fields that differ": [
        chunk(reasoning="ab", reasoning_content="cd"),
    ],
    "what is no object": [chunk(content="ab"), None, [1]],
}


@pytest.mark.parametrize(
    "chunks",
    ODD.values(),
    ids=ODD,
)
def test_no_chunking_changes_what_odd_chunks_say(chunks):
    expected = outcome(chunks)
    for cut in (whole, every(1), at_random(2)):
        assert outcome(cut(chunks)) == expected


# -- chunkings by name -------------------------------------------------------------------------------------------------

STREAM = [
    chunk(reasoning="Thinking of it"),
    chunk(content="Hello, world"),
    *call_chunks("search_the_web", ['{"query":"what is', ' new?","limit":10}']),
    {**ENVELOPE, "choices": [], "usage": {"prompt_tokens": 1}},
]


@pytest.mark.parametrize(
    "spec", ["whole", "char", "1", "2", "7", "1000", "random", "random:0", "random:1", "random:99"]
)
def test_a_chunking_by_name_says_the_same(spec):
    assert outcome(cutter(spec)(STREAM)) == outcome(STREAM)


@pytest.mark.parametrize("spec", ["char", "1", "2", "5", "1000"])
def test_a_number_is_the_most_characters_of_a_chunk(spec):
    length = 1 if spec == "char" else int(spec)
    text = "Hello, world"
    for make in (lambda text: chunk(content=text), lambda text: chunk(call(0, arguments=text))):
        assert cutter(spec)([make(text)]) == [make(piece) for piece in chunked(text, length)]


@pytest.mark.parametrize("spec", ["char", "2", "random"])
def test_a_name_is_never_cut(spec):
    names = [
        entry["function"]["name"]
        for each in cutter(spec)(STREAM)
        for choice in each["choices"]
        for entry in choice["delta"].get("tool_calls", [])
        if entry["function"].get("name")
    ]
    assert names == ["search_the_web"]


def test_whole_is_as_few_chunks_as_can_be():
    assert len(whole(STREAM)) == 2  # usage without choices cannot be taken apart


def test_a_seed_says_which_random_chunking_it_is():
    by_seed = [cutter(f"random:{seed}")(STREAM) for seed in range(5)]
    assert by_seed == [at_random(seed)(STREAM) for seed in range(5)]
    assert cutter("random")(STREAM) == by_seed[0]
    assert all(one != other for one, other in pairwise(by_seed))


@pytest.mark.parametrize("seed", range(5))
def test_a_random_chunking_cuts_and_merges(seed):
    text = "Hello, world" * 5
    assert len(at_random(seed)([chunk(content=text)])) > 1
    assert len(at_random(seed)([chunk(content=character) for character in text])) < len(text)


@pytest.mark.parametrize(
    "spec",
    [
        *("", " ", "0", "00", "-1", "1.5", "²", "1 ", "words", "WHOLE", "whole:1", "char:1", "2:1", ":1"),
        *("random:", "random:x", "random:-1", "random:1:2"),
    ],
)
def test_what_names_no_chunking_is_refused(spec):
    with pytest.raises(ValueError, match="is not a chunking") as raised:
        cutter(spec)
    assert repr(spec) in str(raised.value)


# -- Responses events --------------------------------------------------------------------------------------------------


def delta(text, item="m1", **fields):
    return {"type": "response.output_text.delta", "item_id": item, "delta": text, **fields}


def test_deltas_of_one_text_are_cut_and_merged():
    stream = [delta("ab", sequence_number=1), delta("cd", sequence_number=2), delta("ef", item="m2")]
    assert [event["delta"] for event in every(1)(stream)] == list("abcdef")
    assert whole(every(1)(stream)) == [delta("abcd", sequence_number=1), delta("ef", item="m2")]
    assert stream[0] == delta("ab", sequence_number=1)


def test_log_probabilities_stay_with_their_text():
    (first, second) = every(1)([delta("ab", logprobs=[1, 2])])
    assert (first["logprobs"], second["logprobs"]) == ([1, 2], [])
    assert whole([delta("a", logprobs=[1]), delta("b"), delta("c", logprobs=[2])]) == [delta("abc", logprobs=[1, 2])]
    assert whole([delta("a"), delta("b", logprobs=[2])]) == [delta("ab", logprobs=[2])]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.audio.delta", "delta": "UklGRg=="},
        {"type": "response.output_text.done", "text": "ab"},
        delta(""),
        delta(None),
        delta(1),
        {"type": 1, "delta": "ab"},
        {"type": "chat.delta", "delta": "ab"},
        [],
    ],
)
def test_what_is_no_text_of_a_delta_stays_as_it_is(event):
    stream = [delta("ab"), event, delta("cd")]
    assert whole(stream) == stream
    assert every(1)(stream)[2] == event


def test_signed_details_are_not_joined_and_a_delta_of_no_place_is_not_cut():
    detail = {"type": "reasoning.text", "index": 0, "text": "ab", "signature": "s"}
    signed = [{"choices": [{"index": 0, "delta": {"reasoning_details": [detail]}, "finish_reason": None}]}] * 2
    assert len(whole(signed)[0]["choices"][0]["delta"]["reasoning_details"]) == 2
    delta = {"type": "response.output_text.delta", "delta": "ab", "output_index": {"a": 1}}
    assert every(1)([delta]) == [delta]
    assert len(every(1)([{**delta, "output_index": 0}])) == 2
