"""The parser's options, as arguments of all commands that parse a body."""

from argparse import ArgumentParser, Namespace
from typing import Any


def add_options(parser: ArgumentParser) -> None:
    """Add the options to a command's arguments."""
    thoughts = parser.add_mutually_exclusive_group()
    option = thoughts.add_argument
    option(
        "--inner-thoughts",
        metavar="KEY",
        action="append",
        help="argument that contains the thoughts; repeatable (default: thinking)",
    )
    option("--no-inner-thoughts", action="store_true", help="no argument contains thoughts")
    speech = parser.add_mutually_exclusive_group()
    option = speech.add_argument
    option(
        "--assistant-tool",
        metavar="NAME",
        default="send_message",
        help="tool through which the model speaks to the user (default: %(default)s)",
    )
    option(
        "--no-assistant-tool",
        action="store_const",
        const=None,
        dest="assistant_tool",
        help="treat every call as a tool call",
    )
    option = parser.add_argument
    option(
        "--assistant-kwarg",
        metavar="KEY",
        default="message",
        help="argument of that tool that contains the message (default: %(default)s)",
    )
    pair = ("OPEN", "CLOSE")
    option(
        "--think-tags", nargs=2, metavar=pair, action="append", help="tags around thoughts in the content; repeatable"
    )
    option(
        "--think-starts",
        choices=("outside", "inside", "auto"),
        default="outside",
        help="whether content begins outside or inside the tags; auto waits for the first tag (default: %(default)s)",
    )
    option(
        "--think-where",
        choices=("start", "anywhere"),
        default="start",
        help="where tags count: at the start of the content, or anywhere (default: %(default)s)",
    )


def parser_options(arguments: Namespace) -> dict[str, Any]:
    """Return the parser's options from the arguments; the parser validates them."""
    modes = {"starts": arguments.think_starts, "where": arguments.think_where}
    tags = [{"open": opens, "close": closes, **modes} for opens, closes in arguments.think_tags or ()]
    return {
        "inner_thoughts_kwarg": None if arguments.no_inner_thoughts else arguments.inner_thoughts or "thinking",
        "assistant_tool": arguments.assistant_tool,
        "assistant_kwarg": arguments.assistant_kwarg,
        "think_tags": tags or None,
    }
