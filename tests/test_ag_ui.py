"""AG-UI: what is written for each thing that a stream says."""

import sys

import pytest
from helpers import ID, call, chunk
from hypothesis import given
from streams import options
from written import ENDINGS, chunk_lists, write

from streamfsm import MisuseError
from streamfsm.sinks import AgUi
from streamfsm.sinks.ag_ui import _model

OTIDS = [f"{ID.removeprefix('message-')[:-2]}{number:02x}" for number in range(8)]
RUN = {"threadId": "t", "runId": "r"}


def written(chunks, ending="close", **options):
    return write(AgUi("t", "r"), chunks, ending, **options)


def finished(**outcome):
    return {"type": "RUN_FINISHED", **RUN, "outcome": outcome}


def test_thoughts_speech_a_call_and_usage():
    chunks = [
        chunk(reasoning_content="Hm"),
        chunk(content="Hi"),
        chunk(call(0, "a", "f", '{"x":')),
        chunk(call(0, arguments="1}")),
        chunk(finish="tool_calls", usage={"prompt_tokens": 3, "completion_tokens": 4}),
    ]
    thought, text = {"messageId": OTIDS[0]}, {"messageId": OTIDS[1]}
    assert written(chunks).events == [
        {"type": "RUN_STARTED", **RUN, "protocolVersion": "1.0"},
        {"type": "REASONING_START", **thought},
        {"type": "REASONING_MESSAGE_START", **thought, "role": "reasoning"},
        {"type": "REASONING_MESSAGE_CONTENT", **thought, "delta": "Hm"},
        {"type": "REASONING_MESSAGE_END", **thought},
        {"type": "REASONING_END", **thought},
        {"type": "TEXT_MESSAGE_START", **text, "role": "assistant"},
        {"type": "TEXT_MESSAGE_CONTENT", **text, "delta": "Hi"},
        {"type": "TEXT_MESSAGE_END", **text},
        {"type": "TOOL_CALL_START", "toolCallId": "a", "toolCallName": "f", "parentMessageId": ID},
        {"type": "TOOL_CALL_ARGS", "toolCallId": "a", "delta": '{"x":'},
        {"type": "TOOL_CALL_ARGS", "toolCallId": "a", "delta": "1}"},
        {"type": "TOOL_CALL_END", "toolCallId": "a"},
        {
            **finished(type="success", pendingToolCallIds=["a"]),
            "usage": [{"model": "gpt-4.1", "inputTokens": 3, "outputTokens": 4}],
        },
    ]


def test_hidden_thoughts_are_a_span_without_a_message():
    chunks = [{**chunk(content="Hi"), "model": "o3-mini"}, chunk(finish="stop")]
    types = written(chunks, inner_thoughts_kwarg=None).types
    assert types[:4] == ["RUN_STARTED", "REASONING_START", "REASONING_END", "TEXT_MESSAGE_START"]


def test_a_call_that_is_not_ready_is_not_pending():
    events = written([chunk(call(0, "a", "f", '{"x":')), chunk(finish="tool_calls")]).events
    assert events[-2:] == [
        {"type": "CUSTOM", "name": "streamfsm.call_not_ready", "value": {"toolCallId": "a", "verdict": "incomplete"}},
        finished(type="success", pendingToolCallIds=[]),
    ]


def test_calls_that_need_approval_interrupt_the_run():
    chunks = [chunk(call(0, "a", "f", "{}"), call(1, "b", "g", "{}")), chunk(finish="tool_calls")]
    assert written(chunks, requires_approval_tools=("f",)).events[-1] == finished(
        type="interrupt", interrupts=[{"id": "approve-a", "reason": "tool_approval", "toolCallId": "a"}]
    )


def test_a_failure_a_cancellation_a_cut_and_an_unmarked_end():
    hello = [chunk(content="Hi")]
    assert written(hello, "fail").events[-1] == {"type": "RUN_ERROR", "message": "boom"}
    assert written(hello, "cancel").events[-1] == finished(type="cancelled")
    assert written([*hello, chunk(finish="length")]).events[-1] == finished(type="success", pendingToolCallIds=[])
    why = "the stream ended without a finish reason"
    assert written(hello).events[-1] == {"type": "RUN_ERROR", "message": why}


def test_anomalies_are_custom_events():
    events = written([chunk(content="Hi"), chunk(finish="tool_calls")]).events
    (custom,) = [event for event in events if event["type"] == "CUSTOM"]
    assert custom["name"] == "streamfsm.anomaly"
    assert custom["value"]["kind"] == "finish_without_calls"


def test_ids_are_made_up():
    started, *_ = write(AgUi(), [chunk(finish="stop")]).events
    assert started["threadId"].startswith("thread-")
    assert started["runId"].startswith("run-")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="ag-ui-validate needs Python 3.11")
@given(chunks=chunk_lists(), ending=ENDINGS, options=options)
def test_ag_ui_validate_finds_no_error(chunks, ending, options):
    from ag_ui_validate.pytest_plugin import assert_valid_agui

    # 204: arguments that are not JSON, which the model wrote
    assert_valid_agui(written(chunks, ending, **options).events, severity_overrides={"AGUI204": "warning"})


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ag_ui", None)
    with pytest.raises(MisuseError, match="AgUi needs ag-ui-protocol: install streamfsm with its extra 'ag-ui'"):
        _model.__wrapped__("RUN_STARTED")
