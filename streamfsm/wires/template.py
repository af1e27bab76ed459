"""Events that are like one before them but for a text, as nearly all events of a body are: only the text is decoded."""

import re
from dataclasses import dataclass, replace
from typing import TypeAlias

from pydantic_core import from_json

from streamfsm.core.events import CallPiece, Handler, Recorder, Text
from streamfsm.wires.source import Source

_Learned: TypeAlias = Text | CallPiece

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

    _learned: _Learned | None = None
    _head: bytes = b""
    _middle: bytes = b""
    _tail: bytes | None = None
    """``None`` if there is no padding; then what follows the text is ``_middle``."""
    _tries: int = _TRIES

    def tell(self, data: bytes, to: Handler) -> bool:
        """Tell what the event says, if it is like the one that was learned; return whether it is."""
        learned, middle, tail = self._learned, self._middle, self._tail
        if learned is None or not data.startswith(self._head) or not data.endswith(middle if tail is None else tail):
            return False
        if tail is None:
            hole = data[len(self._head) : len(data) - len(middle)]
        else:
            hole, _, padding = data[len(self._head) : -len(tail)].partition(middle)
            if _string(padding) is None:
                return False
        text = _string(hole)
        if not text:
            return False
        self._tries = _TRIES
        if type(learned) is Text:
            to.text(learned.choice, learned.field, text)
        else:
            to.call(learned.choice, learned.wire_index, "", "", text)  # type: ignore[union-attr]
        return True

    def learn(self, data: bytes, chunk: object, source: Source) -> None:
        """Be like this event from now on, if the text that it says stands in it as it is.

        Args:
            data: the event.
            chunk: the wire object that it holds, of which ``source`` said that it says one text and nothing else.
            source: reads it again.
        """
        if not self._tries or len(data) > _LARGEST:
            return
        self._tries -= 1
        learned, text = _only_text(source, chunk)
        quoted = text.encode(errors="replace")
        head, _, rest = data.rpartition(b'"%b"' % quoted)
        padding = _PADDING.search(rest)
        middle, tail = (rest[: padding.start(1)], rest[padding.end(1) :]) if padding else (rest, None)
        # The proof that the text stands there: with another text there, and other padding, the event says that other
        # text and is the same otherwise.
        probe = b'%b"%b."%b' % (head, quoted, middle) + (b"" if tail is None else b'"."%b' % tail)
        try:
            proved = learned is not None and _only_text(source, from_json(probe)) == (learned, text + ".")
        except ValueError:
            proved = False
        if proved:
            self._learned, self._head, self._middle, self._tail = learned, head, middle, tail


def _only_text(source: Source, chunk: object) -> tuple[_Learned | None, str]:
    """The one text that a chunk says, for a lane that is known, and where it goes; ``None`` if it says more or less."""
    recorder = Recorder()
    source.read(chunk, recorder)
    match recorder.events:
        case [Text(text=text, cumulative=False) as learned]:
            return replace(learned, text=""), text
        case [
            CallPiece(
                wire_index=int(), id="", name="", arguments=text, entry=0, cumulative=False, extras=None, form="json"
            ) as learned
        ]:
            return replace(learned, arguments=""), text
    return None, ""


def _string(data: bytes) -> str | None:
    """The string that the JSON text is, if it is one."""
    try:
        text = from_json(data)
    except ValueError:
        return None
    return text if type(text) is str else None
