"""Captured paths as data: which top-level keys of which tool become messages of their own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Channels:
    """The two built-in channels: inner thoughts, in any tool; and the message, in the message tool.

    Args:
        thoughts: accepted keys of the inner thoughts.
        tool: the message tool, ``None`` for none.
        kwarg: the message tool's key that holds the message.
    """

    thoughts: Collection[str]
    tool: str | None
    kwarg: str
    _any: Mapping[str, str] = field(init=False, repr=False)
    _message: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_any", dict.fromkeys(self.thoughts, "thoughts_open"))
        object.__setattr__(self, "_message", {**self._any, self.kwarg: "message_open"})

    def is_message_tool(self, tool: str) -> bool:
        """Whether calls of ``tool`` are speech: never announced, and streamed only through channels."""
        return tool == self.tool

    def captured(self, tool: str) -> Mapping[str, str]:
        """Decoded key → the event that opens its value, for calls of ``tool``."""
        return self._message if self.is_message_tool(tool) else self._any
