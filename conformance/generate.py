"""Writes the cases, ``cases/*.jsonl``, and the JSON Schemas of a case and of the protocol's records.

    python conformance/generate.py [--check]

Everything comes from this project: the documents in ``tests/quirks``, the test kit's quirks, and the texts, values and
endings below. Nothing is random, so every run writes the same files. The facts of a composed case are its parts. The
facts of a document are the output of this project's parser, whose messages the document states, written by hand.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from streamfsm import StreamParser
from streamfsm.conform.cases import schema
from streamfsm.conform.composing import (
    RESPONSES_ENDINGS,
    Record,
    Said,
    composed,
    needs,
    opened,
    piece,
    record,
    responded,
    told,
)
from streamfsm.conform.facts import Answer, Hello
from streamfsm.replay.capture import chunks as chunks_of
from streamfsm.testing import responses as api
from streamfsm.testing.quirks import QUIRKS, Quirk, accented
from streamfsm.testing.retellings import RETELLINGS
from streamfsm.testing.streams import ENVELOPE, Stream, call, finish, text, usage
from streamfsm.wires.chat.chunking import Atom, every, pack

HERE = Path(__file__).parent
DOCUMENTS = HERE.parent / "tests" / "quirks"


# -- families ----------------------------------------------------------------------------------------------------------

TEXTS = {
    "plain": "Hello, world.",
    "one-character": "a",
    "white-space": " \n\t a \n ",
    "only-white-space": "  \n",
    "line-ends": "a\nb\r\nc\rd",
    "quotes-and-backslashes": 'a "b" \\ c\\n \\"',
    "accents": "caf\u00e9 na\u00efve",
    "combining-accents": "e\u0301 o\u0308",
    "an-emoji": "a\U0001f600b",
    "joined-emoji": "\U0001f469\u200d\U0001f680 \U0001f1e9\U0001f1ea",
    "chinese": "\u4f60\u597d\uff0c\u4e16\u754c",
    "right-to-left": "\u05e9\u05dc\u05d5\u05dd abc",
    "line-separators": "a\u2028b\u2029c",
    "control-characters": "a\u0001b\u007fc",
    "a-byte-order-mark": "\ufeffa",
    "angle-brackets": "a < b <th <think and > c",
    "json-in-text": '{"a": [1, {"b": null}]}',
    "an-event-in-text": 'data: {"choices":[]}\n\ndata: [DONE]\n\n',
    "braces": "}{][,:",
    "markdown": "```json\n{}\n```",
    "a-repeated-word": "no no no no",
    "escapes-in-text": "\\u0041 \\n \\ud83d",
    "words-for-nothing": "null",
    "zero": "0",
}
VALUES: dict[str, Any] = {
    "no-members": {},
    "a-number": {"n": 0},
    "numbers": {"a": -1, "b": 1.5, "c": 1e30, "d": 1234567890},
    "booleans-and-null": {"a": True, "b": False, "c": None},
    "a-list": {"list": [1, "two", [3], {}]},
    "nested": {"a": {"b": {"c": {"d": "deep"}}}},
    "an-empty-key": {"": "x"},
    "a-key-with-quotes": {'a"b\\': "x"},
    "a-key-with-an-emoji": {"\U0001f600": "x"},
    "json-in-a-string": {"body": '{"a":"b\\n"}'},
    "like-the-protocol": {"index": 0, "function": {"arguments": "{}"}, "finish_reason": "stop"},
    "two-texts": {"thinking": "Hm, so.", "message": "Hi!"},
    "an-empty-string": {"s": ""},
    "a-path": {"path": "C:\\temp\\new", "glob": "**/*.py"},
    "code": {"code": "def f(x):\n\treturn f'{x!r}'  # \u00e9\n"},
}
BROKEN = {
    "cut-in-a-string": '{"a":"b',
    "cut-in-an-escape": '{"a":"b\\',
    "cut-in-a-pair": '{"a":"\\ud83d',
    "cut-in-a-key": '{"a',
    "cut-in-a-number": '{"a":1',
    "cut-in-a-literal": '{"a":tru',
    "cut-after-a-colon": '{"a":',
    "cut-after-a-comma": '{"a":1,',
    "cut-in-a-list": '{"a":[1,2',
    "cut-before-the-last-brace": '{"a":{"b":1}',
    "an-opening-brace": "{",
    "a-trailing-comma": '{"a":1,}',
    "single-quotes": "{'a':1}",
    "two-objects": '{"a":1}{"b":2}',
    "text-after-the-object": '{"a":1} Done.',
    "no-json": "search for cats",
    "a-bad-escape": '{"a":"\\x41"}',
    "a-leading-zero": '{"a":01}',
    "not-a-number": '{"a":NaN}',
    "a-comment": '{"a":1 /* one */}',
    "no-quotes": "{a:1}",
    "a-key-without-a-value": '{"a"}',
}
CALL = call(0, "search", '{"q":"cats","n":3}')
CALLS = [*CALL, *call(1, "get", '{"id":"\\u00e9"}')]
BASES: dict[str, tuple[str, list[Atom]]] = {
    "text": ("a text", text("content", "Hello, you.")),
    "reasoning": ("a thought and a text", [*text("reasoning", "Hm, so."), *text("content", "Hello.")]),
    "one-call": ("one call", CALL),
    "two-calls": ("two calls", CALLS),
    "text-and-call": ("a text, then a call", [*text("content", "I look."), *CALL]),
    "everything": (
        "a thought, a text, two calls and token counts",
        [*text("reasoning", "Hm."), *text("content", "I look."), *CALLS],
    ),
    "empty-call": ("a call without members", call(0, "now", "{}")),
}


def base(name: str) -> Stream:
    """Return a complete stream with the usual finish reason."""
    atoms = BASES[name][1]
    reason = "tool_calls" if any(atom.kind == "name" for atom in atoms) else "stop"
    counts = usage(12, 7) if name == "everything" else []
    return Stream([*atoms, *finish(reason), *counts], cut_names=False)


def texts() -> Iterator[Record]:
    """Yield texts that a cut, an escape or a filter could damage, in every kind of text."""
    for name, value in TEXTS.items():
        why = f"A text, {name.replace('-', ' ')}, arrives as it was sent"
        for kind in ("content", "reasoning"):
            yield composed(f"texts/{kind}-{name}", f"{why}.", Stream([*text(kind, value), *finish("stop")]))
        for spelling, spelt in (("raw", json.dumps(value, ensure_ascii=False)), ("escaped", escaped(value))):
            stream = Stream([*call(0, "say", f'{{"text":{spelt}}}'), *finish("tool_calls")], cut_names=False)
            yield composed(f"texts/argument-{spelling}-{name}", f"{why} in a call's arguments.", stream)
    for name in ("plain", "an-emoji", "white-space"):
        yield composed(
            f"texts/refusal-{name}", "A refusal is a text like any other.",
            Stream([*text("refusal", TEXTS[name]), *finish("stop")]),
        )  # fmt: skip
    for kind in ("content", "reasoning"):
        halves = [*text(kind, "a\ud83d"), *text(kind, "\ude00b"), *finish("stop")]
        yield composed(f"texts/{kind}-halves", "Some servers cut an astral character into two halves.", Stream(halves))


def escaped(value: str) -> str:
    """Return the string as JSON in which every character is escaped by its UTF-16 units."""
    units = value.encode("utf-16-be")
    return '"' + "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2)) + '"'


def arguments() -> Iterator[Record]:
    """Yield arguments with all sorts of values, in several spellings, and arguments that are not JSON."""
    spellings = {
        "compact": lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False),
        "indented": lambda value: json.dumps(value, indent=2),
    }
    for name, value in VALUES.items():
        for spelling, spell in spellings.items():
            stream = Stream([*call(0, "run", spell(value)), *finish("tool_calls")], cut_names=False)
            yield composed(f"arguments/{name}-{spelling}", "Arguments are the JSON that the model wrote.", stream)
    for name, broken in BROKEN.items():
        cut_off = name.startswith("cut-") or name == "an-opening-brace"
        stream = Stream([*call(0, "run", broken), *finish("length" if cut_off else "tool_calls")], cut_names=False)
        why = "The token limit cuts a call anywhere." if cut_off else "Models write what is not JSON."
        yield composed(f"arguments/{name}", f"{why} Such a call must not run.", stream)
        if cut_off:
            stream = Stream([*call(0, "run", broken), *finish("tool_calls")], cut_names=False)
            why = "Some servers say tool_calls although the token limit cut the call. It must not run."
            yield composed(f"arguments/{name}-called-whole", why, stream)


def calls() -> Iterator[Record]:
    """Yield one or more calls, sequential and interleaved, with texts around and between them."""
    three = [*CALLS, *call(2, "search", '{"q":"cats","n":3}')]
    head = [atom for atom in CALLS if atom.kind == "name"]
    tail = [piece for atom in CALLS if atom.kind == "arguments" for piece in atom.pieces([7])]
    turns = [tail[0], tail[2], tail[1], tail[3]]
    streams = {
        "three": ("Three calls, of which two are the same.", three),
        "interleaved": ("Arguments of two calls come in turn.", [*head, *turns]),
        "heads-first": ("The names of all calls come before any arguments.", [*head, *tail]),
        "text-between": (
            "Some models speak between calls.",
            [*CALLS[:2], *text("content", "And then."), *CALLS[2:]],
        ),
        "text-after": ("Some models speak after a call.", [*CALL, *text("content", "Done.")]),
        "thought-after": ("Some models think after a call.", [*CALL, *text("reasoning", "Hm.")]),
        "thought-between": ("Thoughts come between calls.", [*CALLS[:2], *text("reasoning", "Hm."), *CALLS[2:]]),
        "no-arguments": ("A call has no arguments at all.", call(0, "now", "")),
        "no-arguments-of-two": ("The first of two calls has no arguments.", [*call(0, "now", ""), *call(1, "f", "{}")]),
        "long-name": ("A tool's name is long.", call(0, "mcp__server__" + "read_" * 9 + "file", "{}")),
        "one-letter": ("A tool's name is one letter.", call(0, "f", "{}")),
        "same-name": ("Two calls of one tool.", [*call(0, "f", '{"a":1}'), *call(1, "f", '{"a":2}')]),
        "many": ("Twelve calls.", [atom for n in range(12) for atom in call(n, "f", f'{{"n":{n}}}')]),
    }
    for name, (why, atoms) in streams.items():
        for word in ("tool_calls", "stop"):
            stream = Stream([*atoms, *finish(word)], cut_names=False)
            yield composed(f"calls/{name}-{word.replace('_', '-')}", why, stream)
    for name, why, atoms in (
        ("first-index-3", "Some servers count other things than calls, too.", call(3, "f", "{}")),
        ("indices-apart", "Some servers leave indices out.", [*call(0, "f", "{}"), *call(5, "g", "{}")]),
    ):
        stream = Stream([*atoms, *finish("tool_calls")], cut_names=False)
        yield composed(f"calls/{name}", why, stream, law="dialects")
    for count in (2, 3):
        both = [atom for n in range(count) for atom in [*text("content", f"Answer {n}.", n), *finish("stop", n)]]
        yield composed(f"calls/{count}-choices", "Several answers to one request, in turn.", Stream(both))
    mixed = [*text("content", "A", 0), *text("content", "B", 1), *text("content", "a", 0), *text("content", "b", 1)]
    ends = [*finish("stop", 0), *finish("length", 1)]
    yield composed("calls/choices-in-turn", "Texts of two answers come in turn.", Stream([*mixed, *ends]))
    split = [*call(0, "f", "{}", 0), *call(0, "g", '{"a":1}', 1), *finish("tool_calls", 0), *finish("tool_calls", 1)]
    yield composed("calls/calls-of-two-choices", "Each answer has calls of its own.", Stream(split, cut_names=False))


def dialects() -> Iterator[Record]:
    """Yield each quirk of the test kit, and a missing role, applied to each stream that it changes."""
    for quirk in (*QUIRKS, Quirk("no role", no_role)):
        for name, (said, _) in BASES.items():
            stream = base(name)
            plain = spread(stream)
            events = accented(plain, [quirk])
            if events != plain:
                yield composed(
                    f"dialects/{slug(quirk.name)}/{name}",
                    f"Some servers do this: {quirk.name}. The stream is {said}.",
                    stream,
                    title=quirk.name.capitalize(),
                    law="dialects",
                    events=events,
                    certain=quirk.certain,
                    cut=quirk.certain,
                    ending="" if quirk.certain else None,
                )


SHORT = [*call(0, "f", '{"a":1}'), *call(1, "g", "{}")]
"""Short calls, which have few cuts, for many cases."""


def pairs() -> Iterator[Record]:
    """Yield combinations of two quirks that leave only one way to read the stream."""
    for one, other in combinations([quirk for quirk in QUIRKS if quirk.certain], 2):
        calls = SHORT[:2] if "one call" in one.name + other.name else SHORT
        said = [*text("reasoning", "Hm."), *text("content", "Hi!"), *calls, *finish("tool_calls"), *usage(12, 7)]
        stream = Stream(said, cut_names=False)
        plain = spread(stream)
        both = accented(plain, [one, other])
        if both not in (plain, accented(plain, [one]), accented(plain, [other])):
            yield composed(
                f"pairs/{slug(one.name)}-and-{slug(other.name)}",
                f"Servers have several habits at once: {one.name}; {other.name}.",
                stream,
                title=f"{one.name.capitalize()}; {other.name}",
                law="dialects",
                events=both,
            )


def spread(stream: Stream) -> list[Any]:
    """Return the stream's chunks, with long texts in two or three chunks, as servers send them."""
    return every(5)(opened(stream).plain())


