"""The laws on the Responses wire, for the kit's logical streams: cut, retold, damaged, and amid garbage."""

from datetime import datetime, timezone
from functools import partial
from itertools import zip_longest
from typing import Any

import pytest
from helpers import ID, dumped, fed, said
from hypothesis import example, given
from hypothesis import strategies as st
from openai._models import construct_type
from openai.types.responses import ResponseStreamEvent
from response_events import added, argued, body, done, ended, function
from response_events import message as message_item
from response_events import said as spoken

from streamfsm import StreamParser
from streamfsm.testing import (
    RETELLINGS,
    Stream,
    TracedParser,
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
    garbage_events,
    long_call,
    long_message,
    operations,
    responses_faults,
    responses_streams,
)
from streamfsm.testing.responses import call, message, reasoning, response
from streamfsm.wires.chat.chunking import split
from streamfsm.wires.responses import reader

plain = partial(TracedParser, inner_thoughts_kwarg=None, assistant_tool=None)
retellings = st.sampled_from(RETELLINGS)


def ready(result):
    """The calls that may be run, of what a traced parser gives as its result."""
    calls = [call for choice in result["result"]["choices"] for call in choice["tool_calls"]]
    return [(call["name"], call["arguments"]) for call in calls if call["ready"]]


@given(responses_streams(), st.data())
def test_split_invariance(stream, data):
    cut = data.draw(chunkings(stream))
    check_split_invariance(plain, stream, cut)
    check_split_invariance(TracedParser, stream, cut)


@given(responses_streams(), responses_faults(), st.data())
def test_split_invariance_of_a_damaged_stream(stream, fault, data):
    broken = fault(stream)
    check_split_invariance(plain, broken, data.draw(chunkings(broken)))


@given(responses_streams(), st.data())
def test_nothing_lost_and_the_output_s_grammar(stream, data):
    cut = data.draw(chunkings(stream))
    check_nothing_lost(plain, stream, cut)
    check_append_only(plain, stream, cut)
    check_output_grammar(plain, stream, cut)


@given(responses_streams())
def test_promptness(stream):
    check_promptness(plain, stream)


@given(responses_streams(interleaved=False), retellings)
def test_each_redundancy_can_be_left_out(stream, retelling):
    check_dialect_invariance(plain, stream, accented(stream.plain(), [retelling]))


@given(responses_streams(), retellings)
def test_each_redundancy_of_interleaved_items_can_be_left_out(stream, retelling):
    check_nothing_lost(plain, stream, accented(stream.plain(), [retelling]))


def makes_no_call(fault):
    """Whether it is not garbage that is an item: that may be a whole call, which the model made then."""
    return "'item'" not in repr(fault.chunk) and "'output'" not in repr(fault.chunk)


@given(responses_streams(), responses_faults().filter(makes_no_call), st.lists(retellings, max_size=2))
def test_ready_is_true(stream, fault, retold):
    events = fault(Stream.of(accented(stream.plain(), retold))).plain()
    check_ready_is_true(plain, stream, events, ready=ready)


@given(st.lists(garbage_events(), max_size=6))
def test_total(events):
    check_total(plain, events)


def in_turns(*items):
    """The events of items side by side: one of each in turn."""
    return [event for row in zip_longest(*items) for event in row if event]


SHORT = {
    "text": message(0, [("content", "ü😀.")]),
    "thought": reasoning(0, ["Hm\n"], encrypted="gA"),
    "function": call(0, "send_message", '{"message":"\\n"}'),
    "custom": call(0, "run", "{ls}\n", custom=True),
    "interleaved": in_turns(call(0, "f", '{"a":1}'), message(1, [("content", "Hi")])),
}


@pytest.mark.slow("every split")
@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("name", SHORT)
def test_every_split_of_a_short_stream(name):
    tried = check_every_split(TracedParser, Stream(split(SHORT[name])))
    assert tried["all"] >= 128 or tried["3-way"] > 50


@pytest.mark.slow("every offset")
def test_every_two_pieces_of_a_short_body():
    two_items = [added(function(), 1), argued('{"a":', index=1), spoken("ü\n"), argued("1}", index=1), spoken("😀")]
    data = body([added(message_item()), *two_items, ended()])
    whole, parser = fed(data, len(data))
    for at in range(1, len(data)):
        other = StreamParser(message_id=ID)
        messages = [*other.feed_bytes(data[:at]), *other.feed_bytes(data[at:]), *other.close()]
        assert said(messages) == said(whole)
        assert other.result == parser.result


