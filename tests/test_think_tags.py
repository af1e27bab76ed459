"""Modes of think tags: where a thought may begin, whether the prompt opened it, and several pairs.

The oracle, :func:`meant`, reads the whole text by regular expressions, and knows no table.
"""

import asyncio
import json
import re
from functools import partial
from itertools import groupby, pairwise, product
from typing import Any

import pytest
from helpers import anomalies, call, chunk, chunked, run, said
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streamfsm import Dialect, Limits, OpenAIStreamingInterface, StreamParser, ThinkTags
from streamfsm.cli import main
from streamfsm.errors import MisuseError
from streamfsm.replay import capture
from streamfsm.testing import Stream, TracedParser, check_every_split
from streamfsm.testing import streams as of

THINK = ("<think>", "</think>")
MODES = tuple(product(("outside", "inside", "auto"), ("start", "anywhere")))
PAIRS = {
    "think": [THINK],
    "of one character": [("[", "]")],
    "asymmetric": [("<|channel>thought\n", "<channel|>")],
    "the same twice": [("*", "*")],
    "that repeat themselves": [("aab", "ba")],
    "one that begins another": [("[", "[/")],
    "not ASCII": [("◁think▷", "◁/think▷")],
    "several with common beginnings": [THINK, ("<thinking>", "</thinking>"), ("<thought>", "</t>")],
}
each_mode = pytest.mark.parametrize(("starts", "where"), MODES)

Said = list[tuple[str, str]]


def tags(pairs: list[tuple[str, str]], starts: Any = "outside", where: Any = "start") -> list[ThinkTags]:
    return [ThinkTags(*pair, starts, where) for pair in pairs]


def any_of(tags: list[str]) -> str:
    """A regular expression for any of them: of those that begin together the shortest."""
    return "|".join(map(re.escape, sorted(tags, key=len)))


def meant(text: str, pairs: list[tuple[str, str]], starts: str, where: str) -> Said:
    """What the whole text says: pieces of reasoning and answer."""
    closes = dict(pairs)
    opening, closing = any_of([*closes]), any_of([*closes.values()])
    if starts == "auto":
        first = re.search(f"({opening})|{closing}", text)
        starts = "inside" if first and not first[1] else "outside"
    found: Said = []
    if starts == "inside":
        opened = re.match(rf"(\s*?)({opening})", text)
        found.append(("reasoning", opened[1] if opened else ""))
        text = text[opened.end() :] if opened else text
        text = thought(text, re.escape(closes[opened[2]]) if opened else closing, found)
    before = r"\s*?" if where == "start" else ".*?"
    while opened := re.match(f"({before})({opening})", text, re.DOTALL):
        if where == "start" and found:
            break
        found.append(("assistant", opened[1]))
        text = thought(text[opened.end() :], re.escape(closes[opened[2]]), found)
    found.append(("assistant", text))
    return joined(found)


def thought(text: str, closing: str, found: Said) -> str:
    """Take a thought from ``text`` up to its closing tag, if there is one; what is left."""
    closed = re.search(closing, text)
    found.append(("reasoning", text[: closed.start()] if closed else text))
    return text[closed.end() :] if closed else ""


def joined(pieces: Said) -> Said:
    runs = groupby((piece for piece in pieces if piece[1]), key=lambda piece: piece[0])
    return [(kind, "".join(text for _, text in run)) for kind, run in runs]


def heard(text: str, size: int, **options: Any) -> tuple[Said, StreamParser]:
    messages, parser = run([chunk(content=piece) for piece in chunked(text, size)], **options)
    return said(messages)[:-1], parser


# -- what a text means, at every cut -----------------------------------------------------------------------------------


def texts_of(pairs: list[tuple[str, str]]) -> list[str]:
    """Texts in which the tags of the first pair stand everywhere, whole and cut off."""
    opens, closes = pairs[0]
    other_opens, other_closes = pairs[-1]
    shapes = (
        ("a", closes, "b"),
        (" \n", opens, "a", closes, " b`", opens, "`c", closes),
        ("a ", opens, "b"),
        (" ", closes, opens, "a"),
        (opens, closes, opens, "a", closes),
        (opens[:-1], " ", opens),
        (opens, "a", closes[:-1]),
        (other_opens, "a", closes, "b", other_closes, opens, "c"),
        (opens, other_opens, "a", closes, other_closes),
        ("\u3000", opens, "é", closes, "\U0001f600"),
    )
    return ["".join(shape) for shape in shapes]


@pytest.mark.slow("every size")
@each_mode
@pytest.mark.parametrize("pairs", PAIRS.values(), ids=PAIRS)
def test_a_text_says_the_same_in_pieces_of_every_size_and_what_is_meant(pairs, starts, where):
    for text in texts_of(pairs):
        expected = meant(text, pairs, starts, where)
        for size in range(1, len(text) + 1):
            found, parser = heard(text, size, think_tags=tags(pairs, starts, where))
            assert found == expected, (text, size)
            for kind, value in (("assistant", parser.result.content), ("reasoning", parser.result.reasoning)):
                assert value == "".join(said for each, said in expected if each == kind)


