"""The message that goes back to the server: what it holds, and that the client takes it."""

import json
import pickle
from typing import get_args

import pytest
from helpers import ID, call, chunk, run
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionAssistantMessageParam
from pydantic import BaseModel, TypeAdapter, ValidationError
from streams import streams

from streamfsm import ArgumentsError, MisuseError, OpenAIStreamingInterface, ParsedCall, StreamParser, StreamResult
from streamfsm.core.text import without_surrogates
from streamfsm.messages import made_up_id
from streamfsm.result import CallsBack, ReasoningBack
from streamfsm.testing import accented, chunkings, dialects, faults

PARAM = TypeAdapter(ChatCompletionAssistantMessageParam)
CLOSED, CUT, BROKEN = '{"q":1}', '{"q":', "{q}"
CALL = chunk(call(0, "call_1", "f", CLOSED))


def check(message):
    """The client's own type takes it, and JSON holds it; keys of a vendor are none of the type's business."""
    assert json.loads(json.dumps(message)) == message
    if not isinstance(message["content"], list):  # parts of reasoning, which only the server's own type knows
        calls = PARAM.validate_python(message).get("tool_calls", ())
        assert [each["id"] for each in calls] == [each["id"] for each in message.get("tool_calls", ())]


def result_of(*chunks, finish="tool_calls"):
    return run([*chunks, chunk(finish=finish)] if finish else chunks)[1].result


def back(*chunks, finish="tool_calls", **policy):
    """What goes back of a stream."""
    result = result_of(*chunks, finish=finish)
    message = result.assistant_message(**policy)
    check(message)
    assert StreamResult.model_validate_json(result.model_dump_json()).assistant_message(**policy) == message
    assert result.choices[0].assistant_message(**policy) == message
    assert message.pop("role") == "assistant"
    return message


def entry(call_id, name="f", arguments=CLOSED):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


# -- texts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([chunk(content="Hi")], {"content": "Hi"}),
        ([chunk(content="Hi"), CALL], {"content": "Hi", "tool_calls": [entry("call_1")]}),
        ([CALL], {"content": None, "tool_calls": [entry("call_1")]}),
        ([chunk(refusal="No")], {"content": None, "refusal": "No"}),
        (
            [chunk(audio={"id": "audio_1"}), chunk(audio={"transcript": "Hi"}), chunk(audio={"data": "aGk="})],
            {"content": None, "audio": {"id": "audio_1"}},
        ),
        ([chunk(audio="?")], {"content": ""}),
        ([chunk()], {"content": ""}),
    ],
)
def test_texts_go_back_where_the_client_has_them(chunks, message):
    assert back(*chunks) == message


def test_of_nothing_an_empty_message_goes_back():
    message = StreamParser().result.assistant_message()
    check(message)
    assert message == {"role": "assistant", "content": ""}


def test_speech_of_the_message_tool_stays_in_its_call():
    arguments = '{"thinking":"Hm","message":"Hi"}'
    message = back(chunk(call(0, "call_1", "send_message", arguments)))
    assert message == {"content": None, "tool_calls": [entry("call_1", "send_message", arguments)]}


def test_each_choice_goes_back_alone():
    result = result_of(chunk(content="a"), chunk(content="b", choice=1))
    assert [each.assistant_message()["content"] for each in result.choices] == ["a", "b"]


def test_an_answer_that_is_spread_over_choices_goes_back_as_one_message():
    calls = [chunk(call(at, "a", "f", CLOSED), choice=1) for at in (0, 1)]
    first = chunk(content="Hi", reasoning_opaque="x", finish="tool_calls")
    result = run([first, *calls, chunk(choice=1, finish="tool_calls")])[1].result
    message = result.assistant_message()
    check(message)
    sent = [entry("a"), entry(made_up_id(ID, 1, 1))]
    assert message == {"role": "assistant", "content": "Hi", "reasoning_opaque": "x", "tool_calls": sent}
    assert (result.answer, result.ready_calls) == ([0, 1], result.choices[1].ready_calls)


# -- calls -------------------------------------------------------------------------------------------------------------

