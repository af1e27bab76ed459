"""Tags in content that make reasoning of it."""

import pytest
from helpers import HALF, TEXT_FIELDS, THINK, anomalies, chunk, chunked, run, said

from streamfsm import ThinkTags

ANYWHERE = ThinkTags(*THINK, where="anywhere")

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
        messages, parser = run([chunk(content=piece) for piece in chunked(text, size)], think_tags=ANYWHERE)
        assert said(messages)[:-1] == expected
        assert {each.source for each in messages if each.message_type == "reasoning_message"} <= {"reasoner_model"}
        for kind, value in (("assistant", parser.result.content), ("reasoning", parser.result.reasoning)):
            assert value == "".join(entry[1] for entry in expected if entry[0] == kind)


def test_think_tags_are_text_without_the_option():
    assert said(run([chunk(content="<think>a")])[0])[0] == ("assistant", "<think>a")


@pytest.mark.parametrize("name", TEXT_FIELDS)
def test_tags_are_looked_for_in_content_only(name):
    tagged = "<think>a</think>b"
    choice = run([chunk(**TEXT_FIELDS[name][1](tagged))], think_tags=THINK)[1].result.choices[0]
    said = {field: text for field in TEXT_FIELDS if (text := getattr(choice, field))}
    assert said == ({"content": "b", "reasoning": "a"} if name == "content" else {name: tagged})


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    ("thought", "content", "kinds"),
    [
        ("ab", "<think>ab</think>c", ["repeated_text"]),
        ("ab" * 9999, "<think>" + "ab" * 9999 + "</think>c", ["repeated_text"]),
        ("ab", "<think>xy</think>c", []),
        ("ab", "<think></think>ab", []),
        ("ab", "ab", []),
        ("", "<think>ab</think>c", []),
    ],
)
@pytest.mark.parametrize("size", [1, 9, 99999])
def test_thoughts_in_tags_and_in_a_field_are_recorded_as_repeated(thought, content, kinds, keep, size):
    pieces = [*(chunk(reasoning=piece) for piece in chunked(thought, max(size, len(thought) // 9)))]
    pieces += [
        *(chunk(content=piece) for piece in chunked(content, max(size, len(content) // 9))),
        chunk(finish="stop"),
    ]
    _, parser = run(pieces, keep=keep, think_tags=THINK)
    assert anomalies(parser) == kinds
    _, parser = run(pieces, keep=keep)
    assert anomalies(parser) == []
