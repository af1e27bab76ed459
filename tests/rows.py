"""Which rows of the tables a stream takes, and streams that bring a machine to each of its states."""

from typing import Any

from helpers import call, call_chunks, chunk

from streamfsm import Limits, StreamParser, ThinkTags
from streamfsm.machines import ENDINGS, MACHINES
from streamfsm.machines.checks import MOMENTARY
from streamfsm.trace import Transition

Cell = tuple[str, str, str]
LEGAL: list[Cell] = [(machine.table.name, *cell) for machine in MACHINES for cell in machine.table.by_cell]
NEVER: list[Cell] = [(*place, event) for place in MOMENTARY for event in ENDINGS]
# Arguments that try most of what JSON has.
CASES = [
    '{"thinking":"hm \\u00e9\\ud83d\\ude00","message":"say \\"hi\\"\\nok"}',
    '{"message":"a\\ud83d","x":[1,{}],"thinking":null}',
    '{"a":1,"thinking":"x","b":2}',
    ' { "thinking" : "x" } ',
    '{"mess\\u0061ge":"k"}',
    '{"thinking":1.5e3,"q":1}',
    '{"thinking":{"a":1}}x',
    '{"a":01}',
    "null ",
    "hello",
]
TAGS = ("<think>", "</think>")
INSIDE, AUTO = ThinkTags(*TAGS, starts="inside"), ThinkTags(*TAGS, starts="auto")
ANYWHERE = ThinkTags(*TAGS, where="anywhere")
AUTO_ANYWHERE = ThinkTags(*TAGS, starts="auto", where="anywhere")

SECRET = chunk(reasoning_details=[{"type": "reasoning.encrypted", "data": "c2VjcmV0"}])
USAGE = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
TEXT_TOOL = {"index": 0, "id": "call_1", "type": "custom", "custom": {"name": "code", "input": "print"}}

# What brings a lane of a machine to a state; and for each ending, how to get it.
REACH: dict[tuple[str, str], list[Any]] = {
    ("stream", "silent"): [chunk()],
    ("stream", "heard"): [chunk(content="Hi")],
    ("text", "before_answer"): [chunk(content=" ")],
    ("text", "before_thought"): [chunk(content=" ")],
    ("text", "interleaved"): [chunk(content="Hi")],
    ("text", "answer"): [chunk(content="Hi")],
    ("text", "reasoning"): [chunk(reasoning_content="Hm")],
    ("text", "redacted"): [SECRET],
    ("tool_call", "awaiting_name"): [chunk(call(0, "call_1"))],
    ("tool_call", "raw_args"): call_chunks("search", ['{"a":'], finish=None),
    ("tool_call", "between_members"): call_chunks("send_message", ["{"], finish=None),
    ("tool_call", "inner_thoughts"): call_chunks("search", ['{"thinking":"Hm'], finish=None),
    ("tool_call", "message_kwarg"): call_chunks("send_message", ['{"message":"Hi'], finish=None),
    ("tool_call", "text_input"): [chunk(TEXT_TOOL)],
    ("tool_call", "closed"): call_chunks("search", ["{}"], finish=None),
    ("tool_call", "spoken_verbatim"): call_chunks("send_message", ["no JSON"], finish=None),
    ("tool_call", "malformed"): call_chunks("search", ["no JSON"], finish=None),
}
MODES = {
    ("text", "before_answer"): TAGS,
    ("text", "before_thought"): INSIDE,
    ("text", "interleaved"): ANYWHERE,
}
"""The think tags of those that need any."""
END = {
    "end": StreamParser.close,
    "error": lambda parser: parser.feed({"error": {"message": "overloaded"}}),
    "cancel": StreamParser.cancel,
    "limit": lambda parser: parser.feed(chunk(content="one choice too many", choice=2)),
}


def ended(place: tuple[str, str], event: str) -> list[Transition]:
    """The trace of the stream that reaches ``place`` and ends by ``event``, and of the usage that comes after."""
    trace: list[Transition] = []
    parser = StreamParser(limits=Limits(choices=1), think_tags=MODES.get(place), trace=trace)
    for piece in REACH[place]:
        parser.feed(piece)
    END[event](parser)
    parser.feed(USAGE)
    return trace


def cells(trace: list[Transition]) -> set[Cell]:
    """The rows that were taken."""
    return {(step.machine, step.state, step.event) for step in trace if step.event != "text"}
