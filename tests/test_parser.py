"""What the parser decides, one case a row: options, limits, endings, names, usage, bad input, persistence, trace."""

import copy
import itertools
import json
import pickle
from datetime import datetime, timedelta, timezone

import pytest
from helpers import ID, anomalies, call, call_chunks, chunk, chunked, run, said, splits
from pydantic import ValidationError
from streams import outcome

from streamfsm import Dialect, Limits, StopReasonType, StreamParser, coalesce
from streamfsm.core.lanes import TextLane
from streamfsm.core.model_names import is_reasoning_model
from streamfsm.core.response import _NOWHERE
from streamfsm.errors import MisuseError
from streamfsm.machines import MACHINES
from streamfsm.machines.endings import CUT, ENDINGS, UNKNOWN
from streamfsm.result import Usage
from streamfsm.trace import Transition
from streamfsm.wires.chat.chunking import at_random, every, whole
from streamfsm.wires.chat.reader import ChatCompletions

THINK = ("<think>", "</think>")
HALF, OTHER_HALF = "\ud83d", "\ude00"


def feed(parser, chunks):
    return [message for each in chunks for message in parser.feed(each)]


def dumped(messages):
    return [message.model_dump() for message in messages]


def found(parser):
    return [(each.id, each.name, each.arguments) for each in parser.result.tool_calls]


# -- a stream with everything in it ------------------------------------------------------------------------------------

RICH_OPTIONS = {
    "inner_thoughts_kwarg": ("thinking", "plan"),
    "think_tags": THINK,
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


def test_the_rich_stream_visits_every_state():
    trace = []
    rich(len(RICH), trace)[0].close()
    visited = {(step.machine, state) for step in trace for state in (step.state, step.target)}
    every_state = {(machine.table.name, state.name) for machine in MACHINES for state in machine.table.states}
    assert every_state - visited == {("stream", "failed"), ("stream", "cancelled")}


# -- options -----------------------------------------------------------------------------------------------------------

THOUGHTFUL = ("search", '{"thinking":"x","plan":"y","q":1}')
SPOKEN = ("send_message", '{"thinking":"x","message":"Hi","to":2}')
OPTIONS = {
    "the defaults, in a tool": (
        {},
        *THOUGHTFUL,
        [("name", "search"), ("arguments", "{"), ("reasoning", "x"), ("arguments", '"plan":"y","q":1}')],
    ),
    "the defaults, in the message tool": ({}, *SPOKEN, [("reasoning", "x"), ("assistant", "Hi")]),
    "another key of thoughts": (
        {"inner_thoughts_kwarg": "plan"},
        *THOUGHTFUL,
        [("name", "search"), ("arguments", '{"thinking":"x"'), ("reasoning", "y"), ("arguments", ',"q":1}')],
    ),
    "several keys of thoughts": (
        {"inner_thoughts_kwarg": {"thinking", "plan"}},
        *THOUGHTFUL,
        [("name", "search"), ("arguments", "{"), ("reasoning", "xy"), ("arguments", '"q":1}')],
    ),
    "no key of thoughts": (
        {"inner_thoughts_kwarg": None},
        *THOUGHTFUL,
        [("name", "search"), ("arguments", THOUGHTFUL[1])],
    ),
    "an empty collection of keys": (
        {"inner_thoughts_kwarg": []},
        *THOUGHTFUL,
        [("name", "search"), ("arguments", THOUGHTFUL[1])],
    ),
    "no key of thoughts, in the message tool": ({"inner_thoughts_kwarg": None}, *SPOKEN, [("assistant", "Hi")]),
    "another message tool": (
        {"assistant_tool": "search", "assistant_kwarg": "plan"},
        *THOUGHTFUL,
        [("reasoning", "x"), ("assistant", "y")],
    ),
    "another key of the message": ({"assistant_kwarg": "to"}, *SPOKEN, [("reasoning", "x"), ("assistant", "2")]),
    "no message tool": (
        {"assistant_tool": None},
        *SPOKEN,
        [("name", "send_message"), ("arguments", "{"), ("reasoning", "x"), ("arguments", '"message":"Hi","to":2}')],
    ),
    "one key for both, where the message wins": (
        {"inner_thoughts_kwarg": "message"},
        *SPOKEN,
        [("assistant", "Hi")],
    ),
}


@pytest.mark.parametrize(("options", "name", "text", "expected"), OPTIONS.values(), ids=OPTIONS)
def test_an_option_changes_what_is_captured(options, name, text, expected):
    for size in range(1, len(text) + 1):
        messages, parser = run(call_chunks(name, chunked(text, size)), **options)
        assert said(messages) == [*expected, ("stop", "tool_calls")]
        assert parser.result.tool_calls[0].arguments == text


@pytest.mark.parametrize("tags", [("<think>",), ("a", "b", "c"), (), ("", "b"), ("a", "")])
def test_think_tags_that_can_never_work_are_refused(tags):
    with pytest.raises(MisuseError, match="think_tags: "):
        StreamParser(think_tags=tags)


@pytest.mark.parametrize(
    "options",
    [
        {"think_tags": 5},
        {"inner_thoughts_kwarg": 5},
        {"assistant_tool": 5},
        {"message_id": 5},
        {"date": "x"},
        {"date": datetime(2026, 1, 1)},  # noqa: DTZ001 - without a zone, which is what is wrong
        {"trace": 5},
        {"limits": 5},
    ],
    ids=str,
)
def test_an_option_of_the_wrong_type_is_refused_at_once(options):
    with pytest.raises(MisuseError, match=next(iter(options))):
        StreamParser(**options)


def test_think_tags_may_be_any_pair():
    assert StreamParser.restore(StreamParser(think_tags=list(THINK)).snapshot())._response.options.think_tags == THINK


@pytest.mark.parametrize(
    "options",
    [
        {"requires_approval_tools": "delete"},
        {"think_tags": "<>"},
    ],
)
def test_a_text_in_place_of_a_collection_is_refused(options):
    with pytest.raises(MisuseError):
        StreamParser(**options)


def test_a_call_that_needs_approval_is_announced_as_a_request_all_along():
    chunks = [*call_chunks("delete", ['{"a":', "1}"], finish=None), chunk(call(1, "call_2", "search", "{}"))]
    messages, _ = run(chunks, requires_approval_tools={"delete"})
    assert [message.message_type for message in messages] == [
        *["approval_request_message"] * 3,
        *["tool_call_message"] * 2,
        "stop_reason",
    ]
    assert [message.tool_call.arguments for message in messages[:3]] == [None, '{"a":', "1}"]


def test_ids_and_date_are_copied_to_every_message():
    parser, messages = rich(len(RICH))
    for message in messages + parser.close():
        copied = {key: value for key, value in RICH_OPTIONS.items() if key in ("run_id", "step_id", "date")}
        assert message.model_dump(include={"run_id", "step_id", "date"}) == copied
        assert message.id == parser.message_id == ID


def test_a_parser_that_is_told_nothing_makes_its_own_id_and_takes_the_time_of_now():
    before = datetime.now(timezone.utc)
    (stop,), (other,) = StreamParser().close(), StreamParser().close()
    assert stop.id.startswith("message-")
    assert stop.id != other.id
    assert timedelta(seconds=-1) < stop.date - before < timedelta(seconds=60)
    assert (stop.date.microsecond, stop.date.utcoffset()) == (0, timedelta(0))
    assert (stop.run_id, stop.step_id) == (None, None)


@pytest.mark.parametrize("positional", [("thinking",), (None,)])
def test_options_have_names(positional):
    with pytest.raises(TypeError, match="positional"):
        StreamParser(*positional)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (Limits, {"text": 0}),
        (Limits, {"arguments": -1}),
        (Limits, {"anomalies": 0}),
        (Limits, {"depth": 5}),
        (Dialect, {"name": "guess"}),
        (Dialect, {"unmarked_end": "error"}),
        (Dialect, {"reasoning_fields": None}),
        (Dialect, {"vendor": "x"}),
    ],
)
def test_limits_and_dialects_are_checked_when_they_are_made(model, fields):
    with pytest.raises(ValidationError, match=next(iter(fields))):
        model(**fields)


@pytest.mark.parametrize(("value", "field"), [(Limits(), "text"), (Dialect(), "name")])
def test_limits_and_dialects_cannot_be_changed(value, field):
    with pytest.raises(ValidationError, match="frozen"):
        setattr(value, field, 5)


