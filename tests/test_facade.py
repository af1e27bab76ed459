"""What consumers of the replaced class's later versions call: content and usage for a store, and what they rely on."""

import asyncio
import json
from contextlib import aclosing

import letta_client.types.agents as theirs
import pytest
from helpers import call_chunks, chunk, detail, said
from letta_client.types.agents.letta_streaming_response import LettaUsageStatistics

from streamfsm import (
    Limits,
    OmittedReasoningContent,
    OpenAIStreamingInterface,
    ReasoningContent,
    StreamParser,
    TextContent,
    ToolCallMessage,
    coalesce,
)
from streamfsm.client.overflow import is_context_overflow
from streamfsm.errors import StreamError
from streamfsm.messages import SummarizedReasoningContent, UsageStatistics, otid
from streamfsm.result import ErrorInfo

TEXT = [chunk(content="Hel"), chunk(content="lo"), chunk(finish="stop")]
SEARCH = call_chunks("search", ['{"thinking":"x",', '"q":1}'])
STOP = chunk(finish="stop")


def read(chunks, **options):
    interface = OpenAIStreamingInterface(**options)
    return list(interface.process_sync(iter(chunks))), interface


def content(*chunks, **options):
    return read([*chunks, STOP], **options)[1].get_content()


# -- content -----------------------------------------------------------------------------------------------------------

OMITTED = OmittedReasoningContent()
TEXT_PART = TextContent(text="Hello")


def summary(text, index=0, **fields):
    return {"type": "reasoning.summary", "index": index, "summary": text, **fields}


def encrypted(data, **fields):
    return {"type": "reasoning.encrypted", "index": 0, "data": data, **fields}


def summarized(*texts, item=None, data=None):
    parts = [{"index": index, "text": text} for index, text in enumerate(texts)]
    return SummarizedReasoningContent(id=item, summary=parts, encrypted_content=data)


@pytest.mark.parametrize(
    ("chunks", "options", "expected"),
    [
        ([], {}, []),
        (TEXT, {}, [TEXT_PART]),
        (SEARCH, {"use_assistant_message": True}, []),
        ([chunk(refusal="No")], {}, [TextContent(text="No")]),
        ([chunk(content="a"), *SEARCH[:-1], chunk(content="b")], {}, [TextContent(text="ab")]),
        (
            [chunk(content="Hel"), chunk(reasoning_content="Hm"), chunk(content="lo")],
            {},
            [ReasoningContent(reasoning="Hm"), TEXT_PART],
        ),
        (
            [chunk(reasoning_details=[detail("Hm", signature="s")]), *TEXT],
            {},
            [ReasoningContent(reasoning="Hm", signature="s"), TEXT_PART],
        ),
        (TEXT, {"model": "o3-mini"}, [OMITTED, TEXT_PART]),
        (TEXT, {"reasoning_model": True}, [OMITTED, TEXT_PART]),
        ([{**each, "model": "o3-mini"} for each in TEXT], {}, [OMITTED, TEXT_PART]),
        (
            [chunk(reasoning_content="Hm"), *TEXT],
            {"model": "o3-mini"},
            [ReasoningContent(reasoning="Hm"), TEXT_PART],
        ),
        ([chunk(reasoning_details=[encrypted("x")]), *TEXT], {}, [OMITTED, TEXT_PART]),
        (
            [chunk(reasoning_content="Hm"), chunk(reasoning_details=[encrypted("x")]), *TEXT],
            {},
            [ReasoningContent(reasoning="Hm"), TEXT_PART],
        ),
        (
            [chunk(reasoning_details=[summary("Pl")]), chunk(reasoning_details=[summary("an")]), *TEXT],
            {},
            [summarized("Plan"), TEXT_PART],
        ),
        (
            [
                chunk(reasoning_details=[summary("Plan")]),
                chunk(reasoning_details=[encrypted("x", id="rs_1")]),
                *TEXT,
            ],
            {},
            [summarized("Plan", item="rs_1", data="x"), TEXT_PART],
        ),
        (
            [
                chunk(reasoning_details=[summary("Plan", id="rs_1"), summary("Do", 1, id="rs_1")]),
                chunk(reasoning_details=[summary("Check", 2, id="rs_2")]),
            ],
            {},
            [summarized("Plan", "Do", item="rs_1"), summarized("Check", item="rs_2")],
        ),
        ([chunk(reasoning_details=[encrypted("x", id="rs_1")])], {}, [summarized(item="rs_1", data="x")]),
    ],
)
def test_content_is_reasoning_then_text(chunks, options, expected):
    assert content(*chunks, **options) == expected


