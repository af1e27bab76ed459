"""What the class that this library replaces got wrong, measured, and what happens here."""

import json
from random import Random

from helpers import call, call_chunks, chunk, run, said


def chunkings(text: str, count: int) -> list[list[str]]:
    """``count`` random ways to cut ``text``, the same in every run."""
    random = Random(17)
    ways = []
    for _ in range(count):
        cuts = sorted(random.sample(range(1, len(text)), random.randint(0, len(text) - 1)))
        ways.append([text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)])
    return ways


def test_a_message_is_the_same_in_500_chunkings_where_it_gave_up_to_20_different_outputs():
    text = json.dumps({"thinking": "The user greets me.", "message": 'say "hi"\nok 😀'})
    expected = [("reasoning", "The user greets me."), ("assistant", 'say "hi"\nok 😀'), ("stop", "tool_calls")]
    for pieces in chunkings(text, 500):
        assert said(run(call_chunks("send_message", pieces))[0]) == expected


def test_integers_and_nested_arguments_are_whole_where_every_chunking_corrupted_them():
    for text in ('{"query":"x","limit":10}', '{"q":{"a":[1,{}]}}'):
        for pieces in chunkings(text, 200):
            messages, _ = run(call_chunks("search", pieces))
            assert said(messages) == [("name", "search"), ("arguments", text), ("stop", "tool_calls")]


def test_two_calls_in_one_delta_are_two_calls_where_one_was_dropped():
    both = chunk(call(0, "call_1", "f", '{"a":1}'), call(1, "call_2", "g", '{"b":2}'), finish="tool_calls")
    messages, parser = run([both])
    assert said(messages)[:-1] == [("name", "f"), ("arguments", '{"a":1}'), ("name", "g"), ("arguments", '{"b":2}')]
    assert [(each.id, each.ready) for each in parser.result.tool_calls] == [("call_1", True), ("call_2", True)]


def test_a_tool_without_inner_thoughts_streams_at_once_where_nothing_was_streamed_until_the_end():
    chunks = call_chunks("search", ['{"query":"', "x", '"}'], finish=None)
    messages, parser = run(chunks[:3])
    assert said(messages) == [("name", "search"), ("arguments", '{"query":"x'), ("stop", "incomplete")]
    assert parser.result.tool_calls[0].verdict == "incomplete"


def test_plain_content_is_streamed_where_it_was_dropped():
    messages, _ = run([chunk(content="Hel"), chunk(content="lo"), chunk(finish="stop")])
    assert said(messages) == [("assistant", "Hello"), ("stop", "end_turn")]


def test_message_text_is_decoded_where_an_escape_showed_as_two_characters():
    messages, _ = run(call_chunks("send_message", list(r'{"message":"a\nb\u00e9\ud83d\ude00"}')))
    assert said(messages) == [("assistant", "a\nbé😀"), ("stop", "tool_calls")]


def test_usage_is_the_last_report_where_cumulative_reports_were_summed():
    reports = [chunk(content="x", usage={"prompt_tokens": 10, "completion_tokens": count}) for count in (1, 2, 3)]
    assert run(reports)[1].result.usage.output_tokens == 3
