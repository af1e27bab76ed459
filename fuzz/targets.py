"""The fuzz targets: functions of bytes that raise an exception if a law is broken. They do not depend on an engine.

The oracles are ``json``, and the logical stream, from the tests.
"""

import json
import random
import re
import sys
from collections import ChainMap, UserDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import datetime, timezone
from functools import partial
from importlib import import_module
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType, SimpleNamespace
from typing import Any

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

import conftest  # noqa: E402, F401 - the profile, and the example database with it
from golden import BODY  # noqa: E402
from helpers import ID, call_chunks, chunked, comes_again  # noqa: E402
from keeping import check_keeping  # noqa: E402
from response_events import added, argued, created, ended, function, message, said  # noqa: E402
from response_events import body as responses_body  # noqa: E402
from rich_stream import RICH, RICH_OPTIONS  # noqa: E402
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
from tampering import EVENTS, MORE, SNAPSHOTS, go_on, tamper  # noqa: E402

from streamfsm import Dialect, MisuseError, StreamParser  # noqa: E402
from streamfsm.cli import main as command_line  # noqa: E402
from streamfsm.core.text import without_surrogates  # noqa: E402
from streamfsm.replay import capture  # noqa: E402
from streamfsm.replay.recording import HEAD, Piece  # noqa: E402
from streamfsm.sinks import GRAMMARS  # noqa: E402
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

# The most bytes of an input, for targets in which each byte is a choice.
LONGEST = {"objects": 128, "passing": 128, "snapshots": 64, "files": 256}

Target = Callable[[bytes], object]

MODES = (
    partial(TracedParser, inner_thoughts_kwarg=None, assistant_tool=None),
    TracedParser,
    partial(TracedParser, inner_thoughts_kwarg=("a", "thinking"), think_tags=("<think>", "</think>")),
)


# The tokens that non-ASCII bytes stand for, so that the mutation of a byte changes a token.
TOKENS = [
    *('"t":', '"m":', '"a":', '"t":"x",', '"m":"y",', '"thinking":"', '"message":"', "1.5e-3", "true", "false", "null"),
    *("\\n", '\\"', "\\u0074", "\\ud83d", "\\ude00", "\\", "\ud83d", "\ude00", "é", "\u2028", "😀", "\x00", "\ufeff"),
    *("<think>", "</think>", "<th"),
]

RESPONSE = [created(), added(message()), said("Hi"), added(function(), 1), argued('{"a":1}', index=1), ended()]

# For formats that are too long to be found by chance.
SEEDS = {
    "body": [
        capture.body(call_chunks("send_message", ['{"thinking":"Hm.",', '"message":"a"}'])).encode(),
        responses_body(RESPONSE, names=False),
        responses_body(RESPONSE),
    ]
}


def text_of(data: bytes) -> str:
    """Return the text of an input: ASCII stands for itself, any other byte for a token."""
    return "".join(chr(byte) if byte < 0x80 else TOKENS[byte % len(TOKENS)] for byte in data)


def scanner(data: bytes) -> None:
    """The text of a call's arguments: verdict and messages must agree with ``json``, for every cut."""
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
    """A response: texts separated by 0xFF, each after a byte for its kind, in any chunking."""
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
        again = any(comes_again(text) for (kind, _), text in stream.said().items() if kind == "arguments")
        read = ("reasoning",) if again else ("reasoning", "arguments")
        check_nothing_lost(parse, stream, cut, kinds=("name", *read))
        check_promptness(parse, stream, kinds=read)
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
    """A response's body: the output must be the same for every cut, and the same as that of its chunks."""
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
        traced._keep(feed(traced.parser, piece))  # noqa: SLF001 - the public method is only for chunks
    traced.close()
    messages = traced.messages
    assert [message.seq_id for message in messages] == list(range(len(messages)))
    assert messages[-1].message_type == "stop_reason"
    _check_calls(traced.parser)
    return traced.result()


def _chunks(data: bytes) -> Iterable[Any]:
    """Yield the chunks of a complete body, read in the simplest way; raises for anything but JSON."""
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


