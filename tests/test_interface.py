"""The façade: its names, what it yields and what it keeps. Its life on a real wire is in test_lifecycle.py."""

import asyncio
import inspect
import json
import logging
import re
import subprocess
import sys
from contextlib import aclosing
from threading import Event
from typing import get_args

import pytest
from helpers import call, call_chunks, chunk, run, said
from letta_client._models import construct_type
from letta_client.types import StopReasonType as TheirStopReasonType
from letta_client.types.agents import MessageType
from letta_client.types.agents.letta_streaming_response import LettaStreamingResponse

from streamfsm import (
    Limits,
    OmittedReasoningContent,
    OpenAIStreamingInterface,
    ReasoningContent,
    StopReasonType,
    TextContent,
)
from streamfsm.client import tokens
from streamfsm.errors import MisuseError, StreamError, StreamTimeout

SPEECH = call_chunks("send_message", list('{"thinking":" Hm. ","message":"Hi"}'))
SEARCH = call_chunks("search", ['{"thinking":"x",', '"q":1}'])
TEXT = [chunk(content="Hel"), chunk(content="lo"), chunk(finish="stop")]


class Wire:
    """An asynchronous stream of chunks, then of an error, that tells whether it was closed."""

    def __init__(self, chunks, error=None):
        self.chunks, self.error, self.closed = iter(chunks), error, 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        for each in self.chunks:
            return each
        if self.error:
            raise self.error
        raise StopAsyncIteration

    async def aclose(self):
        self.closed += 1


class Span:
    def __init__(self):
        self.events = []

    def add_event(self, name, attributes):
        self.events.append((name, attributes))


def read(chunks, span=None, error=None, **options):
    """All that a new interface yields for ``chunks`` and then ``error``, which goes on; and the interface."""
    interface = OpenAIStreamingInterface(**options)
    wire = Wire(chunks, error)
    messages = []

    async def consume():
        async for message in interface.process(wire, span):
            messages.append(message)  # noqa: PERF401 - what came before an error counts

    if error:
        with pytest.raises(type(error)) as caught:
            asyncio.run(consume())
        assert caught.value is error
    else:
        asyncio.run(consume())
    assert wire.closed == 1
    return messages, interface


def read_sync(chunks, span=None, **options):
    interface = OpenAIStreamingInterface(**options)
    return list(interface.process_sync(iter(chunks), span)), interface


both = pytest.mark.parametrize("read", [read, read_sync], ids=["async", "sync"])


# -- what it yields ----------------------------------------------------------------------------------------------------


def test_the_constructor_takes_what_the_replaced_class_took_in_its_order():
    names = list(inspect.signature(OpenAIStreamingInterface).parameters)
    old = ["use_assistant_message", "is_openai_proxy", "messages", "tools", "put_inner_thoughts_in_kwarg"]
    assert names[:5] == old
    assert {"requires_approval_tools", "run_id", "step_id", "cancellation_event"} <= set(names[5:])
    assert OpenAIStreamingInterface(True, False, None, None, False).use_assistant_message


@both
def test_it_yields_the_parser_s_messages_but_the_stop_reason_which_it_keeps(read):
    messages, interface = read(SPEECH, use_assistant_message=True, run_id="run-1", step_id="step-1")
    expected, _ = run(SPEECH, message_id=interface.letta_message_id, run_id="run-1", step_id="step-1")
    drop = {"date"}
    assert [m.model_dump(exclude=drop) for m in messages] == [m.model_dump(exclude=drop) for m in expected[:-1]]
    assert interface.stop_reason.model_dump(exclude=drop) == expected[-1].model_dump(exclude=drop)


def test_calls_of_the_message_tool_are_tool_calls_unless_assistant_messages_are_wanted():
    thought, rest = ("reasoning", " Hm. "), ("arguments", '"message":"Hi"}')
    assert said(read(SPEECH)[0]) == [("name", "send_message"), ("arguments", "{"), thought, rest]
    assert said(read(SPEECH, use_assistant_message=True)[0]) == [thought, ("assistant", "Hi")]
    other = call_chunks("say", ['{"text":"Hi"}'])
    options = {"use_assistant_message": True, "assistant_tool": "say", "assistant_kwarg": "text"}
    assert said(read(other, **options)[0]) == [("assistant", "Hi")]


