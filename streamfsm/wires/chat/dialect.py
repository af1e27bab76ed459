"""Providers' accents, as data."""

from functools import cached_property
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from streamfsm.wires.chat.shortcut import DELTA

Merge: TypeAlias = Literal["fragment", "snapshot"]
"""``fragment``: each piece goes on where the last one ended. ``snapshot``: each is the whole so far."""


class Dialect(BaseModel):
    """How a server speaks Chat Completions, where servers differ: a merge policy per field.

    The defaults fit every server on record, or decide by evidence and say so as an anomaly. A policy is pinned where a
    server is known to do something else. What has no policy has one meaning: ids are set once, text fields of a choice
    keep apart, and what no policy names is kept as an extra.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["auto"] | Merge = "auto"
    """Several names of one call. ``auto``: one that comes with the call's own id again, and repeats or extends the name
    so far, is a snapshot; any other is a fragment."""
    arguments: Merge = "fragment"
    """A call's arguments."""
    content: Merge = "fragment"
    """Content, refusal and transcript."""
    reasoning: Merge = "fragment"
    """Native reasoning."""
    usage: Literal["last", "max"] = "last"
    """Of several reports of one count, the one that stands. Never their sum."""
    finish: Literal["ranked", "first", "last"] = "ranked"
    """Of several finish reasons, the one that stands. ``ranked``: the one that says most; see ``docs/endings.md``."""
    reasoning_fields: tuple[str, ...] = ("reasoning_content", "reasoning", "reasoning_text")
    """Delta fields with native reasoning, in order of preference. The same text in several counts once."""
    unmarked_end: Literal["incomplete", "complete"] = "incomplete"
    """What a stream amounts to that ends without a finish reason. ``complete``: trust it if something came and every
    call is structurally whole."""
    strict_end: bool = False
    """Whether an unmarked end fails the stream instead, with code ``unmarked_end``."""

    @cached_property
    def reasoning_names(self) -> frozenset[str]:
        """All delta fields in which reasoning is looked for."""
        return _STRUCTURED.union(self.reasoning_fields)

    @cached_property
    def reasoning_order(self) -> tuple[str, ...]:
        """Those whose text is read, in reading order: what has structure tells the order of what can be read."""
        return tuple(dict.fromkeys(("reasoning_details", "thinking_blocks", *self.reasoning_fields)))

    @cached_property
    def reasoning_texts(self) -> frozenset[str]:
        """Those that hold a text and nothing else; none if a field of another meaning is named among them."""
        names = frozenset(self.reasoning_fields)
        return names - _STRUCTURED if names.isdisjoint(DELTA) else frozenset()


_STRUCTURED = frozenset({"reasoning_details", "reasoning_opaque", "thinking_blocks"})
