"""Which choice an entry speaks for: an index that counts tokens, a missing one, and one answer as two choices."""

import json

import pytest
from helpers import anomalies, call, chunk, run, said

from streamfsm import Dialect, Limits, StreamParser
from streamfsm.machines.choices import RULES, TOKENS, Entry, Part, belongs, counted

COUNTED = 3 * TOKENS


def tokens(count, finish="stop", first=0, **every):
    """An answer whose choice index counts its chunks."""
    return [
        {**chunk(choice=first + at, content=f"w{at} ", finish=finish if at == count - 1 else None), **every}
        for at in range(count)
    ]


def text(count):
    return "".join(f"w{at} " for at in range(count))


def spoken(messages):
    return [(message.choice_index, message.content) for message in messages if message.message_type[0] == "a"]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("count", [3, TOKENS, TOKENS + 1, TOKENS + 2, 200])
def test_an_index_that_counts_tokens_is_one_answer(count, first):
    messages, parser = run(tokens(count, first=first))
    result = parser.result
    assert said(messages) == [("assistant", text(count)), ("stop", "end_turn")]
    assert (result.content, len(result.choices), result.error) == (text(count), 1, None)
    assert anomalies(parser) == ["ambiguous_choice"]
    assert "Dialect(choice=…)" in result.anomalies[0].detail


def test_a_call_whose_chunks_are_counted_is_one_call():
    pieces = ['{"a":', *(f'"{at}","{at}":' for at in range(COUNTED)), "1}"]
    stream = [
        chunk(call(0, "a", "f", "")),
        *(chunk(call(0, arguments=piece), choice=at) for at, piece in enumerate(pieces, 1)),
    ]
    _, parser = run([*stream, chunk(finish="tool_calls", choice=len(stream))])
    (made,) = parser.result.tool_calls
    assert (made.name, made.arguments, made.ready) == ("f", "".join(pieces), True)


def test_entries_wait_no_longer_than_they_must():
    parser = StreamParser()
    given = [len(parser.feed(each)) for each in tokens(TOKENS + 3)]
    assert given[0] == 1
    assert given[1 : TOKENS + 1] == [0] * TOKENS
    assert all(given[TOKENS + 1 :])


@pytest.mark.parametrize("count", [2, 3, 40])
def test_one_answer_can_be_pinned(count):
    parser = StreamParser(dialect=Dialect(choice="one"))
    assert all(parser.feed(each) for each in tokens(count))
    parser.close()
    assert (parser.result.content, len(parser.result.choices), anomalies(parser)) == (text(count), 1, [])


def test_many_choices_can_be_pinned_and_then_nothing_waits():
    parser = StreamParser(dialect=Dialect(choice="many"))
    assert all(parser.feed(each) for each in tokens(40))
    assert len(parser.result.choices) == 40


MANY = {
    "in turn": ([(0, "a"), (1, "b"), (0, "c"), (1, "d")], [(0, "stop"), (1, "stop")]),
    "three in turn": ([(0, "a"), (1, "b"), (2, "c"), (0, "d"), (2, "e")], [(0, "stop"), (1, "stop"), (2, "stop")]),
    "one after another": ([(0, "a"), (0, "b"), (1, "c"), (1, "d")], [(0, "stop"), (1, "stop")]),
    "a piece each": ([(0, "a"), (1, "b"), (2, "c")], [(0, "stop"), (1, "stop"), (2, "stop")]),
    "the last first": ([(2, "a"), (1, "b"), (0, "c")], [(2, "stop"), (1, "stop"), (0, "stop")]),
    "cut": ([(0, "a"), (1, "b"), (2, "c")], []),
}


@pytest.mark.parametrize(("pieces", "ends"), MANY.values(), ids=MANY)
def test_choices_that_come_again_or_are_finished_each_are_many(pieces, ends):
    stream = [chunk(choice=at, content=piece) for at, piece in pieces]
    messages, parser = run([*stream, *(chunk(choice=at, finish=word) for at, word in ends)])
    assert spoken(messages) == pieces
    assert anomalies(parser) == []


def test_choices_that_are_finished_with_what_they_say_are_many_at_once():
    parser = StreamParser()
    for at in range(5):
        assert spoken(parser.feed(chunk(choice=at, content="x", finish="stop"))) == [(at, "x")]


def test_choices_of_one_chunk_are_many_at_once():
    two = chunk(content="a")
    two["choices"] += chunk(content="b", choice=1)["choices"]
    parser = StreamParser()
    assert spoken(parser.feed(two)) == [(0, "a"), (1, "b")]


def test_a_first_choice_that_only_has_a_role_yet_may_still_count():
    role = chunk(role="assistant", content="")
    _, parser = run([role, role, *tokens(COUNTED), chunk(choice=COUNTED, finish="stop")])
    assert (parser.result.content, len(parser.result.choices)) == (text(COUNTED), 1)


