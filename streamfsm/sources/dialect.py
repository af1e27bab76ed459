"""Providers' accents, as data."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Dialect(BaseModel):
    """How a server speaks Chat Completions, where servers differ. The defaults decide by evidence.

    ``name``: what several name fields of one call mean. ``fragment``: they are pieces of it; ``snapshot``: each is the
    whole name so far; ``auto``: a name that comes with the call's own id again and repeats or extends the name so far
    is a snapshot, any other is a fragment.

    ``reasoning_fields``: delta fields with native reasoning, in order of preference. Where several carry the same text
    it counts once.

    ``unmarked_end``: what a stream amounts to that ends without a finish reason: always ``incomplete``, or ``complete``
    if every call that arrived is structurally whole.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["auto", "fragment", "snapshot"] = "auto"
    reasoning_fields: tuple[str, ...] = ("reasoning_content", "reasoning")
    unmarked_end: Literal["incomplete", "complete"] = "incomplete"
