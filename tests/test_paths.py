"""The way through the states and what is said on it, written by hand: what a wrong row of a table cannot know."""

from typing import Any

import pytest
from helpers import call_chunks, chunk, run, said
from response_events import added, created, message, thoughts
from response_events import ended as completed
from rows import ANYWHERE, AUTO, AUTO_ANYWHERE, INSIDE, REACH, TAGS, ended

from streamfsm.trace import Transition

Said = list[tuple[str, ...]]

# A tool and its arguments → the states of the call up to its end, and what is said.
# The message tool is never announced, and nothing of it is streamed raw.
CALLS: list[tuple[str, str, str, Said]] = [
    ("search", '{"a":1}', "raw_args closed", [("name", "search"), ("arguments", '{"a":1}')]),
    ("search", '{"a":1} ', "raw_args closed", [("name", "search"), ("arguments", '{"a":1} ')]),
    ("search", '{"thinking":"Hm","a":1}', "raw_args inner_thoughts between_members raw_args closed",
     [("name", "search"), ("arguments", "{"), ("reasoning", "Hm"), ("arguments", '"a":1}')]),
    ("search", '{"a":1,"thinking":"Hm"}', "raw_args inner_thoughts between_members raw_args closed",
     [("name", "search"), ("arguments", '{"a":1'), ("reasoning", "Hm"), ("arguments", "}")]),
    ("search", '{"a":1}{', "raw_args closed malformed", [("name", "search"), ("arguments", '{"a":1}{')]),
    ("search", '{"a":?}', "raw_args malformed", [("name", "search"), ("arguments", '{"a":?}')]),
    ("search", '{"thinking":-?}', "raw_args inner_thoughts malformed",
     [("name", "search"), ("arguments", "{"), ("reasoning", "-"), ("arguments", "?}")]),
    ("search", '{"thinking":nil}', "raw_args inner_thoughts malformed", [("name", "search"), ("arguments", "{nil}")]),
    ("search", '{"thinking":"Hm"?}', "raw_args inner_thoughts between_members malformed",
     [("name", "search"), ("arguments", "{"), ("reasoning", "Hm"), ("arguments", "?}")]),
    ("send_message", '{"thinking":"Hm","message":"Hi"}',
     "between_members inner_thoughts between_members message_kwarg between_members closed",
     [("reasoning", "Hm"), ("assistant", "Hi")]),
    ("send_message", '{"message":"Hi","a":1}', "between_members message_kwarg between_members closed",
     [("assistant", "Hi")]),
    ("send_message", '{"message":"Hi"}{', "between_members message_kwarg between_members closed spoken_verbatim",
     [("assistant", "Hi{")]),
    ("send_message", '{"message":-?}', "between_members message_kwarg spoken_verbatim", [("assistant", "-?}")]),
    ("send_message", '{"thinking":nil}', "between_members inner_thoughts spoken_verbatim", [("assistant", "nil}")]),
    ("send_message", '{"message":nil}', "between_members message_kwarg spoken_verbatim", [("assistant", "nil}")]),
    ("send_message", "{?}", "between_members spoken_verbatim", [("assistant", "{?}")]),
]  # fmt: skip

THOUGHT = chunk(reasoning_content="Hm")
SECRET = chunk(reasoning_details=[{"type": "reasoning.encrypted", "data": "c2VjcmV0"}])

# Chunks → the states of their text field up to its end, and what is said.
TEXTS: list[tuple[list[Any], str, Said]] = [
    ([chunk(content="Hi")], "answer", [("assistant", "Hi")]),
    ([THOUGHT], "reasoning", [("reasoning", "Hm")]),
    ([SECRET, THOUGHT], "redacted", [("hidden", "redacted"), ("reasoning", "Hm")]),
    ([THOUGHT, SECRET, THOUGHT], "reasoning redacted",
     [("reasoning", "Hm"), ("hidden", "redacted"), ("reasoning", "Hm")]),
]  # fmt: skip

# Think tags and content → the same.
TAGGED: list[tuple[Any, str, str, Said]] = [
    (TAGS, "<think>b</think>c<think>", "before_answer reasoning answer",
     [("reasoning", "b"), ("assistant", "c<think>")]),
    (TAGS, "a<think>", "before_answer answer", [("assistant", "a<think>")]),
    (ANYWHERE, "a<think>b</think>c", "interleaved reasoning interleaved",
     [("assistant", "a"), ("reasoning", "b"), ("assistant", "c")]),
    (INSIDE, "b</think>c", "before_thought reasoning answer", [("reasoning", "b"), ("assistant", "c")]),
    (INSIDE, "<think>b</think>", "before_thought reasoning answer", [("reasoning", "b")]),
    (AUTO, "b</think>c", "undecided before_thought reasoning answer", [("reasoning", "b"), ("assistant", "c")]),
    (AUTO, "<think>b", "undecided before_answer reasoning", [("reasoning", "b")]),
    (AUTO, "a", "undecided answer", [("assistant", "a")]),
    (AUTO_ANYWHERE, "a<think>b</think>c", "undecided interleaved reasoning interleaved",
     [("assistant", "a"), ("reasoning", "b"), ("assistant", "c")]),
]  # fmt: skip

