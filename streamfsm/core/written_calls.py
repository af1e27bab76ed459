"""Recognises calls that arrive as text because the server did not parse them. They are recorded, not parsed.

Each model family has its own syntax for calls, which its server turns into ``tool_calls``. If that failed, guessing
which text is a call could run something that nobody called. So only unmistakable calls are found, and only recorded.
"""

import re

# Matches have a bounded length. A tag that people also write about counts only if the beginning of a call follows it.
# Each alternative begins with a literal, which makes the search fast.
_CALLS = re.compile(
    r"""
      <(?:[a-z]{1,16}[:_])?(?:tool_calls?|function_calls?|functioncall|invoke|tool_use|TOOLCALL)>
        (?:\s{0,9}[{\[<]|[\w.-]{1,64}(?:\(|\s{0,9}[{<]))
    | <(?:function|invoke|tool_call)(?:[ ]name)?=["']?[\w.-]
    | <start_function_call>
    | <longcat_tool_call>\s{0,9}[\w{[]
    | <tool_code>\s{0,9}[\w.]{1,64}\(
    | ```tool_code\s{1,9}[\w.]{1,64}\(
    | ✿FUNCTION✿:?\s{0,9}[\w.-]
    | <\|(?:tool[_▁]?calls?|tools_prefix|action|START_ACTION|plugin|python_tag|functions?)[\w▁]{0,32}\|>
    | <\|tool_call>call:\w
    | <\|(?:channel|constrain|recipient|call)\|>
    | <｜[^<>]{0,32}(?:tool▁call|function_call|tool_call|invoke)
    | \[TOOL_(?:CALLS|REQUEST)\]
    | to=functions\.\w
    | functools\[\{
    """,
    re.VERBOSE,
)
# An object without any tag, as Llama writes a call. Others write `arguments`, which answers in JSON have as well.
_BARE = re.compile(
    r"""\s{0,9}\{\s{0,9}(?:"type"\s{0,9}:\s{0,9}"function"\s{0,9},\s{0,9})?"name"\s{0,9}:\s{0,9}"[\w.-]{1,64}"\s{0,9},\s{0,9}"""
    r""""parameters"\s{0,9}:\s{0,9}\{"""
)
_MARKER = re.compile(
    r"<\||\|>|<｜|｜>|\bto=functions\.|\bfunction=|\[TOOL_|\[/?[A-Z_]{3,16}\]|[\x00-\x1f]"
    r"|</?(?:[a-z]{1,16}[:_])?(?:tool_calls?|function_calls?|functioncall|function|invoke|tool_use|TOOLCALL|parameter)>"
    r"|</?(?:arg_key|arg_value|think|end_of_turn|s)>"
)


LONGEST = 256
"""A marker, with what must follow it, is shorter than this."""


def written_call(text: str, before: int | None = None, *, begins: bool = True) -> str | None:
    """Return the marker of the first call in the text that begins ``before`` an index; ``None`` if there is none.

    A call without a tag is found only at the beginning of an answer, if the text ``begins`` it.
    """
    found = (_BARE.match(text) if begins else None) or _CALLS.search(text)
    return found[0] if found and (before is None or found.start() < before) else None


def holds_marker(name: str) -> bool:
    """Whether a tool's name contains a marker of the model's template, such as ``<|channel|>``, or a line end."""
    return _MARKER.search(name) is not None
