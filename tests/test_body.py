"""Bodies read without the client's objects say what the client's objects say; and the real transports."""

import asyncio
import json
from pathlib import Path

import httpx
import openai
import pytest
from helpers import ID, anomalies, call_chunks, chunk, cut, said
from hypothesis import given
from hypothesis import strategies as st
from streams import Stream, streams

from streamfsm import (
    Limits,
    MisuseError,
    OpenAIStreamingInterface,
    StopReasonType,
    StreamParser,
    aiter_messages,
    coalesce,
    iter_messages,
)
from streamfsm.replay import capture
from streamfsm.replay.loopback import serve

BODY = capture.body(call_chunks("send_message", ['{"thinking":"Hm.",', '"message":"é😀 \\ud83d', '\\ude00"}']))
SAID = [("reasoning", "Hm."), ("assistant", "é😀 😀"), ("stop", "tool_calls")]


def fed(pieces, **options):
    parser = StreamParser(message_id=ID, **options)
    return [message for piece in pieces for message in parser.feed_bytes(piece)] + parser.close(), parser


def plain(messages):
    return [message.model_dump(exclude={"date"}) for message in coalesce(messages)]


@given(st.data(), streams())
def test_no_cut_of_the_bytes_changes_what_the_chunks_say(data: st.DataObject, stream: Stream):
    chunks = stream.plain()
    body = capture.body(chunks).encode()
    whole = StreamParser(message_id=ID)
    expected = [message for each in chunks for message in whole.feed(each)] + whole.close()
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=8))
    messages, parser = fed(cut(body, cuts))
    assert plain(messages) == plain(expected)
    assert parser.result == whole.result


def test_every_cut_of_a_body_says_the_same():
    body = BODY.replace("\n", "\r\n").encode()
    for size in range(1, 40):
        assert said(fed([body[at : at + size] for at in range(0, len(body), size)])[0]) == SAID
    for at in range(len(body)):
        assert said(fed([body[:at], body[at:]])[0]) == SAID


def test_a_snapshot_goes_on_anywhere_in_a_body():
    body = BODY.encode()
    expected, whole = fed([body])
    for at in range(0, len(body), 7):
        parser = StreamParser(message_id=ID)
        messages = parser.feed_bytes(body[:at])
        parser = StreamParser.restore(json.loads(json.dumps(parser.snapshot())))
        messages += parser.feed_bytes(body[at:]) + parser.close()
        assert plain(messages) == plain(expected)
        assert parser.result == whole.result


def test_what_comes_after_done_is_not_read():
    more = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
    for pieces in ([BODY.encode(), more], [BODY.encode() + more]):
        messages, parser = fed(pieces)
        assert said(messages) == SAID
        assert anomalies(parser) == []


@pytest.mark.parametrize("read", [iter_messages, lambda pieces: OpenAIStreamingInterface().process_sync(pieces)])
def test_done_ends_a_body_though_the_connection_stays_open(read):
    def pieces():
        yield BODY.encode()
        pytest.fail("nothing is read after it")

    assert len(list(read(pieces()))) > 1


@pytest.mark.parametrize("data", ["oops", "{", '"\\', "[" * 100_000])
def test_an_event_that_is_no_json_fails_the_stream(data):
    messages, parser = fed([f"data: {json.dumps(chunk(content='Hi'))}\n\ndata: {data}\n\ndata: {data}\n\n".encode()])
    assert said(messages) == [("assistant", "Hi"), ("stop", "error")]
    assert parser.result.error.code == "not_json"


def test_a_body_may_be_anything_that_is_bytes():
    data = f"data: {json.dumps(chunk(content='Hi'))}\n\n".encode()
    parser = StreamParser()
    pieces = [data[:9], bytearray(data[9:20]), memoryview(data)[20:]]
    assert said([each for piece in pieces for each in parser.feed_bytes(piece)]) == [("assistant", "Hi")]
    for other in ("data: {}", None, [data]):
        with pytest.raises(MisuseError, match="feed_bytes takes bytes"):
            parser.feed_bytes(other)


def test_an_event_is_bounded():
    messages, parser = fed([b"data: {}\n\n", b"data: ", b"x" * 100], limits=Limits(event=50))
    assert said(messages) == [("stop", "error")]
    assert (parser.result.error.code, parser.result.error.message) == ("limit", "more than 50 bytes of one event")
    assert parser.feed_bytes(b"more") == []


def test_an_event_without_its_blank_line_counts_at_the_end():
    body = f"data: {json.dumps(chunk(content='Hi', finish='stop'))}".encode()
    assert said(fed([body])[0]) == [("assistant", "Hi"), ("stop", "end_turn")]


# -- transports --------------------------------------------------------------------------------------------------------


def whole(_):
    return [BODY.encode()[at : at + 50] for at in range(0, len(BODY), 50)]


def drop(_):
    yield BODY.encode()[:400]
    raise ConnectionError


REQUEST = {"model": "m", "messages": [], "stream": True}


def sync_client(url):
    http = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(base_url=url, api_key="none", max_retries=0, http_client=http)


def async_client(url):
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    return openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, http_client=http)


