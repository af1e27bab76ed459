"""One place of a module's source, changed: it is found by its syntax, so that a reformatted source is no other."""

import ast
from collections.abc import Iterator
from difflib import get_close_matches


def replaced(source: str, old: str, new: str) -> str:
    """``source`` with the one place that says ``old`` saying ``new``.

    Args:
        source: of a module. Its comments are lost.
        old: an expression, or statements that follow one another.
        new: what takes its place; nothing takes statements away.

    Raises:
        LookupError: ``old`` is not there, or more than once.
    """
    tree = ast.parse(source)
    pattern, change = ast.parse(old).body, ast.parse(new or "pass").body
    places = list(expressions(tree, pattern[0].value) if is_expression(pattern) else statements(tree, pattern))
    if len(places) != 1:
        raise LookupError(f"{old!r} is there {len(places)} times{'' if places else nearest(tree, pattern)}")
    [(parent, field, at)] = places
    if is_expression(pattern) and not is_expression(change):
        raise LookupError(f"{old!r} is an expression, and {new!r} is none")
    if not is_expression(pattern):
        getattr(parent, field)[at : at + len(pattern)] = change
    elif at is None:
        setattr(parent, field, change[0].value)
    else:
        getattr(parent, field)[at] = change[0].value
    return ast.unparse(tree)


Place = tuple[ast.AST, str, "int | None"]


def is_expression(body: list[ast.stmt]) -> bool:
    return len(body) == 1 and isinstance(body[0], ast.Expr)


def expressions(tree: ast.AST, pattern: ast.expr) -> Iterator[Place]:
    """Where a node of ``tree`` has the expression: the node, its field, and where in it if that is a list."""
    wanted = ast.dump(pattern)
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            for at, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(child, ast.expr) and ast.dump(child) == wanted:
                    yield parent, field, at


def statements(tree: ast.AST, pattern: list[ast.stmt]) -> Iterator[Place]:
    """Where a block of ``tree`` has the statements: its owner, the field, and the first one's place in it."""
    wanted = [ast.dump(each) for each in pattern]
    for parent in ast.walk(tree):
        for field, block in ast.iter_fields(parent):
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                said = [ast.dump(each) for each in block]
                starts = range(len(said) - len(wanted) + 1)
                yield from ((parent, field, at) for at in starts if said[at : at + len(wanted)] == wanted)


def nearest(tree: ast.AST, pattern: list[ast.stmt]) -> str:
    """What comes nearest to it, to see what became of it."""
    first = pattern[0].value if is_expression(pattern) else pattern[0]
    like = {ast.unparse(each): each.lineno for each in ast.walk(tree) if type(each) is type(first)}
    found = get_close_matches(ast.unparse(first), like, n=1, cutoff=0.0)
    return "".join(f"; nearest, on line {like[each]}: {each!r}" for each in found)
