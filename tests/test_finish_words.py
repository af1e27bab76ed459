"""Finish reasons: the words that are shipped, those that are taught, and what a finish without calls tells."""

import pytest
from helpers import anomalies, call, call_chunks, chunk, run, said

from streamfsm import Dialect, StopReasonType, StreamParser
from streamfsm.machines.endings import ADDED, CLOSINGS, CUT, ENDINGS, OUTCOMES, SECONDS, closing, ending, second

SHIPPED = {
    "end_turn": "stop stop_sequence end_turn complete completed eos eos_token",
    "tool_calls": "tool_calls function_call tool_use tool_call",
    "max_tokens_exceeded": "length max_tokens max_output_tokens model_context_window_exceeded error_limit model_length",
    "content_filter": (
        "content_filter refusal guardrail_intervened content_filtered safety recitation blocklist prohibited_content "
        "spii error_toxic sensitive"
    ),
    "error": (
        "error failed malformed_function_call unexpected_tool_call timeout network_error insufficient_system_resource"
        " abort"
    ),
    "cancelled": "user_cancel cancelled canceled",
    "incomplete": "incomplete",
    "unknown": "steered max_messages",
}
WORDS = {word: reason for reason, words in SHIPPED.items() for word in words.split()}


def test_every_shipped_word_is_listed_here_and_has_its_evidence():
    assert WORDS.keys() == ENDINGS.keys()
    assert all(row.because for row in (*ENDINGS.values(), *SECONDS, *OUTCOMES, *CLOSINGS))
    assert all(word == word.casefold() for word in ENDINGS)


@pytest.mark.parametrize(("word", "reason"), WORDS.items())
@pytest.mark.parametrize("written", [str, str.upper, str.title])
def test_a_shipped_word_means_the_same_whatever_its_case(word, reason, written):
    _, parser = run(call_chunks("f", ["{}"], finish=written(word)))
    result = parser.result
    reason = "tool_calls" if word == "completed" else reason  # where it says nothing of calls, those that came do
    assert (result.finish_reason, result.stop_reason.value) == (written(word), reason)
    assert result.tool_calls[0].ready is (reason in ("end_turn", "tool_calls"))
    assert anomalies(parser) == []


def test_only_words_of_a_whole_answer_leave_calls_ready():
    assert {ending.stop_reason.value for ending in ENDINGS.values() if ending.rank != CUT} == {"end_turn", "tool_calls"}


TAUGHT = {"stop": ("end_turn", True), "length": ("max_tokens_exceeded", False)} | {
    "end_turn": ("end_turn", True),
    "tool_calls": ("tool_calls", True),
    "content_filter": ("content_filter", False),
    "cancelled": ("cancelled", False),
    "max_tokens_exceeded": ("max_tokens_exceeded", False),
    "STOP": ("end_turn", True),
}


@pytest.mark.parametrize(("meaning", "ended"), TAUGHT.items())
@pytest.mark.parametrize("word", ["other", "Other"])
def test_a_word_can_be_taught(word, meaning, ended):
    _, parser = run(call_chunks("f", ["{}"], finish="OTHER"), dialect=Dialect(finish_words={word: meaning}))
    result = parser.result
    assert (result.finish_reason, result.stop_reason.value, result.tool_calls[0].ready) == ("OTHER", *ended)
    assert anomalies(parser) == []


def test_an_unknown_word_runs_nothing_and_the_anomaly_names_the_policy():
    _, parser = run(call_chunks("f", ["{}"], finish="other"))
    (odd,) = parser.result.anomalies
    assert (odd.kind, parser.result.tool_calls[0].ready) == ("unknown_finish", False)
    assert "Dialect(finish_words=" in odd.detail


def test_a_shipped_word_can_be_taught_otherwise():
    _, parser = run([chunk(content="x"), chunk(finish="abort")], dialect=Dialect(finish_words={"abort": "length"}))
    assert parser.result.stop_reason is StopReasonType.max_tokens_exceeded