def test_thoughts_are_arguments_unless_they_are_looked_for():
    messages, _ = read(SEARCH, put_inner_thoughts_in_kwarg=False)
    assert said(messages) == [("name", "search"), ("arguments", '{"thinking":"x","q":1}')]
    messages, _ = read(call_chunks("search", ['{"plan":"x"}']), inner_thoughts_kwarg=("thinking", "plan"))
    assert ("reasoning", "x") in said(messages)


def test_tools_that_need_approval_are_announced_as_requests_for_the_whole_call():
    chunks = [chunk(call(0, "c", "search", "{")), chunk(call(0, arguments="}"), call(1, "d", "look", "{}"))]
    messages, _ = read([*chunks, chunk(finish="tool_calls")], requires_approval_tools=["search"])
    kinds = [(m.message_type, m.tool_call.tool_call_id) for m in messages]
    assert set(kinds) == {("approval_request_message", "c"), ("tool_call_message", "d")}
    assert kinds.count(("approval_request_message", "c")) == 3


@pytest.mark.parametrize(
    ("model", "options", "announced"),
    [
        ("o3-mini", {"put_inner_thoughts_in_kwarg": False}, True),
        ("openai/gpt-5", {"put_inner_thoughts_in_kwarg": False}, True),
        ("gpt-5-chat-latest", {"put_inner_thoughts_in_kwarg": False}, False),
        ("gpt-4.1", {"put_inner_thoughts_in_kwarg": False}, False),
        ("gpt-4.1", {"put_inner_thoughts_in_kwarg": False, "reasoning_model": True}, True),
        ("o3-mini", {"put_inner_thoughts_in_kwarg": False, "reasoning_model": False}, False),
        ("o3-mini", {}, False),
    ],
)
def test_hidden_reasoning_is_announced_once_before_the_first_visible_message(model, options, announced):
    messages, interface = read([{**each, "model": model} for each in SEARCH], **options)
    kinds = [message.message_type for message in messages]
    assert kinds.count("hidden_reasoning_message") == announced
    assert (kinds[0] == "hidden_reasoning_message") == interface.emitted_hidden_reasoning == announced


@both
def test_one_interface_reads_one_stream(read):
    _, interface = read(TEXT)
    with pytest.raises(MisuseError, match="one stream"):
        next(interface.process_sync(iter(TEXT)))
    with pytest.raises(MisuseError, match="one stream"):
        asyncio.run(anext(interface.process(Wire(TEXT))))


# -- what it keeps -----------------------------------------------------------------------------------------------------


def test_before_a_chunk_came_everything_is_there_and_empty():
    interface = OpenAIStreamingInterface()
    assert interface.letta_message_id.startswith("message-")
    assert (interface.message_id, interface.model, interface.stop_reason) == (None, None, None)
    assert (interface.input_tokens, interface.output_tokens) == (0, 0)
    assert (interface.fallback_input_tokens, interface.fallback_output_tokens) == (0, 0)
    assert (interface.tool_call_name, interface.tool_call_id, interface.current_function_arguments) == (None, None, "")
    assert (interface.last_flushed_function_name, interface.last_flushed_function_id) == (None, None)
    assert interface.prev_assistant_message_id is None
    assert (interface.reasoning_messages, interface.emitted_hidden_reasoning) == ([], False)
    assert interface.get_reasoning_content() == [TextContent(text="")]
    assert interface.get_tool_call_objects() == []
    with pytest.raises(ValueError, match="no tool call"):
        interface.get_tool_call_object()


@both
def test_after_a_call_its_parts_are_there(read):
    _, interface = read(SEARCH)
    raw = '{"thinking":"x","q":1}'
    assert (interface.tool_call_name, interface.tool_call_id) == ("search", "call_1")
    assert (interface.last_flushed_function_name, interface.last_flushed_function_id) == ("search", "call_1")
    assert interface.current_function_arguments == raw
    expected = {"id": "call_1", "type": "function", "function": {"name": "search", "arguments": raw}}
    assert interface.get_tool_call_object().model_dump() == expected
    assert interface.reasoning_messages == ["x"]
    assert interface.prev_assistant_message_id is None
    assert (interface.message_id, interface.model) == ("chatcmpl-1", "gpt-4.1")
    assert interface.stop_reason.stop_reason is StopReasonType.tool_calls
    assert interface.result.tool_calls[0].ready


