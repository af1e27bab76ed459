"""Spans of JSON: consecutive members of an object or elements of an array that are complete in one piece of text.

A regular expression reads a span at once; step by step it would take up to ten times as long. It accepts less than the
scanner does: strict JSON only, values nested no deeper than ``_LEVELS``, no long strings. Anything else ends the span,
and the scanner continues from there in steps, so a span never decides that there is an error. An expression is compiled
when it is first needed, because that takes 2 ms.
"""

import re
from functools import cache

LONGEST = 1024
"""The most characters of a span. Each token takes some 200 bytes until the match ends."""
SHORTEST = 16
"""Characters that must be left of a piece; with fewer, looking for a span costs more than it saves."""
_LEVELS = 2
"""The deepest nesting of values. Each further level doubles the size of the expressions."""

_SPACE = r"[ \t\n\r]*"
_PLAIN = r'[^"\\\x00-\x1f]{0,255}'  # a longer string takes few steps, and would be read in vain if its end is missing
_STRING = rf'"{_PLAIN}(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{{4}}){_PLAIN})*"'
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_KEY = rf"{_STRING}{_SPACE}:{_SPACE}"


def _member_and_element(levels: int) -> tuple[str, str]:
    """Return expressions for a member and an element, each with the comma after it, or before the closing bracket.

    What follows the comma must be in the text, and must not be a closing bracket, which would be an error.
    """
    value = f"{_STRING}|{_NUMBER}|true|false|null"
    if levels:
        member, element = _member_and_element(levels - 1)
        value += rf"|\{{{_SPACE}(?:{member})*\}}|\[{_SPACE}(?:{element})*\]"
    value = f"(?:{value}){_SPACE}"
    return rf'{_KEY}{value}(?:,{_SPACE}(?=")|(?=\}}))', rf"{value}(?:,{_SPACE}(?=[^\]}}])|(?=\]))"


@cache
def members() -> re.Pattern[str]:
    """Match members where a key may begin, then perhaps the key and colon of an incomplete one. May match nothing."""
    member, _ = _member_and_element(_LEVELS)
    return re.compile(rf"(?:{member})*(?P<key>{_KEY})?")


@cache
def elements() -> re.Pattern[str]:
    """Match elements where one may begin. May match nothing."""
    _, element = _member_and_element(_LEVELS)
    return re.compile(rf"(?:{element})*")
