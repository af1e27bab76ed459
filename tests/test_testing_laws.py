"""The kit's laws hold for our parser, and each fails, with a report to read, on a parser that breaks it."""

import gc
import re
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import Phase, __version_info__, given, settings
from hypothesis import strategies as st
from parsers import (
    Announces,
    Changes,
    Closes,
    Counts,
    Doubles,
    Drops,
    Empty,
    Hangs,
    Late,
    Nameless,
    Needs,
    Plain,
    Raises,
    Rereads,
    SoFar,
    Stops,
    Strips,
    Waits,
)

from streamfsm import Dialect
from streamfsm.testing import (
    ALPHABET,
    LawBroken,
    Stream,
    TracedParser,
    accented,
    arguments,
    check_append_only,
    check_dialect_invariance,
    check_linear,
    check_nothing_lost,
    check_output_grammar,
    check_promptness,
    check_split_invariance,
    check_total,
    chunkings,
    dialects,
    faults,
    garbage_chunks,
    logical_streams,
    long_arguments,
    long_content,
    operations,
    standard_chunkings,
)
from streamfsm.testing.laws import may_hold, without_collector
from streamfsm.testing.streams import call, finish, text

RAW = partial(TracedParser, inner_thoughts_kwarg=None, assistant_tool=None)
OURS = [TracedParser, RAW]
# Where the index of a choice may count tokens, what another choice says waits: law 4 has that exception.
MANY = partial(RAW, dialect=Dialect(choice="many"))

# Streams that are nothing special to them: no halves of surrogate pairs, one choice.
plain_streams = logical_streams(texts=st.text(ALPHABET, max_size=8), max_choices=1, max_calls=2)


def finding(check: Callable[[st.DataObject, Stream], object], streams: st.SearchStrategy[Stream] = plain_streams):
    """The smallest stream and chunking that ``check`` fails on."""

    phases = set(Phase) - {Phase.explain}

    @settings(
        database=None, derandomize=True, max_examples=500, phases=phases, print_blob=False, report_multiple_bugs=False
    )
    @given(st.data(), streams)
    def attempt(data, stream):
        check(data, stream)

    with pytest.raises(LawBroken) as raised:
        attempt()
    return raised.value


# -- our parser keeps them ---------------------------------------------------------------------------------------------


@pytest.mark.slow("all laws")
@given(st.data(), logical_streams())
def test_our_parser_keeps_every_law_of_the_kit(data, stream):
    cut = data.draw(chunkings(stream))
    for parse in OURS:
        check_split_invariance(parse, stream, cut)
        check_append_only(parse, stream, cut)
        check_output_grammar(parse, stream, cut)
    check_nothing_lost(RAW, stream, cut)
    check_promptness(MANY, stream)


@given(st.data(), logical_streams())
def test_our_parser_reads_every_dialect_alike(data, stream):
    accent = accented(stream.plain(), data.draw(dialects()))
    check_dialect_invariance(RAW, stream, accent, data.draw(chunkings(accent)))
    check_split_invariance(RAW, accent, data.draw(chunkings(accent)))


@given(st.data(), logical_streams(), faults())
def test_our_parser_survives_every_fault_alike_in_every_chunking(data, stream, fault):
    broken = fault(stream)
    check_split_invariance(RAW, broken, data.draw(chunkings(broken)))
    check_append_only(RAW, broken, data.draw(chunkings(broken)))


@given(st.lists(garbage_chunks(), max_size=4))
def test_our_parser_is_total(chunks):
    found = check_total(TracedParser, chunks)
    assert found.said[-1].kind == "stop"


@pytest.mark.parametrize("shape", [long_arguments, long_content])
@pytest.mark.parametrize("parse", OURS)
def test_our_parser_is_linear_in_operations(parse, shape):
    assert check_linear(parse, shape, sizes=(300, 1200), cost=operations, at_most=1.03) > 0.8


@pytest.mark.slow("streams of several lengths, counted")
def test_our_parser_is_linear_in_time():
    assert check_linear(RAW, sizes=(1_000, 4_000)) > 0.5


@given(st.data(), plain_streams)
def test_the_laws_hold_for_a_right_parser_of_another_make(data, stream):
    cut = data.draw(chunkings(stream))
    check_split_invariance(Plain, stream, cut)
    check_nothing_lost(Plain, stream, cut)
    check_append_only(Plain, stream, cut)
    check_output_grammar(Plain, stream, cut)
    check_promptness(Plain, stream)


# -- and others do not -------------------------------------------------------------------------------------------------


@pytest.mark.slow("examples are made small, several times")
@pytest.mark.parametrize("parse", [Strips, Doubles, Drops])
def test_split_invariance_and_nothing_lost_find_what_is_lost_or_doubled_at_cuts(parse):
    broken = finding(lambda data, stream: check_split_invariance(parse, stream, data.draw(chunkings(stream))))
    assert broken.law == "split invariance"
    assert len(broken.chunks) <= 4
    broken = finding(lambda data, stream: check_nothing_lost(parse, stream, data.draw(chunkings(stream))))
    assert broken.law == "nothing lost"
    assert len(broken.chunks) <= 4


