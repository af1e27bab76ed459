"""Shows the files that a coding agent writes: each text in its calls, decoded while it streams.

The server is a scripted one on this machine. For a real one, give ``OpenAI`` its URL and key.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import openai
from rich.console import Console
from rich.live import Live
from rich.panel import Panel

from streamfsm import ArgumentMessage, Channel, OpenAIStreamingInterface
from streamfsm.replay.loopback import serve
from streamfsm.wires.chat.chunking import every

CHANNELS = [
    Channel("$.path", ["write_file", "edit_file"], when="whole"),
    Channel("$.content", "write_file"),
    Channel("$.edits[*].new_text", "edit_file"),
]
CALLS = [
    ("write_file", {"path": "birds.py", "content": 'def sing(bird: str) -> str:\n    return f"{bird}: \u266a"\n'}),
    (
        "edit_file",
        {
            "path": "main.py",
            "edits": [{"line": 1, "new_text": "import birds"}, {"line": 9, "new_text": "# \U0001f426"}],
        },
    ),
]


def show(messages: Iterator[Any], console: Console) -> None:
    """Show each text in a panel of its own, as it arrives."""
    paths: dict[str | None, str] = {}
    panel = None
    for message in messages:
        if not isinstance(message, ArgumentMessage):
            continue
        if message.channel == "path":
            paths[message.tool_call_id] = message.value
            continue
        if panel is None:
            title = f"{paths.get(message.tool_call_id, '?')} {message.path}"
            text, panel = "", Live(console=console, refresh_per_second=20)
            panel.start()
        text += message.delta or ""
        panel.update(Panel(text.rstrip(), title=title, title_align="left", width=60))
        if message.done:
            panel.stop()
            if not console.is_terminal:
                console.print()
            panel = None


def script(pause: float) -> Iterator[bytes]:
    """Yield the response of the scripted server, a few characters at a time."""
    calls = [
        {
            "index": index,
            "id": f"call_{index}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        for index, (name, arguments) in enumerate(CALLS)
    ]
    chunk: dict[str, Any] = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
    whole = [
        {**chunk, "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]} for call in calls
    ]
    whole.append({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    for each in every(3)(whole):
        time.sleep(pause)
        yield f"data: {json.dumps(each)}\n\n".encode()
    yield b"data: [DONE]\n\n"


def main() -> None:
    """Ask the scripted server, and show what the agent writes."""
    pause = 0.0 if "--no-delay" in sys.argv else 0.03
    with (
        serve(lambda _: script(pause)) as url,
        openai.DefaultHttpxClient(trust_env=False) as http,
        openai.OpenAI(base_url=url, api_key="none", http_client=http) as client,
    ):
        stream = client.chat.completions.create(model="scripted", messages=[], stream=True)
        interface = OpenAIStreamingInterface(channels=CHANNELS)
        show(interface.process_sync(stream), Console())
        print("ready:", ", ".join(call.name for call in interface.result.ready_calls))


if __name__ == "__main__":
    main()
