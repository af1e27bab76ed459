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
    """The kit reads its messages as they are."""

    def __init__(self) -> None:
        super().__init__(inner_thoughts_kwarg=None, assistant_tool=None)
