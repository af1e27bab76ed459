"""Texts that are whole so far each time."""

import pytest
from helpers import HALF, OTHER_HALF, TEXT_FIELDS, THINK, anomalies, call, chunk, detail, joined, run, said

from streamfsm import Dialect

WHOLES = ["Hel", "Hello", "Hello", "Hel", f"Hello {HALF}", f"Hello {HALF}{OTHER_HALF}!"]


@pytest.mark.parametrize("name", ["content", "refusal", "reasoning"])
def test_a_field_may_be_whole_so_far_each_time(name):
    dialect = Dialect(content="snapshot", reasoning="snapshot")
    messages, parser = run([chunk(**{name: text}) for text in WHOLES], dialect=dialect)
    assert getattr(parser.result, name) == "Hello \U0001f600!"
    assert joined(messages, "assistant", "reasoning") == "Hello \U0001f600!"
    assert anomalies(parser) == []


def test_arguments_may_be_whole_so_far_each_time():
    entries = [call(0, "a", "f", "{"), call(0, None, None, '{"a":'), call(0, None, None, '{"a":1}')]
    parser = run([*map(chunk, entries), chunk(finish="tool_calls")], dialect=Dialect(arguments="snapshot"))[1]
    assert [(each.arguments, each.ready) for each in parser.result.tool_calls] == [('{"a":1}', True)]


def test_a_whole_that_contradicts_what_was_given_is_recorded_and_not_read():
    parser = run([chunk(content="Hello"), chunk(content="Help!")], dialect=Dialect(content="snapshot"))[1]
    assert parser.result.content == "Hello"
    assert anomalies(parser) == ["snapshot_conflict"]


def test_a_whole_with_think_tags_goes_on_from_its_length():
    texts = ["<think>a", "<think>a</think>b", "<think>a</think>bc"]
    messages, _ = run([chunk(content=text) for text in texts], think_tags=THINK, dialect=Dialect(content="snapshot"))
    assert said(messages) == [("reasoning", "a"), ("assistant", "bc"), ("stop", "incomplete")]


@pytest.mark.parametrize("finish", [None, "tool_calls"])
def test_a_message_beside_no_delta_is_whole_so_far_each_time(finish):
    def whole_so_far(content, *arguments, finish=None):
        calls = [{"function": {"name": "f", "arguments": text}} for text in arguments]
        parts = [{"type": "text", "text": text} for text in content]
        details = [detail("".join(content))]
        message = {"content": parts, "tool_calls": calls, "annotations": [1], "reasoning_details": details}
        return {"choices": [{"index": 0, "message": message, "finish_reason": finish}]}

    chunks = [
        whole_so_far(["Hel"], ""),
        whole_so_far(["Hel", "lo"], "{}", '{"a'),
        whole_so_far(["Hel", "lo"], "{}", '{"a":1}', finish=finish),
        whole_so_far(["Hel", "lo"], "{}", '{"a":1}'),
    ]
    result = run(chunks)[1].result
    assert (result.content, result.reasoning, result.choices[0].reasoning_details[0].text) == ("Hello",) * 3
    assert [(each.name, each.arguments, each.ready) for each in result.tool_calls] == [
        ("f", "{}", finish is not None),
        ("f", '{"a":1}', finish is not None),
    ]
    assert result.choices[0].extras == {"annotations": [[1]]}
    assert result.anomalies == []


def test_a_call_whose_whole_arguments_contradict_what_came_is_not_ready():
    chunks = [chunk(call(0, "a", "f", "{}")), chunk(call(0, "a", None, "[]")), chunk(finish="stop")]
    [found] = run(chunks, dialect=Dialect(arguments="snapshot"))[1].result.tool_calls
    assert (found.arguments, found.verdict, found.ready) == ("{}", "valid", False)


@pytest.mark.parametrize("name", TEXT_FIELDS)
@pytest.mark.parametrize("policy", ["content", "reasoning"])
def test_a_fields_pieces_are_whole_so_far_where_its_own_policy_says_so(name, policy):
    own, delta = TEXT_FIELDS[name]
    chunks = [chunk(**delta(text)) for text in ("a", "ab", "abc")]
    parser = run(chunks, dialect=Dialect(**{policy: "snapshot"}))[1]
    assert getattr(parser.result.choices[0], name) == ("abc" if policy == own else "aababc")
