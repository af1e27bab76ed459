"""A short cut for plain chunks, which give one text, or one piece of arguments, and nothing else. Nearly all are plain.

The thorough reading of :class:`ChatCompletions` gives the same events, in more than twice the time
(``benchmarks/feed.py``). So each form in which chunks come is read in the way that is fast for it.
"""

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

from streamfsm.core.events import TextField
from streamfsm.core.json_values import more

Plain: TypeAlias = tuple[Any, TextField | None, Any, Any]
"""Choice, text field or ``None`` for arguments, wire index of the call, text; none of them checked."""

# Fields that nearly every object has. They are read first, or say nothing, like padding against traffic analysis; any
# other fields are looked at one by one.
CHUNK = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint", "obfuscation", "p"}
)
CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})
DELTA = frozenset({"role", "content", "refusal", "tool_calls", "function_call", "audio"})
CALL = frozenset({"index", "id", "type", "function"})
FUNCTION = frozenset({"name", "arguments"})

STAMPS = ("service_tier", "system_fingerprint")
"""Fields that chunks repeat, and that may change."""
Stamps: TypeAlias = tuple[str | None, str | None]
"""The values of ``STAMPS`` in a chunk."""


def of_dict(chunk: Mapping[str, Any], reasoning: Collection[str], stamps: Stamps) -> Plain | None:
    """Return what a plain chunk, a ``dict``, says; ``None`` if it is not plain.

    Args:
        chunk: the decoded JSON.
        reasoning: names of fields whose text is reasoning.
        stamps: the stamps of the previous chunk; a plain chunk has the same.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: the chunk is not plain.
    """
    (choice,) = chunk["choices"]
    if (
        chunk.get("usage")
        or choice.get("finish_reason")
        or choice.get("logprobs")
        or (chunk.get("service_tier"), chunk.get("system_fingerprint")) != stamps
        or (not CHUNK.issuperset(chunk) and more(chunk, CHUNK))
        or (not CHOICE.issuperset(choice) and more(choice, CHOICE))
    ):
        return None
    found = _of_delta(choice["delta"], reasoning)
    if found is None:
        return None
    name, text, calls = found
    if not calls:
        return choice["index"], name, None, text
    (call,) = calls
    function = call["function"]
    if text or call.get("id") or function.get("name") or (not CALL.issuperset(call) and more(call, CALL)):
        return None
    if len(function) > 1 and not FUNCTION.issuperset(function) and more(function, FUNCTION):
        return None
    return choice["index"], None, call["index"], function["arguments"]


def of_model(chunk: Any, reasoning: Collection[str], stamps: Stamps) -> Plain | None:
    """Do the same for the client's object, whose extra fields are those that its types do not declare.

    Attributes are the fast way to a field; a field that older clients do not declare is looked up in ``__dict__``.
    """
    extra, fields = chunk.__pydantic_extra__, chunk.__dict__
    (choice,) = fields["choices"]
    if (
        fields["usage"]
        or fields.get("moderation")
        or choice.finish_reason
        or choice.logprobs
        or (fields.get("service_tier"), fields.get("system_fingerprint")) != stamps
        or (extra and more(extra, CHUNK))
        or ((extra := choice.__pydantic_extra__) and more(extra, CHOICE))
    ):
        return None
    delta = choice.delta
    extra, fields = delta.__pydantic_extra__, delta.__dict__
    found = _of_delta({**fields, **extra} if extra else fields, reasoning)
    if found is None:
        return None
    name, text, calls = found
    if not calls:
        return choice.index, name, None, text
    (call,) = calls
    function = call.function
    if text or call.id or function.name or ((extra := call.__pydantic_extra__) and more(extra, CALL)):
        return None
    if (extra := function.__pydantic_extra__) and more(extra, FUNCTION):
        return None
    return choice.index, None, call.index, function.arguments


def _of_delta(fields: Mapping[str, Any], reasoning: Collection[str]) -> tuple[TextField, Any, Any] | None:
    """Return a plain delta's text field, text and calls; ``None`` if it is not plain."""
    text, calls = fields.get("content"), fields.get("tool_calls")
    if len(fields) == 1 and (text or calls):
        return "content", text, calls
    if fields.get("refusal") or fields.get("function_call") or fields.get("audio"):
        return None
    if not DELTA.issuperset(fields) and (names := more(fields, DELTA)):
        if text or len(names) > 1 or names[0] not in reasoning:
            return None
        return "reasoning", fields[names[0]], calls
    return "content", text, calls
