"""Texts that are whole so far each time."""

import json

import pytest
from helpers import HALF, OTHER_HALF, TEXT_FIELDS, THINK, anomalies, call, chunk, detail, joined, nested, run, said

from streamfsm import Dialect, MisuseError, StreamParser

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


def whole(finish=None, **message):
    return {"choices": [{"index": 0, "delta": {}, "message": message, "finish_reason": finish}]}


def beside(delta, message):
    return {"choices": [{"index": 0, "delta": {"content": delta}, "message": {"content": message}}]}


def entry(call_id, name, arguments):
    return {"id": call_id, "function": {"name": name, "arguments": arguments}}


A, B = '{"a":1}', '{"b":2}'
MESSAGES_AFTER_DELTAS = {
    "the arguments": ([call(0, "k", "f", "")], [entry("k", "f", A)], [("f", A, True)], []),
    "the rest of them": ([call(0, "k", "f", '{"a')], [entry("k", "f", A)], [("f", A, True)], []),
    "other arguments": ([call(0, "k", "f", A)], [entry("k", "f", B)], [("f", A, False)], ["snapshot_conflict"]),
    "a name that goes on": ([call(0, None, "f", "")], [entry(None, "fo", A)], [("fo", A, True)], []),
    "another name": ([call(0, "k", "f", "")], [entry("k", "g", A)], [("f", A, False)], ["snapshot_conflict"]),
    "another complete name": ([call(0, "k", "f", A)], [entry("k", "g", A)], [("f", A, False)], ["late_name"]),
    "an id that comes late": ([call(0, None, "f", A)], [entry("k", "f", A)], [("f", A, True)], []),
    "another id": ([call(0, "k", "f", A)], [entry("l", "f", A)], [("f", A, True)], ["changed_id"]),
    "neither ids nor indexes": ([call(None, None, "f", A)], [entry(None, "f", A)], [("f", A, True)], []),
    "the index of the second call": ([call(1, None, "f", A)], [entry(None, "f", A)], [("f", A, True)], []),
    "another order": (
        [call(0, "k", "f", A), call(1, "l", "g", B)],
        [entry("l", "g", B), entry("k", "f", A)],
        [("f", A, True), ("g", B, True)],
        [],
    ),
    "one call more": (
        [call(0, "k", "f", A)],
        [entry("k", "f", A), entry("l", "g", B)],
        [("f", A, True), ("g", B, True)],
        [],
    ),
    "objects": ([call(0, "k", "f", {"a": 1})], [entry("k", "f", {"a": 1})], [("f", A, True)], []),
}


@pytest.mark.parametrize(
    ("deltas", "entries", "calls", "kinds"), MESSAGES_AFTER_DELTAS.values(), ids=MESSAGES_AFTER_DELTAS
)
@pytest.mark.parametrize("beside", [True, False])
def test_the_calls_of_a_message_after_deltas_are_compared_with_theirs(deltas, entries, calls, kinds, beside):
    chunks = [*map(chunk, deltas), whole("tool_calls", tool_calls=entries)]
    if not beside:
        chunks[-1:] = [whole(None, tool_calls=entries), chunk(finish="tool_calls")]
    parser = run(chunks)[1]
    assert [(each.name, each.arguments, each.ready) for each in parser.result.tool_calls] == calls
    assert anomalies(parser) == kinds


TEXTS_AFTER_DELTAS = {
    "more": ([chunk(content="Paris"), whole("stop", content="Paris is it.")], "Paris is it.", []),
    "the same in parts": ([chunk(content="ab"), whole("stop", content=[{"text": "a"}, {"text": "b"}])], "ab", []),
    "something else": ([chunk(content="Paris"), whole("stop", content="Lyon")], "Paris", ["snapshot_conflict"]),
    "after a delta that says nothing": ([chunk(role="assistant", foo=1), whole("stop", content="Hi")], "Hi", []),
    "before the last delta": (
        [chunk(content="Par"), whole(content="Paris is it."), chunk(content="is is it."), chunk(finish="stop")],
        "Paris is it.",
        [],
    ),
    "several": ([chunk(content="a"), whole(content="ab"), whole(content="abc"), chunk(finish="stop")], "abc", []),
    "beside deltas, so far": ([beside("a", "a"), beside("b", "ab")], "ab", []),
    "beside deltas, the delta again": ([beside("a", "a"), beside("b", "b")], "ab", []),
    "after the finish": ([chunk(content="a"), chunk(finish="stop"), whole(content="ab")], "ab", []),
    "before an error": ([chunk(content="a"), whole(content="ab"), {"error": "no"}], "ab", []),
    "beside an extra that is deep": ([chunk(content="a"), whole(content="ab", x=nested(200, 1))], "ab", []),
    "too deep to wait": ([chunk(content="a"), whole(content="ab", tool_calls=[nested(200, 1)])], "ab", ["wrong_type"]),
}


@pytest.mark.parametrize(("chunks", "content", "kinds"), TEXTS_AFTER_DELTAS.values(), ids=TEXTS_AFTER_DELTAS)
def test_the_text_of_a_message_after_deltas_is_compared_with_theirs(chunks, content, kinds):
    messages, parser = run(chunks)
    assert (parser.result.content, joined(messages, "assistant")) == (content, content)
    assert anomalies(parser) == kinds


def test_messages_of_several_choices_wait_for_their_own_finish():
    deltas = [chunk(content=text, choice=at) for at in range(2) for text in "ab"]
    wholes = [{"choices": [{"index": at, "message": {"content": f"abc{at}", "x": at}}]} for at in range(2)]
    parser = StreamParser()
    for each in [*deltas, *wholes]:
        parser.feed(each)
    parser = StreamParser.restore(parser.snapshot())
    said_at_finish = [[each.text for each in parser.feed(chunk(finish="stop", choice=at))] for at in (1, 0)]
    parser.close()
    assert said_at_finish == [["c1"], ["c0"]]
    assert [choice.extras for choice in parser.result.choices] == [{"x": [0]}, {"x": [1]}]
    assert anomalies(parser) == []


@pytest.mark.parametrize(("index", "why"), [(1, "the same choices"), ("x", "valid integer"), (None, "valid integer")])
def test_a_snapshot_with_a_message_of_no_choice_is_refused(index, why):
    parser = StreamParser()
    parser.feed(chunk(content="a"))
    parser.feed(whole(content="ab"))
    snapshot = parser.snapshot()
    source = snapshot["wire"]["source"]
    (message,) = json.loads(source["whole"]).values()
    source["whole"] = json.dumps({index: message})
    with pytest.raises(MisuseError, match=why):
        StreamParser.restore(snapshot)
