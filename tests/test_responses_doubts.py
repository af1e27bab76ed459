"""Streams of the Responses API that contradict themselves: nothing comes twice, and no guess is ready."""

from typing import Any

import pytest
from helpers import ID, run
from response_events import added, argued, created, ended, event, function

from streamfsm import Dialect, StreamParser

A = '{"a":1}'
CALLED = [created(), added(function()), argued(A)]


def read(stream: list[Any], **options: Any) -> StreamParser:
    """The parser after the stream; it says the same if it is restored from a snapshot at any event."""
    parser = run(stream, **options)[1]
    for at in range(len(stream)):
        before = StreamParser(message_id=ID, **options)
        for each in stream[:at]:
            before.feed(each)
        restored = StreamParser.restore(before.snapshot())
        for each in stream[at:]:
            restored.feed(each)
        restored.close()
        assert restored.result == parser.result
    return parser


def calls(parser: StreamParser) -> list[tuple[str, str, bool]]:
    return [(call.name, call.arguments, call.ready) for call in parser.result.tool_calls]


# -- the end -----------------------------------------------------------------------------------------------------------

COMPLETED = {"status": "completed", "output": []}
CUT = [
    (event("incomplete", response=COMPLETED), "incomplete"),
    (event("failed", response=COMPLETED), "failed"),
    (event("cancelled", response=COMPLETED), "cancelled"),
    (event("completed", response={"status": "failed"}), "failed"),
    (event("completed", response={"status": "canceled"}), "canceled"),
    (event("completed", response={"status": "expired"}), "expired"),
    (ended(incomplete_details={"reason": "max_output_tokens"}), "max_output_tokens"),
    (ended(status="incomplete", incomplete_details={"reason": "stop"}), "incomplete"),
    (event("incomplete", response={**COMPLETED, "incomplete_details": {"reason": "content_filter"}}), "content_filter"),
]


@pytest.mark.parametrize(("last", "word"), CUT)
def test_the_worst_of_what_the_last_event_says_counts(last: Any, word: str):
    parser = read([*CALLED, last])
    assert calls(parser) == [("f", A, False)]
    assert parser.result.finish_reason == word


def test_a_reason_that_is_left_from_nothing_cut_does_not_count():
    assert calls(read([*CALLED, ended(incomplete_details={"reason": "stop"})])) == [("f", A, True)]
    taught = Dialect(finish_words={"Budget": "tool_calls"})
    last = ended(status="incomplete", incomplete_details={"reason": "budget"})
    assert calls(read([*CALLED, last], dialect=taught)) == [("f", A, True)]
    assert calls(read([*CALLED, last])) == [("f", A, False)]
