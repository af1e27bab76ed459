"""Cuts a stream elsewhere: the same logical stream in other chunks.

A stream is split into *atoms*, in the order in which a chunk is read. An atom is one piece of text in one field of one
choice, or something that cannot be cut, such as a finish reason. Atoms are cut anywhere, and packed again: neighbours
may share a chunk wherever the wire's field order allows it. By law 1, the output of a parser must not differ.

An event of the Responses API is a chunk here too. It is one atom, and only the text of a delta is cut.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, TypeAlias

from streamfsm.core.policies import EXTRAS
from streamfsm.wires.checked import LARGEST
from streamfsm.wires.responses import chunking as responses

Chunk: TypeAlias = dict[str, Any]

_REASONING = ("reasoning_content", "reasoning", "reasoning_text")
# Fields of a delta that the parser reads, but this module does not cut.
_UNCUT = (
    *("content", "refusal", "function_call", "tool_calls", "reasoning_opaque", "thinking_blocks", "audio"),
    *_REASONING,
)
# Fields of a chunk whose values may differ between chunks without meaning anything.
_LOOSE = {"id", "object", "created", "model", "obfuscation", "p"}
# Extras in which a repeated value is not redundant.
_REPEATED = frozenset(name for name, keep in EXTRAS.items() if keep != "set")
# Reading order, inside a choice, then inside the chunk.
_RANKS = {"reasoning": 0, "content": 1, "refusal": 2, "name": 3, "arguments": 3, "finish": 4, "usage": 5, "opaque": 6}


@dataclass(frozen=True)
class Atom:
    """One piece of one field. Only ``text`` is ever cut; the rest stays with the first piece."""

    kind: str
    choice: int | None
    text: str = ""
    envelope: Chunk = field(default_factory=dict)
    """The chunk's own fields."""
    delta: Chunk = field(default_factory=dict)
    """Other fields of the delta."""
    outer: Chunk = field(default_factory=dict)
    """Other fields of the choice."""
    call: Chunk = field(default_factory=dict)
    """For a piece of a tool call: ``index``, ``id``, ``type``."""
    fields: tuple[str, ...] = ()
    """For reasoning: the fields that carry the text."""
    detail: Chunk = field(default_factory=dict)
    """For reasoning in ``reasoning_details``: the detail without its text."""
    chunk: Any = None
    """A chunk that cannot be split, unchanged; for the kind ``delta``, the Responses event with the text."""

    def pieces(self, lengths: Iterable[int]) -> "Iterator[Atom]":
        """Cut into pieces of ``lengths`` characters; the last piece is the rest."""
        at, atom = 0, self
        unsigned = {key: value for key, value in self.detail.items() if key != "signature"}
        for length in lengths:
            if length < len(self.text) - at:
                yield replace(atom, text=self.text[at : at + length], detail=unsigned)
                at += length
                later = {key: value for key, value in self.call.items() if key == "index"}
                chunk = responses.after_cut(self.chunk) if self.kind == "delta" else self.chunk
                atom = replace(self, delta={}, outer={}, call=later, chunk=chunk)
        yield replace(atom, text=self.text[at:])


def split(chunks: Iterable[Chunk]) -> list[Atom]:
    """Split chunks into atoms. A chunk without the wire's shape is one atom."""
    return [atom for chunk in chunks for atom in _split_chunk(chunk)]


def _split_chunk(chunk: Any) -> list[Atom]:
    if text := responses.text_of(chunk):
        return [Atom("delta", None, text, chunk=chunk)]
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    shaped = (
        isinstance(choices, list)
        and all(_is_choice(choice) for choice in choices)
        and all(isinstance(chunk.get(key), str | None) for key in ("id", "model"))
    )
    if not shaped or not choices or chunk.get("error") or chunk.get("x_groq"):
        return [Atom("opaque", None, chunk=chunk)]
    envelope = {key: value for key, value in chunk.items() if key not in ("choices", "usage")}
    atoms = [atom for at, choice in enumerate(choices) for atom in _split_choice(choice, at, envelope)]
    if chunk.get("usage"):
        atoms.append(Atom("usage", None, envelope=envelope, delta=chunk["usage"]))
    return atoms


def _is_choice(choice: object) -> bool:
    return isinstance(choice, dict) and isinstance(choice.get("delta"), dict) and _is_index(choice.get("index"))


def _is_index(index: object) -> bool:
    return index is None or (type(index) is int and abs(index) <= LARGEST)


