"""The captured paths of a tool's arguments as a trie: immutable, and shared by all calls that have the same paths."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from streamfsm.channels import Path


class Taking(NamedTuple):
    """How the scanner captures a value, and which events it fires."""

    opens: str
    """The event at the beginning of a captured value that leaves the raw text."""
    moves: bool = True
    """Whether its member leaves the raw text; if not, a string's quotes stay there, and any other value stays whole."""
    declared: bool = False
    """Whether the path is reported, and values are decoded; if not, a value that is not a string comes as JSON text."""
    whole: bool = False
    """Whether a string is reported only when it is complete."""
    comes: str = ""
    """The event at the end of a captured value that stays in the raw text."""
    unfolds: str = ""
    """The event at the beginning of an object or array whose leaves are captured."""


class Node(NamedTuple):
    """A place in the arguments. Nodes and takings are referred to by number; -1 means none."""

    takes: int = -1
    """The taking of any value here."""
    leaves: int = -1
    """The taking of the value here if it is a leaf, and of the leaves below it."""
    members: Mapping[str, int] = {}
    rest: int = -1
    """The node of any other member."""
    items: int = -1


Takings: TypeAlias = tuple[tuple[Path, Taking], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Trie:
    """The nodes, of which the first is the arguments themselves, and the takings. Copying returns the same object."""

    declared: Takings
    nodes: tuple[Node, ...]
    takings: tuple[Taking, ...]
    holds: bool
    """Whether text before a top-level key must be held back until the key is known, because its member may leave."""

    def __reduce__(self) -> tuple[Any, ...]:
        return trie_of, (self.declared,)


@lru_cache(maxsize=256)
def trie_of(takings: Takings) -> Trie:
    """Return the trie of these paths. Of two paths that match a value, the more specific one captures it."""
    drafts: list[dict[str, Any]] = []
    root = _draft(drafts)
    for number, (path, _) in enumerate(takings):
        here = root
        for step in path:
            if step.kind == "leaves":
                here["leaves"] = number
                break
            inner = here["members"].get(step.name) if step.kind == "member" else here["items"]
            if inner is None:
                inner = _draft(drafts)
                if step.kind == "member":
                    here["members"][step.name] = inner
                else:
                    here["items"] = inner
            here = inner
        else:
            here["takes"] = number
    _inherit(root, -1, {}, drafts)
    nodes = tuple(
        Node(
            draft["takes"],
            draft["leaves"],
            {name: inner["number"] for name, inner in draft["members"].items()},
            *(draft[way]["number"] if draft[way] else -1 for way in ("rest", "items")),
        )
        for draft in drafts
    )
    return Trie(takings, nodes, tuple(each for _, each in takings), any(each.moves for _, each in takings))


def _draft(drafts: list[dict[str, Any]]) -> dict[str, Any]:
    draft = {"number": len(drafts), "takes": -1, "leaves": -1, "members": {}, "rest": None, "items": None}
    drafts.append(draft)
    return draft


def _inherit(
    draft: dict[str, Any], leaves: int, below: dict[int, dict[str, Any]], drafts: list[dict[str, Any]]
) -> None:
    """Copy the taking of leaves to all places below, unless another path captures something there."""
    leaves = draft["leaves"] = leaves if draft["leaves"] < 0 else draft["leaves"]
    for inner in (*draft["members"].values(), *([draft["items"]] if draft["items"] else [])):
        _inherit(inner, leaves, below, drafts)
    if leaves >= 0 and draft["takes"] < 0:
        if leaves not in below:
            everything = below[leaves] = _draft(drafts)
            everything |= {"leaves": leaves, "rest": everything, "items": everything}
        draft["rest"] = below[leaves]
        draft["items"] = draft["items"] or below[leaves]


NOTHING = trie_of(())
