"""Declared channels: paths in a tool's arguments whose values are emitted, decoded, as messages of their own."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, replace
from functools import lru_cache
from itertools import combinations
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from streamfsm.errors import MisuseError

_NAME = r"[^\W\d]\w*"
_STEP = re.compile(
    rf"""\.(?P<name>{_NAME}) | \[(?P<quoted>"(?:[^"\\]|\\.)*")\] | \[(?P<single>'(?:[^'\\]|\\.)*')\]
      | (?P<each>\[\*\]) | \[(?P<index>\d+)\] | (?P<leaves>\.\.\*)""",
    re.VERBOSE,
)


class Step(NamedTuple):
    """One step of a path: to a member, to each element or the one at a place, or to all leaves from here on."""

    kind: Literal["member", "each", "index", "leaves"]
    name: str = ""
    place: int = -1


Path: TypeAlias = tuple[Step, ...]


@lru_cache(maxsize=1024)
def parse_path(path: str) -> Path:
    """Return the steps of a path such as ``$.edits[*].new_text``.

    Raises:
        MisuseError: the text is not a path of the subset of JSONPath that channels know.
    """
    steps, at = [], 1
    if not path.startswith("$"):
        raise MisuseError(f"path {path!r}: a path begins with $, the arguments")
    while at < len(path):
        found = _STEP.match(path, at)
        if not found:
            known = 'steps are .name, ["any name"], [*], and ..* at the end'
            raise MisuseError(f"path {path!r}: not a path from character {at} on; {known}")
        steps.append(_step(path, found))
        at = found.end()
    if any(step.kind == "leaves" for step in steps[:-1]):
        raise MisuseError(f"path {path!r}: nothing can follow ..*, which takes every leaf")
    return tuple(steps)


def _step(path: str, found: re.Match[str]) -> Step:
    match found.lastgroup:
        case "name":
            return Step("member", found["name"])
        case "quoted" | "single":
            text = found["quoted"] or '"' + found["single"][1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
            try:
                return Step("member", json.loads(text, strict=False))
            except ValueError as error:
                raise MisuseError(f"path {path!r}: {found[0]} is not a name: {error}") from error
        case "index":
            return Step("index", place=int(found["index"]))
        case kind:
            return Step(cast("Literal['each', 'leaves']", kind))


def member(name: str) -> str:
    """Return the step to a member, as paths write it."""
    return f".{name}" if re.fullmatch(_NAME, name) else f"[{json.dumps(name, ensure_ascii=False)}]"


@dataclass(frozen=True, slots=True)
class Channel:
    """A path in the arguments of calls whose value becomes :class:`~streamfsm.ArgumentMessage` objects.

    Args:
        path: a subset of JSONPath: ``$.content``, ``$.user["first name"]``, ``$.edits[*].new_text``; ``$..*`` and
            ``$.form..*`` take every leaf that no other channel takes.
        tool: the name of a tool, or several names; ``None``: any tool.
        name: the name of the channel in messages; by default computed from the path.
        when: ``delta``: strings are emitted as they stream; ``whole``: once they are complete. Other values are always
            emitted complete.
        takes: what happens to the value in the raw deltas of the call. ``blank``: a string is replaced by ``""``, and
            any other value stays. ``move``: the member is removed; only for members at the top level.
        schema: the JSON schema of the tool's parameters, which must allow the path; it is not kept.

    Raises:
        MisuseError: the path has wrong syntax, or can never match.
    """

    path: str
    tool: str | Sequence[str] | None = None
    name: str = ""
    when: Literal["delta", "whole"] = "delta"
    takes: Literal["blank", "move"] = "blank"
    schema: InitVar[Mapping[str, Any] | None] = None

    def __post_init__(self, schema: Mapping[str, Any] | None) -> None:
        steps = parse_path(self.path)
        set_ = object.__setattr__
        if self.tool is not None:
            set_(self, "tool", (self.tool,) if isinstance(self.tool, str) else tuple(self.tool))
        set_(self, "name", self.name or _name_of(steps))
        for problem in self._problems(steps, schema):
            raise MisuseError(f"channel {self.path!r}: {problem}")

    def _problems(self, steps: Path, schema: Mapping[str, Any] | None) -> Iterator[str]:
        if not steps:
            yield "the arguments themselves cannot be taken; $..* takes every leaf of them"
        if any(step.kind == "index" for step in steps):
            yield "one element cannot be taken; [*] takes each"
        if self.when not in ("delta", "whole"):
            yield f"when is 'delta' or 'whole', not {self.when!r}"
        if self.takes not in ("blank", "move"):
            yield f"takes is 'blank' or 'move', not {self.takes!r}"
        if self.takes == "move" and [step.kind for step in steps] != ["member"]:
            yield "only a member of the arguments themselves can be moved"
        if self.tool is not None and not (self.tool and all(isinstance(tool, str) and tool for tool in self.tool)):
            yield f"a tool's name is a text that is not empty, not {self.tool!r}"
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.name):
            yield f"name {self.name!r}: a name has letters, digits and _"
        if schema is not None and not _Room(schema).is_in(schema, steps):
            yield "the tool's schema has no such place"

    @property
    def steps(self) -> Path:
        """The steps of the path."""
        return parse_path(self.path)

    def is_of(self, tool: str) -> bool:
        """Whether this channel applies to calls of ``tool``."""
        return self.tool is None or tool in self.tool


def _name_of(steps: Path) -> str:
    words = (step.name if step.kind == "member" else "leaves" for step in steps if step.kind in ("member", "leaves"))
    name = re.sub(r"[^A-Za-z0-9]+", "_", "_".join(words)).strip("_")
    return name if name and not name[0].isdigit() else f"_{name}"


_TYPES = frozenset(("null", "boolean", "integer", "number", "string", "array", "object"))


class _Room:
    """Whether a value that a JSON schema accepts can have something at the end of a path.

    A no is certain: a keyword says it that allows no such value in any draft of JSON Schema, whatever stands beside it.
    What is not understood leaves room: other keywords, such as ``if``, ``not`` and ``unevaluatedProperties``, types
    that JSON Schema does not have, references that lead elsewhere.
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._known: dict[tuple[int, int], bool] = {}  # by schema and steps left

    def is_in(self, schema: Any, steps: Path) -> bool:
        """Whether ``schema``, a part of the root, has room for these last steps of the path."""
        if not isinstance(schema, Mapping):
            return schema is not False
        place = (id(schema), len(steps))
        if place not in self._known:
            self._known[place] = True  # for a schema that refers to itself
            self._known[place] = _is_foreign(schema, self._root) or all(self._answers(schema, steps))
        return self._known[place]

    def _answers(self, schema: Mapping[str, Any], steps: Path) -> Iterator[bool]:
        """Yield what each keyword says, all of which must leave room."""
        if "$ref" in schema:  # until draft 7, nothing beside it counts
            yield self.is_in(self._referred(schema["$ref"]), steps)
            return
        for keyword, enough in (("allOf", all), ("anyOf", any), ("oneOf", any)):
            if branches := _listed(schema.get(keyword)):
                yield enough(self.is_in(branch, steps) for branch in branches)
        match steps:
            case [Step("member", name), *rest]:
                yield _may_be("object", schema.get("type"))
                yield self.is_in(_member_of(schema, name), tuple(rest))
            case [Step("each"), *rest]:
                yield _may_be("array", schema.get("type"))
                yield any(self.is_in(element, tuple(rest)) for element in _elements_of(schema))

    def _referred(self, reference: Any) -> Any:
        begin, *parts = reference.split("/") if isinstance(reference, str) else [""]
        found: Any = self._root if begin == "#" else True
        for part in parts:
            found = found.get(part.replace("~1", "/").replace("~0", "~"), True) if isinstance(found, Mapping) else True
            if _is_foreign(found, self._root):
                return True
        return found