def _split_choice(choice: Chunk, at: int, envelope: Chunk) -> list[Atom]:
    delta = choice["delta"]
    index = at if choice.get("index") is None else choice["index"]
    atoms: list[Atom] = []
    by_text: dict[str, list[str]] = {}
    for name in _REASONING:
        if isinstance(delta.get(name), str) and delta[name]:
            by_text.setdefault(delta[name], []).append(name)
    detail = _only_detail(delta)
    if detail:
        by_text.setdefault(detail.pop(_text_key(detail)), []).append("reasoning_details")
    elif delta.get("reasoning_details") or _has_error(choice):
        return [Atom("opaque", None, chunk={**envelope, "choices": [choice]})]
    if len(by_text) > 1:  # fields that differ are an anomaly in one chunk, but not in two
        return [Atom("opaque", None, chunk={**envelope, "choices": [choice]})]
    atoms += [
        Atom("reasoning", index, text, envelope, fields=tuple(names), detail=detail or {})
        for text, names in by_text.items()
    ]
    taken = {name for names in by_text.values() for name in names}
    for name in ("content", "refusal"):
        if isinstance(delta.get(name), str) and delta[name]:
            atoms.append(Atom(name, index, delta[name], envelope))
            taken.add(name)
    calls = delta.get("tool_calls")
    if isinstance(calls, list) and all(_is_call(call) for call in calls):
        taken.add("tool_calls")
        for call in calls:
            atoms += _split_call(call, index, envelope)
    if choice.get("finish_reason"):
        atoms.append(Atom("finish", index, envelope=envelope, call={"finish_reason": choice["finish_reason"]}))
    rest = {key: value for key, value in delta.items() if key not in taken}
    outer = {key: value for key, value in choice.items() if key not in ("delta", "index", "finish_reason")}
    if not atoms or (_unread(rest) and atoms[0].kind != "finish"):
        # Fields that this module does not know may be read before or after those that it knows, so they must not move.
        return [Atom("opaque", None, chunk={**envelope, "choices": [choice]})]
    return [replace(atoms[0], delta=rest, outer=outer), *atoms[1:]]


def _has_error(choice: Chunk) -> bool:
    return any(
        isinstance(place, dict) and place.get("error") for place in (choice, choice["delta"], choice.get("message"))
    )


def _only_detail(delta: Chunk) -> Chunk | None:
    """Return a copy of the delta's structured reasoning, if it is one piece of text."""
    match delta.get("reasoning_details"):
        case [dict() as detail] if isinstance(detail.get(_text_key(detail)), str) and detail[_text_key(detail)]:
            return dict(detail)
    return None


def _text_key(detail: Chunk) -> str:
    return "summary" if detail.get("type") == "reasoning.summary" else "text"


def _unread(rest: Chunk) -> bool:
    return any(rest.get(key) for key in _UNCUT)


def _is_call(call: object) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    return (
        isinstance(call, dict)
        and isinstance(function, dict)
        and _is_index(call.get("index"))
        and isinstance(call.get("id"), str | None)
        and function.keys() <= {"name", "arguments"}
        and all(value is None or isinstance(value, str) for value in function.values())
    )


def _split_call(call: Chunk, choice: int, envelope: Chunk) -> list[Atom]:
    function = call["function"]
    head = {key: value for key, value in call.items() if key != "function"}
    later = {key: value for key, value in call.items() if key == "index"}
    name, arguments = function.get("name") or "", function.get("arguments") or ""
    if not arguments:
        return [Atom("name", choice, name, envelope, call=head)]
    if not name and not head.get("id"):
        return [Atom("arguments", choice, arguments, envelope, call=head)]
    return [
        Atom("name", choice, name, envelope, call=head),
        Atom("arguments", choice, arguments, envelope, call=later),
    ]


def pack(atoms: Iterable[Atom], sizes: Iterable[int] = ()) -> list[Chunk]:
    """Put atoms into chunks of the given sizes, or into more chunks if the wire's field order requires that.

    Args:
        atoms: the atoms, in order.
        sizes: how many atoms go into each chunk; the remaining atoms go into as few chunks as possible.
    """
    chunks: list[Chunk] = []
    sizes = iter(sizes)
    room = 0
    last: Atom | None = None
    for atom in atoms:
        if room == 0 or last is None or not _follows(last, atom, chunks[-1]):
            room = next(sizes, -1) if room == 0 else room
            chunks.append(atom.chunk if atom.kind == "opaque" else {})
        if atom.kind == "delta":
            _add_delta(chunks[-1], atom)
        elif atom.kind != "opaque":
            _add(chunks[-1], atom)
        room -= 1
        last = atom
    return chunks


def _follows(last: Atom, atom: Atom, chunk: Chunk) -> bool:
    """Whether ``atom`` may share the chunk that ends with ``last``."""
    if "delta" in (last.kind, atom.kind):
        return last.kind == atom.kind and responses.is_same_text(last.chunk, atom.chunk)
    if "opaque" in (last.kind, atom.kind) or last.kind == "usage" or not _agrees(atom.envelope, chunk):
        return False
    if atom.kind == "usage":
        return True
    if last.choice != atom.choice:
        return all(choice["index"] != atom.choice for choice in chunk["choices"])
    choice = chunk["choices"][-1]
    if atom.outer.get("message"):  # it means something else beside a delta that says something
        return False
    if not (_agrees(atom.outer, choice) and _agrees(atom.delta, choice["delta"])):
        return False
    if last.kind == atom.kind == "reasoning":
        return last.fields == atom.fields
    return last.kind != "finish" and _RANKS[last.kind] <= _RANKS[atom.kind]


