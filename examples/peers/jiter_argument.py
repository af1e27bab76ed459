"""jiter, called with all the arguments so far."""

from jiter import from_json
from reparse import Reparse

PACKAGES = ("jiter",)
KINDS = ("content",)
CLAIMS = {
    "nothing lost": "“parse input bytes into a JSON object” (`from_json`)",
    "cut off": "“allow incomplete JSON, and include the last incomplete string in the output” (`partial_mode`)",
}


class Adapter(Reparse):
    """Uses ``trailing-strings``, which also returns a string that is not closed yet."""

    def __init__(self) -> None:
        super().__init__(lambda text: from_json(text.encode(), partial_mode="trailing-strings"))