POLICIES = {
    "whole": (chunk(call(0, "c", "f", CLOSED)), "tool_calls", "ready closed all"),
    "whole, the answer cut": (chunk(call(0, "c", "f", CLOSED)), "length", "closed all"),
    "whole, no finish": (chunk(call(0, "c", "f", CLOSED)), None, "closed all"),
    "without arguments": (chunk(call(0, "c", "f", "")), "tool_calls", "ready closed all"),
    "without arguments, the answer cut": (chunk(call(0, "c", "f", "")), "length", "all"),
    "cut": (chunk(call(0, "c", "f", CUT)), "length", "all"),
    "not JSON": (chunk(call(0, "c", "f", BROKEN)), "tool_calls", "all"),
    "with more after it": (chunk(call(0, "c", "f", CLOSED + "x")), "tool_calls", "all"),
    "nameless": (chunk(call(0, "c", None, CLOSED)), "tool_calls", ""),
}


@pytest.mark.parametrize(("call_chunk", "finish", "under"), POLICIES.values(), ids=POLICIES)
def test_the_policy_decides_which_calls_go_back(call_chunk, finish, under):
    going = [policy for policy in get_args(CallsBack) if "tool_calls" in back(call_chunk, finish=finish, calls=policy)]
    assert going == under.split()
    assert ("tool_calls" in back(call_chunk, finish=finish)) is ("closed" in under)


def test_arguments_go_back_verbatim():
    arguments = '{ "a" : 1.0e5,"b":"\\u00e9", "a":"\\ud83d" }'
    assert back(chunk(call(0, "c", "f", arguments)))["tool_calls"] == [entry("c", arguments=arguments)]
    assert back(chunk(call(0, "c", "f", BROKEN)), calls="all")["tool_calls"] == [entry("c", arguments=BROKEN)]


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ("", "{}"),
        ("null", "{}"),
        ('{"a":"x\ny\t\\"\x00",\n"b\r":1}', '{"a":"x\\u000ay\\u0009\\"\\u0000",\n"b\\u000d":1}'),
    ],
)
def test_what_strict_readers_refuse_of_arguments_goes_back_as_they_take_it(arguments, sent):
    (only,) = back(chunk(call(0, "c", "f", arguments)))["tool_calls"]
    assert only == entry("c", arguments=sent)
    assert json.loads(sent) == (json.loads(arguments or "null", strict=False) or {})


def test_what_a_custom_tool_takes_goes_back_as_its_input():
    parsed = ParsedCall(index=0, id="c", tool_call_id="c", name="f", arguments="+ a", verdict="text", ready=True)
    assert parsed.as_tool_call() == {"id": "c", "type": "custom", "custom": {"name": "f", "input": "+ a"}}
    cut = parsed.model_copy(update={"ready": False})
    assert (parsed.is_closed, cut.is_closed) == (True, False)


def test_the_facade_leaves_out_calls_without_a_name():
    interface = OpenAIStreamingInterface()
    assert list(interface.process_sync([chunk(call(0, "c", None, CLOSED)), chunk(finish="tool_calls")])) == []
    assert interface.get_tool_call_objects() == []


def test_the_facade_has_calls_of_custom_tools():
    piece = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "patch", "input": "+ a"}}
    chunks = [chunk(piece), chunk({"index": 0, "custom": {"input": "\n+ a"}}), chunk(finish="tool_calls")]
    interface = OpenAIStreamingInterface()
    assert list(interface.process_sync(chunks))
    (only,) = interface.get_tool_call_objects()
    assert (only.function.name, only.function.arguments) == ("patch", "+ a\n+ a")
    sent = {"id": "c", "type": "custom", "custom": {"name": "patch", "input": "+ a\n+ a"}}
    assert only.model_dump() == interface.result.tool_calls[0].as_tool_call() == sent


# -- ids ---------------------------------------------------------------------------------------------------------------


def made(position, choice=0):
    return made_up_id(ID, choice, position)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a"], ["a", made(1)]),
        (["a", "a", "a"], ["a", made(1), made(2)]),
        ([None, None], [made(0), made(1)]),
        ([None, "a", None, "a"], [made(0), "a", made(2), made(3)]),
        (["null", ""], [made(0), made(1)]),
    ],
)
def test_ids_are_unique_and_the_first_holder_keeps_its_own(ids, expected):
    result = result_of(*(chunk(call(at, call_id, "f", CLOSED)) for at, call_id in enumerate(ids)))
    assert [each.tool_call_id for each in result.tool_calls] == expected
    assert [each["id"] for each in result.assistant_message()["tool_calls"]] == expected