@pytest.mark.slow("every split")
@pytest.mark.usefixtures("uncounted")
@each_mode
@pytest.mark.parametrize("text", [" <ta/tb<t", "a/tb<tc", "<t/t`<t/t"])
def test_a_text_says_the_same_at_every_split(text, starts, where):
    parse = partial(TracedParser, think_tags=ThinkTags("<t", "/t", starts, where))
    assert sum(check_every_split(parse, Stream(of.text("content", text))).values()) == 2 ** (len(text) - 1)


@given(
    st.sampled_from([*PAIRS.values()]),
    st.sampled_from(MODES),
    st.lists(st.integers(0, 30), max_size=6),
    st.data(),
)
def test_any_text_of_the_tags_own_characters_says_what_is_meant(pairs, mode, cuts, data):
    pieces = [part for pair in pairs for tag in pair for part in (tag, tag[:-1], *tag)]
    text = "".join(data.draw(st.lists(st.sampled_from([*pieces, " ", "x"]), max_size=20)))
    expected = meant(text, pairs, *mode)
    at = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    chunks = [chunk(content=text[start:end]) for start, end in pairwise(at)]
    for cut in (chunks, [chunk(content=char) for char in text]):
        messages, parser = run(cut, think_tags=tags(pairs, *mode))
        assert said(messages)[:-1] == expected
        assert {*anomalies(parser)} <= {"stray_tag", "repeated_text"}


# -- what is held back -------------------------------------------------------------------------------------------------


def delta(parser: StreamParser, text: str) -> Said:
    return [entry[:2] for entry in said(parser.feed(chunk(content=text)))]


def test_once_the_answer_began_nothing_is_held_back():
    parser = StreamParser(think_tags=THINK)
    assert delta(parser, " <") == [("assistant", " ")]
    assert delta(parser, "b") == [("assistant", "<b")]
    assert delta(parser, "<think") == [("assistant", "<think")]
    assert delta(parser, ">") == [("assistant", ">")]


def test_a_thought_that_the_prompt_opened_comes_as_soon_as_it_is_known():
    parser = StreamParser(think_tags=ThinkTags(*THINK, starts="inside"))
    assert delta(parser, "\n<thi") == [("reasoning", "\n")]
    assert delta(parser, "s") == [("reasoning", "<this")]
    assert delta(parser, "</think") == []
    assert delta(parser, ">Hi") == [("assistant", "Hi")]


def test_what_is_undecided_is_held_back_until_the_first_tag():
    parser = StreamParser(think_tags=ThinkTags(*THINK, starts="auto"))
    assert delta(parser, "Hm. ") == delta(parser, "Well.</think") == []
    assert parser.result.content == parser.result.reasoning == ""
    assert delta(parser, ">Hi") == [("reasoning", "Hm. Well."), ("assistant", "Hi")]
    assert delta(parser, "<think>") == [("assistant", "<think>")]


def test_what_is_undecided_at_the_end_is_the_answer():
    for end in (StreamParser.close, StreamParser.cancel, lambda parser: parser.fail("lost")):
        parser = StreamParser(think_tags=ThinkTags(*THINK, starts="auto"))
        assert delta(parser, "Hi <thi") == []
        assert said(end(parser))[0] == ("assistant", "Hi <thi")
        assert parser.result.content == "Hi <thi"


def test_what_is_undecided_is_bounded_by_the_limit_of_texts():
    found, parser = heard("abcdef", 2, think_tags=ThinkTags(*THINK, starts="auto"), limits=Limits(text=3))
    assert found == [("assistant", "abc")]
    assert parser.result.error.code == "limit"


def test_a_call_overtakes_what_is_undecided():
    chunks = [chunk(content="Let me see."), chunk(call(0, "a", "f", "{}")), chunk(finish="tool_calls")]
    messages, parser = run(chunks, think_tags=ThinkTags(*THINK, starts="auto"))
    assert said(messages)[:-1] == [("name", "f"), ("arguments", "{}"), ("assistant", "Let me see.")]
    assert parser.result.tool_calls[0].ready


@each_mode
def test_a_parser_moved_after_every_character_goes_on(starts, where):
    text = " Hm</think>a<think>b</think>c"
    parser, messages = StreamParser(think_tags=ThinkTags(*THINK, starts, where)), []
    for char in text:
        messages += parser.feed(chunk(content=char))
        parser = StreamParser.restore(json.loads(json.dumps(parser.snapshot())))
    assert said(messages + parser.close())[:-1] == meant(text, [THINK], starts, where)


@each_mode
def test_a_text_that_is_whole_so_far_each_time_goes_on(starts, where):
    text = " Hm</think>a<think>b</think>c"
    chunks = [chunk(content=text[:end]) for end in range(1, len(text) + 1)]
    options = {"think_tags": ThinkTags(*THINK, starts, where), "dialect": Dialect(content="snapshot")}
    messages, parser = run(chunks, **options)
    assert said(messages)[:-1] == meant(text, [THINK], starts, where)
    assert set(anomalies(parser)) <= {"stray_tag"}


