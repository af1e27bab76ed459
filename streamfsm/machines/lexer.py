"""The lexer: reads the arguments of a call as JSON. One per call, inside its scanner.

Its states are called modes. An event is a token: a character in its context (a comma in an object differs from a comma
in an array), or the end of a run. A token for which a mode has no row is `other`, a structural error; nothing after it
is read as JSON.

The scanner looks up the next mode in plain dictionaries made from the rows, because the engine that the other machines
share would take longer than the rest of a delta. The lexer emits nothing: the scanner reports what begins and ends in
the arguments to the tool-call machine, whose state is a function of the scanner's (`tests/test_lexer.py`).
"""

from collections.abc import Mapping
from itertools import product
from typing import Literal, TypeAlias, cast

from streamfsm.machines.declaration import Row, State
from streamfsm.machines.table import Table

Mode: TypeAlias = Literal[
    "start", "null", "after_null", "key_or_close", "key", "key_string", "colon", "value", "value_or_close", "string",
    "literal", "minus", "zero", "int", "point", "fraction", "exponent", "sign", "power", "after", "closed", "broken", "text",
]  # fmt: skip
Inside: TypeAlias = Literal["arguments", "object", "array"]
"""The innermost open bracket: that of the arguments themselves, or one within them."""

# fmt: off
_STATES = (
    State("start",          None, "before the brace that opens the arguments"),
    State("null",           None, "some servers send null if a call has no arguments"),
    State("after_null",     None, "only white space may follow"),
    State("key_or_close",   None, "an object has opened, which may be empty"),
    State("key",            None, "after a comma in an object, a key must follow"),
    State("key_string",     None, "inside a key"),
    State("colon",          None, "after a key, before its colon"),
    State("value",          None, "a value must follow"),
    State("value_or_close", None, "an array has opened, which may be empty"),
    State("string",         None, "inside a string"),
    State("literal",        None, "inside true, false or null"),
    State("minus",          None, "after a number's sign, a digit must follow"),
    State("zero",           None, "after a leading zero, no digit may follow"),
    State("int",            None, "digits before the point"),
    State("point",          None, "after a decimal point, a digit must follow"),
    State("fraction",       None, "digits after the point"),
    State("exponent",       None, "after the letter e, a digit must follow, or a sign and a digit"),
    State("sign",           None, "after an exponent's sign, a digit must follow"),
    State("power",          None, "digits of the exponent"),
    State("after",          None, "after a value, before a comma or the closing bracket"),
    State("closed",         None, "the arguments are complete; only white space may follow"),
    State("broken",         None, "not JSON; nothing more is read"),
    State("text",           None, "the input of a custom tool: any text, which is not parsed"),
)
_VALUE = (
    ("quote",   "string",         "a string opens"),
    ("brace",   "key_or_close",   "an object opens"),
    ("bracket", "value_or_close", "an array opens"),
    ("literal", "literal",        "true or false begins"),
    ("null",    "literal",        "null begins"),
    ("minus",   "minus",          "a negative number begins"),
    ("zero",    "zero",           "a number begins with its only digit before the decimal point"),
    ("digit",   "int",            "a number begins"),
)
_DIGITS = ("zero", "digit")
_SPACED = ("start", "after_null", "key_or_close", "key", "colon", "value", "value_or_close", "after", "closed")
_ROWS = (
    Row("start",          "brace",           "key_or_close", None, "the arguments are an object"),
    Row("start",          "null",            "null",         None, "null in place of the object"),
    Row("start",          "free_text",       "text",         None, "the tool takes text, not JSON"),
    Row("null",           "last_letter",     "after_null",   None, "null is complete"),
    Row("key_or_close",   "quote",           "key_string",   None, "the first key opens"),
    Row("key_or_close",   "closing",         "after",        None, "an empty object"),
    Row("key_or_close",   "last_brace",      "closed",       None, "empty arguments"),
    Row("key",            "quote",           "key_string",   None, "another key opens"),
    Row("key_string",     "quote",           "colon",        None, "the key closes"),
    Row("colon",          "colon",           "value",        None, "the key's value follows"),
    *(Row(mode, token, target, None, why) for mode in ("value", "value_or_close") for token, target, why in _VALUE),
    Row("value_or_close", "closing",         "after",        None, "an empty array"),
    Row("string",         "quote",           "after",        None, "the string closes"),
    Row("literal",        "last_letter",     "after",        None, "the word is complete"),
    Row("minus",          "zero",            "zero",         None, "the only digit before the decimal point"),
    Row("minus",          "digit",           "int",          None, "the first digit"),
    *(Row(mode, digit,      "int",      None, "another digit")           for mode, digit in product(["int"], _DIGITS)),
    *(Row(mode, "point",    "point",    None, "the fraction follows")    for mode in ("zero", "int")),
    *(Row(mode, digit,      "fraction", None, "a digit of the fraction") for mode, digit in product(["point", "fraction"], _DIGITS)),
    *(Row(mode, "letter_e", "exponent", None, "the exponent follows")    for mode in ("zero", "int", "fraction")),
    *(Row("exponent", sign, "sign",     None, "the exponent's sign")     for sign in ("plus", "minus")),
    *(Row(mode, digit,      "power",    None, "a digit of the exponent") for mode, digit in product(["exponent", "sign", "power"], _DIGITS)),
    *(Row(mode, "ended",    "after",    None, "a character that cannot continue a number ends it") for mode in ("zero", "int", "fraction", "power")),
    Row("after",          "comma_in_object", "key",          None, "another member"),
    Row("after",          "comma_in_array",  "value",        None, "another element"),
    Row("after",          "closing",         "after",        None, "the bracket closes, which also ends a value"),
    Row("after",          "last_brace",      "closed",       None, "the arguments close"),
    *(Row(mode, "space",   mode,       None, "white space is insignificant here") for mode in _SPACED),
    *(Row(mode, "other",   "broken",   None, "JSON cannot continue like this")
      for mode in ("start", "null", "after_null", "key_or_close", "key", "colon", "value", "value_or_close", "literal",
                   "minus", "point", "exponent", "sign", "after")),
    Row("closed",         "other",           "broken",       None, "more came after the complete arguments"),
)
# fmt: on

