"""What is fuzzed: functions of bytes that raise where a law is broken. They know no engine.

The oracles are ``json`` and the stream as it was meant, from the tests beside.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

import conftest  # noqa: E402, F401 - the profile, and the example database with it
from helpers import call_chunks, chunked  # noqa: E402
from scanning import (  # noqa: E402
    CAPTURED,
    assert_judged_as_json_loads_judges,
    captured_values,
    decoder,
    expected_verdict,
    parts,
    scan,
    without_lone_surrogates,
)

from streamfsm import StreamParser  # noqa: E402
from streamfsm.core.text import without_surrogates  # noqa: E402
from streamfsm.replay import capture  # noqa: E402
from streamfsm.testing import (  # noqa: E402
    Stream,
    TracedParser,
    check_append_only,
    check_nothing_lost,
    check_output_grammar,
    check_promptness,
    check_split_invariance,
)
from streamfsm.testing import streams as of  # noqa: E402
from streamfsm.wires.chat.chunking import at_random, every, whole  # noqa: E402

Target = Callable[[bytes], object]

MODES = (
    partial(TracedParser, inner_thoughts_kwarg=None, assistant_tool=None),
    TracedParser,
    partial(TracedParser, inner_thoughts_kwarg=("a", "thinking"), think_tags=("<think>", "</think>")),
)


# What bytes that are no ASCII stand for, so that a mutation of a byte is one of a token.
TOKENS = [
    *('"t":', '"m":', '"a":', '"t":"x",', '"m":"y",', '"thinking":"', '"message":"', "1.5e-3", "true", "false", "null"),
    *("\\n", '\\"', "\\u0074", "\\ud83d", "\\ude00", "\\", "\ud83d", "\ude00", "é", "\u2028", "😀", "\x00", "\ufeff"),
    *("<think>", "</think>", "<th"),
]

# Where a format is too long to be met by chance.
SEEDS = {"body": [capture.body(call_chunks("send_message", ['{"thinking":"Hm.",', '"message":"a"}'])).encode()]}


def text_of(data: bytes) -> str:
    """ASCII is itself, any other byte a token."""
    return "".join(chr(byte) if byte < 0x80 else TOKENS[byte % len(TOKENS)] for byte in data)


def scanner(data: bytes) -> None:
    """The text of a call's arguments: judged as ``json`` judges it, and told as ``json`` reads it, at every cut."""
    text = without_surrogates(text_of(data))
    if re.search(r"[{\[]{200}", re.sub(r"[^{\[]", "", text)):  # too deep for the oracle
        return
    assert_judged_as_json_loads_judges(text)
    assert parts(scan([text], captured={})[0]) == (text, [])
    for raw in (True, False):
        expected = scan([text], raw=raw)
        for size in (1, 2, 3, 7):
            assert scan(chunked(text, size), raw=raw) == expected
    signals, verdict, *_ = scan([text])
    if verdict == "valid":
        value = decoder().decode(text)
        rest, captured = parts(signals)
        assert decoder().decode(rest) == [(key, member) for key, member in value if key not in CAPTURED]
        assert captured_values(captured, value) == [
            (CAPTURED[key], without_lone_surrogates(member) if isinstance(member, str) else member)
            for key, member in value
            if key in CAPTURED
        ]


def feed(data: bytes) -> None:
    """A response: texts with 0xFF between, each after a byte that says what it is, in any chunking."""
    mode, *pieces = data.split(b"\xff")
    atoms = [atom for number, piece in enumerate(pieces) for atom in _atoms(number, piece)]
    number = len(mode) % len(MODES)
    parse = MODES[number]
    stream = Stream(atoms)
    chunks = stream.plain()
    cut = at_random(len(data))(chunks)
    check_split_invariance(parse, stream, cut, every(1)(chunks), whole(chunks))
    check_append_only(parse, stream, cut)
    check_output_grammar(parse, stream, cut)
    if number == 0:  # nothing is captured
        check_nothing_lost(parse, stream, cut, kinds=("reasoning", "name", "arguments"))
        check_promptness(parse, stream, kinds=("reasoning", "arguments"))
    parser = parse()
    for each in chunks:
        parser.feed(each)
    parser.close()
    _check_calls(parser.parser)


def _atoms(number: int, piece: bytes) -> list[Any]:
    if not piece:
        return []
    text = text_of(piece[1:])
    choice = piece[0] // 64 % 2
    match chr(piece[0] % 64 + 64):
        case "C":
            return of.text("content", text, choice)
        case "R":
            return of.text("reasoning", text, choice)
        case "N":
            return of.text("refusal", text, choice)
        case "M":
            return of.call(number, "send_message", text, choice)
        case "F":
            return of.finish(text[:8], choice)
        case _:
            return of.call(number, "search", text, choice)


def _check_calls(parser: StreamParser) -> None:
    for choice in parser.result.choices:
        for call in choice.tool_calls:
            assert call.verdict == expected_verdict(call.arguments), call
    parser.result.model_dump_json()


def body(data: bytes) -> None:
    """A response's body: cut anywhere it says the same, which is what the chunks in it say."""
    expected = _said([data])
    for size in (1, 2, 3, 16):
        assert _said(data[at : at + size] for at in range(0, len(data), size)) == expected
    try:
        chunks = list(_chunks(data))
    except (ValueError, RecursionError):
        return
    if chunks:
        assert _said(chunks, StreamParser.feed) == expected


def _said(pieces: Iterable[Any], feed: Callable[..., list[Any]] = StreamParser.feed_bytes) -> dict[str, Any]:
    traced = TracedParser()
    for piece in pieces:
        traced._keep(feed(traced.parser, piece))  # noqa: SLF001 - has a method for chunks only
    traced.close()
    messages = traced.messages
    assert [message.seq_id for message in messages] == list(range(len(messages)))
    assert messages[-1].message_type == "stop_reason"
    _check_calls(traced.parser)
    return traced.result()


def _chunks(data: bytes) -> Iterable[Any]:
    """What the whole body holds, read plainly; an error if that is no JSON."""
    text = re.sub(rb"\r\n?", b"\n", data).removeprefix(b"\xef\xbb\xbf")
    for event in re.split(rb"\n\n+", text):
        fields = [line.partition(b":")[::2] for line in event.split(b"\n")]
        found = [value.removeprefix(b" ") for name, value in fields if name == b"data"]
        if any(name not in (b"data", b"id", b"retry", b"") for name, _ in fields):
            raise ValueError("named events and lines of no event are read otherwise")
        if found == [b"[DONE]"]:
            return
        if any(map(bytes.strip, found)):
            yield json.loads(b"\n".join(found))


def properties(name: str) -> Target:
    """Hypothesis' way into a property, as ``tests/test_laws.py::test_total``. What fails goes to its database.

    Raises:
        SystemExit: there is no such property.
    """
    path, _, test = name.partition("::")
    module = import_module(Path(path).stem)
    try:
        one_input: Target = getattr(module, test).hypothesis.fuzz_one_input
    except AttributeError:
        names = [name for name, each in vars(module).items() if hasattr(each, "hypothesis")]
        raise SystemExit(f"{path} has no property {test!r}, but: {' '.join(names)}") from None
    return one_input
