"""``Buffer``: text that grows piece by piece, at the memory of the joined text; and what a snapshot holds of a text.

``Passing`` is a text of which only a digest stays, by which a text that is told again is known.
"""

import json
import re
from hashlib import blake2b
from typing import Annotated, Any, TypeAlias

from pydantic import GetCoreSchemaHandler, PlainSerializer, PlainValidator
from pydantic_core import CoreSchema, core_schema

from streamfsm.core.written_calls import LONGEST, written_call

PIECES = 128
"""Pieces that wait to be joined: of one character each, they take 57 bytes and more a character, joined 1 to 4."""
_BLOCK = 1 << 14
"""Characters of a block, which is not copied any more. So each character is copied a bounded number of times."""
_DIGEST_BLOCK = 1 << 10
"""Characters of a block of which a digest is made."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_DIGEST = re.compile("[0-9a-f]{32}|")


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

    @property
    def marker(self) -> str | None:
        """The marker of the first call that the text holds as text."""
        return written_call(self.getvalue())

    def begins(self, text: str, at: int) -> bool:
        """Whether ``text[at:]`` begins with this text, or is its beginning. No more is read than ``text`` is long."""
        return text.startswith(self.part(0, max(len(text) - at, 0)), at)

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
            lambda value: Passing.of(value) if isinstance(value, dict) and "digest" in value else cls(_read(value)),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda buffer: buffer.written()),
        )

    def written(self) -> Any:
        """Return what a snapshot holds."""
        return _written(self.getvalue())


class Passing(Buffer):
    """Text that passes: its size stays, a digest of it, and its last characters, at most some thousand.

    Its value is empty: nothing of it can be told again.
    """

    __slots__ = ("_digest", "_digested", "_marker", "_waiting")

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._digested = 0  # characters that only the digest knows
        self._digest = ""
        self._marker: str | None = None  # that of a call that begins in them
        self._waiting = 0
        self.append(text)

    @classmethod
    def of(cls, value: dict[str, Any]) -> "Passing":
        """Return the text of a snapshot.

        Raises:
            ValueError: it is none.
        """
        passing, rest, digested, marker = cls(), value.get("rest"), value.get("digested"), value.get("marker")
        if (
            value.keys() != {"digested", "digest", "marker", "rest"}
            or not (isinstance(rest, str) and isinstance(value["digest"], str) and type(digested) is int)
            or not (_DIGEST.fullmatch(value["digest"]) and digested >= 0 and digested % _DIGEST_BLOCK == 0)
            or bool(digested) != bool(value["digest"])
            or not (marker is None or (isinstance(marker, str) and digested and written_call(marker) == marker))
            or holds_half(rest)
        ):
            raise ValueError("not a text that passed")
        passing.append(rest)
        passing._digested, passing._digest, passing._marker = digested, value["digest"], marker
        return passing

    @property
    def size(self) -> int:
        """See :class:`Buffer`, as for all of them."""
        return self._digested + self._waiting

    @property
    def marker(self) -> str | None:
        """That of a call that began early, or of one in the last characters."""
        return self._marker or written_call("".join(self))

    @property
    def whole_digest(self) -> str:
        """The digest of all of the text."""
        self.join()
        return _digest_of(self._digest, "".join(self))

    def append(self, text: str) -> None:
        """Append a piece. The last one can be cut."""
        if self._waiting > 2 * _DIGEST_BLOCK:
            self.join()
        super().append(text)
        self._waiting += len(text)

    write = append

    def getvalue(self) -> str:
        """Return nothing."""
        return ""

    def begins(self, text: str, at: int) -> bool:
        """Whether ``text[at:]`` begins with this text. A beginning of it cannot be told from another text."""
        self.join()
        if len(text) - at < self.size:
            return len(text) == at
        known, end = "", at + self._digested
        for start in range(at, end, _DIGEST_BLOCK):
            known = _digest_of(known, text[start : start + _DIGEST_BLOCK])
        return known == self._digest and text.startswith("".join(self), end)

    def part(self, start: int, size: int) -> str:  # noqa: ARG002 - as of any buffer
        """Return nothing."""
        return ""

    def cut(self, size: int) -> None:
        """Take away the end of the last piece, or all of it."""
        more = self.size - size
        self._waiting -= more
        last = self.pop()
        super().append(last[: len(last) - more])

    def join(self) -> None:
        """Make the digest of all but the last characters, in which a call may have begun that still goes on."""
        text = "".join(self)
        whole = max(len(text) - LONGEST, 0) // _DIGEST_BLOCK * _DIGEST_BLOCK
        if whole and self._marker is None:
            self._marker = written_call(text, whole)
        for start in range(0, whole, _DIGEST_BLOCK):
            self._digest = _digest_of(self._digest, text[start : start + _DIGEST_BLOCK])
        self[:] = [text[whole:]]
        self._digested, self._waiting = self._digested + whole, len(text) - whole

    def written(self) -> Any:
        """Return what a snapshot holds: the same, however the text was cut."""
        self.join()
        return {"digested": self._digested, "digest": self._digest, "marker": self._marker, "rest": self[0]}


def _digest_of(before: str, text: str) -> str:
    """Return the digest of a text that follows the one with the digest ``before``."""
    return blake2b((before + text).encode(), digest_size=16).hexdigest()
