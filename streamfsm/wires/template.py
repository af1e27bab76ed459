"""A short cut for events that differ from an earlier one only in a text, as nearly all do: only the text is decoded."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from pydantic_core import from_json

from streamfsm.core.events import CallPiece, Handler, Recorder, Text
from streamfsm.wires.source import Source

_Learned: TypeAlias = Text | CallPiece
_Check: TypeAlias = Callable[[bytes], object]
_Hole: TypeAlias = tuple[int, int, _Check | None, bytes]
"""Where a hole begins and ends, the check of what stands in it, and another value."""

_LARGEST = 4096  # bytes of an event that is learned
_TRIES = 8  # events that are learned in vain before learning stops


# What else differs from event to event, and says nothing: padding against traffic analysis, whose length varies, and
# the number of the event. Each with the check of what stands there, and another value for the proof.
_LOOSE: tuple[tuple[re.Pattern[bytes], _Check, bytes], ...] = (
    (re.compile(rb'"(?:obfuscation|p)": ?("[^"\\]*")'), re.compile(rb'"[ !#-\[\]-~]*"').fullmatch, b'"."'),
    (re.compile(rb'"sequence_number": ?(\d+)'), re.compile(rb"0|[1-9]\d*").fullmatch, b"1234567"),
)


@dataclass(slots=True)
class Template:
    """A plain event without its text, and without what else differs and says nothing: holes between fixed bytes.

    What stands in the text's hole is decoded as a JSON string. If that works, the event is the learned one with another
    text; if not, the event is read in full. So nothing is guessed, and decoding takes a third of its time
    (``benchmarks/wire.py``). Snapshots do not keep the template: it can be learned again.
    """

    _learned: _Learned | None = None
    _head: bytes = b""
    _holes: tuple[tuple[_Check | None, bytes], ...] = ()
    """For each hole, the check of what stands in it (``None`` for the text), and the bytes up to the next hole."""
    _tail: bytes = b""
    _tries: int = _TRIES

    def tell(self, data: bytes, to: Handler) -> bool:
        """Pass on the text of an event that is like the learned one; return whether it is."""
        learned, text = self._learned, None
        if learned is None or not data.startswith(self._head) or not data.endswith(self._tail):
            return False
        rest = data[len(self._head) : len(data) - len(self._tail)]
        for check, between in self._holes:
            hole = rest
            if between:
                hole, _, rest = rest.partition(between)
            if check is None:
                try:
                    text = from_json(hole)
                except ValueError:
                    return False
            elif not check(hole):
                return False
        if type(text) is not str or not text:
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
        quoted = b'"%b"' % text.encode(errors="replace")
        at = data.rfind(quoted)
        if learned is None or at < 0:
            return
        holes: list[_Hole] = [(at, at + len(quoted), None, quoted[:-1] + b'."')]
        for pattern, check, other in _LOOSE:
            if found := pattern.search(data):
                holes.append((*found.span(1), check, other))
        holes.sort(key=lambda hole: hole[0])
        ends = [*(start for start, *_ in holes[1:]), len(data)]
        fixed = [data[end:following] for (_, end, *_), following in zip(holes, ends, strict=True)]
        head, tail = data[: holes[0][0]], fixed[-1]
        # The proof that the text stands there: with other values in all holes, the event gives the other text, and is
        # otherwise the same.
        probe = head + b"".join(other + between for (*_, other), between in zip(holes, fixed, strict=True))
        try:
            proved = _only_text(source, from_json(probe)) == (learned, text + ".")
        except ValueError:
            proved = False
        if proved:
            checks = [check for *_, check, _ in holes]
            self._learned, self._head, self._tail = learned, head, tail
            self._holes = tuple(zip(checks, [*fixed[:-1], b""], strict=True))


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