def _is_foreign(schema: Any, root: Any) -> bool:
    """Whether a part of ``root`` has a name of its own, to which references in it are relative."""
    return (
        schema is not root
        and isinstance(schema, Mapping)
        and any(isinstance(schema.get(key), str) for key in ("$id", "id"))
    )


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _may_be(kind: str, types: Any) -> bool:
    types = {types} if isinstance(types, str) else {each if isinstance(each, str) else "" for each in _listed(types)}
    return not types or kind in types or not types <= _TYPES


def _member_of(schema: Mapping[str, Any], name: str) -> Any:
    """Return a schema of a member, ``True`` if any may be there."""
    properties = schema.get("properties")
    if isinstance(properties, Mapping) and name in properties:
        return properties[name]
    return True if schema.get("patternProperties") else schema.get("additionalProperties", True)


def _elements_of(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the schemas of which an element has one."""
    yield from _listed(schema.get("prefixItems"))
    items = schema.get("items", True)
    if isinstance(items, list | tuple):  # until draft 2019-09
        yield from items
        items = schema.get("additionalItems", True)
    yield items


def checked(channels: Iterable[Channel], tools: Iterable[Any]) -> tuple[Channel, ...]:
    """Return ``channels``, if the schemas of their tools allow their paths.

    Args:
        channels: those declared.
        tools: the tools of the request, in the form of the API; anything else is ignored.

    Raises:
        MisuseError: a schema does not allow a path.
    """
    channels = tuple(channels)
    for tool in tools:
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        if isinstance(function, Mapping) and isinstance(schema := function.get("parameters"), Mapping):
            for channel in channels:
                if channel.tool is not None and function.get("name") in channel.tool:
                    replace(channel, schema=schema)
    return channels


def check(channels: Iterable[Channel], taken: Iterable[tuple[str, Path, str | None]]) -> None:
    """Refuse channels of one tool that leave each other nothing.

    Args:
        channels: those declared.
        taken: what built-in channels take: the option's name, the path and the tool, ``None`` for any.

    Raises:
        MisuseError: two channels of a tool have one name or one path, or one lies below what the other takes.
    """
    declared = [_Claim(f"channel {each.path!r}", each.steps, each.tool, each.name) for each in channels]
    for one, other in combinations(declared, 2):
        if one.tool is None or other.tool is None or {*one.tool} & {*other.tool}:
            if one.name == other.name:
                raise MisuseError(f"{one.what} and {other.what} are both named {one.name!r}; name= tells them apart")
            _compare(one, other)
    for option, path, tool in taken:
        for one in declared:
            # Where both are of any tool, or of the same; a channel of any tool leaves the message tool its message.
            if tool is None or (one.tool is not None and tool in one.tool):
                _compare(_Claim(option, path), one)


class _Claim(NamedTuple):
    what: str
    path: Path
    tool: str | Sequence[str] | None = None
    name: str = ""


def _compare(one: _Claim, other: _Claim) -> None:
    if one.path == other.path:
        raise MisuseError(f"{one.what} and {other.what} take the same values")
    for above, below in ((one, other), (other, one)):
        if below.path[: len(above.path)] == above.path:
            raise MisuseError(f"{below.what} can never match: {above.what} takes all that is there")