def test_the_latest_call_of_the_message_tool_is_named_where_it_is_speech():
    chunks = [chunk(call(at, f"call_{at}", name, '{"message":"x"}')) for at, name in enumerate(["send_message"] * 2)]
    assert read(chunks, use_assistant_message=True)[1].prev_assistant_message_id == "call_1"
    assert read(chunks)[1].prev_assistant_message_id is None


def test_parallel_calls_are_all_there_in_order_of_start():
    chunks = [chunk(call(1, "b", "g", "{}"), call(0, "a", "f", "{}")), chunk(finish="tool_calls")]
    _, interface = read(chunks)
    assert [each.id for each in interface.get_tool_call_objects()] == ["b", "a"]
    assert interface.get_tool_call_object().id == interface.tool_call_id == "b"


def test_the_id_and_model_are_the_first_that_are_not_empty_and_the_message_id_never_changes():
    interface = OpenAIStreamingInterface()
    before = interface.letta_message_id
    for each in interface.process_sync([{**TEXT[0], "id": "", "model": ""}, *TEXT]):
        assert each.id == before
    assert (interface.message_id, interface.model, interface.letta_message_id) == ("chatcmpl-1", "gpt-4.1", before)


NATIVE = [chunk(reasoning_content=" deep "), chunk(content="Hi"), chunk(finish="stop")]
SIGNED = [
    chunk(reasoning="deep", reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "deep"}]),
    chunk(reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "", "signature": "s"}]),
]
BOTH = [chunk(reasoning_content="deep"), *SEARCH]
OMITTED = [{**each, "model": "o3-mini"} for each in TEXT]


@pytest.mark.parametrize(
    ("chunks", "options", "content"),
    [
        ([], {}, [TextContent(text="")]),
        (TEXT, {}, [TextContent(text="")]),
        (SPEECH, {}, [TextContent(text="Hm.")]),
        (NATIVE, {}, [ReasoningContent(reasoning=" deep ")]),
        (SIGNED, {}, [ReasoningContent(reasoning="deep", signature="s")]),
        (BOTH, {}, [ReasoningContent(reasoning="deep"), TextContent(text="x")]),
        (OMITTED, {}, [OmittedReasoningContent()]),
        (OMITTED, {"put_inner_thoughts_in_kwarg": False}, [OmittedReasoningContent()]),
        (OMITTED, {"reasoning_model": False}, [TextContent(text="")]),
        (TEXT, {"reasoning_model": True}, [OmittedReasoningContent()]),
        ([{**each, "model": "o3-mini"} for each in SPEECH], {}, [TextContent(text="Hm.")]),
    ],
)
def test_reasoning_content_is_what_was_shown_or_says_that_nothing_was(chunks, options, content):
    assert read(chunks, **options)[1].get_reasoning_content() == content


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("span", [None, Span()], ids=["no span", "span"])
def test_an_error_of_the_wire_gives_one_stop_reason_and_goes_on(span):
    error = OSError("lost")
    messages, interface = read(SPEECH[:20], span, error, use_assistant_message=True)
    assert [m.message_type for m in messages].count("stop_reason") == 1
    assert messages[-1] is interface.stop_reason
    assert (messages[-1].stop_reason, messages[-1].is_err) == (StopReasonType.error, True)
    assert interface.result.error.message == "lost"
    assert interface.result.tool_calls[0].verdict == "incomplete"
    if span:
        attributes = dict(span.events)["stop_reason"]
        assert (attributes["stop_reason"], attributes["error"]) == ("error", "lost")
        assert "Traceback" in attributes["stacktrace"]
        assert attributes["stacktrace"].endswith("OSError: lost\n")


def test_an_error_of_the_wire_goes_on_from_the_synchronous_twin():
    def wire():
        yield TEXT[0]
        raise OSError("lost")

    interface = OpenAIStreamingInterface()
    messages = interface.process_sync(wire())
    assert next(messages).content == "Hel"
    assert next(messages).stop_reason is StopReasonType.error
    with pytest.raises(OSError, match="lost"):
        next(messages)


