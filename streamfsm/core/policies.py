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
    "audio.data": "concatenate",
    **dict.fromkeys(("arguments", "input", "parameters", "args"), "list"),
    **dict.fromkeys(("function.input", "function.parameters", "function.args", "custom.input"), "list"),
}
"""Fields that are not read, and in which an equal value may come again and count again. All others are a ``set``."""
SENT_BACK = frozenset(
    {
        *("extra_content", "provider_specific_fields", "encrypted_content"),
        *("signature", "thought_signature", "thoughtSignature"),
    }
)
"""Fields that are not read, and that a server needs back. They have a limit of their own."""


class Policies(BaseModel):
    """A merge policy per field that servers merge differently; a wire's dialect adds what only that wire has.

    The defaults fit every recorded server, or decide by evidence and record an anomaly. Pin a policy where a server is
    known to do something else. Fields without a policy have one meaning: ids are set once, the text fields of a choice
    are separate, and a field that no policy names is kept as an extra.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    name: Literal["auto"] | Merge = "auto"
    """Several names of one call. ``auto``: a name that comes with the call's own id, and repeats or extends the name so
    far, is cumulative; any other is a fragment. The call is in doubt if the fragment may belong to another call."""
    arguments: Merge | Literal["placeholder"] = "fragment"
    """A call's arguments. ``placeholder``: fragments, but an empty object or ``null`` that comes first is held back,
    and left out if more follows."""
    content: Merge | Literal["final_repeat"] = "fragment"
    """Content, refusal and transcript. ``final_repeat``: fragments, but text that repeats the beginning is held back
    until it differs; if at the end all of the text has come again, the repetition is left out."""
    reasoning: Merge | Literal["final_repeat"] = "fragment"
    """Native reasoning, merged in the same ways."""
    usage: Literal["last", "max"] = "last"
    """Which of several reports of one count stands. Reports are never added up."""
    finish: Literal["ranked", "first", "last"] = "ranked"
    """Which of several finish reasons stands. ``ranked``: the one that says most; see ``docs/endings.md``."""
    finish_words: Mapping[str, str] = {}
    """Finish reasons of this server, and what each means: a word of ``docs/endings.md``, such as ``stop``, or a stop
    reason, such as ``end_turn``. They override the shipped ones; case does not matter."""
    unmarked_end: Literal["incomplete", "complete"] = "incomplete"
    """How a stream that ends without a finish reason counts. ``complete``: it is complete if something came and every
    call is structurally whole."""
    strict_end: bool = False
    """Whether an unmarked end fails the stream instead, with code ``unmarked_end``."""
    extras: Mapping[str, Keep] = {}
    """How extras are kept, by the field's name, in addition to what `docs/wire.md` lists. ``set``: each value once.
    ``list``: every value. ``concatenate``: texts are pieces of one text. A dot names a member: ``audio.data``."""

    @cached_property
    def kept_apart(self) -> dict[str, list[str]]:
        """Field → those of its members that have a policy of their own."""
        found: dict[str, list[str]] = {}
        for name in {**EXTRAS, **self.extras}:
            outer, _, member = name.rpartition(".")
            if outer:
                found.setdefault(outer, []).append(member)
        return found

    def keep(self, name: str) -> Keep:
        """Return how the values of a field that is not read are kept."""
        return self.extras.get(name) or EXTRAS.get(name, "set")

    def counts_once(self, name: str) -> bool:
        """Whether an equal value of such a field says nothing when it comes again."""
        return self.keep(name) == "set" and name not in self.kept_apart

    @field_validator("finish_words")
    @classmethod
    def _are_known(cls, words: Mapping[str, str]) -> dict[str, str]:
        taught = {word.casefold(): meaning.casefold() for word, meaning in words.items()}
        if unknown := set(taught.values()) - TEACHABLE:
            raise ValueError(f"{', '.join(sorted(unknown))}: neither a finish reason nor a stop reason")
        return taught
