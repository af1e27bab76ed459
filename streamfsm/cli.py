"""The command line: ``streamfsm replay FILE.sse``, ``streamfsm fuzz FILE.sse`` and ``streamfsm diagram``."""

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from itertools import groupby
from math import inf
from operator import attrgetter
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal
from uuid import NAMESPACE_OID, uuid5

from streamfsm.channels import Channel, check
from streamfsm.errors import MisuseError
from streamfsm.machines import TABLES, TOOL_CALL, diagrams
from streamfsm.machines.tool_call import MESSAGE, THOUGHTS, declared, tool_call
from streamfsm.messages import (
    ApprovalRequestMessage,
    ArgumentMessage,
    AssistantMessage,
    HiddenReasoningMessage,
    ReasoningMessage,
    StopReason,
    StreamMessage,
    ToolCallMessage,
    ToolCallRevoked,
    ToolCallSealed,
    coalesce,
)
from streamfsm.parser import StreamParser
from streamfsm.replay import capture
from streamfsm.replay.loopback import serve
from streamfsm.result import ChoiceResult, StreamResult
from streamfsm.trace import Transition
from streamfsm.wires.chat.chunking import Cutter, cutter

if TYPE_CHECKING:
    from rich.console import Console

    from streamfsm.testing import Parse

_TABLES = {table.name: table for table in TABLES}
_FORMATS = {"mermaid": diagrams.mermaid, "dot": diagrams.dot, "markdown": diagrams.markdown}
_COLORS: dict[str, Literal["auto", "standard"] | None] = {"auto": "auto", "always": "standard", "never": None}
_STYLES: dict[type[StreamMessage], str] = {
    ReasoningMessage: "magenta",
    HiddenReasoningMessage: "magenta",
    AssistantMessage: "green",
    ToolCallMessage: "cyan",
    ApprovalRequestMessage: "cyan",
    ArgumentMessage: "blue",
    ToolCallSealed: "cyan",
    ToolCallRevoked: "red",
    StopReason: "yellow",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that ``argv`` gives (the process's own, unless given).

    Returns:
        The exit code. 0; 1: the replayed stream failed, or fuzzing found something; 2: what was asked for cannot work,
        such as to replay another protocol's stream, as a line on stderr says.

    Raises:
        SystemExit: the arguments ask for help or the version (code 0), or cannot be understood (code 2).
    """
    arguments = _parser().parse_args(argv)
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        reconfigure(encoding="utf-8")  # models write any character, whatever the locale
    try:
        return _COMMANDS[arguments.command](arguments)
    except MisuseError as error:
        print(f"streamfsm: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output left, as ``head`` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # takes what is flushed at exit
        return 1
    except OSError as error:  # such as a full disk
        print(f"streamfsm: {error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="streamfsm", description=sys.modules["streamfsm"].__doc__)
    parser.add_argument("--version", action="version", version=f"streamfsm {version('streamfsm')}")
    commands = parser.add_subparsers(dest="command", required=True)

    replay = commands.add_parser(
        "replay",
        help="show a recorded response body as typed messages",
        description="Send a recorded response body through the real openai client and show what it says.",
    )
    option = replay.add_argument
    option("file", metavar="FILE.sse", type=Path, help="server-sent events of Chat Completions chunks")
    option("--chunking", type=_cutter, metavar="HOW", help="cut the stream anew: whole, char, N or random[:SEED]")
    option("--json", action="store_true", help="one message a line, as JSON")
    option("--deltas", action="store_true", help="show messages as they came, not coalesced")
    option("--color", choices=_COLORS, default="auto", help="default: where the output is a terminal")
    thoughts = replay.add_mutually_exclusive_group()
    option = thoughts.add_argument
    option("--inner-thoughts", metavar="KEY", action="append", help="key of the thoughts (default: thinking)")
    option("--no-inner-thoughts", action="store_true", help="no key holds thoughts")
    speech = replay.add_mutually_exclusive_group()
    option = speech.add_argument
    option("--assistant-tool", metavar="NAME", default="send_message", help="tool that speaks (default: %(default)s)")
    option("--no-assistant-tool", action="store_const", const=None, dest="assistant_tool", help="no tool speaks")
    option = replay.add_argument
    option("--assistant-kwarg", metavar="KEY", default="message", help="key of what it says (default: %(default)s)")
    pair = ("OPEN", "CLOSE")
    option("--think-tags", nargs=2, metavar=pair, action="append", help="tags of reasoning inside content, repeatable")
    option("--think-starts", choices=("outside", "inside", "auto"), default="outside", help="default: %(default)s")
    option("--think-where", choices=("start", "anywhere"), default="start", help="default: %(default)s")

    fuzz = commands.add_parser(
        "fuzz",
        help="look for a chunking of a recorded stream that a parser gets wrong",
        description="Cut a recorded stream anew, as other servers would send it and broken off, and compare what a "
        "parser makes of it. Exit code 1 and a report: the smallest chunks that break a law.",
    )
    option = fuzz.add_argument
    option("file", metavar="FILE.sse", type=Path, help="server-sent events of Chat Completions chunks")
    option("--parser", metavar="MODULE:FACTORY", help="makes the parser, with feed(chunk) and close() (default: ours)")
    option("--examples", metavar="N", type=_count, default=1000, help="how many to try (default: %(default)s)")
    option("--seed", metavar="S", type=int, help="the same examples each time (default: others, but findings first)")
    option("--garbage", action="store_true", help="send chunks that are none, too")
    option(
        "--timeout", metavar="SECONDS", type=_seconds, default=5.0, help="a parser hangs then (default: %(default)s)"
    )
    option("--out", metavar="FILE", type=Path, default=Path("finding.sse"), help="for a finding (default: %(default)s)")
    option(
        "--database",
        metavar="DIR",
        type=Path,
        default=Path(".hypothesis/streamfsm"),
        help="keeps findings, from which the next run goes on (default: %(default)s)",
    )

    diagram = commands.add_parser("diagram", help="print the state machines", description="Print the state machines.")
    diagram.add_argument("machine", nargs="?", choices=_TABLES, help="default: all")
    diagram.add_argument(
        "--channel",
        dest="channels",
        metavar="'TOOL PATH'",
        type=_channel,
        action="append",
        help="draw the tool-call machine with this channel, as 'write_file $.content'; repeatable",
    )
    diagram.add_argument("--format", choices=_FORMATS, default="mermaid", help="default: %(default)s")
    return parser


def _cutter(spec: str) -> Cutter:
    try:
        return cutter(spec)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is no number of examples")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < inf:
        raise ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


def _channel(text: str) -> Channel:
    tool, found, path = text.partition("$")
    try:
        return Channel(found + path, tool.strip() or None)
    except MisuseError as error:
        raise ArgumentTypeError(str(error)) from error


def _diagram(arguments: Namespace) -> int:
    names = [arguments.machine] if arguments.machine else [*_TABLES]
    tables = [_TABLES[name] for name in names]
    if arguments.channels:
        if arguments.machine not in (None, TOOL_CALL.table.name):
            raise MisuseError(f"channels are of the machine {TOOL_CALL.table.name}, not of {arguments.machine}")
        check(arguments.channels, ())
        tables = [tool_call(THOUGHTS, MESSAGE, *map(declared, arguments.channels)).table]
    text = "\n".join(_FORMATS[arguments.format](table) for table in tables)
    print(text, end="", flush=True)
    return 0


# -- replay ------------------------------------------------------------------------------------------------------------


def _replay(arguments: Namespace) -> int:
    needed = ("openai",) if arguments.json else ("openai", "rich")
    if missing := [name for name in needed if find_spec(name) is None]:
        raise MisuseError(f"replay needs {' and '.join(missing)}: pip install 'streamfsm[cli]'")
    body = _body(arguments.file)
    trace: list[Transition] = []
    parser = StreamParser(
        inner_thoughts_kwarg=None if arguments.no_inner_thoughts else arguments.inner_thoughts or "thinking",
        assistant_tool=arguments.assistant_tool,
        assistant_kwarg=arguments.assistant_kwarg,
        think_tags=_think_tags(arguments) or None,
        message_id=f"message-{uuid5(NAMESPACE_OID, body)}",
        date=_date(body),
        trace=trace,
    )
    if arguments.chunking:
        body = capture.recut(body, arguments.chunking)
    messages = _read(body, parser)
    if arguments.json:
        for message in messages if arguments.deltas else coalesce(messages):
            print(message.model_dump_json(), flush=True)
    else:
        from rich.console import Console

        color = _COLORS[arguments.color]
        console = Console(color_system=color, no_color=None if color == "auto" else False, highlight=False)
        _show_messages(console, _runs(messages, trace, deltas=arguments.deltas))
        _show_result(console, parser.result)
    error = parser.result.error
    if error and error.code == "foreign_wire":
        raise MisuseError(f"{arguments.file}: {error.message}")
    return 0 if parser.state == "done" else 1


def _body(file: Path) -> str:
    """The file's text; what the command prints of it is a pure function of it."""
    try:
        body = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise MisuseError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MisuseError(f"{file}: not UTF-8 at byte {error.start}") from error
    if capture.is_framed(body) and not capture.events(body):
        raise MisuseError(f"{file}: no server-sent events")
    return body


def _think_tags(arguments: Namespace) -> list[Any]:
    """The pairs, which the parser checks."""
    modes = {"starts": arguments.think_starts, "where": arguments.think_where}
    return [{"open": opens, "close": closes, **modes} for opens, closes in arguments.think_tags or ()]


def _date(body: str) -> datetime:
    """When the first chunk says it was made; 1970 if it does not."""
    first = next(iter(capture.chunks(body)), None)
    created = first.get("created") if isinstance(first, dict) else None
    try:
        return _EPOCH + timedelta(seconds=created if type(created) is int else 0)
    except OverflowError:
        return _EPOCH


def _read(body: str, parser: StreamParser) -> Iterator[StreamMessage]:
    """What ``parser`` makes of the chunks that the real client reads from ``body``; of the body, if it is no stream."""
    if not capture.is_framed(body):
        yield from parser.feed_bytes(body.encode())
        yield from parser.close()
        return
    import openai

    with (
        serve(lambda _: [capture.standard(body).encode()]) as url,
        openai.DefaultHttpxClient(trust_env=False) as http,
        openai.OpenAI(base_url=url, api_key="none", max_retries=0, http_client=http) as client,
    ):
        try:
            with client.chat.completions.create(model="recorded", messages=[], stream=True) as stream:
                for chunk in stream:
                    yield from parser.feed(chunk)
        except Exception as error:  # noqa: BLE001 - whatever the client raises is how this stream ended
            yield from parser.fail(error)
        else:
            yield from parser.close()


# -- fuzz --------------------------------------------------------------------------------------------------------------


def _fuzz(arguments: Namespace) -> int:
    if find_spec("hypothesis") is None:
        raise MisuseError("fuzz needs hypothesis: pip install 'streamfsm[testing]'")
    from streamfsm.testing import TracedParser, fuzz

    body = _body(arguments.file)
    parse = _factory(arguments.parser) if arguments.parser else TracedParser
    progress = _Progress(arguments.examples)
    try:
        finding = fuzz(
            parse,
            capture.chunks(body),
            examples=arguments.examples,
            random_seed=arguments.seed,
            # What is kept are choices, which mean something else to another stream or parser.
            database=arguments.database / uuid5(NAMESPACE_OID, f"{arguments.parser} {body}").hex,
            progress=progress.step,
            garbage=arguments.garbage,
            seconds=arguments.timeout,
        )
    except KeyboardInterrupt:
        print(f"stopped after {progress.done} examples; what was found is kept for the next run", file=sys.stderr)
        return 130  # as shells count an interrupt
    if finding is None:
        print(f"nothing found in {progress.done} examples")
        return 0
    comment = "".join(f": {line}\n" for line in str(finding).splitlines())
    _write(arguments.out, comment + "\n" + capture.body(finding.chunks))
    print(f"{finding}\n\nwritten to {arguments.out}")
    return 1


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MisuseError(f"{file}: {error.strerror}") from error


def _factory(spec: str) -> "Parse":
    """The parser's factory, which ``spec`` names: a module that can be imported from here, and a name in it."""
    module, _, name = spec.partition(":")
    sys.path.insert(0, "")  # as ``python -m`` does
    try:
        factory: Parse = attrgetter(name)(import_module(module))
    except (ImportError, AttributeError, ValueError) as error:
        raise MisuseError(f"--parser {spec}: {error}; it is to be MODULE:FACTORY") from error
    finally:
        sys.path.remove("")
    if not callable(factory):
        raise MisuseError(f"--parser {spec}: {factory!r} is no function or class")
    return factory


class _Progress:
    """Tells, every two seconds, how far a run has come."""

    def __init__(self, examples: int) -> None:
        self.done = 0
        self._examples = examples
        self._next = monotonic() + 2

    def step(self) -> None:
        """One more example."""
        self.done += 1
        if monotonic() >= self._next:
            self._next = monotonic() + 2
            print(f"{self.done} of {self._examples} examples", file=sys.stderr, flush=True)


# -- the terminal ------------------------------------------------------------------------------------------------------


def _runs(
    messages: Iterable[StreamMessage], trace: Iterable[Transition], *, deltas: bool
) -> Iterator[tuple[StreamMessage, list[Transition]]]:
    """Each message, coalesced unless ``deltas``, with the records since the one before; each stands in one of them."""
    records = iter(trace)
    for _, group in groupby(messages, key=lambda message: message.seq_id if deltas else message.otid):
        run = list(group)
        path = [next(records)]
        while path[-1].seq_id != run[-1].seq_id:
            path.append(next(records))
        yield from ((message, path) for message in coalesce(run))


def _show_messages(console: "Console", runs: Iterable[tuple[StreamMessage, list[Transition]]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, expand=True)
    table.add_column("message", overflow="fold")
    table.add_column("text", overflow="fold", ratio=4)
    table.add_column("path", overflow="fold", ratio=5)
    for message, path in runs:
        kind = message.message_type.removesuffix("_message").replace("_", " ")
        where = f"\nchoice {message.choice_index}" if message.choice_index else ""
        style = _STYLES[type(message)]
        table.add_row(
            Text(kind + where, f"bold {style}"), Text(_printable(_text(message)), style), Text(_path(path), "dim")
        )
    console.print(table)


def _text(message: StreamMessage) -> str:
    """What the message says; of a call, its name too."""
    if isinstance(message, ToolCallMessage | ApprovalRequestMessage):
        return " ".join(part for part in (message.tool_call.name, message.tool_call.arguments) if part)
    return message.text


def _path(records: Iterable[Transition]) -> str:
    """A line for each lane at a time: ``call 0: awaiting_name –tool_named→ raw_args``. Text crosses no boundary."""
    lines = []
    boundaries = [record for record in records if record.event != "text"]
    for (choice, lane), steps in groupby(boundaries, key=lambda record: (record.choice, record.lane)):
        first, *more = steps
        where = f"choice {choice} {lane}" if choice else lane
        chain = [f"{where}: {first.state}", *(f"–{step.event}→ {step.target}" for step in (first, *more))]
        lines.append(" ".join(chain))
    return "\n".join(lines)


def _printable(text: str) -> str:
    """``text`` with its control characters made visible, so that none of them reaches the terminal."""
    return "".join(char if char.isprintable() else _picture(char) for char in text)


def _picture(char: str) -> str:
    code = ord(char)
    if code < 0x20:  # noqa: PLR2004 - the C0 set ends here; Unicode has a picture of each of them
        return chr(0x2400 + code)
    return char.encode("unicode_escape").decode()


def _show_result(console: "Console", result: StreamResult) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in _summary(result):
        table.add_row(Text(name), Text(_printable(value)))
    console.print()
    console.print(table)


def _summary(result: StreamResult) -> Iterator[tuple[str, str]]:
    choices = [(f"choice {choice.index} " if choice.index else "", choice) for choice in result.choices]
    endings: list[tuple[str, ChoiceResult | StreamResult]] = [*choices] or [("", result)]
    for where, choice in endings:
        reason = choice.stop_reason and choice.stop_reason.value
        yield f"{where}stop", f"{reason} (on the wire: {choice.finish_reason or 'no finish reason'})"
    yield "model", result.model or "not named"
    counts = [
        f"{count} {name.removesuffix('_tokens')}"
        for name, count in result.usage.model_dump(exclude={"source", "raw"}).items()
        if count is not None
    ]
    yield "usage", f"{', '.join(counts)} tokens" if counts else "not reported"
    for where, choice in choices:
        for call in choice.tool_calls:
            at = "" if call.error_offset is None else f" at character {call.error_offset}"
            ready = "ready" if call.ready else "not ready"
            yield (
                f"{where}call {call.index}",
                f"{call.name or 'nameless'} ({call.id or 'no id'}): {call.verdict}{at}, {ready}",
            )
    for anomaly in result.anomalies:
        places = (("choice", anomaly.choice), ("call", anomaly.call))
        where = "".join(f", {name} {place}" for name, place in places if place is not None)
        yield "anomaly", f"{anomaly.kind.replace('_', ' ')}{where}: {anomaly.detail}"
    if result.error:
        yield "error", f"{result.error.message} (code: {result.error.code or 'none'})"


_COMMANDS = {"replay": _replay, "fuzz": _fuzz, "diagram": _diagram}
