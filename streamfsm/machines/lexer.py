"""The lexer: how the arguments of a call are read as JSON. One per call, inside its scanner.

Its states are called modes. An event is a token: a character in its context (a comma in an object differs from a comma
in an array), or the end of a run. A token for which a mode has no row is `other`: a structural error, after which
nothing is read as JSON any more.

The scanner looks up each next mode in plain dictionaries that are made from the rows, because the engine that the other
machines share would cost more than the rest of a delta. The lexer emits nothing: the scanner reports what begins and
ends in the arguments to the tool-call machine, whose state is a function of the scanner's (`tests/test_lexer.py`).
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
    State("null",           None, "some servers write null where a call has no arguments"),
    State("after_null",     None, "only white space may follow"),
    State("key_or_close",   None, "an object has opened, which may be empty"),
    State("key",            None, "a comma in an object promises another key"),
    State("key_string",     None, "inside a key"),
    State("colon",          None, "a key is closed, and its value is announced"),
    State("value",          None, "a value must follow"),
    State("value_or_close", None, "an array has opened, which may be empty"),
    State("string",         None, "inside a string"),
    State("literal",        None, "inside true, false or null"),
    State("minus",          None, "a number's sign needs a digit"),
    State("zero",           None, "no digit may follow a leading zero"),
    State("int",            None, "digits before the point"),
    State("point",          None, "a point needs a digit"),
    State("fraction",       None, "digits after the point"),
    State("exponent",       None, "an exponent needs a digit, or a sign and a digit"),
    State("sign",           None, "an exponent's sign needs a digit"),
    State("power",          None, "digits of the exponent"),
    State("after",          None, "a value is over: another one, or the bracket closes"),
    State("closed",            None, "the arguments are whole; only white space may follow"),
    State("broken",         None, "not JSON; nothing is read any more"),
    State("text",           None, "the input of a custom tool: any text, which is not parsed"),
)
_VALUE = (
    ("quote",   "string",         "a string opens"),
    ("brace",   "key_or_close",   "an object opens"),
    ("bracket", "value_or_close", "an array opens"),
    ("literal", "literal",        "true or false begins"),
    ("null",    "literal",        "null begins"),
    ("minus",   "minus",          "a negative number begins"),
    ("zero",    "zero",           "a number begins with its only digit before the point"),
    ("digit",   "int",            "a number begins"),
)
_DIGITS = ("zero", "digit")
_SPACED = ("start", "after_null", "key_or_close", "key", "colon", "value", "value_or_close", "after", "closed")
_ROWS = (
    Row("start",          "brace",           "key_or_close", None, "the arguments are an object"),
    Row("start",          "null",            "null",         None, "null in its place"),
    Row("start",          "free_text",       "text",         None, "the tool takes text, not JSON"),
    Row("null",           "last_letter",     "after_null",   None, "null is whole"),
    Row("key_or_close",   "quote",           "key_string",   None, "the first key opens"),
    Row("key_or_close",   "closing",          "after",        None, "an empty object"),
    Row("key_or_close",   "last_brace",      "closed",          None, "empty arguments"),
    Row("key",            "quote",           "key_string",   None, "another key opens"),
    Row("key_string",     "quote",           "colon",        None, "the key closes"),
    Row("colon",          "colon",           "value",        None, "the key's value is next"),
    *(Row(mode, token, target, None, why) for mode in ("value", "value_or_close") for token, target, why in _VALUE),
    Row("value_or_close", "closing",          "after",        None, "an empty array"),
    Row("string",         "quote",           "after",        None, "the string closes"),
    Row("literal",        "last_letter",     "after",        None, "the word is whole"),
    Row("minus",          "zero",            "zero",         None, "the only digit before the point"),
    Row("minus",          "digit",           "int",          None, "the first digit"),
    *(Row(mode, digit,      "int",      None, "another digit")           for mode, digit in product(["int"], _DIGITS)),
    *(Row(mode, "point",    "point",    None, "the fraction is next")    for mode in ("zero", "int")),
    *(Row(mode, digit,      "fraction", None, "a digit of the fraction") for mode, digit in product(["point", "fraction"], _DIGITS)),
    *(Row(mode, "letter_e", "exponent", None, "the exponent is next")    for mode in ("zero", "int", "fraction")),
    *(Row("exponent", sign, "sign",     None, "the exponent's sign")     for sign in ("plus", "minus")),
    *(Row(mode, digit,      "power",    None, "a digit of the exponent") for mode, digit in product(["exponent", "sign", "power"], _DIGITS)),
    *(Row(mode, "ended",    "after",    None, "a character that cannot continue a number ends it") for mode in ("zero", "int", "fraction", "power")),
    Row("after",          "comma_in_object", "key",          None, "another member"),
    Row("after",          "comma_in_array",  "value",        None, "another element"),
    Row("after",          "closing",          "after",        None, "the bracket closes, which ends a value too"),
    Row("after",          "last_brace",      "closed",          None, "the arguments close"),
    *(Row(mode, "space",   mode,       None, "white space means nothing here") for mode in _SPACED),
    *(Row(mode, "other",   "broken",   None, "no JSON object can go on like this")
      for mode in ("start", "null", "after_null", "key_or_close", "key", "colon", "value", "value_or_close", "literal",
                   "minus", "point", "exponent", "sign", "after")),
    Row("closed",            "other",           "broken",       None, "the arguments were whole, and more came"),
)
# fmt: on

LEXER = Table(
    name="lexer",
    states=_STATES,
    final=("broken", "text"),
    events=tuple(dict.fromkeys(row.event for row in _ROWS)),
    rows=_ROWS,
    endings=(),  # the tool-call machine takes the stream's
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
    """Return, for each mode in which ``token`` may stand, the mode that follows."""
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
"""Innermost bracket, as its position in ``INSIDE``, mode and character → the next mode, where the character is a token of its own."""
