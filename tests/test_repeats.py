"""What a server sends again: arguments, whole texts, and pieces that are all so far."""

import json
from itertools import combinations

import pytest
from helpers import anomalies, call_chunks, chunk, chunked, counted, cut, run, said
from hypothesis import given
from hypothesis import strategies as st

from streamfsm import Dialect, Limits, StreamParser
from streamfsm.core.text import begins_again, is_repetition
from streamfsm.testing import Stream, arguments, chunkings
from streamfsm.testing import streams as of

OBJECT = '{"thinking":"x","a":{"b":[1,"}"]}}'
AGAIN = {
    "twice": (OBJECT * 2, OBJECT),
    "three times": (OBJECT * 3, OBJECT),
    "with white space": (f" {OBJECT}\n{OBJECT} \t{OBJECT}\n", f" {OBJECT}\n \t\n"),
    "an empty object": ("{}{}", "{}"),
    "null": ("nullnull null", "null "),
    "escapes": (r'{"a":"\ud83d\ude00\\"}' * 2, r'{"a":"\ud83d\ude00\\"}'),
    "characters of two units": ('{"a":"\U0001f600"}' * 2, '{"a":"\U0001f600"}'),
}
NOT_AGAIN = {
    "another object": ('{"a":1}{"a":2}', "trailing", 7, []),
    "a part of it": ('{"a":1}{"a":', "trailing", 7, []),
    "one character": ('{"a":1}{', "trailing", 7, []),
    "something else": ('{"a":1}x', "trailing", 7, []),
    "again, and then another": ('{"a":1}{"a":1}{"a":2}', "trailing", 7, ["repeated_arguments"]),
    "after null": ("nullnul", "invalid", 4, ["unmerged_arguments"]),
    "after an empty object": ('{ } {"a":1}', "trailing", 4, ["unmerged_arguments"]),
}


def read(pieces, **options):
    messages, parser = run(call_chunks("f", pieces), **options)
    (made,) = parser.result.tool_calls
    return said(messages), made.arguments, made.verdict, made.error_offset, made.ready, anomalies(parser)


