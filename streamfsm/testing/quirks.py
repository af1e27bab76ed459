"""Quirks: how servers differ in sending the same, as functions that change chunks.

Each was seen in recorded streams of real servers or in public bug reports. They can be combined, and apply to chunks in
which names are not cut. Most keep all information. Some do not, alone or in combination: their chunks can be read in
more than one way, so a parser must not treat any of the readings as certain.
"""

import copy
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from streamfsm.wires.chat.chunking import Chunk


class Quirk(NamedTuple):
    """One habit of some servers.

    Attributes:
        name: its name in reports.
        apply: changes the chunks in place, and returns the chunks to send.
        certain: whether the chunks still show without doubt what was said.
    """

    name: str
    apply: Callable[[list[Chunk]], list[Chunk]]
    certain: bool = True

    def __repr__(self) -> str:
        return f"<{self.name}>"


def accented(chunks: Iterable[Chunk], quirks: Iterable[Quirk]) -> list[Chunk]:
    """Return the chunks as a server with these quirks would send them. The given chunks are not changed."""
    spoken = copy.deepcopy(list(chunks))
    for quirk in quirks:
        spoken = quirk.apply(spoken)
    return spoken


# -- the parts of chunks -----------------------------------------------------------------------------------------------


def _choices(chunks: Iterable[Chunk]) -> Iterator[dict[str, Any]]:
    for chunk in chunks:
        choices = chunk.get("choices") if isinstance(chunk, dict) else None
        for choice in choices if isinstance(choices, list) else []:
            if isinstance(choice, dict):
                yield choice


def _deltas(chunks: Iterable[Chunk]) -> Iterator[dict[str, Any]]:
    return (choice["delta"] for choice in _choices(chunks) if isinstance(choice.get("delta"), dict))


