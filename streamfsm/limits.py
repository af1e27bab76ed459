"""How much a parser takes before it fails a stream with code ``limit``."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, PositiveInt


class Limits(BaseModel):
    """Bounds, all exact: the text up to a bound is processed, wherever the chunks were cut.

    ``text`` and ``arguments`` keep a server that never stops from filling the memory: a model's longest output is some
    hundred thousand tokens, about a million characters.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    total: PositiveInt = 1 << 26
    """Characters in all that are kept of a stream, whatever it holds. A call, a choice, an id and their like count as
    characters too, so that a stream takes at most four bytes of memory for each; ``docs/limits.md`` has the table."""
    text: PositiveInt = 1 << 24
    """Characters of one text field of one choice."""
    arguments: PositiveInt = 1 << 24
    """Characters of one call's arguments."""
    held: PositiveInt = 1 << 16
    """Characters of arguments that are held back until a key is known: the key, and what lies between it and the member
    before it; and characters of any key of which one is held. A schema's longest key has some dozen."""
    name: PositiveInt = 1024
    """Characters of a tool's name; OpenAI's own bound is 64."""
    tool_calls: PositiveInt = 1024
    """Calls in one choice; OpenAI allows 128 tools."""
    choices: PositiveInt = 128
    """Choices; OpenAI's own bound is 128."""
    items: PositiveInt = 4096
    """Items of a Responses stream, and parts of their texts."""
    event: PositiveInt = 1 << 23
    """Bytes of one server-sent event, which is held back until it is complete; only where bytes are fed. The largest
    that are known hold an image."""
    values: PositiveInt = 1 << 17
    """JSON values in one event, counted by its commas and brackets, even those in texts; only where bytes are fed. An
    event is read in one go, and its values take that time, not its bytes. A model's longest output has fewer."""
    extras: PositiveInt = 1 << 24
    """Characters of JSON kept of fields that are not read, such as log probabilities; reaching it is not a failure."""
    sent_back: PositiveInt = 1 << 24
    """Characters kept of what a server needs back, beside texts: signatures, reasoning that only it can read, and the
    fields that hold such things; reaching it is not a failure."""
    anomalies: PositiveInt = 100
    """Anomalies kept; reaching it is not a failure."""
