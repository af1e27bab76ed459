"""What all sinks share: what they take, when they end, and how a body is made of them."""

import asyncio

import pytest
from helpers import ID, call, chunk, fed
from written import SINKS, write

from streamfsm import AssistantMessage, Channel, MisuseError, RunEnded, RunStarted, StreamParser, iter_messages
from streamfsm.errors import IllegalTransition
from streamfsm.messages import Message
from streamfsm.sinks import AnthropicEvents, ResponsesEvents, Sse, UiMessageStream, encode
from streamfsm.sinks.sink import Sink

EACH_SINK = pytest.mark.parametrize("make", [*SINKS.values(), Sse])
HELLO = [chunk(content="Hel"), chunk(content="lo"), chunk(finish="stop")]


def items(chunks, **options):
    """What a parser gives, and its result."""
    parser = StreamParser(message_id=ID, boundaries=True, **options)
    given = [item for each in chunks for item in parser.feed(each)] + parser.close()
    return given, parser.result


async def collected(pieces):
    return [piece async for piece in pieces]


# -- what they take ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", SINKS.values())
def test_a_message_without_its_run_is_misuse(make):
    messages = [item for item in items(HELLO)[0] if isinstance(item, AssistantMessage)]
    with pytest.raises(MisuseError, match="boundaries=True"):
        make().feed(messages[0])


@EACH_SINK
def test_anything_else_is_misuse(make):
    with pytest.raises(MisuseError, match="messages and boundaries"):
        make().feed("Hello")


@EACH_SINK
def test_nothing_follows_the_stop_reason_but_the_end_of_its_run(make):
    given, result = items(HELLO)
    sink = make()
    for item in given:
        sink.feed(item)
    assert isinstance(given[-1], RunEnded)
    assert not sink.is_open
    with pytest.raises(MisuseError, match="after the end of the stream"):
        sink.feed(given[0])
    sink.close(result)
    with pytest.raises(MisuseError, match="after the end of the stream"):
        sink.feed(given[-1])
    with pytest.raises(MisuseError, match="closed"):
        sink.close(result)


@EACH_SINK
def test_an_open_stream_cannot_be_closed(make):
    sink = make()
    assert sink.is_open
    with pytest.raises(MisuseError, match="open"):
        sink.close()


@pytest.mark.parametrize("make", SINKS.values())
def test_calls_need_the_result_and_text_does_not(make):
    sink = make()
    for item in items(HELLO)[0]:
        sink.feed(item)
    assert sink.close()
    given, result = items([chunk(call(0, "a", "f", "{}")), chunk(finish="tool_calls")])
    sink = make()
    for item in given:
        sink.feed(item)
    with pytest.raises(MisuseError, match="calls are ready"):
        sink.close()
    assert sink.close(result)


def test_a_failed_stream_with_calls_needs_no_result():
    parser = StreamParser(boundaries=True)
    sink = UiMessageStream()
    given = parser.feed(chunk(call(0, "a", "f", "{}"))) + parser.fail("boom")
    types = [event["type"] for item in given for event in sink.feed(item)] + [event["type"] for event in sink.close()]
    assert types[-4:] == ["tool-input-error", "error", "finish-step", "finish"]


def test_an_event_that_the_grammar_forbids_does_not_leave():
    sink = UiMessageStream()
    with pytest.raises(IllegalTransition, match="text-delta while the text 'x' has not begun"):
        sink._write("text-delta", {"id": "x", "delta": "Hi"})


def test_what_a_sink_does_is_left_to_its_class():
    sink = Sink()
    with pytest.raises(NotImplementedError):
        sink.feed(RunEnded("x"))
    with pytest.raises(NotImplementedError):
        sink._end(None, None)


class Weather(Message):
    """A message of somebody's own."""

    message_type: str = "weather"
    sky: str


@pytest.mark.parametrize("wire", SINKS)
def test_a_message_of_another_type_is_written_where_there_is_a_place(wire):
    given, result = items(HELLO)
    sink = SINKS[wire]()
    own = Weather(id=ID, date=given[1].date, otid="own", seq_id=0, sky="blue")
    events = [
        event for item in (RunStarted("own", "weather", 0), own, RunEnded("own"), *given) for event in sink.feed(item)
    ]
    body = b"".join(map(sink.frame, events + sink.close(result)))
    assert (b"blue" in body) == (wire in ("ag-ui", "ui-messages"))


@pytest.mark.parametrize("wire", SINKS)
def test_a_declared_channel_is_written_where_there_is_a_place(wire):
    chunks = [chunk(call(0, "a", "f", '{"path":"a.txt","x":1}')), chunk(finish="tool_calls")]
    body = write(SINKS[wire](), chunks, channels=[Channel("$.path", tool="f")]).body
    assert (b"argument_message" in body) == (wire in ("ag-ui", "ui-messages"))


