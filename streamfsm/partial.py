"""Partial models: the fields of a pydantic model, each ``None`` until its value can be shown.

Each value is validated alone, by its type and constraints, so that a missing value does not hide others. Validator
functions of the model are not called, because most of them expect complete data.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import takewhile
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, RootModel, TypeAdapter, create_model
from pydantic_core import to_json


class OpenText(str):
    """A string that may still grow."""

    __slots__ = ()


class OpenDict(dict[str, Any]):
    """An object that may still grow."""


class OpenList(list[Any]):
    """An array that may still grow."""


_HIDDEN: Any = object()
"""Stands for a value that is invalid, or that more text could turn into another value."""


def partial(model: type[BaseModel], value: Mapping[str, Any]) -> BaseModel:
    """Return an instance of the partial model of ``model`` with the members of ``value`` that can be shown."""
    found = {}
    by_name = any(model.model_config.get(option) for option in ("populate_by_name", "validate_by_name"))
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        key = alias if isinstance(alias, str) and not (by_name and name in value) else name
        if key in value:
            found[name] = _shown(field.annotation, tuple(field.metadata), value[key], model)
    return _partial_model(model)(**_without_hidden(found))


@cache
def _partial_model(model: type[BaseModel]) -> type[BaseModel]:
    fields: dict[str, Any] = dict.fromkeys(model.model_fields, (Any, None))
    return create_model(f"Partial{model.__name__}", __doc__=f"What has arrived of a {model.__name__}.", **fields)


def _shown(annotation: Any, metadata: tuple[Any, ...], value: Any, model: type[BaseModel]) -> Any:
    """Return the value of a field of ``model``, converted to its type, or ``_HIDDEN``."""
    if isinstance(annotation, str):  # as Python 3.10 leaves the name in ``list["Node"]``
        names = {**vars(sys.modules[model.__module__]), model.__name__: model}
        annotation = get_type_hints(SimpleNamespace(__annotations__={"field": annotation}), names)["field"]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _shown(arguments[0], (*arguments[1:], *metadata), value, model)
    if origin in (Union, UnionType) and NoneType in arguments and len(arguments) == len((None, "the other")):
        (other,) = (each for each in arguments if each is not NoneType)
        return None if value is None else _shown(other, metadata, value, model)
    if isinstance(value, dict) and origin is None and _is_model(annotation):
        return partial(annotation, value)
    if isinstance(value, list) and origin in (list, Sequence):
        elements = (_shown(arguments[0], (), each, model) for each in value)
        return list(takewhile(lambda each: each is not _HIDDEN, elements))  # so that no element changes its index later
    if isinstance(value, dict) and origin in (dict, Mapping) and arguments[0] is str:
        return _without_hidden({key: _shown(arguments[1], (), each, model) for key, each in value.items()})
    if annotation in (Any, object) or (annotation is str and not metadata and isinstance(value, str)):
        return f"{value}" if isinstance(value, str) else value
    if isinstance(value, OpenText | OpenDict | OpenList):
        return _HIDDEN
    try:
        return _adapter(annotation, metadata).validate_json(to_json(value, inf_nan_mode="constants"))
    except ValueError:
        return _HIDDEN


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel) and not issubclass(annotation, RootModel)


def _without_hidden(members: dict[str, Any]) -> dict[str, Any]:
    return {key: each for key, each in members.items() if each is not _HIDDEN}


def _adapter(annotation: Any, metadata: tuple[Any, ...]) -> TypeAdapter[Any]:
    kind: Any = Annotated[(annotation, *metadata)] if metadata else annotation
    try:
        return _cached(kind)
    except TypeError:  # metadata that cannot be hashed
        return TypeAdapter(kind)


_cached: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)
