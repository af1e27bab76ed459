"""What is kept of what nothing reads: within its limits, named where it is not, from any kind of object."""

import json
from collections import UserDict
from types import SimpleNamespace

import pytest
from helpers import anomalies, call, chunk, run, said

from streamfsm import Dialect, Limits, StreamParser


def told(parser):
    return [anomaly.detail for anomaly in parser.result.anomalies]


def as_mapping(value):
    """The same in objects that are like dicts and are none, as the Azure client's are."""
    if isinstance(value, dict):
        return UserDict({key: as_mapping(inner) for key, inner in value.items()})
    return [as_mapping(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("delta", [{"content": "Hi"}, {"reasoning": "Hm"}, {"tool_calls": [call(0, "a", "f", "{}")]}])
def test_a_mapping_that_is_no_dict_is_read_like_one(delta):
    chunks = [chunk(**delta, note={"a": 1}), chunk(**delta, finish="stop", usage={"prompt_tokens": 1})]
    assert run(map(as_mapping, chunks))[1].result == run(chunks)[1].result


def test_a_name_that_is_no_text_is_kept_as_what_it_shows():
    assert run([{"choices": [], 5: "x", (1, 2): "y"}])[1].result.extras == {"5": ["x"], "(1, 2)": ["y"]}


def test_an_object_of_any_class_is_kept_by_its_fields():
    note = SimpleNamespace(a=1, b=SimpleNamespace(c=None))
    assert run([{"choices": [], "note": note}])[1].result.extras == {"note": [{"a": 1, "b": {"c": None}}]}


def test_a_field_without_room_is_named_and_the_others_are_kept():
    chunks = [chunk(first="x" * 50, second=1), chunk(first="y", second=2)]
    parser = run(chunks, limits=Limits(extras=40))[1]
    assert parser.result.choices[0].extras == {"second": [1, 2]}
    assert told(parser) == ["no room for all of 'first': Limits.extras is 40"]


def test_pieces_of_one_text_have_no_hole_where_there_was_no_room():
    pieces = ["aaaa", "b" * 60, "cc"]
    chunks = [chunk(audio={"data": piece}) for piece in pieces]
    parser = run(chunks, limits=Limits(extras=40))[1]
    assert parser.result.choices[0].extras == {"audio.data": ["aaaa"]}


def test_after_more_fields_without_room_than_anomalies_nothing_is_kept():
    chunks = [{"choices": [], f"big{number}": "x" * 50} for number in range(5)]
    parser = run([*chunks, {"choices": [], "small": 1}], limits=Limits(extras=40, anomalies=2))[1]
    assert parser.result.extras == {}
    assert anomalies(parser) == ["more_extras", "more_extras", "more_anomalies"]


def test_usage_without_room_keeps_what_there_is_room_for():
    reports = [{"prompt_tokens": 1, "note": "x" * 20}, {"completion_tokens": 2, "other": "y" * 20}]
    parser = run([{"choices": [], "usage": report} for report in reports], limits=Limits(extras=60))[1]
    assert parser.result.usage.raw == {**reports[0], "completion_tokens": 2}
    assert (parser.result.usage.input_tokens, parser.result.usage.output_tokens) == (1, 2)
    assert told(parser) == ["no room for all of 'usage': Limits.extras is 60"]


def test_usage_without_a_known_count_is_kept_and_reports_nothing():
    usage = run([{"choices": [], "usage": {"queue_time": 1}}])[1].result.usage
    assert (usage.raw, usage.source) == ({"queue_time": 1}, "absent")


def test_a_detail_without_room_is_told_and_its_text_is_said_all_the_same():
    details = [{"type": "reasoning.text", "index": number, "text": f"{number} "} for number in range(3)]
    messages, parser = run([chunk(reasoning_details=details)], limits=Limits(sent_back=9))
    assert said(messages)[0] == ("reasoning", "0 1 2 ")
    assert [each.text for each in parser.result.choices[0].reasoning_details] == ["0 "]
    assert told(parser) == ["no room for all of 'reasoning_details': Limits.sent_back is 9"]


def test_parts_that_lie_deeper_than_any_server_puts_them_are_kept():
    parts = "Hi"
    for _ in range(9):
        parts = [parts]
    messages, parser = run([chunk(content=parts)])
    assert said(messages)[0] == ("assistant", "Hi")
    messages, parser = run([chunk(content=[parts])])
    assert said(messages) == [("stop", "incomplete")]
    assert parser.result.choices[0].extras == {"content": [["Hi"]]}
    assert anomalies(parser) == ["wrong_type"]


def test_parts_of_any_depth_are_survived():
    parts = []
    for _ in range(100_000):
        parts = [parts]
    assert anomalies(run([chunk(content=parts, reasoning=parts)])[1]) == ["wrong_type"] * 2


def test_halves_of_a_character_meet_in_the_pieces_of_a_field():
    chunks = [chunk(notes=half) for half in ("a\ud83d", "\ude00b\ud83d")]
    parser = run(chunks, dialect=Dialect(extras={"notes": "concatenate"}))[1]
    assert parser.result.choices[0].extras == {"notes": ["a\U0001f600b\ufffd"]}


def test_pieces_that_are_no_text_stand_between_those_that_are():
    chunks = [chunk(notes=piece) for piece in ("a", "b", 5, "c")]
    parser = run(chunks, dialect=Dialect(extras={"notes": "concatenate"}))[1]
    assert parser.result.choices[0].extras == {"notes": ["ab", 5, "c"]}


def test_a_dialect_may_keep_a_member_apart_and_change_a_shipped_policy():
    dialect = Dialect(extras={"meta.seen": "list", "logprobs": "set"})
    chunks = [chunk(meta={"id": 1, "seen": 0}) for _ in "ab"]
    for each in chunks:
        each["choices"][0]["logprobs"] = {"content": [1]}
    parser = run(chunks, dialect=dialect)[1]
    assert parser.result.choices[0].extras == {
        "logprobs": [{"content": [1]}],
        "meta.seen": [0, 0],
        "meta": [{"id": 1}],
    }


def test_all_that_is_kept_survives_a_snapshot():
    entry = {"index": 0, "id": "a", "custom": {"name": "sql", "input": "x", "more": 1}}
    members = {"index": 1, "id": "b", "function": {"name": "f", "arguments": {"x": 1}}}
    details = [{"type": "reasoning.text", "text": "Hm", "format": "v1", "signature": "S"}]
    chunks = [
        chunk(entry, members, audio={"data": "AA"}, reasoning_details=details),
        chunk({"index": 0, "custom": {"input": "y"}}, {"index": 1, "function": {"arguments": {"y": 2}}}),
        {**chunk(finish="tool_calls", audio={"data": "AA"}), "service_tier": "flex"},
    ]
    parser = StreamParser()
    for each in chunks:
        parser.feed(each)
        parser = StreamParser.restore(json.loads(json.dumps(parser.snapshot())))
    parser.close()
    assert parser.result == run(chunks)[1].result
    assert [(each.arguments, each.ready) for each in parser.result.tool_calls] == [
        ("xy", True),
        ('{"x":1,"y":2}', True),
    ]


# -- the forms of arguments ----------------------------------------------------------------------------------------


def custom(text, **entry):
    return {"index": 0, **entry, "custom": {"input": text}}


def test_the_brace_that_closes_an_object_is_within_the_limit_too():
    entry = {"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}}
    size = len('{"x":1}')
    for limit, code in ((size, None), (size - 1, "limit")):
        result = run([chunk(entry), chunk(finish="tool_calls")], limits=Limits(arguments=limit))[1].result
        assert (result.error and result.error.code) == code


def test_objects_are_closed_by_the_end_of_a_stream_too_and_not_by_a_failure():
    entry = {"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}}
    parser = run([chunk(entry)], dialect=Dialect(unmarked_end="complete"))[1]
    assert (parser.result.tool_calls[0].arguments, parser.result.tool_calls[0].ready) == ('{"x":1}', True)
    parser = StreamParser()
    parser.feed(chunk(entry))
    parser.fail("lost")
    assert (parser.result.tool_calls[0].arguments, parser.result.tool_calls[0].verdict) == ('{"x":1', "incomplete")


@pytest.mark.parametrize("policy", ["placeholder", "fragment", "snapshot"])
def test_the_input_of_a_custom_tool_is_never_taken_for_a_placeholder(policy):
    pieces = ["{}", "{}x"] if policy == "snapshot" else ["{}", "x"]
    head = {"index": 0, "id": "a", "custom": {"name": "sql", "input": ""}}
    chunks = [chunk(head), *(chunk(custom(piece)) for piece in pieces), chunk(finish="tool_calls")]
    result = run(chunks, dialect=Dialect(arguments=policy))[1].result
    assert (result.tool_calls[0].arguments, result.tool_calls[0].ready) == ("{}x", True)


def test_the_name_of_a_custom_tool_may_come_after_its_input_and_in_pieces():
    entries = [custom("x", id="a"), {"index": 0, "custom": {"name": "sq"}}, {"index": 0, "custom": {"name": "l"}}]
    messages, parser = run([*map(chunk, entries), chunk(finish="tool_calls")])
    assert said(messages) == [("name", "sql"), ("arguments", "x"), ("stop", "tool_calls")]
    assert parser.result.tool_calls[0].verdict == "text"


def test_input_that_never_got_a_name_is_text_and_not_ready():
    parser = run([chunk(custom("x")), chunk(finish="tool_calls")])[1]
    assert [(each.verdict, each.ready) for each in parser.result.tool_calls] == [("text", False)]


@pytest.mark.parametrize(
    "odd",
    [
        chunk(custom("y", id="b")),  # another id
        chunk({"index": 0, "id": "b", "custom": {"name": "sql", "input": "y"}}),  # and the same name
        chunk({"index": 0, "id": "a", "custom": {"name": "other", "input": "y"}}),  # another name
        chunk({"index": 0, "function": {"arguments": "y"}}),  # as a function's
        chunk({"index": 0, "function": {"arguments": {"y": 1}}}),  # as an object
        chunk({"index": 0, "custom": {"input": {"y": 1}}}),  # input that is no text
        chunk({"custom": {"input": "y"}}, 5),  # beside an entry that is none
    ],
    ids=range(7),
)
def test_a_custom_tool_in_any_doubt_is_not_ready(odd):
    head = chunk({"index": 0, "id": "a", "custom": {"name": "sql", "input": "x"}})
    parser = run([head, odd, chunk(finish="tool_calls")])[1]
    assert [each.ready for each in parser.result.tool_calls if each.id == "a"] == [False]
    assert anomalies(parser)


def test_a_whole_message_may_hold_a_custom_tool():
    calls = [{"id": "a", "type": "custom", "custom": {"name": "sql", "input": "x"}}]
    wire = {"choices": [{"index": 0, "message": {"tool_calls": calls}, "finish_reason": "tool_calls"}]}
    found = run([wire])[1].result.tool_calls[0]
    assert (found.name, found.arguments, found.verdict, found.ready) == ("sql", "x", "text", True)


def test_a_legacy_call_of_another_name_beside_tool_calls_is_a_call_of_its_own_in_doubt():
    wire = chunk(call(0, "a", "f", '{"x":1}'), function_call={"name": "g", "arguments": "{}"})
    parser = run([wire, chunk(finish="tool_calls")])[1]
    assert [each.name for each in parser.result.tool_calls] == ["f", "g"]
    assert set(anomalies(parser)) == {"ambiguous_call"}


def test_a_legacy_call_is_no_mirror_of_calls_that_are_none():
    messages, parser = run([chunk(tool_calls=5, function_call={"name": "f", "arguments": "{}"})])
    assert said(messages)[:2] == [("name", "f"), ("arguments", "{}")]
    assert anomalies(parser) == ["wrong_type"]


def test_an_x_groq_that_is_no_object_is_kept():
    assert run([{"choices": [], "x_groq": "x"}])[1].result.extras == {"x_groq": ["x"]}


def test_what_a_message_beside_deltas_says_anew_is_kept():
    message = {"content": "Hi", "annotations": [1]}
    wire = {"choices": [{"index": 0, "delta": {}, "message": message, "finish_reason": "stop"}]}
    messages, parser = run([chunk(content="Hi"), wire])
    assert said(messages)[0] == ("assistant", "Hi")
    assert parser.result.choices[0].extras == {"annotations": [[1]]}
