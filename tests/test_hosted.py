"""What sinks write of calls that the server runs, and of what has to go back with thoughts."""

import pytest
from helpers import call, chunk
from written import SINKS, write

from streamfsm import RunEnded, RunStarted, StreamParser
from streamfsm.testing import responses as told

EACH_SINK = pytest.mark.parametrize("wire", SINKS)
RAN = told.mcp_call(0, "ask", '{"q":1}')
FAILED = told.mcp_call(0, "ask", '{"q":1}', output=None, error={"code": 1})
ASKED = told.mcp_approval_request(0, "ask", '{"q":1}')
SPEECH = told.message(1, [("content", "Hi")])


def events_of(wire, *items, end="completed"):
    return write(SINKS[wire](), told.response([event for item in items for event in item], end)).events


def of_types(events, *types):
    return [event for event in events if event != "[DONE]" and event["type"] in types]


# -- hosted calls ------------------------------------------------------------------------------------------------------


def test_ag_ui_gives_the_result_of_a_hosted_call_and_does_not_wait_for_it():
    events = events_of("ag-ui", RAN, SPEECH)
    (result,) = of_types(events, "TOOL_CALL_RESULT")
    assert (result["toolCallId"], result["content"]) == ("mcp_0", "42")
    assert events[-1]["outcome"] == {"type": "success", "pendingToolCallIds": []}
    assert of_types(events, "CUSTOM") == []
    (result,) = of_types(events_of("ag-ui", FAILED), "TOOL_CALL_RESULT")
    assert result["content"] == '{"code": 1}'


def test_ag_ui_interrupts_for_a_server_that_asks():
    outcome = events_of("ag-ui", ASKED)[-1]["outcome"]
    assert outcome["type"] == "interrupt"
    assert [each["toolCallId"] for each in outcome["interrupts"]] == ["mcpr_0"]


def test_ui_messages_say_that_the_provider_executed_a_hosted_call():
    parts = of_types(
        events_of("ui-messages", RAN, SPEECH), "tool-input-start", "tool-input-available", "tool-output-available"
    )
    assert [part.get("providerExecuted") for part in parts] == [True] * 3
    assert [part.get("output") for part in parts] == [None, None, "42"]
    (failed,) = of_types(events_of("ui-messages", FAILED), "tool-output-error")
    assert failed["errorText"] == '{"code": 1}'
    assert of_types(events_of("ui-messages", ASKED), "tool-approval-request")


def test_responses_have_items_of_mcp():
    output = {
        name: [
            (item["type"], item.get("status"), item["server_label"])
            for item in events_of("responses", events)[-1]["response"]["output"]
        ]
        for name, events in {"ran": RAN, "failed": FAILED, "asked": ASKED}.items()
    }
    assert output == {
        "ran": [("mcp_call", "completed", "wiki")],
        "failed": [("mcp_call", "failed", "wiki")],
        "asked": [("mcp_approval_request", None, "wiki")],
    }


def test_anthropic_has_blocks_of_mcp_with_the_result_and_ends_as_done():
    events = events_of("anthropic", RAN, SPEECH)
    blocks = [event["content_block"] for event in of_types(events, "content_block_start")]
    assert [block["type"] for block in blocks] == ["text", "mcp_tool_use", "mcp_tool_result"]
    assert (blocks[1]["server_name"], blocks[2]["content"][0]["text"]) == ("wiki", "42")
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
    assert events[-2]["delta"]["stop_reason"] == "end_turn"
    *_, result = of_types(events_of("anthropic", FAILED), "content_block_start")
    assert result["content_block"]["is_error"]


def test_anthropic_ends_as_done_though_the_server_asks():
    assert [event["type"] for event in events_of("anthropic", ASKED)] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]


@EACH_SINK
@pytest.mark.parametrize("item", [told.mcp_call(0, "ask", '{"q"'), told.mcp_approval_request(0, "ask", '{"q"')])
def test_a_hosted_call_that_is_not_json_is_not_told_as_one_that_ran(wire, item):
    body = write(SINKS[wire](), told.response([*item, *SPEECH])).body
    for word in (
        b"TOOL_CALL_RESULT",
        b"tool-input-available",
        b"mcp_tool_use",
        b"response.mcp_call.completed",
        b"interrupt",
    ):
        assert word not in body


@EACH_SINK
def test_a_server_that_asks_and_is_cut_off_waits_for_nobody(wire):
    body = write(SINKS[wire](), told.response(ASKED, "max_output_tokens")).body
    assert not any(word in body for word in (b"interrupt", b"tool-approval-request", b"mcp_approval_request"))


def test_a_run_says_whose_call_it_is():
    parser = StreamParser(boundaries=True)
    runs = [
        each for event in told.response([*RAN, *SPEECH]) for each in parser.feed(event) if isinstance(each, RunStarted)
    ]
    assert [(run.call_kind, run.hosted) for run in runs] == [("mcp", True), (None, False)]


# -- thoughts that have to go back -------------------------------------------------------------------------------------

SIGNED = [
    chunk(reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "Hm"}]),
    chunk(reasoning_details=[{"type": "reasoning.text", "index": 0, "signature": "proof"}]),
    chunk(reasoning_details=[{"type": "reasoning.encrypted", "index": 1, "data": "secret"}]),
    chunk(content="Hi", finish="stop"),
]