def no_role(chunks: list[Any]) -> list[Any]:
    """Return the chunks without the first one, which has the role."""
    return chunks[1:]


def slug(name: str) -> str:
    """Return a name as part of an id: words, with signs spelled out."""
    for sign, word in (("{}", "empty object"), ("[]", "empty list"), ('""', "empty"), ("' '", "space")):
        name = name.replace(sign, word)
    return re.sub("[^a-z0-9]+", "-", name.lower().replace("'", "")).strip("-")


ERRORS = {
    "an-error-object": {"error": {"message": "The server is overloaded", "type": "server_error", "code": "overloaded"}},
    "an-error-with-a-number": {"error": {"message": "Rate limit reached", "code": 429}},
    "an-error-that-is-a-text": {"error": "boom"},
    "an-error-beside-choices": {"choices": [], "error": {"message": "late"}},
}


def endings() -> Iterator[Record]:
    """Yield the ways to end: every finish reason, none, an error, and a break early, halfway and late."""
    for name, (said, atoms) in BASES.items():
        for word in ("stop", "tool_calls", "length", "content_filter", "function_call"):
            yield composed(
                f"endings/{word.replace('_', '-')}-{name}",
                f"The stream is {said}, and its finish reason is {word}.",
                Stream([*atoms, *finish(word)], cut_names=False),
                title=f"{word}: {said}",
            )
        whole = Stream(atoms, cut_names=False)
        for part, places in (("early", 2), ("halfway", len(whole.pieces) // 2), ("late", len(whole.pieces))):
            before, _ = whole.parted(places)
            yield composed(
                f"endings/broken-{part}-{name}",
                f"The stream is {said}, and breaks off without a finish reason.",
                Stream(before, cut_names=False),
                tell="a response without an end",
            )
            for error, event in ERRORS.items():
                failed = Stream([*before, Atom("opaque", None, chunk=event)], cut_names=False)
                if part == "halfway":
                    yield composed(
                        f"endings/{error}-{name}",
                        "A server that fails amid a response with status 200 can only say so in the stream.",
                        failed,
                        ending="failed",
                        tell="the error",
                    )
    counted = [*text("content", "Hi"), *finish("stop")]
    for name, reports in {
        "once": usage(5, 2),
        "zeros": usage(0, 0),
        "growing": [*usage(5, 1), *usage(5, 2), *usage(5, 3)],
        "twice": [*usage(5, 3), *usage(5, 3)],
    }.items():
        yield composed(
            f"endings/usage-{name}",
            "Token counts are those so far, not new ones: the last report counts.",
            Stream([*counted, *reports]),
        )
    *begun, chunk = opened(Stream(counted)).cut([])
    beside = {**chunk, "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}}
    yield composed(
        "endings/usage-with-the-finish",
        "Some servers send the token counts with the last choice.",
        Stream([*counted, *usage(5, 2)]),
        events=[*begun, beside],
    )
    yield composed("endings/nothing", "A response can be empty.", Stream([]), tell="a response without an end")


ODD = (None, True, 0, -1, 1.5, "", "x", [], [None], {}, {"a": 1})


def shapes() -> Iterator[Record]:
    """Yield chunks with one field of a wrong type. No parser may raise an exception for them."""
    around = (text("content", "a"), text("content", "b"))
    places: dict[str, Callable[[Any], Any]] = {
        "chunk": lambda odd: odd,
        "choices": lambda odd: {"choices": odd},
        "choice": lambda odd: {"choices": [odd]},
        "delta": lambda odd: {"choices": [{"index": 0, "delta": odd}]},
        "content": lambda odd: {"choices": [{"index": 0, "delta": {"content": odd}}]},
        "role": lambda odd: {"choices": [{"index": 0, "delta": {"role": odd, "content": ""}}]},
        "tool-calls": lambda odd: {"choices": [{"index": 0, "delta": {"tool_calls": odd}}]},
        "tool-call": lambda odd: {"choices": [{"index": 0, "delta": {"tool_calls": [odd]}}]},
        "function": lambda odd: {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": odd}]}}]},
        "arguments": lambda odd: {
            "choices": [
                {
                    "index": 0,
                    "delta": {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": odd}}]},
                }
            ]
        },
        "finish-reason": lambda odd: {"choices": [{"index": 0, "delta": {}, "finish_reason": odd}]},
        "usage": lambda odd: {"choices": [], "usage": odd},
    }
    for place, make in places.items():
        for number, odd in enumerate(ODD):
            before, after = around
            events = [*opened(Stream(before)).plain(), make(odd), *pack([*after, *finish("stop")])]
            if place == "chunk" and not isinstance(odd, dict):
                continue  # every client rejects such data before its parser
            yield composed(
                f"shapes/{place}-{number}",
                f"The field is {json.dumps(odd)}: a server's mistake must not become an exception in its clients.",
                Stream([*before, *after, *finish("stop")]),
                title=f"{place.replace('-', ' ').capitalize()} is {json.dumps(odd)}",
                law="dialects",
                events=events,
                certain=False,
                cut=False,
                ending=None,
            )


# -- Responses ---------------------------------------------------------------------------------------------------------

REPLIES: dict[str, tuple[str, Said]] = {
    "text": ("a text", [("content", "Hello, you.")]),
    "reasoning": ("a summary of the thoughts, and a text", [("reasoning", "Hm, so."), ("content", "Hello.")]),
    "one-call": ("one call", [("call", "search", '{"q":"cats","n":3}')]),
    "two-calls": ("two calls", [("call", "search", '{"q":"cats","n":3}'), ("call", "get", '{"id":"\\u00e9"}')]),
    "text-and-call": ("a text, then a call", [("content", "I look."), ("call", "search", '{"q":"cats","n":3}')]),
    "two-texts": ("two messages", [("content", "One."), ("content", "Two.")]),
    "empty-call": ("a call without members", [("call", "now", "{}")]),
    "custom-tool": ("a call of a custom tool", [("custom", "run", "print(1)\n")]),
}
COUNTS = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 19,
}


def responses() -> Iterator[Record]:
    """Yield the Responses API: texts, arguments, endings, errors, and streams with fewer repetitions."""
    for name, value in TEXTS.items():
        why = f"A text, {name.replace('-', ' ')}, arrives as it was sent"
        for kind in ("content", "reasoning"):
            yield responded(f"responses/{kind}-{name}", f"{why}.", [(kind, value)])
        for spelling, spelt in (("raw", json.dumps(value, ensure_ascii=False)), ("escaped", escaped(value))):
            yield responded(
                f"responses/argument-{spelling}-{name}",
                f"{why} in a call's arguments.",
                [("call", "say", f'{{"text":{spelt}}}')],
            )
    for name, broken in BROKEN.items():
        cut_off = name.startswith("cut-") or name == "an-opening-brace"
        yield responded(
            f"responses/{name}",
            "The token limit cuts a call anywhere. Such a call must not run."
            if cut_off
            else "Models write what is not JSON. Such a call must not run.",
            [("call", "run", broken)],
            end="max_output_tokens" if cut_off else "completed",
        )
    for name, (what, said) in REPLIES.items():
        for end in RESPONSES_ENDINGS:
            word = "no end" if end is None else end
            yield responded(
                f"responses/{slug(word)}-{name}",
                f"The response is {what}, and ends: {word}.",
                said,
                end=end,
                counts=COUNTS if end in ("completed", "max_output_tokens") else None,
                title=f"{word.capitalize()}: {what}",
            )
        for number, error in enumerate(api.ERRORS[:4]):
            yield responded(
                f"responses/error-{number}-{name}",
                f"The response is {what}, and then an error.",
                said,
                events=[*told(said, None), error],
                ending="failed",
                title=f"An error of form {number} after {what}",
            )
        for retelling in RETELLINGS:
            events = accented(told(said, counts=COUNTS), [retelling])
            if retelling.name not in CUTS:
                yield responded(
                    f"responses/{slug(retelling.name)}-{name}",
                    f"Some servers tell a thing fewer times: {retelling.name}. The response is {what}.",
                    said,
                    counts=COUNTS,
                    law="dialects",
                    events=events,
                    title=f"{retelling.name.capitalize()}: {what}",
                )


CUTS = ("deltas of one character", "deltas of three characters", "deltas merged")
"""Retellings that only cut, which is done to every case anyway."""


# -- documents ---------------------------------------------------------------------------------------------------------


def documents() -> Iterator[Record]:
    """Yield the quirks of real servers documented in ``tests/quirks``, unless they need an option of this parser.

    Those of the Responses API are omitted, because :func:`responses` has cases of each kind.
    """
    for document in sorted(set(DOCUMENTS.glob("*.md")) - {DOCUMENTS / "responses.md"}):
        for section in document.read_text(encoding="utf-8").split("\n## ")[1:]:
            name, body = section.split("\n", 1)
            blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```$", body, re.MULTILINE | re.DOTALL))
            why = body.split("\n```")[0].strip().replace("\n", " ")
            if re.search("^options:", body, re.MULTILINE) or not blocks.keys() & {"wire", "sse"}:
                continue
            events = (
                [json.loads(line) for line in blocks["wire"].splitlines()]
                if "wire" in blocks
                else chunks_of(blocks["sse"])
            )
            if name != "No object, or another":
                events = completed(events)
            yield documented(f"documents/{document.stem}/{slug(name)}", name, why, events)


def completed(events: list[Any]) -> list[Any]:
    """Return the events with the envelope and the role, which every server sends and the documents omit."""
    chunks = [event for event in events if isinstance(event, dict) and isinstance(event.get("choices"), list)]
    whole = [{**ENVELOPE, **event} if event in chunks else event for event in events]
    deltas = [choice for event in chunks for choice in event["choices"] if choice.get("delta")]
    if not deltas or any("role" in choice["delta"] for choice in deltas):
        return whole
    role = {"index": deltas[0].get("index", 0), "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    return [{**ENVELOPE, "choices": [role]}, *whole]


def documented(name: str, title: str, why: str, events: list[Any]) -> Record:
    """Return a case whose facts are the output of this project's parser."""
    parser = StreamParser()
    for event in events:
        parser.feed(event)
    parser.close()
    result = parser.result
    told = result.anomalies
    certain = not told
    choices = [
        {
            "index": choice.index,
            "content": choice.content,
            "reasoning": choice.reasoning,
            "refusal": choice.refusal,
            "calls": [
                {
                    "id": call.id,
                    "name": call.name,
                    "arguments": call.arguments,
                    "safe": safe_to_run(call, certain=certain),
                }
                for call in choice.tool_calls
            ],
        }
        for choice in result.choices
    ]
    reason = result.stop_reason.value if result.stop_reason else ""
    tell = told[0].kind.replace("_", " ") if told else None
    counts = result.usage
    return record(
        name,
        "chat",
        why or f"{title}.",
        title=title.replace("`", ""),
        law="dialects",
        needs=needs(events, [choice.index for choice in result.choices]),
        certain=certain,
        stream=[piece(atom) for atom in Stream.of(events).atoms],
        events=events,
        choices=choices,
        usage={"prompt_tokens": counts.input_tokens, "completion_tokens": counts.output_tokens}
        if certain and counts.source == "reported"
        else None,
        ending=STOPS.get(reason) if certain or reason == "error" else None,
        tell=tell,
    )


STOPS = {
    "end_turn": "complete",
    "tool_calls": "complete",
    "max_tokens_exceeded": "cut",
    "content_filter": "cut",
    "incomplete": "broken",
    "error": "failed",
}


def safe_to_run(call: Any, *, certain: bool) -> bool | None:
    """Whether a call of the parser's result is safe to run; ``None`` if its JSON is complete and it is not ready."""
    if call.ready:
        return True if certain else None
    return None if call.verdict in ("valid", "lenient", "empty", "text") else False


# -- files -------------------------------------------------------------------------------------------------------------

FAMILIES = (texts, arguments, calls, dialects, pairs, endings, shapes, documents, responses)


def files() -> dict[Path, str]:
    """Return all files with their contents."""
    found = {}
    sent: set[str] = set()  # two families may generate the same events: the first one has them
    for family in FAMILIES:
        new = {json.dumps(case["events"]): case for case in family()}
        lines = [f"{json.dumps(case, separators=(',', ':'))}\n" for events, case in new.items() if events not in sent]
        sent |= new.keys()
        found[HERE / "cases" / f"{family.__name__}.jsonl"] = "".join(lines)
    models = {"case": schema(), "answer": Answer.model_json_schema(), "hello": Hello.model_json_schema()}
    for name, model in models.items():
        found[HERE / f"{name}.schema.json"] = json.dumps(model, indent=2, sort_keys=True) + "\n"
    return found


def main() -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with code 1 if a file would change")
    arguments = parser.parse_args()
    made = files()
    if arguments.check:
        stale = [path for path, written in made.items() if not path.exists() or path.read_text("utf-8") != written]
        for path in stale:
            print(f"{path.relative_to(HERE.parent)} is stale; run python conformance/generate.py", file=sys.stderr)
        return 1 if stale else 0
    for path, written in made.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
