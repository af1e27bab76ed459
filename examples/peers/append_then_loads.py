"""The simplest solution, as a baseline: join the arguments, and call ``json.loads`` at the end."""

import json
from collections.abc import Iterator
from typing import Any

from streamfsm.testing import Said

PACKAGES = ()
KINDS = ("content", "name", "arguments")
CLAIMS = dict.fromkeys(
    (
        "split invariance",
        "nothing lost",
        "append-only",
        "promptness",
        "output grammar",
        "cut off",
        "dialects",
        "linear",
    ),
    "what its author expects of it",
)


class Adapter:
    """Says content as it comes, and calls when the stream has ended."""

    def __init__(self) -> None:
        self.calls: dict[int, dict[str, Any]] = {}

    def feed(self, chunk: dict[str, Any]) -> Iterator[Said]:
        """Yield the content of this chunk."""
        for choice in chunk["choices"]:
            delta = choice["delta"]
            if delta.get("content"):
                yield Said("content", 0, delta["content"])
            for entry in delta.get("tool_calls") or ():
                call = self.calls.setdefault(entry["index"], {"id": entry.get("id"), "name": "", "arguments": []})
                call["name"] += entry["function"].get("name") or ""
                call["arguments"].append(entry["function"].get("arguments") or "")

    def close(self) -> Iterator[Said]:
        """Yield the calls, whose arguments must be valid JSON."""
        for call in self.calls.values():
            arguments = "".join(call["arguments"])
            json.loads(arguments)  # as the tool would get them
            yield Said("name", call["id"], call["name"])
            yield Said("arguments", call["id"], arguments)