@pytest.mark.parametrize("meaning", ["other", "unknown", ""])
def test_a_word_cannot_be_taught_to_mean_what_nobody_knows(meaning):
    with pytest.raises(ValueError, match="neither a finish reason nor a stop reason"):
        Dialect(finish_words={"other": meaning})


def test_taught_words_are_in_a_snapshot():
    parser = StreamParser(dialect=Dialect(finish_words={"other": "stop"}))
    parser = StreamParser.restore(parser.snapshot())
    parser.feed(chunk(content="x", finish="other"))
    assert said(parser.close()) == [("stop", "end_turn")]


@pytest.mark.parametrize("word", ["tool_calls", "function_call", "tool_use"])
@pytest.mark.parametrize("stream", [[], [chunk(content="I will.")]], ids=["nothing", "text"])
def test_a_finish_that_speaks_of_calls_that_never_came_is_told_once(stream, word):
    _, parser = run([*stream, chunk(finish=word), chunk(finish=word)])
    assert (parser.result.stop_reason.value, parser.result.tool_calls) == ("tool_calls", [])
    assert anomalies(parser) == ["finish_without_calls"]


def test_a_finish_without_calls_is_told_of_its_choice():
    stream = [chunk(content="x"), chunk(call(0, "a", "f", "{}")), chunk(finish="tool_calls")]
    _, parser = run([*stream, chunk(choice=1, content="y"), chunk(choice=1, finish="tool_calls")])
    assert [(odd.kind, odd.choice) for odd in parser.result.anomalies] == [("finish_without_calls", 1)]


@pytest.mark.parametrize("end", ["cancel", "fail"])
def test_a_finish_without_calls_is_not_told_of_a_stream_that_was_broken_off(end):
    parser = StreamParser()
    parser.feed(chunk(content="x", finish="tool_calls"))
    parser.cancel() if end == "cancel" else parser.fail("no")
    assert anomalies(parser) == []


def test_calls_that_end_with_stop_are_not_told():
    _, parser = run(call_chunks("f", ["{}"], finish="stop"))
    assert (parser.result.stop_reason.value, parser.result.tool_calls[0].ready) == ("end_turn", True)
    assert anomalies(parser) == []


@pytest.mark.parametrize("beside", [{}, {"choices": []}, chunk(content="x")], ids=["alone", "no choices", "text"])
@pytest.mark.parametrize("fault", [{"message": "busy", "code": 529}, {"code": 529, "message": "busy", "more": [1]}])
def test_a_field_can_be_taught_to_hold_an_error(beside, fault):
    _, parser = run([chunk(content="x"), {**beside, "fault": fault}], dialect=Dialect(error_fields=("oops", "fault")))
    assert (parser.state, parser.result.error.code, parser.result.error.message) == ("failed", "529", "busy")
    assert "fault" not in parser.result.extras
    _, parser = run([chunk(content="x", finish="stop", usage=None), {**chunk(), "fault": fault}])
    assert parser.state == "done"


# -- the tables --------------------------------------------------------------------------------------------------------

STOP, CALLS, LENGTH, FILTER = (ending(word) for word in ("stop", "tool_calls", "length", "content_filter"))


@pytest.mark.parametrize(
    ("kept", "new", "ranked", "contradicts"),
    [
        (STOP, STOP, False, False),
        (STOP, CALLS, True, False),
        (CALLS, STOP, False, False),
        (CALLS, LENGTH, True, True),
        (LENGTH, CALLS, False, True),
        (LENGTH, FILTER, False, True),
        (LENGTH, STOP, False, False),
    ],
)
def test_of_two_finish_reasons_the_policy_says_which_stands(kept, new, ranked, contradicts):
    assert second("ranked", kept, new) == (ranked, contradicts)
    assert second("first", kept, new) == (False, contradicts)
    assert second("last", kept, new) == (True, contradicts)


def test_the_rank_that_means_nothing_beside_another_is_the_lowest():
    assert min(row.rank for row in ENDINGS.values()) == ADDED


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("strict", [True, False])
def test_only_a_strict_dialect_makes_an_unmarked_end_an_error(finished, strict):
    assert closing(finished=finished, strict=strict) == ("error" if strict and not finished else "end")
