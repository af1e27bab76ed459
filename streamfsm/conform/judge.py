"""Judges answers: one function for each law returns what is wrong."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias, get_args

from streamfsm.conform.cases import Case
from streamfsm.conform.facts import Answer, Call, Choice, Claim, Facts

Law: TypeAlias = Literal["total", "split", "texts", "dialects", "safe", "ending", "usage", "warnings"]
LAWS: tuple[Law, ...] = get_args(Law)
MEANING: dict[Law, str] = {
    "total": "the parser answers: no crash, no hang, no exception that is not about a failed response",
    "split": "no way to cut the same response changes the answer",
    "texts": "texts and calls are those that were sent, on the wire as its makers describe it",
    "dialects": "texts and calls are those that were sent, as another server says them",
    "safe": "a call is safe to run if, and only if, it is certainly whole",
    "ending": "how the response ended is what the wire said: complete, cut, broken or failed",
    "usage": "token counts are the last ones reported",
    "warnings": "what can be read in two ways, or is broken, is not passed over in silence",
}
_TEXTS: tuple[Literal["content", "reasoning", "refusal"], ...] = ("content", "reasoning", "refusal")

Claims: TypeAlias = frozenset[Claim]


def laws_of(case: Case, claims: Claims) -> set[Law]:
    """Return the laws that a case judges a parser on."""
    expected = case.expected
    found: set[Law] = {"total"}
    if case.cut:
        found.add("split")
    if case.certain and claims & {"content", "reasoning", "refusal", "calls"}:
        found.add(case.law)
    if "safe" in claims and any(choice.calls for choice in expected.choices):
        found.add("safe")
    if "ending" in claims and expected.ending:
        found.add("ending")
    if "usage" in claims and expected.usage:
        found.add("usage")
    if "warnings" in claims and expected.tell:
        found.add("warnings")
    return found


def judge(case: Case, claims: Claims, answer: Answer) -> Iterator[tuple[Law, str]]:
    """Yield the laws that an answer breaks, each with the detail."""
    if answer.raised is not None:
        yield "total", f"raised {answer.raised}"
        return
    for law, wrong in _JUDGES.items():
        which = case.law if law == "texts" else law
        if which in laws_of(case, claims) and (detail := wrong(case, claims, answer)):
            yield which, detail


def differs(case: Case, claims: Claims, one: Answer, other: Answer) -> str | None:
    """Return where the answers to two cuts of one response differ; ``None`` if they are the same."""
    if bool(one.raised) != bool(other.raised):
        return f"raised {one.raised or 'nothing'} → raised {other.raised or 'nothing'}"
    if any(call.id is None for choice in case.expected.choices for call in choice.calls):
        claims -= {"ids"}  # a parser may make up an id, not necessarily the same one again
    if text := _texts_differ(one, other, claims):
        return text
    for name in ("ending", "usage"):
        before, after = getattr(one, name), getattr(other, name)
        if name in claims and before != after:
            return f"{name}: {before} → {after}"
    if "safe" in claims and (before := _safe(one)) != (after := _safe(other)):
        return f"safe calls: {_listed(before)} → {_listed(after)}"
    return None


def _texts(case: Case, claims: Claims, answer: Answer) -> str | None:
    if answer.ending == "failed" and case.expected.ending in ("failed", "broken"):
        return None  # it reports the failure, so any part of the response is correct
    expected: Facts = case.expected
    if "safe" in claims:  # it may omit unsafe calls instead of marking them
        choices = tuple(_without_unsafe(choice, answer.choice(choice.index)) for choice in expected.choices)
        expected = expected.model_copy(update={"choices": choices})
    return _texts_differ(expected, answer, claims)


def _without_unsafe(wanted: Choice, given: Choice) -> Choice:
    """Return the choice without those unsafe calls that the answer omits."""
    found = _calls(given.calls)
    calls = tuple(call for call in wanted.calls if call.safe is not False or (call.name, call.value) in found)
    return wanted.model_copy(update={"calls": calls})


def _texts_differ(one: Facts, other: Facts, claims: Claims) -> str | None:
    indexes = [choice.index for choice in (*one.choices, *other.choices)] if "choices" in claims else _first(one, other)
    for index in dict.fromkeys(indexes):
        wanted, given = one.choice(index), other.choice(index)
        where = f"choice {index} " if index else ""
        for name in _TEXTS:
            if name in claims and getattr(wanted, name) != getattr(given, name):
                return f"{where}{name}: {getattr(wanted, name)!r} → {getattr(given, name)!r}"
        if "calls" in claims and (before := _calls(wanted.calls)) != (after := _calls(given.calls)):
            return f"{where}calls: {_listed(before)} → {_listed(after)}"
        if {"calls", "ids"} <= claims:
            for call, found in zip(wanted.calls, given.calls, strict=True):
                if call.id is not None and call.id != found.id:
                    return f"{where}id of {call.name}: {call.id!r} → {found.id!r}"
    return None


def _first(one: Facts, other: Facts) -> list[int]:
    """Return the first choice, which is the only one that is judged if the parser does not claim ``choices``."""
    return [(one.choices or other.choices)[0].index] if one.choices or other.choices else []


def _calls(calls: tuple[Call, ...]) -> list[tuple[str, str]]:
    return [(call.name, call.value) for call in calls]


def _safe(facts: Facts) -> list[tuple[str, str]]:
    return [(call.name, call.value) for choice in facts.choices for call in choice.calls if call.safe]


def _wrongly_safe(case: Case, claims: Claims, answer: Answer) -> str | None:
    choices = case.expected.choices if "choices" in claims else case.expected.choices[:1]
    calls = [call for choice in choices for call in choice.calls]
    may = Counter((call.name, call.value) for call in calls if call.safe is not False)
    must = Counter((call.name, call.value) for call in calls if call.safe)
    found = Counter(_safe(answer))
    if wrong := found - may:
        return f"safe, and not a whole call of the model: {_listed(list(wrong.elements()))}"
    if missing := must - found:
        return f"whole, and not safe: {_listed(list(missing.elements()))}"
    return None


def _ending(case: Case, _: Claims, answer: Answer) -> str | None:
    wanted = case.expected.ending
    return None if answer.ending == wanted else f"ending: {wanted} → {answer.ending}"


def _usage(case: Case, _: Claims, answer: Answer) -> str | None:
    wanted, given = case.expected.usage, answer.usage
    counts = wanted.model_dump(exclude_none=True) if wanted else {}
    found = given.model_dump(include=set(counts)) if given else {}
    return None if found == counts else f"usage: {counts} → {found or None}"


def _warnings(case: Case, _: Claims, answer: Answer) -> str | None:
    told = answer.warnings or answer.ending in ("failed", "broken", "cut")
    return None if told else f"silent about: {case.expected.tell}"


def _listed(calls: list[tuple[str, str]]) -> str:
    return ", ".join(f"{name}({arguments})" for name, arguments in calls) or "none"


_JUDGES: dict[Law, Callable[[Case, Claims, Answer], str | None]] = {
    "texts": _texts,
    "safe": _wrongly_safe,
    "ending": _ending,
    "usage": _usage,
    "warnings": _warnings,
}
