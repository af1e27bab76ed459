"""Parses all the arguments so far again at each delta, to show one of them while it grows."""

from collections.abc import Callable, Iterator
from typing import Any

from streamfsm.testing import Said


class Reparse:
    """Says the argument ``message`` so far, decoded.

    Args:
        parse: returns the value of the beginning of a JSON text.
    """

    def __init__(self, parse: Callable[[str], Any]) -> None:
        self.parse = parse
        self.arguments = ""

    def feed(self, chunk: dict[str, Any]) -> Iterator[Said]:
        """Yield the message so far, which replaces what was said before."""
        for choice in chunk["choices"]:
            for entry in choice["delta"].get("tool_calls") or ():
                self.arguments += entry["function"].get("arguments") or ""
                if self.arguments.strip():
                    yield Said("content", 0, self.parse(self.arguments).get("message", ""), snapshot=True)

    def close(self) -> None:
        """Do nothing: everything has been said."""
