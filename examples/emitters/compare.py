"""Checks what other libraries emit with the grammars of ``streamfsm.sinks``, and writes ``docs/emitters.md``.

    python examples/emitters/compare.py [--write]

Each library gets the same small, hand-written streams of Chat Completions, through its public API.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from streamfsm import StreamParser
from streamfsm.replay import capture
from streamfsm.replay.loopback import serve
from streamfsm.replay.verdicts import verdict
from streamfsm.sinks import GRAMMARS, AgUi, AnthropicEvents, ResponsesEvents, UiMessageStream
from streamfsm.testing import Stream
from streamfsm.testing import streams as of
from streamfsm.wires.chat.chunking import Chunk

PAGE = Path(__file__).parents[2] / "docs" / "emitters.md"
Emit = Callable[[list[Chunk]], str]
"""Returns the body that a library emits for these chunks."""

TEXT = of.text("content", "Hi")
THOUGHT = of.text("reasoning", "Hm")
F, G = of.call(0, "f", '{"a":1}'), of.call(1, "g", "{}")
STREAMS = {
    "text": [*TEXT, *of.finish("stop"), *of.usage(1, 2)],
    "text without usage": [*TEXT, *of.finish("stop")],
    "thoughts and text": [*THOUGHT, *TEXT, *of.finish("stop"), *of.usage(1, 2)],
    "text, and thoughts after it": [*TEXT, *THOUGHT, *of.finish("stop"), *of.usage(1, 2)],
    "a call": [*F, *of.finish("tool_calls"), *of.usage(1, 2)],
    "text and a call": [*TEXT, *F, *of.finish("tool_calls"), *of.usage(1, 2)],
    "two calls": [*F, *G, *of.finish("tool_calls"), *of.usage(1, 2)],
    "two interleaved calls": [
        F[0],
        *G,
        of.call(0, "f", '{"a":1}')[1],
        *of.finish("tool_calls"),
        *of.usage(1, 2),
    ],
    "text cut off by the token limit": [*TEXT, *of.finish("length"), *of.usage(1, 2)],
}


def ours(make: Callable[[], Any]) -> Emit:
    """Emit with one of this library's sinks."""

    def emit(chunks: list[Chunk]) -> str:
        sink, parser = make(), StreamParser(boundaries=True)
        items: list[Any] = [item for chunk in chunks for item in parser.feed(chunk)] + parser.close()
        events = [event for item in items for event in sink.feed(item)] + sink.close(parser.result)
        return (b"".join(map(sink.frame, events)) + sink.LAST).decode()

    return emit


def rosetta(source: str, request: dict[str, Any]) -> Emit:
    """Emit with llm-rosetta's ``ConversionPipeline.create_stream_processor``, chunk by chunk."""

    def emit(chunks: list[Chunk]) -> str:
        from llm_rosetta.pipeline import ConversionPipeline

        pipeline = ConversionPipeline(source, "openai_chat")
        pipeline.convert_request({"model": "m", "stream": True, **request})
        processor = pipeline.create_stream_processor()
        return capture.body([event for chunk in chunks for event in processor.process_chunk(chunk)]).replace(
            "data: [DONE]\n\n", ""
        )

    return emit


