"""Calls written as text: what plainly is one is found, what only speaks of one is not."""

import pytest
from helpers import anomalies, chunk, run, said

from streamfsm.core.written_calls import holds_marker, written_call
from streamfsm.wires.chat.chunking import every

CALLS = [
    '<tool_call>\n{"name": "f"}',
    "<tool_call>get_weather\n<arg_key>",
    "<tool_call>\n<function=f>",
    '[TOOL_CALLS][{"name"',
    "[TOOL_REQUEST]",
    "<|channel|>commentary to=functions.f",
    "commentary to=functions.f json",
    "<|call|>",
    "<function=f>",
    '<invoke name="f">',
    "<function_calls>\n<invoke",
    '<functioncall> {"name"',
    "<minimax:tool_call>\n<invoke",
    "<longcat_tool_call>f\n<longcat_arg_key>",
    "<TOOLCALL>[{",
    "<start_function_call>call:f",
    "<|tool_call|>[{",
    "<|tool_call_begin|>functions.f:0",
    "<|tool_calls_section_begin|>",
    "<|tool▁calls▁begin|>",
    "<|tool_call_start|>[f()]",
    "<|python_tag|>f.call()",
    "<|action_start|><|plugin|>",
    "<|START_ACTION|>",
    "<｜tool▁calls▁begin｜>",
    "<｜DSML｜function_calls>",
    "functools[{",
]


@pytest.mark.parametrize("text", CALLS)
def test_a_call_in_a_familys_own_words_is_found_and_told_once_for_every_cut(text):
    assert written_call(f"I look.\n{text}")
    chunks = [chunk(content=f"I look.\n{text} {text}"), chunk(finish="stop")]
    for pieces in (chunks, every(1)(chunks), every(3)(chunks)):
        messages, parser = run(pieces)
        assert said(messages) == [("assistant", f"I look.\n{text} {text}"), ("stop", "end_turn")]
        assert anomalies(parser) == ["call_in_text"]


@pytest.mark.parametrize(
    "text",
    [
        "Use <tool_call> tags.\n\nThey",
        "between `<tool_call>` and `</tool_call>`",
        "a < b, [1], f[0], to=x",
        "<div><function></div>",
        "[tool_calls]",
        "<|im_end|>",
        "<think>x</think>",
        '{"name": "f", "arguments": {}}',
    ],
)
def test_text_that_only_looks_like_one_is_not(text):
    assert written_call(text) is None


def test_one_choice_tells_once_whatever_its_fields_and_each_choice_for_itself():
    call = "[TOOL_CALLS]"
    both = [chunk(content=call, reasoning=call), chunk(content=call, choice=1), chunk(refusal=call, choice=2)]
    assert [each.choice for each in run(both)[1].result.anomalies] == [0, 1]


def test_a_choices_own_call_without_arguments_is_not_ready_beside_one_in_its_text():
    entry = {"index": 0, "id": "c", "function": {"name": "f"}}
    finish = chunk(finish="tool_calls")
    assert run([chunk(entry), finish])[1].result.tool_calls[0].ready
    assert not run([chunk(content="<function=f>"), chunk(entry), finish])[1].result.tool_calls[0].ready


@pytest.mark.parametrize(
    "name",
    [
        *("f<|channel|>commentary", "f<|channel", "|>f", "<｜f", "to=functions.f", "[TOOL_CALLS]f", "f\n"),
        *("<tool_call>f", "f</tool_call>", "<minimax:tool_call>f", "f</function>"),
    ],
)
def test_a_marker_in_a_name_is_found(name):
    assert holds_marker(name)


@pytest.mark.parametrize("name", ["f", "functions.f", "a|b", "a<b>", "mcp__x__to"])
def test_a_name_without_one_holds_none(name):
    assert not holds_marker(name)