def test_roles_first_are_many():
    roles = [chunk(role="assistant", content="", choice=at) for at in range(3)]
    messages, _ = run([*roles, *(chunk(content="x", choice=at) for at in range(3))])
    assert spoken(messages) == [(0, "x"), (1, "x"), (2, "x")]


def test_two_entries_of_which_the_last_is_finished_are_not_guessed_about():
    messages, parser = run(tokens(2))
    assert spoken(messages) == [(0, "w0 "), (1, "w1 ")]
    assert anomalies(parser) == ["ambiguous_choice"]
    assert 'Dialect(choice="one")' in parser.result.anomalies[0].detail


@pytest.mark.parametrize("head", [[], [chunk(role="assistant", content="")]])
@pytest.mark.parametrize("count", [3, TOKENS])
def test_a_finish_alone_at_the_index_of_the_last_token_ends_one_answer(count, head):
    _, parser = run([*head, *tokens(count, finish=None), chunk(finish="stop", choice=count - 1)])
    assert [(choice.content, choice.finish_reason) for choice in parser.result.choices] == [(text(count), "stop")]
    assert anomalies(parser) == ["ambiguous_choice"]


def test_a_finish_alone_for_each_choice_ends_many():
    ends = [chunk(finish="stop", choice=at) for at in (2, 1, 0)]
    messages, parser = run([*tokens(3, finish=None), *ends])
    assert spoken(messages) == [(0, "w0 "), (1, "w1 "), (2, "w2 ")]
    assert [choice.finish_reason for choice in parser.result.choices] == ["stop"] * 3
    assert anomalies(parser) == []


def test_a_finish_alone_after_two_entries_is_not_guessed_about():
    messages, parser = run([*tokens(2, finish=None), chunk(finish="stop", choice=1)])
    assert spoken(messages) == [(0, "w0 "), (1, "w1 ")]
    assert anomalies(parser) == ["ambiguous_choice"]


def test_counting_that_breaks_off_is_told():
    _, parser = run([*tokens(COUNTED), chunk(content="x", choice=3)])
    assert parser.result.content == text(COUNTED) + "x"
    assert anomalies(parser) == ["ambiguous_choice"] * 2


@pytest.mark.parametrize("end", ["close", "cancel", "fail", "an error chunk", "not JSON"])
def test_what_waits_is_given_however_the_stream_ends(end):
    parser = StreamParser()
    messages = [message for each in tokens(3, finish=None) for message in parser.feed(each)]
    if end == "an error chunk":
        messages += parser.feed({"error": {"message": "no"}, "x": 1})
    elif end == "not JSON":
        messages += parser.feed_bytes(b"data: {\n\n")
    else:
        messages += parser.fail("no") if end == "fail" else getattr(parser, end)()
    assert spoken(messages) == [(0, "w0 "), (1, "w1 "), (2, "w2 ")]


def test_what_waits_may_outgrow_a_limit_at_the_end():
    messages, parser = run(tokens(3, finish=None), limits=Limits(choices=2))
    assert (parser.state, parser.result.error.code) == ("failed", "limit")
    assert said(messages)[-1] == ("stop", "error")


def test_what_waits_does_not_wait_for_other_fields_of_a_chunk():
    parser = StreamParser()
    for each in tokens(3, finish=None, citations=["a"]):
        parser.feed(each)
    assert parser.result.extras == {"citations": [["a"]]}
    assert spoken(parser.close()) == [(1, "w1 "), (2, "w2 ")]


@pytest.mark.parametrize("finish", ["stop", None])
def test_a_parser_is_moved_while_entries_wait(finish):
    half = "\ud83d"  # half a pair, whose other half is in the next entry
    stream = [chunk(content="a"), chunk(content=half, choice=1), chunk(content="\ude00", choice=2, finish=finish)]
    whole, parser = run(stream)
    moved, messages = StreamParser(), []
    for each in stream:
        messages += moved.feed(each)
        moved = StreamParser.restore(json.loads(json.dumps(moved.snapshot())))
    messages += moved.close()
    assert said(messages) == said(whole)
    assert moved.result == parser.result


def test_an_entry_that_is_too_deep_to_be_kept_does_not_wait():
    deep = value = []
    for _ in range(200):
        value.append([])
        value = value[0]
    messages, _ = run([chunk(content="a"), chunk(content="b", choice=1), chunk(content="c", choice=2, deep=deep)])
    assert spoken(messages) == [(0, "a"), (1, "b"), (2, "c")]


def without_index(piece, finish=None, **index):
    (entry,) = (made := chunk(content=piece, finish=finish))["choices"]
    del entry["index"]
    entry.update(index)
    return made


@pytest.mark.parametrize("index", [{}, {"index": None}], ids=["missing", "null"])
@pytest.mark.parametrize("first", [0, 3])
def test_without_an_index_an_entry_is_of_the_one_choice(index, first):
    _, parser = run(
        [chunk(content="a", choice=first), without_index("b", **index), without_index("c", "stop", **index)]
    )
    (choice,) = parser.result.choices
    assert (choice.index, choice.content, choice.finish_reason) == (first, "abc", "stop")


