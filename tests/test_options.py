"""What an option changes, and which values are refused at once."""

from datetime import datetime, timedelta, timezone

import pytest
from helpers import ID, THINK, call, call_chunks, chunk, chunked, run, said
from rich_stream import RICH, RICH_OPTIONS, rich

from streamfsm import StreamParser, ThinkTags
from streamfsm.errors import MisuseError

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
    restored = StreamParser.restore(StreamParser(think_tags=list(THINK)).snapshot())
    assert restored._response.options.think_tags == (ThinkTags(*THINK),)


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


def test_a_dialect_is_a_dialect():
    with pytest.raises(MisuseError, match="dialect must be a Dialect"):
        StreamParser(dialect={"name": "auto"})
