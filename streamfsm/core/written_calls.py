"""Calls that a model wrote as text, because its server did not parse them. They are recorded, not parsed.

Every model family writes calls in its own way, which its server knows and turns into ``tool_calls``. Where that failed,
guessing which text is a call could run something that nobody called. So only a plain call is found, and only recorded.
"""

import re

# Matches are bounded. A tag that people also write about counts only if the beginning of a call follows it. Each
# alternative begins with a literal, which makes the search fast.
_CALLS = re.compile(
    r"""
      <(?:[a-z]{1,16}[:_])?(?:tool_calls?|function_calls?|functioncall|invoke|tool_use|TOOLCALL)>
        (?:\s{0,9}[{\[<]|[\w.-]{1,64}\s{0,9}[{<])
    | <(?:function|invoke|tool_call)(?:[ ]name)?=["']?[\w.-]
    | <start_function_call>
    | <\|(?:tool[_▁]?calls?|action|START_ACTION|plugin|python_tag|functions?)[\w▁]{0,32}\|>
    | <\|(?:channel|constrain|recipient|call)\|>
    | <｜[^<>]{0,32}(?:tool▁call|function_call|tool_call|invoke)
    | \[TOOL_(?:CALLS|REQUEST)\]
    | to=functions\.\w
    | functools\[\{
    """,
    re.VERBOSE,
)
_MARKER = re.compile(r"<\||\|>|<｜|｜>|\bto=functions\.")


LONGEST = 256
"""No marker has as many characters, with what must follow it."""


def written_call(text: str, before: int | None = None) -> str | None:
    """Return the marker of the first call that the text plainly holds, if any; one that begins ``before`` an index."""
    found = _CALLS.search(text)
    return found[0] if found and (before is None or found.start() < before) else None


def holds_marker(name: str) -> bool:
    """Whether a tool's name holds a marker of the model's template, such as ``<|channel|>``."""
    return _MARKER.search(name) is not None
