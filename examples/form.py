"""A typed form that fills itself: the arguments of a call as a partial model, while they stream.

The server is a scripted one on this machine. For a real one, give ``AsyncOpenAI`` its URL and key.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from datetime import date
from typing import Any, Literal

import openai
from pydantic import BaseModel

from streamfsm import Channel, OpenAIStreamingInterface, partial_objects
from streamfsm.replay.loopback import serve
from streamfsm.wires.chat.chunking import every


class Guest(BaseModel):
    """A guest, and what they eat."""

    name: str
    meal: Literal["fish", "beans"]


class Booking(BaseModel):
    """The arguments of the tool ``book``."""

    restaurant: str
    day: date
    guests: list[Guest]


BOOKING = (
    '{"restaurant": "L\\u2019\\u00c9toile", "day": "2026-11-27", '
    '"guests": [{"name": "Bo", "meal": "fish"}, {"name": "Al", "meal": "beans"}]}'
)


async def fill(stream: Any) -> Booking:
    """Show the form whenever it changes, and return the complete form, validated."""
    interface = OpenAIStreamingInterface(channels=[Channel("$..*", "book")])
    async for form in partial_objects(interface.process(stream), Booking):
        guests = ", ".join(f"{guest.name or '…'} ({guest.meal or '…'})" for guest in form.guests or ())
        print(f"{form.restaurant or '…'} | {form.day or '…'} | {guests or '…'}", flush=True)
    return interface.result.ready_calls[0].parse(Booking)


def script(pause: float) -> Iterator[bytes]:
    """Yield the response of the scripted server, a few characters at a time."""
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "book", "arguments": BOOKING}}
    chunk: dict[str, Any] = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
    whole = [
        {**chunk, "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]},
        {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
    ]
    for each in every(5)(whole):
        time.sleep(pause)
        yield f"data: {json.dumps(each)}\n\n".encode()
    yield b"data: [DONE]\n\n"


async def main() -> None:
    """Ask the scripted server, and show the form."""
    pause = 0.0 if "--no-delay" in sys.argv else 0.05
    with serve(lambda _: script(pause)) as url:
        async with (
            openai.DefaultAsyncHttpxClient(trust_env=False) as http,
            openai.AsyncOpenAI(base_url=url, api_key="none", http_client=http) as client,
        ):
            stream = await client.chat.completions.create(model="scripted", messages=[], stream=True)
            print(repr(await fill(stream)))


if __name__ == "__main__":
    asyncio.run(main())
