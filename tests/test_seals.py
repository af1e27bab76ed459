"""Calls that are told when they are whole, and revoked if they turn out not to be ready."""

import json
from typing import Any

import pytest
from helpers import call, call_chunks, chunk, run
from hypothesis import given
from hypothesis import strategies as st
from streams import chunkings, streams

from streamfsm import (
    AssistantMessage,
    Dialect,
    OpenAIStreamingInterface,
    StreamParser,
    ToolCallRevoked,
    ToolCallSealed,
    coalesce,
)
from streamfsm.machines.checks import SEALED_HOLDS, findings
from streamfsm.machines.tool_call import MESSAGE, THOUGHTS, tool_call
from streamfsm.messages import made_up_id
from streamfsm.testing import accented, dialects, faults

TOOLS = ("search", "send_message", "f", "lookup")


def sealing(chunks: list[Any], end: str = "close", **options: Any) -> tuple[list[Any], StreamParser]:
    """What is sealed and revoked: the arguments, and why they are revoked."""
    parser = StreamParser(seal_tools=TOOLS, **options)
    messages = [message for each in chunks for message in parser.feed(each)]
    messages += parser.fail("gone") if end == "fail" else getattr(parser, end)()
    found = [
        (each.tool_call.arguments, getattr(each, "reason", None))
        for each in messages
        if isinstance(each, ToolCallSealed | ToolCallRevoked)
    ]
    return found, parser


CALL = call_chunks("search", ['{"q":', "1}"], finish=None)
CASES: dict[str, tuple[list[Any], str, list[str]]] = {
    "ready": ([*CALL, chunk(finish="tool_calls")], "close", []),
    "white space after it": ([*CALL, chunk(call(0, arguments=" \n")), chunk(finish="tool_calls")], "close", []),
    "more after it": ([*CALL, chunk(call(0, arguments="x")), chunk(finish="tool_calls")], "close", ["trailing"]),
    "cut by length": ([*CALL, chunk(finish="length")], "close", ["cut"]),
    "filtered": ([*CALL, chunk(finish="content_filter")], "close", ["cut"]),
    "no finish reason": (CALL, "close", ["cut"]),
    "failed": (CALL, "fail", ["failed"]),
    "cancelled": (CALL, "cancel", ["cancelled"]),
    "an error": ([*CALL, {"error": {"message": "overloaded"}}], "close", ["failed"]),
    "half of it again": ([*CALL, chunk(call(0, arguments='{"q"')), chunk(finish="tool_calls")], "close", ["trailing"]),
}


@pytest.mark.parametrize(("chunks", "end", "revoked"), CASES.values(), ids=CASES)
def test_a_call_is_sealed_when_it_closes_and_revoked_if_it_does_not_become_ready(
    chunks: list[Any], end: str, revoked: list[str]
):
    found, parser = sealing(chunks, end)
    assert found == [('{"q":1}', None), *(('{"q":1}', why) for why in revoked)]
    assert parser.result.tool_calls[0].ready == (not revoked)


def test_a_sealed_call_of_the_message_tool_is_revoked_by_what_comes_after_its_object():
    chunks = call_chunks("send_message", ['{"message":"Hi"}', "oops"])
    found, parser = sealing(chunks)
    assert found == [('{"message":"Hi"}', None), ('{"message":"Hi"}', "trailing")]
    assert not parser.result.tool_calls[0].ready
    spoken = [each.content for each in run(chunks, seal_tools=TOOLS)[0] if isinstance(each, AssistantMessage)]
    assert spoken == ["Hi", "oops"]


def test_a_sealed_call_goes_on_wherever_a_closed_one_does():
    moves = {cell: row.target for cell, row in tool_call(THOUGHTS, MESSAGE, seals=True).table.by_cell.items()}
    closed, sealed = ({event: to for (at, event), to in moves.items() if at == each} for each in ("closed", "sealed"))
    assert closed.pop("sealed") == "sealed"
    assert sealed == {**closed, "revoked": "closed"}


EMPTY = call_chunks("search", ["{}"], finish=None)


