"""Reads errors that servers send instead of an answer, in various shapes."""

from collections.abc import Mapping
from typing import Any

from streamfsm.core.events import Failure
from streamfsm.core.json_values import as_json, fields_of, says, show
from streamfsm.core.text import without_surrogates

# Names of fields, lower case and without underscores, in order of preference.
_OWN_WORDS = (
    *("message", "msg", "errormessage", "errormsg", "statusmsg", "errordescription", "faultstring"),
    *("detail", "errors"),
)
_WORDS = (*_OWN_WORDS, "details", "title", "reason", "description")
_CODES = ("code", "errorcode", "statuscode", "status")
_TELLING = ("detail", "errors", "errormessage", "errormsg")  # names that only an error has
_OPENAI = frozenset({"message", "type", "param"})  # fields of OpenAI's error, whose code may be null
_SUCCESS = ("0", "ok", "success", "succeeded", "true")
_DEEPEST = 4
_FAILURES = ("error", "err", "fail", "failed", "failure")


def failure_of(fields: Mapping[str, Any], *, amid: bool) -> Failure | None:
    """Return the failure that an object without an answer reports; ``None`` if it reports none.

    It reads the usual shapes of an error: ``{"message", "code"}``, ``{"detail": …}``, ``{"errors": […]}``, ``{"status",
    "title"}``, ``{"object": "error", …}`` and vendors' variants; but a bare ``{"message": …}`` only if the object does
    not come ``amid`` an answer.
    """
    flat = _flat(fields)
    if fault := flat.get("fault"):
        return failure_in(fault, fields)
    if (inner := fields_of(flat.get("baseresp"))) and (found := failure_of(inner, amid=True)):
        return found
    words = _words_in(flat)
    declared = "error" in (flat.get("object"), flat.get("type")) or flat.get("success") is False
    code = next((flat[name] for name in _CODES if _is_code(name, flat.get(name))), None)
    bare = all(flat.get(name) is None for name in (*_CODES, "type", "object", "event"))
    plain = bare and not amid and any(isinstance(flat.get(name), str) for name in _OWN_WORDS)
    told = any(flat.get(name) for name in _TELLING) or flat.keys() >= _OPENAI
    if words is None or not (declared or code is not None or plain or told):
        return None
    kind = flat.get("type")
    return _failure(code if code is not None or kind == "error" else kind, words)


def failure_in(error: object, around: Mapping[str, Any]) -> Failure:
    """Return the failure in the value of ``error``; the fields ``around`` it may hold its code or message."""
    outer = _flat(around)
    code = next((outer[name] for name in _CODES if _is_code(name, outer.get(name))), None)
    if fields := fields_of(error):
        inner = _flat(fields)
        own = next((inner[name] for name in ("code", "type", *_CODES[1:]) if inner.get(name)), None)
        return _failure(code if own is None else own, _words_in(inner) or dict(fields))
    if isinstance(error, list):
        return _failure(code, _text(error))
    words = next((outer[name] for name in _WORDS if isinstance(outer.get(name), str) and outer[name]), None)
    if words is None:
        return _failure(code, error)
    return _failure(error if code is None and isinstance(error, str) else code, words)


def _flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower().replace("_", ""): value for name, value in fields.items() if isinstance(name, str)}


def _is_code(name: str, value: object) -> bool:
    """Whether the value is the code of a failure, and not of a success."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value[:9])
    if isinstance(value, int):
        return bool(value) and value is not True and not 200 <= value < 300  # noqa: PLR2004 - HTTP's
    if not isinstance(value, str) or not value:
        return False
    word = value.lower()
    return word in _FAILURES if name == "status" else word not in _SUCCESS


def _words_in(flat: Mapping[str, Any], depth: int = _DEEPEST) -> str | None:
    return next((_text(flat[name], depth) for name in _WORDS if flat.get(name) and flat[name] is not True), None)


def _text(value: object, depth: int = _DEEPEST) -> str:
    """Return the message in a value of any shape; an object without a message becomes JSON text."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and depth:
        return "; ".join(_text(each, depth - 1) for each in value)
    return (depth and _words_in(_flat(fields_of(value)), depth - 1)) or shown(value)


def _failure(code: object, words: object) -> Failure:
    return Failure(None if code is None else shown(code), shown(words))


def untold(fields: Mapping[str, Any], failure: Failure) -> dict[str, Any]:
    """Return the fields of an error whose values are not its code or message."""
    told = (failure.code, failure.message)
    return {name: value for name, value in fields.items() if says(value) and shown(value) not in told}


def shown(value: object) -> str:
    """Return any value as text."""
    return without_surrogates(value if isinstance(value, str) else as_json(value) or show(value))
