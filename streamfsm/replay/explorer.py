"""Writes a page to step through a recorded stream: the wire, the states, the messages, and other cuts of the stream.

Everything that the page shows is computed here, by the parser. The page itself only looks up results.
"""

import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from itertools import chain, pairwise
from typing import Any

from streamfsm.core.text import without_surrogates
from streamfsm.errors import MisuseError
from streamfsm.machines import MACHINES, Table
from streamfsm.machines.diagrams import svg
from streamfsm.messages import StreamMessage, coalesce
from streamfsm.parser import StreamParser
from streamfsm.replay import capture
from streamfsm.replay.document import document
from streamfsm.replay.provenance import Make, Provenance, ended, provenance
from streamfsm.replay.recording import Piece, Recording
from streamfsm.replay.scrub import KEEP, scrub
from streamfsm.result import StreamResult
from streamfsm.wires.chat.chunking import cutter, pack, split

NO_OPTIONS: Mapping[str, Any] = {}
CHUNKINGS = ("whole", "char", "8", "random:1")
"""The chunkings, besides the recorded one, in which the page shows a stream."""
_LONG = 1000  # chunks: a longer stream is only shown as it was recorded,
_LONG_TEXT = 20_000  # and so is one with more characters of text
_PLACES = 24  # the most places to which a cut is moved
_WORK = 1_500_000_000  # bounds the time of all attempts to move a cut, in units of 4.5 ns: 5 to 9 s
_EACH = 70_000  # units of one attempt, 0.3 ms, plus one unit for each character of the stream, which is restored


def page(
    title: str,
    chunks: Sequence[Any],
    make: Make,
    options: Mapping[str, Any] = NO_OPTIONS,
    breaks: str | None = None,
) -> str:
    """Return a self-contained page in HTML, which also has a table for readers without scripts.

    Args:
        title: the name of the stream.
        chunks: the wire's objects.
        make: creates a new parser, as for :func:`streamfsm.replay.provenance.provenance`.
        options: the parser's options for reading the stream, as JSON values; exported tests contain them.
        breaks: why the body breaks off after the chunks, which fails the stream; ``None``: it does not.
    """
    recorded = provenance(chunks, make, breaks)
    shown = {"as recorded": list(chunks)}
    if len(chunks) <= _LONG and sum(len(atom.text) for atom in split(chunks)) <= _LONG_TEXT:
        shown |= {name: cutter(name)(list(chunks)) for name in CHUNKINGS}
    key = secrets.token_bytes(16)
    views: list[dict[str, Any]] = []
    for name, cut in shown.items():
        found = provenance(cut, make, breaks) if views else recorded
        views.append({**_view(name, cut, found, recorded), "export": _export(f"A stream, {name}", cut, options, key)})
    parser = make(trace=None)
    for chunk in chunks:
        parser.feed(chunk)
    ended(parser, breaks)
    data = {
        "views": views,
        "moves": _moves(chunks, make),
        "machines": {machine.table.name: [state.name for state in machine.table.states] for machine in MACHINES},
        "anomalies": [anomaly.model_dump() for anomaly in parser.result.anomalies],
    }
    template = files("streamfsm.replay").joinpath("explorer.html").read_text(encoding="utf-8")
    template = template.replace("<!--TITLE-->", escape(title))
    parts = {
        "PICTURES": "\n".join(_picture(machine.table) for machine in MACHINES),
        "TABLE": _table(recorded),
        # Only ``<`` could end the script element.
        "DATA": json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
    }
    for name, text in parts.items():
        before, _, after = template.partition(f"<!--{name}-->")
        template = before + text + after
    return without_surrogates(template)


def _export(title: str, chunks: Sequence[Any], options: Mapping[str, Any], key: bytes) -> dict[str, str]:
    """Return the stream with unreadable texts, as a capture and as a document-test."""
    pieces = [Piece(None, chunk if isinstance(chunk, dict) else _event(chunk)) for chunk in chunks]
    names = [options.get(name) for name in ("inner_thoughts_kwarg", "assistant_tool", "assistant_kwarg")]
    flat = [each for name in names for each in ([name] if isinstance(name, str) else name or ())]
    body = b"".join(piece.wire for piece in scrub(Recording(tuple(pieces)), keep=(*KEEP, *flat), key=key).pieces)
    text = body.decode()
    return {"capture": text + "data: [DONE]\n\n", "document": document(title, capture.chunks(text), options)}


def _event(chunk: Any) -> bytes:
    return f"data: {json.dumps(chunk)}\n\n".encode()


def _picture(table: Table) -> str:
    try:
        drawing = svg(table)
    except MisuseError:  # without Graphviz, list the states
        states = (f'<li class="node" data-state="{state.name}">{state.name}</li>' for state in table.states)
        drawing = f"<ul>{''.join(states)}</ul>"
    region = f'data-machine="{table.name}" tabindex="0" role="region" aria-label="Machine {table.name}"'
    return f'<div class="picture" {region}>{drawing}</div>'


