"""What a chunk holds that is not in the messages or the result, and why. Tests check that everything else is there."""

LEFT_OUT: dict[str, str] = {
    "object": "it is the same for every chunk",
    "created": "a time that all chunks repeat",
    "id": "the first one is used",
    "model": "the first one is used",
    "obfuscation": "padding against traffic analysis",
    "p": "padding against traffic analysis",
    "choices.index": "it decides which choice the other fields belong to",
    "choices.finish_reason": "of several, one is used: see `Dialect.finish`",
    "choices.delta.role": "it is always the assistant",
    "choices.delta.tool_calls.index": "it decides which call the other fields belong to",
    "choices.delta.tool_calls.id": "the first one is used; a different one is an anomaly",
    "choices.*.type": "it decides how the object is read; that of a reasoning detail is its `type`, in our word",
    "choices.delta.tool_calls.function.name": "one that is not a piece of the name is an anomaly",
    "choices.message": "beside a delta it repeats what was said; fields that are not interpreted are kept",
    "usage": "the last report of each count is used",
}
"""Path, without positions in lists → why it is left out; ``*`` is any path. A path includes all paths below it."""

NOTHING = "`null`, an empty string, list or object; zero and false in place of a string, a list or an object"
"""Values that mean nothing in any field, and are left out."""