def test_the_raw_and_the_streaming_response_of_the_synchronous_client_are_read():
    with serve(whole) as url, sync_client(url) as client:
        completions = client.chat.completions
        assert said(iter_messages(completions.with_streaming_response.create(**REQUEST))) == SAID
        with completions.with_streaming_response.create(**REQUEST) as response:
            assert said(iter_messages(response)) == SAID
        assert said(iter_messages(completions.with_raw_response.create(**REQUEST))) == SAID


def test_the_raw_and_the_streaming_response_of_the_asynchronous_client_are_read():
    async def main():
        with serve(whole) as url:
            async with async_client(url) as client:
                completions = client.chat.completions
                streaming = aiter_messages(completions.with_streaming_response.create(**REQUEST))
                assert said([message async for message in streaming]) == SAID
                raw = await completions.with_raw_response.create(**REQUEST)
                assert said([message async for message in aiter_messages(raw)]) == SAID
                raw = await completions.with_raw_response.create(**REQUEST)
                interface = OpenAIStreamingInterface(use_assistant_message=True)
                assert said([message async for message in interface.process(raw)]) == SAID[:-1]
                assert interface.result.tool_calls[0].ready

    asyncio.run(main())


def test_an_httpx_response_is_read():
    async def main(url):
        async with (
            httpx.AsyncClient(trust_env=False) as client,
            client.stream("POST", url, json=REQUEST) as response,
        ):
            return [message async for message in aiter_messages(response)]

    with serve(whole) as url:
        assert said(asyncio.run(main(url))) == SAID
        with httpx.Client(trust_env=False) as client:
            assert said(iter_messages(client.stream("POST", url, json=REQUEST))) == SAID


class LikeAiohttp:
    """The shape of its response: a context manager whose content gives the bytes."""

    def __init__(self):
        self.content = self
        self.left = 0

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.left += 1

    async def iter_any(self):
        yield BODY.encode()


class LikeRequests:
    """The shape of its response: the bytes are its items."""

    closed = 0

    def __iter__(self):
        yield from (BODY.encode()[at : at + 128] for at in range(0, len(BODY.encode()), 128))

    def close(self):
        self.closed += 1


def test_other_clients_responses_are_read_and_closed():
    async def main(response):
        return [message async for message in aiter_messages(response)]

    response = LikeAiohttp()
    assert said(asyncio.run(main(response))) == SAID
    assert response.left == 1
    response = LikeRequests()
    assert said(iter_messages(response)) == SAID
    assert response.closed == 1
    assert said(iter_messages([BODY.encode()])) == SAID


def test_a_lost_connection_gives_the_stop_reason_and_goes_on():
    async def main(url, seen):
        async with async_client(url) as client:
            response = client.chat.completions.with_streaming_response.create(**REQUEST)
            async for message in aiter_messages(response):
                seen.append(message)

    with serve(drop) as url:
        for read in (lambda seen: asyncio.run(main(url, seen)), lambda seen: lost(url, seen)):
            seen = []
            with pytest.raises(Exception, match=r"(?i)connection|peer|incomplete"):
                read(seen)
            assert seen[-1].stop_reason is StopReasonType.error


def lost(url, seen):
    with sync_client(url) as client:
        for message in iter_messages(client.chat.completions.with_streaming_response.create(**REQUEST)):
            seen.append(message)


def test_a_consumer_that_leaves_closes_the_response():
    response, parser = LikeRequests(), StreamParser()
    messages = iter_messages(response, parser)
    next(messages)
    messages.close()
    assert (response.closed, parser.state) == (1, "cancelled")


# -- the client's own path ---------------------------------------------------------------------------------------------

EXAMPLES = sorted((Path(__file__).parents[1] / "examples" / "captures").glob("*.sse"))
CAPTURES = Path(__file__).parents[2] / "shared" / "captures"
RECORDED = [
    "chat/azure__gpt-4o-mini-text__1.sse",
    "chat/mistral__magistral-medium-reason-text__1.sse",
    "chat/openrouter__gemini-3-flash-reason-text__1.sse",
    "chat/perplexity__sonar-text__3.sse",
]


@pytest.mark.parametrize("file", [*EXAMPLES, *(CAPTURES / name for name in RECORDED)], ids=lambda file: file.name)
def test_the_bytes_say_what_the_clients_chunks_say(file):
    if not file.exists():
        pytest.skip("the recordings are not part of the project")
    body = file.read_bytes().rstrip(b"\r\n") + b"\n\n"
    objects = StreamParser(message_id=ID)
    expected = []
    with serve(lambda _: [body]) as url, sync_client(url) as client:
        try:
            with client.chat.completions.create(**REQUEST) as stream:
                for each in stream:
                    expected += objects.feed(each)
        except openai.APIError as error:
            expected += objects.fail(error)
        expected += objects.close()
    messages, parser = fed([body[at : at + 100] for at in range(0, len(body), 100)])
    assert plain(messages) == plain(expected)
    # The client's exception says less of an error; its objects write out what is null in usage.
    drop = {"error": True, "extras": {"error"}, "usage": {"raw"}}
    assert parser.result.model_dump(exclude=drop) == objects.result.model_dump(exclude=drop)
