"""``Buffer``: text that grows piece by piece, at the memory of the joined text; and what a snapshot holds of a text."""

import json
import re
from typing import Annotated, Any, TypeAlias

from pydantic import GetCoreSchemaHandler, PlainSerializer, PlainValidator
from pydantic_core import CoreSchema, core_schema

_PIECES = 128
"""Pieces that wait to be joined: of one character each, they take 57 bytes and more a character, joined 1 to 4."""
_BLOCK = 1 << 14
"""Characters of a block, which is not copied any more. So each character is copied a bounded number of times."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def _read(value: Any) -> str:
    text = json.loads(value["escaped"]) if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise ValueError("not a text")  # noqa: TRY004 - which pydantic reports
    return text


def _written(text: str) -> str | dict[str, str]:
    """Return a text as UTF-8 can hold it: where half a character is in it, escaped."""
    return text if text.isascii() or not _SURROGATE.search(text) else {"escaped": json.dumps(text)}


Half: TypeAlias = Annotated[str, PlainValidator(_read), PlainSerializer(_written)]
"""Text that may hold half a surrogate pair, whose other half may come next."""


class Buffer:
    """Text that grows: appending costs the same at any size, unlike ``str`` on an attribute.

    ``io.StringIO`` would take 15 bytes a character of small pieces on Python 3.10 and 3.11, and four on any after a
    ``seek``; this takes what the text takes, and a few kilobytes.
    """

    __slots__ = ("_blocks", "_pieces", "size")

    def __init__(self, text: str = "") -> None:
        self.size = 0
        """Characters so far."""
        self._blocks: list[str] | None = None  # all of _BLOCK characters
        self._pieces: list[str] = []
        if text:
            self.write(text)

    def write(self, text: str) -> None:
        """Append a piece."""
        self.size += len(text)
        pieces = self._pieces
        pieces.append(text)
        if len(pieces) > _PIECES:
            self._join()

    def getvalue(self) -> str:
        """Return all of the text."""
        return "".join([*(self._blocks or ()), *self._pieces])

    def part(self, start: int, size: int) -> str:
        """Return up to ``size`` characters from ``start`` on, at a cost that does not depend on the text's length."""
        self._join()
        blocks = self._blocks or []
        first = min(start // _BLOCK, len(blocks))
        found = "".join([*blocks[first : (start + size) // _BLOCK + 1], *self._pieces])
        return found[start - first * _BLOCK :][:size]

    def cut(self, size: int) -> None:
        """Take away what follows the first ``size`` characters."""
        whole = size // _BLOCK
        rest = self.part(whole * _BLOCK, size % _BLOCK)
        self._blocks, self._pieces, self.size = (self._blocks or [])[:whole], [rest], size

    def clear(self) -> None:
        """Take away all of the text."""
        if self.size:
            self.size, self._blocks, self._pieces = 0, None, []

    def _join(self) -> None:
        text = "".join(self._pieces)
        if whole := len(text) // _BLOCK:
            self._blocks = self._blocks or []
            self._blocks += [text[at * _BLOCK : (at + 1) * _BLOCK] for at in range(whole)]
        self._pieces = [text[whole * _BLOCK :]]

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: cls(_read(value)),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda buffer: _written(buffer.getvalue())),
        )
