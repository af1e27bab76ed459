"""``streamfsm replay``: shows a recorded body as typed messages, read by the real ``openai`` client."""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from os import cpu_count
from pathlib import Path
from typing import Any, Literal

from streamfsm.cli.archive import replay_all
from streamfsm.cli.arguments import Commands, chunking, count, positive
from streamfsm.cli.files import check_size, exit_code, read_recording, source, text_of
from streamfsm.cli.options import add_options, parser_options
from streamfsm.cli.terminal import printable_json, runs, show_messages, show_result
from streamfsm.errors import MisuseError, with_extra
from streamfsm.messages import StreamMessage, coalesce
from streamfsm.parser import StreamParser
from streamfsm.replay import capture
from streamfsm.replay.archive import stamps
from streamfsm.replay.loopback import serve
from streamfsm.replay.recording import Recording
from streamfsm.replay.server import play, wire_of
from streamfsm.trace import Transition

_COLORS: dict[str, Literal["auto", "standard"] | None] = {"auto": "auto", "always": "standard", "never": None}
_MOST = 1 << 20  # characters of text to cut again: with one per chunk, this takes half a minute and a gigabyte


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser(
        "replay",
        help="show a recorded response body as typed messages",
        description="Replay a recorded response body through the real openai client, and show its typed messages, "
        "with the states that the parser passes through. Exit code 1: the stream failed; 2: it is of "
        "another protocol, or the file cannot be read.",
    )
    option = parser.add_argument
    option(
        "file",
        metavar="FILE",
        type=source,
        help="a recording or a body of server-sent events, or a directory of them; - is standard input",
    )
    option(
        "--jsonl",
        metavar="OUT",
        type=Path,
        help="for a directory: append a line to OUT for each stream that is not in it yet",
    )
    option(
        "--jobs",
        metavar="N",
        type=count,
        default=cpu_count() or 1,
        help="for a directory: number of processes (default: one per core)",
    )
    option(
        "--chunking",
        type=chunking,
        metavar="HOW",
        help="cut the stream differently: whole, char, N characters, or random[:SEED]",
    )
    option(
        "--speed",
        type=positive,
        metavar="N",
        help="play it: 1 is the recorded pace, 2 is twice as fast (default: all at once)",
    )
    option("--json", action="store_true", help="print one message per line, as JSON")
    option("--deltas", action="store_true", help="show each message as it was emitted, instead of joining neighbours")
    option("--color", choices=_COLORS, default="auto", help="when to use color (default: if the output is a terminal)")
    add_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: Namespace) -> int:
    if arguments.file.is_dir():
        if not arguments.jsonl:
            raise MisuseError(f"{arguments.file}: a directory needs --jsonl OUT")
        return replay_all(arguments.file, arguments.jsonl, parser_options(arguments), arguments.jobs)
    if arguments.jsonl:
        raise MisuseError(f"{arguments.file}: --jsonl is for directories")
    needed = ("openai",) if arguments.json else ("openai", "rich")
    if missing := [name for name in needed if find_spec(name) is None]:
        raise MisuseError(f"replay needs {' and '.join(missing)}: {with_extra('cli')}")
    recording = read_recording(arguments.file)
    body = text_of(recording, arguments.file)
    if arguments.speed and (arguments.chunking or not recording.is_timed):
        why = "another chunking" if arguments.chunking else "a body without times; `streamfsm record` records them"
        raise MisuseError(f"{arguments.file}: --speed does not work with {why}")
    trace: list[Transition] = []
    parser = StreamParser(**stamps(body), **parser_options(arguments), trace=trace)
    if arguments.chunking:
        check_size(arguments.file, capture.chunks(body), _MOST)
        body = capture.recut(body, arguments.chunking)
    pieces = play(recording, speed=arguments.speed) if arguments.speed else _pieces(body, recording)
    messages = _read(body, pieces, parser, wire_of(recording))
    if arguments.json:
        for message in messages if arguments.deltas else coalesce(messages):
            print(printable_json(message.model_dump_json()), flush=True)
    else:
        from rich.console import Console

        color = _COLORS[arguments.color]
        console = Console(color_system=color, no_color=None if color == "auto" else False, highlight=False)
        shown = runs(messages, trace, deltas=arguments.deltas)
        show_messages(console, shown, live=arguments.speed is not None)
        show_result(console, parser.result)
    return exit_code(arguments.file, parser)


def _pieces(body: str, recording: Recording) -> Iterator[bytes]:
    """Yield the complete body in the form that every client reads; raise if the recording ended with an error."""
    yield capture.standard(body).encode()
    yield from play(replace(recording, pieces=()))


def _read(body: str, pieces: Iterator[bytes], parser: StreamParser, wire: str | None) -> Iterator[StreamMessage]:
    """Yield the messages of the chunks that the real client reads in ``pieces``, or of a body without events."""
    if not capture.is_framed(body):
        yield from parser.feed_bytes(body.encode())
        yield from parser.close()
        return
    import openai

    if wire == "responses" and not hasattr(openai.OpenAI, "responses"):
        raise MisuseError(f"a body of the Responses API needs openai 1.66 or newer, not {openai.__version__}")
    with (
        serve(lambda _: pieces) as url,
        openai.DefaultHttpxClient(trust_env=False) as http,
        openai.OpenAI(base_url=url, api_key="none", max_retries=0, http_client=http) as client,
    ):
        try:
            with _stream(client, wire) as stream:
                for chunk in stream:
                    yield from parser.feed(chunk)
        except Exception as error:  # noqa: BLE001 - any exception of the client ends the stream
            yield from parser.fail(error)
        else:
            yield from parser.close()


def _stream(client: Any, wire: str | None) -> Any:
    """Return the real client's stream for a wire."""
    if wire == "responses":
        return client.responses.create(model="recorded", input=[], stream=True)
    return client.chat.completions.create(model="recorded", messages=[], stream=True)