def test_made_up_ids_of_two_choices_differ():
    result = result_of(*(chunk(call(0, None, "f", CLOSED), choice=choice) for choice in (0, 1)))
    assert [each.tool_calls[0].tool_call_id for each in result.choices] == [made(0), made(0, choice=1)]
    assert made(0) != made(0, choice=1)


def test_the_facade_sends_the_same_ids_and_fields():
    signed = {**call(1, "a", "f", CLOSED), "extra_content": {"google": {"thought_signature": "s"}}}
    chunks = [
        chunk(call(0, "a", "f", '{"a":"\n"}')),
        chunk(signed),
        chunk(call(2, None, "f", "")),
        chunk(finish="stop"),
    ]
    interface = OpenAIStreamingInterface()
    assert list(interface.process_sync(chunks))
    objects = interface.get_tool_call_objects()
    sent = interface.result.assistant_message(calls="all")["tool_calls"]
    assert [{**each.model_dump(), "function": None} for each in objects] == [
        {**each, "function": None} for each in sent
    ]
    assert [each.function.arguments for each in objects] == ['{"a":"\n"}', CLOSED, ""]
    assert interface.get_tool_call_object() == objects[0]
    assert interface.tool_call_id == "a"


# -- what the provider needs -------------------------------------------------------------------------------------------


def test_what_a_provider_added_to_a_call_goes_back_with_it():
    extras = {"extra_content": {"google": {"thought_signature": "s"}}, "provider_specific_fields": {"a": 1}}
    chunks = [
        chunk({**call(0, "a", "f"), **extras}),
        chunk({**call(0, arguments=CLOSED), "provider_specific_fields": {"b": 2}, "empty": {}}),
        chunk(call(1, "b", "f", CLOSED)),
    ]
    extras["provider_specific_fields"] = {"a": 1, "b": 2}
    assert back(*chunks)["tool_calls"] == [{**entry("a"), **extras}, entry("b")]


def test_what_a_provider_added_never_hides_what_was_read():
    result = result_of(CALL)
    result.tool_calls[0].extras.update(id=["x"], function=[{"name": "x", "more": 1}])
    sent = entry("call_1")
    assert result.tool_calls[0].as_tool_call() == {**sent, "function": {**sent["function"], "more": 1}}


def test_fields_of_the_message_go_back_by_name():
    chunks = [
        chunk(content="Hi", extra_content={"google": {"thought_signature": "s"}}, annotations=[1]),
        chunk(annotations=[2]),
    ]
    assert back(*chunks) == {"content": "Hi", "extra_content": {"google": {"thought_signature": "s"}}}
    assert back(*chunks, extras=["annotations"]) == {"content": "Hi", "annotations": [2]}
    assert back(*chunks, extras=()) == {"content": "Hi"}


def test_changing_what_goes_back_changes_no_result():
    result = result_of(chunk({**call(0, "a", "f", CLOSED), "extra_content": {"x": {}}}, extra_content={"x": {}}))
    before = result.model_dump()
    message = result.assistant_message()
    message["extra_content"]["x"]["y"] = message["tool_calls"][0]["extra_content"]["x"]["y"] = 1
    assert result.model_dump() == before


# -- reasoning ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "reasoning_text"])
def test_plain_reasoning_goes_back_in_its_own_field_and_beside_calls_only(name):
    thought = [chunk(content="Hi"), chunk(**{name: "a"}), chunk(**{name: "b"})]
    assert back(*thought, CALL)[name] == "ab"
    found = {policy: back(*thought, reasoning=policy) for policy in get_args(ReasoningBack)}
    assert found == {"auto": {"content": "Hi"}, "omit": {"content": "Hi"}, "keep": {"content": "Hi", name: "ab"}}
    assert name not in back(*thought, CALL, reasoning="omit")
    assert name not in back(*thought, chunk(call(0, "c", "f", CUT)))  # whose call does not go back


def test_reasoning_that_came_in_two_fields_goes_back_in_the_preferred_one():
    message = back(chunk(reasoning="a", reasoning_content="a"), CALL)
    assert (message["reasoning_content"], "reasoning" in message) == ("a", False)


