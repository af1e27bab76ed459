"""Composes cases: a response with known facts, in the form in which a server sends it."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from streamfsm.conform.facts import Wire
from streamfsm.core.text import without_surrogates
from streamfsm.testing import responses as api
from streamfsm.testing.streams import ENVELOPE, Stream
from streamfsm.wires.chat.chunking import Atom

Record: TypeAlias = dict[str, Any]
"""A case, as JSON."""


def record(
    name: str,
    wire: Wire,
    why: str,
    *,
    title: str = "",
    law: str,
    needs: Iterable[str],
    certain: bool = True,
    cut: bool = True,
    stream: list[Record],
    events: list[Any],
    **expected: Any,
) -> Record:
    """Return a case. ``expected`` are its facts; without a title, it is derived from the name."""
    return {
        "id": name,
        "wire": wire,
        "title": title or name.rpartition("/")[2].replace("-", " ").capitalize(),
        "why": why,
        "law": law,
        "needs": sorted(needs),
        "certain": certain,
        "cut": cut,
        "stream": stream,
        "events": events,
        "expected": expected,
    }


def composed(
    name: str,
    why: str,
    stream: Stream,
    *,
    title: str = "",
    law: str = "texts",
    events: Sequence[Any] | None = None,
    certain: bool = True,
    cut: bool = True,
    ending: str | None = "",
    tell: str | None = None,
) -> Record:
    """Return a case with the facts of ``stream``. ``events`` are by default the chunks of the stream.

    By default, ``ending`` follows from the finish reasons; ``None`` is not judged. The role comes first, in a chunk of
    its own, as OpenAI sends it.
    """
    endings = {atom.choice: ENDINGS.get(atom.call["finish_reason"]) for atom in stream.atoms if atom.kind == "finish"}
    ended = next(iter(endings.values()), "broken") if ending == "" else ending
    indexes = sorted({atom.choice for atom in stream.atoms if atom.choice is not None})
    reports = [atom.delta for atom in stream.atoms if atom.kind == "usage"]
    choices = [_choice(stream, index, endings.get(index) if ending == "" else ended) for index in indexes]
    if tell is None and any(each["safe"] is False for choice in choices for each in choice["calls"]):
        tell = "a call whose arguments are not whole"
    sent = list(opened(stream).plain() if events is None else events)
    return record(
        name,
        "chat",
        why,
        title=title,
        law=law,
        needs=needs(sent, indexes),
        certain=certain,
        cut=cut,
        stream=[piece(atom) for atom in stream.atoms],
        events=sent,
        choices=choices,
        usage=reports[-1] if reports else None,
        ending=ended,
        tell=tell,
    )


def opened(stream: Stream) -> Stream:
    """Return the stream, preceded by the chunks with which OpenAI begins each choice."""
    choices = sorted({atom.choice for atom in stream.atoms if atom.choice is not None})
    delta = {"role": "assistant", "content": "", "refusal": None}
    roles = [{**ENVELOPE, "choices": [{"index": at, "delta": delta, "finish_reason": None}]} for at in choices]
    return Stream([*(Atom("opaque", None, chunk=role) for role in roles), *stream.atoms], cut_names=stream.cut_names)


ENDINGS = {
    "stop": "complete",
    "tool_calls": "complete",
    "function_call": "complete",
    "length": "cut",
    "content_filter": "cut",
}


def _choice(stream: Stream, index: int, ending: str | None) -> Record:
    texts = {
        kind: "".join(atom.text for atom in stream.atoms if (atom.kind, atom.choice) == (kind, index))
        for kind in ("content", "reasoning", "refusal")
    }
    calls: dict[Any, Record] = {}
    for atom in stream.atoms:
        if atom.choice == index and atom.kind in ("name", "arguments"):
            made = calls.setdefault(atom.call.get("index"), {"id": None, "name": "", "arguments": ""})
            made["id"] = atom.call.get("id") or made["id"]
            made[atom.kind] += atom.text
    return {
        "index": index,
        **{kind: without_surrogates(said) for kind, said in texts.items()},
        "calls": [
            {**made, "arguments": without_surrogates(made["arguments"]), "safe": safe(made["arguments"], ending)}
            for made in calls.values()
        ],
    }


def safe(arguments: str, ending: str | None) -> bool | None:
    """Whether a call is safe to run: if its JSON and the response are complete; never if its JSON is incomplete."""
    try:
        value = json.loads(arguments, parse_constant=_refused)
    except ValueError:
        return None if not arguments.strip() else False
    return True if isinstance(value, dict) and ending == "complete" else None


def _refused(word: str) -> None:
    """Reject NaN and the infinities, which Python reads although they are not JSON."""
    raise ValueError(word)


def needs(events: Iterable[Any], choices: Sequence[Any]) -> set[str]:
    """Return the claims that a parser must make for these events to be fed."""
    found = {"choices"} if list(choices) not in ([], [0]) else set()
    for event in events:
        listed = event.get("choices") if isinstance(event, dict) else None
        for choice in listed if isinstance(listed, list) else ():
            delta = (choice.get("delta") or choice.get("message")) if isinstance(choice, dict) else None
            if not isinstance(delta, dict):
                continue
            found |= {"parts"} if isinstance(delta.get("content"), list | dict) else set()
            found |= {"refusal"} if delta.get("refusal") else set()
            found |= {"function_call"} if delta.get("function_call") else set()
            calls = delta.get("tool_calls")
            if isinstance(calls, list) and any(isinstance(each, dict) and each.get("custom") for each in calls):
                found.add("custom_tools")
    return found


def piece(atom: Atom) -> Record:
    """Return a piece as data, without the fields that are the same in all pieces."""
    if atom.kind == "opaque":
        return {"kind": "event", "event": atom.chunk}
    more = {**atom.call, **({"counts": atom.delta} if atom.kind == "usage" else atom.delta)}
    return {"kind": atom.kind, "choice": atom.choice, **({"text": atom.text} if atom.text else {}), **more}


# -- Responses -------------------------------------------------------------------------------------------------------

Said: TypeAlias = list[tuple[str, ...]]
"""The parts of a response, in order: ``content`` or ``reasoning``, text; or ``call`` or ``custom``, name, arguments."""


def told(said: Said, end: str | None = "completed", counts: Record | None = None) -> list[Any]:
    """Return the events of a response, with one item for each part."""
    items: list[Any] = []
    for index, (kind, *what) in enumerate(said):
        if kind == "content":
            items += api.message(index, [("content", what[0])])
        elif kind == "reasoning":
            items += api.reasoning(index, [what[0]])
        else:
            items += api.call(index, what[0], what[1], custom=kind == "custom")
    return [described(event) for event in api.response(items, end, counts)]


def described(value: Any) -> Any:
    """Return the value with the lists that OpenAI's own servers always send, and the test kit omits."""
    if isinstance(value, list):
        return [described(item) for item in value]
    if not isinstance(value, dict):
        return value
    more = LISTS.get(value.get("type", ""), ())
    return {**{name: described(item) for name, item in value.items()}, **{name: [] for name in more}}


