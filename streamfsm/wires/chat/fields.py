"""The names of the fields that nearly every object of this wire has."""

from typing import TypeAlias

# They are read first, or mean nothing, like padding against traffic analysis; other fields are examined one by one.
CHUNK = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint", "obfuscation", "p"}
)
CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})
DELTA = frozenset({"role", "content", "refusal", "tool_calls", "function_call", "audio"})
CALL = frozenset({"index", "id", "type", "function"})
FUNCTION = frozenset({"name", "arguments"})

STAMPS = ("service_tier", "system_fingerprint")
"""Fields that every chunk repeats, although their values may change."""
Stamps: TypeAlias = tuple[str | None, str | None]
"""The values of ``STAMPS`` in a chunk."""