class Choices(random.Random):
    """Random choices that are made from given bytes, and from zeros after them."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data

    def getrandbits(self, k: int, /) -> int:
        """Return the next ``k`` bits of the data."""
        size = -(-k // 8)
        taken, self._data = self._data[:size], self._data[size:]
        return int.from_bytes(taken, "little") & ((1 << k) - 1)

    def random(self) -> float:
        """Return the next byte of the data as a fraction."""
        return self.getrandbits(8) / 256


EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
EXAMPLES = sorted((Path(__file__).parents[1] / "examples" / "captures").glob("*.sse"))
WIRES: list[list[Any]] = [[*RICH, *MORE], [*EVENTS, *RESPONSE]]
WIRES += [capture.chunks(path.read_text(encoding="utf-8")) for path in EXAMPLES]


def objects(data: bytes) -> None:
    """Chunks of either wire with any change: the output must be the same for every type of object."""
    chance = Choices(data)
    wire = chance.choice(WIRES)
    chunks = json.loads(json.dumps([chance.choice(wire) for _ in range(chance.randint(1, 6))]))
    for _ in range(chance.randint(0, 8)):
        tamper(chunks, chance)
    expected = _given(chunks)
    for form in (MappingProxyType, UserDict, ChainMap, _namespace):
        assert _given([_as(form, each) for each in chunks]) == expected, form
    strange = [_as(lambda fields: {chance.choice([0, None, ("a",), "x"]): 1, **fields}, each) for each in chunks]
    _given(strange)


def passing(data: bytes) -> None:
    """Chunks of either wire with any change: the messages must be the same with ``keep=False``."""
    chance = Choices(data)
    options = chance.choice(KEEPING)
    wire = chance.choice(WIRES)
    chunks = json.loads(json.dumps([chance.choice(wire) for _ in range(chance.randint(1, 8))]))
    for _ in range(chance.randint(0, 6)):
        tamper(chunks, chance)
    check_keeping(chunks, **options)


KEEPING: list[dict[str, Any]] = [
    {},
    {"boundaries": True, "think_tags": ("<think>", "</think>")},
    {**RICH_OPTIONS, "seal_tools": ["search", "f"]},
    {"dialect": Dialect(content="snapshot", arguments="snapshot", reasoning="final_repeat")},
]


def _as(form: Callable[[dict[str, Any]], Any], value: Any) -> Any:
    """Return a value with each of its objects converted by ``form``."""
    if isinstance(value, dict):
        return form({key: _as(form, each) for key, each in value.items()})
    return [_as(form, each) for each in value] if isinstance(value, list) else value


def _namespace(fields: dict[str, Any]) -> Any:
    return fields and SimpleNamespace(**fields)  # an empty namespace would count as true


def _given(chunks: list[Any]) -> str:
    """Return the complete output for chunks as JSON, in which NaN is equal to itself."""
    parser = StreamParser(message_id=ID, date=EPOCH)
    messages = [message for each in chunks for message in parser.feed(each)] + parser.close()
    result = parser.result
    result.model_dump_json().encode()
    result.assistant_message()
    told = [each.model_dump() for each in messages]
    # The detail of an anomaly contains the repr of what came.
    shown = result.model_dump(exclude={"anomalies": {"__all__": {"detail"}}})
    return json.dumps([told, shown], default=str)


def snapshots(data: bytes) -> None:
    """A snapshot with any change: it must be rejected, or continue without an exception."""
    chance = Choices(data)
    snapshot = json.loads(chance.choice(SNAPSHOTS))
    for _ in range(chance.randint(1, 4)):
        tamper(snapshot, chance)
    try:
        parser = StreamParser.restore(snapshot)
    except MisuseError:
        return
    go_on(parser, chance)


COMMANDS = [
    *(["replay", "FILE", "--json", *options] for options in ([], ["--deltas"], ["--chunking", "random:1"])),
    *(["replay", "FILE"], ["trace", "FILE"], ["trace", "FILE", "--html", "OUT"], ["trace", "FILE", "--diff", "OTHER"]),
    *(["verify", "FILE", "--wire", wire, "--format", how] for wire in GRAMMARS for how in ("text", "json", "sarif")),
    *(["scrub", "FILE", "OUT"], ["diagram", "stream", "--trace", "FILE"]),
]


FUZZ = ["fuzz", "FILE", "--examples", "3", "--seed", "1", "--timeout", "60", "--out", "OUT", "--database", "KEPT"]


def files(data: bytes) -> None:
    """A file that a command reads: any error must be one line, and no control character may reach the terminal."""
    chance = Choices(data[:64])
    _command(chance.choice(COMMANDS), _file(chance, data[64:]))


def captures(data: bytes) -> None:
    """A file that ``streamfsm fuzz`` reads, with our own parser: there must be neither a traceback nor a finding."""
    command = [*FUZZ, "--garbage"] if data[:1].isupper() else FUZZ
    code, shown = _command(command, _file(Choices(data[:64]), data[64:], BODIES))
    assert code != 1, shown


def _command(command: list[str], content: bytes) -> tuple[int, str]:
    """Run a command on a file, and check its output. Return its exit code and its output."""
    with TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}\u202e" for name in ("FILE", "OTHER", "OUT", "KEPT")}
        paths["FILE"].write_bytes(content)
        paths["OTHER"].write_bytes(BODY)
        with redirect_stdout(StringIO()) as output, redirect_stderr(StringIO()) as errors:
            code = command_line([str(paths.get(word, word)) for word in command])
    shown, complaint = output.getvalue(), errors.getvalue()
    assert code in (0, 1, 2), code
    assert all(line.isprintable() for line in f"{shown}{complaint}".split("\n")), (command, shown, complaint)
    if code == 2:
        assert re.fullmatch(r"streamfsm: .*FILE\\u202e.*\n", complaint), complaint
    return code, shown


BODIES = ("body", "recording")


def _file(chance: Choices, rest: bytes, kinds: Sequence[str] = (*BODIES, "lines", "list", "bytes")) -> bytes:
    """Return a body, a recording or lines of JSON with any change, or the bytes unchanged."""
    kind = chance.choice(kinds)
    if kind == "bytes":
        return rest
    rest = text_of(rest).encode(errors="replace")
    chunks = json.loads(json.dumps(chance.choice(WIRES)))[: chance.randint(1, 40)]
    for _ in range(chance.randint(0, 4)):
        tamper(chunks, chance)
    if kind == "list":
        return json.dumps(chunks).encode() + rest
    if kind == "lines":
        return "".join(f"{json.dumps(each)}\n" for each in chunks).encode() + rest
    body = capture.body(chunks).encode(errors="surrogatepass")
    if kind == "body":
        at = chance.randint(0, len(body))
        return body[:at] + rest + body[at:]
    pieces = [json.loads(Piece(number / 8, each + b"\n\n").line()) for number, each in enumerate(body.split(b"\n\n"))]
    for _ in range(chance.randint(0, 2)):
        tamper(pieces, chance)
    return HEAD.encode() + "".join(f"{json.dumps(each)}\n" for each in pieces).encode() + rest


def properties(name: str) -> Target:
    """Return Hypothesis' entry point for a property, such as ``tests/test_laws.py::test_total``. It stores failures.

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
