"""partial-json-parser, called with all the arguments so far."""

from partial_json_parser import loads
from reparse import Reparse

PACKAGES = ("partial-json-parser",)
KINDS = ("content",)
CLAIMS = {
    "nothing lost": "“works just like the built-in `json.loads` when parsing a complete JSON string” (README)",
    "cut off": "“a lightweight and customizable library for parsing partial JSON strings” (README)",
}


class Adapter(Reparse):
    """Uses the defaults, which also return what is not closed yet."""

    def __init__(self) -> None:
        super().__init__(loads)
