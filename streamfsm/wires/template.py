"""A short cut for events that differ from an earlier one only in a text, as nearly all do: only the text is decoded."""

import re
from dataclasses import dataclass, replace
from typing import TypeAlias

from pydantic_core import from_json

from streamfsm.core.events import CallPiece, Handler, Recorder, Text
from streamfsm.wires.source import Source

_Learned: TypeAlias = Text | CallPiece

_PADDING = re.compile(rb'"(?:obfuscation|p)": ?("[^"\\]*")')  # against traffic analysis; its length varies
_LARGEST = 4096  # bytes of an event that is learned
_TRIES = 8  # events that are learned in vain before learning stops


@dataclass(slots=True)
class Template:
    """A plain event without its text, and without padding after it, if any: ``head "text" middle "padding" tail``.

    The text between the parts is decoded as a JSON string. If that works, the event is the learned one with another
    text; if not, the event is read in full. So nothing is guessed, and decoding takes a third of its time
    (``benchmarks/wire.py``). Snapshots do not keep the template: it can be learned again.
    """

    _learned: _Learned | None = None
    _head: bytes = b""
    _middle: bytes = b""
    _tail: bytes | None = None
    """``None`` if there is no padding; then all that follows the text is in ``_middle``."""
    _tries: int = _TRIES

    def tell(self, data: bytes, to: Handler) -> bool:
        """Pass on the text of an event that is like the learned one; return whether it is."""
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
            to.text(learned.choice, learned.field, text, False, learned.part)
        else:
            to.call(learned.choice, learned.wire_index, "", "", text)  # type: ignore[union-attr]
        return True

    def learn(self, data: bytes, chunk: object, source: Source) -> None:
        """Learn this event, if its text stands in it verbatim.

        Args:
            data: the event.
            chunk: the wire object that it holds, which ``source`` found to be plain.
            source: the reader, which reads the chunk again.
        """
        if not self._tries or len(data) > _LARGEST:
            return
        self._tries -= 1
        learned, text = _only_text(source, chunk)
        quoted = text.encode(errors="replace")
        head, _, rest = data.rpartition(b'"%b"' % quoted)
        padding = _PADDING.search(rest)
        middle, tail = (rest[: padding.start(1)], rest[padding.end(1) :]) if padding else (rest, None)
        # The proof that the text stands there: with another text in that place, and other padding, the event gives the
        # other text, and is otherwise the same.
        probe = b'%b"%b."%b' % (head, quoted, middle) + (b"" if tail is None else b'"."%b' % tail)
        try:
            proved = learned is not None and _only_text(source, from_json(probe)) == (learned, text + ".")
        except ValueError:
            proved = False
        if proved:
            self._learned, self._head, self._middle, self._tail = learned, head, middle, tail


def _only_text(source: Source, chunk: object) -> tuple[_Learned | None, str]:
    """Return where a plain chunk's text goes, and the text; ``None`` if the chunk is not plain."""
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
    """Return the decoded string, if the JSON text is one."""
    try:
        text = from_json(data)
    except ValueError:
        return None
    return text if type(text) is str else None
