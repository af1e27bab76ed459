"""Events that are like one before them but for a text, as nearly all events of a body are: only the text is decoded."""

import re
from dataclasses import dataclass

from pydantic_core import from_json

from streamfsm.wires.chat.reader import ChatCompletions
from streamfsm.wires.chat.shortcut import Plain

_PADDING = re.compile(rb'"(?:obfuscation|p)": ?("[^"\\]*")')  # against traffic analysis: another length in each event
_LARGEST = 4096  # bytes of an event that is learned
_TRIES = 8  # events that are learned in vain before no more are


@dataclass(slots=True)
class Template:
    """A plain event whose text, and padding if any comes after it, is left out: ``head "text" middle "padding" tail``.

    What lies between the parts is decoded as a JSON string. If it is one, the event is what was learned, with another
    text; if not, the event is read as a whole. So nothing is guessed, and decoding takes a third of its time
    (``benchmarks/wire.py``). Not kept in snapshots: it can be learned again.
    """

    _said: Plain | None = None
    _head: bytes = b""
    _middle: bytes = b""
    _tail: bytes | None = None
    """``None`` if there is no padding; then what follows the text is ``_middle``."""
    _tries: int = _TRIES

    def match(self, data: bytes) -> Plain | None:
        """What the event says, if it is like the one that was learned."""
        said, middle, tail = self._said, self._middle, self._tail
        if said is None or not data.startswith(self._head) or not data.endswith(middle if tail is None else tail):
            return None
        if tail is None:
            hole = data[len(self._head) : len(data) - len(middle)]
        else:
            hole, _, padding = data[len(self._head) : -len(tail)].partition(middle)
            if _string(padding) is None:
                return None
        text = _string(hole)
        if not text:
            return None
        self._tries = _TRIES
        return *said[:3], text

    def learn(self, data: bytes, said: Plain, source: ChatCompletions) -> None:
        """Be like this event from now on, taken as plain, if the text that it ``said`` stands in it as it is."""
        if not self._tries or len(data) > _LARGEST:
            return
        self._tries -= 1
        *where, text = said
        quoted = text.encode(errors="replace")
        head, _, rest = data.rpartition(b'"%b"' % quoted)
        padding = _PADDING.search(rest)
        middle, tail = (rest[: padding.start(1)], rest[padding.end(1) :]) if padding else (rest, None)
        # The proof that the text stands there: with another text there, and other padding, the event says that other
        # text and is the same otherwise.
        probe = b'%b"%b."%b' % (head, quoted, middle) + (b"" if tail is None else b'"."%b' % tail)
        try:
            proved = source.plain(from_json(probe)) == (*where, text + ".")
        except ValueError:
            proved = False
        if proved:
            self._said, self._head, self._middle, self._tail = said, head, middle, tail


def _string(data: bytes) -> str | None:
    """The string that the JSON text is, if it is one."""
    try:
        text = from_json(data)
    except ValueError:
        return None
    return text if type(text) is str else None
