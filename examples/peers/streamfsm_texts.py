"""streamfsm's parser without channels, so that it emits what the other parsers can emit."""

from streamfsm.testing import TracedParser

PACKAGES = ("streamfsm",)
KINDS = ("content", "reasoning", "name", "arguments")
CLAIMS = dict.fromkeys(
    (
        *("split invariance", "nothing lost", "append-only", "promptness", "output grammar"),
        *("cut off", "dialects", "garbage", "linear"),
    ),
    "[the laws](laws.md)",
)


class Adapter(TracedParser):
    """Returns the parser's own messages, which the kit can read."""

    def __init__(self) -> None:
        super().__init__(inner_thoughts_kwarg=None, assistant_tool=None)