LEXER = Table(
    name="lexer",
    states=_STATES,
    final=("broken", "text"),
    events=tuple(dict.fromkeys(row.event for row in _ROWS)),
    rows=_ROWS,
    endings=(),  # the tool-call machine handles those of the stream
)

_TOKENS = {
    **dict(zip('{[":tfn', ("brace", "bracket", "quote", "colon", "literal", "literal", "null"), strict=True)),
    **dict(zip("0-.eE+", ("zero", "minus", "point", "letter_e", "letter_e", "plus"), strict=True)),
    **dict.fromkeys("123456789", "digit"),
}
_TOKENS_INSIDE: dict[Inside, dict[str, str]] = {
    "arguments": {**_TOKENS, "}": "last_brace", ",": "comma_in_object"},
    "object": {**_TOKENS, "}": "closing", ",": "comma_in_object"},
    "array": {**_TOKENS, "]": "closing", ",": "comma_in_array"},
}


def after(token: str) -> dict[Mode, Mode]:
    """Return, for each mode in which ``token`` is legal, the next mode."""
    return cast("dict[Mode, Mode]", {row.state: row.target for row in LEXER.rows if row.event == token})


def _next(tokens: Mapping[str, str]) -> dict[Mode, dict[str, Mode]]:
    following = {token: after(token) for token in LEXER.events}
    modes = cast("list[Mode]", [state.name for state in LEXER.states])
    return {
        mode: {char: following[token][mode] for char, token in tokens.items() if mode in following[token]}
        for mode in modes
    }


INSIDE = tuple(_TOKENS_INSIDE)
NEXT: tuple[Mapping[Mode, Mapping[str, Mode]], ...] = tuple(map(_next, _TOKENS_INSIDE.values()))
"""Innermost bracket, as its position in ``INSIDE``, mode and character → the next mode, if the character is a token."""
