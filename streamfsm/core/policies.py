"""``Policies``: how the pieces of each field are merged, on any wire."""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, field_validator

from streamfsm.machines.endings import TEACHABLE

Merge: TypeAlias = Literal["fragment", "snapshot"]
"""``fragment``: each piece continues the last one. ``snapshot``: each piece is cumulative."""
Keep: TypeAlias = Literal["set", "list", "concatenate"]
"""``set``: each value once, in order. ``list``: every value, in order. ``concatenate``: texts are pieces of one."""

EXTRAS: dict[str, Keep] = {
    "logprobs": "list",
    "content": "list",
    "token_ids": "list",
    "audio.data": "concatenate",
    **dict.fromkeys(("arguments", "input", "parameters", "args"), "list"),
    **dict.fromkeys(("function.input", "function.parameters", "function.args", "custom.input"), "list"),
}
"""Extras in which equal values are different pieces of information, and how they are kept. All others are a ``set``."""
SENT_BACK = frozenset(
    {
        *("extra_content", "provider_specific_fields", "encrypted_content"),
        *("signature", "thought_signature", "thoughtSignature"),
    }
)
"""Extras that a server needs back. They have a limit of their own."""


class Policies(BaseModel):
    """A merge policy per field that servers merge differently; a wire's dialect adds what only that wire has.

    The defaults fit every recorded server, or decide by evidence and record an anomaly. Set a policy if a server is
    known to do something else. Fields without a policy have one meaning: ids are set once, the text fields of a choice
    are separate, and a field that the parser does not interpret is kept as an extra.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    name: Literal["auto"] | Merge = "auto"
    """Several pieces of a call's name. ``auto``: a piece that comes with the call's own id, and repeats or extends the
    name so far, is cumulative; any other is a fragment. The call is in doubt if the fragment may belong to another."""
    arguments: Merge | Literal["placeholder"] = "fragment"
    """A call's arguments. ``placeholder``: fragments, but an empty object or ``null`` that comes first is held back,
    and left out if more follows."""
    content: Merge | Literal["final_repeat"] = "fragment"
    """Content, refusal and transcript. ``final_repeat``: fragments, but text that repeats the beginning is held back
    until it differs; if at the end all of the text has come again, the repetition is left out."""
    reasoning: Merge | Literal["final_repeat"] = "fragment"
    """Native reasoning, with the same policies as content."""
    usage: Literal["last", "max"] = "last"
    """Which of several reports of a token count stands. Reports are never added up."""
    finish: Literal["ranked", "first", "last"] = "ranked"
    """Which of several finish reasons stands. ``ranked``: the most specific one; see ``docs/endings.md``."""
    finish_words: Mapping[str, str] = {}
    """Finish reasons of this server, and what each means: a finish reason of ``docs/endings.md``, such as ``stop``, or
    a stop reason, such as ``end_turn``. They override the built-in ones; case does not matter."""
    unmarked_end: Literal["incomplete", "complete"] = "incomplete"
    """What an end without a finish reason means. ``complete``: the stream is complete if anything came and every call
    is structurally complete."""
    strict_end: bool = False
    """Whether an end without a finish reason fails the stream instead, with code ``unmarked_end``."""
    extras: Mapping[str, Keep] = {}
    """How extras are kept, by the field's name, in addition to what `docs/wire.md` lists. ``set``: each value once.
    ``list``: every value. ``concatenate``: texts are pieces of one text. A dot names a member: ``audio.data``."""

    @cached_property
    def kept_apart(self) -> dict[str, list[str]]:
        """Field → its members that have a policy of their own."""
        found: dict[str, list[str]] = {}
        for name in {**EXTRAS, **self.extras}:
            outer, _, member = name.rpartition(".")
            if outer:
                found.setdefault(outer, []).append(member)
        return found

    def keep(self, name: str) -> Keep:
        """Return how the values of an extra are kept."""
        return self.extras.get(name) or EXTRAS.get(name, "set")

    def counts_once(self, name: str) -> bool:
        """Whether a repeated value of an extra is redundant."""
        return self.keep(name) == "set" and name not in self.kept_apart

    @field_validator("finish_words")
    @classmethod
    def _are_known(cls, words: Mapping[str, str]) -> dict[str, str]:
        taught = {word.casefold(): meaning.casefold() for word, meaning in words.items()}
        if unknown := set(taught.values()) - TEACHABLE:
            raise ValueError(f"{', '.join(sorted(unknown))}: neither a finish reason nor a stop reason")
        return taught
