"""A place is found by its syntax, however it is written, and only if there is one."""

import ast

import pytest
from mutating import replaced

SOURCE = """
def first(text):
    if text.endswith(
        "x",  # a comment
    ):
        count = 1
        return count
    return f"{text}{len(text)}"
"""


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("text.endswith('x')", "not text", "    if not text:"),
        ("len(text)", "0", "    return f'{text}{0}'"),
        ("count=1\nreturn count", "return 2", "        return 2"),
        ("return count", "", "        pass"),
    ],
)
def test_a_place_is_changed_however_it_is_written(old, new, line):
    assert line in replaced(SOURCE, old, new).splitlines()
    assert line not in ast.unparse(ast.parse(SOURCE)).splitlines()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("return counts", "", "there 0 times; nearest, on line 7: 'return count'"),
        ("len(count)", "0", r"there 0 times; nearest, on line 8: 'len\(text\)'"),
        ("import json", "", "there 0 times$"),
        ("text", "count", "there 3 times"),
        ("len(text)", "return 0", "is an expression, and 'return 0' is none"),
    ],
)
def test_a_place_that_is_not_there_once_is_named_with_the_nearest(old, new, problem):
    with pytest.raises(LookupError, match=problem):
        replaced(SOURCE, old, new)
