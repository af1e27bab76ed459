"""``Dialect``: how a server's Chat Completions differ from OpenAI's."""

from functools import cached_property
from typing import Literal

from streamfsm.core.policies import Policies
from streamfsm.wires.chat.fields import DELTA


class Dialect(Policies):
    """How a server's Chat Completions differ from OpenAI's: the merge policies, and the names of its fields."""

    reasoning_fields: tuple[str, ...] = ("reasoning_content", "reasoning", "reasoning_text")
    """Delta fields with native reasoning, in order of preference. The same text in several fields is read once."""
    error_fields: tuple[str, ...] = ()
    """Other fields of a chunk that hold an error when they are not empty, as ``error`` does."""
    choice: Literal["auto", "one", "many"] = "auto"
    """What the index of a choice means. ``one``: nothing, because there is only one answer. ``many``: the choice.
    ``auto``: the choice, unless the index counts tokens; see ``docs/choices.md``."""

    @cached_property
    def reasoning_names(self) -> frozenset[str]:
        """All delta fields in which reasoning may come."""
        return _STRUCTURED.union(self.reasoning_fields)

    @cached_property
    def reasoning_order(self) -> tuple[str, ...]:
        """The fields whose text is read, in reading order: structured ones first, because they order their parts."""
        return tuple(dict.fromkeys(("reasoning_details", "thinking_blocks", *self.reasoning_fields)))

    @cached_property
    def reasoning_texts(self) -> frozenset[str]:
        """The fields that hold plain text; none if a field with another meaning is among them."""
        names = frozenset(self.reasoning_fields)
        return names - _STRUCTURED if names.isdisjoint(DELTA) else frozenset()


_STRUCTURED = frozenset({"reasoning_details", "reasoning_opaque", "thinking_blocks"})
