"""Several calls and choices at once, each with a text of its own."""

from helpers import call, chunk, found, run, said


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