def test_the_dialect_says_which_fields_are_reasoning():
    chunks = [chunk(reasoning="a", reasoning_content="b", thoughts="c")]
    assert said(run(chunks, dialect=Dialect(reasoning_fields=("thoughts",)))[0])[0] == ("reasoning", "c")


# -- limits ------------------------------------------------------------------------------------------------------------


def pieces_of(**field):
    """Whoever sends ``size`` characters of a field."""
    ((name, character),) = field.items()
    return lambda size: [chunk(**{name: character * size})]


# The limit; chunks of a stream of a size; and how much of it the result has.
LIMITED = {
    "content": ("text", pieces_of(content="x"), lambda result: len(result.content)),
    "reasoning": ("text", pieces_of(reasoning="x"), lambda result: len(result.reasoning)),
    "refusal": ("text", pieces_of(refusal="é"), lambda result: len(result.refusal)),
    "astral content": ("text", pieces_of(content="\U0001f600"), lambda result: len(result.content)),
    "astral content in halves": ("text", pieces_of(content=HALF + OTHER_HALF), lambda result: len(result.content)),
    "arguments": (
        "arguments",
        lambda size: call_chunks("f", ['{"a":' + "1" * size], finish=None),
        lambda result: len(result.tool_calls[0].arguments) - len('{"a":'),
    ),
    "arguments before their name": (
        "arguments",
        lambda size: [chunk(call(0, "a", None, '{"a":' + "1" * size))],
        lambda result: len(result.tool_calls[0].arguments) - len('{"a":'),
    ),
    "a message in arguments": (
        "arguments",
        lambda size: call_chunks("send_message", ['{"a":' + "1" * size], finish=None),
        lambda result: len(result.tool_calls[0].arguments) - len('{"a":'),
    ),
    "name": ("name", lambda size: [chunk(call(0, "a", "f" * size))], lambda result: len(result.tool_calls[0].name)),
    "calls": (
        "tool_calls",
        lambda size: [chunk(*(call(at, f"call_{at}", "f", "{}") for at in range(size)))],
        lambda result: len(result.tool_calls),
    ),
    "choices with text": (
        "choices",
        lambda size: [chunk(content="x", choice=at) for at in range(size)],
        lambda result: len(result.choices),
    ),
    "choices with calls": (
        "choices",
        lambda size: [chunk(call(0, "a", "f", "{}"), choice=at) for at in range(size)],
        lambda result: len(result.choices),
    ),
    "choices that finish": (
        "choices",
        lambda size: [chunk(finish="stop", choice=at) for at in range(size)],
        lambda result: len(result.choices),
    ),
}
UNITS = {
    "text": "characters of text",
    "arguments": "characters of arguments",
    "name": "characters of a tool's name",
    "tool_calls": "tool calls",
    "choices": "choices",
}
each_limit = pytest.mark.parametrize(("limit", "stream", "kept"), LIMITED.values(), ids=LIMITED)


@each_limit
@pytest.mark.parametrize("size", [1, 2, 6])
def test_up_to_a_limit_all_is_said_and_beyond_it_the_stream_fails(limit, stream, kept, size):
    bound = size + len('{"a":') * (limit == "arguments")
    limits = Limits(**{limit: bound})
    messages, parser = run(stream(size), limits=limits)
    assert (parser.state, parser.result.error, kept(parser.result)) == ("done", None, size)
    for more in (1, 100):
        cut_messages, parser = run(stream(size + more), limits=limits)
        result = parser.result
        assert (parser.state, result.stop_reason) == ("failed", StopReasonType.error)
        assert result.error.model_dump() == {"code": "limit", "message": f"more than {bound} {UNITS[limit]}"}
        assert said(cut_messages) == [*said(messages)[:-1], ("stop", "error")]
        assert kept(result) == size
        assert not any(each.ready for each in result.tool_calls)


@each_limit
@pytest.mark.parametrize("more", [0, 1, 5])
def test_a_limit_is_the_same_at_any_cut(limit, stream, kept, more):  # noqa: ARG001
    limits = Limits(**{limit: 3 + len('{"a":') * (limit == "arguments")})
    chunks = [*stream(3 + more), chunk(finish="stop", usage={"prompt_tokens": 1})]
    expected = outcome(chunks, limits=limits)
    for cut in (whole, *map(every, range(1, 5)), *map(at_random, range(5))):
        assert outcome(cut(chunks), limits=limits) == expected


@pytest.mark.parametrize("name", ["abcd", "abcdefg", f"ab{HALF}{OTHER_HALF}cd"])
def test_the_limit_of_a_name_is_the_same_at_any_cut(name):
    def chunks(pieces):
        first, *more = pieces
        return [chunk(call(0, "a", first)), *(chunk(call(0, None, piece)) for piece in more), chunk(finish="stop")]

    expected = outcome(chunks([name]), limits=Limits(name=4))
    assert expected["messages"][0]["tool_call"]["name"] == name.encode("utf-16", "surrogatepass").decode("utf-16")[:4]
    for pieces in splits(name):
        assert outcome(chunks(pieces), limits=Limits(name=4)) == expected


def test_each_field_choice_and_call_has_a_limit_of_its_own():
    chunks = [
        *(chunk(content="xxx", refusal="xxx", reasoning="xxx", choice=choice) for choice in (0, 1)),
        chunk(call(0, "a", "f", "{ }"), call(1, "b", "g", "{ }")),
    ]
    assert run(chunks, limits=Limits(text=3, arguments=3, name=1))[1].state == "done"


def test_a_chunk_that_exceeds_a_limit_is_read_no_further():
    _, parser = run([chunk(content="xx", refusal="No", finish="stop")], limits=Limits(text=1))
    assert (parser.result.content, parser.result.refusal, parser.result.finish_reason) == ("x", "", None)
    assert anomalies(parser) == []


@pytest.mark.parametrize(
    ("count", "kinds"),
    [
        (2, ["not_a_chunk"] * 2),
        (3, ["not_a_chunk"] * 3),
        (4, ["not_a_chunk"] * 3 + ["more_anomalies"]),
        (50, ["not_a_chunk"] * 3 + ["more_anomalies"]),
    ],
)
def test_the_list_of_anomalies_is_bounded_and_says_so(count, kinds):
    messages, parser = run([*[None] * count, chunk(content="x")], limits=Limits(anomalies=3))
    assert anomalies(parser) == kinds
    assert said(messages)[0] == ("assistant", "x")


# -- how a stream ends -------------------------------------------------------------------------------------------------

# The wire's word → ours, and whether a whole call may be run.
ENDED = {
    "stop": ("end_turn", True),
    "tool_calls": ("tool_calls", True),
    "function_call": ("tool_calls", True),
    "length": ("max_tokens_exceeded", False),
    "content_filter": ("content_filter", False),
    "error": ("error", False),
}
ODD = dict.fromkeys(["eos", "STOP", "tool_call", " stop"], ("unknown", False))


def test_every_declared_ending_has_a_case_and_a_reason():
    assert list(ENDED) == list(ENDINGS)
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
    ("eos", "stop"): ("eos", ["unknown_finish"]),
    ("stop", "eos"): ("eos", ["unknown_finish"]),
    ("tool_calls", "eos"): ("eos", ["unknown_finish", "second_finish"]),
    ("stop", "tool_calls", "stop", "length", "stop"): ("length", ["second_finish"]),
}


@pytest.mark.parametrize(("words", "kept"), SECOND.items(), ids=map("+".join, SECOND))
def test_of_several_finish_reasons_the_first_of_the_highest_rank_counts(words, kept):
    messages, parser = run([chunk(content="x"), *(chunk(finish=word) for word in words)])
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
    "more after the call": (call_chunks("f", ["{}{}"], finish=None), "incomplete"),
}


@pytest.mark.parametrize(("chunks", "reason"), UNMARKED.values(), ids=UNMARKED)
def test_a_stream_that_ends_unmarked_is_incomplete_unless_the_dialect_says_otherwise(chunks, reason):
    _, parser = run(chunks)
    assert parser.result.stop_reason is StopReasonType.incomplete
    assert not any(each.ready for each in parser.result.tool_calls)
    messages, parser = run(chunks, dialect=Dialect(unmarked_end="complete"))
    assert said(messages)[-1] == ("stop", reason)
    assert [each.ready for each in parser.result.tool_calls] == [reason == "tool_calls"] * len(parser.result.tool_calls)
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
    for now, before in zip(result.tool_calls, open_result.tool_calls, strict=True):
        assert now.arguments.startswith(before.arguments)
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


# -- usage -------------------------------------------------------------------------------------------------------------


