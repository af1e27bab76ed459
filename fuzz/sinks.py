"""Tests our sinks on many streams: ``python fuzz/sinks.py COUNT [SEED]``. Exit code 1: the output of one is illegal.

Each stream, of Chat Completions or of Responses, goes to every sink. Their output is framed, read again as JSON, and
checked by the grammar for complete streams. The sinks also check each event by the grammar, so this finds errors in
either check. The texts of the UI messages must be those of the result. A finding is printed with its seed.
"""

import json
import random
import sys
from collections.abc import Callable
from typing import Any

from streamfsm import StreamParser
from streamfsm.errors import StreamFsmError
from streamfsm.sinks import GRAMMARS, AgUi, AnthropicEvents, ResponsesEvents, UiMessageStream
from streamfsm.testing import QUIRKS, Stream, accented
from streamfsm.testing import responses as told
from streamfsm.testing import streams as of
from streamfsm.wires.chat.chunking import Atom

SINKS = (AgUi, UiMessageStream, ResponsesEvents, AnthropicEvents)
NAMES = ("f", "search", "send_message", "get_weather")
WORDS = ("a", "so ", '"', "\\", "{", "}", "<think>", "\U0001f600", "\ud83d", "\u2028", "\n")
ARGUMENTS = (
    "",
    "{}",
    "null",
    "{",
    '{"a":1}',
    '{"a":1}x',
    '{"thinking":"so","a":[1]}',
    '{"message":"Hi"}',
    '{"a":"\n\\ud83d"}',
    "oops",
)
KINDS = ("reasoning", "text")
ERRORS = (None, "x", {"y": 1})
FINISHES = ("tool_calls", "stop", "length", "content_filter", "odd", None)


def text(rng: random.Random) -> str:
    """Return a few words."""
    return "".join(rng.choices(WORDS, k=rng.randint(1, 5)))


def stream(rng: random.Random) -> Stream:
    """Return texts and calls of one or two choices, in turn or interleaved."""
    atoms: list[Atom] = []
    for choice in range(rng.choice((1, 1, 1, 2))):
        kinds = rng.choices(("reasoning", "content", "refusal"), k=rng.randint(0, 3))
        lanes = [of.text(kind, text(rng), choice) for kind in kinds]
        lanes += [of.call(at, rng.choice(NAMES), rng.choice(ARGUMENTS), choice) for at in range(rng.randint(0, 3))]
        pieces = [[piece for atom in lane for piece in cut(rng, atom)] for lane in lanes]
        if rng.random() < 0.5:
            while any(pieces):
                atoms.append(rng.choice([lane for lane in pieces if lane]).pop(0))
        atoms += [piece for lane in pieces for piece in lane]
        atoms += of.finish(rng.choice(FINISHES), choice)
    return Stream([*atoms, *(of.usage(3, 4) if rng.random() < 0.5 else ())], cut_names=False)


ITEMS: tuple[Callable[[int, random.Random], list[Any]], ...] = (
    lambda at, rng: told.message(at, [(rng.choice(("content", "refusal")), text(rng))]),
    lambda at, rng: told.reasoning(at, [text(rng)], encrypted=rng.choice(("", "gAAAA"))),
    lambda at, rng: told.reasoning(at, text=text(rng), encrypted=rng.choice(("", "gAAAA"))),
    lambda at, rng: told.reasoning(at, encrypted=rng.choice(("", "gAAAA"))),
    lambda at, rng: told.call(at, rng.choice(NAMES), rng.choice(ARGUMENTS)),
    lambda at, rng: told.call(at, rng.choice(NAMES), text(rng), custom=True),
    lambda at, rng: told.web_search(at, text(rng)),
    lambda at, rng: told.mcp_call(
        at, rng.choice(NAMES), rng.choice(ARGUMENTS), error=rng.choice((None, "x", {"y": 1}))
    ),
    lambda at, rng: told.mcp_approval_request(at, rng.choice(NAMES), rng.choice(ARGUMENTS)),
)


def events(rng: random.Random) -> list[Any]:
    """Return the events of a response of the Responses API, in order, some of them missing."""
    made = [rng.choice(ITEMS)(index, rng) for index in range(rng.randint(0, 4))]
    order: list[Any] = []
    while any(made):
        order.append(rng.choice([item for item in made[: rng.randint(1, len(made))] if item] or [[None]]).pop(0))
    whole = told.response([event for event in order if event], rng.choice(told.ENDS), {"input_tokens": 3})
    return [event for event in whole if rng.random() < 0.98]


def cut(rng: random.Random, atom: Atom) -> list[Atom]:
    """Return the atom in pieces; a name is not cut."""
    if atom.kind == "name":
        return [atom]
    return [*atom.pieces([rng.randint(1, 4) for _ in range(rng.randint(0, 3))])]


def items(rng: random.Random) -> tuple[list[Any], StreamParser]:
    """Return a parser and its output for a stream under up to three quirks, cut anywhere, with any ending."""
    parser = StreamParser(boundaries=True, requires_approval_tools=("search",), message_id="message-1")
    ends = rng.choice((parser.close, parser.close, parser.cancel, lambda: parser.fail("boom")))
    if rng.random() < 0.3:
        return [item for event in events(rng) for item in parser.feed(event)] + [*ends()], parser
    logical = stream(rng)
    places = rng.sample(range(len(logical.pieces)), rng.randint(0, min(8, len(logical.pieces))))
    quirks = [QUIRKS[at] for at in sorted(rng.sample(range(len(QUIRKS)), rng.choice((0, 0, 1, 3))))]
    chunks = accented(logical.cut(places), quirks)
    if rng.random() < 0.3:
        del chunks[rng.randint(0, len(chunks)) :]
    given: list[Any] = [item for chunk in chunks for item in parser.feed(chunk)]
    return given + ends(), parser


def check(seed: int) -> list[str]:
    """Return the violations in the sinks' output for one stream."""
    given, parser = items(random.Random(seed))
    result, wrong = parser.result, []
    for make in SINKS:
        sink: Any = make()
        try:
            events = [event for item in given for event in sink.feed(item)] + sink.close(result)
        except StreamFsmError as error:
            wrong.append(f"seed {seed}: {error}")
            continue
        body = b"".join(map(sink.frame, events)) + sink.LAST
        data = [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]
        read = [json.loads(each) for each in data if each != "[DONE]"]
        found = GRAMMARS[sink.GRAMMAR.wire].check([*read, *(each for each in data if each == "[DONE]")])
        wrong += [f"seed {seed}: {sink.GRAMMAR.wire}: {found}"] if found else []
        if make is UiMessageStream:
            said = ["".join(each["delta"] for each in read if each["type"] == f"{kind}-delta") for kind in KINDS]
            wrong += [f"seed {seed}: {said}"] if said != [result.thoughts, result.assistant_text] else []
    return wrong


def main() -> int:
    """Check as many streams as the command line asks for."""
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    wrong = [each for seed in range(first, first + count) for each in check(seed)]
    print(*wrong, f"{count} streams × {len(SINKS)} wires, {len(wrong)} violations", sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
