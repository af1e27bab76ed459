"""Replay the example captures, then show one of them in three chunkings. Run by ``make demo``."""

import json
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from streamfsm.cli import main

CAPTURES = Path(__file__).parent / "captures"
SHOWN = [
    ("Thoughts and speech, out of one tool call", "send-message.sse"),
    ("Two tool calls, one with thoughts", "parallel-calls.sse"),
    ("A model that reasons, then answers", "reasoning.sse"),
    ("Reasoning between tags", "think-tags.sse", "--think-tags", "<think>", "</think>"),
    ("A call that the token limit cut off is not ready", "cut-by-length.sse"),
    ("An error in the middle of a sentence", "error-event.sse"),
]


def heading(text: str) -> None:
    """Print a line that begins a part."""
    print()
    print(f"━━ {text} ".ljust(80, "━"))


def replay_all() -> None:
    """Show each capture as typed messages."""
    for title, name, *options in SHOWN:
        heading(f"{title}: {name}")
        if main(["replay", str(CAPTURES / name), *options]) > 1:
            sys.exit("an example cannot be replayed")


def replayed(name: str, *options: str) -> list[str]:
    """The messages of a capture, as JSON."""
    with redirect_stdout(StringIO()) as output:
        main(["replay", str(CAPTURES / name), "--json", *options])
    return output.getvalue().splitlines()


def compare(name: str) -> None:
    """Cut one capture in three ways and see that all say the same."""
    heading(f"One stream, three chunkings, one result: {name}")
    expected = replayed(name)
    for chunking in ("whole", "char", "random:7"):
        came = replayed(name, "--chunking", chunking, "--deltas")
        coalesced = replayed(name, "--chunking", chunking)
        print(f"{chunking:8}  {len(came):3} messages came, {len(coalesced)} once coalesced")
        if coalesced != expected:
            sys.exit(f"chunking {chunking} says something else")
    print("\nThe same in each, ids and all:")
    for line in expected:
        message = json.loads(line)
        said = message.get("reasoning") or message.get("content") or message.get("stop_reason")
        print(f"  {message['otid'][-4:]}  {message['message_type']:17}  {json.dumps(said, ensure_ascii=False)}")


if __name__ == "__main__":
    replay_all()
    compare("send-message.sse")
