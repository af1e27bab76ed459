"""``Policies``: how what a server says is merged, whatever its wire."""

from collections.abc import Mapping
from functools import cached_property
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, field_validator

from streamfsm.machines.endings import TEACHABLE

Merge: TypeAlias = Literal["fragment", "snapshot"]
"""``fragment``: each piece goes on where the last one ended. ``snapshot``: each is the whole so far."""
Keep: TypeAlias = Literal["set", "list", "concatenate"]
"""``set``: each value once, in order. ``list``: every value, in order. ``concatenate``: texts are pieces of one."""

EXTRAS: dict[str, Keep] = {
    "logprobs": "list",
    "content": "list",
    "audio.data": "concatenate",
    **dict.fromkeys(("arguments", "input", "parameters", "args"), "list"),
    **dict.fromkeys(("function.input", "function.parameters", "function.args", "custom.input"), "list"),
}
"""Fields that are not read and in which the same value may come again and mean more: all others are a ``set``."""
SENT_BACK = frozenset(
    {
        *("extra_content", "provider_specific_fields", "encrypted_content"),
        *("signature", "thought_signature", "thoughtSignature"),
    }
)
"""Fields that are not read and that a server needs back, with what they came with. They have a bound of their own."""


class Policies(BaseModel):
    """A merge policy per field that servers merge differently; a wire's dialect adds what only that wire has.

    The defaults fit every server on record, or decide by evidence and say so as an anomaly. A policy is pinned where a
    server is known to do something else. What has no policy has one meaning: ids are set once, text fields of a choice
    keep apart, and what no policy names is kept as an extra.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["auto"] | Merge = "auto"
    """Several names of one call. ``auto``: one that comes with the call's own id again, and repeats or extends the name
    so far, is a snapshot; any other is a fragment, which leaves the call in doubt if another call may have sent it."""
    arguments: Merge | Literal["placeholder"] = "fragment"
    """A call's arguments. ``placeholder``: fragments, and an empty object or ``null`` that comes first is held back and
    left out if more follows."""
    content: Merge | Literal["final_repeat"] = "fragment"
    """Content, refusal and transcript. ``final_repeat``: fragments, and a piece that begins like the text so far is
    held back until it goes on otherwise; if at the end all of the text has come again, that is left out."""
    reasoning: Merge | Literal["final_repeat"] = "fragment"
    """Native reasoning, merged in the same ways."""
    usage: Literal["last", "max"] = "last"
    """Of several reports of one count, the one that stands. Never their sum."""
    finish: Literal["ranked", "first", "last"] = "ranked"
    """Of several finish reasons, the one that stands. ``ranked``: the one that says most; see ``docs/endings.md``."""
    finish_words: Mapping[str, str] = {}
    """Finish reasons of this server, and what each means: a word of ``docs/endings.md``, such as ``stop``, or a stop
    reason, such as ``end_turn``. They come before the shipped ones; their case does not matter."""
    unmarked_end: Literal["incomplete", "complete"] = "incomplete"
    """What a stream amounts to that ends without a finish reason. ``complete``: trust it if something came and every
    call is structurally whole."""
    strict_end: bool = False
    """Whether an unmarked end fails the stream instead, with code ``unmarked_end``."""
    extras: Mapping[str, Keep] = {}
    """How values of fields that are not read are kept, by the field's name, beside what `docs/wire.md` lists. ``set``:
    each value once. ``list``: every value. ``concatenate``: texts are pieces of one. A name with a dot is that of a
    member: ``audio.data``."""

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
        """How values of a field that is not read are kept."""
        return self.extras.get(name) or EXTRAS.get(name, "set")

    @field_validator("finish_words")
    @classmethod
    def _are_known(cls, words: Mapping[str, str]) -> dict[str, str]:
        taught = {word.casefold(): meaning.casefold() for word, meaning in words.items()}
        if unknown := set(taught.values()) - TEACHABLE:
            raise ValueError(f"{', '.join(sorted(unknown))}: neither a finish reason nor a stop reason")
        return taught