# -- choices and calls -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wire", SINKS)
def test_the_choice_that_speaks_first_is_written(wire):
    chunks = [
        chunk(content="one"),
        chunk(content="two", choice=1),
        chunk(finish="stop"),
        chunk(finish="stop", choice=1),
    ]
    body = write(SINKS[wire](), chunks).body
    assert b"one" in body
    assert b"two" not in body


@pytest.mark.parametrize("wire", SINKS)
def test_calls_that_another_choice_brings_to_the_answer_are_written(wire):
    chunks = [
        chunk(content="Hi", finish="tool_calls"),
        chunk(call(0, "a", "f", '{"x":1}'), choice=1),
        chunk(call(1, "b", "g"), choice=1),
        chunk(choice=1, finish="tool_calls"),
    ]
    written = write(SINKS[wire](), chunks)
    assert [call.name for call in written.result.ready_calls] == ["f", "g"]
    body = written.body.decode()
    assert '"f"' in body
    assert '"g"' in body


def test_calls_without_an_id_or_with_that_of_another_get_one():
    chunks = [
        chunk(call(0, None, "f", "{}")),
        chunk(call(1, "a", "g", "{}")),
        chunk(call(2, "a", "h", "{}")),
        chunk(finish="tool_calls"),
    ]
    written = write(ResponsesEvents(), chunks)
    ids = [event["item"]["call_id"] for event in written.events if event["type"] == "response.output_item.added"]
    assert ids == [call.tool_call_id for call in written.result.tool_calls]
    assert len(set(ids)) == 3


# -- bodies ------------------------------------------------------------------------------------------------------------


def test_sse_writes_messages_without_nulls_and_numbers_them():
    written = write(Sse(), HELLO, date="2026-01-01T00:00:00Z")
    frames = written.body.decode().split("\n\n")
    assert frames[0] == (
        f'id: 0\ndata: {{"id":"{ID}","date":"2026-01-01T00:00:00+00:00",'
        '"otid":"7b5f3f7e-0d2a-4c3b-9a52-6f0c8d1e2a00","seq_id":0,"choice_index":0,'
        '"message_type":"assistant_message","content":"Hel"}'
    )
    assert [frame.partition("\n")[0] for frame in frames] == ["id: 0", "id: 1", "id: 2", ""]


def test_half_a_surrogate_pair_in_an_input_is_replaced():
    chunks = [chunk(call(0, "a", "f", r'{"x":"\ud83d","y":"\ud83d\ude00"}')), chunk(finish="tool_calls")]
    written = write(UiMessageStream(), chunks)
    (available,) = [event for event in written.events[:-1] if event["type"] == "tool-input-available"]
    assert available["input"] == {"x": "\ufffd", "y": "\U0001f600"}


@EACH_SINK
def test_encode_gives_the_body(make):
    given, result = items(HELLO)
    sink = make()
    whole = b"".join(map(sink.frame, [event for item in given for event in sink.feed(item)] + sink.close(result)))
    pieces = asyncio.run(collected(encode(given, make(), lambda: result)))
    same = b"".join(pieces)
    if make is not SINKS["ag-ui"]:  # which makes up its ids
        assert same == whole + sink.LAST
    assert len(pieces) > 2
    assert all(pieces)


class Asking:
    """An asynchronous iterable of items that is closed, or breaks."""

    def __init__(self, given, error=None):
        self.given, self.error, self.closed = [*given], error, False

    async def __aiter__(self):
        for each in self.given:
            yield each
        if self.error:
            raise self.error

    async def aclose(self):
        self.closed = True


def test_encode_closes_what_it_reads():
    given, result = items(HELLO)

    async def read_one():
        messages = Asking(given)
        pieces = encode(messages, Sse(), lambda: result)
        assert await anext(pieces)
        await pieces.aclose()
        return messages.closed

    assert asyncio.run(read_one())


def test_encode_raises_what_broke_the_stream_unless_the_stream_says_so_itself():
    given, _ = items(HELLO)
    with pytest.raises(ConnectionError):
        asyncio.run(collected(encode(Asking(given[:2], ConnectionError()), Sse())))
    parser = StreamParser(boundaries=True)
    failed = parser.feed(HELLO[0]) + parser.fail(ConnectionError("gone"))
    body = b"".join(
        asyncio.run(collected(encode(Asking(failed, ConnectionError()), AnthropicEvents(), lambda: parser.result)))
    )
    assert b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"gone"}}' in body


def test_encode_takes_the_messages_of_a_body():
    body = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    parser = StreamParser(boundaries=True)
    pieces = asyncio.run(collected(encode(iter_messages([body], parser), UiMessageStream(), lambda: parser.result)))
    assert b'"text-delta"' in b"".join(pieces)
    assert fed(body)[0][0].content == "Hi"