def _calls(chunks: Iterable[Chunk]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield the entries of tool-call lists, each with a key of its call, made from choice and index."""
    for choice in _choices(chunks):
        delta = choice.get("delta")
        calls = delta.get("tool_calls") if isinstance(delta, dict) else None
        for call in calls if isinstance(calls, list) else []:
            if isinstance(call, dict) and isinstance(call.get("function"), dict):
                yield repr((choice.get("index"), call.get("index"))), call


def _single_call(chunks: list[Chunk]) -> bool:
    return len({place for place, _ in _calls(chunks)}) == 1


def _fill(name: str, value: Any) -> Callable[[list[Chunk]], list[Chunk]]:
    """Add a field to each delta that lacks it."""

    def apply(chunks: list[Chunk]) -> list[Chunk]:
        for delta in _deltas(chunks):
            delta.setdefault(name, copy.copy(value))
        return chunks

    return apply


# -- tool calls --------------------------------------------------------------------------------------------------------


def _no_index(chunks: list[Chunk]) -> list[Chunk]:
    if _single_call(chunks):
        for _, call in _calls(chunks):
            call.pop("index", None)
    return chunks


def _index(value: int) -> Callable[[list[Chunk]], list[Chunk]]:
    def apply(chunks: list[Chunk]) -> list[Chunk]:
        if _single_call(chunks):
            for _, call in _calls(chunks):
                call["index"] = value
        return chunks

    return apply


def _repeat(*names: str) -> Callable[[list[Chunk]], list[Chunk]]:
    """Repeat these fields of a call's first entry in all its entries."""

    def apply(chunks: list[Chunk]) -> list[Chunk]:
        first: dict[Any, dict[str, Any]] = {}
        for place, call in _calls(chunks):
            if call.get("id") or place not in first:
                first[place] = call
            head = first[place]
            call.update({name: head[name] for name in ("id", "type") if name in names and head.get(name)})
            if "name" in names and head["function"].get("name"):
                call["function"]["name"] = head["function"]["name"]
        return chunks

    return apply


def _hollow(value: str | None) -> Callable[[list[Chunk]], list[Chunk]]:
    """Add a meaningless id and name to entries that have none."""

    def apply(chunks: list[Chunk]) -> list[Chunk]:
        for _, call in _calls(chunks):
            call.setdefault("id", value)
            call["function"].setdefault("name", value)
        return chunks

    return apply


def _other_ids(chunks: list[Chunk]) -> list[Chunk]:
    for _, call in _calls(chunks):
        if not call.get("id"):
            call["id"] = f"later-{call.get('index')}"
    return chunks


def _new_ids(chunks: list[Chunk]) -> list[Chunk]:
    for number, (_, call) in enumerate(_calls(chunks)):
        call["id"] = f"entry-{number}"
    return chunks


def _one_id(chunks: list[Chunk]) -> list[Chunk]:
    for _, call in _calls(chunks):
        if call.get("id"):
            call["id"] = "call_0"
    return chunks


def _without(name: str) -> Callable[[list[Chunk]], list[Chunk]]:
    def apply(chunks: list[Chunk]) -> list[Chunk]:
        for _, call in _calls(chunks):
            call.pop(name, None)
        return chunks

    return apply


def _one_index(chunks: list[Chunk]) -> list[Chunk]:
    for _, call in _calls(chunks):
        if "index" in call:
            call["index"] = 0
    return chunks


def _new_indexes(chunks: list[Chunk]) -> list[Chunk]:
    for number, (_, call) in enumerate(_calls(chunks)):
        call["index"] = number
    return chunks


def _arguments_elsewhere(chunks: list[Chunk]) -> list[Chunk]:
    for _, call in _calls(chunks):
        if type(call.get("index")) is int and not call["function"].get("name"):
            call["index"] += 100
    return chunks


def _so_far(chunks: list[Chunk]) -> Iterator[tuple[Any, dict[str, Any], str]]:
    """Yield the entries, each with a key of its call, and the arguments of the call so far."""
    texts: dict[Any, str] = {}
    for place, call in _calls(chunks):
        arguments = call["function"].get("arguments")
        texts[place] = texts.get(place, "") + (arguments if isinstance(arguments, str) else "")
        yield place, call, texts[place]


def _cumulative(chunks: list[Chunk]) -> list[Chunk]:
    for _, call, text in list(_so_far(chunks)):
        call["function"]["arguments"] = text
    return chunks


def _append(chunks: list[Chunk], more: Callable[[dict[str, Any]], dict[str, Any] | None]) -> list[Chunk]:
    """Insert after each entry the one that ``more`` returns for it, if any."""
    for delta in _deltas(chunks):
        if isinstance(calls := delta.get("tool_calls"), list):
            with_more = [
                (call, more(call) if isinstance(call, dict) and isinstance(call.get("function"), dict) else None)
                for call in calls
            ]
            delta["tool_calls"] = [
                each for call, extra in with_more for each in ((call,) if extra is None else (call, extra))
            ]
    return chunks


def _again(chunks: list[Chunk]) -> list[Chunk]:
    """Repeat the complete arguments of each call after its last entry."""
    last = {place: (call, text) for place, call, text in _so_far(chunks)}
    whole = {id(call): {"index": call.get("index"), "function": {"arguments": text}} for call, text in last.values()}
    return _append(chunks, lambda call: whole.get(id(call)))


def _placeholder(chunks: list[Chunk]) -> list[Chunk]:
    for _, call in _calls(chunks):
        if call["function"].get("name") and not call["function"].get("arguments"):
            call["function"]["arguments"] = "{}"
    return chunks


def _parsed(chunks: list[Chunk]) -> list[Chunk]:
    """Send arguments as an object instead of text, if they are complete in one entry."""
    for _, call in _calls(chunks):
        try:
            value = json.loads(call["function"].get("arguments") or "")
        except (TypeError, ValueError):
            continue
        if isinstance(value, dict):
            call["function"]["arguments"] = value
    return chunks


def _empty_last(chunks: list[Chunk]) -> list[Chunk]:
    """Repeat each entry with arguments, but without the arguments, as some servers end a call with an empty piece."""
    return _append(
        chunks,
        lambda call: (
            {**call, "function": {**call["function"], "arguments": ""}} if call["function"].get("arguments") else None
        ),
    )


def _finish_always(chunks: list[Chunk]) -> list[Chunk]:
    return [each for chunk in chunks for each in (chunk, _bare([chunk], delta={}, finish_reason="stop"))]


# -- reasoning, endings, usage -----------------------------------------------------------------------------------------


def _rename_reasoning(chunks: list[Chunk]) -> list[Chunk]:
    for delta in _deltas(chunks):
        if "reasoning_content" in delta:
            delta.setdefault("reasoning", delta.pop("reasoning_content"))
    return chunks


def _double_reasoning(chunks: list[Chunk]) -> list[Chunk]:
    for delta in _deltas(chunks):
        if "reasoning_content" in delta:
            delta.setdefault("reasoning", delta["reasoning_content"])
    return chunks


def _reasoning_objects(chunks: list[Chunk]) -> list[Chunk]:
    for delta in _deltas(chunks):
        if isinstance(text := delta.get("reasoning_content"), str) and text:
            delta["reasoning_content"] = {"text": text}
    return chunks


_VENDORS_WORDS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "MAX_TOKENS"}


def _vendors_finishes(chunks: list[Chunk]) -> list[Chunk]:
    for choice in _choices(chunks):
        if isinstance(word := choice.get("finish_reason"), str):
            choice["finish_reason"] = _VENDORS_WORDS.get(word, word)
    return chunks


def _envelope(chunks: list[Chunk]) -> Chunk:
    first = next((chunk for chunk in chunks if isinstance(chunk, dict)), {})
    return {key: first[key] for key in ("id", "object", "created", "model") if key in first}


