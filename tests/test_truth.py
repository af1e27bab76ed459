"""Every recorded Chat Completions stream means to the parser what it means to a slow and plain reader of the whole.

``truth.py`` reads; it knows the wire and nothing of this project. The recordings lie beside the project and are never
copied.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import truth
from helpers import anomalies, run, told
from recordings import CAPTURES, FILES, network_reads

from streamfsm import ThinkTags, coalesce
from streamfsm.wires.chat.chunking import every, whole

# Recordings whose reading is a judgement: the plain reader's is one, the parser's another, for the reason given.
JUDGED = {
    "chat/openai__gpt-3.5-turbo-parallel2-n2__1.sse": "a key that may be captured waits; another choice overtakes it",
    "quirks/openai__x-parallel2-n2__1.sse": "the same",
    "quirks/github-copilot__claude-3.5-sonnet-tool__1.sse": "a call is broken off, which is an anomaly",
    "quirks/openai__x-reason-text__1.sse": "another protocol's, which fails",
    "quirks/unknown__claude-3-sonnet-tool__1.sse": "the same",
    "quirks/unknown__qwen3-coder-30b-fp8-text__1.sse": "a call as text, which is an anomaly",
    "quirks/unknown__qwen3-coder-30b-fp8-text__2.sse": "the same",
}

# Options of the parser → those of the plain reader.
MODES = {
    "raw": ({"inner_thoughts_kwarg": None, "assistant_tool": None}, {"hides": True}),
    "default": ({}, {}),
    "think tags": (
        {"think_tags": ThinkTags("<think>", "</think>", where="anywhere")},
        {"tags": ("<think>", "</think>")},
    ),
}


def reading(chunks: Iterable[Any], options: dict[str, Any]) -> dict[str, Any]:
    """What the parser reads, in the plain reader's words."""
    messages, parser = run(chunks, **options)
    result = parser.result
    return {
        "messages": list(told(coalesce(messages))),
        "choices": [
            {
                **choice.model_dump(include={"index", "content", "reasoning", "refusal", "finish_reason"}),
                "stop_reason": choice.stop_reason.value,
                "tool_calls": [
                    call.model_dump(include={"id", "name", "arguments", "verdict", "ready"})
                    for call in choice.tool_calls
                ],
            }
            for choice in result.choices
        ],
        "usage": result.usage.model_dump(exclude={"source", "raw"}),
        "stop_reason": result.stop_reason.value,
        "error": result.error and result.error.model_dump(),
        "anomalies": sorted(set(anomalies(parser))),
    }


def received(reads: Iterable[bytes]) -> Iterator[Any]:
    """Chunks out of a body's bytes as they come in: events end at a blank line, which a read may cut in two."""
    rest = b""
    for piece in reads:
        *events, rest = re.split(rb"\r?\n\r?\n", rest + piece)
        for event in events:
            yield from truth.chunks(event.decode())
    yield from truth.chunks(rest.decode())


@pytest.mark.slow("every recording in several chunkings")
@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("name", FILES)
def test_a_recording_means_to_the_parser_what_it_means_to_a_plain_reader(name):
    recorded = truth.chunks((CAPTURES / name).read_text(encoding="utf-8"))
    cuts = {
        "as recorded": recorded,
        "as received": list(received(network_reads(name))),
        "one character a delta": every(1)(recorded),
        "merged": whole(recorded),
    }
    found = {mode: {cut: reading(cuts[cut], options) for cut in cuts} for mode, (options, _) in MODES.items()}
    expected = {mode: dict.fromkeys(cuts, truth.read(recorded, **plain)) for mode, (_, plain) in MODES.items()}
    if name in JUDGED:
        assert found != expected
    else:
        assert found == expected


def test_every_exception_is_a_recording():
    assert {*JUDGED} <= {*FILES} or not FILES