def test_the_order_of_a_message_so_far_depends_on_chunks_and_its_texts_do_not():
    stream = Stream([*text("reasoning", "a"), *text("content", "b")])
    merged = stream.cut([])
    check_append_only(SoFar, stream, merged)  # what repeats is not empty
    check_split_invariance(SoFar, stream, merged, in_order=False)
    with pytest.raises(LawBroken, match="outputs differ at the first"):
        check_split_invariance(SoFar, stream, merged)


def test_without_order_whole_texts_are_compared():
    stream = Stream(text("content", "a b"))
    with pytest.raises(LawBroken, match=r"content of 0: 'a b'\n    B  content of 0: 'ab'"):
        check_split_invariance(Strips, stream, stream.cut([2]), in_order=False)


def test_a_chunking_that_fails_shrinks_to_one_cut():
    stream = st.just(Stream(text("content", "some words of no interest")))
    broken = finding(lambda data, stream: check_split_invariance(Strips, stream, data.draw(chunkings(stream))), stream)
    assert len(broken.chunks) == 2


@pytest.mark.slow("a search for the smallest")
def test_append_only_finds_what_is_taken_back():
    broken = finding(lambda data, stream: check_append_only(Closes, stream, data.draw(chunkings(stream))))
    assert broken.law == "append-only"
    assert broken.detail.endswith("retracts what was said before")
    assert len(broken.chunks) == 2


def test_append_only_finds_empty_messages_and_lone_surrogates():
    with pytest.raises(LawBroken, match="content of 0: '' is empty"):
        check_append_only(Empty, Stream(text("content", "x")))
    with pytest.raises(LawBroken, match="holds a lone surrogate"):
        check_append_only(Plain, Stream(text("content", "\ud83d\ude00")))


@pytest.mark.skipif(__version_info__ < (6, 170), reason="older versions of Hypothesis make a finding less small")
def test_promptness_finds_what_waits():
    broken = finding(lambda _, stream: check_promptness(Waits, stream))
    assert broken.law == "promptness"
    assert re.fullmatch(r"after chunk 1, reasoning of 0\n    said   ''\n    known  '.'", broken.detail)
    assert len(broken.chunks) == 1


def test_promptness_asks_only_for_the_kinds_that_are_claimed_and_allows_what_may_be_held():
    stream = Stream([*text("content", "ab"), *call(0, "f", "{}")])
    check_promptness(Waits, stream, kinds=())
    check_promptness(Waits, stream, may_hold=lambda kind, _: kind in ("content", "arguments"))
    with pytest.raises(LawBroken, match="arguments of 'call_0_0'"):
        check_promptness(Waits, stream, may_hold=lambda kind, held: kind == "content" and len(held) < 3)


@pytest.mark.parametrize(
    ("held", "may_be_held"),
    [("", True), (', "key', True), ("\\ud83d\\u", True), ("\\", True), ("1", False), ('"a":', False), ("}", False)],
)
def test_of_arguments_an_unfinished_escape_or_separators_and_a_key_may_be_held(held, may_be_held):
    assert may_hold("arguments", held) == may_be_held
    assert may_hold("content", held) == (not held)


@pytest.mark.parametrize(
    ("parse", "problem"),
    [
        (Announces, "name of 'call_0_0': 'f' comes again"),
        (Nameless, "arguments of 'call_0_0': '{}' comes before the name"),
        (Stops, "stop of None: 'stop' comes after the stop"),
    ],
)
def test_output_grammar_finds_messages_out_of_order(parse, problem):
    stream = Stream([*call(0, "f", "{}"), *finish("stop")])
    with pytest.raises(LawBroken) as raised:
        check_output_grammar(parse, stream)
    assert (raised.value.law, raised.value.detail) == ("output grammar", problem)


def test_dialect_invariance_finds_who_needs_one_dialect():
    broken = finding(
        lambda data, stream: check_dialect_invariance(Needs, stream, accented(stream.plain(), data.draw(dialects()))),
        st.just(Stream([*call(0, "f", "{}"), *finish("stop")])),
    )
    assert broken.detail == "the parser raised KeyError('index'), at chunk 1"


def test_dialect_invariance_finds_another_meaning():
    stream = Stream(text("reasoning", "x"))
    twice = [{"choices": [{"index": 0, "delta": {"reasoning": "x", "reasoning_content": "x"}}]}] * 2
    with pytest.raises(LawBroken, match="dialect invariance is broken: outputs differ at the first"):
        check_dialect_invariance(Plain, stream, twice)