def test_without_an_index_the_position_counts_where_there_are_more():
    two = without_index("a")
    two["choices"] += without_index("b")["choices"]
    _, parser = run([two, two])
    assert [(choice.index, choice.content) for choice in parser.result.choices] == [(0, "aa"), (1, "bb")]


@pytest.mark.parametrize("one", ["1", 1.0])
def test_an_index_of_another_type_is_read(one):
    _, parser = run(
        [chunk(content="a"), without_index("b", index=one), chunk(content="c"), without_index("d", index=one)]
    )
    assert [choice.content for choice in parser.result.choices] == ["ac", "bd"]


# -- one answer as two choices -----------------------------------------------------------------------------------------

CALL = call(0, "a", "f", '{"x":1}')
SPLIT = {
    "the finish on the text": [chunk(content="I will."), chunk(CALL, choice=1), chunk(finish="tool_calls")],
    "the finish on the calls": [chunk(content="I will."), chunk(CALL, choice=1, finish="tool_calls")],
    "a finish on both": [chunk(content="I will.", finish="tool_calls"), chunk(CALL, choice=1, finish="tool_calls")],
}
SPLIT["both in one chunk"] = [chunk(content="I will.", finish="tool_calls")]
SPLIT["both in one chunk"][0]["choices"] += chunk(CALL, choice=1)["choices"]


@pytest.mark.parametrize("stream", SPLIT.values(), ids=SPLIT)
def test_the_calls_of_an_answer_may_be_in_another_choice(stream):
    messages, parser = run(stream)
    result = parser.result
    assert said(messages)[-1] == ("stop", "tool_calls")
    assert (result.content, result.stop_reason.value, result.finish_reason) == ("I will.", "tool_calls", "tool_calls")
    assert [(made.name, made.ready) for made in result.tool_calls] == [("f", True)]
    assert anomalies(parser) == ["split_answer"]


APART = {
    "another answer": [chunk(content="No.", finish="stop"), chunk(CALL, choice=1, finish="tool_calls")],
    "calls in both": [chunk(CALL, finish="tool_calls"), chunk(CALL, choice=1, finish="tool_calls")],
    "text beside the calls": [
        chunk(content="No."),
        chunk(CALL, choice=1, content="Yes."),
        chunk(finish="tool_calls", choice=1),
    ],
    "a cut": [chunk(content="No.", finish="tool_calls"), chunk(CALL, choice=1, finish="length")],
}


@pytest.mark.parametrize("stream", APART.values(), ids=APART)
def test_calls_of_another_answer_stay_there(stream):
    _, parser = run(stream)
    first = parser.result.choices[0]
    assert (parser.result.tool_calls, parser.result.stop_reason) == (first.tool_calls, first.stop_reason)


def test_arguments_in_another_choice_than_their_head_leave_nothing_ready():
    head = [chunk(call(0, "a", "f", "")), chunk(content="x")]
    _, parser = run([*head, chunk(call(0, arguments='{"x":1}'), choice=1), chunk(finish="tool_calls")])
    assert [made.ready for choice in parser.result.choices for made in choice.tool_calls] == [False, False]


# -- the rules ---------------------------------------------------------------------------------------------------------


def test_each_rule_of_choices_decides_somewhere(monkeypatch):
    decided = set()
    monkeypatch.setattr("streamfsm.wires.chat.reader.RULES", [_Told(rule, decided) for rule in RULES])
    for stream in (
        tokens(COUNTED),
        [*tokens(COUNTED), chunk()],
    ):
        run(stream)
    run(tokens(2), dialect=Dialect(choice="one"))
    run([without_index("a"), without_index("b")])
    run([chunk(content="a"), chunk(content="b", finish="stop")])
    run([chunk(role="assistant"), chunk(content="a"), chunk(content="b", choice=3)])
    run([*tokens(3, finish=None), chunk(finish="stop", choice=2)])
    assert decided == {rule.name for rule in RULES}


class _Told:
    def __init__(self, rule, decided):
        self.rule, self.decided = rule, decided

    def __getattr__(self, name):
        self.decided.add(self.rule.name)
        return getattr(self.rule, name)

    def fits(self, entry):
        return self.rule.fits(entry)


def test_the_order_of_the_rules_of_choices_counts():
    entry = Entry("auto", 1, True, True, False, False, 1, 0, False, TOKENS, "maybe")
    names = [next(rule.name for rule in rules if rule.fits(entry)) for rules in (RULES, RULES[::-1])]
    assert names == ["counts", "new"]


@pytest.mark.parametrize(
    ("waiting", "finished", "one"), [(0, True, False), (1, True, False), (2, True, True), (2, False, False)]
)
def test_what_waits_at_the_end_is_one_answer_if_only_the_last_is_finished(waiting, finished, one):
    assert counted(waiting, finished=finished) is one


def test_a_choice_without_calls_adds_nothing_to_an_answer():
    assert not belongs(Part(True, False, True), Part(False, False, None))
