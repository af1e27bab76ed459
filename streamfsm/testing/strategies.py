"""Hypothesis strategies for streams and JSON; they do not depend on a parser.

Examples shrink to few atoms, short texts, plain spelling, no quirks, and few chunks.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from hypothesis import strategies as st

from streamfsm.errors import MisuseError
from streamfsm.testing import streams as of
from streamfsm.testing.quirks import QUIRKS, Quirk
from streamfsm.testing.streams import Stream
from streamfsm.wires.chat.chunking import Atom, Chunk

ALPHABET = '"\\{}[],: ab\n\u00e9\u2028\U0001f600'
"""Characters that matter to a parser of JSON, escapes and tags, and few others. They find in seconds what ``st.text()``
rarely finds."""

NAMES = ("f", *["send_message", "search"] * 2, *["send_message"] * 2, "send_messages")
"""Names of tools. The message tool is one in two; another comes often enough to be called twice in a stream."""
FINISHES = (None, "stop", "tool_calls", "length", "content_filter", "function_call", "odd")


def texts(*, max_size: int = 12) -> st.SearchStrategy[str]:
    """Generate hostile text: delimiters, quotes, backslashes, U+2028, an emoji, and the two halves of an emoji."""
    return st.text(ALPHABET + "\ud83d\ude00", max_size=max_size)


# -- arguments ---------------------------------------------------------------------------------------------------------


@st.composite
def _string(draw: st.DrawFn, text: str) -> str:
    style = draw(_STYLES)
    if style == "raw" and not _LONE.search(text):
        return json.dumps(text, ensure_ascii=False)
    if style == "ascii":
        return json.dumps(text)
    parts = [draw(st.sampled_from(_spellings(char))) for char in text]
    return '"' + "".join(parts) + '"'


def _spellings(char: str) -> list[str]:
    units = char.encode("utf-16-be", "surrogatepass")
    lower = "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
    return [json.dumps(char)[1:-1], lower, lower.upper().replace("\\U", "\\u")] + (["\\/"] if char == "/" else [])


@st.composite
def json_text(draw: st.DrawFn, value: Any) -> str:
    """Generate JSON texts of ``value``, as encoders write them, or with any mix of escapes and white space."""
    separators = draw(_LAYOUTS)
    if separators is None:
        return draw(_mixed(value))
    text = json.dumps(value, ensure_ascii=draw(st.booleans()), separators=separators)
    return json.dumps(value, separators=separators) if _LONE.search(text) else text


@st.composite
def _mixed(draw: st.DrawFn, value: Any) -> str:
    if isinstance(value, str):
        return draw(_string(value))
    if isinstance(value, dict):
        members = [
            draw(_string(key)) + draw(_SPACES) + ":" + draw(_SPACES) + draw(_mixed(item)) for key, item in value.items()
        ]
        return "{" + _joined(draw, members) + "}"
    if isinstance(value, list):
        return "[" + _joined(draw, [draw(_mixed(item)) for item in value]) + "]"
    return json.dumps(value)


def _joined(draw: st.DrawFn, items: list[str]) -> str:
    return draw(_SPACES) + ",".join(draw(_SPACES) + item + draw(_SPACES) for item in items)


_LONE = re.compile("[\ud800-\udfff]")  # which JSON may hold as an escape only
# Mostly as models write, which keep to one layout: a parser that searches text may know only one. None: in no layout.
_LAYOUTS = st.sampled_from([(",", ":")] * 5 + [(", ", ": ")] * 2 + [None] * 3)
_STYLES = st.sampled_from(["raw", "ascii", "each"])
_SPACES = st.sampled_from(["", "", "", " ", "\n\t "])


def values(*, max_leaves: int = 6) -> st.SearchStrategy[Any]:
    """Generate small JSON values of any type."""
    return st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-999, 999)
        | st.sampled_from([0.5, -1e30, 2.25e-3])
        | st.text(ALPHABET, max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(ALPHABET, max_size=3), inner, max_size=3),
        max_leaves=max_leaves,
    )


KEYS = ("thinking", "message", "a", "q", "", "thinkin", "messages", "\u00e9")


@cache
def objects(keys: tuple[str, ...] = KEYS) -> st.SearchStrategy[dict[str, Any]]:
    """Generate JSON objects with some of these keys, and any values."""
    return st.dictionaries(st.sampled_from(keys), values() | texts(), max_size=4)


_ORDERS = (("message",), *[("thinking", "message")] * 2, ("a", "message"), ("thinking", "message", "q"))


@st.composite
def _spoken(draw: st.DrawFn) -> dict[str, Any]:
    """Generate arguments of the message tool: a text, with or without thoughts before it and other members."""
    texts_of = {"thinking": texts(), "message": texts()}
    return {key: draw(texts_of.get(key, values())) for key in draw(st.sampled_from(_ORDERS))}


def arguments(schema: Mapping[str, Any] | None = None) -> st.SearchStrategy[str]:
    """Generate JSON texts of a call's arguments, in all spellings: any object, or one that ``schema`` accepts.

    Args:
        schema: a tool's JSON schema; :func:`from_schema` lists the keywords that it may use.
    """
    return ((objects() | _spoken()) if schema is None else from_schema(schema)).flatmap(json_text)


def damaged_arguments() -> st.SearchStrategy[str]:
    """Generate broken arguments: none, text that is not JSON, or changed JSON, which may be valid by chance."""
    special = st.sampled_from(["", "null", "{}", '{}{"a":1}', '{"a":01}'])
    return special | st.text(ALPHABET + "01-.eE+tn", max_size=16) | _changed_arguments()


@st.composite
def _changed_arguments(draw: st.DrawFn) -> str:
    text = draw(arguments())
    start = draw(st.integers(0, len(text)))
    return text[:start] + draw(st.text(ALPHABET + "01-.e", max_size=2)) + text[start + draw(st.integers(0, 2)) :]


# hypothesis-jsonschema, the package for this, was last released in 2024 and fails on objects with current versions of
# Hypothesis (AttributeError: 'many' object has no attribute 'more'). Tools use a small part of JSON Schema. Ignoring
# the keywords that are rejected here would generate values that the schema does not accept.
_UNKNOWN = {
    *("allOf", "not", "if", "dependentRequired", "dependentSchemas"),
    *("patternProperties", "propertyNames", "minProperties", "maxProperties"),
    *("prefixItems", "contains", "uniqueItems", "multipleOf"),
}


def from_schema(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> st.SearchStrategy[Any]:
    """Generate values that a tool's JSON schema accepts. Optional members may be missing; there are no additional ones.

    Args:
        schema: may use the keywords that tools use: types, members, items, choices, bounds, patterns, local references.
        root: the schema that references refer to; by default, ``schema``.

    Raises:
        MisuseError: the schema has another keyword, such as ``allOf``.
    """
    root = schema if root is None else root
    if unknown := sorted(schema.keys() & _UNKNOWN):
        raise MisuseError(f"from_schema does not know {', '.join(unknown)}")
    if "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#").split("/")[1:]:
            target = target[part]
        return st.deferred(lambda: from_schema(target, root))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(list(schema["enum"]))
    if branches := schema.get("anyOf") or schema.get("oneOf"):
        return st.one_of([from_schema({**_without_branches(schema), **branch}, root) for branch in branches])
    kinds = schema.get("type") or ("object" if "properties" in schema else None)
    if kinds is None:
        return values()
    return st.one_of([_TYPES[kind](schema, root) for kind in ([kinds] if isinstance(kinds, str) else kinds)])


def _without_branches(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}


def _numbers(schema: Mapping[str, Any], *, whole: bool) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if whole:
        low = above + 1 if above is not None else low
        high = below - 1 if below is not None else high
        return st.integers(low, high)
    return st.floats(
        low if above is None else above,
        high if below is None else below,
        exclude_min=above is not None,
        exclude_max=below is not None,
        allow_nan=False,
        allow_infinity=False,
    )


def _strings(schema: Mapping[str, Any]) -> st.SearchStrategy[str]:
    if "pattern" in schema:
        return st.from_regex(schema["pattern"])
    return st.text(ALPHABET, min_size=schema.get("minLength", 0), max_size=schema.get("maxLength"))


def _objects(schema: Mapping[str, Any], root: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    members = {key: from_schema(member, root) for key, member in schema.get("properties", {}).items()}
    required = set(schema.get("required", ()))
    return st.fixed_dictionaries(
        {key: member for key, member in members.items() if key in required},
        optional={key: member for key, member in members.items() if key not in required},
    )


def _lists(schema: Mapping[str, Any], root: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    least = schema.get("minItems", 0)
    items = from_schema(schema["items"], root) if "items" in schema else values()
    return st.lists(items, min_size=least, max_size=schema.get("maxItems", least + 3))


_TYPES = {
    "null": lambda _schema, _root: st.none(),
    "boolean": lambda _schema, _root: st.booleans(),
    "integer": lambda schema, _root: _numbers(schema, whole=True),
    "number": lambda schema, _root: _numbers(schema, whole=False),
    "string": lambda schema, _root: _strings(schema),
    "object": _objects,
    "array": _lists,
}


# -- streams -----------------------------------------------------------------------------------------------------------


@st.composite
def logical_streams(
    draw: st.DrawFn,
    *,
    arguments: st.SearchStrategy[str] = arguments(),  # noqa: B008 - strategies are immutable
    names: st.SearchStrategy[str] = st.sampled_from(NAMES),  # noqa: B008
    texts: st.SearchStrategy[str] = texts(),  # noqa: B008
    fields: Sequence[str] = ("reasoning", "content"),
    max_choices: int = 2,
    max_calls: int = 3,
) -> Stream:
    """Generate streams with any mix of texts and calls (in sequence or interleaved), choices, endings and usage.

    Args:
        draw: Hypothesis's ``draw``.
        arguments: the arguments of each call.
        names: the names of the tools.
        texts: the text of each text field; an empty one is left out.
        fields: which of ``reasoning``, ``content`` and ``refusal`` there may be.
        max_choices: the most choices of the response, at least one.
        max_calls: the most calls of each choice.
    """
    atoms: list[Atom] = []
    for choice in range(draw(st.integers(1, max_choices))):
        kinds = st.sampled_from(fields)
        lanes = [of.text(kind, text, choice) for kind, text in draw(st.lists(st.tuples(kinds, texts), max_size=3))]
        lanes += [
            of.call(index, draw(names), draw(arguments), choice) for index in range(draw(st.integers(0, max_calls)))
        ]
        if draw(st.booleans()):
            lanes = _interleaved(draw, lanes)
        atoms += [atom for lane in lanes for atom in lane]
        atoms += of.finish(draw(st.sampled_from(FINISHES)), choice)
    if draw(st.booleans()):
        atoms += of.usage(draw(st.integers(0, 9)), 5)
    return Stream(atoms)


def _interleaved(draw: st.DrawFn, lanes: list[list[Atom]]) -> list[list[Atom]]:
    """Cut and interleave the lanes; each keeps its order. Names are not cut, because another call would end them."""
    queues = [
        [piece for atom in lane for piece in ([atom] if atom.kind == "name" else _cut(draw, atom))] for lane in lanes
    ]
    dealt: list[list[Atom]] = []
    while any(queues):
        queue = draw(st.sampled_from([queue for queue in queues if queue]))
        dealt.append([queue.pop(0)])
    return dealt


def _cut(draw: st.DrawFn, atom: Atom) -> list[Atom]:
    return list(atom.pieces(draw(st.lists(st.integers(1, 4), max_size=len(atom.text)))))


@st.composite
def chunkings(draw: st.DrawFn, stream: Stream | Sequence[Chunk]) -> list[Chunk]:
    """Generate other chunks of the stream: cut anywhere, and neighbours merged where the wire's field order allows it.

    Args:
        draw: Hypothesis's ``draw``.
        stream: a logical stream; or recorded chunks, whose names are not cut.
    """
    logical = Stream.of(stream)
    last = max(len(logical.pieces) - 1, 1)
    # A run of cuts: the last one, how far before it the first may be, and the distance between two. A run shrinks to
    # its last cut, which moves to the front as long as the example fails, so it ends at the place of the failure.
    # Half of the runs end where the stream does, and many begin where it begins: a short run hits a given place rarely.
    ends = st.integers(0, 2 * last).map(lambda end: min(end, last))
    runs = st.tuples(ends, st.integers(0, 2 * last), st.sampled_from([1, 1, 1, 2, 3, 4]))
    return logical.cut(
        place
        for end, span, step in draw(st.lists(runs, min_size=1, max_size=6))
        for place in range(end, max(end - span, 1) - 1, -step)
    )


@cache
def dialects(*, certain: bool = True) -> st.SearchStrategy[list[Quirk]]:
    """Some of :data:`QUIRKS`, in its order, to be applied with :func:`streamfsm.testing.accented`; shrinks to none.

    Args:
        certain: whether to use only quirks that leave no doubt about what was said.
    """
    quirks = [quirk for quirk in QUIRKS if quirk.certain or not certain]
    return st.lists(st.sampled_from(quirks), unique=True, max_size=4).map(lambda some: sorted(some, key=quirks.index))


# -- faults ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with a stream.

    Attributes:
        sort: ``cut off``: the rest never comes. ``error``: an error payload comes instead of the rest. ``garbage``:
            something that is not a chunk comes in between.
        at: the number of pieces before it, modulo their total number.
        chunk: the error payload, or the garbage.
    """

    sort: str
    at: int
    chunk: Any = None

    @property
    def words(self) -> str:
        """What goes wrong, in words."""
        return _FAULTS[self.sort]

    def __call__(self, stream: Stream | Sequence[Chunk]) -> Stream:
        """Return the stream with this fault."""
        stream = Stream.of(stream)
        before, after = stream.parted(self.at % (len(stream.pieces) + 1))
        if self.sort == "cut off":
            return replace(stream, atoms=before)
        chunk = Atom("opaque", None, chunk=self.chunk)
        return replace(stream, atoms=[*before, chunk, *(after if self.sort == "garbage" else ())])


