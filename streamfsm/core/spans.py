"""Spans of JSON: members of an object or elements of an array in a row, all of them whole in one piece of text.

A regular expression reads a span at once; step by step it would take up to ten times as long. It takes less than the
scanner does: strict JSON only, values nested no deeper than ``_LEVELS``, no long string. Whatever else there is ends
the span, and the scanner goes on from there in steps. So a span decides nothing. An expression is made when it is first
needed: that takes 2 ms.
"""

import re
from functools import cache

LONGEST = 1024
"""Characters of a span: until it ends, each token in it costs some 200 bytes."""
SHORTEST = 16
"""Characters that are left of a piece; in fewer, looking for a span costs more than it saves."""
_LEVELS = 2
"""Each level more doubles the expressions."""

_SPACE = r"[ \t\n\r]*"
_PLAIN = r'[^"\\\x00-\x1f]{0,255}'  # what is longer takes few steps, and would be read in vain where its end is missing
_STRING = rf'"{_PLAIN}(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{{4}}){_PLAIN})*"'
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_KEY = rf"{_STRING}{_SPACE}:{_SPACE}"


def _member_and_element(levels: int) -> tuple[str, str]:
    """Return what matches each with the comma after it, or right before the bracket that closes.

    What follows the comma must be seen, and not close: where the text or the span ends, that is not known.
    """
    value = f"{_STRING}|{_NUMBER}|true|false|null"
    if levels:
        member, element = _member_and_element(levels - 1)
        value += rf"|\{{{_SPACE}(?:{member})*\}}|\[{_SPACE}(?:{element})*\]"
    value = f"(?:{value}){_SPACE}"
    return rf'{_KEY}{value}(?:,{_SPACE}(?=")|(?=\}}))', rf"{value}(?:,{_SPACE}(?=[^\]}}])|(?=\]))"


@cache
def members() -> re.Pattern[str]:
    """Members, and the key and colon of one that is not whole; where a key may be. It may be empty."""
    member, _ = _member_and_element(_LEVELS)
    return re.compile(rf"(?:{member})*(?P<key>{_KEY})?")


@cache
def elements() -> re.Pattern[str]:
    """Elements, where one may be. It may be empty."""
    _, element = _member_and_element(_LEVELS)
    return re.compile(rf"(?:{element})*")