@pytest.mark.parametrize(
    ("parse", "problem"),
    [
        (Raises, "the parser raised JSONDecodeError("),
        (Hangs, "no answer within 0.2 seconds, at chunk 1"),
        (Changes, "the parser changed chunk 3 to {"),
        (Late, "the parser raised RuntimeError('late'), at the end of the stream"),
    ],
)
def test_total_finds_what_raises_hangs_or_changes_its_chunks(parse, problem):
    stream = Stream([*call(0, "f", '{"a":"\\n"}'), *text("content", "x")])
    chunks = stream.cut([8, 16])
    check_total(Plain, chunks)
    with pytest.raises(LawBroken) as raised:
        check_total(parse, chunks, seconds=0.2)
    assert raised.value.law == "total"
    assert raised.value.detail.startswith(problem)
    assert raised.value.chunks == chunks


@pytest.mark.slow("long streams, several times")
def test_linear_finds_what_reads_everything_again():
    with pytest.raises(LawBroken, match=r"linear is broken: cpu_seconds grows with the power [12]\.\d\d "):
        check_linear(Rereads, sizes=(1_000, 4_000))
    assert check_linear(Plain, sizes=(1_000, 4_000)) > 0.5


def test_linear_counts_operations_exactly():
    chunks = long_content(100)
    assert operations(Plain, chunks) == operations(Plain, chunks) < operations(Plain, long_content(200))


# -- reports -----------------------------------------------------------------------------------------------------------


def test_a_report_shows_the_stream_the_chunkings_and_where_outputs_part():
    stream = Stream([*text("content", "a b"), *finish("stop")])
    with pytest.raises(LawBroken) as raised:
        check_split_invariance(Strips, stream, stream.cut([2]))
    assert str(raised.value).splitlines() == [
        "split invariance is broken: outputs differ at the first",
        "    A  content of 0: 'a b'",
        "    B  content of 0: 'ab'",
        "",
        "the logical stream:",
        "    content 'a b'",
        "    finish {'finish_reason': 'stop'}",
        "",
        "A, 2 chunks:",
        '     1  {"choices":[{"index":0,"delta":{"content":"a b"},"finish_reason":null}]}',
        '     2  {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
        "",
        "B, 2 chunks:",
        '     1  {"choices":[{"index":0,"delta":{"content":"a "},"finish_reason":null}]}',
        '     2 →{"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}]}',
    ]
    assert raised.value.chunks == stream.cut([2])


def test_a_report_shows_where_results_part_and_the_transitions_side_by_side():
    stream = Stream(text("content", "ab"))
    with pytest.raises(LawBroken) as raised:
        check_split_invariance(Counts, stream, stream.cut([1]))
    report = str(raised.value)
    assert "results differ at result['inner'][0]['chunks']\n    A  1\n    B  2\n" in report
    assert report.splitlines()[-7:] == [
        "transitions:",
        "      content: awaiting_text –answer→ answer   content: awaiting_text –answer→ answer",
        "      stream: silent –heard→ heard             stream: silent –heard→ heard",
        "      content: answer –text→ answer            content: answer –text→ answer",
        "    ≠ content: answer –end→ done               content: answer –text→ answer",
        "    ≠ stream: heard –end→ done                 content: answer –end→ done",
        "    ≠                                          stream: heard –end→ done",
    ]
    check_split_invariance(Counts, stream, stream.cut([1]), results=False)


# -- the parts ---------------------------------------------------------------------------------------------------------


def test_without_chunkings_the_standard_ones_are_tried():
    stream = Stream(text("content", "a b c d e f g h i j k l m"))
    assert [len(chunks) for chunks in standard_chunkings(stream)][:2] == [1, 25]
    for check in (check_split_invariance, check_nothing_lost):
        with pytest.raises(LawBroken):
            check(Strips, stream)


def test_recorded_chunks_are_a_stream_too():
    chunks = Stream([*text("content", "a b c d e f g h i j k l m"), *call(0, "name", "{}")]).plain()
    check_split_invariance(Plain, chunks)
    check_nothing_lost(Plain, chunks)
    with pytest.raises(LawBroken):
        check_split_invariance(Strips, chunks)


def test_what_is_expected_and_claimed_can_be_said():
    stream = Stream([*text("content", " a "), *text("refusal", "no"), *call(0, "f", "{}")])
    check_nothing_lost(Plain, stream, kinds=("content", "name", "arguments"))
    with pytest.raises(LawBroken, match="refusal of 0\n    is   ''\n    not  'no'"):
        check_nothing_lost(Plain, stream)
    with pytest.raises(LawBroken, match="content of 0\n    is   ' a '\n    not  ''"):
        check_nothing_lost(Plain, stream, expected={("name", "call_0_0"): "f", ("arguments", "call_0_0"): "{}"})


@given(arguments())
def test_the_right_parser_passes_arguments_on(text):
    check_nothing_lost(Plain, Stream(call(0, "f", text)), kinds=("arguments",))


@pytest.mark.slow("collects")
def test_a_collector_that_was_off_stays_off():
    with without_collector():
        with without_collector():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
