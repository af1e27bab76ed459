"""LangChain's parser of partial JSON, which a message's ``tool_calls`` use, called with all the arguments so far."""

from langchain_core.utils.json import parse_partial_json
from reparse import Reparse

PACKAGES = ("langchain-core",)
KINDS = ("content",)
CLAIMS = {
    "nothing lost": "“parse a JSON string that may be missing closing braces” (`parse_partial_json`)",
    "cut off": "the same",
}


class Adapter(Reparse):
    """Uses the defaults, which also accept raw line breaks in strings."""

    def __init__(self) -> None:
        super().__init__(parse_partial_json)