@pytest.mark.parametrize(
    ("chunks", "options", "code"),
    [
        ([*TEXT[:1], {"error": {"message": "overloaded", "code": 503}}], {}, "503"),
        (TEXT, {"limits": Limits(text=3)}, "limit"),
    ],
)
def test_an_error_that_the_parser_finds_is_a_typed_error(chunks, options, code):
    interface = OpenAIStreamingInterface(**options)
    wire = Wire([*chunks, chunk(content="never read")])
    seen = []

    async def consume():
        async for message in interface.process(wire):
            seen.append(message)  # noqa: PERF401 - what came before an error counts

    with pytest.raises(StreamError) as caught:
        asyncio.run(consume())
    assert caught.value.code == code
    assert [message.message_type for message in seen] == ["assistant_message", "stop_reason"]
    assert wire.closed == 1


class Failing:
    def add_event(self, name, attributes):
        raise RuntimeError(name, attributes)

    def __call__(self, record):
        raise RuntimeError(record)

    def filter(self, record):
        raise RuntimeError(record)


def test_a_failing_span_trace_or_logger_never_masks_the_stream_s_own_error(caplog):
    caplog.set_level(logging.INFO, "streamfsm")
    failing = Failing()
    error = OSError("lost")
    messages, _ = read(TEXT[:2], failing, error, trace=failing)
    assert said(messages) == [("assistant", "Hello"), ("stop", "error")]
    assert "failed" in caplog.text
    logger = logging.getLogger("streamfsm")
    logger.addFilter(failing)
    try:
        messages, _ = read(TEXT[:2], failing, error, trace=failing)
    finally:
        logger.removeFilter(failing)
    assert said(messages) == [("assistant", "Hello"), ("stop", "error")]


def test_what_is_no_asynchronous_stream_is_an_error_like_any_other():
    async def consume():
        messages = OpenAIStreamingInterface().process(7)
        assert (await anext(messages)).stop_reason is StopReasonType.error
        with pytest.raises(TypeError):
            await anext(messages)

    asyncio.run(consume())


def test_what_is_no_stream_is_an_error_like_any_other():
    interface = OpenAIStreamingInterface()
    messages = interface.process_sync(7)  # type: ignore[arg-type]
    assert next(messages).stop_reason is StopReasonType.error
    with pytest.raises(TypeError):
        next(messages)


# -- cancellation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", range(4))
def test_a_set_event_ends_the_stream_at_the_next_chunk_without_raising(after):
    async def consume():
        event = asyncio.Event()
        interface = OpenAIStreamingInterface(cancellation_event=event)
        wire = Wire([chunk(content=str(at)) for at in range(4)])
        seen = []
        if after == 0:
            event.set()
        async for message in interface.process(wire):
            seen.append(message)
            if len(seen) == after:
                event.set()
        assert wire.closed == 1
        return seen, interface

    messages, interface = asyncio.run(consume())
    text = "".join(str(at) for at in range(after))
    assert said(messages) == [("assistant", text)] * bool(text) + [("stop", "cancelled")]
    assert interface.result.content == text
    assert interface.stop_reason is messages[-1]


def test_a_set_event_ends_a_synchronous_stream_too():
    event = Event()
    interface = OpenAIStreamingInterface(cancellation_event=event)
    messages = interface.process_sync(iter(TEXT))
    next(messages)
    event.set()
    assert said(messages) == [("stop", "cancelled")]


def test_a_consumer_that_stops_early_leaves_a_consistent_partial_and_a_closed_wire():
    interface, wire = OpenAIStreamingInterface(), Wire(TEXT)

    async def consume():
        async with aclosing(interface.process(wire)) as messages:
            async for _ in messages:
                break

    asyncio.run(consume())
    assert wire.closed == 1
    assert (interface.result.content, interface.stop_reason.stop_reason) == ("Hel", StopReasonType.cancelled)


def test_a_consumer_of_the_synchronous_twin_may_stop_early_too():
    closed = []

    def wire():
        try:
            yield from TEXT
        finally:
            closed.append(True)

    interface = OpenAIStreamingInterface()
    messages = interface.process_sync(wire())
    next(messages)
    messages.close()
    assert closed
    assert (interface.result.content, interface.parser.state) == ("Hel", "cancelled")


