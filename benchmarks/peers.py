"""The cost of a delta in other parsers: the same call, four characters per delta, from the same ready chunk objects.

The logical stream is one ``send_message`` call; the final result must have the text of its ``message``. Each peer gives
what its users get: decoded text while it streams, raw JSON while it streams, or nothing before the end. They run in
turn; a peer whose expected time for a size exceeds the budget stops there.

    python benchmarks/peers.py [--quick] [--json]
"""

import asyncio
import json
import statistics
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

import ijson
import jiter
import partial_json_parser
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from measure import Rows, clock, main, no_collections, ratio, significant, spread
from openai import AsyncOpenAI, AsyncStream
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk
from pydantic_ai.messages import ModelRequest
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from workloads import LIMITS, Pool, floor, text_of

from streamfsm import AssistantMessage, StreamParser

SIZES = (1_000, 10_000, 100_000, 1_000_000)
STEP = 4
ROUNDS = 7
ENOUGH = 2.0
"""Seconds at one size after which a peer gets no more rounds."""
BUDGET = 30.0
"""The most seconds that a run at the next size may be expected to take."""

Chunks = Iterator[ChatCompletionChunk]


class Peer(NamedTuple):
    """One way to read the stream."""

    name: str
    gives: str
    """What its users get of the message before the stream ends."""
    run: Callable[[Chunks], str]
    """Reads the stream, and returns the text of the message, joined from deltas if it streams them."""
    right: bool = True
    """Whether that is the message; partial-json-parser shows half a surrogate pair, and retracts it."""


def arguments_of(chunk: ChatCompletionChunk) -> str:
    """Return the arguments in a chunk."""
    return chunk.choices[0].delta.tool_calls[0].function.arguments or ""  # type: ignore[index, union-attr, return-value]


class Texts(list[str]):
    """Keeps the text of a message and drops the message, as the others do."""

    def append(self, message: AssistantMessage) -> None:  # type: ignore[override]
        """Append the text of a message."""
        super().append(message.content)


def read_floor(chunks: Chunks) -> str:
    """Run the same loop as ``feed.py``. It decodes nothing; its texts are the arguments."""
    out = Texts()
    floor("message", chunks, out)  # type: ignore[arg-type]
    return message("".join(out))


def read_streamfsm(chunks: Chunks) -> str:
    """Read typed messages of decoded text."""
    parser = StreamParser(limits=LIMITS)
    text = [each.content for chunk in chunks for each in parser.feed(chunk)]  # type: ignore[union-attr]
    parser.close()
    return "".join(text)


def read_openai(chunks: Chunks) -> str:
    """Read the events of the client's own helper, which ``client.chat.completions.stream`` uses."""
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for chunk in chunks:
        for _ in state.handle_chunk(chunk):
            pass
    return message(state.current_completion_snapshot.choices[0].message.tool_calls[0].function.arguments)  # type: ignore[index, union-attr]


class Ready(AsyncStream[ChatCompletionChunk]):
    """Replaces the client's response by ready chunks."""

    def __init__(self, chunks: Chunks) -> None:
        self.chunks = chunks

    async def __aiter__(self) -> AsyncIterator[ChatCompletionChunk]:
        for chunk in self.chunks:
            yield chunk

    async def close(self) -> None:
        """Nothing to close."""


CLIENT = AsyncOpenAI(api_key="none")
PYDANTIC_AI = OpenAIChatModel("gpt-4o", provider=OpenAIProvider(openai_client=CLIENT))


def read_pydantic_ai(chunks: Chunks) -> str:
    """Read the events of a model's response, with the client's request replaced by ready chunks."""

    async def create(**_: Any) -> Ready:
        return Ready(chunks)

    async def read() -> Any:
        request = [ModelRequest.user_text_prompt("Hello")]
        async with PYDANTIC_AI.request_stream(request, None, ModelRequestParameters()) as response:
            async for _ in response:
                pass
            return response.get()

    CLIENT.chat.completions.create = create  # type: ignore[method-assign, assignment]
    return message(asyncio.run(read()).tool_calls[0].args)


def read_langchain(chunks: Chunks) -> str:
    """Add up the chunks that its adapter for OpenAI makes."""
    whole = None
    for chunk in chunks:
        delta = chunk.choices[0].delta.tool_calls[0]  # type: ignore[index]
        part = tool_call_chunk(
            index=delta.index,
            id=delta.id,
            name=delta.function.name,
            args=delta.function.arguments,  # type: ignore[union-attr]
        )
        piece = AIMessageChunk(content="", tool_call_chunks=[part])
        whole = piece if whole is None else whole + piece  # type: ignore[assignment]
    return str(whole.tool_calls[0]["args"]["message"])  # type: ignore[union-attr]