def test_structured_reasoning_goes_back_as_it_came():
    details = [
        {"type": "reasoning.text", "index": 0, "text": "ab", "signature": "s"},
        {"type": "reasoning.summary", "index": 1, "summary": "c"},
        {"type": "reasoning.encrypted", "index": 2, "id": "rs_1", "data": "d"},
    ]
    first = [{**details[0], "text": "a", "signature": None}, details[1]]
    chunks = [chunk(reasoning="ac", reasoning_details=first), chunk(reasoning="b", reasoning_details=[details[2]])]
    chunks.append(chunk(content="Hi", reasoning_details=[{**details[0], "text": "b"}]))
    assert back(*chunks, finish="stop")["reasoning_details"] == details
    assert back(*chunks, finish="stop", reasoning="omit") == {"content": "Hi"}


def test_unread_fields_of_a_detail_go_back_with_it():
    result = result_of(chunk(reasoning_details=[{"type": "reasoning.text", "text": "a"}]))
    result.choices[0].reasoning_details[0].extras["format"] = ["v1"]
    part = {"type": "reasoning.text", "text": "a", "format": "v1"}
    assert result.assistant_message()["reasoning_details"] == [part]


def test_blocks_and_opaque_reasoning_go_back_as_they_came():
    thinking = {"type": "thinking", "thinking": "ab", "signature": "s"}
    redacted = {"type": "redacted_thinking", "data": "d"}
    pieces = [{**thinking, "thinking": "a", "signature": ""}, {**thinking, "thinking": "b"}, redacted]
    chunks = [chunk(reasoning_content=each.get("thinking"), thinking_blocks=[each]) for each in pieces]
    message = back(*chunks, CALL)
    assert (message["thinking_blocks"], message["reasoning_content"]) == ([thinking, redacted], "ab")
    message = back(chunk(reasoning_text="a"), chunk(reasoning_opaque="x"), chunk(content="Hi"))
    assert message == {"content": "Hi", "reasoning_text": "a", "reasoning_opaque": "x"}


def test_signed_parts_of_the_content_go_back_before_its_text():
    thinking = {"type": "thinking", "thinking": "a", "signature": "s"}
    message = back(chunk(content=[thinking]), chunk(content=[{"type": "text", "text": "Hi"}]))
    assert message == {"content": [thinking, {"type": "text", "text": "Hi"}]}
    assert back(chunk(content=[thinking]), CALL)["content"] == [thinking]
    assert back(chunk(content=[thinking]), reasoning="omit") == {"content": ""}


def test_summaries_in_the_content_go_back_as_they_came():
    summary = {"type": "summary_text", "text": "a", "signature": "s"}
    message = back(chunk(content=[{"type": "reasoning", "summary": [summary]}]), chunk(content="Hi"))
    assert message["content"] == [{"type": "reasoning", "summary": [summary]}, {"type": "text", "text": "Hi"}]


def test_unsigned_parts_of_the_content_go_back_as_plain_reasoning_does():
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}
    text = {"type": "text", "text": "Hi"}
    chunks = [chunk(content=[thinking]), chunk(content=[text])]
    assert back(*chunks) == {"content": "Hi"}
    assert back(*chunks, reasoning="keep") == {"content": [thinking, text]}
    assert back(*chunks, CALL)["content"] == [thinking, text]


@given(st.data(), streams(), dialects(), st.none() | faults())
def test_whatever_came_what_goes_back_is_sound(data, stream, quirks, fault):
    chunks = accented(data.draw(chunkings(stream)), quirks)
    result = run(chunks if fault is None else fault(chunks).plain())[1].result
    for choice in result.choices:
        for reasoning in get_args(ReasoningBack):
            for calls in get_args(CallsBack):
                check(choice.assistant_message(reasoning=reasoning, calls=calls))
        sent = choice.assistant_message().get("tool_calls", [])
        ids = [each.tool_call_id for each in choice.tool_calls]
        assert len(set(ids)) == len(ids)
        closed = {each["id"]: json.loads(each["function"]["arguments"]) for each in sent}
        assert all(type(arguments) is dict for arguments in closed.values())
        for each in choice.ready_calls:
            text = json.dumps(closed[each.tool_call_id], ensure_ascii=False)
            assert json.loads(without_surrogates(text)) == each.parse()


