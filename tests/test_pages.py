"""Every Python block of every page runs, and prints what the page says."""

import ast
import asyncio
import contextlib
import inspect
import io
import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
# What the reader of a page has already: its blocks are parts of a program.
BEFORE = {
    "boundaries.md": """
from streamfsm import CallClosed, RunEnded, RunStarted, StreamParser
parser, chunk = StreamParser(boundaries=True), {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}
""",
    "facade.md": """
import time
from contextlib import aclosing
from helpers import call_chunks
from streamfsm import OpenAIStreamingInterface, StreamParser
span, sent, stored = None, [], []
send, store = sent.append, lambda *parts: stored.append(parts)


class Stream:
    def __iter__(self):
        return iter(call_chunks("search", ["{}"]))

    async def __aiter__(self):
        for chunk in self:
            yield chunk


stream = Stream()
""",
    "history.md": """
from helpers import call, chunk
from response_events import added, created, done, ended, function, thoughts
from streamfsm import ArgumentsError, OpenAIStreamingInterface, StreamParser
interface, messages, run = OpenAIStreamingInterface(use_assistant_message=True), [], lambda *_: "done"
list(interface.process_sync([
    chunk(call(0, "call_0", "search", "{}")),
    chunk(call(1, "call_1", "send_message", '{"message":"Hi"}')),
    chunk(call(2, "call_2", "search", '{"n":' + "1" * 5000 + "}")),
    chunk(call(3, "call_3", "search", '{"n":')),
    chunk(finish="tool_calls"),
]))
conversation = [{"type": "message", "role": "user", "content": "Do swifts sleep?"}]
searched = function('{"query":"swifts"}', "call_1", "search")
broken = function('{"query":', "call_2", "search", "f2", status="incomplete")
hosted = {"type": "mcp_call", "id": "mcp_1", "server_label": "s", "name": "look", "arguments": "{}", "output": "ok"}
output = [thoughts("Hm."), searched, hosted, broken]
stream = [created(), *[each(item, at) for at, item in enumerate(output) for each in (added, done)], ended(*output)]
""",
    "early.md": """
import json
from types import SimpleNamespace
from helpers import call, chunk
from streamfsm import ArgumentsError, StreamParser, ToolCallRevoked, ToolCallSealed, iter_messages
HUGE, NESTED = '{"n":' + "1" * 5000 + "}", '{"n":' + "[" * 100_000 + "]" * 100_000 + "}"
TOOLS, started, cancelled = {"search": None, "write": None, "shell": None}, [], []
response = [
    chunk(call(0, "call_0", "search", '{"q":1}')),
    chunk(call(1, "call_1", "search", HUGE)),
    chunk(call(2, "call_2", "search", NESTED)),
    chunk(call(3, "call_3", "send_message", '{"message":"Hi"}')),
    chunk(call(4, "call_4", "fly", '{"to":"Rome"}')),
    chunk(call(5, "call_5", "write", '{"q":2}')),
    chunk(call(7, "call_7", "search", '{"n":1}')),
    chunk(call(7, arguments="}")),
    chunk(call(8, "call_8", "search", HUGE)),
    chunk(call(8, arguments="}")),
    chunk(finish="tool_calls"),
]


def start(name, arguments):
    started.append((name, arguments))
    return SimpleNamespace(cancel=lambda: cancelled.append(arguments))
""",
    "recording.md": """
from helpers import call_chunks
response = call_chunks("search", ["{}"])
""",
    "telemetry.md": """
from types import SimpleNamespace
from helpers import call_chunks
from opentelemetry import trace
from streamfsm import OpenAIStreamingInterface
tracer, messages, send = trace.get_tracer("app"), [], [].append


async def chunks():
    for chunk in call_chunks("search", ["{}"]):
        yield chunk


async def create(**_):
    return chunks()


client = SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))
""",
}
# What has become of it.
AFTER = {
    "history.md": """
import openai.types.responses
import pydantic
sent, *told = messages
assert [each["id"] for each in sent["tool_calls"]] == ["call_0", "call_1", "call_2"]
assert [(each["tool_call_id"], each["content"][:7]) for each in told] == [
    ("call_0", "done"), ("call_1", "sent"), ("call_2", "not run")
]
taken = pydantic.TypeAdapter(openai.types.responses.ResponseInputItemParam).validate_python
for item in request["input"]:
    taken(item)
""",
    "early.md": """
assert started == [("search", {"q": 1}), ("search", {"n": 1}), ("write", {"q": 2})]
assert cancelled == [{"n": 1}]
assert running.keys() == {"call_0", "call_5"}
assert answers.keys() == {"call_1", "call_2", "call_3", "call_4"}
""",
}
# These have files of their own, which ask more: test_testing_docs.py and, with the clients, test_clients.py.
ELSEWHERE = {"testing.md", "use-with.md"}
PAGES = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if "```python\n" in page.read_text(encoding="utf-8") and page.name not in ELSEWHERE
]


def run(code: str, name: str, names: dict[str, Any]) -> str:
    """What ``code`` prints; it may wait at its top level, as in a notebook."""
    compiled = compile(code, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        waiting = eval(compiled, names)  # noqa: S307 - our own code
        if inspect.iscoroutine(waiting):
            asyncio.run(waiting)
    return out.getvalue()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_runs_and_prints_what_the_page_says(page: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write a file
    names: dict[str, Any] = {"__name__": page.stem}
    run(BEFORE.get(page.name, ""), page.name, names)
    for code, expected in BLOCK.findall(page.read_text(encoding="utf-8")):
        printed = run(code, page.name, names)
        if expected:
            assert printed == expected
    run(AFTER.get(page.name, ""), page.name, names)


def test_a_page_that_is_run_elsewhere_has_blocks():
    assert {name for name in ELSEWHERE if "```python\n" not in (DOCS / name).read_text(encoding="utf-8")} == set()


def test_the_picture_of_the_readme_shows_what_such_a_parser_gives():
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    picture = re.findall(r"```text\n(the wire.*?)```\n", readme, re.DOTALL)[0].splitlines()
    heading, picture = picture[0], picture[2:]
    column, after = heading.index("a parser of today"), heading.index("streamfsm")
    names: dict[str, Any] = {}
    run(BLOCK.findall((DOCS / "why.md").read_text(encoding="utf-8"))[0][0], "why.md", names)
    parser = names["Usual"]()
    wire = [line[: column - 1].rstrip() for line in picture]
    assert [line[column:after].rstrip() for line in picture] == [parser.feed(piece).rstrip() for piece in wire]
