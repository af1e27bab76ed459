"""Checks the laws of growing arguments, for any parser that shows a call's arguments while they stream."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from streamfsm.builder import ArgumentBuilder
from streamfsm.channels import Channel
from streamfsm.core.text import without_surrogates
from streamfsm.parser import StreamParser
from streamfsm.testing.reports import LawBroken


class Growing(Protocol):
    """A parser of one call's arguments."""

    def feed(self, piece: str, /) -> Any:
        """Read the next piece of the text; return the arguments as far as they are known, ``None`` if nothing is."""


ParseArguments: TypeAlias = Callable[[], Growing]
"""Returns a new parser of one call's arguments."""


class GrowingArguments:
    """This library's parser: ``Channel("$..*")`` with an :class:`~streamfsm.ArgumentBuilder`."""

    def __init__(self) -> None:
        self._parser = StreamParser(channels=[Channel("$..*")], inner_thoughts_kwarg=None, assistant_tool=None)
        self._builder = ArgumentBuilder()
        self._entry: dict[str, Any] = {"index": 0, "id": "call_1", "function": {"name": "f"}}

    def feed(self, piece: str) -> Any:
        """See :class:`Growing`."""
        self._entry.setdefault("function", {})["arguments"] = piece
        delta = {"tool_calls": [self._entry]}
        for message in self._parser.feed({"choices": [{"index": 0, "delta": delta}]}):
            self._builder.apply(message)
        self._entry = {"index": 0}
        return self._builder.value


def grows_into(value: Any, later: Any) -> bool:
    """Whether ``later`` is ``value`` or extends it: longer strings and arrays, more members, and nothing changed."""
    match value:
        case str():
            return isinstance(later, str) and later.startswith(value)
        case dict():
            return isinstance(later, dict) and all(key in later and grows_into(value[key], later[key]) for key in value)
        case list():
            return isinstance(later, list) and len(value) <= len(later) and all(map(grows_into, value, later))
    return type(value) is type(later) and bool(value == later)


def check_channels(parse: ParseArguments, arguments: str, *cuts: Sequence[str]) -> None:
    """Check the laws of growing arguments on one text, a valid object without repeated keys.

    *Patches compose*: at the end, the arguments equal the result of ``json.loads``. *Monotone*: nothing that was shown
    is retracted. *Append-only*: no lone surrogate is shown. *Split invariance*: what is shown after some text does not
    depend on how that text was cut.

    Args:
        parse: returns a new parser.
        arguments: the text; a lone surrogate in it must be read as U+FFFD.
        cuts: ways to cut it; by default, in one piece, by character, and in two pieces at every place.

    Raises:
        LawBroken: the parser breaks a law.
    """
    expected = json.loads(without_surrogates(json.dumps(json.loads(arguments), ensure_ascii=False)))
    places = range(1, len(arguments))
    shown: dict[str, Any] = {}  # text so far, as JSON → the arguments so far
    for pieces in cuts or ([arguments], [*arguments], *([arguments[:at], arguments[at:]] for at in places)):
        parser, so_far, before = parse(), "", None
        for number, piece in enumerate(pieces, 1):
            so_far += piece
            now = json.dumps(parser.feed(piece))  # a copy, because the parser may change its value
            value = json.loads(now)
            if without_surrogates(text := json.dumps(value, ensure_ascii=False)) != text:
                raise _broken("append-only", f"piece {number} shows a lone surrogate: {now}", pieces)
            if before is not None and not grows_into(before, value):
                raise _broken("monotone", f"piece {number} retracts\n    {json.dumps(before)}\n    for {now}", pieces)
            if shown.setdefault(so_far, value) != value:
                detail = f"after {so_far!r}\n    is   {now}\n    not  {json.dumps(shown[so_far])}"
                raise _broken("split invariance", detail, pieces)
            before = value
        if before != expected:
            detail = f"at the end\n    is   {json.dumps(before)}\n    not  {json.dumps(expected)}"
            raise _broken("patches compose", detail, pieces)


def _broken(law: str, detail: str, pieces: Sequence[str]) -> LawBroken:
    return LawBroken(law, detail, list(pieces))