def usage(prompt=None, completion=None, *, cached=None, reasoning=None):
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


# Reports, one a chunk → input, output, cached, reasoning, source.
USAGE = {
    "none": ([], (None, None, None, None, "absent")),
    "one": ([usage(5, 7)], (5, 7, None, None, "reported")),
    "cumulative": ([usage(5, 1), usage(5, 2), usage(5, 3)], (5, 3, None, None, "reported")),
    "split over chunks": ([usage(5), usage(None, 7), usage(cached=2)], (5, 7, 2, None, "reported")),
    "null later": ([usage(5, 7, cached=2), usage(), {"prompt_tokens": None}], (5, 7, 2, None, "reported")),
    "zero is no null": ([usage(5, 7, reasoning=3), usage(5, 7, reasoning=0)], (5, 7, None, 0, "reported")),
    "details": ([usage(5, 7, cached=2, reasoning=3)], (5, 7, 2, 3, "reported")),
    "details that are null": (
        [{"prompt_tokens": 5, "prompt_tokens_details": None, "completion_tokens_details": None}],
        (5, None, None, None, "reported"),
    ),
    "nothing but nulls": ([usage()], (None, None, None, None, "absent")),
    "nothing that is known": ([{"queue_time": 0.1}], (None, None, None, None, "absent")),
    "no numbers": ([{"prompt_tokens": "5", "completion_tokens": 7}], (None, 7, None, None, "reported")),
}


@pytest.mark.parametrize(("reports", "kept"), USAGE.values(), ids=USAGE)
@pytest.mark.parametrize(
    "place",
    [
        lambda report: {"choices": [], "usage": report},
        lambda report: chunk(content="x", usage=report),
        lambda report: {**chunk(finish="stop"), "x_groq": {"id": "r", "usage": report}},
    ],
    ids=["in a chunk of its own", "beside text", "in x_groq"],
)
def test_usage_is_the_last_that_was_said_of_each_count(reports, kept, place):
    _, parser = run([chunk(content="Hi"), *map(place, reports), chunk(finish="stop")])
    assert tuple(parser.result.usage.model_dump(exclude={"raw"}).values()) == kept


# -- hidden reasoning --------------------------------------------------------------------------------------------------

REASONING = [
    *("o1", "o1-mini", "o3", "o3-mini", "o4-mini", "o3-mini-2025-01-31", "o10", "O3-MINI", "openai/o3"),
    *("gpt-5", "gpt-5-mini", "gpt-5.1", "gpt-5-2025-08-07", "gpt-6", "gpt-10", "openai/gpt-5", "a/b/gpt-5"),
]
PLAIN = [
    *("gpt-4", "gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.5-preview", "gpt-3.5-turbo", "chatgpt-4o-latest"),
    *("gpt-5-chat-latest", "gpt-5.1-chat", "openai/gpt-5-chat", "omni", "omni-moderation-latest", "o0", "o", "o1x"),
    *("gpt-5o", "my-o3", "o3/llama", "deepseek-reasoner", "claude-opus-4", "qwen3", ""),
]


@pytest.mark.parametrize("name", REASONING)
def test_a_model_of_this_name_thinks_without_showing_it(name):
    assert is_reasoning_model(name)


@pytest.mark.parametrize("name", PLAIN)
def test_a_model_of_this_name_does_not(name):
    assert not is_reasoning_model(name)


def hides(model, **options):
    chunks = [{**chunk(content=""), "model": model}, {**chunk(content="Hi"), "model": "gpt-5"}]
    return ("hidden", "omitted") in said(run(chunks, **options)[0])


@pytest.mark.parametrize(
    ("model", "options", "hidden"),
    [
        ("o3", {"inner_thoughts_kwarg": None}, True),
        ("gpt-4o", {"inner_thoughts_kwarg": None}, False),
        ("o3", {}, False),  # its thoughts come in a kwarg
        ("o3", {"inner_thoughts_kwarg": []}, False),  # a kwarg without a name, but a kwarg
        ("gpt-4o", {"reasoning_model": True}, True),
        ("o3", {"reasoning_model": False, "inner_thoughts_kwarg": None}, False),
        (None, {"reasoning_model": True}, True),
        (None, {"inner_thoughts_kwarg": None}, True),  # the first chunk that names a model decides
        ("", {"inner_thoughts_kwarg": None}, True),
    ],
)
def test_hidden_reasoning_is_announced_for_reasoning_models(model, options, hidden):
    assert hides(model, **options) == hidden


def test_without_any_model_name_nothing_is_announced():
    unnamed = {key: value for key, value in chunk(content="Hi").items() if key != "model"}
    messages, parser = run([unnamed], inner_thoughts_kwarg=None)
    assert said(messages)[0] == ("assistant", "Hi")
    assert parser.result.model is None


ANNOUNCED = {
    "before content": ([chunk(content="a"), chunk(content="b")], [("assistant", "ab")]),
    "before a refusal": ([chunk(refusal="No")], [("assistant", "No")]),
    "before a call": (call_chunks("f", ["{}"], finish=None), [("name", "f"), ("arguments", "{}")]),
    "before the message kwarg": (call_chunks("send_message", ['{"message":"Hi"}'], finish=None), [("assistant", "Hi")]),
    "before reasoning that comes later": (
        [chunk(content="a"), chunk(reasoning="b")],
        [("assistant", "a"), ("reasoning", "b")],
    ),
}
NOT_ANNOUNCED = {
    "reasoning came first": ([chunk(reasoning="a"), chunk(content="b")], [("reasoning", "a"), ("assistant", "b")]),
    "tagged reasoning came first": (
        [chunk(content="<think>a</think>b")],
        [("reasoning", "a"), ("assistant", "b")],
    ),
    "thoughts in a kwarg came first": (
        call_chunks("send_message", ['{"thinking":"a","message":"b"}'], finish=None),
        [("reasoning", "a"), ("assistant", "b")],
    ),
    "nothing visible came": ([chunk(role="assistant", content="")], []),
    "a speech without a word came": (call_chunks("send_message", ["{}"], finish=None), []),
}


@pytest.mark.parametrize(("chunks", "expected"), ANNOUNCED.values(), ids=ANNOUNCED)
def test_hidden_reasoning_is_announced_once_before_all_that_is_visible(chunks, expected):
    messages, _ = run(chunks, reasoning_model=True)
    assert said(messages) == [("hidden", "omitted"), *expected, ("stop", "incomplete")]


@pytest.mark.parametrize(("chunks", "expected"), NOT_ANNOUNCED.values(), ids=NOT_ANNOUNCED)
def test_hidden_reasoning_is_not_announced_where(chunks, expected):
    messages, _ = run(chunks, reasoning_model=True, think_tags=THINK)
    assert said(messages) == [*expected, ("stop", "incomplete")]


# -- names -------------------------------------------------------------------------------------------------------------

# Entries of tool-call lists, and the name that comes of them: in pieces, as snapshots, and by evidence.
NAMES = {
    "pieces": ([call(0, "a", "get_"), call(0, None, "time")], ("get_time", "time", "get_time")),
    "pieces with the id": ([call(0, "a", "get_"), call(0, "a", "time")], ("get_time", "time", "get_time")),
    "pieces without any id": ([call(0, None, "get_"), call(0, None, "time")], ("get_time", "time", "get_time")),
    "a growing name with the id": (
        [call(0, "a", "get_"), call(0, "a", "get_time")],
        ("get_get_time", "get_time", "get_time"),
    ),
    "a growing name without the id": (
        [call(0, "a", "get_"), call(0, None, "get_time")],
        ("get_get_time", "get_time", "get_get_time"),
    ),
    "the whole name again with the id": ([call(0, "a", "f"), call(0, "a", "f")], ("ff", "f", "f")),
    "the whole name again without the id": ([call(0, "a", "f"), call(0, None, "f")], ("ff", "f", "ff")),
    "a piece that is the first letter again": (
        [call(0, "a", "b"), call(0, None, "bb"), call(0, None, "c")],
        ("bbbc", "c", "bbbc"),
    ),
    "an empty piece": ([call(0, "a", "f"), call(0, "a", ""), call(0, None, None)], ("f", "f", "f")),
    "half a character, then the other": (
        [call(0, "a", f"f{HALF}"), call(0, None, OTHER_HALF)],
        ("f\U0001f600", "\ufffd", "f\U0001f600"),
    ),
    "half a character, then all again": (
        [call(0, "a", f"f{HALF}"), call(0, "a", f"f{HALF}{OTHER_HALF}")],
        ("f\ufffdf\U0001f600", "f\U0001f600", "f\U0001f600"),
    ),
    "half a character and no more": ([call(0, "a", f"f{HALF}")], ("f\ufffd", "f\ufffd", "f\ufffd")),
    "one name": ([call(0, "a", "f")], ("f", "f", "f")),
}