def test_content_is_for_json():
    part = summarized("Plan", item="rs_1", data="x")
    assert part.model_dump(mode="json") == {
        "type": "summarized_reasoning",
        "id": "rs_1",
        "summary": [{"index": 0, "text": "Plan"}],
        "encrypted_content": "x",
    }


# -- an answer in the reasoning ----------------------------------------------------------------------------------------

ONLY_REASONING = [chunk(reasoning_content="For"), chunk(reasoning_content="ty"), STOP]


def test_an_answer_that_is_reasoning_only_is_handed_on_as_text_where_asked():
    messages, interface = read(ONLY_REASONING, reasoning_as_text=True)
    assert said(messages) == [("reasoning", "Forty"), ("assistant", "Forty")]
    assert interface.get_content() == [TextContent(text="Forty")]
    every = [*messages, interface.stop_reason]
    assert [message.seq_id for message in every] == [0, 1, 2, 3]
    ordinals = [[otid(interface.letta_message_id, number) for number in range(3)].index(each.otid) for each in every]
    assert ordinals == [0, 0, 1, 2]
    assert len(coalesce(every)) == 3


@pytest.mark.parametrize(
    ("chunks", "options"),
    [
        (ONLY_REASONING, {}),
        ([*ONLY_REASONING[:2], chunk(finish="length")], {"reasoning_as_text": True}),
        (ONLY_REASONING[:2], {"reasoning_as_text": True}),
        ([*ONLY_REASONING[:2], *SEARCH], {"reasoning_as_text": True}),
        ([*ONLY_REASONING[:2], *TEXT], {"reasoning_as_text": True}),
        (TEXT, {"reasoning_as_text": True}),
    ],
)
def test_reasoning_is_no_text_if_it_is_not_asked_or_not_a_whole_answer(chunks, options):
    messages, interface = read(chunks, **options)
    plain, other = read(chunks)
    assert said(messages) == said(plain)
    assert interface.get_content() == other.get_content()


# -- usage -------------------------------------------------------------------------------------------------------------

USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def test_usage_statistics_are_what_clients_read():
    _, interface = read([*TEXT, chunk(usage=USAGE)])
    found = interface.get_usage_statistics()
    assert found == UsageStatistics(
        prompt_tokens=10,
        completion_tokens=5,
        total_tokens=15,
        step_count=1,
        cached_input_tokens=4,
        cache_write_tokens=3,
        reasoning_tokens=2,
    )
    found.step_count = 7
    wire = json.loads(found.model_dump_json())
    read_back = LettaUsageStatistics.model_validate(wire)
    assert {name: value for name, value in read_back.to_dict().items() if value is not None} == wire
    assert read_back.step_count == 7
    assert interface.raw_usage == USAGE


def test_what_was_not_reported_is_not_zero_but_for_the_totals():
    _, interface = read(TEXT)
    assert interface.get_usage_statistics() == UsageStatistics()
    assert interface.raw_usage is None
    found = interface.get_usage_statistics()
    assert (found.cached_input_tokens, found.cache_write_tokens, found.reasoning_tokens) == (None, None, None)


