"""The JSON Schema of all messages, and TypeScript types derived from it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter

from streamfsm import StreamMessage

Schema = dict[str, Any]


def messages_schema() -> Schema:
    """Return the schema of messages as they are sent, with nulls or without."""
    made = TypeAdapter(StreamMessage).json_schema()
    kinds = {name: _model(schema) for name, schema in sorted(made.pop("$defs").items())}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "StreamMessage",
        "description": "A message of streamfsm, as JSON.",
        **made,
        "$defs": kinds,
    }


def _model(schema: Schema) -> Schema:
    """Return a definition in which all members that are never null are required."""
    described = {**_without_title(schema), "description": _plain(schema["description"])}
    if "properties" not in schema:
        return described
    members = {name: _without_title(member) for name, member in schema["properties"].items()}
    return {
        **described,
        "properties": {name: {k: v for k, v in member.items() if k != "default"} for name, member in members.items()},
        "required": [name for name, member in members.items() if member.get("default", ...) is not None],
    }


def _plain(text: str) -> str:
    """Return a docstring as a line of text, without its roles."""
    return " ".join(re.sub(r":\w+:`~?(?:\w+\.)*(\w+)`", r"\1", text).replace("``", "`").split())


def _without_title(member: Schema) -> Schema:
    """Return a member without a title, which only repeats its name."""
    return {key: value for key, value in member.items() if key != "title"}


def typescript(schema: Schema) -> str:
    """Return TypeScript types for ``schema``."""
    lines = ["// Written by docs/generate.py from messages.schema.json.", ""]
    for name, kind in schema["$defs"].items():
        lines += [f"/** {kind['description']} */"]
        if "properties" in kind:
            lines += [f"export interface {name} {{", *(f"  {line}" for line in _members(kind)), "}", ""]
        else:
            lines += [f"export type {name} = {_type(kind)};", ""]
    names = [_type(branch) for branch in schema["oneOf"]]
    lines += [f"/** {schema['description']} `message_type` distinguishes them. */"]
    lines += ["export type StreamMessage =", *(f"  | {name}" for name in names)]
    return "\n".join(lines) + ";\n"


def _members(kind: Schema) -> Iterator[str]:
    for name, member in kind["properties"].items():
        if said := member.get("description"):
            yield f"/** {_plain(said)} */"
        yield f"{name}{'' if name in kind['required'] else '?'}: {_type(member)};"


_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(map(json.dumps, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(map(_type, schema["anyOf"]))
    return _PLAIN[schema["type"]] if "type" in schema else "unknown"