LISTS = {
    "output_text": ("annotations", "logprobs"),
    "response.output_text.delta": ("logprobs",),
    "response.output_text.done": ("logprobs",),
}


def responded(
    name: str,
    why: str,
    said: Said,
    *,
    end: str | None = "completed",
    counts: Record | None = None,
    title: str = "",
    law: str = "texts",
    events: list[Any] | None = None,
    ending: str | None = "",
) -> Record:
    """Return a case of the Responses API with these facts."""
    ended = RESPONSES_ENDINGS[end] if ending == "" else ending
    texts = {
        kind: "".join(without_surrogates(what) for each, what, *_ in said if each == kind)
        for kind in ("content", "reasoning")
    }
    made = [
        {
            "id": f"call_{index}",
            "name": each[1],
            "arguments": without_surrogates(each[2]),
            "safe": safe(each[2], ended) if each[0] == "call" else None,
        }
        for index, each in enumerate(said)
        if each[0] in ("call", "custom")
    ]
    broken = any(call["safe"] is False for call in made)
    return record(
        name,
        "responses",
        why,
        title=title,
        law=law,
        needs=["custom_tools"] if any(each[0] == "custom" for each in said) else [],
        stream=[dict(zip(("kind", "text", "arguments"), each, strict=False)) for each in said],
        events=told(said, end, counts) if events is None else events,
        choices=[{"index": 0, **texts, "refusal": "", "calls": made}],
        usage=counts and {"prompt_tokens": counts["input_tokens"], "completion_tokens": counts["output_tokens"]},
        ending=ended,
        tell="a call whose arguments are not whole" if broken else None,
    )


RESPONSES_ENDINGS = {
    "completed": "complete",
    "max_output_tokens": "cut",
    "content_filter": "cut",
    "failed": "failed",
    None: "broken",
}