@pytest.mark.slow("every split")
def test_every_split_of_three_items():
    events = response([*reasoning(0, ["Hm"]), *message(1, [("content", "Hi")]), *call(2, "f", "{}")])
    tried = check_every_split(plain, Stream(split(events)))
    assert tried["3-way"] > 200


def test_linear():
    for shape in (long_message, long_call):
        assert check_linear(plain, shape, sizes=(2_000, 8_000), cost=operations) < 1.05


def test_parts_that_are_no_list_are_recorded():
    item = {"id": "rs_0", "type": "reasoning", "summary": -1, "content": None}
    parser = plain()
    check_total(plain, [{"type": "response.output_item.added", "output_index": 0, "item": item}])
    parser.feed({"type": "response.output_item.done", "output_index": 0, "item": item})
    assert [each["kind"] for each in parser.result()["result"]["anomalies"]] == ["wrong_type"]


numbers = st.sampled_from([0, 0, 0, 1, None, True, False, 0.0, -1, 2**70, "0"])
ids = st.sampled_from(["m1", "m1", "f1", "other", None, 7])
items = st.sampled_from(
    [message_item(), message_item(item_id="other"), function("", "c1", "f"), function("{}", "c2", "g", "other")]
)
deltas = st.builds(
    lambda kind, text, at, rest: {**(spoken if kind else argued)("", *at), "delta": text, **rest},
    st.booleans(),
    st.sampled_from(["a", "a", "a", "{", "}", "", "\ud800", None, 3, {"text": "b"}]),
    st.sampled_from([("m1", 0), ("f1", 0), (None, None)]) | st.tuples(ids, numbers),
    st.sampled_from([{}] * 5 + [{"content_index": 1}, {"content_index": True}, {"summary_index": 0}, {"call_id": "c1"},
                     {"logprobs": [{"token": "a"}]}, {"logprobs": []}, {"odd": 1}, {"error": {"message": "no"}}]),
)  # fmt: skip
events = st.one_of(
    deltas, deltas, deltas, st.builds(added, items, numbers), st.builds(done, items, numbers), st.just(ended())
)


def plainly(value):
    return value


def everything(stream, objects):
    """What a parser says and finds, the state that it keeps included."""
    parser = StreamParser(message_id=ID, date=datetime(2026, 1, 1, tzinfo=timezone.utc))
    messages = [message for each in stream for message in parser.feed(objects(value=each))]
    state = parser.snapshot()
    return dumped([*messages, *parser.close()]), parser.result.model_dump(), state


@given(st.lists(st.tuples(events, st.integers(1, 3)), min_size=1, max_size=8))
@example([(added(message_item(), 1), 1), (spoken("a", index=1), 2), (spoken("b", index=True), 2)])
@example([(spoken("a"), 2), ({**spoken("b"), "logprobs": [{"token": "b"}]}, 2), (spoken("c"), 2)])
@example([(spoken("a"), 2), ({**spoken("b"), "odd": 1}, 2), (spoken("c"), 2)])
@example([(added(function()), 1), (argued("{"), 2), (added(function("", "c2", "g")), 1), (argued("{"), 2)])
@example([(added(function()), 1), (added(function("", "c2", "g", "f2"), 1), 1), (argued("{", None, None), 3)])
def test_a_delta_that_goes_the_way_of_the_latest_one_is_read_as_any_other(repeated):
    stream = [event for event, times in repeated for _ in range(times)]
    short = everything(stream, plainly)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_takes", lambda *_: False)
        assert everything(stream, plainly) == short
    assert everything(stream, partial(construct_type, type_=ResponseStreamEvent)) == short


def test_an_id_that_is_no_text_is_compared_with_nothing():
    deep: list[Any] = []
    for _ in range(20_000):
        deep = [deep]
    parser = StreamParser(message_id=ID)
    messages = [message for _ in range(4) for message in parser.feed({**spoken("a"), "item_id": deep})]
    assert said(messages) == [("assistant", "aaaa")]