def every_cut(text):
    yield [text]
    yield list(text)
    yield from (cut(text, at) for size in (1, 2) for at in combinations(range(1, len(text), 1 + len(text) // 24), size))


@pytest.mark.parametrize(("text", "once"), AGAIN.values(), ids=AGAIN)
def test_arguments_that_come_again_are_read_once(text, once):
    found, *rest = read([text])
    assert rest == [once, "empty" if once[0] == "n" else "valid", None, True, ["repeated_arguments"]]
    assert all(read(pieces) == (found, *rest) for pieces in every_cut(text))


@pytest.mark.parametrize(("text", "verdict", "offset", "kinds"), NOT_AGAIN.values(), ids=NOT_AGAIN)
def test_what_turns_out_to_be_something_else_is_an_error_after_all(text, verdict, offset, kinds):
    found, *rest = read([text])
    kept = text.replace('{"a":1}{"a":1}', '{"a":1}')
    assert rest == [kept, verdict, offset, False, kinds]
    assert found[1] == ("arguments", kept)
    assert all(read(pieces) == (found, *rest) for pieces in every_cut(text))


@given(arguments(), st.lists(st.text(" \t\n\r", max_size=2), min_size=1, max_size=3), st.data())
def test_any_object_that_comes_again_is_read_once(text, spaces, data):
    stream = Stream(of.call(0, "f", text + "".join(space + text.strip(" \t\n\r") for space in spaces)))
    _, parser = run([*data.draw(chunkings(stream)), chunk(finish="tool_calls")])
    (made,) = parser.result.tool_calls
    assert (made.arguments, made.ready) == (text + "".join(spaces), True)
    assert anomalies(parser).count("repeated_arguments") == 1


def test_what_may_be_the_object_again_is_held_back_and_then_given():
    parser = StreamParser()
    for each in call_chunks("f", ['{"a":1}'], finish=None):
        parser.feed(each)
    given = [said(parser.feed(each)) for each in call_chunks("f", ['{"a', '":', "2"], finish=None)[1:]]
    assert given == [[], [], [("arguments", '{"a":2')]]


@pytest.mark.parametrize("text", [text for text, *_ in [*AGAIN.values(), *NOT_AGAIN.values()]])
@pytest.mark.parametrize("policy", ["fragment", "placeholder"])
def test_a_parser_is_moved_in_the_middle_of_a_repetition(text, policy):
    options = {"dialect": Dialect(arguments=policy)}
    stream = call_chunks("f", list(text))
    whole, parser = run(stream, **options)
    moved, messages = StreamParser(**options), []
    for each in stream:
        messages += moved.feed(each)
        moved = StreamParser.restore(json.loads(json.dumps(moved.snapshot())))
    messages += moved.close()
    assert (said(messages), moved.result) == (said(whole), parser.result)


def test_arguments_that_come_again_before_their_name_are_read_once():
    nameless, named = chunk({"index": 0, "id": "a", "function": {"arguments": OBJECT * 2}}), call_chunks("f", [])[0]
    _, parser = run([nameless, {**named, **chunk({"index": 0, "function": {"name": "f"}})}, chunk(finish="tool_calls")])
    (made,) = parser.result.tool_calls
    assert (made.name, made.arguments, made.ready) == ("f", OBJECT, True)


def test_a_call_without_a_name_keeps_what_came():
    _, parser = run([chunk({"index": 0, "id": "a", "function": {"arguments": "{}{}"}}), chunk(finish="tool_calls")])
    assert [(made.arguments, made.verdict, made.ready) for made in parser.result.tool_calls] == [
        ("{}{}", "trailing", False)
    ]


@pytest.mark.parametrize("size", [4, 100, 10**9])
def test_repetitions_count_for_the_limit(size):
    pieces = chunked('{"a":1}' * 4, size)
    _, parser = run(call_chunks("f", pieces), limits=Limits(arguments=20))
    assert (parser.result.error.code, parser.result.tool_calls[0].ready) == ("limit", False)


@pytest.mark.slow("long streams, timed")
@pytest.mark.parametrize("unit", ["{} ", '{"a":"' + "x" * 100 + '"}'])
def test_repetitions_cost_what_their_length_costs(unit):
    def cost(times):
        stream = call_chunks("f", [unit * times])
        with counted() as count:
            run(stream)
        return count()

    cost(100)
    assert cost(4000) < 5 * cost(1000)


# -- what needs a policy -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["{}", "{ }\n", "null", "{}{}", " null {}"])
def test_an_empty_object_before_the_arguments_is_left_out_if_it_is_a_placeholder(first):
    text, options = first + OBJECT, {"dialect": Dialect(arguments="placeholder")}
    found = read([text], **options)
    assert found[1:] == (OBJECT, "valid", None, True, [])
    assert all(read(pieces, **options) == found for pieces in every_cut(text))
    *_, ready, kinds = read([text])
    assert (ready, kinds[-1]) == (False, "unmerged_arguments")


@pytest.mark.parametrize("text", ["{}", " { } ", "null", "{", "nul", "", "\n", OBJECT, OBJECT * 2, "x", "nulx"])
def test_a_placeholder_that_nothing_follows_is_the_arguments(text):
    found = read([text], dialect=Dialect(arguments="placeholder"))
    assert found == read([text])
    assert all(read(pieces, dialect=Dialect(arguments="placeholder")) == found for pieces in every_cut(text))


CUMULATIVE = {
    "in a key": ['{"q"', '{"q": "swift"', '{"q": "swift", "n": 2}'],
    "in a string": ['{"q": "sw', '{"q": "swift"}'],
    "before a value": ['{"q":', '{"q":1}'],
    "after the object began again": ['{"q":{', '{"q":{"q":1}}'],
}


@pytest.mark.parametrize("pieces", CUMULATIVE.values(), ids=CUMULATIVE)
def test_cumulative_arguments_are_never_ready_and_the_policy_is_named(pieces):
    _, parser = run(call_chunks("f", pieces))
    (odd,) = parser.result.anomalies
    assert (odd.kind, parser.result.tool_calls[0].ready) == ("unmerged_arguments", False)
    assert 'Dialect(arguments="snapshot")' in odd.detail
    assert read(list("".join(pieces))) == read(pieces)
    assert read(pieces, dialect=Dialect(arguments="snapshot"))[1:] == (pieces[-1], "valid", None, True, [])


def test_a_cut_is_reason_enough_for_arguments_that_are_not_whole():
    _, parser = run(call_chunks("f", ['{"q":{"q":'], finish="length"))
    assert anomalies(parser) == []


# -- texts -------------------------------------------------------------------------------------------------------------

FIELDS = {"content": "content", "refusal": "content", "reasoning_content": "reasoning"}


@pytest.mark.parametrize(("field", "policy"), FIELDS.items())
@pytest.mark.parametrize(
    "again", [["Paris is the capital."], ["Paris is", " the capital."], list("Paris is the capital.")]
)
def test_a_text_that_comes_again_at_the_end_is_read_once_if_the_dialect_says_so(field, policy, again):
    pieces = ["Paris is", " the capital.", *again]
    stream = [*(chunk(**{field: piece}) for piece in pieces), chunk(finish="stop")]
    messages, parser = run(stream, dialect=Dialect(**{policy: "final_repeat"}))
    assert said(messages)[0][1] == "Paris is the capital."
    assert anomalies(parser) == []
    messages, parser = run(stream)
    assert said(messages)[0][1] == "Paris is the capital." * 2
    (odd,) = parser.result.anomalies
    assert odd.kind == "repeated_text"
    assert f'Dialect({policy}="final_repeat")' in odd.detail


@pytest.mark.parametrize("more", ["!", "P", "Paris is the capital.", "Paris is not"])
def test_a_text_that_only_begins_again_stays(more):
    pieces = ["Paris is", " the capital.", "Paris is the capital.", more, "."]
    messages, _ = run([chunk(content=piece) for piece in pieces], dialect=Dialect(content="final_repeat"))
    assert said(messages)[0] == ("assistant", "".join(pieces))


def test_a_text_that_ends_as_it_began_stays():
    messages, _ = run([chunk(content=piece) for piece in ("ha", "ha", "h")], dialect=Dialect(content="final_repeat"))
    assert said(messages)[0] == ("assistant", "hahah")


@pytest.mark.parametrize("text", ["haha", "--------------------", "Hello there. " * 2, "Paris is it. Paris is it."])
def test_a_text_that_says_a_thing_twice_is_not_told(text):
    _, parser = run([chunk(content=text), chunk(finish="stop")])
    assert anomalies(parser) == []


@pytest.mark.parametrize(
    ("text", "found"), [("abab", True), ("ab", False), ("aaaa", False), ("", False), ("abcab", False)]
)
def test_a_repetition_has_a_shortest_unit(text, found):
    assert is_repetition(text, 2) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [('{"{"a', True), ('{"a{"b', False), ('{"a{"a', True), ("", False), ("{", False), ('{"a' + '{"b' * 100, False)],
)
def test_a_text_that_begins_again_is_found_among_the_first_places(text, found):
    assert begins_again(text) is found