def _view(name: str, chunks: Sequence[Any], found: Provenance, recorded: Provenance) -> dict[str, Any]:
    return {
        "name": name,
        "same": _joined(found.messages) == _joined(recorded.messages),
        "exact": found.exact,
        "chunks": [_shown(chunk) for chunk in chunks],
        "fields": [
            {"name": each.name, "choice": each.choice, "text": each.text, "cuts": each.cuts, "spans": each.spans}
            for each in found.fields
        ],
        "records": found.records,
        "messages": [[message.message_type, message.text] for message in found.messages],
        "given": found.given,
    }


def _shown(chunk: Any) -> str:
    """Return a chunk as JSON without the fields that are the same in all chunks."""
    if isinstance(chunk, dict) and isinstance(chunk.get("choices"), list):
        chunk = {name: value for name, value in chunk.items() if name not in _ENVELOPE}
        choices = chunk["choices"]
        if len(choices) == len(chunk) == 1 and isinstance(choices[0], dict):
            chunk = {name: value for name, value in choices[0].items() if value is not None}
    return json.dumps(chunk, ensure_ascii=False)


_ENVELOPE = ("id", "object", "created", "model", "system_fingerprint", "service_tier", "obfuscation")


def _joined(messages: Iterable[StreamMessage]) -> list[dict[str, Any]]:
    """Return the coalesced messages in a form that can be compared."""
    return [message.model_dump(mode="json", exclude={"date"}) for message in coalesce(messages)]


def _moves(chunks: Sequence[Any], make: Make) -> dict[str, Any]:
    """Return for cuts all over the stream the two chunks merged, and cut elsewhere, with the parser's output.

    The numbers of cuts and of places are chosen so that the work stays within its bound.
    """
    size = sum(len(atom.text) for atom in split(chunks))
    attempts = max(_WORK // (_EACH + size), 3)
    cuts = max(len(chunks) - 1, 1)
    step = -(-cuts * 3 // attempts)  # at least: the chunks merged, and two places
    places = min(_PLACES, attempts * step // cuts - 1)
    moved: dict[int, Any] = {}
    parser = make(trace=None)
    for at, (chunk, following) in enumerate(pairwise(chunks)):
        if at % step == 0:
            moved[at] = _moved(parser.snapshot(), chunk, following, places)
        parser.feed(chunk)
    return {"step": step, "places": places, "cuts": moved}


def _moved(before: dict[str, Any], first: Any, second: Any, places: int) -> dict[str, Any] | None:
    """Return two chunks merged, and cut elsewhere; ``None``: the wire's order does not allow merging them."""
    whole = pack(split([first, second]))
    if len(whole) != 1:
        return None
    joined = split(whole)
    text = joined[0].text if len(joined) == 1 and joined[0].kind != "name" else ""  # a name is never cut
    ways = {0: whole}
    for place in sorted({-(-len(text) * n // (places + 1)) for n in range(1, places + 1)} - {0, len(text)}):
        ways[place] = pack(joined[0].pieces([place]), [1, 1])
    expected, result = _fed(before, [first, second])
    shown = []
    for place, cut in ways.items():
        given, end = _fed(before, cut)
        same = end == result and _joined(chain(*given)) == _joined(chain(*expected))
        texts = [[[message.message_type, message.text] for message in messages] for messages in given]
        shown.append({"place": place, "same": same, "messages": texts})
    return {"text": text, "recorded": len(split([first])[0].text) if text else 0, "ways": shown}


def _fed(before: dict[str, Any], chunks: Sequence[Any]) -> tuple[list[list[StreamMessage]], StreamResult]:
    """Return the messages of each chunk, and the result after them."""
    parser = StreamParser.restore(before)
    return [parser.feed(chunk) for chunk in chunks], parser.result


def _table(found: Provenance) -> str:
    """Return the records as a table for readers without scripts. Chunks are numbered from 1, as in the page."""
    rows = "".join(
        f"<tr><td>{'end' if record.chunk == len(found.given) - 1 else record.chunk + 1}"
        + "".join(f"<td>{escape(_UNSEEN.sub(_code, each))}" for each in (record.lane, *record[7:10], record.text))
        + f"<td>{escape(record.because)}"
        for record in found.records
    )
    return (
        '<div class="records"><table><caption>What the parser did, row by row</caption><tr><th>chunk<th>lane<th>state'
        f"<th>event<th>target<th>text<th>because</tr>{rows}</table></div>"
    )


_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Invisible characters, and those that change the direction of text; like here, the page's script shows their code."""


def _code(unseen: re.Match[str]) -> str:
    return f"\\u{ord(unseen[0]):04x}"
