"""Finds think tags for a text lane: which tags count in a state, and which event each fires."""

import re
from functools import lru_cache
from typing import TypeAlias

from streamfsm.core.text import may_begin
from streamfsm.machines.text import ANYWHERE, CLOSING, OPENING
from streamfsm.think_tags import Pairs

_Sought: TypeAlias = tuple[tuple[str, ...], re.Pattern[str]]


class Tags:
    """Pairs of tags with the same options. Immutable; any number of lanes can share it."""

    __slots__ = ("_any", "_closing", "_each_closing", "_instead", "_opening", "_openings", "begins")

    def __init__(self, pairs: Pairs) -> None:
        mode = pairs[0]
        self._instead = dict(ANYWHERE) if mode.where == "anywhere" else {}
        self.begins: str = self._instead.get(mode.starts, mode.starts)
        """The event that the first text fires."""
        self._opening = tuple(pair.open for pair in pairs)
        self._closing = tuple(pair.close for pair in pairs)
        self._any = _sought(self._opening + self._closing)
        self._openings = _sought(self._opening)
        self._each_closing = (*(_sought((tag,)) for tag in self._closing), _sought(self._closing))

    def find(self, state: str, pair: int | None, text: str, start: int) -> tuple[str, int]:
        """Find the first tag in ``text[start:]`` that counts in ``state``, and where it begins.

        Args:
            state: the text machine's state.
            pair: the pair whose tag opened the thought; ``None`` if no tag did, so that any pair's tag closes it.
            text: the text to search.
            start: the index from which to look.

        Returns:
            The tag, or ``""`` if there is none; and its index, or that of an incomplete tag, or the end of the text. Of
            tags that overlap, the one that begins first counts; of tags that begin together, the shortest.
        """
        opens, closes = state in OPENING, state in CLOSING
        if not (opens or closes):
            return "", len(text)
        tags, pattern = self._each_closing[-1 if pair is None else pair]
        if opens:
            tags, pattern = self._any if closes else self._openings
        found = pattern.search(text, start)
        end = min(may_begin(text, tag, start) for tag in tags)
        return (found[0], found.start()) if found and found.start() <= end else ("", end)

    def read(self, state: str, pair: int | None, tag: str) -> tuple[str, int]:
        """Return the event that ``tag`` fires in ``state``, and its pair."""
        if state in OPENING and tag in self._opening:
            event, pair = OPENING[state], self._opening.index(tag)
        else:
            event, pair = CLOSING[state], self._closing.index(tag) if pair is None else pair
        return self._instead.get(event, event), pair

    def stray(self, answer: str) -> str:
        """Return the first tag in an answer if it is a closing one, else ``""``."""
        found = self._any[1].search(answer)
        return found[0] if found and found[0] not in self._opening else ""


@lru_cache(maxsize=64)
def tags_of(pairs: Pairs) -> Tags:
    """Return the tags of an option; the latest results are cached."""
    return Tags(pairs)


def _sought(tags: tuple[str, ...]) -> _Sought:
    return tags, re.compile("|".join(map(re.escape, sorted(tags, key=len))))
