"""What the parser does as a whole: every state is visited, ids are kept, and what ends has ended."""

import pytest
from helpers import anomalies, chunk, feed, run
from rich_stream import RICH, rich

from streamfsm import StreamParser
from streamfsm.machines import MACHINES


def test_the_rich_stream_visits_every_state():
    trace = []
    rich(len(RICH), trace)[0].close()
    visited = {(step.machine, state) for step in trace for state in (step.state, step.target)}
    every_state = {(machine.table.name, state.name) for machine in MACHINES for state in machine.table.states}
    other_modes = {("text", state) for state in ("undecided", "before_answer", "before_thought")}  # of think tags
    rarely = {("text", "redacted"), ("tool_call", "text_input"), ("tool_call", "spoken_verbatim")}
    assert every_state - visited == {("stream", "failed"), ("stream", "cancelled"), *other_modes, *rarely}


def test_the_id_and_the_model_are_those_of_the_chunk_that_first_says_something():
    speaks = {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}
    chunks = [{"id": "k", "model": "k"}, {"id": "a", "model": "m", **speaks}, {"id": "b"}, {"model": "n"}]
    _, parser = run(chunks)
    assert (parser.result.response_id, parser.result.model) == ("a", "m")


@pytest.mark.parametrize("late", ["id", "model"])
def test_an_id_or_model_that_comes_late_is_read(late):
    anonymous = [{**chunk(content="a"), late: ""} for _ in range(3)]
    result = run([*anonymous, chunk(content="b")])[1].result
    assert (result.response_id, result.model, result.content) == ("chatcmpl-1", "gpt-4.1", "aaab")


def test_what_comes_after_the_end_goes_on_with_nothing():
    parser = StreamParser()
    feed(parser, [chunk(content="Hi"), chunk(content=" you")])
    parser.close()
    assert parser.feed(chunk(content="!")) == []
    assert (parser.result.content, anomalies(parser)) == ("Hi you", ["late_chunk"])