def test_every_point_of_a_stream_can_be_cancelled_and_no_chunk_is_lost_or_doubled():
    async def consume(at):
        fed = []

        async def wire():
            for place, each in enumerate(SPEECH):
                if place == at:
                    task.cancel()
                    await asyncio.sleep(0)
                fed.append(each)
                yield each

        async def all_messages():
            return [message async for message in interface.process(wire())]

        interface = OpenAIStreamingInterface(use_assistant_message=True)
        task = asyncio.ensure_future(all_messages())
        with pytest.raises(asyncio.CancelledError):
            await task
        return fed, interface

    for at in range(len(SPEECH)):
        fed, interface = asyncio.run(consume(at))
        _, parser = run(fed)
        assert len(fed) == at
        assert interface.parser.state == "cancelled"
        found, expected = interface.result.tool_calls, parser.result.tool_calls
        assert [(c.arguments, c.verdict) for c in found] == [(c.arguments, c.verdict) for c in expected]
        assert not any(each.ready for each in found)


# -- any kind of stream ------------------------------------------------------------------------------------------------


async def generator():
    for each in TEXT:
        yield each


class Iterable:
    """No iterator, but gives one; closes synchronously."""

    closed = 0

    def __aiter__(self):
        return generator()

    def __iter__(self):
        return iter(TEXT)

    def close(self):
        self.closed += 1


class Manager:
    """Gives another object on entering, as the openai client's own managers do."""

    entered = left = 0

    async def __aenter__(self):
        self.entered += 1
        return Iterable()

    async def __aexit__(self, *_):
        self.left += 1

    __aiter__ = None  # not itself a stream


class SyncManager:
    entered = left = 0

    def __enter__(self):
        self.entered += 1
        return Iterable()

    def __exit__(self, *_):
        self.left += 1


class Unclosable:
    """Neither an iterator nor to be closed."""

    def __aiter__(self):
        return Plain()

    def __iter__(self):
        return Plain()


class Plain:
    """An iterator and nothing else."""

    def __init__(self):
        self.chunks = iter(TEXT)

    def __aiter__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.chunks)

    async def __anext__(self):
        for each in self.chunks:
            return each
        raise StopAsyncIteration


class BadlyClosing(Iterable):
    def close(self):
        raise OSError("already gone")


@pytest.mark.parametrize(
    "stream", [generator(), Iterable(), Manager(), Unclosable(), BadlyClosing()], ids=lambda s: type(s).__name__
)
def test_any_kind_of_asynchronous_stream_is_read_and_closed(stream):
    async def consume():
        return [message async for message in OpenAIStreamingInterface().process(stream)]

    assert said(asyncio.run(consume())) == [("assistant", "Hello")]
    assert getattr(stream, "closed", 1) == 1 or isinstance(stream, BadlyClosing)
    assert getattr(stream, "left", 1) == 1


@pytest.mark.parametrize(
    "stream",
    [TEXT, iter(TEXT), Iterable(), SyncManager(), Unclosable(), BadlyClosing()],
    ids=lambda s: type(s).__name__,
)
def test_any_kind_of_synchronous_stream_is_read_and_closed(stream):
    assert said(OpenAIStreamingInterface().process_sync(stream)) == [("assistant", "Hello")]
    assert getattr(stream, "closed", 1) == 1 or isinstance(stream, BadlyClosing)
    assert getattr(stream, "left", 1) == 1


def test_deadlines_are_not_for_the_synchronous_twin():
    with pytest.raises(MisuseError, match="deadlines"):
        next(OpenAIStreamingInterface(idle_timeout=1).process_sync(iter(TEXT)))


# -- tokens ------------------------------------------------------------------------------------------------------------

USAGE = chunk(
    usage={
        "prompt_tokens": 7,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": None},
    }
)


def test_reported_tokens_can_be_read_and_written():
    _, interface = read([*TEXT, USAGE])
    assert (interface.input_tokens, interface.output_tokens) == (7, 5)
    assert (interface.result.usage.cached_tokens, interface.result.usage.reasoning_tokens) == (0, None)
    assert interface.result.usage.source == "reported"
    interface.input_tokens, interface.output_tokens = 70, 50
    assert (interface.input_tokens, interface.output_tokens) == (70, 50)
    assert (interface.result.usage.input_tokens, interface.result.usage.output_tokens) == (7, 5)


PROMPT = [{"role": "user", "content": "Say hello."}]
TOOLS = [{"type": "function", "function": {"name": "search", "parameters": {"type": "object", "properties": {}}}}]


