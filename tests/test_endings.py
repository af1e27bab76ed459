"""How a stream ends: finish reasons, unmarked ends, failures and the three verbs."""

import pytest
from helpers import HALF, ID, OTHER_HALF, anomalies, call, call_chunks, chunk, dumped, feed, found, run, said
from rich_stream import ENDS, each_end, each_prefix, rich

from streamfsm import Dialect, StopReasonType, StreamParser, coalesce
from streamfsm.machines.endings import CUT, ENDINGS, UNKNOWN

# The wire's word → ours, and whether a whole call may be run.
ENDED = {
    "stop": ("end_turn", True),
    "tool_calls": ("tool_calls", True),
    "function_call": ("tool_calls", True),
    "length": ("max_tokens_exceeded", False),
    "content_filter": ("content_filter", False),
    "error": ("error", False),
}
ODD = dict.fromkeys(["other", "stopped", "tool calls", " stop"], ("unknown", False))


def test_every_declared_ending_has_a_case_and_a_reason():
    assert list(ENDINGS)[: len(ENDED)] == list(ENDED)  # the words of other wires: test_finish_words.py
    assert all(ending.because for ending in (*ENDINGS.values(), UNKNOWN))
    assert UNKNOWN.rank == CUT


@pytest.mark.parametrize(("word", "ended"), [*ENDED.items(), *ODD.items()])
@pytest.mark.parametrize("together", [True, False], ids=["in the chunk of the arguments", "in a chunk of its own"])
def test_a_finish_reason_says_how_the_stream_ended(word, ended, together):
    last = [chunk(call(0, arguments="{}"), finish=word)]
    apart = [chunk(call(0, arguments="{}")), chunk(finish=word)]
    messages, parser = run([chunk(call(0, "a", "f")), *(last if together else apart)])
    result, (reason, ready) = parser.result, ended
    assert said(messages) == [("name", "f"), ("arguments", "{}"), ("stop", reason)]
    assert (parser.state, result.finish_reason, result.stop_reason.value) == ("done", word, reason)
    assert (result.tool_calls[0].verdict, result.tool_calls[0].ready) == ("valid", ready)
    assert (messages[-1].is_err is True) == (reason == "error")
    assert anomalies(parser) == ["unknown_finish"] * (word in ODD)


SECOND = {
    ("stop", "stop"): ("stop", []),
    ("tool_calls", "tool_calls"): ("tool_calls", []),
    ("tool_calls", "stop"): ("tool_calls", []),
    ("stop", "tool_calls"): ("tool_calls", []),
    ("length", "stop"): ("length", []),
    ("stop", "length"): ("length", []),
    ("tool_calls", "length"): ("length", ["second_finish"]),
    ("length", "tool_calls"): ("length", ["second_finish"]),
    ("tool_calls", "function_call"): ("tool_calls", ["second_finish"]),
    ("content_filter", "length"): ("content_filter", ["second_finish"]),
    ("length", "content_filter"): ("length", ["second_finish"]),
    ("error", "stop"): ("error", []),
    ("tool_calls", "error"): ("error", ["second_finish"]),
    ("error", "tool_calls"): ("error", ["second_finish"]),
    ("other", "stop"): ("other", ["unknown_finish"]),
    ("stop", "other"): ("other", ["unknown_finish"]),
    ("tool_calls", "other"): ("other", ["unknown_finish", "second_finish"]),
    ("stop", "tool_calls", "stop", "length", "stop"): ("length", ["second_finish"]),
}


@pytest.mark.parametrize(("words", "kept"), SECOND.items(), ids=map("+".join, SECOND))
def test_of_several_finish_reasons_the_first_of_the_highest_rank_counts(words, kept):
    messages, parser = run([chunk(call(0, "a", "f", "{}")), *(chunk(finish=word) for word in words)])
    assert (parser.result.finish_reason, anomalies(parser)) == kept
    assert said(messages)[-1] == ("stop", ENDED.get(kept[0], ("unknown",))[0])


UNMARKED = {
    "nothing but text": ([chunk(content="Hi")], "end_turn"),
    "a whole call": (call_chunks("f", ["{}"], finish=None), "tool_calls"),
    "a call without arguments": ([chunk(call(0, "a", "f"))], "tool_calls"),
    "a lenient call": (call_chunks("f", ['{"a":"\n"}'], finish=None), "tool_calls"),
    "a cut call": (call_chunks("f", ['{"a":'], finish=None), "incomplete"),
    "one of two calls cut": ([chunk(call(0, "a", "f", "{}"), call(1, "b", "g", "{"))], "incomplete"),
    "an invalid call": (call_chunks("f", ["{,}"], finish=None), "incomplete"),
    "more after the call": (call_chunks("f", ['{}{"a":1}'], finish=None), "incomplete"),
}


@pytest.mark.parametrize(("chunks", "reason"), UNMARKED.values(), ids=UNMARKED)
def test_a_stream_that_ends_unmarked_is_incomplete_unless_the_dialect_says_otherwise(chunks, reason):
    _, parser = run(chunks)
    assert parser.result.stop_reason is StopReasonType.incomplete
    assert not any(each.ready for each in parser.result.tool_calls)
    messages, parser = run(chunks, dialect=Dialect(unmarked_end="complete"))
    assert said(messages)[-1] == ("stop", reason)
    # That a call has no arguments needs the server's word.
    whole = [bool(each.arguments) and reason == "tool_calls" for each in parser.result.tool_calls]
    assert [each.ready for each in parser.result.tool_calls] == whole
    assert parser.result.finish_reason is None


