"""Logical streams of the Responses API: they say what they are made of, in every chunking and every retelling."""

import json

import pytest
import slow_responses
from hypothesis import find, given
from hypothesis import strategies as st

from streamfsm.testing import (
    RETELLINGS,
    LawBroken,
    Said,
    Stream,
    accented,
    check_append_only,
    check_dialect_invariance,
    check_every_split,
    check_linear,
    check_nothing_lost,
    check_output_grammar,
    check_promptness,
    check_ready_is_true,
    check_split_invariance,
    check_total,
    chunkings,
    fuzz,
    garbage_events,
    long_call,
    long_message,
    operations,
    responses_faults,
    responses_streams,
)
from streamfsm.testing.responses import ENDS, KINDS, call, message, reasoning, response, web_search
from streamfsm.wires.chat.chunking import split


def stream(*items, end="completed", usage=None):
    return Stream(split(response([event for item in items for event in item], end, usage)))


class SlowReader:
    """The slow reader as a parser, which says all at the end."""

    def __init__(self):
        self.events = []
        self.ready = []

    def feed(self, event):
        self.events.append(event)

    def close(self):
        reading = slow_responses.read(self.events)
        for kind, call_id, text in reading["messages"]:
            yield Said("content" if kind == "assistant" else kind, 0 if call_id is None else call_id, text)
        yield Said("stop", 0, reading["stop"])
        self.ready = [(each["name"], each["arguments"]) for each in reading["calls"] if each["ready"]]

    def result(self):
        return self.ready


class Prompt:
    """A parser that reads deltas and names, and nothing else."""

    def __init__(self):
        self.ids = {}

    def feed(self, event):
        item, text = event.get("item"), event.get("delta")
        if event["type"].endswith("item.added") and "name" in item:
            self.ids[event["output_index"]] = item["call_id"]
            yield "name", item["call_id"], item["name"]
        elif text and "output_text" in event["type"]:
            yield "content", 0, text
        elif text and ("reasoning" in event["type"] or "refusal" in event["type"]):
            yield "refusal" if "refusal" in event["type"] else "reasoning", 0, text
        elif text:
            yield "arguments", self.ids[event["output_index"]], text

    def close(self):
        return ()


EXAMPLE = stream(
    reasoning(0, ["Pl", "an"], encrypted="x"),
    message(1, [("content", "Hi"), ("refusal", "No")]),
    call(2, "f", "{}"),
    call(3, "g", "+a", custom=True),
    web_search(4, "?"),
    usage={"input_tokens": 1, "output_tokens": 2},
)


def test_a_stream_is_told_as_servers_tell_it():
    kinds = [event["type"].removeprefix("response.") for event in EXAMPLE.plain()]
    assert kinds[:11] == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
    ]
    assert kinds[-3:] == ["web_search_call.completed", "output_item.done", "completed"]
    assert [event["sequence_number"] for event in EXAMPLE.plain()] == list(range(len(kinds)))
    last = EXAMPLE.plain()[-1]["response"]
    assert [item["type"] for item in last["output"]] == [
        "reasoning",
        "message",
        "function_call",
        "custom_tool_call",
        "web_search_call",
    ]
    json.dumps(EXAMPLE.plain())


def test_a_stream_says_its_texts():
    assert EXAMPLE.said() == {
        ("reasoning", 0): "Plan",
        ("content", 0): "Hi",
        ("refusal", 0): "No",
        ("name", "call_2"): "f",
        ("arguments", "call_2"): "{}",
        ("name", "call_3"): "g",
        ("arguments", "call_3"): "+a",
    }
    assert "output_text.delta 'Hi'" in EXAMPLE.lines()


@pytest.mark.parametrize(
    ("end", "stop"),
    list(
        zip(
            ENDS,
            ["end_turn", "max_tokens_exceeded", "content_filter", "unknown", "error", "cancelled", "incomplete"],
            strict=True,
        )
    ),
)
def test_a_stream_ends_in_many_ways(end, stop):
    assert slow_responses.read(stream(message(0, [("content", "x")]), end=end).plain())["stop"] == stop