def _agrees(fields: Chunk, others: Chunk) -> bool:
    """Whether the fields can be merged without changing a value or losing a repeated one."""
    return all(
        key in _LOOSE or not value or others.get(key) is None or (others[key] == value and key not in _REPEATED)
        for key, value in fields.items()
    )


def _add(chunk: Chunk, atom: Atom) -> None:
    _fill(chunk, atom.envelope)
    choices = chunk.setdefault("choices", [])
    if atom.kind == "usage":
        chunk["usage"] = atom.delta
        return
    if not choices or choices[-1]["index"] != atom.choice:
        choices.append({"index": atom.choice, "delta": {}, "finish_reason": None})
    choice = choices[-1]
    _fill(choice, atom.outer)
    delta = choice["delta"]
    _fill(delta, atom.delta)
    if atom.kind == "finish":
        choice.update(atom.call)
    elif atom.kind in ("name", "arguments"):
        _add_call(delta, atom)
    else:
        for name in atom.fields or (atom.kind,):
            if name == "reasoning_details":
                _add_detail(delta, atom)
            else:
                delta[name] = (delta.get(name) or "") + atom.text


def _add_delta(event: Chunk, atom: Atom) -> None:
    if event:
        responses.merge(event, atom.chunk, atom.text)
    else:
        event.update(atom.chunk, delta=atom.text)


def _fill(fields: Chunk, more: Chunk) -> None:
    """Add the fields that are missing."""
    for key, value in more.items():
        fields[key] = fields.get(key) or value


def _add_detail(delta: Chunk, atom: Atom) -> None:
    details = delta["reasoning_details"] = delta.get("reasoning_details") or []
    key = _text_key(atom.detail)
    # A signature ends a detail; an equal detail after it is another one.
    if details and not atom.detail.get("signature") and {**details[-1], key: ""} == {**atom.detail, key: ""}:
        details[-1][key] += atom.text
    else:
        details.append({**atom.detail, key: atom.text})


def _add_call(delta: Chunk, atom: Atom) -> None:
    entries = delta["tool_calls"] = delta.get("tool_calls") or []
    more = bool(entries) and atom.call.keys() <= {"index"} and atom.call.get("index") == entries[-1].get("index")
    if not more or (atom.kind == "name" and entries[-1]["function"].get("arguments")):
        entries.append({**atom.call, "function": {}})
    function = entries[-1]["function"]
    function[atom.kind] = function.get(atom.kind, "") + atom.text


# -- chunkings ---------------------------------------------------------------------------------------------------------

Cutter: TypeAlias = Callable[[Sequence[Chunk]], list[Chunk]]


def whole(chunks: Iterable[Chunk]) -> list[Chunk]:
    """Return as few chunks as the wire allows."""
    return pack(split(chunks))


def every(length: int) -> Cutter:
    """Return a chunking into ``length`` characters per chunk."""

    def cut(chunks: Iterable[Chunk]) -> list[Chunk]:
        atoms = [piece for atom in split(chunks) for piece in _cut_every(atom, length)]
        return pack(atoms, [1] * len(atoms))

    return cut


def _cut_every(atom: Atom, length: int) -> Iterator[Atom]:
    # A server may repeat a complete name, so a recorded name must not be cut.
    return iter([atom]) if atom.kind == "name" else atom.pieces([length] * (len(atom.text) // length))


def at_random(seed: int) -> Cutter:
    """Return a chunking that cuts and merges at random places, the same for the same seed."""

    def cut(chunks: Iterable[Chunk]) -> list[Chunk]:
        random = Random(seed)  # noqa: S311 - it must be repeatable, not secret
        atoms: list[Atom] = []
        for atom in split(chunks):
            if atom.kind == "name":
                atoms.append(atom)
            else:
                atoms += atom.pieces(random.randint(1, 12) for _ in atom.text)
        return pack(atoms, (random.randint(1, 4) for _ in atoms))

    return cut


def cutter(spec: str) -> Cutter:
    """Return the chunking called ``spec``: ``whole``, ``char``, a number, ``random`` or ``random:SEED``.

    Raises:
        ValueError: there is no such chunking.
    """
    kind, _, seed = spec.partition(":")
    if spec == "whole":
        return whole
    if spec == "char":
        return every(1)
    if kind == "random" and (seed.isdecimal() or not _):
        return at_random(int(seed or 0))
    if spec.isdecimal() and int(spec):
        return every(int(spec))
    raise ValueError(f"{spec!r} is not a chunking: whole, char, a number of characters, random or random:SEED")