@pytest.mark.parametrize(
    ("more", "written"),
    [
        ({"cache_creation_input_tokens": 0}, 0),
        ({"cache_write_tokens": 2}, 2),
        ({"input_tokens_details": {"cache_write_tokens": 3}}, 3),
        ({"prompt_tokens_details": {"cache_creation_tokens": 4}}, 4),
        ({"prompt_tokens_details": 1, "cache_write_tokens": "5", "cache_creation_input_tokens": True}, None),
    ],
)
def test_tokens_written_to_a_cache_have_many_names(more, written):
    _, interface = read([*TEXT, chunk(usage={"prompt_tokens": 1, **more})])
    assert interface.get_usage_statistics().cache_write_tokens == written


def test_counts_that_the_caller_wrote_or_that_were_made_here_are_used():
    _, interface = read(TEXT)
    interface.input_tokens = 8
    assert interface.get_usage_statistics().total_tokens == 8
    _, proxy = read(TEXT, is_openai_proxy=True, messages=[{"role": "user", "content": "Say hello"}])
    found = proxy.get_usage_statistics()
    assert found.prompt_tokens == proxy.fallback_input_tokens > 0
    assert found.completion_tokens == proxy.fallback_output_tokens > 0


# -- the model, before the first chunk ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "announced"),
    [
        ({"model": "gpt-5"}, True),
        ({"model": "openai/o3", "put_inner_thoughts_in_kwarg": False}, True),
        ({"model": "gpt-4.1"}, False),
        ({"model": "gpt-4.1", "reasoning_model": True}, True),
        ({"model": "gpt-5", "reasoning_model": False}, False),
        ({}, False),
    ],
)
def test_hidden_reasoning_of_the_model_that_was_asked_is_announced_before_the_first_chunk(options, announced):
    interface = OpenAIStreamingInterface(**options)
    read_so_far = []

    def chunks():
        for each in TEXT:
            read_so_far.append(each)
            yield each

    messages = interface.process_sync(chunks())
    first = next(messages)
    assert (first.message_type == "hidden_reasoning_message") == announced
    assert len(read_so_far) == (0 if announced else 1)
    rest = list(messages)
    assert [each.seq_id for each in [first, *rest]] == list(range(len(rest) + 1))
    assert "hidden_reasoning_message" not in [each.message_type for each in rest]


def test_hidden_reasoning_is_announced_asynchronously_too():
    async def first():
        async with aclosing(OpenAIStreamingInterface(model="o3").process(aiter_of(TEXT))) as messages:
            return await anext(messages)

    assert asyncio.run(first()).state == "omitted"


def test_the_model_is_the_caller_s_until_the_server_names_one():
    interface = OpenAIStreamingInterface(model="gpt-5")
    assert interface.model == "gpt-5"
    list(interface.process_sync(iter(TEXT)))
    assert interface.model == "gpt-4.1"


def test_it_is_too_late_to_announce_once_a_message_came():
    parser = StreamParser()
    assert [each.message_type for each in parser.announce_hidden()] == ["hidden_reasoning_message"]
    assert parser.announce_hidden() == []
    parser = StreamParser()
    parser.feed(TEXT[0])
    assert parser.announce_hidden() == []
    parser.close()
    assert parser.announce_hidden() == []


# -- calls in both forms -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "their_class"),
    [({}, theirs.ToolCallMessage), ({"requires_approval_tools": ["search"]}, theirs.ApprovalRequestMessage)],
)
def test_a_call_is_in_both_fields_that_clients_read(options, their_class):
    messages, _ = read(SEARCH, **options, put_inner_thoughts_in_kwarg=False)
    name, *_, last = messages
    assert isinstance(name, ToolCallMessage) != bool(options)
    for message in messages:
        wire = json.loads(message.model_dump_json())
        assert wire["tool_calls"] == wire["tool_call"] == message.tool_calls.model_dump()
        read_back = their_class.model_validate(wire)
        assert read_back.tool_calls.arguments == message.tool_call.arguments
    assert (name.tool_calls.name, last.tool_calls.arguments) == ("search", '"q":1}')
    (joined,) = coalesce(messages)
    assert joined.tool_calls == joined.tool_call
    assert joined.tool_calls.arguments == '{"thinking":"x","q":1}'


