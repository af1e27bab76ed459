"""``Rule``: a row of a table that decides by evidence; the first rule that fits decides."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from streamfsm.result import AnomalyKind

Evidence = TypeVar("Evidence")
Decision = TypeVar("Decision", bound=str)


@dataclass(frozen=True, slots=True)
class Rule(Generic[Evidence, Decision]):
    """The first rule of a table that ``fits`` the evidence decides."""

    name: str
    decision: Decision
    """One of a few words, which the table's module explains."""
    fits: Callable[[Evidence], object]
    because: str
    records: AnomalyKind | None = None
    """The anomaly that is recorded if the rule decides."""
    doubts: bool = False
    """Whether calls that the evidence is about are put in doubt, and so are never ready."""


_Rule = TypeVar("_Rule", bound="Rule[Any, Any]")


def decide(rules: Iterable[_Rule], evidence: object) -> _Rule:
    """Return the first rule that fits; each table has one that always does."""
    return next(rule for rule in rules if rule.fits(evidence))