# -- ready calls -------------------------------------------------------------------------------------------------------


class Query(BaseModel):
    q: int


class Text(Query):
    text: str


class Named(Query):
    name: str


def test_ready_calls_are_those_that_may_be_run_and_tell_their_arguments():
    chunks = [chunk(call(0, "a", "f", CLOSED)), chunk(call(1, "b", "f", '{"q":"\n"}')), chunk(call(2, "c", "f", ""))]
    result = result_of(*chunks, chunk(call(0, "d", "f", '{"thinking":"Hm","q":2}'), choice=1, finish="tool_calls"))
    assert result.ready_calls == result.tool_calls == result.choices[0].ready_calls
    assert [each.parse() for each in result.ready_calls] == [{"q": 1}, {"q": "\n"}, {}]
    assert result.ready_calls[0].parse(Query) == Query(q=1)
    (other,) = result.choices[1].ready_calls
    assert (other.parse(), other.parse(Query)) == ({"thinking": "Hm", "q": 2}, Query(q=2))
    with pytest.raises(ValidationError):
        result.ready_calls[1].parse(Query)


@pytest.mark.parametrize(("arguments", "finish"), [(CLOSED, "length"), (CUT, "tool_calls"), (BROKEN, "tool_calls")])
def test_the_arguments_of_a_call_that_is_not_ready_are_refused(arguments, finish):
    result = result_of(chunk(call(0, "c", "f", arguments)), finish=finish)
    assert result.ready_calls == []
    (parsed,) = result.tool_calls
    for model in (None, Query):
        with pytest.raises(ArgumentsError, match="'f' is not ready") as caught:
            parsed.parse(model)
        for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):  # noqa: S301 - our own
            assert (error.name, error.arguments, error.verdict) == ("f", arguments, parsed.verdict)
            assert (error.error_offset, str(error)) == (parsed.error_offset, str(caught.value))


def test_thoughts_are_taken_out_of_the_arguments():
    (ready,) = result_of(chunk(call(0, "c", "f", '{"thinking":"Hm","q":2}'))).ready_calls
    assert ready.arguments_without("thinking", "plan") == {"q": 2}
    assert ready.arguments_without() == ready.parse()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\ud800x", "\ufffdx"),
        (r"x\uDC00", "x\ufffd"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\ud83d\ude00\ud83d", "😀\ufffd"),
        ("\ud83d", "\ufffd"),
        (r"\\ud800", r"\ud800"),
    ],
)
def test_a_lone_surrogate_in_arguments_is_replaced_with_and_without_a_model(written, read):
    (ready,) = result_of(chunk(call(0, "c", "f", f'{{"q":1,"text":"{written}"}}'))).ready_calls
    assert ready.parse() == {"q": 1, "text": read}
    assert ready.parse(Text) == Text(q=1, text=read)
    with pytest.raises(ValidationError, match="name"):
        ready.parse(Named)


def test_arguments_that_only_python_decodes_fit_a_model():
    deep = "[" * 500 + "]" * 500
    (ready,) = result_of(chunk(call(0, "c", "f", f'{{"q":1,"a":{deep}}}'))).ready_calls
    assert ready.parse(Query) == Query(q=1)


def test_what_is_hosted_is_closed_but_does_not_go_back():
    fields = {"index": 0, "id": "c", "tool_call_id": "c", "name": "f", "arguments": "{}", "verdict": "valid"}
    own, hosted = ParsedCall(**fields, ready=True), ParsedCall(**fields, ready=False, hosted=True)
    assert (own.is_closed, own.goes_back) == (True, True)
    assert (hosted.is_closed, hosted.goes_back) == (True, False)


def test_what_is_text_or_cannot_be_decoded_is_refused():
    parsed = ParsedCall(index=0, id="c", tool_call_id="c", name="f", arguments="+ a", verdict="text", ready=True)
    with pytest.raises(MisuseError, match="takes text"):
        parsed.parse()
    for arguments in ('{"a":' + "9" * 5000 + "}", '{"a":' + "[" * 100_000 + "]" * 100_000 + "}"):
        (ready,) = result_of(chunk(call(0, "c", "f", arguments))).ready_calls
        with pytest.raises(MisuseError, match="cannot be decoded"):
            ready.parse()
