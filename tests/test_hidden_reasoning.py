"""When hidden reasoning is announced: once, before all that is visible, for models that hide it."""

import pytest
from helpers import THINK, call_chunks, chunk, run, said


def hides(model, **options):
    chunks = [{**chunk(content="H" if model else ""), "model": model}, {**chunk(content="i"), "model": "gpt-5"}]
    return ("hidden", "omitted") in said(run(chunks, **options)[0])


@pytest.mark.parametrize(
    ("model", "options", "hidden"),
    [
        ("o3", {"inner_thoughts_kwarg": None}, True),
        ("gpt-4o", {"inner_thoughts_kwarg": None}, False),
        ("o3", {}, False),  # its thoughts come in a kwarg
        ("o3", {"inner_thoughts_kwarg": []}, False),  # a kwarg without a name, but a kwarg
        ("gpt-4o", {"reasoning_model": True}, True),
        ("o3", {"reasoning_model": False, "inner_thoughts_kwarg": None}, False),
        (None, {"reasoning_model": True}, True),
        (None, {"inner_thoughts_kwarg": None}, True),  # the first chunk that names a model decides
        ("", {"inner_thoughts_kwarg": None}, True),
    ],
)
def test_hidden_reasoning_is_announced_for_reasoning_models(model, options, hidden):
    assert hides(model, **options) == hidden


def test_without_any_model_name_nothing_is_announced():
    unnamed = {key: value for key, value in chunk(content="Hi").items() if key != "model"}
    messages, parser = run([unnamed], inner_thoughts_kwarg=None)
    assert said(messages)[0] == ("assistant", "Hi")
    assert parser.result.model is None


ANNOUNCED = {
    "before content": ([chunk(content="a"), chunk(content="b")], [("assistant", "ab")]),
    "before a refusal": ([chunk(refusal="No")], [("assistant", "No")]),
    "before a call": (call_chunks("f", ["{}"], finish=None), [("name", "f"), ("arguments", "{}")]),
    "before the message kwarg": (call_chunks("send_message", ['{"message":"Hi"}'], finish=None), [("assistant", "Hi")]),
    "before reasoning that comes later": (
        [chunk(content="a"), chunk(reasoning="b")],
        [("assistant", "a"), ("reasoning", "b")],
    ),
}
NOT_ANNOUNCED = {
    "reasoning came first": ([chunk(reasoning="a"), chunk(content="b")], [("reasoning", "a"), ("assistant", "b")]),
    "tagged reasoning came first": (
        [chunk(content="<think>a</think>b")],
        [("reasoning", "a"), ("assistant", "b")],
    ),
    "thoughts in a kwarg came first": (
        call_chunks("send_message", ['{"thinking":"a","message":"b"}'], finish=None),
        [("reasoning", "a"), ("assistant", "b")],
    ),
    "nothing visible came": ([chunk(role="assistant", content="")], []),
    "a speech without a word came": (call_chunks("send_message", ["{}"], finish=None), []),
}


@pytest.mark.parametrize(("chunks", "expected"), ANNOUNCED.values(), ids=ANNOUNCED)
def test_hidden_reasoning_is_announced_once_before_all_that_is_visible(chunks, expected):
    messages, _ = run(chunks, reasoning_model=True)
    assert said(messages) == [("hidden", "omitted"), *expected, ("stop", "incomplete")]


@pytest.mark.parametrize(("chunks", "expected"), NOT_ANNOUNCED.values(), ids=NOT_ANNOUNCED)
def test_hidden_reasoning_is_not_announced_where(chunks, expected):
    messages, _ = run(chunks, reasoning_model=True, think_tags=THINK)
    assert said(messages) == [*expected, ("stop", "incomplete")]


def test_hidden_reasoning_belongs_to_its_choice():
    messages, _ = run([chunk(reasoning_opaque="x", choice=1), chunk(content="Hi", choice=1)])
    assert [(message.message_type, message.choice_index) for message in messages[:2]] == [
        ("hidden_reasoning_message", 1),
        ("assistant_message", 1),
    ]