@pytest.mark.parametrize(
    "entry",
    [
        call(0, "call_2", "search", '{"a":1}'),
        call(0, None, "search", '{"a":1}'),
        {"index": 0, "function": {"arguments": 5}},
        {"index": 0, "function": {"name": "search", "parameters": {"a": 1}}},
    ],
    ids=["a placeholder", "without an id", "odd arguments", "arguments elsewhere"],
)
def test_a_call_that_falls_into_doubt_is_revoked_at_once(entry: dict[str, Any]):
    parser = StreamParser(seal_tools=TOOLS)
    (*_, sealed) = [message for each in EMPTY for message in parser.feed(each)]
    assert isinstance(sealed, ToolCallSealed)
    (revoked,) = (each for each in parser.feed(chunk(entry)) if isinstance(each, ToolCallRevoked))
    assert (revoked.reason, revoked.tool_call) == ("doubt", sealed.tool_call)


@pytest.mark.parametrize(
    "astray", [call(1, arguments='{"q":1}'), {"index": 1, "id": "call_2"}], ids=["arguments", "an id"]
)
def test_a_call_without_a_name_revokes_at_the_end_what_it_casts_doubt_on(astray: dict[str, Any]):
    found, parser = sealing([*EMPTY, chunk(astray), chunk(finish="tool_calls")])
    assert found == [("{}", None), ("{}", "doubt")]
    assert parser.result.ready_calls == []


@pytest.mark.parametrize("field", ["content", "refusal"])
def test_a_call_in_a_text_revokes_at_the_end_what_it_casts_doubt_on(field: str):
    found, parser = sealing([*EMPTY, chunk(**{field: "[TOOL_CALLS]f"}), chunk(finish="tool_calls")])
    assert found == [("{}", None)] + [("{}", "doubt")] * (field == "content")
    assert len(parser.result.ready_calls) == (field == "refusal")


def test_a_text_that_contradicts_itself_revokes_at_once_what_it_casts_doubt_on():
    parser = StreamParser(seal_tools=TOOLS, dialect=Dialect(content="snapshot"))
    for each in (chunk(content="ab"), *EMPTY):
        told = parser.feed(each)
    assert isinstance(told[-1], ToolCallSealed)
    (revoked,) = parser.feed(chunk(content="xyz"))
    assert (type(revoked), revoked.reason) == (ToolCallRevoked, "doubt")


def test_a_seal_comes_with_the_last_brace_and_holds_all_that_is_needed_to_run_the_call():
    parser = StreamParser(seal_tools=["search"])
    given_ = [parser.feed(each) for each in CALL]
    (arguments, sealed) = given_[-1]
    assert arguments.tool_call.arguments == "1}"
    assert sealed.tool_call.model_dump() == {"name": "search", "arguments": '{"q":1}', "tool_call_id": "call_1"}
    assert (json.loads(sealed.text), sealed.message_type) == ({"q": 1}, "tool_call_sealed")
    assert ToolCallSealed.model_validate_json(sealed.model_dump_json()) == sealed


def test_a_seal_knows_the_call_by_the_id_of_the_result():
    messages, parser = run([chunk(call(0, None, "search", "{}"), finish="tool_calls")], seal_tools=["search"])
    (sealed,) = (each for each in messages if isinstance(each, ToolCallSealed))
    assert (
        sealed.tool_call.tool_call_id == parser.result.tool_calls[0].tool_call_id == made_up_id(parser.message_id, 0, 0)
    )


@pytest.mark.parametrize(
    "chunks",
    [
        call_chunks("other", ["{}"]),
        call_chunks("search", ['{"a":\\x}']),
        call_chunks("search", [r'{"a":"\0"}']),
        call_chunks("search", ['{"a":']),
        call_chunks("search", [""]),
        [chunk(call(0, arguments="{}"))],
        [chunk(call(0, "a", "search", '{"a":1}')), chunk(call(0, "b", "search", '{"a":1}'), finish="tool_calls")],
    ],
    ids=["another tool", "not JSON", "a wrong escape", "cut", "nothing", "no name", "a repeat"],
)
def test_what_is_of_another_tool_not_whole_or_in_doubt_is_not_sealed(chunks: list[Any]):
    found, _ = sealing(chunks)
    assert len(found) == ("'b'" in f"{chunks}")  # the first of the two


def test_what_may_have_gone_astray_seals_nothing_more():
    odd = chunk({"index": 0, "function": {"arguments": 5}})
    found, _ = sealing([odd, chunk(call(1, "call_1", "search", '{"q":1}'), finish="tool_calls")])
    assert found == []


def test_the_facade_seals_too():
    interface = OpenAIStreamingInterface(seal_tools=["search"])
    messages = list(interface.process_sync(iter([*CALL, chunk(finish="tool_calls")])))
    assert [type(each) for each in messages if isinstance(each, ToolCallSealed)] == [ToolCallSealed]