def test_anthropic_signs_thoughts_and_has_encrypted_ones():
    events = write(SINKS["anthropic"](), SIGNED).events
    deltas = [event["delta"] for event in of_types(events, "content_block_delta")]
    assert deltas[:2] == [
        {"type": "thinking_delta", "thinking": "Hm"},
        {"type": "signature_delta", "signature": "proof"},
    ]
    blocks = [event["content_block"] for event in of_types(events, "content_block_start")]
    assert [block["type"] for block in blocks] == ["thinking", "redacted_thinking", "text"]
    assert blocks[1]["data"] == "secret"


def test_anthropic_does_not_sign_more_than_was_signed():
    body = write(SINKS["anthropic"](), [chunk(reasoning="So. "), *SIGNED]).body
    assert b"signature_delta" not in body


def test_ui_messages_have_the_details_with_the_end_of_the_thought():
    ends = of_types(write(SINKS["ui-messages"](), SIGNED).events, "reasoning-end")
    parts = [part for end in ends for part in end["providerMetadata"]["streamfsm"]["reasoning"]]
    assert [(part.get("signature"), part.get("data")) for part in parts] == [("proof", None), (None, "secret")]


def test_what_has_to_go_back_is_written_once():
    again = [*SIGNED[:3], chunk(reasoning="So"), *SIGNED[3:]]
    blocks = of_types(write(SINKS["anthropic"](), again).events, "content_block_start")
    assert [block["content_block"]["type"] for block in blocks] == ["thinking", "redacted_thinking", "thinking", "text"]


def test_ag_ui_has_encrypted_values_of_the_thought():
    values = of_types(write(SINKS["ag-ui"](), SIGNED).events, "REASONING_ENCRYPTED_VALUE")
    assert [value["encryptedValue"] for value in values] == ["proof", "secret"]


def test_responses_have_the_encrypted_content():
    chunks = told.response([*told.reasoning(0, ["Hm"], encrypted="secret"), *SPEECH])
    reasoning, _ = write(SINKS["responses"](), chunks).events[-1]["response"]["output"]
    assert (reasoning["content"][0]["text"], reasoning["encrypted_content"]) == ("Hm", "secret")


HIDDEN = {
    "ag-ui": ["REASONING_START", "REASONING_END", "REASONING_ENCRYPTED_VALUE"],
    "ui-messages": ["reasoning-start", "reasoning-end"],
    "responses": ["response.output_item.added", "response.output_item.done"],
    "anthropic": ["content_block_start", "content_block_stop"],
}


@EACH_SINK
def test_thoughts_that_only_the_server_can_read_are_written_where_they_were(wire):
    written = write(SINKS[wire](), told.response([*told.reasoning(0, encrypted="secret"), *SPEECH]))
    assert b"secret" in written.body
    begins = {"ag-ui": 1, "ui-messages": 2, "responses": 2, "anthropic": 1}[wire]
    assert written.types[begins : begins + len(HIDDEN[wire])] == HIDDEN[wire]


def test_the_end_of_a_run_has_the_last_text_and_what_followed_it():
    def details(*chunks):
        parser = StreamParser(boundaries=True)
        given = [each for each_chunk in chunks for each in parser.feed(each_chunk)] + parser.close()
        return [[detail.data or detail.text for detail in each.details] for each in given if isinstance(each, RunEnded)]

    assert details(*SIGNED) == [["Hm"], ["Hm", "secret"], [], []]
    many = [{"type": "reasoning.encrypted", "index": at, "data": f"{at}"} for at in range(12)]
    (first, *_) = details(chunk(reasoning="Hm", reasoning_details=many), chunk(content="Hi", finish="stop"))
    assert first == [f"{at}" for at in range(3, 12)]
    arguments = '{"thinking":"so","x":1}'
    thought = details(*SIGNED[:2], chunk(call(0, "a", "f", arguments)), chunk(finish="tool_calls"))
    assert thought == [["Hm"], [], [], [], []]


# -- choices -----------------------------------------------------------------------------------------------------------


@EACH_SINK
def test_thoughts_in_calls_that_another_choice_brings_are_written(wire):
    chunks = [
        chunk(content="Hi", finish="tool_calls"),
        chunk(call(0, "a", "f", '{"thinking":"so","x":1}'), choice=1),
        chunk(choice=1, finish="tool_calls"),
    ]
    written = write(SINKS[wire](), chunks)
    assert written.result.thoughts == "so"
    assert b'"so"' in written.body
    assert b'thinking\\":' not in written.body


@EACH_SINK
def test_another_choice_that_speaks_first_waits_for_the_result(wire):
    two = chunk(content="two", choice=1)
    chunks = [two, chunk(content="one", finish="stop"), chunk(finish="stop", choice=1)]
    body = write(SINKS[wire](), chunks).body
    assert (b"one" in body, b"two" in body) == (True, False)
    assert b"two" in write(SINKS[wire](), [two, chunk(finish="stop", choice=1)]).body


@EACH_SINK
def test_without_a_result_the_lowest_choice_that_spoke_is_written(wire):
    parser, sink = StreamParser(boundaries=True), SINKS[wire]()
    given = parser.feed(chunk(content="two", choice=1)) + parser.feed(chunk(finish="stop", choice=1)) + parser.close()
    events = [event for item in given for event in sink.feed(item)]
    assert b"two" in b"".join(map(sink.frame, events + sink.close()))


def test_a_choice_below_zero_is_not_a_choice():
    written = write(SINKS["ui-messages"](), [chunk(content="Hi", choice=-1), chunk(finish="stop")])
    assert [choice.index for choice in written.result.choices] == [0]
    assert [anomaly.kind for anomaly in written.result.anomalies] == ["wrong_type"]
    assert b"Hi" in written.body
