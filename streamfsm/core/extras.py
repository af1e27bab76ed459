"""Extras: the values of fields that the parser does not interpret."""

import json
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeAlias

from streamfsm.core.policies import Keep
from streamfsm.core.text import without_surrogates


@dataclass(slots=True)
class Kept:
    """The values of one field, merged by its policy."""

    policy: Keep
    texts: dict[str, str] = field(default_factory=dict)
    """The values as JSON texts. The key is the text itself if equal values are kept once, else a number."""

    def add(self, text: str) -> None:
        """Keep a value, given as JSON text."""
        self.texts[text if self.policy == "set" else str(len(self.texts))] = text

    def values(self) -> list[Any]:
        """Return the decoded values."""
        found = [json.loads(text) for text in self.texts.values()]
        if self.policy != "concatenate":
            return found
        runs = [(is_text, list(run)) for is_text, run in groupby(found, lambda value: isinstance(value, str))]
        return [each for is_text, run in runs for each in ([without_surrogates("".join(run))] if is_text else run)]


Extras: TypeAlias = dict[str, Kept]
"""Field → its values."""


def values(extras: Extras) -> dict[str, list[Any]]:
    """Return the extras as the result shows them."""
    return {name: kept.values() for name, kept in extras.items()}
