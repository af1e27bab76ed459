"""The readers that users have accept all that our sinks write, and make of it what our result says."""

import json
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from streams import options
from written import ENDINGS, SINKS, Written, chunk_lists, event_lists, write

READERS = Path(__file__).parent / "readers"


def streams_of(wire: str) -> Any:
    """Bodies of a sink, of any stream."""
    return st.builds(
        lambda chunks, ending, options: write(SINKS[wire](), chunks, ending, **options),
        chunk_lists() | event_lists(),
        ENDINGS,
        options,
    )


# -- in this process ---------------------------------------------------------------------------------------------------


@pytest.mark.slow("a client of its own reads many streams")
@given(written=streams_of("responses"))
def test_openai_reads_the_responses_events(written: Written):
    responses = pytest.importorskip("openai.types.responses")
    streaming = pytest.importorskip("openai.lib.streaming.responses._responses")
    from openai import omit

    adapter = TypeAdapter(responses.ResponseStreamEvent)
    state = streaming.ResponseStreamState(input_tools=omit, text_format=omit)
    seen = [event for each in written.events for event in state.handle_event(adapter.validate_python(each))]
    final = seen[-1].response
    assert final.output_text == written.result.assistant_text
    thoughts = [part.text for item in final.output if item.type == "reasoning" for part in item.content or ()]
    assert "".join(thoughts) == written.result.thoughts
    calls = [item for item in final.output if item.type == "function_call"]
    assert [
        (call.name, call.status == "completed") for call in sorted(calls, key=lambda call: call.id)
    ] == sorted_calls(written, calls)
    if written.result.stop_reason == "error":
        assert final.status == "failed"


def sorted_calls(written: Written, calls: list[Any]) -> list[tuple[str, bool]]:
    """Names and readiness of the result's calls, in the order of the items' ids."""
    by_id = {f"fc_{call.tool_call_id}": (call.name, call.ready) for call in written.calls}
    for call in written.calls:  # where speech had the same id before, the result makes up another one
        by_id.setdefault(f"fc_{call.id}", (call.name, call.ready))
    return [by_id[call.id] for call in sorted(calls, key=lambda call: call.id)]


@pytest.mark.slow("a client of its own reads many streams")
@given(written=streams_of("anthropic"))
def test_anthropic_accumulates_the_messages_events(written: Written):
    pytest.importorskip("anthropic")
    from anthropic.lib.streaming import _beta_messages, _messages
    from anthropic.types import RawMessageStreamEvent
    from anthropic.types.beta import BetaRawMessageStreamEvent

    hosted = [call for call in written.calls if call.hosted]
    # Blocks of MCP are of the beta, which reads all others too.
    adapter = TypeAdapter(BetaRawMessageStreamEvent if hosted else RawMessageStreamEvent)
    accumulate = partial(_beta_messages.accumulate_event, request_headers={}) if hosted else _messages.accumulate_event
    events, message, bufs = written.events, None, {}
    is_whole = written.result.stop_reason in ("end_turn", "tool_calls", "unknown")
    is_cut = written.result.stop_reason in ("max_tokens_exceeded", "content_filter")
    own = [call for call in written.calls if not call.hosted]
    told = is_cut or (is_whole and all(call.ready and call.verdict != "text" for call in own))
    assert (events[-1]["type"] == "message_stop") == told
    if not told:
        events.pop()  # the client raises what it says
    for each in events:
        message = accumulate(event=adapter.validate_python(each), current_snapshot=message, json_bufs=bufs)
    blocks = message.content if message else []
    assert "".join(block.text for block in blocks if block.type == "text") == written.result.assistant_text
    assert "".join(block.thinking for block in blocks if block.type == "thinking") == written.result.thoughts
    if message.stop_reason == "tool_use":
        assert [block.name for block in blocks if block.type == "tool_use"]
        assert all(call.ready for call in own)
    ran = [call.tool_call_id for call in hosted if call.kind == "mcp" and call.verdict in ("valid", "lenient", "empty")]
    assert {block.id for block in blocks if block.type == "mcp_tool_use"} <= {*ran}
    uses = [block.id for block in blocks if block.type == "mcp_tool_use"]
    assert [block.tool_use_id for block in blocks if block.type == "mcp_tool_result"] == uses


# -- in Node -----------------------------------------------------------------------------------------------------------


class Node:
    """A reader that runs in Node, and answers a line to each line."""

    def __init__(self, script: str, *arguments: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own script
            ["node", READERS / script, *arguments],  # noqa: S607
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def read(self, value: Any) -> Any:
        self.process.stdin.write(json.dumps(value) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def node():
    """Returns the running reader of a script."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not (READERS / "node_modules" / "ai-7").exists():
        pytest.skip("the readers are not installed: make readers")
    running: dict[tuple[str, ...], Node] = {}

    def reader(*command: str) -> Node:
        if command not in running:
            running[command] = Node(*command)
        return running[command]

    yield reader
    for each in running.values():
        each.process.communicate()


@pytest.mark.slow("starts Node")
@given(written=streams_of("ag-ui"))
def test_the_ag_ui_client_verifies_and_reduces(node, written: Written):
    told = node("ag_ui.mjs").read(written.events)
    assert told.get("error") is None
    assert told["warnings"] == []
    messages = told["messages"]
    texts = {
        role: "".join(message.get("content") or "" for message in messages if message["role"] == role)
        for role in ("assistant", "reasoning")
    }
    assert texts == {"assistant": written.result.assistant_text, "reasoning": written.result.thoughts}
    calls = [call for message in messages for call in message.get("toolCalls", ())]
    assert sorted(call["function"]["name"] for call in calls) == sorted(call.name for call in written.calls)
    assert len({call["id"] for call in calls}) == len(calls)


@pytest.mark.slow("starts Node")
@pytest.mark.parametrize("package", ["ai", "ai-7"])
@given(written=streams_of("ui-messages"))
def test_the_ai_sdk_reads_the_ui_messages(node, package, written: Written):
    told = node("ui_messages.mjs", package).read(written.body.decode())
    failed = written.result.stop_reason in ("error", "incomplete")
    assert [error for error in told["errors"] if not (failed and error.startswith("read: "))] == []
    parts = told["message"]["parts"]
    assert [part for part in parts if "streaming" in part.get("state", "")] == []
    texts = {kind: "".join(part["text"] for part in parts if part["type"] == kind) for kind in ("text", "reasoning")}
    assert texts == {"text": written.result.assistant_text, "reasoning": written.result.thoughts}
    available = [part for part in parts if part.get("state") in ("input-available", "approval-requested")]
    own = [part["toolName"] for part in available if not part.get("providerExecuted")]
    assert sorted(own) == sorted(call.name for call in written.calls if call.ready)
    asking = [part for part in available if part.get("providerExecuted")]
    assert {part["state"] for part in asking} <= {"approval-requested"}
    assert {part["toolCallId"] for part in asking} <= {
        call.tool_call_id for call in written.calls if call.kind == "mcp_approval_request"
    }
