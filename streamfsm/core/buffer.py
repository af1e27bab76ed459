"""``Buffer``: text that grows piece by piece, at the memory of the joined text; and what a snapshot holds of a text."""

import json
import re
from typing import Annotated, Any, TypeAlias

from pydantic import GetCoreSchemaHandler, PlainSerializer, PlainValidator
from pydantic_core import CoreSchema, core_schema

PIECES = 128
"""Pieces that wait to be joined: of one character each, they take 57 bytes and more a character, joined 1 to 4."""
_BLOCK = 1 << 14
"""Characters of a block, which is not copied any more. So each character is copied a bounded number of times."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def _read(value: Any) -> str:
    text = json.loads(value["escaped"]) if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise ValueError("not a text")  # noqa: TRY004 - which pydantic reports
    return text


def holds_half(text: str) -> bool:
    """Whether half of a surrogate pair is in a text."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def _written(text: str) -> str | dict[str, str]:
    """Return a text as UTF-8 can hold it: where half a character is in it, escaped."""
    return text if not holds_half(text) else {"escaped": json.dumps(text)}


Half: TypeAlias = Annotated[str, PlainValidator(_read), PlainSerializer(_written)]
"""Text that may hold half a surrogate pair, whose other half may come next."""


class Buffer(list[str]):
    """Text that grows: appending costs the same at any size, unlike ``str`` on an attribute.

    ``io.StringIO`` would take 15 bytes a character of small pieces on Python 3.10 and 3.11, and four on any after a
    ``seek``; this takes what the text takes, and a few kilobytes. It is the list of the latest pieces, so that a lane
    can append one for every delta without a call: ``append`` it, and ``join`` the pieces once they are ``PIECES``.
    """

    __slots__ = ("_blocks",)

    def __init__(self, text: str = "") -> None:
        super().__init__([text] if text else ())
        self._blocks: list[str] | None = None  # all of _BLOCK characters

    @property
    def size(self) -> int:
        """Characters so far."""
        return len(self._blocks or ()) * _BLOCK + sum(map(len, self))

    def write(self, text: str) -> None:
        """Append a piece."""
        self.append(text)
        if len(self) > PIECES:
            self.join()

    def getvalue(self) -> str:
        """Return all of the text."""
        return "".join([*(self._blocks or ()), *self])

    def part(self, start: int, size: int) -> str:
        """Return up to ``size`` characters from ``start`` on, at a cost that does not depend on the text's length."""
        self.join()
        blocks = self._blocks or []
        first = min(start // _BLOCK, len(blocks))
        found = "".join([*blocks[first : (start + size) // _BLOCK + 1], *self])
        return found[start - first * _BLOCK :][:size]

    def cut(self, size: int) -> None:
        """Take away what follows the first ``size`` characters."""
        whole = size // _BLOCK
        self[:] = [self.part(whole * _BLOCK, size % _BLOCK)]
        self._blocks = (self._blocks or [])[:whole]

    def clear(self) -> None:
        """Take away all of the text."""
        super().clear()
        self._blocks = None

    def join(self) -> None:
        """Join the latest pieces."""
        text = "".join(self)
        if whole := len(text) // _BLOCK:
            self._blocks = self._blocks or []
            self._blocks += [text[at * _BLOCK : (at + 1) * _BLOCK] for at in range(whole)]
        self[:] = [text[whole * _BLOCK :]]

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: cls(_read(value)),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda buffer: _written(buffer.getvalue())),
        )
