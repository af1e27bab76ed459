"""Declared channels: paths in tool calls' arguments whose values are emitted, decoded, as messages of their own."""

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
    """One step of a path: to a member, to each element, to the one at an index, or to all leaves below."""

    kind: Literal["member", "each", "index", "leaves"]
    name: str = ""
    place: int = -1


Path: TypeAlias = tuple[Step, ...]


@lru_cache(maxsize=1024)
def parse_path(path: str) -> Path:
    """Return the steps of a path such as ``$.edits[*].new_text``.

    Raises:
        MisuseError: the text is not a path, or not in the subset of JSONPath that channels support.
    """
    steps, at = [], 1
    if not path.startswith("$"):
        raise MisuseError(f"path {path!r}: a path begins with $, which stands for the arguments")
    while at < len(path):
        found = _STEP.match(path, at)
        if not found:
            known = 'steps are .name, ["any name"], [*], and ..* at the end'
            raise MisuseError(f"path {path!r}: cannot be read from character {at} on; {known}")
        steps.append(_step(path, found))
        at = found.end()
    if any(step.kind == "leaves" for step in steps[:-1]):
        raise MisuseError(f"path {path!r}: nothing can follow ..*, which captures every leaf")
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
    """Return the step to a member, as it is written in paths."""
    return f".{name}" if re.fullmatch(_NAME, name) else f"[{json.dumps(name, ensure_ascii=False)}]"


@dataclass(frozen=True, slots=True)
class Channel:
    """A path in the arguments of calls; the value there becomes :class:`~streamfsm.ArgumentMessage` objects.

    Args:
        path: a subset of JSONPath: ``$.content``, ``$.user["first name"]``, ``$.edits[*].new_text``; ``$..*`` and
            ``$.form..*`` capture every leaf that no other channel captures.
        tool: the name of a tool, or several names; ``None``: all tools.
        name: the name of the channel in messages; by default derived from the path.
        when: ``delta``: strings are emitted as they stream; ``whole``: once they are complete. Other values are always
            emitted complete.
        takes: what happens to the value in the raw deltas of the call. ``blank``: a string is replaced by ``""``, and
            any other value stays. ``move``: the member is removed; only for members at the top level.
        schema: the JSON schema of the tool's parameters, which must allow the path; it is checked here and not kept.

    Raises:
        MisuseError: an argument is invalid, or the path can never match.
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
            yield "the arguments themselves cannot be captured; $..* captures every leaf of them"
        if any(step.kind == "index" for step in steps):
            yield "a single element cannot be captured; [*] captures each"
        if self.when not in ("delta", "whole"):
            yield f"when must be 'delta' or 'whole', not {self.when!r}"
        if self.takes not in ("blank", "move"):
            yield f"takes must be 'blank' or 'move', not {self.takes!r}"
        if self.takes == "move" and [step.kind for step in steps] != ["member"]:
            yield "only a member at the top level of the arguments can be moved"
        if self.tool is not None and not (self.tool and all(isinstance(tool, str) and tool for tool in self.tool)):
            yield f"a tool's name must be a non-empty string, not {self.tool!r}"
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.name):
            yield f"name {self.name!r}: a name must consist of letters, digits and _"
        if schema is not None and not _Room(schema).is_in(schema, steps):
            yield "the tool's schema does not allow this path"

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

    ``False`` is certain: some keyword forbids such a value in every draft of JSON Schema, whatever other keywords there
    are. Anything that is not understood allows the path: other keywords, such as ``if``, ``not`` and
    ``unevaluatedProperties``, types that JSON Schema does not have, and references to other documents.
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._known: dict[tuple[int, int], bool] = {}  # by schema and steps left

    def is_in(self, schema: Any, steps: Path) -> bool:
        """Whether ``schema``, a part of the root, allows these last steps of the path."""
        if not isinstance(schema, Mapping):
            return schema is not False
        place = (id(schema), len(steps))
        if place not in self._known:
            self._known[place] = True  # for a schema that refers to itself
            self._known[place] = _is_foreign(schema, self._root) or all(self._answers(schema, steps))
        return self._known[place]

    def _answers(self, schema: Mapping[str, Any], steps: Path) -> Iterator[bool]:
        """Yield for each keyword whether it allows the path; all must."""
        if "$ref" in schema:  # up to draft 7, keywords next to it are ignored
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
    """Whether a part of ``root`` has an id of its own, to which the references inside it are relative."""
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
    """Return the schema of a member; ``True`` if the member may have any value."""
    properties = schema.get("properties")
    if isinstance(properties, Mapping) and name in properties:
        return properties[name]
    return True if schema.get("patternProperties") else schema.get("additionalProperties", True)


def _elements_of(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the schemas for elements; each element has one of them."""
    yield from _listed(schema.get("prefixItems"))
    items = schema.get("items", True)
    if isinstance(items, list | tuple):  # up to draft 2019-09
        yield from items
        items = schema.get("additionalItems", True)
    yield items


def checked(channels: Iterable[Channel], tools: Iterable[Any]) -> tuple[Channel, ...]:
    """Return ``channels``, if the schemas of their tools allow their paths.

    Args:
        channels: the declared channels.
        tools: the tools of the request, in the form in which the API takes them; anything else is ignored.

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
    """Reject channels that would capture the same values.

    Args:
        channels: the declared channels.
        taken: the built-in channels: the option's name, the path, and the tool, ``None`` for all tools.

    Raises:
        MisuseError: two channels of a tool have the same name or path, or one captures everything that the other would.
    """
    declared = [_Claim(f"channel {each.path!r}", each.steps, each.tool, each.name) for each in channels]
    for one, other in combinations(declared, 2):
        if one.tool is None or other.tool is None or {*one.tool} & {*other.tool}:
            if one.name == other.name:
                raise MisuseError(f"{one.what} and {other.what} are both named {one.name!r}; rename one with name=")
            _compare(one, other)
    for option, path, tool in taken:
        for one in declared:
            # Either the built-in channel is of all tools, or both are of the same tool. A channel of all tools leaves
            # the message alone.
            if tool is None or (one.tool is not None and tool in one.tool):
                _compare(_Claim(option, path), one)


class _Claim(NamedTuple):
    what: str
    path: Path
    tool: str | Sequence[str] | None = None
    name: str = ""


def _compare(one: _Claim, other: _Claim) -> None:
    if one.path == other.path:
        raise MisuseError(f"{one.what} and {other.what} capture the same values")
    for above, below in ((one, other), (other, one)):
        if below.path[: len(above.path)] == above.path:
            raise MisuseError(f"{below.what} can never match: {above.what} captures everything there")
