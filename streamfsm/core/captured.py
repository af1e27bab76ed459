"""What built-in and declared channels capture in each tool's calls: one machine and one trie per tool."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic_core import from_json

from streamfsm.channels import Channel, Step, check
from streamfsm.core.scanner import UNBOUNDED
from streamfsm.core.trie import NOTHING, Taking, Trie, trie_of
from streamfsm.machines.engine import StateMachine
from streamfsm.machines.tool_call import MESSAGE, THOUGHTS, TOOL_CALL, declared, tool_call


@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    """What is captured in a tool's calls. Calls share it, and copying returns the same object."""

    made_of: tuple[Any, ...]
    machine: StateMachine
    trie: Trie
    is_speech: bool
    """Whether the tool is the message tool: its calls are not announced, and streamed only through channels."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _captured, self.made_of

    def spoken_in(self, arguments: str) -> str | None:
        """Return the thoughts and the message in complete arguments without repeated keys.

        ``None`` if not all of them are strings. Decoding takes a tenth of the time of reading the arguments again.
        """
        thoughts, message, *_ = self.made_of
        try:
            members = from_json(arguments, cache_strings=False)  # the same strings rarely come again
        except ValueError:  # half a surrogate pair, or too deep nesting
            return None
        spoken = [value for key, value in members.items() if key == message or key in thoughts]
        return "".join(spoken) if all(type(value) is str for value in spoken) else None


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of a stream. The two built-in ones capture thoughts, in any tool, and the message tool's message.

    Args:
        thoughts: the accepted keys of the thoughts.
        tool: the message tool; ``None``: there is none.
        kwarg: the key of the message in the message tool's arguments.
        declared: the other channels.
        seals: tools whose calls are sealed as soon as they are complete.
        held: the most characters that a call holds back until a key is known.

    Raises:
        MisuseError: two channels of a tool would capture the same values; see :func:`streamfsm.channels.check`.
    """

    thoughts: Collection[str]
    tool: str | None
    kwarg: str
    declared: tuple[Channel, ...] = ()
    seals: Collection[str] = ()
    held: int = UNBOUNDED

    def __post_init__(self) -> None:
        taken = [("inner_thoughts_kwarg", (Step("member", key),), None) for key in self.thoughts]
        message = [("assistant_kwarg", (Step("member", self.kwarg),), self.tool)] if self.tool else []
        check(self.declared, [*taken, *message])

    def is_message_tool(self, tool: str) -> bool:
        """Whether ``tool`` is the message tool: its calls are not announced, and streamed only through channels."""
        return tool == self.tool

    def of(self, tool: str) -> Captured:
        """Return what is captured in calls of ``tool``."""
        speech = self.is_message_tool(tool)
        own = tuple(each for each in self.declared if each.is_of(tool)) if self.declared else ()
        return _captured(tuple(self.thoughts), self.kwarg if speech else None, own, tool in self.seals)


@lru_cache(maxsize=256)
def _captured(
    thoughts: tuple[str, ...],
    message: str | None,
    channels: tuple[Channel, ...],
    seals: bool,  # noqa: FBT001 - for the cache, keywords in another order would be other arguments
) -> Captured:
    spoken = () if message is None else (Step("member", message),)
    own = [each for each in channels if not spoken or each.steps[:1] != spoken]  # the message stays an AssistantMessage
    built_in = {(Step("member", key),): Taking(THOUGHTS.event) for key in thoughts}
    if spoken:
        built_in[spoken] = Taking(MESSAGE.event)
    captures = [declared(each) for each in own]
    takings = [
        (
            each.steps,
            Taking(capture.event, each.takes == "move", True, each.when == "whole", capture.comes, capture.unfolds),
        )
        for each, capture in zip(own, captures, strict=True)
    ]
    machine = tool_call(THOUGHTS, MESSAGE, *captures, seals=seals)
    return Captured((thoughts, message, channels, seals), machine, trie_of((*built_in.items(), *takings)), bool(spoken))


UNNAMED = Captured(((), None, (), False), TOOL_CALL, NOTHING, is_speech=False)
"""Captures nothing: for calls without a name."""
