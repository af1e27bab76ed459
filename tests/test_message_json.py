"""Messages as JSON, like messages from a template: the same bytes as pydantic's."""

import pytest
from helpers import ID, call, chunk
from hypothesis import given
from streams import options
from written import chunk_lists, event_lists

from streamfsm import AssistantMessage, StreamParser, coalesce
from streamfsm.sinks.message_json import MessageJson, json_of


def messages_of(chunks, **options):
    parser = StreamParser(message_id=ID, **options)
    return [message for each in chunks for message in parser.feed(each)] + parser.close()


def written(messages):
    writer = MessageJson()
    return [writer.write(message) for message in messages]


@given(chunks=chunk_lists() | event_lists(), options=options)
def test_it_is_the_same_as_without_a_template(chunks, options):
    messages = messages_of(chunks, **options)
    for given_messages in (messages, coalesce(messages), messages[::-1]):
        assert written(given_messages) == [*map(json_of, given_messages)]


def test_like_messages_come_from_a_template():
    """Otherwise this would say nothing about it."""
    messages = messages_of([chunk(content="a"), chunk(content='"\n\u20ac'), chunk(content="c"), chunk(finish="stop")])
    writer = MessageJson()
    for message in messages[:3]:
        writer.write(message)
    assert writer._parts
    assert writer.write(messages[1].model_copy(update={"seq_id": 7})) == json_of(
        messages[1].model_copy(update={"seq_id": 7})
    )


@pytest.mark.parametrize(
    "update",
    [
        {"name": "n"},
        {"choice_index": 1},
        {"run_id": "r"},
        {"is_err": True},
        {"seq_id": None},
        {"date": messages_of([])[0].date.replace(year=2001)},
    ],
)
def test_a_message_that_differs_in_anything_else_is_not_like_it(update):
    message, *_ = messages_of([chunk(content="a")])
    messages = [message, message, message.model_copy(update=update), message]
    assert written(messages) == [*map(json_of, messages)]


def test_an_equal_date_that_is_written_in_another_way_is_another():
    from datetime import timedelta, timezone

    message, *_ = messages_of([chunk(content="a")])
    elsewhere = message.model_copy(update={"date": message.date.astimezone(timezone(timedelta(hours=2)))})
    assert elsewhere == message
    assert written([message, message, elsewhere])[2] == json_of(elsewhere)


@pytest.mark.parametrize("call_id", ["\0 text \0", "8888888888888888"])
def test_an_id_that_looks_like_a_place_in_the_template_is_an_id(call_id):
    chunks = [chunk(call(0, call_id, "f")), *(chunk(call(0, arguments=part)) for part in ('{"', "a", '":1}'))]
    messages = messages_of(chunks)
    assert written(messages) == [*map(json_of, messages)]


def test_the_id_of_a_message_may_look_like_one_too():
    message = messages_of([chunk(content="a")])[0].model_copy(update={"id": "8888888888888888"})
    assert written([message] * 3) == [json_of(message)] * 3


def test_the_name_of_a_call_has_no_arguments():
    messages = messages_of([chunk(call(0, "a", "f")), chunk(call(1, "b", "g"))])
    names = [messages[0], messages[0]]
    assert written(names) == [*map(json_of, names)]


def test_a_message_of_ones_own_is_written_by_its_model():
    class Own(AssistantMessage):
        extra: int = 1

    message, *_ = messages_of([chunk(content="a")])
    own = Own(**dict(message))
    assert b'"extra":1' in written([own, own])[1]
