"""What sinks write of whole streams, and the streams that tests feed them."""

import json
from dataclasses import dataclass
from typing import Any

from helpers import ID
from hypothesis import strategies as st
from streams import streams

from streamfsm import StreamParser
from streamfsm.sinks import AgUi, AnthropicEvents, ResponsesEvents, UiMessageStream
from streamfsm.testing import accented, chunkings, dialects, faults, responses_faults, responses_streams
from streamfsm.testing import responses as told

SINKS = {sink.GRAMMAR.wire: sink for sink in (AgUi, UiMessageStream, ResponsesEvents, AnthropicEvents)}


@dataclass
class Written:
    """The body that a sink wrote, and the parser that it is of."""

    body: bytes
    parser: StreamParser

    @property
    def events(self) -> list[Any]:
        """The events of the body, as JSON; ``[DONE]`` as it is."""
        lines = self.body.decode().split("\n")
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [each if each == "[DONE]" else json.loads(each) for each in data]

    @property
    def types(self) -> list[str]:
        return [each if isinstance(each, str) else each["type"] for each in self.events]

    @property
    def result(self) -> Any:
        return self.parser.result

    @property
    def calls(self) -> list[Any]:
        """The calls of the answer that are announced: those that are no speech."""
        result = self.result
        return [
            call for call in result.tool_calls if call.name and (call.name, call.kind) != (self.speaker, "function")
        ]

    speaker: str | None = "send_message"


def write(sink: Any, chunks: list[Any], ending: str = "close", **options: Any) -> Written:
    """Feed the chunks to a parser and what it gives to the sink, and end both."""
    parser = StreamParser(**{"message_id": ID, "boundaries": True, **options})
    items = [item for chunk in chunks for item in parser.feed(chunk)]
    items += {"close": parser.close, "cancel": parser.cancel, "fail": lambda: parser.fail("boom")}[ending]()
    events = [event for item in items for event in sink.feed(item)]
    events += sink.close(parser.result)
    body = b"".join(map(sink.frame, events)) + sink.LAST
    return Written(body, parser, speaker=options.get("assistant_tool", "send_message"))


@st.composite
def chunk_lists(draw: st.DrawFn, *, choices: int = 2) -> list[Any]:
    """Chunks of any stream, cut anywhere, with the accents of servers, and broken or not."""
    stream = draw(streams(choices=choices))
    quirks = draw(dialects(certain=False))
    if draw(st.booleans()):
        stream = draw(faults(garbage=not quirks))(stream)  # garbage has no accent
    return accented(draw(chunkings(stream)), quirks)


@st.composite
def event_lists(draw: st.DrawFn) -> list[Any]:
    """Events of the Responses wire, broken or not."""
    stream = draw(responses_streams(kinds=(*told.KINDS, "mcp_call", "mcp_approval_request")))
    if draw(st.booleans()):
        stream = draw(responses_faults())(stream)
    return stream.plain()


ENDINGS = st.sampled_from(["close", "close", "close", "cancel", "fail"])
