"""The parser's options, as arguments of every command that parses a body."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from streamfsm.parser import StreamParser
from streamfsm.replay import capture

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def add_options(parser: ArgumentParser) -> None:
    """Add the options to a command's arguments."""
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


def maker(arguments: Namespace, body: str) -> Callable[..., StreamParser]:
    """Return what makes the parser that the options ask for; its messages have the same ids and date each time."""
    return partial(
        StreamParser,
        inner_thoughts_kwarg=None if arguments.no_inner_thoughts else arguments.inner_thoughts or "thinking",
        assistant_tool=arguments.assistant_tool,
        assistant_kwarg=arguments.assistant_kwarg,
        think_tags=_think_tags(arguments) or None,
        message_id=f"message-{uuid5(NAMESPACE_OID, body)}",
        date=_date(body),
    )


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
