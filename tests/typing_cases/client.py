"""A response read by the façade, and from its bytes."""

from collections.abc import AsyncIterator, Iterator

from typing_extensions import assert_type

from streamfsm import (
    OpenAIStreamingInterface,
    StreamError,
    StreamMessage,
    StreamParser,
    StreamResult,
    StreamTimeout,
    ToolCall,
    aiter_messages,
    iter_messages,
)


async def with_the_client(stream: object) -> StreamResult:
    interface = OpenAIStreamingInterface(use_assistant_message=True, total_timeout=60)
    try:
        async for message in interface.process(stream):
            assert_type(message, StreamMessage)
    except StreamTimeout as timeout:
        assert_type(timeout, StreamTimeout)
    except StreamError as error:
        assert_type(error, StreamError)
    assert_type(interface.get_tool_call_objects(), list[ToolCall])
    return interface.result


def without_await(stream: object) -> list[StreamMessage]:
    return list(OpenAIStreamingInterface().process_sync(stream))


async def from_bytes(body: AsyncIterator[bytes]) -> StreamParser:
    parser = StreamParser()
    async for message in aiter_messages(body, parser):
        assert_type(message, StreamMessage)
    return parser


def from_bytes_without_await(body: Iterator[bytes]) -> list[StreamMessage]:
    return [*iter_messages(body)]
