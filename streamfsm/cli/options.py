"""The parser's options, as arguments of every command that parses a body."""

from argparse import ArgumentParser, Namespace
from typing import Any


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


def parser_options(arguments: Namespace) -> dict[str, Any]:
    """Return the options that the arguments give; the parser checks them."""
    modes = {"starts": arguments.think_starts, "where": arguments.think_where}
    tags = [{"open": opens, "close": closes, **modes} for opens, closes in arguments.think_tags or ()]
    return {
        "inner_thoughts_kwarg": None if arguments.no_inner_thoughts else arguments.inner_thoughts or "thinking",
        "assistant_tool": arguments.assistant_tool,
        "assistant_kwarg": arguments.assistant_kwarg,
        "think_tags": tags or None,
    }
