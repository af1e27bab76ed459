"""What a chunk holds that is not in the messages or the result, and why. Tests check that everything else is."""

LEFT_OUT: dict[str, str] = {
    "object": "says that a chunk is a chunk",
    "created": "a time that all chunks repeat",
    "id": "the first one stands",
    "model": "the first one stands",
    "obfuscation": "padding against traffic analysis",
    "p": "padding against traffic analysis",
    "choices.index": "says whose the rest is",
    "choices.finish_reason": "of several, one stands: `Dialect.finish`",
    "choices.delta.role": "an echo: an answer is the assistant's",
    "choices.delta.tool_calls.index": "says whose the rest is",
    "choices.delta.tool_calls.id": "the first one stands, and another one is told",
    "choices.*.type": "says how to read what it is in; that of a detail is its `type`, in our word",
    "choices.delta.tool_calls.function.name": "one that is not a piece of the name is told",
    "choices.message": "where deltas have spoken, it says the same again; what is not read of it is kept",
    "usage": "a later report of the same count stands",
}
"""Path, without positions in lists → why it is left out; ``*`` is any path. A path includes all that is under it."""

NOTHING = "`null`, an empty text, list or object; zero and false where a text, a list or an object should be"
"""Values that say nothing anywhere, and are left out."""
