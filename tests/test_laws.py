"""The laws of the design, each a property of the same name. The oracles are ``json`` and ``jiter``, never a table."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import jiter
import pytest
from helpers import ID, call, call_chunks, chunk, comes_again, joined, run, said
from hypothesis import assume, example, given
from hypothesis import strategies as st
from rows import CASES
from streams import SHAPES, options, outcome, streams

from streamfsm import StopReasonType, StreamParser, ThinkTags, coalesce
from streamfsm.errors import IllegalTransition
from streamfsm.machines import MACHINES, StateMachine
from streamfsm.messages import otid
from streamfsm.testing import (
    ALPHABET,
    Stream,
    TracedParser,
    arguments,
    check_append_only,
    check_every_split,
    check_nothing_lost,
    check_split_invariance,
    chunkings,
    damaged_arguments,
    garbage_chunks,
    json_text,
    may_hold,
    objects,
    operations,
    splits,
    texts,
)
from streamfsm.testing import streams as of
from streamfsm.trace import Transition
from streamfsm.wires.chat.chunking import whole

RAW = partial(TracedParser, inner_thoughts_kwarg=None, assistant_tool=None)
BY_NAME: dict[str, StateMachine] = {machine.table.name: machine for machine in MACHINES}


def clean(value: Any) -> Any:
    """What ``json.loads`` gives, with U+FFFD for lone surrogates."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    return [clean(item) for item in value] if isinstance(value, list) else value


# -- law 1 -------------------------------------------------------------------------------------------------------------


@given(st.data(), streams(), options)
def test_split_merge_invariance(data: st.DataObject, stream: Stream, options: dict[str, Any]):
    parse = partial(TracedParser, **options)
    check_split_invariance(parse, stream, data.draw(chunkings(stream)), whole(stream.plain()))


@pytest.mark.slow("every split")
@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("text", CASES)
@pytest.mark.parametrize("name", ["send_message", "search"])
def test_split_merge_invariance_exhaustively(name: str, text: str):
    expected = outcome(call_chunks(name, [text]))
    for pieces in splits(text):
        assert outcome(call_chunks(name, pieces)) == expected, pieces


@pytest.mark.parametrize("text", ["a<think>b</think>c", "<<think>", "<think></think><thi", "</think><think>x"])
def test_split_merge_invariance_of_think_tags_exhaustively(text: str):
    parse = partial(TracedParser, think_tags=ThinkTags("<think>", "</think>", where="anywhere"))
    assert sum(check_every_split(parse, Stream(of.text("content", text))).values()) >= 128


# -- law 2 -------------------------------------------------------------------------------------------------------------


def truth(value: Any) -> str | None:
    """What a captured value is to be: a string's text, nothing for null, ``None`` for what is its JSON text."""
    return value if isinstance(value, str) else "" if value is None else None


@given(st.data(), objects())
def test_nothing_lost_nothing_invented(data: st.DataObject, members: dict[str, Any]):
    text = data.draw(json_text(members))
    members = clean(json.loads(text))
    captured = data.draw(st.sampled_from([("thinking",), ("thinking", "a", ""), ("q",)]))
    stream = Stream(of.call(0, "search", text))
    messages, parser = run(data.draw(chunkings(stream)), inner_thoughts_kwarg=captured)
    assert parser.result.tool_calls[0].arguments == text
    raw = joined(messages, "arguments")
    assert clean(json.loads(raw)) == {key: value for key, value in members.items() if key not in captured}
    thoughts = [value for key, value in members.items() if key in captured]
    if not thoughts:
        assert raw == text
    if len(thoughts) == 1:
        assert_captured(joined(messages, "reasoning"), thoughts[0])
    elif all(isinstance(thought, str) for thought in thoughts):
        assert joined(messages, "reasoning") == "".join(thoughts)


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ('{"thinking":"x","a":1}', '{"a":1}'),
        ('{"a":1,"thinking":"x"}', '{"a":1}'),
        ('{"a":1,"thinking":"x","b":2}', '{"a":1,"b":2}'),
        ('{"thinking":"x"}', "{}"),
        ('{"thinking":"x","plan":"y"}', "{}"),
        ('{"thinking":"x","plan":"y","a":1,"b":2}', '{"a":1,"b":2}'),
        ('{"thinking":"x","a":1,"plan":"y","b":2}', '{"a":1,"b":2}'),
    ],
)
def test_nothing_lost_nothing_invented_and_commas_leave_with_captured_members(text: str, raw: str):
    for pieces in splits(text):
        messages, _ = run(call_chunks("search", pieces), inner_thoughts_kwarg=("thinking", "plan"))
        assert joined(messages, "arguments") == raw


