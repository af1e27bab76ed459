"""CopilotKit's mock server: reasoning, parallel calls, halves of emoji, and bodies that break off, on both wires."""

import json
import shutil
from pathlib import Path

import pytest
from checks import ask, check_chat, check_responses
from proxy import free_port, running

CLI = Path(__file__).parent / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
THOUGHT = "Hm \U0001f600, \u00e9\u6f22."
SPEECH = 'Said "\U0001f426\u200d\u2b1b" and\n\\u.'
CALLS = [
    {"name": "search", "arguments": json.dumps({"q": "\U0001f600", "n": [1, {"a": None}]})},
    {"name": "search", "arguments": json.dumps({"q": SPEECH}, ensure_ascii=False)},
]
SAYS = {
    "text": {"content": SPEECH},
    "thought": {"reasoning": THOUGHT, "content": SPEECH},
    "calls": {"toolCalls": CALLS},
    "all": {"reasoning": THOUGHT, "content": SPEECH, "toolCalls": CALLS},
}
SIZES = (1, 3, 1000)
BREAKS = (1, 4, 9)
FIXTURES = [
    {"match": {"userMessage": f"{name} by {size} end"}, "response": said, "chunkSize": size}
    for name, said in SAYS.items()
    for size in SIZES
] + [
    {
        "match": {"userMessage": f"{name} by 3 break {after} end"},
        "response": said,
        "chunkSize": 3,
        "latency": 20,
        "truncateAfterChunks": after,
    }
    for name, said in SAYS.items()
    for after in BREAKS
]


@pytest.fixture(scope="module")
def aimock(tmp_path_factory):
    node = shutil.which("node")
    if node is None or not CLI.exists():
        pytest.skip("aimock is not installed")
    folder, port = tmp_path_factory.mktemp("aimock"), free_port()
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": FIXTURES}))
    command = [node, str(CLI), "-p", str(port), "-f", "fixtures.json", "--log-level", "silent", "--strict"]
    with running(command, f"http://127.0.0.1:{port}/", folder):
        yield f"http://127.0.0.1:{port}/v1"


def chat(url, prompt):
    answer = ask(f"{url}/chat/completions", {"model": "m", "messages": [{"role": "user", "content": prompt}]})
    return answer, check_chat(answer, len(prompt))


def responses(url, prompt):
    answer = ask(f"{url}/responses", {"model": "m", "input": prompt})
    return answer, check_responses(answer, len(prompt))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SAYS)
@pytest.mark.parametrize("asked", [chat, responses])
def test_what_the_fixture_says_is_read(aimock, asked, name, size):
    _, result = asked(aimock, f"{name} by {size} end")
    said = SAYS[name]
    assert result.content == said.get("content", "")
    assert result.thoughts == said.get("reasoning", "")
    assert [(each.name, each.parse()) for each in result.ready_calls] == [
        (each["name"], json.loads(each["arguments"])) for each in said.get("toolCalls", ())
    ]
    assert result.error is None


@pytest.mark.parametrize("after", BREAKS)
@pytest.mark.parametrize("name", SAYS)
@pytest.mark.parametrize("asked", [chat, responses])
def test_what_breaks_off_is_read_until_there_and_no_call_is_ready(aimock, asked, name, after):
    answer, result = asked(aimock, f"{name} by 3 break {after} end")
    assert answer.error is not None
    assert result.stop_reason == "error"
    assert not result.ready_calls
    assert SAYS[name].get("content", "").startswith(result.content.rstrip("\ufffd"))