# -- a closing tag alone -----------------------------------------------------------------------------------------------

STRAY = {
    "a thought that the prompt opened": ("Hm.</think>Hi", ["stray_tag"]),
    "the same, empty": ("\n</think>\n\nHi", ["stray_tag"]),
    "it comes twice": ("a</think>b</think>", ["stray_tag"]),
    "after a thought": ("<think>a</think>b</think>", []),
    "a pair that the answer names": ("Write `<think>` and `</think>`.", []),
    "part of one": ("a</think", []),
    "no tag": ("Hi", []),
}


@pytest.mark.parametrize("where", ["start", "anywhere"])
@pytest.mark.parametrize(("text", "expected"), STRAY.values(), ids=STRAY)
def test_a_closing_tag_that_no_tag_opened_is_told_once_whatever_the_cuts(text, expected, where):
    for size in range(1, len(text) + 1):
        _, parser = heard(text, size, think_tags=ThinkTags(*THINK, where=where))
        assert anomalies(parser) == expected


def test_a_stray_tag_names_its_choice_and_the_mode_that_reads_it():
    _, parser = run([chunk(content="Hi"), chunk(content="Hm.</think>Hi", choice=1)], think_tags=THINK)
    [anomaly] = parser.result.anomalies
    assert (anomaly.kind, anomaly.choice) == ("stray_tag", 1)
    assert "ThinkTags(starts='inside')" in anomaly.detail


@pytest.mark.parametrize("starts", ["inside", "auto"])
def test_where_the_prompt_may_have_opened_the_thought_no_tag_is_stray(starts):
    _, parser = heard("a</think>b</think>", 4, think_tags=ThinkTags(*THINK, starts=starts))
    assert anomalies(parser) == []


# -- several pairs -----------------------------------------------------------------------------------------------------


def test_a_thought_ends_with_the_tag_of_its_own_pair():
    pairs = [THINK, ("[THINK]", "[/THINK]")]
    assert heard("[THINK]a</think>b[/THINK]c", 3, think_tags=pairs)[0] == [
        ("reasoning", "a</think>b"),
        ("assistant", "c"),
    ]
    assert heard("a[/THINK]b", 3, think_tags=tags(pairs, "inside"))[0] == [("reasoning", "a"), ("assistant", "b")]


@pytest.mark.parametrize(
    "pairs",
    [
        ThinkTags(*THINK),
        THINK,
        [*THINK],
        [THINK],
        (ThinkTags(*THINK),),
        [[*THINK], ("[", "]")],
        [{"open": "a", "close": "b"}],
    ],
    ids=str,
)
def test_a_pair_may_be_given_in_many_ways(pairs):
    kept = StreamParser(think_tags=pairs)._response.options.think_tags
    assert all(isinstance(pair, ThinkTags) for pair in kept)


@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        ([THINK, THINK], "can never match"),
        ([("a", "b"), ("ab", "c")], "'ab' can never match, because 'a' matches first"),
        ([ThinkTags("a", "b"), ThinkTags("c", "d", "inside")], "agree"),
        ([ThinkTags("a", "b", where="anywhere"), ("c", "d")], "agree"),
        ([THINK, "<x>"], "at least 1 character|valid string"),
        ([], "at least one pair"),
    ],
    ids=str,
)
def test_pairs_that_contradict_each_other_are_refused(pairs, problem):
    with pytest.raises(MisuseError, match=problem):
        StreamParser(think_tags=pairs)


@pytest.mark.parametrize("wrong", [("", "b"), ("a", ""), ("a", "b", "within"), ("a", "b", "auto", "end")])
def test_think_tags_of_no_use_are_refused_when_they_are_made(wrong):
    with pytest.raises(ValidationError):
        ThinkTags(*wrong)


# -- where else they are given -----------------------------------------------------------------------------------------


def test_the_facade_passes_the_modes_on():
    async def read() -> Said:
        async def stream() -> Any:
            yield chunk(content="Hm.</thi")
            yield chunk(content="nk>Hi", finish="stop")

        interface = OpenAIStreamingInterface(think_tags=ThinkTags(*THINK, starts="inside"))
        return said([message async for message in interface.process(stream())])

    assert asyncio.run(read()) == [("reasoning", "Hm."), ("assistant", "Hi")]


def test_the_command_line_takes_modes_and_several_pairs(tmp_path, capsys):
    path = tmp_path / "body.sse"
    path.write_text(capture.body([chunk(content="a]b<t>c</t>")]), encoding="utf-8")
    options = ("--think-tags", "[", "]", "--think-tags", "<t>", "</t>", "--think-starts", "inside")
    assert main(["replay", str(path), "--json", *options, "--think-where", "anywhere"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    texts = [message.get("reasoning") or message.get("content") for message in found[:-1]]
    assert texts == ["a", "b", "c"]
