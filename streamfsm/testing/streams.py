"""``Stream``: a logical stream, which is what a server says, before it is cut into chunks."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias

from streamfsm.wires.chat.chunking import Atom, Chunk, pack, split

ENVELOPE: Chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1"}

Key: TypeAlias = int | str
"""What a text belongs to: the call's id for a name and for arguments, the choice's index for any other kind."""


@dataclass(frozen=True, repr=False)
class Stream:
    """A logical stream: atoms, in order. A failing test prints its repr, which has one atom per line.

    Attributes:
        atoms: see :class:`streamfsm.wires.chat.chunking.Atom`.
        cut_names: whether tool names may be cut. A server may repeat a complete name, so a recorded one is not cut.
    """

    atoms: list[Atom]
    cut_names: bool = True

    @classmethod
    def of(cls, stream: "Stream | Iterable[Chunk]") -> "Stream":
        """Return the stream itself, or the logical stream of recorded chunks."""
        return stream if isinstance(stream, Stream) else cls(split(stream), cut_names=False)

    def plain(self) -> list[Chunk]:
        """Return one chunk per atom."""
        return pack(self.atoms, [1] * len(self.atoms))

    @cached_property
    def pieces(self) -> list[Atom]:
        """Return the atoms, cut into characters; an atom without text, or a name that may not be cut, is one piece."""
        return [piece for atom in self.atoms for piece in atom.pieces([1] * self._size(atom))]

    def _size(self, atom: Atom) -> int:
        """Return how many pieces the atom can be cut into; 0 if it cannot be cut."""
        return len(atom.text) if self.cut_names or atom.kind != "name" else 0

    def parted(self, place: int) -> tuple[list[Atom], list[Atom]]:
        """Return the atoms before the piece at ``place``, and those from there on."""
        before: list[Atom] = []
        after: list[Atom] = []
        for atom in self.atoms:
            size = self._size(atom) or 1
            if 0 < place < size:
                head, tail = atom.pieces([place])
                before.append(head)
                after.append(tail)
            else:
                (before if place >= size else after).append(atom)
            place -= size
        return before, after

    def cut(self, places: Iterable[int]) -> list[Chunk]:
        """Return the stream in chunks: one begins at each of these pieces, and where the wire's order requires it."""
        bounds = sorted({0, *places, len(self.pieces)})
        return pack(self.pieces, (end - start for start, end in pairwise(bounds)))

    def said(self) -> dict[tuple[str, Key], str]:
        """Return the complete texts, unless empty, by kind (content, reasoning, refusal, name, arguments) and key."""
        *_, texts = [{}, *said_so_far(self.atoms)]
        return texts

    def lines(self) -> list[str]:
        """Return the stream for people to read: one line per atom."""
        return [_line(atom) for atom in self.atoms]

    def __repr__(self) -> str:
        return "\n    ".join(["Stream:", *self.lines()])

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - as Hypothesis and IPython call it
        printer.text(repr(self))


def said_so_far(atoms: Iterable[Atom]) -> Iterator[dict[tuple[str, Key], str]]:
    """Yield the texts so far after each atom, always in the same dict."""
    ids: dict[Any, Key] = {}
    texts: dict[tuple[str, Key], str] = {}
    for atom in atoms:
        kind, key, text = _responses_said(atom, ids) if atom.choice is None else _chat_said(atom, atom.choice, ids)
        if text:
            texts[kind, key] = texts.get((kind, key), "") + text
        yield texts


def _chat_said(atom: Atom, choice: int, ids: dict[Any, Key]) -> tuple[str, Key, str]:
    """Return what an atom of a choice says: kind, key, text."""
    key: Key = choice
    if atom.text and atom.kind in ("name", "arguments"):
        place = (choice, atom.call.get("index"))
        key = ids[place] = atom.call.get("id") or ids.get(place, "")
    return atom.kind, key, atom.text


_SAID = {
    "output_text": "content",
    "refusal": "refusal",
    "reasoning_text": "reasoning",
    "reasoning_summary_text": "reasoning",
    "function_call_arguments": "arguments",
    "custom_tool_call_input": "arguments",
    "mcp_call_arguments": "arguments",
}
"""Beginning of a delta's type in the Responses API → the kind of its text."""


def _responses_said(atom: Atom, ids: dict[Any, Key]) -> tuple[str, Key, str]:
    """Return what an event of the Responses API says: kind, key, text; for any other atom, the text is empty."""
    event = atom.chunk if isinstance(atom.chunk, dict) else {}
    front, _, verb = str(event.get("type")).removeprefix("response.").rpartition(".")
    item, place = event.get("item"), event.get("output_index")
    if (front, verb) == ("output_item", "added") and isinstance(item, dict) and item.get("name"):
        key = ids[place] = str(item.get("call_id") or item.get("id"))
        return "name", key, item["name"]
    kind = _SAID.get(front, "")
    return kind, ids.get(place, "") if kind == "arguments" else 0, atom.text if kind else ""


def _line(atom: Atom) -> str:
    if atom.kind == "opaque":
        return f"chunk {shown(atom.chunk)}"
    if atom.kind == "delta":
        return f"{atom.chunk['type'].removeprefix('response.')} {atom.text!r}"
    if atom.kind == "usage":
        return f"usage {atom.delta!r}"
    choice = f"choice {atom.choice} " if atom.choice else ""
    more = {**atom.call, **atom.delta}
    return f"{choice}{atom.kind}{' ' + repr(atom.text) if atom.text else ''}{' ' + repr(more) if more else ''}"


def shown(chunk: Any) -> str:
    """Return a chunk on one line, in ASCII, without the fields that are the same in all chunks."""
    if isinstance(chunk, dict):
        chunk = {key: value for key, value in chunk.items() if key not in ENVELOPE}
    return json.dumps(chunk, separators=(",", ":"), default=repr)


# -- atoms by name -----------------------------------------------------------------------------------------------------


def text(kind: str, text: str, choice: int = 0) -> list[Atom]:
    """Return the atom of a text in one field: ``content``, ``refusal`` or ``reasoning`` (``reasoning_content``)."""
    fields = ("reasoning_content",) if kind == "reasoning" else ()
    return [Atom(kind, choice, text, ENVELOPE, fields=fields)] if text else []


def call(index: int, name: str, arguments: str, choice: int = 0) -> list[Atom]:
    """Return the atoms of a tool call: id and name, then arguments. Its id is ``call_<choice>_<index>``."""
    head = {"index": index, "id": f"call_{choice}_{index}", "type": "function"}
    atoms = [Atom("name", choice, name, ENVELOPE, call=head)]
    return [*atoms, Atom("arguments", choice, arguments, ENVELOPE, call={"index": index})] if arguments else atoms


def finish(reason: str | None, choice: int = 0) -> list[Atom]:
    """Return the atom of a finish reason, if there is one."""
    return [Atom("finish", choice, envelope=ENVELOPE, call={"finish_reason": reason})] if reason else []


def usage(prompt_tokens: int, completion_tokens: int) -> list[Atom]:
    """Return the atom of a usage report."""
    counts = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    return [Atom("usage", None, envelope=ENVELOPE, delta=counts)]
