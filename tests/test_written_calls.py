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
    "<longcat_tool_call>f",
    "<longcat_tool_call>\nf</longcat_tool_call>",
    "<tool_code>\nprint(default_api.f())\n</tool_code>",
    "```tool_code\nf(a=1)\n```",
    '✿FUNCTION✿: f\n✿ARGS✿: {"a":1}',
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
    "<function_calls>f(a=1)",
    '<|tools_prefix|>[{"f": {}}]',
    "<|tool_call>call:f{a:1}<tool_call|>",
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
        "<tool_calls>f (a)",
        "<|tool_call> calls",
        "[tool_calls]",
        "<|im_end|>",
        "<think>x</think>",
        '{"name": "f", "arguments": {}}',
        'The tool is {"name": "f", "parameters": {}}',
        '{"name": "f", "parameters": []}',
        "a `<tool_code>` tag, ```tool_code and ✿",
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
        *("<tool_call>f", "f</tool_call>", "<minimax:tool_call>f", "f</function>", "<function=f>", "function=f"),
        *("f[ARGS]", "f[/INST]", "f<arg_key>a", "f</think>", "<think>f", "f</s>", "f<end_of_turn>"),
    ],
)
def test_a_marker_in_a_name_is_found(name):
    assert holds_marker(name)


@pytest.mark.parametrize("name", ["f", "functions.f", "a|b", "a<b>", "mcp__x__to", "f[a]", "f[A]", "function"])
def test_a_name_without_one_holds_none(name):
    assert not holds_marker(name)


PARTS = [
    {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}},
    {"type": "tool-call", "toolName": "f", "args": {"a": 1}},
    {"type": "function_call", "name": "f", "arguments": '{"a":1}'},
    {"toolUse": {"name": "f", "input": {"a": 1}}},
    {"functionCall": {"name": "f", "args": {"a": 1}}},
]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_content_that_is_a_call_is_told_and_kept(part):
    entry = {"index": 0, "id": "c", "function": {"name": "f"}}
    for content in (part, [part], [{"type": "text", "text": "Hi"}, part]):
        _, parser = run([chunk(content=content), chunk(entry), chunk(finish="tool_calls")])
        assert anomalies(parser) == ["call_in_text"]
        assert parser.result.choices[0].extras["content"] == [part]
        assert not parser.result.tool_calls[0].ready


BARE = [
    '{"name": "f", "parameters": {"a": 1}}',
    '\n{"name":"get_x.y-z","parameters":{}}; {"name":"g","parameters":{}}',
    '{"type": "function", "name": "f", "parameters": {}}',
    '{\n  "name" : "f",\n  "parameters" : {}\n}',
]


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("text", BARE)
def test_an_object_in_place_of_an_answer_is_llamas_call(text, keep):
    long = text + " " * 9999
    for pieces in ([text], list(text), [long[at : at + 999] for at in range(0, len(long), 999)]):
        _, parser = run([*(chunk(content=piece) for piece in pieces), chunk(finish="stop")], keep=keep)
        assert anomalies(parser) == ["call_in_text"]


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("size", [1, 1024, 4096, 9999])
def test_an_object_amid_an_answer_is_none(size, keep):
    pieces = [" " * size] * (20000 // size) if size > 1 else ["The tool:\n"]
    _, parser = run(
        [*(chunk(content=text) for text in [*pieces, BARE[0], "x" * 20000]), chunk(finish="stop")], keep=keep
    )
    assert anomalies(parser) == []