def test_an_unmarked_end_counts_for_nothing_where_a_finish_came():
    _, parser = run(call_chunks("f", ["{}"], finish="length"), dialect=Dialect(unmarked_end="complete"))
    assert parser.result.stop_reason is StopReasonType.max_tokens_exceeded


def test_a_finish_completes_names_at_once_and_text_may_follow():
    parser = StreamParser(message_id=ID)
    assert said(feed(parser, [chunk(call(0, "a", "f")), chunk(call(1, "b", "g"))])) == [("name", "f")]
    assert said(parser.feed(chunk(finish="tool_calls"))) == [("name", "g")]
    assert said(parser.feed(chunk(call(1, arguments="{}"), content="x"))) == [("assistant", "x"), ("arguments", "{}")]
    assert [each.verdict for each in parser.result.tool_calls] == ["empty", "valid"]
    assert anomalies(parser) == []


@pytest.mark.parametrize("text", ["error", "an error"])
def test_only_a_stop_reason_is_an_error(text):
    messages, _ = run([chunk(content=text), chunk(finish="error")])
    assert [message.is_err for message in messages] == [None, True]


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({"message": "busy", "code": 529}, {"code": "529", "message": "busy"}),
        ({"message": "busy", "type": "overloaded_error"}, {"code": "overloaded_error", "message": "busy"}),
        ("busy", {"code": None, "message": "busy"}),
    ],
)
def test_an_error_in_the_stream_fails_it_and_leaves_what_came(payload, error):
    chunks = [*call_chunks("f", ["{}"]), {**chunk(content="Hi"), "error": payload}, chunk(content="late")]
    messages, parser = run(chunks)
    assert said(messages) == [("name", "f"), ("arguments", "{}"), ("assistant", "Hi"), ("stop", "error")]
    assert (parser.state, parser.result.error.model_dump()) == ("failed", error)
    assert found(parser) == [("call_1", "f", "{}")]
    assert not parser.result.tool_calls[0].ready
    assert messages[-1].is_err is True


class ServerError(Exception):
    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        ("lost", None, "lost"),
        (ConnectionError("lost"), None, "lost"),
        (ConnectionError(), None, "ConnectionError()"),
        (ServerError("busy", 529), "529", "busy"),
        (ServerError("busy", None), None, "busy"),
        (ServerError(f"{HALF}{OTHER_HALF}{HALF}", "x"), "x", "\U0001f600\ufffd"),
    ],
)
def test_a_failure_of_the_transport_is_kept_in_words(error, code, message):
    parser = StreamParser()
    assert [message.message_type for message in parser.fail(error)] == ["stop_reason"]
    assert parser.result.error.model_dump() == {"code": code, "message": message}


@each_prefix
@each_end
def test_a_stream_can_be_ended_after_any_chunk(at, end):
    parser, messages = rich(at)
    open_result = parser.result
    assert open_result.stop_reason is None
    assert not any(each.ready for each in open_result.tool_calls)

    last = end(parser)
    closed, said_by_closing = rich(at)
    said_by_closing += closed.close()
    result = parser.result

    # One stop reason, and all that was held back, whatever the ending.
    assert [message.message_type for message in messages + last].count("stop_reason") == 1
    assert last[-1].stop_reason is result.stop_reason
    assert [message.seq_id for message in messages + last] == list(range(len(messages + last)))
    assert dumped(coalesce(messages + last))[:-1] == dumped(coalesce(said_by_closing))[:-1]

    # The partial goes on from the open one, and holds what closing would.
    assert (result.content, result.reasoning, result.refusal) == (
        closed.result.content,
        closed.result.reasoning,
        closed.result.refusal,
    )
    assert [each.model_copy(update={"ready": False}) for each in result.tool_calls] == [
        each.model_copy(update={"ready": False}) for each in closed.result.tool_calls
    ]
    before = {each.index: each.arguments for each in open_result.tool_calls}
    assert all(now.arguments.startswith(before.pop(now.index)) for now in result.tool_calls)
    for arguments in before.values():  # of calls without a name, which another call took
        assert any(arguments in now.arguments for now in result.tool_calls)
    assert result.content.startswith(open_result.content)
    assert parser.state == "done" or not any(each.ready for each in result.tool_calls)

    # It ended once.
    assert parser.close() == parser.cancel() == parser.fail("again") == []
    assert parser.result == result
    assert feed(parser, [chunk(content="late", finish="length"), "later"]) == []
    *before, late = parser.result.anomalies
    assert (late.kind, before) == ("late_chunk", result.anomalies)
    assert parser.result == result.model_copy(update={"anomalies": [*before, late]})


@pytest.mark.parametrize(
    ("end", "state", "reason"),
    [("close", "done", "incomplete"), ("cancel", "cancelled", "cancelled"), ("fail", "failed", "error")],
)
def test_each_verb_ends_in_a_state_of_its_own(end, state, reason):
    parser = StreamParser(message_id=ID)
    parser.feed(chunk(content="Hi"))
    assert parser.state == "open"
    assert said(ENDS[end](parser)) == [("stop", reason)]
    assert (parser.state, parser.result.stop_reason.value) == (state, reason)
    assert parser.result.content == "Hi"


@pytest.mark.parametrize("end", ["cancel", "fail"])
def test_a_whole_call_is_not_ready_where_the_stream_was_broken_off(end):
    parser = StreamParser()
    feed(parser, call_chunks("f", ["{}"]))
    ENDS[end](parser)
    assert (parser.result.finish_reason, parser.result.tool_calls[0].verdict) == ("tool_calls", "valid")
    assert not parser.result.tool_calls[0].ready
