"""``streamfsm replay``: shows a recorded body as typed messages, by way of the real ``openai`` client."""

from argparse import Namespace
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from streamfsm.cli.arguments import Commands, chunking
from streamfsm.cli.files import read_body
from streamfsm.cli.options import add_options, maker
from streamfsm.cli.terminal import runs, show_messages, show_result
from streamfsm.errors import MisuseError
from streamfsm.messages import StreamMessage, coalesce
from streamfsm.parser import StreamParser
from streamfsm.replay import capture
from streamfsm.replay.loopback import serve
from streamfsm.trace import Transition

_COLORS: dict[str, Literal["auto", "standard"] | None] = {"auto": "auto", "always": "standard", "never": None}


def declare(commands: Commands) -> None:
    """Add this command and its arguments."""
    parser = commands.add_parser(
        "replay",
        help="show a recorded response body as typed messages",
        description="Send a recorded response body through the real openai client and show what it says.",
    )
    option = parser.add_argument
    option("file", metavar="FILE.sse", type=Path, help="server-sent events of Chat Completions chunks")
    option("--chunking", type=chunking, metavar="HOW", help="cut the stream anew: whole, char, N or random[:SEED]")
    option("--json", action="store_true", help="one message a line, as JSON")
    option("--deltas", action="store_true", help="show messages as they came, not coalesced")
    option("--color", choices=_COLORS, default="auto", help="default: where the output is a terminal")
    add_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: Namespace) -> int:
    needed = ("openai",) if arguments.json else ("openai", "rich")
    if missing := [name for name in needed if find_spec(name) is None]:
        raise MisuseError(f"replay needs {' and '.join(missing)}: pip install 'streamfsm[cli]'")
    body = read_body(arguments.file)
    trace: list[Transition] = []
    parser = maker(arguments, body)(trace=trace)
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
        show_messages(console, runs(messages, trace, deltas=arguments.deltas))
        show_result(console, parser.result)
    error = parser.result.error
    if error and error.code == "foreign_wire":
        raise MisuseError(f"{arguments.file}: {error.message}")
    return 0 if parser.state == "done" else 1


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
