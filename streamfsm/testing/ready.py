"""Checks law 10: a ready call is exactly what the model wrote, under all quirks and damage."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from streamfsm.core.text import without_surrogates
from streamfsm.testing.laws import Logical
from streamfsm.testing.parsers import Parse
from streamfsm.testing.reports import LawBroken
from streamfsm.testing.runs import SECONDS, run
from streamfsm.testing.streams import Stream
from streamfsm.wires.chat.chunking import Chunk

Ready: TypeAlias = Callable[[Any], Iterable[tuple[str, str]]]
"""Returns, from a parser's result, the name and arguments of each call that may be run."""


def ready_calls(result: Any) -> list[tuple[str, str]]:
    """Return the ready calls of a :class:`streamfsm.StreamResult`, in all choices."""
    return [(call.name, call.arguments) for choice in result.choices for call in choice.tool_calls if call.ready]


def check_ready_is_true(
    parse: Parse,
    stream: Logical,
    *variants: Sequence[Chunk],
    ready: Ready = ready_calls,
    seconds: float = SECONDS,
) -> None:
    """Check that each ready call has the name and arguments of a call in the stream, and comes no more often.

    Nothing else is checked: a parser without any ready call passes. Arguments are compared as JSON values; missing
    arguments, ``null`` and an object without members are equal.

    Args:
        parse: returns a new parser.
        stream: the stream.
        variants: chunks that say the same with :data:`streamfsm.testing.QUIRKS` of any kind, or damaged by a
            :class:`streamfsm.testing.Fault`.
        ready: returns the calls of a result that may be run.
        seconds: the time after which the parser counts as hanging.
    """
    logical = Stream.of(stream)
    texts = logical.said()
    made = Counter(
        (name, _value(texts.get(("arguments", key), ""))) for (kind, key), name in texts.items() if kind == "name"
    )
    for chunks in variants or (logical.plain(),):
        found = run(parse, chunks, read=_nothing, seconds=seconds)
        wrong = Counter((name, _value(arguments)) for name, arguments in ready(found.result)) - made
        if wrong:
            calls = "".join(f"\n    {name}({arguments})" for name, arguments in wrong.elements())
            raise LawBroken(
                "ready is true", f"ready, but not made by the model:{calls}", chunks, stream=logical, logs=[found.trace]
            )


def _nothing(_: Any) -> tuple[()]:
    return ()


def _value(arguments: str) -> str:
    """Return canonical JSON of the value; text that is not JSON is returned with surrogate pairs joined."""
    try:
        value = json.loads(arguments) if arguments.strip() else None
    except (RecursionError, ValueError):
        return without_surrogates(arguments)
    return without_surrogates(json.dumps({} if value is None else value, sort_keys=True, ensure_ascii=False))