@pytest.mark.parametrize(("entries", "names"), NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("ended_by", ["arguments", "another call", "a finish", "nothing"])
def test_what_several_name_fields_mean_is_the_dialects_to_say(entries, names, ended_by):
    end = {
        "arguments": [chunk(call(0, None, None, "{}"))],
        "another call": [chunk(call(1, "b", "g"))],
        "a finish": [chunk(finish="tool_calls")],
        "nothing": [],
    }[ended_by]
    ids = {entry.get("id") for entry in entries}
    repeated = len(entries) > 1 and ids == {"a"} and names[0] != names[2]
    for policy, name in zip(("fragment", "snapshot", "auto"), names, strict=True):
        odd = ["ambiguous_call"] * (ids == {None}) + ["repeated_name"] * (policy == "auto" and repeated)
        for chunks in ([*map(chunk, entries), *end], [chunk(*entries), *end]):
            messages, parser = run(chunks, dialect=Dialect(name=policy))
            assert said(messages)[0] == ("name", name)
            assert parser.result.tool_calls[0].name == name
            assert anomalies(parser) == odd


@pytest.mark.parametrize("policy", ["fragment", "snapshot", "auto"])
@pytest.mark.parametrize(
    ("again", "kinds"),
    [([("a", "f"), ("a", "f")], []), ([("a", "g"), ("a", "f")], ["late_name"]), ([("a", "fg")], ["late_name"])],
)
def test_a_name_that_comes_after_the_arguments_began_changes_nothing_but_is_told(policy, again, kinds):
    late = [chunk(call(0, call_id, name, " ")) for call_id, name in again]
    messages, parser = run([chunk(call(0, "a", "f", "{")), *late], dialect=Dialect(name=policy))
    assert said(messages)[0] == ("name", "f")
    assert found(parser) == [("a", "f", "{" + " " * len(again))]
    assert anomalies(parser) == kinds


NAMELESS = {
    "arguments before the name": (
        [call(0, "a", None, '{"thinking":"x",'), call(0, None, "f"), call(0, None, None, '"a":1}')],
        [("name", "f"), ("arguments", "{"), ("reasoning", "x"), ("arguments", '"a":1}')],
        [("a", "f", '{"thinking":"x","a":1}', "valid", True)],
    ),
    "all arguments before the name": (
        [call(0, "a", None, '{"message":'), call(0, None, None, '"Hi"}'), call(0, "a", "send_message")],
        [("assistant", "Hi")],
        [("a", "send_message", '{"message":"Hi"}', "valid", True)],
    ),
    "no name": ([call(0, "a", None, "{}")], [], [("a", "", "{}", "valid", False)]),
    "an empty name": ([call(0, "a", ""), call(0, None, "", "{")], [], [("a", "", "{", "incomplete", False)]),
    "no name, bad arguments": ([call(0, "a", None, "{,}")], [], [("a", "", "{,}", "invalid", False)]),
    "nothing but an id": ([call(0, "a")], [], [("a", "", "", "empty", False)]),
    "half a character of arguments": (
        [call(0, "a", None, f'{{"a":"{HALF}')],
        [],
        [("a", "", '{"a":"\ufffd', "incomplete", False)],
    ),
}


@pytest.mark.parametrize(("entries", "messages", "calls"), NAMELESS.values(), ids=NAMELESS)
def test_a_call_may_learn_its_name_late_or_never(entries, messages, calls):
    spoken, parser = run([*map(chunk, entries), chunk(finish="tool_calls")])
    assert said(spoken) == [*messages, ("stop", "tool_calls")]
    assert [
        (each.id, each.name, each.arguments, each.verdict, each.ready) for each in parser.result.tool_calls
    ] == calls
    assert anomalies(parser) == ["nameless_call"] * (not calls[0][1])


# -- several lanes -----------------------------------------------------------------------------------------------------


def test_interleaved_calls_keep_their_own_text():
    pieces = [
        (0, '{"thinking":"a'),
        (1, '{"message":"x'),
        (0, 'b","q":'),
        (1, "y"),
        (0, "1}"),
        (1, '"}'),
    ]
    start = [chunk(call(0, "call_0", "search"), call(1, "call_1", "send_message"))]
    messages, parser = run([*start, *(chunk(call(index, arguments=text)) for index, text in pieces)])
    assert said(messages)[:-1] == [
        ("name", "search"),
        ("arguments", "{"),
        ("reasoning", "a"),
        ("assistant", "x"),
        ("reasoning", "b"),
        ("arguments", '"q":'),
        ("assistant", "y"),
        ("arguments", "1}"),
    ]
    assert found(parser) == [
        ("call_0", "search", '{"thinking":"ab","q":1}'),
        ("call_1", "send_message", '{"message":"xy"}'),
    ]


def test_several_calls_in_one_delta_are_several_calls():
    entries = [call(index, f"call_{index}", "f", f'{{"a":{index}}}') for index in range(3)]
    messages, parser = run([chunk(*entries, finish="tool_calls")])
    assert [entry for entry in said(messages) if entry[0] == "arguments"] == [
        ("arguments", f'{{"a":{index}}}') for index in range(3)
    ]
    assert [each.ready for each in parser.result.tool_calls] == [True] * 3


def test_the_legacy_function_call_is_a_call_without_an_id():
    pieces = [{"name": "search", "arguments": ""}, {"arguments": '{"thinking":"x",'}, {"arguments": '"a":1}'}]
    messages, parser = run([*(chunk(function_call=piece) for piece in pieces), chunk(finish="function_call")])
    assert said(messages) == [
        ("name", "search"),
        ("arguments", "{"),
        ("reasoning", "x"),
        ("arguments", '"a":1}'),
        ("stop", "tool_calls"),
    ]
    assert found(parser) == [(None, "search", '{"thinking":"x","a":1}')]
    assert parser.result.tool_calls[0].ready


def test_each_choice_has_its_own_texts_calls_and_ending():
    chunks = [
        chunk(content="a", choice=1),
        chunk(content="b"),
        chunk(call(0, "x", "f", "{}"), choice=1),
        chunk(content="c", choice=1),
        chunk(finish="tool_calls", choice=1),
        chunk(finish="length"),
    ]
    messages, parser = run(chunks)
    assert [message.choice_index for message in messages] == [1, 0, 1, 1, 1, 0]
    assert len({message.otid for message in messages}) == 5  # the name and the arguments share theirs
    first, second = parser.result.choices
    assert (first.content, first.tool_calls, first.stop_reason.value) == ("b", [], "max_tokens_exceeded")
    assert (second.content, second.stop_reason.value, second.tool_calls[0].ready) == ("ac", "tool_calls", True)
    assert said(messages)[-1] == ("stop", "max_tokens_exceeded")  # the first choice's


TAGGED = {
    "a span": ("<think>a</think>b", [("reasoning", "a"), ("assistant", "b")]),
    "two spans": (
        "<think>a</think>b<think>c</think>",
        [("reasoning", "a"), ("assistant", "b"), ("reasoning", "c")],
    ),
    "a span after text": ("a<think>b</think>", [("assistant", "a"), ("reasoning", "b")]),
    "an open span": ("<think>a", [("reasoning", "a")]),
    "an empty span": ("<think></think>a", [("assistant", "a")]),
    "a closing tag alone": ("a</think>b", [("assistant", "a</think>b")]),
    "an opening tag inside": ("<think>a<think>b</think>", [("reasoning", "a<think>b")]),
    "part of an opening tag": ("a<thin", [("assistant", "a<thin")]),
    "part of a closing tag": ("<think>a</thin", [("reasoning", "a</thin")]),
    "another tag": ("<thing>", [("assistant", "<thing>")]),
    "half a character at the end": (f"a{HALF}", [("assistant", "a\ufffd")]),
    "half a character after part of a tag": (f"a<th{HALF}", [("assistant", "a<th\ufffd")]),
    "a tag after half a character": (f"{HALF}<think>a", [("assistant", "\ufffd"), ("reasoning", "a")]),
}


@pytest.mark.parametrize(("text", "expected"), TAGGED.values(), ids=TAGGED)
def test_think_tags_make_reasoning_of_content(text, expected):
    for size in range(1, len(text) + 1):
        messages, parser = run([chunk(content=piece) for piece in chunked(text, size)], think_tags=THINK)
        assert said(messages)[:-1] == expected
        assert {each.source for each in messages if each.message_type == "reasoning_message"} <= {"reasoner_model"}
        for kind, value in (("assistant", parser.result.content), ("reasoning", parser.result.reasoning)):
            assert value == "".join(entry[1] for entry in expected if entry[0] == kind)


def test_think_tags_are_text_without_the_option():
    assert said(run([chunk(content="<think>a")])[0])[0] == ("assistant", "<think>a")


# -- arguments ---------------------------------------------------------------------------------------------------------

# Arguments of a tool without and with captures → what is said, the verdict, the offset of the error.
ARGUMENTS = {
    "no arguments": ("search", "", [], "empty", None),
    "null": ("search", "null", [("arguments", "null")], "empty", None),
    "null, in the message tool": ("send_message", "null", [], "empty", None),
    "thoughts in the middle": (
        "search",
        '{"a":1,"thinking":"x","b":2}',
        [("arguments", '{"a":1'), ("reasoning", "x"), ("arguments", ',"b":2}')],
        "valid",
        None,
    ),
    "only thoughts": (
        "search",
        '{"thinking":"x"}',
        [("arguments", "{"), ("reasoning", "x"), ("arguments", "}")],
        "valid",
        None,
    ),
    "thoughts after the message": (
        "send_message",
        '{"message":"Hi","thinking":"x"}',
        [("assistant", "Hi"), ("reasoning", "x")],
        "valid",
        None,
    ),
    "a key written in escapes": ("send_message", r'{"mess\u0061ge":"Hi"}', [("assistant", "Hi")], "valid", None),
    "a key that is deeper": ("send_message", '{"a":{"message":"Hi"}}', [], "valid", None),
    "a message that is null": ("send_message", '{"message":null}', [], "valid", None),
    "a message that is a number": ("send_message", '{"message":1.50}', [("assistant", "1.50")], "valid", None),
    "a message that is an object": (
        "send_message",
        '{"message":{"a": [1]}}',
        [("assistant", '{"a": [1]}')],
        "valid",
        None,
    ),
    "a message with a raw line end": ("send_message", '{"message":"a\nb"}', [("assistant", "a\nb")], "lenient", None),
    "a message with a bad escape": ("send_message", r'{"message":"a\xb"}', [("assistant", r"a\xb")], "invalid", 13),
    "a message with half a character": (
        "send_message",
        r'{"message":"\ud83da"}',
        [("assistant", "\ufffda")],
        "valid",
        None,
    ),
    "a message, twice": ("send_message", '{"message":"a","message":"b"}', [("assistant", "ab")], "valid", None),
    "not JSON": ("search", "hello", [("arguments", "hello")], "invalid", 0),
    "not JSON, in the message tool": ("send_message", "hello", [], "invalid", 0),
    "JSON that is no object": ("search", "[1]", [("arguments", "[1]")], "invalid", 0),
    "cut-off JSON": ("search", '{"a":tr', [("arguments", '{"a":tr')], "incomplete", None),
    "a cut-off message": ("send_message", r'{"message":"a\u00', [("assistant", "a")], "incomplete", None),
    "a wrong number": ("search", '{"a":01}', [("arguments", '{"a":01}')], "invalid", 6),
    "garbage after the object": ("search", '{"a":1} x', [("arguments", '{"a":1} x')], "trailing", 8),
    "another object after it": ("search", '{}{"a":1}', [("arguments", '{}{"a":1}')], "trailing", 2),
    "an error after thoughts": (
        "search",
        '{"thinking":"x",,"thinking":"y"}',
        [("arguments", "{"), ("reasoning", "x"), ("arguments", ',"thinking":"y"}')],
        "invalid",
        16,
    ),
    "an error after the message": (
        "send_message",
        '{"message":"Hi",,"message":"y"}',
        [("assistant", "Hi")],
        "invalid",
        16,
    ),
}


@pytest.mark.parametrize(("name", "text", "expected", "verdict", "offset"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_are_said_judged_and_kept_verbatim(name, text, expected, verdict, offset):
    announced = [("name", name)] if name == "search" else []
    for size in range(1, len(text) + 2):
        messages, parser = run(call_chunks(name, chunked(text, size)))
        assert said(messages) == [*announced, *expected, ("stop", "tool_calls")]
        (parsed,) = parser.result.tool_calls
        assert (parsed.arguments, parsed.verdict, parsed.error_offset) == (text, verdict, offset)
        assert parsed.ready == (verdict in ("valid", "lenient", "empty"))


def test_keys_that_come_again_are_told_at_the_end():
    chunks = [chunk(call(0, "a", "f", "{}"), call(1, "b", "g", '{"a":1,"a":2,"\\u0061":3}'))]
    _, parser = run(chunks)
    assert [(each.kind, each.choice, each.call) for each in parser.result.anomalies] == [("duplicate_key", 0, 1)]
    assert "'a'" in parser.result.anomalies[0].detail


# -- bad input ---------------------------------------------------------------------------------------------------------

# Chunks → what is said of them, and which anomalies are recorded.
BAD = {
    "null deltas": ([{"choices": [{"index": 0, "delta": None}]}], [], []),
    "null everywhere": ([chunk(role=None, content=None, tool_calls=None, reasoning=None)], [], []),
    "no choices": ([{"id": "x"}, {"choices": []}, {"choices": None}, {}], [], []),
    "chunks that are none": ([None, 5, "x", [], True], [], ["not_a_chunk"] * 5),
    "text that is no text": ([chunk(content=5), chunk(refusal={"a": 1})], [], ["wrong_type"] * 2),
    "calls that are no list": ([chunk(tool_calls="f"), chunk(tool_calls={"0": {}})], [], ["wrong_type"] * 2),
    "a call that is no object": ([chunk(tool_calls=["f"])], [], ["wrong_type"]),
    "a call without a function": ([chunk({"index": 0, "id": "a"})], [], ["nameless_call"]),
    "a call without an id": ([chunk(call(0, None, "f", "{}"))], [("name", "f"), ("arguments", "{}")], []),
    "an index that is no number": (
        [chunk({"index": "0", "id": "a", "function": {"name": "f", "arguments": "{}"}})],
        [("name", "f"), ("arguments", "{}")],
        ["wrong_type"],
    ),
    "arguments as an object": (
        [chunk({"index": 0, "id": "a", "function": {"name": "f", "arguments": {"a": 1}}})],
        [("name", "f"), ("arguments", '{"a":1}')],
        ["wrong_type"],
    ),
    "a finish reason that is no text": ([chunk(content="x", finish=5)], [("assistant", "x")], ["wrong_type"]),
    "two reasoning fields of one text": ([chunk(reasoning="a", reasoning_content="a")], [("reasoning", "a")], []),
    "two reasoning fields that differ": (
        [chunk(reasoning="b", reasoning_content="a")],
        [("reasoning", "ab")],
        ["reasoning_conflict"],
    ),
    "one index for two calls": (
        [chunk(call(0, None, "f", "{}")), chunk(call(0, None, "f", "{}"))],
        [("name", "f"), ("arguments", "{}"), ("name", "f"), ("arguments", "{}")],
        ["ambiguous_call"],
    ),
}


@pytest.mark.parametrize(("chunks", "expected", "kinds"), BAD.values(), ids=BAD)
def test_bad_input_becomes_a_recorded_anomaly_and_nothing_is_raised(chunks, expected, kinds):
    messages, parser = run(chunks)
    assert said(messages) == [*expected, ("stop", "incomplete")]
    assert anomalies(parser) == kinds
    assert all(anomaly.detail for anomaly in parser.result.anomalies)


def test_the_first_id_and_model_that_are_not_empty_are_kept():
    chunks = [{"id": "", "model": None}, {"id": "a", "model": ""}, {"id": "b", "model": "m"}, {"model": "n"}]
    _, parser = run(chunks)
    assert (parser.result.response_id, parser.result.model) == ("a", "m")


# -- persistence -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def uninterrupted():
    """What the rich stream is to a parser that nobody stops: messages, trace, result."""
    trace = []
    parser, messages = rich(len(RICH), trace)
    messages += parser.close()
    return dumped(messages), trace, parser.result


def restored(parser, trace):
    return StreamParser.restore(json.loads(json.dumps(parser.snapshot())), trace=trace)


@each_prefix
def test_a_restored_parser_goes_on_as_if_nothing_had_been(uninterrupted, at):
    trace = []
    parser, messages = rich(at, trace)
    result = parser.result
    again = restored(parser, trace)
    assert (again.result, again.state, again.message_id) == (result, parser.state, parser.message_id)
    messages += feed(again, RICH[at:]) + again.close()
    assert (dumped(messages), trace, again.result) == uninterrupted
    assert parser.result == result  # the two share nothing


def test_a_parser_can_be_moved_after_every_chunk(uninterrupted):
    trace, messages = [], []
    parser = StreamParser(trace=trace, **RICH_OPTIONS)
    for each in RICH:
        messages += parser.feed(each)
        parser = restored(parser, trace.append)
    messages += parser.close()
    assert (dumped(messages), trace, parser.result) == uninterrupted


@each_prefix
@pytest.mark.parametrize("again", [copy.deepcopy, lambda parser: pickle.loads(pickle.dumps(parser))])  # noqa: S301
def test_a_parser_can_be_copied_and_pickled(uninterrupted, at, again):
    parser, messages = rich(at)
    twin = again(parser)
    result = parser.result
    messages += feed(twin, RICH[at:]) + twin.close()
    assert (dumped(messages), twin.result) == uninterrupted[::2]
    assert parser.result == result


@each_end
def test_an_ended_parser_stays_ended(end):
    parser, _ = rich(len(RICH))
    end(parser)
    again = restored(parser, None)
    assert (again.state, again.result) == (parser.state, parser.result)
    assert again.close() == again.feed(chunk(content="late")) == []


def test_a_snapshot_keeps_every_option():
    parser, _ = rich(0)
    assert restored(parser, None)._response.options == parser._response.options
    assert set(RICH_OPTIONS) - {"date"} <= set(parser.snapshot()["options"])


@pytest.mark.parametrize(
    "snapshot",
    [
        None,
        {},
        [],
        "snapshot",
        {**StreamParser().snapshot(), "version": 2},
        {**StreamParser().snapshot(), "version": None},
        {key: value for key, value in StreamParser().snapshot().items() if key != "run"},
        {**StreamParser().snapshot(), "run": {"stream": 5}},
        {**StreamParser().snapshot(), "options": {}},
    ],
)
def test_what_is_no_snapshot_of_this_version_is_refused(snapshot):
    with pytest.raises(MisuseError, match="not a snapshot of this version"):
        StreamParser.restore(snapshot)


# -- trace -------------------------------------------------------------------------------------------------------------


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
        Transition("stream", 0, "stream", "open", "finish", "open", None),
        Transition("text", 0, "reasoning", "reasoning", "end", "done", None),
        Transition("tool_call", 0, "call 0", "closed", "end", "done", None),
        Transition("stream", 0, "stream", "open", "end", "done", 6),
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
    assert len(trace) == 4


def test_text_in_a_state_that_emits_nothing_is_dropped():
    writer = StreamParser()._response.writer
    writer.text(TextLane(0, "content"), "x")
    assert writer.drain() == []


# -- fields that are not read ------------------------------------------------------------------------------------------


def test_fields_that_are_not_read_are_kept_where_they_were_each_value_once():
    entry = {**call(0, "a", "f", "{}"), "extra_content": {"signature": "s"}}
    chunks = [
        {**chunk(content="Hi", annotations=[1]), "citations": ["u"], "obfuscation": "xyz", "empty": None},
        {**chunk(entry, annotations=[2]), "citations": ["u"]},
        {**chunk(finish="tool_calls", annotations=[1]), "citations": ["u", "v"]},
    ]
    chunks[0]["choices"][0]["stop_details"] = {"a": 1}
    result = run(chunks)[1].result
    assert result.extras == {"citations": [["u"], ["u", "v"]]}
    assert result.choices[0].extras == {"annotations": [[1], [2]], "stop_details": [{"a": 1}]}
    assert result.tool_calls[0].extras == {"extra_content": [{"signature": "s"}]}
    assert anomalies(run(chunks)[1]) == []


def test_what_is_kept_of_them_is_bounded_and_said():
    chunks = [
        {"choices": [], "note": "x" * 10, "other": 1},
        {"choices": [], "note": "y" * 100},
        {"choices": [], "z": 1},
    ]
    parser = run([*chunks, *chunks], limits=Limits(extras=30))[1]
    assert parser.result.extras == {"note": ["x" * 10], "other": [1]}
    assert anomalies(parser) == ["more_extras"]
    assert parser.state == "done"


def test_a_value_that_comes_again_takes_no_room_and_all_of_the_room_may_be_taken():
    chunks = [{"choices": [], "note": "x" * 10}] * 3
    full = len("note") + len('"xxxxxxxxxx"')
    assert anomalies(run(chunks, limits=Limits(extras=full))[1]) == []
    assert anomalies(run(chunks, limits=Limits(extras=full - 1))[1]) == ["more_extras"]


def nested(depth, inner):
    for _ in range(depth):
        inner = [inner]
    return inner


def alternating(depth):
    inner = 1
    for _ in range(depth):
        inner = [{"a": inner}]
    return inner


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (HALF, "\ufffd"),
        ({1: (2, 3)}, {"1": [2, 3]}),
        ([1.5, True, None, "é"], [1.5, True, None, "é"]),
        ([[]] * 300, [[]] * 300),
        (nested(98, {}), nested(98, {})),
        (nested(100, 1), nested(100, 1)),
        (nested(300, {"a": 1}), "[[[[[[[...]]]]]]]"),
        (alternating(60), "[{'a': [{'a': [{'a': [...]}]}]}]"),
        (nested(100_000, 1), "[[[[[[[...]]]]]]]"),
        (10**5000, "an int"),
        ({1}, "{1}"),
        (Usage(input_tokens=1), {"input_tokens": 1, "source": "absent"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_value_can_be_kept(value, kept):
    parser = run([{"choices": [], "note": value}])[1]
    [found] = parser.result.extras["note"]
    if isinstance(value, Usage):
        found = {name: each for name, each in found.items() if each is not None}
    assert found == kept
    parser.result.model_dump_json().encode()
    assert StreamParser.restore(json.loads(json.dumps(parser.snapshot()))).result == parser.result


# -- structured reasoning ----------------------------------------------------------------------------------------------


def detail(text="", index=0, kind="reasoning.text", **fields):
    return {"type": kind, "index": index, "text": text, **fields}


def test_structured_reasoning_is_merged_by_type_and_index_and_its_text_is_given_once():
    chunks = [
        chunk(reasoning="a", reasoning_details=[detail("a", id="r1")]),
        chunk(reasoning="bc", reasoning_details=[detail("b"), detail("c", 1)]),
        chunk(reasoning_details=[detail(signature="s")]),
        chunk(reasoning_details=[detail(kind="reasoning.encrypted", data="x", index=None)]),
        chunk(reasoning_details=[detail(kind="reasoning.encrypted", data="y", index=None)]),
        chunk(content="Hi"),
    ]
    messages, parser = run(chunks, reasoning_model=True)
    assert said(messages) == [
        ("reasoning", "abc"),
        ("hidden", "redacted"),
        ("assistant", "Hi"),
        ("stop", "incomplete"),
    ]
    details = parser.result.choices[0].reasoning_details
    assert [(each.type, each.index, each.id, each.text, each.data, each.signature) for each in details] == [
        ("text", 0, "r1", "ab", "", "s"),
        ("text", 1, None, "c", "", None),
        ("encrypted", None, None, "", "x", None),
        ("encrypted", None, None, "", "y", None),
    ]
    assert anomalies(parser) == []


def test_a_detail_goes_on_by_its_index_else_by_its_id_and_without_both_by_its_type():
    named = [detail(name, index=None, id=name) for name in ("a", "b", "a")]
    for whose in ({"index": 0}, {"index": None, "id": "r"}):
        coded = [detail(kind="reasoning.encrypted", data=data, **whose) for data in "cd"]
        parser = run([chunk(reasoning_details=[each]) for each in (*named, *coded)])[1]
        details = parser.result.choices[0].reasoning_details
        assert [(each.text, each.data) for each in details] == [("aa", ""), ("b", ""), ("", "cd")]
    parser = run([chunk(reasoning_details=[detail(each, index=None)]) for each in "ab"])[1]
    assert [each.text for each in parser.result.choices[0].reasoning_details] == ["ab"]


def test_a_detail_may_be_whole_so_far():
    chunks = [chunk(reasoning_details=[detail(each)]) for each in ("a", "ab")]
    parser = run(chunks, dialect=Dialect(reasoning="snapshot"))[1]
    assert [each.text for each in parser.result.choices[0].reasoning_details] == ["ab"]


def test_what_is_kept_of_structured_reasoning_is_bounded_exactly():
    text = "x" * 40
    for size in (1, 7, 40):
        chunks = [chunk(reasoning_details=[detail(piece)]) for piece in chunked(text, size)]
        chunks.append(chunk(reasoning_details=[detail(kind="reasoning.encrypted", data="y" * 40, signature="s")]))
        messages, parser = run(chunks, limits=Limits(extras=30))
        details = parser.result.choices[0].reasoning_details
        assert [(each.text, each.data, each.signature) for each in details] == [("x" * 30, "", None), ("", "", "s")]
        assert said(messages)[:2] == [("reasoning", text), ("hidden", "redacted")]
        assert anomalies(parser) == ["more_extras"]


def test_structured_reasoning_ends_with_the_limit_of_its_text():
    for size in (1, 7, 10):
        chunks = [chunk(reasoning_details=[detail(piece)]) for piece in chunked("x" * 10, size)]
        parser = run(chunks, limits=Limits(text=5))[1]
        assert parser.result.choices[0].reasoning_details[0].text == parser.result.reasoning == "x" * 5


def test_a_detail_may_be_cut_inside_a_character():
    pieces = [HALF, f"{OTHER_HALF}b"]
    for fields in ({}, {"reasoning": True}):
        chunks = [chunk(reasoning_details=[detail(piece)], **(fields and {"reasoning": piece})) for piece in pieces]
        messages, parser = run(chunks)
        assert said(messages)[0] == ("reasoning", "\U0001f600b")
        assert parser.result.choices[0].reasoning_details[0].text == "\U0001f600b"
        assert anomalies(parser) == []


def test_what_is_signed_has_ended_and_other_data_is_another_detail():
    blocks = [{"type": "thinking", "thinking": text, "signature": text.upper()} for text in "ab"]
    data = [{"type": "redacted_thinking", "data": text} for text in "cd"]
    details = run([chunk(thinking_blocks=[*blocks, *data])])[1].result.choices[0].reasoning_details
    assert [(each.type, each.signature, each.data) for each in details] == [
        *(("text", text, "") for text in "AB"),
        *(("redacted", None, text) for text in "cd"),
    ]


def test_what_can_be_read_and_what_cannot_come_in_the_order_of_the_details():
    encrypted = detail(kind="reasoning.encrypted", index=1, data="x")
    for chunks in (
        [chunk(reasoning="a", reasoning_details=[detail("a"), encrypted])],
        [chunk(reasoning_details=[detail("a")]), chunk(reasoning_details=[encrypted])],
    ):
        assert said(run(chunks)[0])[:2] == [("reasoning", "a"), ("hidden", "redacted")]


def test_the_same_text_in_any_field_counts_once():
    parser = run([chunk(reasoning_content="x", reasoning="y", reasoning_text="x")])[1]
    assert parser.result.reasoning == "xy"
    assert anomalies(parser) == ["reasoning_conflict"]


def test_hidden_reasoning_belongs_to_its_choice():
    messages, _ = run([chunk(reasoning_opaque="x", choice=1), chunk(content="Hi", choice=1)])
    assert [(message.message_type, message.choice_index) for message in messages[:2]] == [
        ("hidden_reasoning_message", 1),
        ("assistant_message", 1),
    ]


# -- anomalies ---------------------------------------------------------------------------------------------------------


def test_an_anomaly_says_in_which_choice_and_in_which_call_it_was():
    entries = [
        [call(0, "a", "f", '{"k":1,"k":2}')],
        [call(1, "b", "g", "{}")],
        [call(1, "b", "late")],
        *[[call(2, "c", "h")]] * 3,
        [call(3, "d")],
        [call(4, name="i")],
        [call(4, name="j")],
    ]
    chunks = [chunk(*each, choice=1) for each in entries]
    chunks += [chunk(choice=1, finish="odd"), chunk(choice=1, finish="length"), chunk(content=5, choice=1)]
    found = [(each.kind, each.choice, each.call) for each in run(chunks)[1].result.anomalies]
    assert found == [
        ("late_name", 1, 1),
        ("repeated_name", 1, 2),
        ("ambiguous_call", 1, 4),
        ("unknown_finish", 1, None),
        ("second_finish", 1, None),
        ("wrong_type", 1, None),
        ("duplicate_key", 1, 0),
        ("nameless_call", 1, 3),
    ]
    wholes = [chunk(content=text, choice=1) for text in ("Hello", "Help!")]
    [conflict] = run(wholes, dialect=Dialect(content="snapshot"))[1].result.anomalies
    assert (conflict.kind, conflict.choice) == ("snapshot_conflict", 1)


def test_the_greatest_of_counts_that_are_all_nought_is_nought():
    parser = run([{"choices": [], "usage": {"prompt_tokens": 0}}] * 2, dialect=Dialect(usage="max"))[1]
    assert parser.result.usage.input_tokens == 0


# -- snapshots ---------------------------------------------------------------------------------------------------------

WHOLES = ["Hel", "Hello", "Hello", "Hel", f"Hello {HALF}", f"Hello {HALF}{OTHER_HALF}!"]


@pytest.mark.parametrize("name", ["content", "refusal", "reasoning"])
def test_a_field_may_be_whole_so_far_each_time(name):
    dialect = Dialect(content="snapshot", reasoning="snapshot")
    messages, parser = run([chunk(**{name: text}) for text in WHOLES], dialect=dialect)
    assert getattr(parser.result, name) == "Hello \U0001f600!"
    assert "".join(getattr(m, "content", None) or getattr(m, "reasoning", "") for m in messages) == "Hello \U0001f600!"
    assert anomalies(parser) == []


def test_arguments_may_be_whole_so_far_each_time():
    entries = [call(0, "a", "f", "{"), call(0, None, None, '{"a":'), call(0, None, None, '{"a":1}')]
    parser = run([*map(chunk, entries), chunk(finish="tool_calls")], dialect=Dialect(arguments="snapshot"))[1]
    assert [(each.arguments, each.ready) for each in parser.result.tool_calls] == [('{"a":1}', True)]


def test_a_whole_that_contradicts_what_was_given_is_recorded_and_not_read():
    parser = run([chunk(content="Hello"), chunk(content="Help!")], dialect=Dialect(content="snapshot"))[1]
    assert parser.result.content == "Hello"
    assert anomalies(parser) == ["snapshot_conflict"]


def test_a_whole_with_think_tags_goes_on_from_its_length():
    texts = ["<think>a", "<think>a</think>b", "<think>a</think>bc"]
    messages, _ = run([chunk(content=text) for text in texts], think_tags=THINK, dialect=Dialect(content="snapshot"))
    assert said(messages) == [("reasoning", "a"), ("assistant", "bc"), ("stop", "incomplete")]


@pytest.mark.parametrize("finish", [None, "tool_calls"])
def test_a_message_beside_no_delta_is_whole_so_far_each_time(finish):
    def whole_so_far(content, *arguments, finish=None):
        calls = [{"function": {"name": "f", "arguments": text}} for text in arguments]
        parts = [{"type": "text", "text": text} for text in content]
        details = [detail("".join(content))]
        message = {"content": parts, "tool_calls": calls, "annotations": [1], "reasoning_details": details}
        return {"choices": [{"index": 0, "message": message, "finish_reason": finish}]}

    chunks = [
        whole_so_far(["Hel"], ""),
        whole_so_far(["Hel", "lo"], "{}", '{"a'),
        whole_so_far(["Hel", "lo"], "{}", '{"a":1}', finish=finish),
        whole_so_far(["Hel", "lo"], "{}", '{"a":1}'),
    ]
    result = run(chunks)[1].result
    assert (result.content, result.reasoning, result.choices[0].reasoning_details[0].text) == ("Hello",) * 3
    assert [(each.name, each.arguments, each.ready) for each in result.tool_calls] == [
        ("f", "{}", finish is not None),
        ("f", '{"a":1}', finish is not None),
    ]
    assert result.choices[0].extras == {"annotations": [[1]]}
    assert result.anomalies == []


def test_a_call_whose_whole_arguments_contradict_what_came_is_not_ready():
    chunks = [chunk(call(0, "a", "f", "{}")), chunk(call(0, "a", None, "[]")), chunk(finish="stop")]
    [found] = run(chunks, dialect=Dialect(arguments="snapshot"))[1].result.tool_calls
    assert (found.arguments, found.verdict, found.ready) == ("{}", "valid", False)


def test_an_id_that_comes_after_the_name_is_in_the_result_only_wherever_the_stream_is_interrupted():
    chunks = [chunk(call(0, None, "f", '{"a"')), chunk(call(0, "x", None, ":1")), chunk(call(0, None, None, "}"))]
    messages, parser = run(chunks)
    assert {message.tool_call.tool_call_id for message in messages[:-1]} == {None}
    assert parser.result.tool_calls[0].id == "x"


@pytest.mark.parametrize("usage", [nested(150, {}), {"prompt_tokens": 1, "x": nested(150, {})}])
def test_usage_too_deep_to_be_written_is_counted_and_can_be_restored(usage):
    parser = run([chunk(content="a", usage=usage)])[1]
    assert parser.result.usage.raw is None
    assert StreamParser.restore(json.loads(json.dumps(parser.snapshot()))).result == parser.result


def test_an_integer_too_large_for_any_reader_is_none():
    big = 10**5000
    chunks = [
        chunk(call(big, "a", "f", "{}"), usage={"prompt_tokens": big}),
        {"choices": [{"index": big, "delta": {"content": "x"}}]},
    ]
    parser = run(chunks)[1]
    assert set(anomalies(parser)) == {"wrong_type"}
    parser.result.model_dump_json()
    json.dumps(parser.snapshot())


def test_an_error_code_and_the_names_of_extras_hold_no_half_characters():
    parser = StreamParser()
    parser.feed({"choices": [], f"{HALF}x": 1})
    error = OSError("lost")
    error.code = HALF
    parser.fail(error)
    parser.result.model_dump_json().encode()
    assert (parser.result.error.code, parser.result.extras) == ("\ufffd", {"\ufffdx": [1]})


# -- a plain chunk goes where the one before it went -------------------------------------------------------------------

FOLLOWERS = [
    chunk(content="a"),
    chunk(content="b", choice=1),
    chunk(reasoning="c"),
    chunk(call(0, arguments="{")),
    chunk(call(1, arguments="[")),
    chunk(call(0, arguments='"}'), choice=1),
    chunk(call(1, arguments="n"), choice=1),
    chunk(call(0, arguments="m"), choice=True),
    chunk(content=""),
    chunk(call(None, arguments="x")),
    chunk(call(True, arguments="y")),
    chunk(call(0, arguments=7)),
    chunk(call(0, "call_2", "g", "{")),
    chunk(call(1, arguments="z"), content="d"),
    chunk(finish="stop"),
]
OPENED = [chunk(content="Hi"), chunk(call(0, "call_1", "f", "{"), call(1, "call_3", "h", "["), choice=1)]
FOLLOWED = [
    ({}, 3),
    ({"dialect": Dialect(content="snapshot")}, 2),
    ({"dialect": Dialect(arguments="snapshot", reasoning="snapshot")}, 2),
    ({"limits": Limits(text=2, arguments=3)}, 2),
]


def without_the_latest(chunks, **options):
    """What is said if no chunk is taken to go where the one before it went."""
    parser = StreamParser(message_id=ID, **options)
    messages = []
    for each in chunks:
        parser._response._latest = _NOWHERE
        messages += parser.feed(each)
    return messages + parser.close(), parser.result


@pytest.mark.parametrize(("options", "length"), FOLLOWED)
def test_what_goes_on_with_the_chunk_before_it_is_read_as_if_it_did_not(options, length):
    options = {"date": RICH_OPTIONS["date"], **options}
    for followers in itertools.product(FOLLOWERS, repeat=length):
        messages, parser = run([*OPENED, *followers], **options)
        assert (messages, parser.result) == without_the_latest([*OPENED, *followers], **options)


def test_an_error_of_the_trace_leaves_no_chunk_to_the_wrong_call():
    broken = []

    def trace(_):
        if broken:
            raise OSError("no trace")

    parser = StreamParser(trace=trace)
    feed(parser, [chunk(call(at, f"call_{at}", "f", '{"a": "')) for at in (0, 1)])
    parser.feed(chunk(call(0, arguments="x")))
    broken.append(True)
    with pytest.raises(OSError, match="no trace"):
        parser.feed(chunk(call(1, arguments="y")))
    broken.clear()
    feed(parser, [chunk(call(0, arguments="z")), chunk(call(None, arguments="w"))])
    assert [each.arguments for each in parser.result.tool_calls] == ['{"a": "xzw', '{"a": "y']


def test_nearly_every_chunk_goes_where_the_one_before_it_went(monkeypatch):
    asked = []
    sound = ChatCompletions.sound
    monkeypatch.setattr(ChatCompletions, "sound", lambda self, plain: asked.append(plain) or sound(self, plain))
    parser = StreamParser()
    feed(parser, call_chunks("f", '{"a": "some text"}'))
    feed(parser, [chunk(content=piece) for piece in "some text"])
    assert [(field, text) for _, field, _, text in asked] == [(None, "{"), ("content", "s")]


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


# -- text fields -------------------------------------------------------------------------------------------------------

# The field of a result, its policy of the dialect, and how a delta says it.
TEXT_FIELDS = {
    "content": ("content", lambda text: {"content": text}),
    "refusal": ("content", lambda text: {"refusal": text}),
    "transcript": ("content", lambda text: {"audio": {"transcript": text}}),
    "reasoning": ("reasoning", lambda text: {"reasoning_content": text}),
}


@pytest.mark.parametrize("name", TEXT_FIELDS)
@pytest.mark.parametrize("policy", ["content", "reasoning"])
def test_a_fields_pieces_are_whole_so_far_where_its_own_policy_says_so(name, policy):
    own, delta = TEXT_FIELDS[name]
    chunks = [chunk(**delta(text)) for text in ("a", "ab", "abc")]
    parser = run(chunks, dialect=Dialect(**{policy: "snapshot"}))[1]
    assert getattr(parser.result.choices[0], name) == ("abc" if policy == own else "aababc")


@pytest.mark.parametrize("name", TEXT_FIELDS)
def test_tags_are_looked_for_in_content_only(name):
    tagged = "<think>a</think>b"
    choice = run([chunk(**TEXT_FIELDS[name][1](tagged))], think_tags=THINK)[1].result.choices[0]
    said = {field: text for field in TEXT_FIELDS if (text := getattr(choice, field))}
    assert said == ({"content": "b", "reasoning": "a"} if name == "content" else {name: tagged})


# -- pinned policies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "words", "kept"),
    [
        ("ranked", ["stop", "tool_calls", "stop"], "tool_calls"),
        ("first", ["stop", "tool_calls"], "stop"),
        ("last", ["tool_calls", "length", "stop"], "stop"),
    ],
)
def test_the_finish_reason_that_stands_is_the_dialects_to_say(policy, words, kept):
    parser = run([chunk(finish=word) for word in words], dialect=Dialect(finish=policy))[1]
    assert parser.result.finish_reason == kept


def test_the_largest_count_may_stand():
    reports = [chunk(usage={"prompt_tokens": 5, "completion_tokens": count}) for count in (1, 7, 3)]
    usage = run(reports, dialect=Dialect(usage="max"))[1].result.usage
    assert (usage.input_tokens, usage.output_tokens) == (5, 7)
    assert usage.raw == {"prompt_tokens": 5, "completion_tokens": 3}


@pytest.mark.parametrize(
    ("chunks", "state"),
    [
        ([], "failed"),
        ([chunk(content="Hi")], "failed"),
        ([chunk(finish="stop"), chunk(content="Hi", choice=1)], "failed"),
        ([chunk(content="Hi", finish="stop")], "done"),
    ],
)
def test_an_unmarked_end_may_be_an_error(chunks, state):
    messages, parser = run(chunks, dialect=Dialect(strict_end=True))
    assert parser.state == state
    if state == "failed":
        assert messages[-1].stop_reason is StopReasonType.error
        assert parser.result.error.code == "unmarked_end"


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        ([], "incomplete"),
        ([chunk(role="assistant")], "incomplete"),
        ([chunk(content="Hi")], "end_turn"),
        (call_chunks("f", ["{}"], finish=None), "tool_calls"),
        (call_chunks("f", ["{"], finish=None), "incomplete"),
    ],
)
def test_where_the_dialect_trusts_an_unmarked_end_it_says_what_came(chunks, reason):
    messages, _ = run(chunks, dialect=Dialect(unmarked_end="complete"))
    assert messages[-1].stop_reason.value == reason
