"""Grammars: what each protocol forbids, told in words, with what would have been legal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfsm.sinks import GRAMMARS
from streamfsm.testing.streams import ENVELOPE


def check(wire, *events):
    return GRAMMARS[wire].check(events)


STARTED = {"type": "RUN_STARTED", "threadId": "t", "runId": "r"}
FINISHED = {"type": "RUN_FINISHED", "threadId": "t", "runId": "r"}


def text(kind, **fields):
    return {"type": f"TEXT_MESSAGE_{kind}", "messageId": "m", **fields}


def test_a_violation_tells_what_where_and_what_else():
    found = check("ag-ui", STARTED, text("START"), FINISHED)
    assert found.place == 2
    assert found.word == "RUN_FINISHED"
    assert found.why == "RUN_FINISHED while the text 'm' is in state open"
    assert found.legal[:2] == ("TEXT_MESSAGE_CONTENT of text 'm'", "TEXT_MESSAGE_END of text 'm'")
    assert "RUN_FINISHED" not in found.legal
    assert "RUN_ERROR" in found.legal
    assert str(found).startswith(
        "RUN_FINISHED while the text 'm' is in state open; legal here: TEXT_MESSAGE_CONTENT of text 'm', "
    )
    assert ", and " in str(found)


AG_UI = [
    ([], "the stream ends while the run is in state waiting"),
    ([STARTED], "the stream ends while the run is in state running"),
    ([text("START")], "TEXT_MESSAGE_START while the run is in state waiting"),
    ([{"type": "RUN_ERROR", "message": ""}], "RUN_ERROR while the run is in state waiting"),
    ([STARTED, text("CONTENT", delta="")], "TEXT_MESSAGE_CONTENT while the text 'm' has not begun"),
    ([STARTED, text("START"), text("CONTENT")], "TEXT_MESSAGE_CONTENT without delta"),
    ([STARTED, {"type": "TEXT_MESSAGE_START"}], "TEXT_MESSAGE_START without messageId"),
    ([STARTED, text("START", messageId=[])], "TEXT_MESSAGE_START with messageId that is neither a name nor a number"),
    ([STARTED, text("START"), text("END"), text("START")], "TEXT_MESSAGE_START while the text 'm' is in state ended"),
    ([STARTED, FINISHED, FINISHED], "RUN_FINISHED while the run is in state finished"),
    ([STARTED, {"type": "TEXT_START"}], "'TEXT_START' is not an event of ag-ui"),
    ([STARTED, {}], "an event without 'type'"),
    ([STARTED, 3], "this is not an event"),
    ([STARTED, {"type": []}], "this is not an event"),
]


@pytest.mark.parametrize(("events", "why"), AG_UI, ids=[why for _, why in AG_UI])
def test_ag_ui(events, why):
    assert check("ag-ui", *events).why == why


def test_ag_ui_may_interleave_name_steps_again_and_fail_with_parts_open():
    step = [{"type": "STEP_STARTED", "stepName": "s"}, {"type": "STEP_FINISHED", "stepName": "s"}]
    other = text("START", messageId="n")
    assert check("ag-ui", STARTED, *step, *step, text("START"), other, {"type": "RUN_ERROR", "message": ""}) is None
    assert check("ag-ui", STARTED, step[0], FINISHED).why == "RUN_FINISHED while the step 's' is in state open"


def part(kind, **fields):
    return {"type": kind, "id": "1", **fields}


UI = [
    ([part("start"), part("text-delta", delta="")], "text-delta while the text '1' has not begun"),
    ([part("text-start"), part("finish")], "finish while the text '1' is in state open"),
    ([part("text-start"), "[DONE]"], "[DONE] while the text '1' is in state open"),
    ([part("finish"), part("text-start")], "text-start while the message is in state finished"),
    ([part("start"), part("start")], "start while the message is in state between"),
    (
        [part("tool-input-start", toolCallId="c", toolName="f"), part("finish")],
        "finish while the call 'c' is in state streaming",
    ),
    (
        [part("tool-input-available", toolCallId="c", toolName="f", input=1)] * 2,
        "tool-input-available while the call 'c' is in state available",
    ),
]


@pytest.mark.parametrize(("events", "why"), UI, ids=[why for _, why in UI])
def test_ui_messages(events, why):
    assert check("ui-messages", *events).why == why


def test_ui_messages_may_use_an_id_again_leave_calls_to_the_reader_and_abort_with_parts_open():
    text = [part("text-start"), part("text-delta", delta="x"), part("text-end")]
    ready = part("tool-input-available", toolCallId="c", toolName="f", input={})
    assert check("ui-messages", *text, *text, {"type": "data-x", "data": 1}, ready, part("finish"), "[DONE]") is None
    assert check("ui-messages", part("text-start"), {"type": "abort"}, "[DONE]") is None


CREATED = {"type": "response.created", "response": {}}
COMPLETED = {"type": "response.completed", "response": {}}


def item(how, kind="message", at=0):
    return {"type": f"response.output_item.{how}", "output_index": at, "item": {"type": kind}}


def content(how, kind="output_text"):
    return {"type": f"response.content_part.{how}", "output_index": 0, "content_index": 0, "part": {"type": kind}}


RESPONSES = [
    ([item("added")], "response.output_item.added message while the response is in state waiting"),
    ([CREATED, item("added"), COMPLETED], "response.completed while the item 0 is in state message"),
    (
        [CREATED, item("added"), item("added")],
        "response.output_item.added message while the item 0 is in state message",
    ),
    (
        [CREATED, item("added"), item("done", "reasoning")],
        "response.output_item.done reasoning while the item 0 is in state message",
    ),
    (
        [CREATED, item("added"), content("added"), item("done")],
        "response.output_item.done message while the content 0 0 is in state output_text",
    ),
    ([CREATED, content("added")], "response.content_part.added output_text while the item 0 has not begun"),
    ([CREATED, {"type": "response.reasoning.part"}], "'response.reasoning.part' is not an event of responses"),
    ([CREATED, COMPLETED, COMPLETED], "response.completed while the response is in state ended"),
]


@pytest.mark.parametrize(("events", "why"), RESPONSES, ids=[why for _, why in RESPONSES])
def test_responses(events, why):
    assert check("responses", *events).why == why


def test_responses_may_interleave_items_hold_hosted_ones_and_fail_with_items_open():
    hosted = [item("added", "web_search_call", 1), {"type": "response.web_search_call.searching", "output_index": 1}]
    assert (
        check(
            "responses",
            CREATED,
            item("added"),
            *hosted,
            item("done"),
            item("done", "web_search_call", 1),
            COMPLETED,
            "[DONE]",
        )
        is None
    )
    assert check("responses", CREATED, item("added"), {"type": "response.failed", "response": {}}) is None
    assert check("responses", {"type": "error", "message": ""}) is None


def test_responses_count_their_events():
    numbered = [{**event, "sequence_number": number} for event, number in ((CREATED, 5), (COMPLETED, 7))]
    assert check("responses", *numbered).why == "sequence_number 7, where 6 is due"
    assert check("responses", {**CREATED, "sequence_number": None}, {**COMPLETED, "sequence_number": 1}) is None


MESSAGE = {"type": "message_start", "message": {}}
STOP = {"type": "message_stop"}
DELTA = {"type": "message_delta", "delta": {}, "usage": {}}


def block(how, kind="text", at=0):
    fields = {"start": {"content_block": {"type": kind}}, "delta": {"delta": {"type": kind}}, "stop": {}}
    return {"type": f"content_block_{how}", "index": at, **fields[how]}


ANTHROPIC = [
    ([block("start")], "content_block_start text while the message is in state waiting"),
    (
        [MESSAGE, block("start"), block("start", at=1)],
        "content_block_start text while the message is in state in_block",
    ),
    ([MESSAGE, block("start", at=1)], "content_block_start text with index 1, where 0 is due"),
    ([MESSAGE, block("start"), DELTA], "message_delta while the message is in state in_block"),
    (
        [MESSAGE, block("start"), block("delta", "input_json_delta")],
        "content_block_delta input_json_delta while the block 0 is in state text",
    ),
    ([MESSAGE, DELTA, STOP, DELTA], "message_delta while the message is in state ended"),
    ([MESSAGE, STOP], "message_stop while the message is in state between"),
]


@pytest.mark.parametrize(("events", "why"), ANTHROPIC, ids=[why for _, why in ANTHROPIC])
def test_anthropic(events, why):
    assert check("anthropic", *events).why == why


def test_anthropic_pings_at_any_time_fails_at_any_time_and_has_blocks_of_other_types():
    ping, error = {"type": "ping"}, {"type": "error", "error": {}}
    other = [block("start", "web_search_tool_result"), block("delta", "new_delta"), block("stop")]
    assert check("anthropic", ping, MESSAGE, ping, *other, block("start", at=1), ping, error) is None


def choice(finish=None, index=0, **delta):
    return {**ENVELOPE, "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def call(index=0, call_id=None, name=None):
    return {"index": index, "id": call_id, "function": {"name": name, "arguments": ""}}


COUNTED = {**ENVELOPE, "choices": [], "usage": {}} | {"usage": {"prompt_tokens": 1}}
CHAT = [
    ([choice()], "the stream ends while the response is in state open"),
    ([choice(), "[DONE]"], "[DONE] while the choice 0 is in state speaking"),
    ([choice("stop"), choice()], "delta while the choice 0 is in state finished"),
    ([choice(), COUNTED], "usage while the choice 0 is in state speaking"),
    ([choice(tool_calls=[call()])], "arguments while the call 0 0 has not begun"),
    ([choice(tool_calls=[call(call_id="a", name="f")] * 2)], "call while the call 0 0 is in state begun"),
    ([{**ENVELOPE}], "an event without 'choices'"),
]


@pytest.mark.parametrize(("events", "why"), CHAT, ids=[why for _, why in CHAT])
def test_chat(events, why):
    assert check("chat", *events).why == why


def test_chat_may_begin_with_no_choice_end_with_usage_or_fail():
    calls = [choice(tool_calls=[call(call_id="a", name="f")]), choice(tool_calls=[call()]), choice("tool_calls")]
    empty = {**ENVELOPE, "choices": []}
    assert check("chat", empty, *calls, choice("stop", index=1), COUNTED, "[DONE]") is None
    assert check("chat", choice(), {"error": {"message": ""}}, "[DONE]") is None


ANYTHING = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.sampled_from(["RUN_STARTED", "[DONE]", "text-start", "ping"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "id", "choices", "index", "delta", "item", "tool_calls"]), inner)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("wire", GRAMMARS)
@given(events=st.lists(ANYTHING, max_size=4))
def test_anything_is_judged_and_nothing_raises(wire, events):
    found = check(wire, *events)
    assert found is None or (found.why and isinstance(str(found), str))
