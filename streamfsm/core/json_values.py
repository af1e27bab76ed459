"""Values, as decoded JSON or as a client's objects: their fields and their JSON text."""

import json
import reprlib
from collections.abc import Collection, Mapping
from typing import Any

from streamfsm.core.text import without_surrogates

_NOTHING: Mapping[str, Any] = {}
_DEEPEST = 100


def fields_and_extra(value: object) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Return the fields of a wire object, and those of them that may be unknown; ``None`` if it is not an object.

    Nothing is copied, unless there are fields that ``openai``'s types do not declare, such as ``reasoning_content``.
    """
    if type(value) is dict:
        return value, value
    if value is None:  # a field that is absent: what follows would take ten times as long
        return None, None
    try:
        extra = value.__pydantic_extra__  # type: ignore[attr-defined]
    except AttributeError:
        fields = value if isinstance(value, Mapping) else getattr(value, "__dict__", None)
        return fields, fields
    return ({**value.__dict__, **extra} if extra else value.__dict__), extra


def fields_of(value: object) -> Mapping[str, Any]:
    """Return the fields of a wire object; an empty mapping if it is not an object."""
    return fields_and_extra(value)[0] or _NOTHING


def as_json(value: object) -> str | None:
    """Return any value as JSON text; ``None`` if JSON cannot represent it."""
    try:
        return str(value) if type(value) is int else _encode(value)  # for counts, in a tenth of the time
    except (TypeError, ValueError, RecursionError):
        return None


def as_plain(value: object) -> Any:
    """Return a value as plain dicts, lists and scalars; ``None`` if it is nested too deep for pydantic to write."""
    text = as_json(value)
    plain = None if text is None else json.loads(text)
    return None if _is_deep(plain) else plain


def _plain(value: object) -> object:
    fields, extra = fields_and_extra(value)
    if fields is None:
        return repr(value)
    sent = getattr(value, "__pydantic_fields_set__", None)  # the server did not send the other declared fields
    return {key: each for key, each in fields.items() if sent is None or key in sent or key in (extra or ())}


# One encoder for all values halves the time.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode


def says(value: object) -> bool:
    """Whether a value means something: it is not ``None``, and not an empty string, list or object."""
    return bool(value or value == 0)


def more(fields: Mapping[str, Any], known: Collection[str]) -> list[str]:
    """Return the names of the fields that are not ``known`` and not empty, as :func:`says` defines it."""
    return [name for name, value in fields.items() if name not in known and (value or value == 0)]


def show(value: object) -> str:
    """Return a short and shallow representation of any value."""
    try:
        return without_surrogates(reprlib.repr(value))  # the repr of an object may contain surrogates unescaped
    except ValueError:  # an int with more digits than Python converts
        return f"an {type(value).__name__}"


def kept(value: object) -> str:
    """Return a value as JSON text that every reader accepts: without lone surrogates, and not nested too deep."""
    text = as_json(value)
    if text is None or (text.count("[") + text.count("{") > _DEEPEST and _is_deep(value)):
        return json.dumps(show(value))
    return without_surrogates(text)


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list | tuple)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)