_FAULTS = {
    "cut off": "the stream breaks off",
    "error": "the server sends an error",
    "garbage": "the server sends an object that is not a chunk",
}

ERRORS: tuple[Chunk, ...] = (
    {"error": {"message": "The server is overloaded", "type": "server_error", "code": "overloaded"}},
    {"error": {"message": "Rate limit reached", "code": 429}},
    {"error": "boom"},
    {"choices": [], "error": {"message": "late"}},
)


@cache
def faults(*, garbage: bool = True) -> st.SearchStrategy[Fault]:
    """Generate faults at any place: cut off, an error payload or, if ``garbage``, garbage. Call one with a stream."""
    return faults_with(ERRORS, garbage_chunks() if garbage else None)


def faults_with(errors: Sequence[Chunk], garbage: st.SearchStrategy[Any] | None) -> st.SearchStrategy[Fault]:
    """Generate faults with one of these error payloads or this garbage."""
    at = st.integers(0, 200)
    broken = st.builds(Fault, st.just("cut off"), at) | st.builds(Fault, st.just("error"), at, st.sampled_from(errors))
    return broken if garbage is None else broken | st.builds(Fault, st.just("garbage"), at, garbage)


def _shaped(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Generate objects of the wire's shape, in which any field may be missing or have any value."""
    return st.fixed_dictionaries({}, optional={key: value | _anything() for key, value in fields.items()})


@cache
def _anything() -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text(ALPHABET + "\ud83d", max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=5,
    )


@cache
def garbage_chunks() -> st.SearchStrategy[Any]:
    """Generate chunks in which any field may be missing or have any value, or any JSON value in place of a chunk."""
    strings = texts() | st.sampled_from(["", "null", "stop", "tool_calls", "{", '{"message":"', "}"])
    numbers = st.integers(-1, 2) | st.booleans()
    call = _shaped(
        index=numbers, id=strings, type=strings, function=_shaped(name=strings | st.just("f"), arguments=strings)
    )
    thinking = st.lists(_shaped(text=strings), max_size=2)
    delta = _shaped(
        role=strings,
        content=strings | st.lists(_shaped(type=strings, text=strings, thinking=thinking)),
        reasoning=strings,
        reasoning_content=strings,
        refusal=strings,
        tool_calls=st.lists(call, max_size=3),
        function_call=_shaped(name=strings, arguments=strings),
    )
    usage = _shaped(
        prompt_tokens=numbers,
        completion_tokens=numbers,
        prompt_tokens_details=_shaped(cached_tokens=numbers),
        completion_tokens_details=_shaped(reasoning_tokens=numbers),
    )
    chunk = _shaped(
        id=strings,
        model=strings | st.just("o3-mini"),
        choices=st.lists(_shaped(index=numbers, delta=delta, finish_reason=strings), max_size=3),
        usage=usage,
        x_groq=_shaped(usage=usage),
        error=_shaped(code=strings | numbers, type=strings, message=strings),
    )
    return chunk | _anything()
