"""``Limits``: the most that a parser accepts before the stream fails with code ``limit``."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, PositiveInt


class Limits(BaseModel):
    """The limits of one stream. They are exact: text up to a limit is processed, wherever the chunks are cut.

    Only keys count towards ``total`` after the piece in which they came.

    ``text`` and ``arguments`` prevent a server that never stops from filling the memory. A model's longest output is
    some hundred thousand tokens, about a million characters.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    total: PositiveInt = 1 << 26
    """Characters that are kept of the entire stream. Each call, choice, id and so on counts as a number of characters,
    too, so that a stream takes at most four bytes of memory per character; ``docs/limits.md`` has the table."""
    text: PositiveInt = 1 << 24
    """Characters of one text field of one choice."""
    arguments: PositiveInt = 1 << 24
    """Characters of one call's arguments."""
    held: PositiveInt = 1 << 16
    """Characters of a key in arguments, and of the text that is held back until the key is known: the key, and
    everything between it and the previous member. The longest keys in schemas have a few dozen."""
    name: PositiveInt = 1024
    """Characters of a tool's name; OpenAI's own limit is 64."""
    tool_calls: PositiveInt = 1024
    """Calls in one choice; OpenAI allows 128 tools."""
    choices: PositiveInt = 128
    """Choices; OpenAI's own limit is 128."""
    items: PositiveInt = 4096
    """Items of a Responses stream, and parts of their texts."""
    event: PositiveInt = 1 << 23
    """Bytes of one server-sent event, which is held back until it is complete. It applies to ``feed_bytes`` only. The
    largest known events contain an image."""
    values: PositiveInt = 1 << 17
    """JSON values in one event, counted by its commas and brackets, including those in texts. It applies to
    ``feed_bytes`` only. An event is decoded in one go, in time that depends on its values rather than its bytes. Even a
    model's longest output has fewer."""
    extras: PositiveInt = 1 << 24
    """Characters of JSON that are kept of fields that the parser does not interpret, such as log probabilities.
    Reaching the limit is not a failure."""
    sent_back: PositiveInt = 1 << 24
    """Characters that are kept of fields, apart from texts, that a server needs back: signatures, encrypted reasoning,
    and the fields that contain them. Reaching the limit is not a failure."""
    anomalies: PositiveInt = 100
    """Anomalies that are kept. Reaching the limit is not a failure."""
