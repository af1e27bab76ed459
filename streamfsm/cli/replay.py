"""``streamfsm replay``: shows a recorded body as typed messages, by way of the real ``openai`` client."""

from argparse import Namespace
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from uuid import NAMESPACE_OID, uuid5

from streamfsm.cli.arguments import Commands, chunking
from streamfsm.cli.files import check_size, read_body
from streamfsm.cli.terminal import printable_json, runs, show_messages, show_result
from streamfsm.errors import MisuseError
from streamfsm.messages import StreamMessage, coalesce
from streamfsm.parser import StreamParser
from streamfsm.replay import capture
from streamfsm.replay.loopback import serve
from streamfsm.trace import Transition

_COLORS: dict[str, Literal["auto", "standard"] | None] = {"auto": "auto", "always": "standard", "never": None}
_MOST = 1 << 20  # characters of text that are cut anew: a character a chunk takes half a minute then, and a gigabyte
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


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
    thoughts = parser.add_mutually_exclusive_group()
    option = thoughts.add_argument
    option("--inner-thoughts", metavar="KEY", action="append", help="key of the thoughts (default: thinking)")
    option("--no-inner-thoughts", action="store_true", help="no key holds thoughts")
    speech = parser.add_mutually_exclusive_group()
    option = speech.add_argument
    option("--assistant-tool", metavar="NAME", default="send_message", help="tool that speaks (default: %(default)s)")
    option("--no-assistant-tool", action="store_const", const=None, dest="assistant_tool", help="no tool speaks")
    option = parser.add_argument
    option("--assistant-kwarg", metavar="KEY", default="message", help="key of what it says (default: %(default)s)")
    pair = ("OPEN", "CLOSE")
    option("--think-tags", nargs=2, metavar=pair, action="append", help="tags of reasoning inside content, repeatable")
    option("--think-starts", choices=("outside", "inside", "auto"), default="outside", help="default: %(default)s")
    option("--think-where", choices=("start", "anywhere"), default="start", help="default: %(default)s")
    parser.set_defaults(run=_run)


def _run(arguments: Namespace) -> int:
    needed = ("openai",) if arguments.json else ("openai", "rich")
    if missing := [name for name in needed if find_spec(name) is None]:
        raise MisuseError(f"replay needs {' and '.join(missing)}: pip install 'streamfsm[cli]'")
    body = read_body(arguments.file)
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
        check_size(arguments.file, capture.chunks(body), _MOST)
        body = capture.recut(body, arguments.chunking)
    messages = _read(body, parser)
    if arguments.json:
        for message in messages if arguments.deltas else coalesce(messages):
            print(printable_json(message.model_dump_json()), flush=True)
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
