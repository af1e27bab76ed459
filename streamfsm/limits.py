"""How much a parser accepts before the stream fails with code ``limit``."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, PositiveInt


class Limits(BaseModel):
    """The bounds. All are exact: text up to a bound is processed, wherever the chunks are cut.

    ``text`` and ``arguments`` prevent a server that never stops from filling the memory. A model's longest output is
    some hundred thousand tokens, about a million characters.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    total: PositiveInt = 1 << 26
    """Characters that are kept of the entire stream. Each call, choice, id and so on counts as a number of characters
    too, so a stream takes at most four bytes of memory per character; ``docs/limits.md`` has the table."""
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
    """Bytes of one server-sent event, which is held back until it is complete. Only for bytes. The largest known events
    contain an image."""
    values: PositiveInt = 1 << 17
    """JSON values in one event, counted by its commas and brackets, including those in texts. Only for bytes. An event
    is read at once, in time that depends on its values rather than its bytes. A model's longest output has fewer."""
    extras: PositiveInt = 1 << 24
    """Characters of JSON that are kept of fields that the parser does not interpret, such as log probabilities.
    Reaching it is not a failure."""
    sent_back: PositiveInt = 1 << 24
    """Characters that are kept of what a server needs back, apart from texts: signatures, encrypted reasoning, and the
    fields that contain them. Reaching it is not a failure."""
    anomalies: PositiveInt = 100
    """Anomalies that are kept. Reaching it is not a failure."""