@given(responses_streams(), st.data())
def test_every_chunking_of_a_stream_says_what_it_is_made_of(made, data):
    cut = data.draw(chunkings(made))
    check_split_invariance(SlowReader, made, cut)
    check_nothing_lost(SlowReader, made, cut)
    check_ready_is_true(SlowReader, made, cut, ready=lambda ready: ready)
    check_output_grammar(SlowReader, made, cut)
    check_append_only(SlowReader, made, cut)


@given(responses_streams(interleaved=False), st.sampled_from(RETELLINGS))
def test_every_retelling_of_a_stream_says_the_same(made, retelling):
    check_dialect_invariance(SlowReader, made, accented(made.plain(), [retelling]))


@given(responses_streams(), st.sampled_from(RETELLINGS))
def test_every_retelling_of_an_interleaved_stream_has_the_same_texts(made, retelling):
    check_nothing_lost(SlowReader, made, accented(made.plain(), [retelling]))


@given(responses_streams(), st.data())
def test_what_deltas_say_is_prompt(made, data):
    check_promptness(Prompt, made)
    check_nothing_lost(Prompt, made, data.draw(chunkings(made)))


def test_a_parser_that_reads_deltas_only_is_found_out():
    retold = [accented(EXAMPLE.plain(), [retelling]) for retelling in RETELLINGS]
    with pytest.raises(LawBroken, match="nothing lost is broken"):
        check_nothing_lost(Prompt, EXAMPLE, *retold, kinds=["content"])


def test_every_split_of_a_stream_is_tried():
    tried = check_every_split(SlowReader, stream(message(0, [("content", "Hi")])), results=False)
    assert tried["all"] == 2 ** (len(stream(message(0, [("content", "Hi")])).pieces) - 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_may_have_each_kind_of_item(kind):
    found = find(responses_streams(kinds=[kind]), lambda made: len(made.atoms) > 4)
    assert {event["item"]["type"] for event in found.plain() if "item" in event} == {kind}


def test_items_are_told_side_by_side_only_where_that_is_wanted():
    def indexes(made):
        return [event["output_index"] for event in made.plain() if "output_index" in event]

    assert find(responses_streams(), lambda made: indexes(made) != sorted(indexes(made)))

    @given(responses_streams(interleaved=False))
    def in_order(made):
        assert indexes(made) == sorted(indexes(made))

    in_order()


@given(responses_streams(), responses_faults())
def test_faults_and_garbage_end_a_stream_or_come_between(made, fault):
    broken = fault(made)
    assert len(broken.pieces) <= len(made.pieces) + 1
    json.dumps(broken.plain())


@given(st.lists(garbage_events(), max_size=3))
def test_garbage_looks_like_events(events):
    check_total(Deaf, events)
    assert all(isinstance(event, dict) for event in events)


class Deaf:
    def feed(self, _event):
        return ()

    def close(self):
        return ()


@pytest.mark.parametrize("shape", [long_message, long_call])
def test_long_streams_are_as_long_as_they_should_be(shape):
    (text,) = (text for (kind, _), text in Stream.of(shape(400)).said().items() if kind in ("content", "arguments"))
    assert 390 < len(text) < 420
    assert len(shape(400)) > 100
    assert check_linear(Prompt, shape, sizes=(400, 1600), cost=operations) < 1.1


def test_recorded_events_are_fuzzed_with_retellings_and_faults_of_their_own():
    events = EXAMPLE.plain()
    assert fuzz(SlowReader, events, examples=30, random_seed=1) is None

    class Hasty(Prompt):
        def feed(self, event):
            text = event.get("delta")
            return [("content", 0, text.strip() or text)] if text else ()

    finding = fuzz(Hasty, stream(message(0, [("content", "a b")])).plain(), examples=200, random_seed=1)
    assert finding is not None
    assert finding.law == "split invariance"
