"""What docs/use-with.md shows runs with the real clients, and prints what it says; `make test-clients` has all."""

import ast
import asyncio
import contextlib
import importlib
import inspect
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from streamfsm.replay import capture
from streamfsm.replay.loopback import serve

PAGE = (Path(__file__).parents[1] / "docs" / "use-with.md").read_text(encoding="utf-8")
CALLS, WORDS = re.findall(r"```text\n(.*?)```\n", PAGE, re.DOTALL)
BEGIN, *REST = re.findall(r"^```python\n(.*?)```\n", PAGE, re.DOTALL | re.MULTILINE)
# The programs of the page by the package that each is for; `Shared` goes before those of the frameworks.
SECTIONS = dict(re.findall(r"^##+ ([\w-]+)\n(?:(?!^#).)*?^```python\n(.*?)^```\n", PAGE, re.DOTALL | re.MULTILINE))
CLIENTS = {
    "openai": "openai",
    "groq": "groq",
    "litellm": "litellm",
    "huggingface_hub": "huggingface_hub",
    "together": "together",
    "cerebras": "cerebras.cloud.sdk",
    "mistralai": "mistralai.client",
}
FRAMEWORKS = {"pydantic-ai": "pydantic_ai", "LangChain": "langchain_openai", "openai-agents": "agents"}
SHARED = next(code for code in REST if "class Shared" in code)


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}


def call(**function: str) -> dict[str, Any]:
    named = {"id": "call_1", "type": "function"} if "name" in function else {}
    return chunk(tool_calls=[{"index": 0, **named, "function": function}])


SPEECH = [chunk(role="assistant", content=""), chunk(content="Let me "), chunk(content="look.")]
ANSWERS = {
    "words": [chunk(role="assistant", content="In the "), chunk(content="air."), chunk("stop")],
    "whole-calls": [*SPEECH, call(name="search", arguments='{"query":"swifts"}'), chunk("tool_calls")],
}
CUT = [
    *SPEECH,
    call(name="search", arguments=""),
    call(arguments='{"query":"swi'),
    call(arguments='fts"}'),
    chunk("tool_calls"),
]


@pytest.fixture
def names(monkeypatch):
    """What the page presupposes: a server, and its key."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with serve(lambda request: [capture.body(ANSWERS.get(request.get("model"), CUT)).encode()]) as url:
        yield {"__name__": "page", "URL": url, "KEY": "none"}


async def run(codes: list[str], names: dict[str, Any]) -> str:
    """What the programs print, one after the other; they may wait at their top level, as in a notebook."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        for code in codes:
            compiled = compile(code, "use-with.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            waiting = eval(compiled, names)  # noqa: S307 - our own code
            if inspect.iscoroutine(waiting):
                await waiting
    return out.getvalue()


def need(module: str) -> None:
    """Skip if a package is not installed; what others warn of on import is theirs."""
    try:
        importlib.import_module(module)
    except ModuleNotFoundError:
        pytest.skip(f"{module} is not installed; make test-clients has it")


@pytest.mark.parametrize("client", CLIENTS)
def test_the_chunks_of_a_client_are_fed_as_they_are(client, names):
    need(CLIENTS[client])
    printed = asyncio.run(run([BEGIN, SECTIONS[client]], names))
    expected = CALLS
    if client == "mistralai":
        expected = CALLS.replace('{"query":"swi\ntool_call_message fts"}', '{"query":"swifts"}')
    assert printed == expected


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_shares_the_bytes(framework, names):
    need(FRAMEWORKS[framework])
    printed = asyncio.run(run([BEGIN, SHARED, SECTIONS[framework]], names))
    assert printed == WORDS
    assert names["answer"] == "In the air."


def test_fastapi_sends_our_messages(names):
    need("fastapi")
    from fastapi.testclient import TestClient

    asyncio.run(run([BEGIN, SECTIONS["FastAPI"]], names))
    lines = TestClient(names["app"]).get("/answer").text.splitlines()
    sent = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert [(each["message_type"], each.get("content"), each.get("stop_reason")) for each in sent] == [
        ("assistant_message", "In the ", None),
        ("assistant_message", "air.", None),
        ("stop_reason", None, "end_turn"),
    ]


def test_every_program_of_the_page_is_run():
    assert {*CLIENTS, *FRAMEWORKS, "FastAPI"} == set(SECTIONS)
    assert len(REST) == len(SECTIONS) + 1


def test_the_table_leads_to_every_client():
    assert re.findall(r"^\| \[(\w+)\]", PAGE, re.MULTILINE) == [*CLIENTS]
