"""``LawBroken``: a report about a broken law, for people to read."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from streamfsm.testing.streams import Stream, shown
from streamfsm.trace import Transition

_MOST = 60  # lines of one section; a finding that was made smaller has fewer


class LawBroken(AssertionError):  # noqa: N818 - it says what happened
    """A parser breaks a law. The text is a report: what broke it, the logical stream, the chunkings and the logs.

    Attributes:
        law: the law's name.
        detail: what broke it, and where.
        chunks: the chunks of the chunking that broke it.
        guilty: the number, from 1, of the chunk at which it showed, which is marked by an arrow; ``None``: the end.
        quirks: the names of the quirks with which :func:`streamfsm.testing.fuzz` changed the recording.
        fault: what it let go wrong with the recording, in words; ``None``: nothing.
    """

    def __init__(
        self,
        law: str,
        detail: str,
        chunks: Sequence[Any],
        *,
        stream: Stream | None = None,
        expected: Sequence[Any] | None = None,
        logs: Sequence[Sequence[Any]] = (),
        guilty: int | None = None,
    ) -> None:
        self.law: str = law
        self.detail: str = detail
        self.chunks: list[Any] = list(chunks)
        self.guilty: int | None = guilty
        self.quirks: list[str] = []
        self.fault: str | None = None
        sections = {"the logical stream": stream.lines()} if stream else {}
        if expected is not None:
            sections[f"A, {_count(expected)}"] = _numbered(expected)
        sections[f"{'B, ' if expected is not None else ''}{_count(chunks)}"] = _numbered(chunks, guilty)
        if any(logs):
            sections["transitions"] = side_by_side(*([_step(step) for step in log] for log in logs))
        super().__init__("\n\n".join([self._title, *_written(sections)]))

    @property
    def _title(self) -> str:
        return f"{self.law} is broken: {self.detail}"

    def with_changes(self, quirks: Sequence[str], fault: str | None) -> "LawBroken":
        """Add to the report what is not in the recording, but was done to it; return this finding."""
        self.quirks, self.fault = list(quirks), fault
        lines = [*(f"another server is imitated: {name}" for name in quirks), *([f"a fault: {fault}"] if fault else ())]
        if lines:
            [section] = _written({"not in the recording": lines})
            self.args = (f"{self._title}\n\n{section}{str(self).removeprefix(self._title)}",)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (type(self), str(self), vars(self))


def _unpickled(cls: type[LawBroken], text: str, fields: dict[str, Any]) -> LawBroken:
    broken = cls.__new__(cls, text)
    vars(broken).update(fields)
    return broken


def _written(sections: Mapping[str, list[str]]) -> Iterable[str]:
    for title, lines in sections.items():
        shown = lines
        if len(lines) > _MOST:
            half = _MOST // 2
            shown = [*lines[:half], f"… {len(lines) - _MOST} more …", *lines[-half:]]
        yield "\n    ".join([f"{title}:", *shown])


def _count(chunks: Sequence[Any]) -> str:
    return f"{len(chunks)} chunk{'' if len(chunks) == 1 else 's'}"


def _numbered(chunks: Sequence[Any], guilty: int | None = None) -> list[str]:
    return [f"{number:2} {'→' if number == guilty else ' '}{shown(chunk)}" for number, chunk in enumerate(chunks, 1)]


def _step(step: Any) -> str:
    if isinstance(step, Transition):
        return f"{step.lane}: {step.state} –{step.event}→ {step.target}"
    return str(step)


def side_by_side(*columns: Sequence[str]) -> list[str]:
    """Return the lines of the columns side by side; lines in which columns differ are marked."""
    widths = [max(map(len, column), default=0) for column in columns]
    lines = []
    for row in zip_longest(*columns, fillvalue=""):
        mark = "≠ " if len(set(row)) > 1 else "  "
        lines.append((mark + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip())
    return lines


def difference(one: Any, other: Any, where: str = "result") -> str:
    """Return the first place where two results differ, with both values."""
    for step, left, right in _members(one, other):
        if left != right:
            return difference(left, right, where + step)
    return f"{where}\n    A  {one!r}\n    B  {other!r}"


def _members(one: Any, other: Any) -> Iterable[tuple[str, Any, Any]]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return [(f"[{key!r}]", one.get(key), other.get(key)) for key in [*one, *other]]
    if isinstance(one, list) and isinstance(other, list):
        return [(f"[{at}]", *pair) for at, pair in enumerate(zip_longest(one, other))]
    return []