def rereading(read: Callable[[str], Any]) -> Callable[[Chunks], str]:
    """Return a function that parses all of the text for each delta, and appends the new part of the message."""

    def run(chunks: Chunks) -> str:
        arguments = text = ""
        deltas = []
        for chunk in chunks:
            arguments += arguments_of(chunk)
            value = read(arguments).get("message", "") if arguments else ""
            deltas.append(value[len(text) :])
            text = value
        return "".join(deltas)

    return run


def read_ijson(chunks: Chunks) -> str:
    """Send the bytes to ijson's coroutine."""
    events = ijson.sendable_list()
    parser = ijson.parse_coro(events)
    text = ""
    for chunk in chunks:
        if data := arguments_of(chunk).encode():  # an empty text would mean the end
            parser.send(data)
        for prefix, event, value in events:
            if (prefix, event) == ("message", "string"):
                text = value
        events.clear()
    return text


def read_whole(chunks: Chunks) -> str:
    """Parse the arguments once at the end, the least that a parser can do that streams nothing."""
    return message("".join([arguments_of(chunk) for chunk in chunks]))


def message(arguments: str) -> str:
    """Return the message in complete arguments."""
    return str(json.loads(arguments)["message"])


PEERS = (
    Peer("floor", "messages of undecoded text", read_floor),
    Peer("streamfsm", "decoded text", read_streamfsm),
    Peer("openai", "raw JSON", read_openai),
    Peer("pydantic-ai-slim", "raw JSON", read_pydantic_ai),
    Peer("langchain-core", "raw JSON, and values parsed so far", read_langchain),
    Peer(
        "jiter", "decoded text", rereading(lambda text: jiter.from_json(text.encode(), partial_mode="trailing-strings"))
    ),
    Peer("partial-json-parser", "decoded text", rereading(partial_json_parser.loads), right=False),
    Peer("ijson", "nothing, whole values only", read_ijson),
    Peer("json", "nothing, one json.loads at the end", read_whole),
)


def rows(quick: bool) -> Rows:  # noqa: FBT001 - one option
    """Return a row per peer and size."""
    pool = Pool("message")
    found: Rows = []
    seconds: dict[str, list[float]] = {peer.name: [] for peer in PEERS}  # medians, by size
    for size in SIZES[:2] if quick else SIZES:
        text = text_of("message", size)
        costs: dict[str, list[float]] = {peer.name: [] for peer in PEERS if expected(seconds[peer.name]) < BUDGET}
        for _ in range(ROUNDS):
            for peer in PEERS:
                if peer.name in costs and sum(costs[peer.name]) < ENOUGH:
                    costs[peer.name].append(timed(peer, pool, text))
        deltas = -(-len(text) // STEP)
        for peer in PEERS:
            row: dict[str, object] = {"peer": peer.name, "gives": peer.gives, "characters": len(text)}
            if times := costs.get(peer.name):
                seconds[peer.name].append(statistics.median(times))
                row["ns a delta"] = significant(seconds[peer.name][-1] / deltas * 1e9)
                row["spread"] = significant(spread(times), 2)
                row["× floor"] = significant(ratio(times, costs["floor"]))
                row["× streamfsm"] = significant(ratio(times, costs["streamfsm"]))
            found.append(row)
    return found


def timed(peer: Peer, pool: Pool, text: str) -> float:
    """Return the CPU seconds for a complete stream, without those of the pool."""
    said: list[str] = []
    with no_collections():
        before = pool.seconds
        seconds = clock(lambda: said.append(peer.run(pool.chunks(text, STEP))))
    if (said == [message(text)]) is not peer.right:
        raise AssertionError(f"{peer.name} is {'wrong' if peer.right else 'right after all'}")
    return seconds - (pool.seconds - before)


def expected(seconds: list[float]) -> float:
    """Return the expected seconds at the next size, if the cost grows as before; a skipped size is infinite."""
    if len(seconds) < 2:  # noqa: PLR2004 - an estimate takes two points
        return 0.0
    return seconds[-1] ** 2 / seconds[-2]


if __name__ == "__main__":
    main(rows, __doc__)
