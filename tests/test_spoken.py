"""What was spoken and what was thought, by whichever way it came, in stream order."""

import json

import pytest
from helpers import call, chunk, run
from hypothesis import given
from hypothesis import strategies as st
from streams import options, streams

from streamfsm import Dialect, StreamParser
from streamfsm.testing import Stream, accented, chunkings, dialects
from streamfsm.think_tags import ThinkTags

TAGS = ThinkTags("<think>", "</think>", where="anywhere")
SEND = '{"thinking":"B","message":"two"}'
WAYS = {
    "content": ([chunk(content="Hi")], "Hi", ""),
    "a refusal": ([chunk(refusal="No")], "No", ""),
    "what audio says": ([chunk(audio={"transcript": "Hello"})], "Hello", ""),
    "the message tool": ([chunk(call(0, "c", "send_message", SEND))], "two", "B"),
    "thoughts of any tool": ([chunk(call(0, "c", "search", '{"thinking":"why","q":1}'))], "", "why"),
    "thoughts that are no text": (
        [chunk(call(0, "c", "search", '{"thinking":[1, "\\u0041"],"q":1}'))],
        "",
        '[1, "\\u0041"]',
    ),
    "half a character": ([chunk(call(0, "c", "send_message", '{"message":"a\\ud800"}'))], "a\ufffd", ""),
    "native reasoning": ([chunk(reasoning_content="Hm")], "", "Hm"),
    "text between tags": ([chunk(content="<think>a</think>b")], "b", "a"),
    "all of them, in stream order": (
        [
            chunk(reasoning_content="A"),
            chunk(content="one "),
            chunk(call(0, "c", "send_message", SEND)),
            chunk(reasoning_content="C"),
            chunk(content=" three<think>D</think>"),
            chunk(call(1, "d", "send_message", '{"message":" four"}')),
            chunk(refusal=" five"),
            chunk(content=" six"),
        ],
        "one two three four five six",
        "ABCD",
    ),
    "two calls by turns": (
        [
            chunk(call(0, "c", "send_message", '{"message":"a')),
            chunk(call(1, "d", "send_message", '{"message":"b')),
            chunk(call(0, arguments="c")),
            chunk(call(1, arguments="d")),
        ],
        "abcd",
        "",
    ),
    "nothing": ([], "", ""),
}


@pytest.mark.parametrize(("chunks", "spoken", "thought"), WAYS.values(), ids=WAYS)
def test_what_was_spoken_and_thought_stands_in_stream_order(chunks, spoken, thought):
    result = run(chunks, think_tags=TAGS)[1].result
    assert (result.assistant_text, result.thoughts) == (spoken, thought)
    assert [(each.assistant_text, each.thoughts) for each in result.choices[:1]] == [(spoken, thought)][: len(chunks)]


def emitted(messages, choice):
    """The same of the messages."""
    mine = [message for message in messages if message.choice_index == choice]
    spoken = "".join(each.content for each in mine if each.message_type == "assistant_message")
    return spoken, "".join(each.reasoning for each in mine if each.message_type == "reasoning_message")


@given(st.data(), streams(), options, dialects())
def test_it_is_what_the_messages_of_the_choice_hold(data, stream: Stream, options, quirks):
    chunks = accented(data.draw(chunkings(stream)), quirks)
    messages, parser = run(chunks, **options)
    for each in parser.result.choices:
        assert (each.assistant_text, each.thoughts) == emitted(messages, each.index)


def test_each_choice_has_its_own_and_the_first_stands_at_the_top():
    chunks = [chunk(content=text, choice=index) for index, text in ((1, "b"), (0, "a"), (1, "d"), (0, "c"))]
    result = run(chunks)[1].result
    assert [each.assistant_text for each in result.choices] == ["ac", "bd"]
    assert result.assistant_text == "ac"


def test_it_is_there_at_any_moment_and_survives_a_snapshot():
    chunks, spoken, thought = WAYS["all of them, in stream order"]
    parser = StreamParser(think_tags=TAGS)
    messages = []
    for each in chunks:
        messages += parser.feed(each)
        parser = StreamParser.restore(json.loads(json.dumps(parser.snapshot())))
        assert (parser.result.assistant_text, parser.result.thoughts) == emitted(messages, 0)
    parser.close()
    assert (parser.result.assistant_text, parser.result.thoughts) == (spoken, thought)


def test_speakers_that_go_on_by_turns_in_different_fields_take_an_entry_each():
    parser = StreamParser()
    for _ in range(50):
        for each in (chunk(content="a"), chunk(reasoning_content="b"), chunk(content="c", choice=1)):
            parser.feed(each)
    turns = [[0, "content", "content", 0], [0, "reasoning", "reasoning", 0], [1, "content", "content", 0]]
    assert parser.snapshot()["run"]["numbering"]["turns"] == turns


def test_many_choices_that_go_on_by_turns_keep_their_texts():
    chunks = [chunk(content=f"{choice}", choice=choice) for _ in range(3) for choice in range(12)]
    result = run(chunks, dialect=Dialect(choice="many"))[1].result
    assert [each.assistant_text for each in result.choices] == [f"{choice}" * 3 for choice in range(12)]
