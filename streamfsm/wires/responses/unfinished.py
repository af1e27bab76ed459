"""``Unfinished``: what has come of items that are told whole at their end, in case the end never comes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST = 2**20
"""Characters of pieces that are kept at a time; items that go on as long are told whole in one event."""


@dataclass(slots=True)
class Unfinished:
    """Items that have begun, by a key, and the pieces of their texts. An item that ends is told whole, and leaves."""

    begun: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The item as it was told when it began, as plain data; nothing if it was not."""
    pieces: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """The pieces of each of its texts, by the text's name."""
    size: int = 0
    """Characters of all pieces."""

    def begin(self, key: str, told: Mapping[str, Any]) -> None:
        """Keep an item as it was told when it began."""
        self.begun.setdefault(key, dict(told))

    def add(self, key: str, name: str, text: str, *, whole: bool) -> None:
        """Keep a piece of a text; or ``whole``, all of it, if that is more than the pieces are."""
        pieces = self.pieces.setdefault(key, {}).setdefault(name, [])
        if whole:
            known = sum(map(len, pieces))
            if len(text) <= known:
                return
            pieces.clear()
            self.size -= known
        text = text[: MOST - self.size]
        self.size += len(text)
        pieces.append(text)

    def end(self, key: str) -> None:
        """Forget an item."""
        self.begun.pop(key, None)
        texts = self.pieces.pop(key, {})
        self.size -= sum(len(piece) for pieces in texts.values() for piece in pieces)

    def told(self) -> list[dict[str, Any]]:
        """Return what has come of each item, with its texts by name."""
        return [
            {**self.begun.get(key, {}), **{name: "".join(pieces) for name, pieces in self.pieces.get(key, {}).items()}}
            for key in dict.fromkeys([*self.begun, *self.pieces])
        ]