@given(st.data(), objects())
def test_nothing_lost_nothing_invented_in_the_message_tool(data: st.DataObject, members: dict[str, Any]):
    text = data.draw(json_text(members))
    messages, parser = run(data.draw(chunkings(Stream(of.call(0, "send_message", text)))))
    assert parser.result.tool_calls[0].arguments == text
    assert not joined(messages, "arguments")
    members = clean(json.loads(text))
    assert_captured(joined(messages, "reasoning"), members.get("thinking"))
    assert_captured(joined(messages, "assistant"), members.get("message"))


def assert_captured(emitted: str, value: Any) -> None:
    expected = truth(value)
    assert clean(json.loads(emitted)) == value if expected is None else emitted == expected


@given(st.data(), arguments() | damaged_arguments())
def test_nothing_lost_nothing_invented_byte_for_byte_where_nothing_is_captured(data: st.DataObject, text: str):
    assume(not comes_again(text))
    stream = Stream(of.call(0, "search", text))
    chunks = data.draw(chunkings(stream))
    messages, parser = run(chunks, inner_thoughts_kwarg=None, assistant_tool=None)
    assert joined(messages, "arguments") == parser.result.tool_calls[0].arguments == text
    check_nothing_lost(RAW, stream, chunks)


@given(st.lists(st.tuples(st.sampled_from(["content", "reasoning_content", "refusal"]), texts())))
def test_nothing_lost_nothing_invented_in_plain_text(pieces: list[tuple[str, str]]):
    _, parser = run([chunk(**{name: text}) for name, text in pieces])
    whole_texts = {
        name: "".join(text for other, text in pieces if other == name)
        for name in ("content", "reasoning_content", "refusal")
    }
    # What the wire's own encoding makes of halves: pairs are characters, lone ones are not.
    found = {
        name: text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for name, text in whole_texts.items()
    }
    result = parser.result
    assert [result.content, result.reasoning, result.refusal] == list(found.values())


# -- law 3 -------------------------------------------------------------------------------------------------------------


@given(st.data(), streams(), options)
def test_append_only(data: st.DataObject, stream: Stream, options: dict[str, Any]):
    chunks = data.draw(chunkings(stream))
    check_append_only(partial(TracedParser, **options), stream, chunks)
    messages, parser = run(chunks, **options)
    for message in messages:
        message.model_dump_json().encode()  # raises for a lone surrogate, in any field
        for kind, text in said([message]):
            assert text or kind == "name"
    parser.result.model_dump_json().encode()


# -- law 4 -------------------------------------------------------------------------------------------------------------


@given(st.data(), objects())
@example(None, {"message": "a\U0001f600b"})
def test_promptness(data: st.DataObject | None, members: dict[str, Any]):
    text = data.draw(json_text(members)) if data else json.dumps(members)
    raw = StreamParser(inner_thoughts_kwarg=None, assistant_tool=None)
    speech = StreamParser()
    raw.feed(chunk(call(0, "c", "search")))
    speech.feed(chunk(call(0, "c", "send_message")))
    so_far = {"arguments": "", "assistant": "", "reasoning": ""}
    for at, char in enumerate(text, 1):
        for parser in (raw, speech):
            messages = parser.feed(chunk(call(0, arguments=char)))
            so_far = {kind: text + joined(messages, kind) for kind, text in so_far.items()}
        assert may_hold("arguments", text[len(so_far["arguments"]) : at])
        partial = partial_members(text[:at])
        for kind, key in (("assistant", "message"), ("reasoning", "thinking")):
            value = partial.get(key)
            if isinstance(value, str):
                assert so_far[kind] == value


def partial_members(prefix: str) -> dict[str, Any]:
    """What an independent parser makes of the members so far, a cut-off string included."""
    try:
        found = jiter.from_json(prefix.encode(), partial_mode="trailing-strings")
    except ValueError:  # jiter takes no lone surrogates
        return {}
    return found if isinstance(found, dict) else {}


@given(st.text(ALPHABET.replace('"', "<think>/"), max_size=30))
def test_promptness_of_think_tags(text: str):
    tags = ("<think>", "</think>")
    parser = StreamParser(think_tags=ThinkTags(*tags, where="anywhere"))
    told = ""
    for at, char in enumerate(text, 1):
        told += joined(parser.feed(chunk(content=char)), "assistant", "reasoning")
        seen = re.sub(r"<think>(.*?)(</think>|$)", r"\1", text[:at], flags=re.DOTALL)
        held = seen[len(told) :]
        assert seen.startswith(told)
        assert any(tag.startswith(held) and tag != held for tag in tags)


