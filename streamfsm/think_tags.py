"""``ThinkTags``: the tags around thoughts in the content, and where they count."""

from collections.abc import Sequence
from itertools import permutations
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.dataclasses import dataclass

_Tag: TypeAlias = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class ThinkTags:
    """A pair of tags around thoughts in the content, for servers that do not separate thoughts themselves."""

    open: _Tag
    close: _Tag
    starts: Literal["outside", "inside", "auto"] = "outside"
    """Whether the content begins inside a thought, because the chat template puts the opening tag into the prompt.

    ``outside``: it does not. ``inside``: it does; an opening tag at the beginning is skipped. ``auto``: unknown; the
    content is held back, up to ``Limits.text``, until the first tag or the end decides.
    """
    where: Literal["start", "anywhere"] = "start"
    """Where an opening tag begins a thought; anywhere else it is text.

    ``start``: before the answer, after nothing but white space. ``anywhere``: also between parts of the answer.
    """


AnyThinkTags: TypeAlias = ThinkTags | tuple[str, str] | Sequence[ThinkTags | tuple[str, str]]
"""A pair as :class:`ThinkTags`, or as two strings with its defaults; or several pairs, all with the same modes."""


def _listed(value: Any) -> Any:
    """Return one or several pairs as a list, each in a form that pydantic validates."""
    if isinstance(value, ThinkTags):
        return [value]
    if not isinstance(value, list | tuple):
        return value
    pairs = [value] if any(isinstance(each, str) for each in value) else value
    return [_named(pair) if isinstance(pair, list | tuple) else pair for pair in pairs]


def _named(pair: Sequence[Any]) -> dict[str, Any]:
    if len(pair) != len(("open", "close")):
        raise ValueError("a pair must be an opening and a closing tag")
    return dict(zip(("open", "close"), pair, strict=True))


def _in_agreement(pairs: tuple[ThinkTags, ...]) -> tuple[ThinkTags, ...]:
    if not pairs:
        raise ValueError("there must be at least one pair")
    if len({(pair.starts, pair.where) for pair in pairs}) > 1:
        raise ValueError("several pairs must agree in starts and where")
    for one, other in permutations(pairs, 2):
        if other.open.startswith(one.open):
            raise ValueError(f"{other.open!r} can never match, because {one.open!r} matches first")
    return pairs


Pairs: TypeAlias = Annotated[tuple[ThinkTags, ...], BeforeValidator(_listed), AfterValidator(_in_agreement)]
"""The validated form of an option of type :data:`AnyThinkTags`."""
