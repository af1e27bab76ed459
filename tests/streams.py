"""Logical streams for the laws: Hypothesis strategies that know the wire and JSON, and never the tables."""

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from helpers import ALPHABET, run
from hypothesis import strategies as st

from streamfsm import coalesce
from streamfsm.chunking import Atom, Chunk, pack
from streamfsm.trace import Transition

ENVELOPE = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1"}

# With the halves of the emoji, which servers send in two deltas.
HALVES = ALPHABET + "\ud83d\ude00"
texts = st.text(HALVES, max_size=12)
names = st.sampled_from(["send_message", "search", "search", "f", "send_messages"])


@st.composite
def escaped(draw: st.DrawFn, text: str) -> str:
    """``text`` as a JSON string in one of the many ways to write it."""
    style = draw(st.sampled_from(["raw", "ascii", "each"]))
    if style == "raw" and not re.search("[\ud800-\udfff]", text):
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
    """``value`` as JSON text, in one of the many ways to write it."""
    space = st.sampled_from(["", "", "", " ", "\n\t "])
    if isinstance(value, str):
        return draw(escaped(value))
    if isinstance(value, dict):
        members = [
            draw(escaped(key)) + draw(space) + ":" + draw(space) + draw(json_text(item)) for key, item in value.items()
        ]
        return "{" + _joined(draw, members, space) + "}"
    if isinstance(value, list):
        return "[" + _joined(draw, [draw(json_text(item)) for item in value], space) + "]"
    return json.dumps(value)


def _joined(draw: st.DrawFn, items: list[str], space: st.SearchStrategy[str]) -> str:
    return draw(space) + ",".join(draw(space) + item + draw(space) for item in items)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-999, 999)
    | st.sampled_from([0.5, -1e30, 2.25e-3])
    | st.text(ALPHABET, max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(ALPHABET, max_size=3), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["thinking", "message", "a", "q", "", "thinkin", "messages", "\u00e9"])
objects = st.dictionaries(keys, values | texts, max_size=4)
garbage = st.text(ALPHABET + "01-.eE+tn", max_size=16)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """JSON text in which a few characters were replaced, or taken out, or put in."""
    text = draw(objects.flatmap(json_text))
    start = draw(st.integers(0, len(text)))
    return text[:start] + draw(st.text(ALPHABET + "01-.e", max_size=2)) + text[start + draw(st.integers(0, 2)) :]


arguments = objects.flatmap(json_text) | damaged() | garbage | st.sampled_from(["null", "", "{}", "{}{}", '{"a":01}'])


@dataclass
class Stream:
    """A logical stream: atoms, in order. Its repr is what a failing test prints."""

    atoms: list[Atom] = field(default_factory=list)

    def plain(self) -> list[Chunk]:
        """One chunk per atom, uncut."""
        return pack(self.atoms, [1] * len(self.atoms))


def text_atom(kind: str, text: str, choice: int = 0) -> Atom:
    fields = ("reasoning_content",) if kind == "reasoning" else ()
    return Atom(kind, choice, text, ENVELOPE, fields=fields)


def call_atoms(index: int, name: str, text: str, choice: int = 0) -> list[Atom]:
    """A call: an atom for its id and name, one for its arguments."""
    head = {"index": index, "id": f"call_{choice}_{index}", "type": "function"}
    atoms = [Atom("name", choice, name, ENVELOPE, call=head)]
    return [*atoms, Atom("arguments", choice, text, ENVELOPE, call={"index": index})] if text else atoms


def ending_atoms(finish: str | None, choice: int = 0) -> list[Atom]:
    return [Atom("finish", choice, envelope=ENVELOPE, call={"finish_reason": finish})] if finish else []


finishes = st.sampled_from(["stop", "tool_calls", "length", "content_filter", "function_call", "odd", None])


@st.composite
def streams(draw: st.DrawFn, *, choices: int = 2, calls: int = 3) -> Stream:
    """Any mix of text, calls (in turn or interleaved), choices, endings and usage."""
    atoms: list[Atom] = []
    for choice in range(draw(st.integers(1, choices))):
        lanes = [
            [text_atom(kind, text, choice)]
            for kind, text in draw(
                st.lists(st.tuples(st.sampled_from(["reasoning", "content", "refusal"]), texts), max_size=3)
            )
            if text
        ]
        lanes += [
            call_atoms(index, draw(names), draw(arguments), choice) for index in range(draw(st.integers(0, calls)))
        ]
        if draw(st.booleans()):
            lanes = draw(interleaved(lanes))
        atoms += [atom for lane in lanes for atom in lane]
        atoms += ending_atoms(draw(finishes), choice)
    if draw(st.booleans()):
        usage = {"prompt_tokens": draw(st.integers(0, 9)), "completion_tokens": 5}
        atoms.append(Atom("usage", None, envelope=ENVELOPE, delta=usage))
    return Stream(atoms)


@st.composite
def interleaved(draw: st.DrawFn, lanes: list[list[Atom]]) -> list[list[Atom]]:
    """The same lanes, cut and dealt in turns; each lane keeps its own order. A name ends where another call begins."""
    queues = [
        [piece for atom in lane for piece in ([atom] if atom.kind == "name" else _cut(draw, atom))] for lane in lanes
    ]
    dealt: list[list[Atom]] = []
    while any(queues):
        queue = draw(st.sampled_from([queue for queue in queues if queue]))
        dealt.append([queue.pop(0)])
    return dealt


@st.composite
def chunkings(draw: st.DrawFn, stream: Stream) -> list[Chunk]:
    """The stream in other chunks: every atom cut anywhere, neighbours merged wherever the wire allows."""
    atoms = [piece for atom in stream.atoms for piece in _cut(draw, atom)]
    return pack(atoms, draw(st.lists(st.integers(1, 4), max_size=len(atoms))))


def _cut(draw: st.DrawFn, atom: Atom) -> list[Atom]:
    return list(atom.pieces(draw(st.lists(st.integers(1, 4), max_size=len(atom.text)))))


options = st.fixed_dictionaries(
    {},
    optional={
        "inner_thoughts_kwarg": st.sampled_from([None, "thinking", ("thinking", "a"), "message"]),
        "assistant_tool": st.sampled_from([None, "send_message", "search"]),
        "assistant_kwarg": st.sampled_from(["message", "q"]),
        "reasoning_model": st.sampled_from([None, True, False]),
        "think_tags": st.sampled_from([None, ("<think>", "</think>"), ("aab", "ba"), ("[", "]")]),
        "requires_approval_tools": st.just(("search",)),
    },
)


def outcome(chunks: list[Any], **options: Any) -> dict[str, Any]:
    """All that law 1 promises to be the same for every chunking."""
    trace: list[Transition] = []
    messages, parser = run(chunks, trace=trace, **options)
    paths = defaultdict(list)
    for step in trace:
        if step.event != "text":
            paths[step.choice, step.lane].append((step.state, step.event, step.target))
    joined = [message.model_dump(exclude={"date"}) for message in coalesce(messages)]
    return {"messages": joined, "result": parser.result.model_dump(), "paths": dict(paths)}