# Chunks and think tags → where each thought came from.
SOURCES: list[tuple[list[Any], Any, list[str]]] = [
    ([THOUGHT, *call_chunks("search", ['{"thinking":"Hm"}'])], None, ["reasoner_model", "non_reasoner_model"]),
    ([SECRET, THOUGHT], None, ["reasoner_model"]),
    ([chunk(content=" "), chunk(content="Hm</think>")], INSIDE, ["reasoner_model", "reasoner_model"]),
]  # fmt: skip

# How a stream ends → its state.
ENDS = [("end", "done"), ("error", "failed"), ("limit", "failed"), ("cancel", "cancelled")]


def states(trace: list[Transition], machine: str) -> list[str]:
    """Where each boundary of a machine led."""
    return [step.target for step in trace if step.machine == machine and step.event != "text"]


@pytest.mark.parametrize(("name", "text", "way", "expected"), CALLS)
def test_a_call_goes_this_way(name: str, text: str, way: str, expected: Said):
    trace: list[Transition] = []
    messages, _ = run(call_chunks(name, [text]), trace=trace)
    assert said(messages) == [*expected, ("stop", "tool_calls")]
    assert all(text for message in messages for *_, text in said([message]))
    assert states(trace, "tool_call") == [*way.split(), "done"]
    assert states(trace, "stream") == [*(["heard", "heard"] if expected else ["silent"]), "done"]


@pytest.mark.parametrize(("chunks", "way", "expected"), TEXTS)
def test_a_text_goes_this_way(chunks: list[Any], way: str, expected: Said):
    trace: list[Transition] = []
    messages, _ = run(chunks, trace=trace)
    assert said(messages) == [*expected, ("stop", "incomplete")]
    assert all(text for message in messages for *_, text in said([message]))
    [field] = {step.lane for step in trace if step.machine == "text"}
    assert field == ("content" if "content" in chunks[0]["choices"][0]["delta"] else "reasoning")
    assert states(trace, "text") == [*way.split(), "done"]


@pytest.mark.parametrize(("tags", "text", "way", "expected"), TAGGED)
def test_content_with_tags_goes_this_way(tags: Any, text: str, way: str, expected: Said):
    trace: list[Transition] = []
    messages, _ = run([chunk(content=text)], trace=trace, think_tags=tags)
    assert said(messages) == [*expected, ("stop", "incomplete")]
    assert all(text for message in messages for *_, text in said([message]))
    assert states(trace, "text") == [*way.split(), "done"]


def test_a_thought_that_the_wire_keeps_goes_this_way():
    trace: list[Transition] = []
    events = [created(), added(thoughts()), added(message(), 1), completed(message("Hi"))]
    assert said(run(events, trace=trace)[0]) == [("hidden", "omitted"), ("assistant", "Hi"), ("stop", "end_turn")]
    assert states(trace, "text") == ["redacted", "answer", "done", "done"]


def test_a_model_that_hides_its_thoughts_is_announced_once():
    trace: list[Transition] = []
    pieces = [chunk(finish="stop"), chunk(content="a"), *call_chunks("search", ["{}"])]
    found = said(run(pieces, trace=trace, reasoning_model=True)[0])
    assert found == [
        ("hidden", "omitted"),
        ("assistant", "a"),
        ("name", "search"),
        ("arguments", "{}"),
        ("stop", "tool_calls"),
    ]
    assert states(trace, "stream") == ["silent", "heard", "heard", "done"]


@pytest.mark.parametrize(("event", "state"), ENDS)
@pytest.mark.parametrize("place", REACH, ids="-".join)
def test_wherever_a_stream_ends_only_its_stop_reason_says_so(place: tuple[str, str], event: str, state: str):
    last = [step for step in ended(place, event) if step.event == event]
    assert [step.target for step in last] == ["done"] * (len(last) - 1) + [state]
    assert [step.machine for step in last if step.seq_id is not None] == ["stream"]


@pytest.mark.parametrize(("chunks", "tags", "expected"), SOURCES)
def test_thoughts_say_whether_they_came_in_a_call_or_from_the_model(chunks: list[Any], tags: Any, expected: list[str]):
    messages, _ = run(chunks, think_tags=tags)
    assert [each.source for each in messages if each.message_type == "reasoning_message"] == expected