def test_a_snapshot_lists_the_tools_that_are_sealed_in_order_so_that_any_process_restores_it():
    names = [f"tool_{number}" for number in range(20)]
    snapshot = StreamParser(seal_tools=names).snapshot()
    assert snapshot["options"]["seal_tools"] == sorted(names)
    assert StreamParser.restore(snapshot).snapshot() == snapshot


def test_nothing_is_sealed_unless_it_is_asked_for():
    messages, _ = run([*CALL, chunk(finish="tool_calls")])
    assert not any(isinstance(each, ToolCallSealed) for each in messages)


def test_what_is_proven_of_the_machine_is_proven_of_the_one_that_seals():
    machine = tool_call(THOUGHTS, MESSAGE, seals=True)
    assert [(each.property, each.problems) for each in findings(machine, SEALED_HOLDS) if each.problems] == []


def standing(messages: list[Any]) -> list[tuple[int, str, str]]:
    """Calls that were sealed and not revoked: choice, id and arguments."""
    found: list[tuple[int, str, str]] = []
    for each in messages:
        if isinstance(each, ToolCallSealed):
            found.append((each.choice_index, each.tool_call.tool_call_id, each.tool_call.arguments))
        elif isinstance(each, ToolCallRevoked):
            found.remove((each.choice_index, each.tool_call.tool_call_id, each.tool_call.arguments))
    return found


@given(
    streams(), dialects(certain=False), st.none() | faults(), st.sampled_from(["close", "cancel", "fail"]), st.data()
)
def test_what_is_sealed_and_not_revoked_is_ready_whatever_a_server_sends(
    stream: Any, quirks: Any, fault: Any, end: str, data: st.DataObject
):
    chunks = accented(data.draw(chunkings(stream if fault is None else fault(stream))), quirks)
    parser = StreamParser(seal_tools=TOOLS)
    messages: list[Any] = []
    for each in chunks:
        messages += parser.feed(each)
    messages += parser.fail("gone") if end == "fail" else getattr(parser, end)()
    ready = [
        (choice.index, each.tool_call_id, each.arguments.rstrip(" \t\n\r"))
        for choice in parser.result.choices
        for each in choice.tool_calls
        if each.ready
    ]
    assert set(standing(messages)) <= set(ready)


@given(streams(), st.data())
def test_split_merge_invariance_of_seals(stream: Any, data: st.DataObject):
    def outcome(chunks: list[Any]) -> Any:
        messages, parser = run(chunks, seal_tools=TOOLS)
        return [each.model_dump(exclude={"date"}) for each in coalesce(messages)], parser.result

    assert outcome(data.draw(chunkings(stream))) == outcome(stream.plain())


@given(streams(), dialects(certain=False), st.none() | faults(), st.data())
def test_no_call_stays_sealed_after_the_chunk_that_puts_it_in_doubt(
    stream: Any, quirks: Any, fault: Any, data: st.DataObject
):
    def sealed() -> list[Any]:
        choices = parser._response.run.choices.values()
        found = [(choice.calls, lane) for choice in choices for lane in choice.calls.lanes if lane.state == "sealed"]
        assert all(parser._response.judge.is_certain(*each) for each in found)
        return [lane for _, lane in found]

    parser = StreamParser(seal_tools=TOOLS)
    empty = [chunk(call(7, "call_7", "f", "{}"))] * data.draw(st.booleans())  # it is sealed, and may lack arguments
    for each in [*empty, *accented(data.draw(chunkings(stream if fault is None else fault(stream))), quirks)]:
        parser.feed(each)
        for lane in sealed():
            if data.draw(st.booleans()):
                moved, named = call(8, lane.id), call(lane.wire_index, None, lane.name)
                again = data.draw(st.sampled_from([chunk(moved, choice=lane.choice), chunk(named, choice=lane.choice)]))
                parser.feed(data.draw(st.sampled_from([again, {"nothing": "known"}])))
                sealed()


@pytest.mark.parametrize("keep", [True, False])
def test_a_parser_is_restored_while_a_call_is_sealed(keep):
    parser = StreamParser(seal_tools=["search"], keep=keep)
    parser.feed(chunk(call(0, "a", "search", '{"q":1}')))
    restored = StreamParser.restore(parser.snapshot())
    assert restored.cancel() == parser.cancel()
