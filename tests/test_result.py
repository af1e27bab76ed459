"""The result's shape, and what of it changes when."""

import json
from typing import get_args

import pytest
from helpers import call, chunk, run
from pydantic import ValidationError

from streamfsm import StopReasonType, StreamParser
from streamfsm.result import Anomaly, AnomalyKind, ChoiceResult, ParsedCall, ReasoningDetail, StreamResult, Usage

FIELDS = {
    StreamResult: (
        "response_id model content reasoning refusal assistant_text thoughts tool_calls usage finish_reason stop_reason"
        " choices answer extras error anomalies"
    ),
    ParsedCall: "index id tool_call_id name arguments kind hosted verdict error_offset extras ready",
    ChoiceResult: (
        "index content content_parts reasoning reasoning_field refusal transcript assistant_text thoughts"
        " reasoning_details reasoning_positions extras tool_calls finish_reason stop_reason"
    ),
    ReasoningDetail: "type index id text data signature extras field",
    Usage: "input_tokens output_tokens cached_tokens reasoning_tokens source raw",
}


@pytest.mark.parametrize("model", FIELDS, ids=lambda model: model.__name__)
def test_the_documented_fields_are_there_in_order(model):
    assert list(model.model_fields) == FIELDS[model].split()


def test_the_result_of_nothing_is_empty_and_open():
    result = StreamParser().result
    assert result.model_dump(exclude_defaults=True) == {
        **dict.fromkeys(["response_id", "model", "finish_reason", "stop_reason", "error"]),
        **dict.fromkeys(["content", "reasoning", "refusal", "assistant_text", "thoughts"], ""),
        **{name: [] for name in ("tool_calls", "choices", "answer", "anomalies")},
        "usage": {},
        "extras": {},
    }
    assert result.usage.source == "absent"


STREAM = [
    chunk(reasoning_content="Hm"),
    chunk(content="Hi"),
    chunk(refusal="No"),
    chunk(call(0, "call_1", "f", '{"a":')),
    chunk(call(0, arguments="1}"), finish="tool_calls"),
    {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
]


def test_the_result_holds_what_came_and_reads_back_from_its_json():
    _, parser = run(STREAM)
    result = parser.result
    parsed = ParsedCall(
        index=0, id="call_1", tool_call_id="call_1", name="f", arguments='{"a":1}', verdict="valid", ready=True
    )
    assert (result.response_id, result.model) == ("chatcmpl-1", "gpt-4.1")
    assert (result.reasoning, result.content, result.refusal) == ("Hm", "Hi", "No")
    assert result.tool_calls == [parsed]
    raw = {"prompt_tokens": 1, "completion_tokens": 2}
    assert result.usage == Usage(input_tokens=1, output_tokens=2, source="reported", raw=raw)
    assert (result.finish_reason, result.stop_reason) == ("tool_calls", StopReasonType.tool_calls)
    assert (result.error, result.anomalies) == (None, [])
    assert StreamResult.model_validate_json(result.model_dump_json()) == result
    assert json.loads(result.model_dump_json())["stop_reason"] == "tool_calls"


def test_the_result_is_consistent_after_every_chunk_and_what_was_handed_out_stays_as_it_was():
    parser = StreamParser()
    before = []
    for each in STREAM:
        parser.feed(each)
        result = parser.result
        before.append((result, result.model_dump()))
        assert result.stop_reason is None
        assert not any(parsed.ready for parsed in result.tool_calls)
        assert result.choices[0].tool_calls == result.tool_calls
    parser.close()
    assert parser.result.tool_calls[0].ready
    assert [result.model_dump() for result, _ in before] == [dumped for _, dumped in before]


def test_changing_a_result_changes_no_other():
    _, parser = run(["no chunk", *STREAM])
    result = parser.result
    result.usage.input_tokens = 99
    result.anomalies.clear()
    result.tool_calls.clear()
    assert parser.result.usage.input_tokens == 1
    assert [anomaly.kind for anomaly in parser.result.anomalies] == ["not_a_chunk"]
    assert len(parser.result.tool_calls) == 1


def test_the_first_choice_stands_at_the_top():
    _, parser = run([chunk(content="b", choice=1), chunk(content="a"), chunk(choice=1, finish="stop")])
    result = parser.result
    assert [(each.index, each.content, each.finish_reason) for each in result.choices] == [
        (0, "a", None),
        (1, "b", "stop"),
    ]
    assert (result.content, result.stop_reason) == ("a", StopReasonType.incomplete)
    assert result.choices[1].stop_reason is StopReasonType.end_turn


def test_every_kind_of_anomaly_is_described():
    for kind in get_args(AnomalyKind):
        assert f"``{kind}``" in Anomaly.__doc__


def test_an_unknown_kind_of_anomaly_is_refused():
    with pytest.raises(ValidationError, match="kind"):
        Anomaly(kind="strange", detail="")
