"""``Unfinished``: pieces of items whose end has the complete value, kept in case the end never comes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from streamfsm.core.buffer import Buffer

MOST = 2**20
"""The most characters of pieces that are kept at a time. The end of a longer item has its complete value anyway."""


@dataclass(slots=True)
class Unfinished:
    """Items that have begun, by a key, and the pieces of their texts. An item that ends is removed."""

    begun: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The item in the event that began it, as plain data; missing if there was no such event."""
    texts: dict[str, dict[str, Buffer]] = field(default_factory=dict)
    """The text that came so far, by the item's key and the text's name."""
    size: int = 0
    """Characters of all texts."""

    def has(self, key: str, name: str) -> bool:
        """Whether a piece of this text has come."""
        return name in self.texts.get(key, ())

    def begin(self, key: str, told: Mapping[str, Any]) -> None:
        """Keep an item from the event that began it."""
        self.begun.setdefault(key, dict(told))

    def add(self, key: str, name: str, text: str, *, whole: bool) -> None:
        """Keep a piece of a text; or, if ``whole``, all of it, unless the pieces so far are longer."""
        so_far = self.texts.setdefault(key, {}).setdefault(name, Buffer())
        if whole:
            if len(text) <= so_far.size:
                return
            self.size -= so_far.size
            so_far.clear()
        text = text[: MOST - self.size]
        self.size += len(text)
        so_far.write(text)

    def end(self, key: str) -> None:
        """Forget an item."""
        self.begun.pop(key, None)
        self.size -= sum(text.size for text in self.texts.pop(key, {}).values())

    def told(self) -> list[dict[str, Any]]:
        """Return what has come of each item, with its texts by name."""
        return [
            {**self.begun.get(key, {}), **{name: text.getvalue() for name, text in self.texts.get(key, {}).items()}}
            for key in dict.fromkeys([*self.begun, *self.texts])
        ]
