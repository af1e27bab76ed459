"""Shows example streams as they arrive, the raw wire next to the messages; then one of them in three chunkings.

``make demo`` runs it. In a terminal, the streams play at a readable pace; ``--no-delay`` shows them at once.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from streamfsm import StreamMessage, StreamParser, ToolCallMessage
from streamfsm.cli import main
from streamfsm.cli.terminal import printable, said
from streamfsm.replay import capture

CAPTURES = Path(__file__).parent / "captures"
SHOWN = {
    "A thought and a greeting, in one tool call": "send-message.sse",
    "Two tool calls, the first with a thought": "parallel-calls.sse",
    "A model that reasons, then answers": "reasoning.sse",
    "Reasoning between tags": "think-tags.sse",
    "A call that the token limit cut off": "cut-by-length.sse",
    "An error in the middle of a sentence": "error-event.sse",
}
THINK_TAGS = ("<think>", "</think>")
INTRO = """
A model's answer arrives in fragments. On the left is what the server sends; a │
stands where one chunk ends and the next one begins. On the right is what your
program gets: typed messages, each as soon as its text is certain."""
OUTRO = """
However it is cut, it says the same. To see a stream of your own, record it, and
run: streamfsm replay FILE.sse. A good next read is docs/tutorial.md."""
KINDS = {
    "reasoning_message": ("thinks", "magenta"),
    "assistant_message": ("says", "green"),
    "tool_call_message": ("calls", "cyan"),
    "stop_reason": ("stops", "yellow"),
}
PACE = 0.03  # seconds between chunks


def heading(text: str) -> None:
    """Print a heading."""
    print()
    print(f"━━ {text} ".ljust(80, "━"))


def wire(chunk: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names of a chunk's fields, and their texts."""
    if "error" in chunk:
        yield "error", json.dumps(chunk["error"])
    for choice in chunk.get("choices", ()):
        delta = choice["delta"]
        functions = [call["function"] for call in delta.get("tool_calls", ())]
        for part in (delta, *functions, choice):
            names = ("reasoning_content", "content", "name", "arguments", "finish_reason")
            yield from ((name, part[name]) for name in names if part.get(name))


class Columns:
    """A stream in two columns: a row for each run of messages, next to the wire text that led to it."""

    def __init__(self) -> None:
        self._rows: list[tuple[Text, Text, Text]] = []
        self._sent = Text()
        """The wire text since the last message."""
        self._field = self._otid = ""

    def send(self, name: str, text: str) -> None:
        """Add a piece of wire text."""
        if name == self._field:
            self._sent.append("│", "dim")
        else:
            self._sent.append("\n" if self._field else "").append(f"{name} ", "dim")
        self._sent.append(printable(text))
        self._field = name

    def give(self, message: StreamMessage) -> None:
        """Add a message, in the same row as the previous one if it continues that."""
        kind, style = KINDS[message.message_type]
        if message.otid != self._otid:
            self._rows.append((Text(), Text(kind, f"bold {style}"), Text()))
            if self._sent.plain.startswith("\n"):
                self._sent = self._sent[1:]
            self._otid = f"{message.otid}"
        sent, _, given = self._rows[-1]
        sent.append(self._sent)
        given.append(printable(said(message)), style)
        if isinstance(message, ToolCallMessage) and message.tool_call.name:
            given.append("\n")
        self._sent = Text()

    def __rich__(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, width=80, header_style="underline")
        table.add_column("on the wire", overflow="fold", ratio=1)
        table.add_column("", min_width=6)
        table.add_column("you get", overflow="fold", ratio=1)
        for row in (*self._rows, *([(self._sent, Text(), Text())] if self._sent else ())):
            table.add_row(*row)
        return table


def play(title: str, name: str, pace: float) -> None:
    """Show a capture as it arrives, then which of its calls can be run."""
    heading(f"{title}: {name}")
    parser = StreamParser(think_tags=THINK_TAGS if name == "think-tags.sse" else None)
    columns, console = Columns(), Console(highlight=False)
    with (
        Live(columns, console=console, auto_refresh=False, vertical_overflow="visible")
        if pace
        else nullcontext() as live
    ):
        for chunk in capture.chunks((CAPTURES / name).read_text(encoding="utf-8")):
            for field, text in wire(chunk):
                columns.send(field, text)
            if live:
                live.refresh()
                time.sleep(pace)
            for message in parser.feed(chunk):
                columns.give(message)
        for message in parser.close():
            columns.give(message)
    if not pace:
        console.print(columns)
    for call in parser.result.tool_calls:
        print(f"{call.name}: {'complete, ready to run' if call.ready else f'{call.verdict}, must not be run'}")


def replayed(name: str, *options: str) -> list[str]:
    """Return the messages of a capture as JSON."""
    with redirect_stdout(StringIO()) as output:
        main(["replay", str(CAPTURES / name), "--json", *options])
    return output.getvalue().splitlines()


def compare(name: str) -> None:
    """Cut a capture in three ways, and show that the output is the same."""
    heading(f"The first stream again, cut in other ways: {name}")
    expected = replayed(name)
    for chunking, how in (("whole", "uncut"), ("char", "a character a chunk"), ("random:7", "anywhere")):
        came = replayed(name, "--chunking", chunking, "--deltas")
        coalesced = replayed(name, "--chunking", chunking)
        print(f"{chunking:9} {len(came):3} messages came, {len(coalesced)} once joined ({how})")
        if coalesced != expected:
            sys.exit(f"chunking {chunking} says something else")
    print("\nThe same in each, ids and all:")
    for line in expected:
        message = json.loads(line)
        text = message.get("reasoning") or message.get("content") or message.get("stop_reason")
        print(f"  {message['message_type']:17}  {json.dumps(text, ensure_ascii=False)}")


if __name__ == "__main__":
    print(INTRO)
    for shown in SHOWN.items():
        play(*shown, PACE if sys.stdout.isatty() and "--no-delay" not in sys.argv else 0)
    compare("send-message.sse")
    print(OUTRO)
