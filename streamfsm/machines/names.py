"""What does a piece of a call's name do to the name so far?

Servers send a name whole, in pieces, again with each entry, or as the name so far; only the policy for names in the
dialect tells which for certain. The first rule whose evidence fits decides. Where a piece may belong to another call,
the call is in doubt. A name whose last piece repeats all pieces before it may have come twice: such a call is in doubt
unless another piece follows.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from streamfsm.machines.rules import Rule


@dataclass(slots=True)
class Piece:
    """A piece of a name, and what is known of the call that its entry belongs to."""

    policy: Literal["auto", "fragment", "snapshot"]
    """The dialect's policy for names."""
    text: str
    known: str
    """The call's name so far."""
    named: bool
    """Whether that name is complete."""
    own: bool
    """Whether the call's own id came with the piece."""
    late_id: bool
    """Whether the call's id came by itself, after its name had begun, or has changed."""
    cumulative: bool
    """Whether the piece is part of a cumulative message."""

    @property
    def goes_on(self) -> bool:
        """Whether the piece begins with the name so far."""
        return self.text.startswith(self.known)


Does: TypeAlias = Literal["nothing", "append", "double", "replace"]
"""What a piece does to the name; ``double``: it is appended, and repeats all pieces before it."""


# fmt: off
RULES: tuple[Rule[Piece, Does], ...] = (
    Rule("complete, same name", "nothing",
         lambda p: p.named and p.text == p.known,
         "the name is complete, and came again"),
    Rule("complete, other name", "nothing",
         lambda p: p.named,
         "the name is complete", "late_name", doubts=True),
    Rule("cumulative, other name", "nothing",
         lambda p: p.cumulative and not p.goes_on,
         "a message that repeats what deltas said contradicts them", "snapshot_conflict", doubts=True),
    Rule("cumulative", "replace",
         lambda p: p.cumulative or p.policy == "snapshot",
         "a message that repeats what deltas said, or the dialect says that each piece is the name so far"),
    Rule("first, or fragments", "append",
         lambda p: not p.known or p.policy == "fragment",
         "there is no name yet, or the dialect says that each piece continues the name"),
    Rule("again with the id", "replace",
         lambda p: p.own and p.goes_on,
         "it came with the call's id, and begins with the name so far: it is cumulative; Dialect(name=…) decides",
         "repeated_name"),
    Rule("more with the id, or after it", "append",
         lambda p: p.own or p.late_id,
         "it came with the call's id, or after the id: part of the name, or another call; Dialect(name=…) decides",
         "ambiguous_call", doubts=True),
    Rule("begins alike", "append",
         lambda p: 1 < len(p.known) < len(p.text) and p.goes_on,
         "it begins with the name so far: cumulative, or part of the name; Dialect(name=…) decides",
         "ambiguous_call", doubts=True),
    Rule("the same again", "double",
         lambda p: p.known == p.text * (len(p.known) // len(p.text)),
         "it repeats all pieces before it; the pieces that follow show whether it is part of the name"),
    Rule("more", "append",
         lambda _: True,
         "it continues the name"),
)
# fmt: on
