"""A stream with everything in it: every state is visited, and every option matters."""

from datetime import datetime, timezone

import pytest
from helpers import HALF, ID, OTHER_HALF, THINK, call, chunk, feed

from streamfsm import Dialect, Limits, StreamParser, ThinkTags

RICH_OPTIONS = {
    "inner_thoughts_kwarg": ("thinking", "plan"),
    "think_tags": ThinkTags(*THINK, where="anywhere"),
    "requires_approval_tools": ("delete",),
    "reasoning_model": True,
    "dialect": Dialect(reasoning_fields=("reasoning",)),
    "limits": Limits(text=1000),
    "message_id": ID,
    "run_id": "run-1",
    "step_id": "step-1",
    "date": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
}
RICH = [
    chunk(role="assistant", content=""),
    chunk(content="Hi"),
    chunk(content=" <thi"),
    chunk(content=f"nk>h{HALF}"),
    chunk(content=f"{OTHER_HALF}m</think> there"),
    chunk(reasoning="Well"),
    chunk(call(0, "call_1", "send_")),
    chunk(call(0, "call_1", "send_message")),
    chunk(call(0, arguments='{"thinking":"a\\ud83')),
    chunk(call(0, arguments='d\\ude00b","mess')),
    chunk(call(1, "call_2", "delete", '{"x":[1,{"y":')),
    chunk(call(0, arguments='age":"say \\'), call(1, arguments="tru")),
    chunk(content="other", choice=1),
    chunk(call(1, arguments='e}],"plan":nu')),
    chunk(call(1, arguments='ll,"x":2}')),
    chunk(call(0, arguments='"hi\\""} ')),
    chunk(call(2, arguments='{"late":')),
    chunk(call(2, "call_3", "search")),
    chunk(call(2, arguments=f'"{HALF}')),
    chunk(call(2, arguments=f'{OTHER_HALF}"')),
    chunk(call(3, "call_4", f"f{HALF}")),
    chunk(call(3, arguments='{"a" 1')),
    chunk(call(4, arguments="{}")),
    chunk(choice=1, function_call={"name": "old", "arguments": "{}"}),
    chunk(refusal=f"No{HALF}"),
    "no chunk",
    chunk(finish="tool_calls", usage={"prompt_tokens": 5, "completion_tokens": None}),
    chunk(content=" <th"),
    chunk(finish="stop", choice=1),
    {"choices": [], "usage": {"completion_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 3}}},
]
ENDS = {
    "close": lambda parser: parser.close(),
    "cancel": lambda parser: parser.cancel(),
    "fail": lambda parser: parser.fail("lost"),
}


def rich(at, trace=None):
    """A parser that was fed ``at`` chunks of the rich stream, and what it said."""
    parser = StreamParser(trace=trace, **RICH_OPTIONS)
    return parser, feed(parser, RICH[:at])


each_end = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
each_prefix = pytest.mark.parametrize("at", range(len(RICH) + 1))