# -- law 5 -------------------------------------------------------------------------------------------------------------


@given(st.data(), streams(), options)
def test_output_grammar(data: st.DataObject, stream: Stream, options: dict[str, Any]):
    trace: list[Transition] = []
    messages, parser = run(data.draw(chunkings(stream)), trace=trace, **options)
    assert [message.seq_id for message in messages] == list(range(len(messages)))
    assert [message.message_type for message in messages].count("stop_reason") == 1
    assert messages[-1].message_type == "stop_reason"
    assert parser.feed(chunk(content="late")) == parser.close() == parser.cancel() == parser.fail("x") == []
    lanes = {step.seq_id: step.lane for step in trace}
    named: set[Any] = set()
    ordinal, last = -1, None
    for message in messages:
        lane = lanes[message.seq_id]
        owner = (message.choice_index, lane if lane.startswith("call") else None)
        if message.message_type in ("tool_call_message", "approval_request_message"):
            delta = message.tool_call
            assert (delta.name is None) == (owner in named)
            assert (delta.arguments is None) == (delta.name is not None)
            named.add(owner)
            assert (message.message_type == "approval_request_message") == needs_approval(parser, owner, options)
        kind = (message.message_type, owner)
        ordinal, last = ordinal + (kind != last), kind
        assert message.otid == otid(ID, ordinal)


def needs_approval(parser: StreamParser, owner: tuple[int, str], options: dict[str, Any]) -> bool:
    choice = next(choice for choice in parser.result.choices if choice.index == owner[0])
    tool = choice.tool_calls[int(owner[1].removeprefix("call "))].name
    return tool in options.get("requires_approval_tools", ())


def test_output_grammar_otids_never_run_out():
    chunks = [chunk(**{name: "x"}) for _ in range(300) for name in ("content", "reasoning_content")]
    messages, _ = run(chunks)
    assert len({message.otid for message in messages}) == len(messages) == 601


# -- law 6 -------------------------------------------------------------------------------------------------------------


@given(st.lists(garbage_chunks(), max_size=6), options, st.sampled_from(["close", "cancel", "fail"]))
def test_total(chunks: list[Any], options: dict[str, Any], ending: str):
    parser = StreamParser(**options)
    messages = [message for piece in chunks for message in parser.feed(piece)]
    messages += parser.fail("broken") if ending == "fail" else getattr(parser, ending)()
    assert parser.state in ("done", "failed", "cancelled")
    assert messages[-1].message_type == "stop_reason"
    parser.result.model_dump_json()


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.table.name)
def test_total_every_pair_is_declared_legal_or_illegal(machine: StateMachine):
    class Lane:
        state: str

    table = machine.table
    for state in table.states:
        for event in (*table.events, "no such event"):
            lane = Lane()
            lane.state = state.name
            if (state.name, event) in table.by_cell:
                assert machine.advance(lane, event).target == lane.state
            else:
                with pytest.raises(IllegalTransition):
                    machine.advance(lane, event)
                assert lane.state == state.name


# -- law 7 -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow("clocks and calls of long streams")
@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("step", [1, 4, 10**9], ids=["by character", "by four", "whole"])
@pytest.mark.parametrize("name", ["send_message", "search"])
def test_linear(shape: str, step: int, name: str):
    def cost(size: int) -> float:
        text = SHAPES[shape](size)
        chunks = call_chunks(name, [text[at : at + step] for at in range(0, len(text), step)])
        return operations(StreamParser, chunks) / len(text)

    assert cost(1200) <= 1.05 * cost(300)


@pytest.mark.parametrize("step", [1, 64])
def test_linear_memory_is_what_the_result_keeps(step: int):
    text = '{"message":"' + "word \\u00e9\\ud83d\\ude00 " * 2000 + '","list":[[1,2],{"a":null}]}'
    parser = StreamParser()
    parser.feed(chunk(call(0, "c", "send_message")))
    for at in range(0, len(text), step):
        parser.feed(chunk(call(0, arguments=text[at : at + step])))
        lane = parser._response.run.choices[0].calls.lanes[0]
        held = lane.scanner._held.size + len(lane.scanner._tail) + lane.scanner._key.size
        assert held < 40
    assert parser.result.tool_calls[0].arguments == text


# -- law 8 -------------------------------------------------------------------------------------------------------------


