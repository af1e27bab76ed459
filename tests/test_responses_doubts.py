"""Streams of the Responses API that contradict themselves: nothing comes twice, and no guess is ready."""

from typing import Any

import pytest
from helpers import ID, anomalies, counted, run
from response_events import added, argued, created, done, ended, event, function, message, said, thoughts

from streamfsm import Dialect, StreamParser

A, B = '{"a":1}', '{"b":2}'
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


# -- ids that several items share --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [(("f1", "c"), ("f2", "c")), (("k", "c1"), ("k", "c2")), (("k", "c"), ("k", "c")), (("k", None), ("k", None))],
)
def test_calls_that_share_an_id_come_once(first: Any, second: Any):
    items = [function(A, first[1], "f", first[0]), function(B, second[1], "g", second[0])]
    stream = [
        each
        for at, item in enumerate(items)
        for each in (added({**item, "arguments": ""}, at), argued(item["arguments"], item["id"], at), done(item, at))
    ]
    for last in (ended(*items), ended()):
        parser = read([created(), *stream, last])
        assert calls(parser) == [("f", A, True), ("g", B, True)]
        assert set(anomalies(parser)) == {"duplicate_id"}


def test_texts_that_share_an_id_come_once():
    spoken = [added(message()), said("Hello "), done(message("Hello ")),
              added(message(), 1), said("Bye", index=1), done(message("Bye"), 1)]  # fmt: skip
    last = ended(message("Hello "), message("Bye"), message("!"))
    assert read([created(), *spoken, last]).result.content == "Hello Bye!"
    thought = [done(thoughts("One. ", encrypted_content="A")), done(thoughts("Two.", encrypted_content="B"), 1)]
    began = [added(thoughts(), at) for at in range(2)]
    result = read([created(), *began, *thought, ended(*(each["item"] for each in thought))]).result
    assert result.reasoning == "One. Two."
    assert [each.data for each in result.choices[0].reasoning_details if each.data] == ["A", "B"]


def test_an_id_is_looked_up_in_linear_time_however_many_items_share_it():
    def cost(size: int) -> int:
        items = [message("x") for _ in range(size)]
        stream = [created(), *(added(message(), at) for at in range(size)), ended(*items)]
        with counted() as count:
            run(stream)
        return count()

    cost(10)
    assert cost(200) < 2.5 * cost(100)
