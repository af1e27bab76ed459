"""What a dialect pins down: reasoning fields, finishes, counts, and an end that nothing marks."""

import pytest
from helpers import call_chunks, chunk, run, said
from pydantic import ValidationError

from streamfsm import Dialect, Limits, StopReasonType


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (Limits, {"text": 0}),
        (Limits, {"arguments": -1}),
        (Limits, {"anomalies": 0}),
        (Limits, {"depth": 5}),
        (Dialect, {"name": "guess"}),
        (Dialect, {"unmarked_end": "error"}),
        (Dialect, {"reasoning_fields": None}),
        (Dialect, {"vendor": "x"}),
    ],
)
def test_limits_and_dialects_are_checked_when_they_are_made(model, fields):
    with pytest.raises(ValidationError, match=next(iter(fields))):
        model(**fields)


@pytest.mark.parametrize(("value", "field"), [(Limits(), "text"), (Dialect(), "name")])
def test_limits_and_dialects_cannot_be_changed(value, field):
    with pytest.raises(ValidationError, match="frozen"):
        setattr(value, field, 5)


def test_the_dialect_says_which_fields_are_reasoning():
    chunks = [chunk(reasoning="a", reasoning_content="b", thoughts="c")]
    assert said(run(chunks, dialect=Dialect(reasoning_fields=("thoughts",)))[0])[0] == ("reasoning", "c")


@pytest.mark.parametrize(
    ("policy", "words", "kept"),
    [
        ("ranked", ["stop", "tool_calls", "stop"], "tool_calls"),
        ("first", ["stop", "tool_calls"], "stop"),
        ("last", ["tool_calls", "length", "stop"], "stop"),
    ],
)
def test_the_finish_reason_that_stands_is_the_dialects_to_say(policy, words, kept):
    parser = run([chunk(finish=word) for word in words], dialect=Dialect(finish=policy))[1]
    assert parser.result.finish_reason == kept


def test_the_largest_count_may_stand():
    reports = [chunk(usage={"prompt_tokens": 5, "completion_tokens": count}) for count in (1, 7, 3)]
    usage = run(reports, dialect=Dialect(usage="max"))[1].result.usage
    assert (usage.input_tokens, usage.output_tokens) == (5, 7)
    assert usage.raw == {"prompt_tokens": 5, "completion_tokens": 3}


def test_the_greatest_of_counts_that_are_all_nought_is_nought():
    parser = run([{"choices": [], "usage": {"prompt_tokens": 0}}] * 2, dialect=Dialect(usage="max"))[1]
    assert parser.result.usage.input_tokens == 0


@pytest.mark.parametrize(
    ("chunks", "state"),
    [
        ([], "failed"),
        ([chunk(content="Hi")], "failed"),
        ([chunk(finish="stop"), chunk(content="Hi", choice=1)], "failed"),
        ([chunk(content="Hi", finish="stop")], "done"),
    ],
)
def test_an_unmarked_end_may_be_an_error(chunks, state):
    messages, parser = run(chunks, dialect=Dialect(strict_end=True))
    assert parser.state == state
    if state == "failed":
        assert messages[-1].stop_reason is StopReasonType.error
        assert parser.result.error.code == "unmarked_end"


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        ([], "incomplete"),
        ([chunk(role="assistant")], "incomplete"),
        ([chunk(content="Hi")], "end_turn"),
        (call_chunks("f", ["{}"], finish=None), "tool_calls"),
        (call_chunks("f", ["{"], finish=None), "incomplete"),
    ],
)
def test_where_the_dialect_trusts_an_unmarked_end_it_says_what_came(chunks, reason):
    messages, _ = run(chunks, dialect=Dialect(unmarked_end="complete"))
    assert messages[-1].stop_reason.value == reason
