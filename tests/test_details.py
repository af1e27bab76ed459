"""Structured reasoning: merged by type and index, bounded, its text given once."""

from helpers import HALF, OTHER_HALF, anomalies, chunk, chunked, detail, fed, run, said

from streamfsm import Dialect, Limits, StreamParser
from streamfsm.replay import capture


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
        messages, parser = run(chunks, limits=Limits(sent_back=45))
        details = parser.result.choices[0].reasoning_details
        left = 45 - len("text.encrypted") - 1
        assert [(each.text, each.data, each.signature) for each in details] == [
            (text, "", None),
            ("", "y" * left, None),
        ]
        assert said(messages)[:2] == [("reasoning", text), ("hidden", "redacted")]
        told = [anomaly.detail.partition(":")[0] for anomaly in parser.result.anomalies]
        assert told == [
            f"no room for all of {what!r}" for what in ("reasoning_details.data", "reasoning_details.signature")
        ]


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


def mirrored(thought, summary, *parts):
    part = {"type": "reasoning", "summary": [{"type": "summary_text", "text": summary}]}
    return chunk(reasoning=thought, content=[part, *parts])


def test_thoughts_in_a_field_and_in_parts_of_content_are_read_once():
    hi = {"type": "text", "text": "Hi"}
    chunks = [mirrored("a", "a"), mirrored("b", "b"), mirrored("", "c"), mirrored("d", "d", hi), chunk(finish="stop")]
    for messages, parser in (run(chunks), fed(capture.body(chunks).encode(), 7)):
        assert said(messages) == [("reasoning", "abcd"), ("assistant", "Hi"), ("stop", "end_turn")]
        assert [each.text for each in parser.result.choices[0].reasoning_details] == ["abcd"]
        assert anomalies(parser) == []


def test_parts_without_thoughts_and_other_thoughts_beside_a_field_are_all_read():
    chunks = [mirrored("a", "a"), mirrored("b", "x"), chunk(reasoning="c", content=[{"type": "text", "text": "Hi"}])]
    for messages, parser in (run(chunks), fed(capture.body(chunks).encode(), 9999)):
        assert said(messages) == [("reasoning", "abxc"), ("assistant", "Hi"), ("stop", "incomplete")]
        assert anomalies(parser) == ["reasoning_conflict"]


def test_half_a_character_of_a_detail_waits_for_the_other_wherever_a_parser_is_restored():
    details = [detail(HALF, id="r"), detail(f"{OTHER_HALF}{HALF}x{HALF}")]
    parser = StreamParser()
    for each in details:
        parser.feed(chunk(reasoning_details=[each]))
        parser = StreamParser.restore(parser.snapshot())
    parser.close()
    assert [each.text for each in parser.result.choices[0].reasoning_details] == ["\U0001f600\ufffdx\ufffd"]