def _bare(chunks: list[Chunk], **choice: Any) -> Chunk:
    index = next((choice.get("index") for choice in _choices(chunks)), 0)
    return {**_envelope(chunks), "choices": [{"index": index, "finish_reason": None, **choice}]}


def _null_deltas(chunks: list[Chunk]) -> list[Chunk]:
    return [each for chunk in chunks for each in (_bare(chunks, delta=None), chunk)]


def _empty_first(chunks: list[Chunk]) -> list[Chunk]:
    return [_bare(chunks, delta={"role": "assistant", "content": ""}), *chunks]


def _no_choices_first(chunks: list[Chunk]) -> list[Chunk]:
    return [{**_envelope(chunks), "choices": [], "prompt_filter_results": []}, *chunks]


def _finish_again(chunks: list[Chunk]) -> list[Chunk]:
    finished = {choice.get("index"): choice["finish_reason"] for choice in _choices(chunks) if _finishes(choice)}
    return [*chunks, *(_bare(chunks, index=at, delta={}, finish_reason=reason) for at, reason in finished.items())]


def _finishes(choice: dict[str, Any]) -> bool:
    return isinstance(choice.get("finish_reason"), str) and isinstance(choice.get("index"), int)


def _usage_so_far(chunks: list[Chunk]) -> list[Chunk]:
    """Report usage in every chunk, with counts that grow to the final ones."""
    reports = [
        at for at, chunk in enumerate(chunks) if isinstance(chunk, dict) and isinstance(chunk.get("usage"), dict)
    ]
    for at, chunk in enumerate(chunks[: reports[-1]] if reports else []):
        if isinstance(chunk, dict):
            counts = chunks[reports[-1]]["usage"].items()
            chunk["usage"] = {
                name: count * at // reports[-1] if name == "completion_tokens" and type(count) is int else count
                for name, count in counts
            }
    return chunks


def _null_usage(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks:
        if isinstance(chunk, dict):
            chunk.setdefault("usage", None)
    return chunks


QUIRKS: tuple[Quirk, ...] = (
    # Quirks that need a call's identity come before those that remove it.
    Quirk("arguments so far in every entry", _cumulative, certain=False),
    Quirk("arguments once more at the end", _again, certain=False),
    Quirk("{} with the name", _placeholder, certain=False),
    Quirk("whole arguments as an object", _parsed, certain=False),
    Quirk("an entry without arguments behind each", _empty_last, certain=False),
    Quirk("the name in every entry", _repeat("name"), certain=False),
    Quirk("no index, where there is one call", _no_index),
    Quirk("index 0, where there is one call", _index(0)),
    Quirk("index 1, where there is one call", _index(1)),
    Quirk("the id in every entry", _repeat("id")),
    Quirk("the type in every entry", _repeat("type")),
    Quirk("id and name in every entry", _repeat("id", "name")),
    Quirk("an empty id and name in later entries", _hollow("")),
    Quirk("a null id and name in later entries", _hollow(None)),
    *(
        Quirk(f"{word!r} as id and name in later entries", _hollow(word), certain=False)
        for word in ("null", "None", "undefined", " ")
    ),
    Quirk("another id in later entries", _other_ids, certain=False),
    Quirk("another id in every entry", _new_ids, certain=False),
    Quirk("one id for all calls", _one_id, certain=False),
    Quirk("no id", _without("id"), certain=False),
    Quirk("no index", _without("index"), certain=False),
    Quirk("one index for all calls", _one_index, certain=False),
    Quirk("an index of its own for every entry", _new_indexes, certain=False),
    Quirk("arguments at another index than the name", _arguments_elsewhere, certain=False),
    Quirk("a finish after every chunk", _finish_always, certain=False),
    Quirk("tool_calls [] in every delta", _fill("tool_calls", [])),
    Quirk("tool_calls null in every delta", _fill("tool_calls", None)),
    Quirk('content "" in every delta', _fill("content", "")),
    Quirk("content null in every delta", _fill("content", None)),
    Quirk("the role in every delta", _fill("role", "assistant")),
    Quirk("reasoning in the field reasoning", _rename_reasoning),
    Quirk("reasoning in two fields", _double_reasoning),
    Quirk("reasoning as an object", _reasoning_objects),
    Quirk("finish reasons in another protocol's words", _vendors_finishes),
    Quirk("null deltas between the others", _null_deltas),
    Quirk("an empty first delta", _empty_first),
    Quirk("a first chunk without choices", _no_choices_first),
    Quirk("the finish reason twice", _finish_again),
    Quirk("usage so far in every chunk", _usage_so_far),
    Quirk("usage null in every chunk", _null_usage),
)
"""All quirks, in the order in which several are applied."""
