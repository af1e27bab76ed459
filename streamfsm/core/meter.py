"""``Meter``: measures all that is kept of a response, so that one limit bounds it: ``Limits.total``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import Field, PlainValidator

BYTES = 4
"""Bytes that a character may take in memory."""
Thing: TypeAlias = Literal["choice", "text", "call", "id", "index", "turn", "key", "detail", "field", "value", "item"]
WEIGHTS: Mapping[Thing, int] = dict(
    zip(get_args(Thing), (768, 512, 2048, 192, 64, 64, 64, 384, 192, 64, 512), strict=True)
)
"""Thing that is kept → the characters it counts as, besides its text: at least a fourth of its bytes in memory."""
DECODED = 16
"""What a character of JSON counts as if it is kept decoded: an empty list, two characters, takes 64 bytes."""


class LimitReached(Exception):  # noqa: N818 - never leaves the core
    """More came than the limit of this name allows."""

    def __init__(self, limit: str) -> None:
        super().__init__(limit)
        self.limit = limit


@dataclass(slots=True)
class Meter:
    """The weight of what is kept of one response, in characters."""

    weight: int = 0
    bound: Annotated[int, PlainValidator(lambda bound: bound), Field(exclude=True)] = field(default=0, compare=False)
    """The limit. Not part of a snapshot, because it follows from the options."""

    def note(self, thing: Thing, size: int = 0) -> None:
        """Count a thing that is kept already, and its text: at most to the limit, where no more text is read."""
        self.weight = min(self.weight + WEIGHTS[thing] + size, self.bound)

    def add(self, thing: Thing | None, size: int = 0) -> None:
        """Count a thing that is about to be kept, with ``size`` characters of text; ``None``: only the text.

        Raises:
            LimitReached: it does not fit within the limit.
        """
        weight = self.weight + size + (WEIGHTS[thing] if thing else 0)
        if weight > self.bound:
            raise LimitReached("total")
        self.weight = weight