@both
def test_a_proxy_that_reports_nothing_gets_counts_that_say_so(read):
    _, interface = read(SPEECH, is_openai_proxy=True, messages=PROMPT, tools=TOOLS)
    count, _ = tokens.counter()
    assert interface.fallback_input_tokens == tokens.count_prompt(PROMPT, TOOLS, count) > 0
    assert interface.fallback_output_tokens == tokens.count_output(interface.parser.result, count) > 0
    usage = interface.result.usage
    assert usage.source == "estimated"
    assert usage.input_tokens == interface.fallback_input_tokens
    assert usage.output_tokens == interface.fallback_output_tokens
    assert (interface.input_tokens, interface.output_tokens) == (0, 0)


def test_a_proxy_that_reports_is_believed():
    _, interface = read([*TEXT, USAGE], is_openai_proxy=True, messages=PROMPT)
    assert interface.result.usage.source == "reported"
    assert interface.fallback_output_tokens > 0


def test_output_counted_while_the_stream_is_open_is_counted_again_later():
    interface = OpenAIStreamingInterface(is_openai_proxy=True)
    messages = interface.process_sync(iter([chunk(content="one two three"), chunk(content=" four five six seven")]))
    next(messages)
    early = interface.fallback_output_tokens
    assert list(messages)
    assert interface.fallback_output_tokens > early > 0


# -- watching ----------------------------------------------------------------------------------------------------------


@both
def test_the_span_learns_when_the_first_message_of_each_type_came(read):
    span = Span()
    messages, _ = read([*SEARCH[:-1], *TEXT], span)
    names = [name for name, _ in span.events]
    assert names == ["first_tool_call_message", "first_reasoning_message", "first_assistant_message"]
    assert all(attributes["seconds"] >= 0 for _, attributes in span.events)
    assert len(messages) > len(names)


@both
def test_one_line_is_logged_at_the_end_without_any_text_of_the_stream(read, caplog):
    caplog.set_level(logging.INFO, "streamfsm")
    _, interface = read([*SPEECH, USAGE], use_assistant_message=True)
    [record] = caplog.records
    line = record.getMessage()
    assert line.startswith(f"{interface.letta_message_id} ended (tool_calls) after ")
    assert "38 chunks, 7 messages, 1 tool calls, 7 input and 5 output tokens" in line
    assert "Hm" not in line


