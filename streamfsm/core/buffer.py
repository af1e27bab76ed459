"""``Buffer``: text that grows piece by piece, in the memory of the joined text; and the form of a text in a snapshot.

``Passing`` is a text that is not kept: only its digest is, which recognises a text that is sent again.
"""

import json
import re
from hashlib import blake2b
from typing import Annotated, Any, TypeAlias

from pydantic import GetCoreSchemaHandler, PlainSerializer, PlainValidator
from pydantic_core import CoreSchema, core_schema

from streamfsm.core.written_calls import LONGEST, written_call

PIECES = 128
"""The most pieces before they are joined. A character in a piece of its own takes 57 bytes or more, joined 1 to 4."""
_BLOCK = 1 << 14
"""Characters of a block. Blocks are not copied again, so each character is copied a bounded number of times."""
_DIGEST_BLOCK = 1 << 10
"""Characters of a block for the digest, which is computed block by block."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_DIGEST = re.compile("[0-9a-f]{32}|")


def _whole(value: Any) -> str:
    if not isinstance(value, str) or holds_half(value):
        raise ValueError("not a text of whole characters")
    return value


def _read(value: Any) -> str:
    text = json.loads(value["escaped"]) if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise ValueError("not a text")  # noqa: TRY004 - pydantic reports a ValueError
    return text


def holds_half(text: str) -> bool:
    """Whether a text contains half of a surrogate pair."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def _written(text: str) -> str | dict[str, str]:
    """Return a text in a form that UTF-8 can represent: escaped if it contains half of a surrogate pair."""
    return text if not holds_half(text) else {"escaped": json.dumps(text)}


Half: TypeAlias = Annotated[str, PlainValidator(_read), PlainSerializer(_written)]
"""Text that may contain half of a surrogate pair, whose other half may come next."""


class Buffer(list[str]):
    """Text that grows. Appending costs the same at any size, unlike ``+=`` on an attribute that is a ``str``.

    With small pieces, ``io.StringIO`` would take 15 bytes a character on Python 3.10 and 3.11, and on any version four
    bytes after a ``seek``; this takes the memory of the text, and a few kilobytes. It is the list of the latest pieces,
    so a lane can ``append`` a delta without a Python call, and then ``join`` them if there are more than ``PIECES``.
    """

    __slots__ = ("_blocks",)

    def __init__(self, text: str = "") -> None:
        super().__init__([text] if text else ())
        self._blocks: list[str] | None = None  # all of _BLOCK characters

    @property
    def size(self) -> int:
        """The number of characters so far."""
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
    def whole_digest(self) -> str:
        """The digest of all of the text."""
        return Passing(self.getvalue()).whole_digest

    def is_the_same(self, other: "Buffer") -> bool:
        """Whether both hold the same text, which is not empty."""
        return 0 < self.size == other.size and self.whole_digest == other.whole_digest

    @property
    def marker(self) -> str | None:
        """The marker of the first call written as text; see :mod:`streamfsm.core.written_calls`."""
        return written_call(self.getvalue())

    def begins(self, text: str, at: int) -> bool:
        """Whether ``text[at:]`` begins with this text, or is its beginning. The cost is that of reading ``text``."""
        return text.startswith(self.part(0, max(len(text) - at, 0)), at)

    def part(self, start: int, size: int) -> str:
        """Return up to ``size`` characters from ``start`` on. The cost does not depend on the length of this text."""
        self.join()
        blocks = self._blocks or []
        first = min(start // _BLOCK, len(blocks))
        found = "".join([*blocks[first : (start + size) // _BLOCK + 1], *self])
        return found[start - first * _BLOCK :][:size]

    def cut(self, size: int) -> None:
        """Remove all but the first ``size`` characters."""
        whole = size // _BLOCK
        self[:] = [self.part(whole * _BLOCK, size % _BLOCK)]
        self._blocks = (self._blocks or [])[:whole]

    def clear(self) -> None:
        """Remove all of the text."""
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
            lambda value: Passing.of(value) if isinstance(value, dict) else cls(_whole(value)),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda buffer: buffer.written()),
        )

    def written(self) -> Any:
        """Return the form of the text in a snapshot."""
        return self.getvalue()


class Passing(Buffer):
    """Text that is not kept, except its size, a digest, and its last characters, a few thousand at most.

    Its value is empty.
    """

    __slots__ = ("_digest", "_digested", "_marker", "_waiting")

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._digested = 0  # the number of characters that are only in the digest
        self._digest = ""
        self._marker: str | None = None  # the marker of a call that begins in those characters
        self._waiting = 0  # the number of characters that are not in the digest yet
        self.append(text)

    @classmethod
    def of(cls, value: dict[str, Any]) -> "Passing":
        """Return a text from its form in a snapshot.

        Raises:
            ValueError: ``value`` is not such a form.
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
            raise ValueError("not a text that was not kept")
        passing.append(rest)
        passing._digested, passing._digest, passing._marker = digested, value["digest"], marker
        return passing

    @property
    def size(self) -> int:
        """See :class:`Buffer`."""
        return self._digested + self._waiting

    @property
    def marker(self) -> str | None:
        """The marker of the first call written as text."""
        return self._marker or written_call("".join(self), begins=not self._digested)

    @property
    def whole_digest(self) -> str:
        """The digest of all of the text."""
        self.join()
        return _digest_of(self._digest, "".join(self))

    def append(self, text: str) -> None:
        """Append a piece. Only the last piece can be cut again."""
        if self._waiting > 2 * _DIGEST_BLOCK:
            self.join()
        super().append(text)
        self._waiting += len(text)

    write = append

    def getvalue(self) -> str:
        """Return an empty string."""
        return ""

    def begins(self, text: str, at: int) -> bool:
        """Whether ``text[at:]`` begins with this text; ``False`` for a beginning of this text, which is not kept."""
        self.join()
        if len(text) - at < self.size:
            return len(text) == at
        known, end = "", at + self._digested
        for start in range(at, end, _DIGEST_BLOCK):
            known = _digest_of(known, text[start : start + _DIGEST_BLOCK])
        return known == self._digest and text.startswith("".join(self), end)

    def part(self, start: int, size: int) -> str:  # noqa: ARG002 - as of any buffer
        """Return an empty string."""
        return ""

    def cut(self, size: int) -> None:
        """Remove the end of the last piece, or all of that piece."""
        more = self.size - size
        self._waiting -= more
        last = self.pop()
        super().append(last[: len(last) - more])

    def join(self) -> None:
        """Digest all but the last characters, in which an incomplete call may have begun."""
        text = "".join(self)
        whole = max(len(text) - LONGEST, 0) // _DIGEST_BLOCK * _DIGEST_BLOCK
        if whole and self._marker is None:
            self._marker = written_call(text, whole, begins=not self._digested)
        for start in range(0, whole, _DIGEST_BLOCK):
            self._digest = _digest_of(self._digest, text[start : start + _DIGEST_BLOCK])
        self[:] = [text[whole:]]
        self._digested, self._waiting = self._digested + whole, len(text) - whole

    def written(self) -> Any:
        """Return the form of the text in a snapshot, which does not depend on how the text was cut."""
        self.join()
        return {"digested": self._digested, "digest": self._digest, "marker": self._marker, "rest": self[0]}


def _digest_of(before: str, text: str) -> str:
    """Return the digest of a text that follows the one with the digest ``before``."""
    return blake2b((before + text).encode(), digest_size=16).hexdigest()
