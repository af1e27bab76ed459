"""Reads values of a declared type. A value of the wrong type is recorded as an anomaly, and counts as absent."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from streamfsm.core.events import AnomalyReport, Handler
from streamfsm.core.json_values import show
from streamfsm.core.text import without_surrogates

_T = TypeVar("_T")
LARGEST: Final = 2**63 - 1  # the largest integer that every reader accepts


def checked(kind: type[_T], value: object, key: str, choice: int | None, to: Handler) -> _T | None:
    """Return ``value`` if it is of this ``kind``; ``None`` if it is not."""
    if isinstance(value, kind):
        return value
    to.take(AnomalyReport("wrong_type", f"{key} is {show(value)}", choice, {key: value}))
    return None


def string(fields: Mapping[str, Any], key: str, choice: int | None, to: Handler) -> str:
    """Return a field that is a string, with lone surrogates replaced; ``""`` if it is absent."""
    value = fields.get(key)
    return "" if value is None else without_surrogates(checked(str, value, key, choice, to) or "")


def integer(fields: Mapping[str, Any], key: str, choice: int | None, to: Handler) -> int | None:
    """Return a field that is an integer, perhaps written as a float; ``None`` if it is absent."""
    value = fields.get(key)
    if value is None or (type(value) is int and abs(value) <= LARGEST):  # a bool is an int in Python, but not in JSON
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST:  # JSON has one kind of number
        return int(value)
    to.take(AnomalyReport("wrong_type", f"{key} is {show(value)}", choice, {key: value}))
    return None