def test_nothing_is_printed_unless_logging_is_set_up():
    code = (
        "from streamfsm import OpenAIStreamingInterface as I\n"
        "class S:\n"
        "    def add_event(self, *_): raise OSError\n"
        "list(I().process_sync(iter([{'choices': [{'delta': {'content': 'x'}}]}]), S()))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert (found.stdout, found.stderr) == ("", "")


# -- clients -----------------------------------------------------------------------------------------------------------


def everything():
    """Messages of every type that the façade yields."""
    calls = [chunk(call(0, "c", "search", '{"q":1}'), call(1, "d", "look", "{}"))]
    chunks = [chunk(reasoning_content="deep"), *SPEECH[:-1], *calls, *TEXT]
    yield from read(chunks, use_assistant_message=True, requires_approval_tools=["look"])[0]
    yield from read(OMITTED, put_inner_thoughts_in_kwarg=False)[0]
    yield from read(TEXT[:1], error=OSError("lost"))[0]
    event = Event()
    event.set()
    yield from read(TEXT, cancellation_event=event)[0]


def test_the_published_client_reads_every_message_that_is_yielded():
    types = set()
    for message in everything():
        wire = json.loads(message.model_dump_json())
        types.add(wire["message_type"])
        read_back = construct_type(type_=LettaStreamingResponse, value=wire)
        assert type(read_back).model_validate(wire) == read_back
        assert read_back.message_type == wire["message_type"]
        if message.message_type == "stop_reason":
            assert message.stop_reason.value in get_args(TheirStopReasonType)
        else:
            assert message.message_type in get_args(MessageType)
    assert types == {
        "reasoning_message", "hidden_reasoning_message", "assistant_message",
        "tool_call_message", "approval_request_message", "stop_reason",
    }  # fmt: skip


# -- what a review found -----------------------------------------------------------------------------------------------


def test_a_call_without_an_id_gets_one_that_is_always_the_same():
    chunks = [chunk(function_call={"name": "f", "arguments": "{}"}), chunk(finish="function_call")]
    _, interface = read(chunks)
    found = interface.get_tool_call_object()
    assert (found.function.name, found.id) == ("f", interface.tool_call_id)
    assert re.fullmatch("call_[0-9a-f]{24}", found.id)
    assert interface.last_flushed_function_id == interface.get_tool_call_objects()[0].id == found.id
    assert interface.result.tool_calls[0].id is None


def test_what_is_no_span_at_all_masks_nothing_either():
    messages, _ = read(TEXT[:2], object(), OSError("lost"))
    assert said(messages) == [("assistant", "Hello"), ("stop", "error")]


class Bad:
    def to_openai_dict(self):
        raise KeyError("bad")


def test_a_prompt_that_cannot_be_read_counts_nothing_and_masks_nothing():
    options = {"is_openai_proxy": True, "messages": [Bad()], "tools": [Bad()]}
    assert said(read(TEXT, **options)[0]) == [("assistant", "Hello")]
    messages, interface = read(TEXT[:2], error=OSError("lost"), **options)
    assert messages[-1].stop_reason is StopReasonType.error
    assert interface.result.usage.source == "estimated"


def test_a_wire_that_never_waits_keeps_the_total_deadline_too():
    async def consume():
        async def endless():
            while True:
                yield chunk(content="x")

        interface = OpenAIStreamingInterface(total_timeout=0.05)
        async for _ in interface.process(endless()):
            pass

    with pytest.raises(StreamTimeout, match="total"):
        asyncio.run(consume())


@pytest.mark.parametrize(
    "options", [{"idle_timeout": "5"}, {"total_timeout": float("nan")}, {"total_timeout": 0}, {"cancellation_event": 5}]
)
def test_options_that_can_never_work_are_refused_at_once(options):
    with pytest.raises(MisuseError):
        OpenAIStreamingInterface(**options)


def test_messages_that_nobody_gets_are_not_counted_and_no_event(caplog):
    caplog.set_level(logging.INFO, "streamfsm")
    span, interface = Span(), OpenAIStreamingInterface()
    messages = interface.process_sync(iter([chunk(content="x"), chunk(call(0, "c", "sear"))]), span)
    next(messages)
    interface.parser.feed(chunk(call(0, "c", "sear")))
    messages.close()
    assert [name for name, _ in span.events] == ["first_assistant_message"]
    assert "1 messages" in caplog.text
    assert interface.stop_reason.stop_reason is StopReasonType.cancelled


def test_a_signature_without_text_is_kept():
    unread = {"type": "reasoning.encrypted", "data": "x", "signature": "s"}
    content = read([chunk(reasoning_details=[unread])])[1].get_reasoning_content()
    assert content == [OmittedReasoningContent(signature="s")]


class Nothing:
    """Enters as nothing: the replaced class did not look at what entering gives."""

    def __enter__(self):
        return None

    def __exit__(self, *_):
        pass

    def __iter__(self):
        return iter(TEXT)

    async def __aenter__(self):
        return None

    async def __aexit__(self, *_):
        pass

    def __aiter__(self):
        return generator()


def test_a_stream_that_enters_as_nothing_is_read_itself():
    async def consume():
        return [message async for message in OpenAIStreamingInterface().process(Nothing())]

    assert said(asyncio.run(consume())) == [("assistant", "Hello")]
    assert said(OpenAIStreamingInterface().process_sync(Nothing())) == [("assistant", "Hello")]


def test_a_close_that_takes_too_long_is_given_up_and_told(monkeypatch, caplog):
    monkeypatch.setattr("streamfsm.client.stream._CLOSING", 0.01)

    class Stuck(Wire):
        async def aclose(self):
            await asyncio.sleep(30)

    async def consume():
        return [message async for message in OpenAIStreamingInterface().process(Stuck(TEXT))]

    assert said(asyncio.run(consume())) == [("assistant", "Hello")]
    assert "did not close within 0.01 s" in caplog.text


def test_a_cancellation_while_the_wire_closes_goes_on_and_the_interface_is_finished():
    class Slow(Wire):
        async def __anext__(self):
            for each in self.chunks:
                return each
            return await asyncio.sleep(30)

        async def aclose(self):
            task.cancel()
            await asyncio.sleep(30)

    async def consume():
        async for _ in interface.process(Slow(TEXT[:1])):
            task.get_loop().call_later(0.01, task.cancel)

    async def main():
        nonlocal task
        task = asyncio.ensure_future(consume())
        with pytest.raises(asyncio.CancelledError):
            await task

    task = None
    interface = OpenAIStreamingInterface()
    asyncio.run(main())
    assert interface.stop_reason.stop_reason is StopReasonType.cancelled