# -- how it ends -------------------------------------------------------------------------------------------------------


async def aiter_of(chunks, error=None):
    for each in chunks:
        yield each
    if error:
        raise error


class APIError(Exception):
    """As the ``openai`` client raises it."""

    code = "context_length_exceeded"


async def consume(messages, found):
    async for message in messages:
        found.append(message)


@pytest.mark.parametrize(
    ("chunks", "error", "raised"),
    [
        (TEXT[:1], APIError("Too long."), APIError),
        (TEXT[:1], ValueError("This model's maximum context length is 8192 tokens."), ValueError),
        ([TEXT[0], {"error": {"code": "context_length_exceeded", "message": "Too long."}}], None, StreamError),
    ],
)
def test_a_prompt_that_is_too_long_raises_without_a_stop_reason_first(chunks, error, raised):
    interface = OpenAIStreamingInterface()
    found = []
    with pytest.raises(raised):
        asyncio.run(consume(interface.process(aiter_of(chunks, error)), found))
    assert said(found) == [("assistant", "Hel")]
    assert interface.stop_reason.stop_reason == interface.result.stop_reason == "error"


@pytest.mark.parametrize(
    ("code", "message", "is_one"),
    [
        ("context_length_exceeded", "", True),
        (None, "prompt is too long: 205000 tokens > 200000 maximum", True),
        (None, "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).", True),
        (None, "Your input exceeds the context window of this model.", True),
        ("400", "the request exceeds the available context size", True),
        (None, "Context size exceeded", True),
        ("rate_limit_exceeded", "Request too large for gpt-4o on tokens per min", False),
        ("limit", "more than 4 characters of text", False),
        (None, "", False),
    ],
)
def test_servers_have_many_words_for_a_prompt_that_is_too_long(code, message, is_one):
    assert is_context_overflow(ErrorInfo(code=code, message=message)) == is_one


def test_a_response_that_outgrows_a_limit_of_ours_has_a_stop_reason():
    interface = OpenAIStreamingInterface(limits=Limits(text=2))
    found = []
    with pytest.raises(StreamError):
        asyncio.run(consume(interface.process(aiter_of(TEXT)), found))
    assert said(found)[-1] == ("stop", "error")


@pytest.mark.parametrize("thrown", [asyncio.CancelledError, GeneratorExit, KeyError])
def test_an_exception_thrown_into_the_stream_cancels_it_and_goes_on(thrown):
    closed = []

    async def wire():
        try:
            for each in TEXT:
                yield each
        finally:
            closed.append(True)

    async def cancelled():
        interface = OpenAIStreamingInterface()
        messages = interface.process(wire())
        await anext(messages)
        with pytest.raises(thrown):
            await messages.athrow(thrown())
        with pytest.raises(StopAsyncIteration):
            await anext(messages)
        return interface

    interface = asyncio.run(cancelled())
    assert closed == [True]
    assert interface.stop_reason.stop_reason == interface.result.stop_reason == "cancelled"
    assert interface.result.content == "Hel"
    assert interface.get_content() == [TextContent(text="Hel")]


# -- the whole response ------------------------------------------------------------------------------------------------


def test_the_final_response_is_that_of_the_event_which_ends_a_responses_stream():
    response = {"id": "resp_1", "status": "completed", "output": []}
    _, interface = read([{"type": "response.completed", "response": response}])
    assert interface.final_response == response
    data = json.dumps({"type": "response.completed", "response": response}).encode()
    _, interface = read([b"data: " + data[:20], data[20:] + b"\n\n"])
    assert interface.final_response == response
    _, interface = read(TEXT)
    assert interface.final_response is None


def test_before_the_first_chunk_there_is_no_content():
    assert OpenAIStreamingInterface().get_content() == []
