"""The trace tells every row that fires and every text."""

from helpers import call_chunks, chunk, feed, run
from rich_stream import RICH, RICH_OPTIONS

from streamfsm import StreamParser
from streamfsm.trace import Transition


def test_the_trace_tells_every_row_and_every_text():
    chunks = [
        chunk(reasoning="Hm"),
        *call_chunks("search", ['{"thinking":"a', 'b","x":1}'], finish=None),
        chunk(finish="tool_calls"),
    ]
    trace = []
    run(chunks, trace=trace)
    assert trace == [
        Transition("text", 0, "reasoning", "awaiting_text", "reasoning", "reasoning", None),
        Transition("stream", 0, "stream", "silent", "heard", "heard", None),
        Transition("text", 0, "reasoning", "reasoning", "text", "reasoning", 0),
        Transition("tool_call", 0, "call 0", "awaiting_name", "tool_named", "raw_args", 1),
        Transition("tool_call", 0, "call 0", "raw_args", "text", "raw_args", 2),
        Transition("tool_call", 0, "call 0", "raw_args", "thoughts_open", "inner_thoughts", None),
        Transition("tool_call", 0, "call 0", "inner_thoughts", "text", "inner_thoughts", 3),
        Transition("tool_call", 0, "call 0", "inner_thoughts", "text", "inner_thoughts", 4),
        Transition("tool_call", 0, "call 0", "inner_thoughts", "value_closed", "between_members", None),
        Transition("tool_call", 0, "call 0", "between_members", "raw_resumed", "raw_args", None),
        Transition("tool_call", 0, "call 0", "raw_args", "text", "raw_args", 5),
        Transition("tool_call", 0, "call 0", "raw_args", "object_closed", "closed", None),
        Transition("stream", 0, "stream", "heard", "finish", "heard", None),
        Transition("text", 0, "reasoning", "reasoning", "end", "done", None),
        Transition("tool_call", 0, "call 0", "closed", "end", "done", None),
        Transition("stream", 0, "stream", "heard", "end", "done", 6),
    ]


def test_the_trace_goes_to_a_list_or_to_a_callable(uninterrupted):
    heard = []
    parser = StreamParser(trace=lambda step: heard.append(step), **RICH_OPTIONS)  # noqa: PLW0108
    feed(parser, RICH)
    parser.close()
    assert heard == uninterrupted[1]


class Recorder:
    """Empty at first, and so false."""

    def __init__(self):
        self.steps = []

    def __call__(self, step):
        self.steps.append(step)

    def __len__(self):
        return len(self.steps)


def test_a_trace_may_be_false():
    trace = Recorder()
    run([chunk(content="x")], trace=trace)
    assert len(trace) == 5
