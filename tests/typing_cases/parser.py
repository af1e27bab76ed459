"""A parser, its options and what it knows."""

from datetime import datetime, timezone

from typing_extensions import assert_type

from streamfsm import (
    Anomaly,
    Dialect,
    Limits,
    MisuseError,
    ParsedCall,
    StopReasonType,
    StreamMessage,
    StreamParser,
    StreamResult,
    Transition,
    Usage,
)

steps: list[Transition] = []
parser = StreamParser(
    inner_thoughts_kwarg={"thinking", "plan"},
    assistant_tool=None,
    think_tags=("<think>", "</think>"),
    requires_approval_tools=["delete"],
    dialect=Dialect(name="fragment", strict_end=True),
    limits=Limits(text=1000),
    date=datetime.now(timezone.utc),
    trace=steps,
)


def told(step: Transition) -> str:
    return f"{step.machine} {step.state} {step.event} {step.target} {step.seq_id}"


StreamParser(trace=told)
StreamParser("thinking")  # type: ignore  # noqa: PGH003 - options have names; mypy calls it one thing, then another
StreamParser(limits=1000)  # type: ignore[arg-type]
StreamParser(nothing_of_the_kind=True)  # type: ignore[call-arg]
Dialect(name="guess")  # type: ignore[arg-type]

assert_type(parser.feed({"choices": []}), list[StreamMessage])
assert_type(parser.feed_bytes(b"data: {}\n\n"), list[StreamMessage])
assert_type(parser.close(), list[StreamMessage])
assert_type(parser.cancel(), list[StreamMessage])
assert_type(parser.fail(OSError("lost")), list[StreamMessage])


def known(result: StreamResult) -> None:
    assert_type(result.content, str)
    assert_type(result.stop_reason, StopReasonType | None)
    assert_type(result.usage, Usage)
    assert_type(result.usage.input_tokens, int | None)
    assert_type(result.tool_calls, list[ParsedCall])
    assert_type(result.anomalies, list[Anomaly])
    for call in result.tool_calls:
        assert_type(call.ready, bool)
        assert_type(call.id, str | None)
        assert_type(call.arguments, str)


known(parser.result)
try:
    known(StreamParser.restore(parser.snapshot(), trace=told).result)
except MisuseError as error:
    assert_type(error, MisuseError)