@given(st.data(), streams(), options)
def test_auditable(data: st.DataObject, stream: Stream, options: dict[str, Any]):
    chunks = data.draw(chunkings(stream))
    trace: list[Transition] = []
    messages, _ = run(chunks, trace=trace, **options)
    silent, _ = run(chunks, **options)
    drop = {"date"}
    assert [m.model_dump(exclude=drop) for m in messages] == [m.model_dump(exclude=drop) for m in silent]
    states: dict[Any, str] = {}
    for step in trace:
        table = BY_NAME[step.machine].table
        assert states.get((step.choice, step.lane), table.initial) == step.state
        states[step.choice, step.lane] = step.target
        if step.event == "text":
            emission = next(state.text for state in table.states if state.name == step.state)
            assert step.target == step.state
        else:
            row = table.by_cell[step.state, step.event]
            assert step.target == row.target
            emission = row.emits
        assert (emission is None) == (step.seq_id is None)
        if emission and step.seq_id is not None:
            kinds = {
                emission.message.__name__,
                emission.message.__name__.replace("ToolCallMessage", "ApprovalRequestMessage"),
            }
            assert type(messages[step.seq_id]).__name__ in kinds
    assert [step.seq_id for step in trace if step.seq_id is not None] == list(range(len(messages)))
    assert all(state in ("done", "failed", "cancelled") for state in states.values())


# -- law 9 -------------------------------------------------------------------------------------------------------------


@given(st.data(), st.lists(streams(calls=1), min_size=2, max_size=3))
def test_isolated(data: st.DataObject, many: list[Stream]):
    expected = [outcome(stream.plain()) for stream in many]
    parsers = [StreamParser(message_id=ID) for _ in many]
    messages: list[list[Any]] = [[] for _ in many]
    queues = [stream.plain() for stream in many]
    while any(queues):
        at = data.draw(st.sampled_from([at for at, queue in enumerate(queues) if queue]))
        messages[at] += parsers[at].feed(queues[at].pop(0))
    for at, parser in enumerate(parsers):
        messages[at] += parser.close()
        assert [m.model_dump(exclude={"date"}) for m in coalesce(messages[at])] == expected[at]["messages"]
        assert parser.result.model_dump() == expected[at]["result"]


def test_isolated_in_threads():
    chunks = call_chunks("send_message", list('{"thinking":"x","message":"say \\"hi\\"","a":[1,{}]}'))
    expected = outcome(chunks)
    with ThreadPoolExecutor(8) as pool:
        assert all(found == expected for found in pool.map(outcome, [chunks] * 64))


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.table.name)
def test_isolated_tables_are_immutable(machine: StateMachine):
    table = machine.table
    with pytest.raises(AttributeError):
        table.rows = ()  # type: ignore[misc]
    with pytest.raises(TypeError):
        table.by_cell["x", "y"] = table.rows[0]  # type: ignore[index]
    assert isinstance(table.rows, tuple)
    assert isinstance(table.states, tuple)


# -- law 10 ------------------------------------------------------------------------------------------------------------


def read(text: str) -> Any:
    """What the whole arguments are to a strict reader, but for raw control characters; an error if nothing."""

    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    return json.loads(text, strict=False, parse_constant=refuse) if text.strip(" \t\r\n") else None


@given(
    arguments() | damaged_arguments(),
    st.integers(0, 40),
    st.sampled_from(["stop", "tool_calls", "length", "content_filter", None, "odd"]),
)
def test_executable_is_a_fact(text: str, cut: int, finish: str | None):
    for prefix in {text, text[:cut]}:
        assume(not comes_again(prefix))
        chunks = call_chunks("search", [prefix], finish=finish)
        _, parser = run(chunks)
        call = parser.result.tool_calls[0]
        try:
            value = read(prefix)
            whole_json = value is None or isinstance(value, dict)
        except ValueError:
            whole_json = False
        assert call.ready == (whole_json and finish in ("stop", "tool_calls"))
        assert (call.verdict in ("valid", "lenient", "empty")) == whole_json
        for ending in ("cancel", "fail"):
            parser = StreamParser()
            for piece in chunks:
                parser.feed(piece)
            assert not parser.result.tool_calls[0].ready
            parser.cancel() if ending == "cancel" else parser.fail("lost")
            assert not parser.result.tool_calls[0].ready


def test_executable_is_a_fact_however_often_the_stream_finishes():
    chunks = call_chunks("search", ["{}"], finish=None)
    for finishes, reason, ready in [
        (["tool_calls", "stop"], StopReasonType.tool_calls, True),
        (["stop", "tool_calls"], StopReasonType.tool_calls, True),
        (["length", "stop"], StopReasonType.max_tokens_exceeded, False),
        (["tool_calls", "length"], StopReasonType.max_tokens_exceeded, False),
    ]:
        _, parser = run([*chunks, *(chunk(finish=finish) for finish in finishes)])
        assert (parser.result.stop_reason, parser.result.tool_calls[0].ready) == (reason, ready)
