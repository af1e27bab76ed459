"""Every place of a parser's state that can hold more than one value: found by walking all objects it reaches."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from streamfsm import Dialect, Limits
from streamfsm.core.captured import Captured, Channels
from streamfsm.core.lanes import LanePolicy
from streamfsm.core.run import Options

SHARED = (Captured, Channels, LanePolicy, Options, Dialect, Limits)
"""What streams share, or the caller gave: immutable."""
GROWS = (str, bytes, bytearray, list, dict, set, tuple)
SAYS = re.compile(r"\b(str|bytes|bytearray|list|dict|set|tuple|Any|Buffer|Half|Extras|_\w+|Mapping|Stamps)\b")
"""Names in annotations of what grows; those of our own aliases too."""


def _attributes(each: Any) -> Iterator[tuple[str, Any]]:
    names = {*getattr(each, "__dict__", ())}
    for kind in type(each).__mro__:
        names |= {
            *(
                [kind.__slots__]
                if isinstance(kind.__dict__.get("__slots__"), str)
                else kind.__dict__.get("__slots__", ())
            )
        }
    return ((name, getattr(each, name)) for name in sorted(names) if name != "__weakref__" and hasattr(each, name))


def places(root: Any) -> set[str]:
    """``Class.attribute`` of all that grows, or could by its annotation, below ``root``."""
    found: set[str] = set()
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, (*SHARED, type)):
            continue
        seen.add(id(each))
        if isinstance(each, dict):
            waiting += [*each.keys(), *each.values()]
        if isinstance(each, list | tuple | set):
            waiting += each
        if not type(each).__module__.startswith("streamfsm."):
            continue
        if type(each).__module__.startswith(("streamfsm.machines", "streamfsm.messages", "streamfsm.boundaries")):
            continue
        name = type(each).__name__
        if is_dataclass(each):
            found |= {f"{name}.{one.name}" for one in fields(each) if SAYS.search(str(one.type))}
        for attribute, value in _attributes(each):
            if isinstance(value, GROWS):
                found.add(f"{name}.{attribute}")
            waiting.append(value)
    return found