def litellm_responses(chunks: list[Chunk]) -> str:
    """Emit with ``litellm.responses``, from a local provider that speaks only Chat Completions."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # otherwise it uses the network when it is imported
    import litellm

    tools: Any = [{"type": "function", "name": name, "parameters": {"type": "object"}} for name in "fg"]
    with serve(lambda _: [capture.body(chunks).encode()]) as url:
        asked = {"api_base": url, "api_key": "none", "stream": True, "tools": tools}
        events: Any = litellm.responses(model="deepseek/m", input="x", **asked)
        return capture.body([event.model_dump(mode="json", exclude_none=True) for event in events]).replace(
            "data: [DONE]\n\n", ""
        )


def pydantic_ai(protocol: str) -> Emit:
    """Emit with an adapter of pydantic-ai, for an agent with a local model, whose tools the client runs."""

    def emit(chunks: list[Chunk]) -> str:
        body = capture.body(chunks)
        with serve(lambda _: [body.encode()]) as url:
            return asyncio.run(_run(url, protocol))

    return emit


async def _run(url: str, protocol: str) -> str:
    from ag_ui.core import RunAgentInput, UserMessage
    from pydantic_ai import Agent, DeferredToolRequests, ExternalToolset, ToolDefinition
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.ui.ag_ui import AGUIAdapter
    from pydantic_ai.ui.vercel_ai import VercelAIAdapter
    from pydantic_ai.ui.vercel_ai.request_types import SubmitMessage, TextUIPart, UIMessage

    tools = ExternalToolset([ToolDefinition(name=name, parameters_json_schema={"type": "object"}) for name in "fg"])
    model = OpenAIChatModel("m", provider=OpenAIProvider(base_url=url, api_key="none"))
    agent: Any = Agent(model, output_type=[str, DeferredToolRequests], toolsets=[tools])
    adapter: Any
    if protocol == "ag-ui":
        asked = {"messages": [UserMessage(id="1", content="x")], "tools": [], "context": [], "state": {}}
        run = RunAgentInput(thread_id="t", run_id="r", forwarded_props={}, **asked)
        adapter = AGUIAdapter(agent=agent, run_input=run)
    else:
        message = UIMessage(id="1", role="user", parts=[TextUIPart(text="x")])
        adapter = VercelAIAdapter(agent=agent, run_input=SubmitMessage(id="1", messages=[message]))
    return "".join([piece async for piece in adapter.encode_stream(adapter.run_stream())])


EMITTERS: dict[str, tuple[str, Emit, str | None]] = {
    "`AgUi`": ("ag-ui", ours(AgUi), None),
    "pydantic-ai, `AGUIAdapter`": ("ag-ui", pydantic_ai("ag-ui"), "pydantic-ai-slim"),
    "`UiMessageStream`": ("ui-messages", ours(UiMessageStream), None),
    "pydantic-ai, `VercelAIAdapter`": ("ui-messages", pydantic_ai("ui-messages"), "pydantic-ai-slim"),
    "`ResponsesEvents`": ("responses", ours(ResponsesEvents), None),
    "llm-rosetta, to Responses": ("responses", rosetta("openai_responses", {"input": "x"}), "llm-rosetta"),
    "litellm, to Responses": ("responses", litellm_responses, "litellm"),
    "`AnthropicEvents`": ("anthropic", ours(AnthropicEvents), None),
    "llm-rosetta, to Anthropic": (
        "anthropic",
        rosetta("anthropic", {"messages": [{"role": "user", "content": "x"}], "max_tokens": 9}),
        "llm-rosetta",
    ),
}

HEAD = """\
<!-- Written by examples/emitters/compare.py. -->

# Emitters

This page checks what other libraries emit for small streams of Chat Completions, with the [grammars](sinks.md) of the
protocols that they emit. `make emitters` installs the versions below in a separate environment, runs the checks, and
writes this page. Each library is called through its public API, with complete chunks as OpenAI sends them; only the
interleaved calls are like those of other servers. llm-rosetta's stream processor reads chunks, and has no method for
the end of a stream.

*lawful*: no event was illegal. A **number** links to the first illegal event. Only the order of events is checked: a
lenient reader may understand an unlawful stream, and a lawful stream may say something else than the model.

"""


def page() -> Iterator[str]:
    """Yield the page."""
    yield HEAD
    yield f"| Stream | {' | '.join(EMITTERS)} |\n| --- |{' --- |' * len(EMITTERS)}\n"
    found: list[str] = []
    for title, atoms in STREAMS.items():
        stream = Stream(atoms)
        cells = []
        for name, (wire, emit, _) in EMITTERS.items():
            told = verdict("body", emit(stream.plain()), GRAMMARS[wire])
            if told.violation is None:
                cells.append("lawful")
                continue
            said = "\n".join(stream.lines())
            found.append(f"### {len(found) + 1}. {name}: {title}\n\n{told.violation}.\n\n```text\n{said}\n```\n")
            cells.append(f"**{len(found)}**")
        yield f"| {title} | {' | '.join(cells)} |\n"
    yield "\n## What was found\n\nFor each: the first illegal event, and the logical stream.\n\n"
    yield "\n".join(found)
    packages = dict.fromkeys(package for _, _, package in EMITTERS.values() if package)
    tried = ", ".join(f"{package} {version(package)}" for package in packages)
    yield f"\n## Versions\n\n{tried}.\n"


def main() -> int:
    """Write the page, or print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write docs/emitters.md")
    text = "".join(page())
    if parser.parse_args().write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
