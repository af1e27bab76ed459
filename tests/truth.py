"""What a recorded stream says, read slowly, whole and in hindsight: an oracle that has never seen a machine.

Written from what servers were recorded to send and from the decisions that the documentation lists. It imports nothing
of ``streamfsm``, and judges arguments by ``json.loads`` on the whole text. It is meant for recordings: what none of
them shows (arguments before their name, captured members) is left to the quirk documents.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

STOP_REASONS = {
    None: "incomplete",
    "stop": "end_turn",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "max_tokens_exceeded",
    "content_filter": "content_filter",
    "error": "error",
}
USAGE = {
    "input_tokens": ("prompt_tokens", "input_tokens"),
    "output_tokens": ("completion_tokens", "output_tokens"),
    "cached_tokens": ("cached_tokens", "num_cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"),
    "reasoning_tokens": ("reasoning_tokens",),
}
"""Our names of the counts, and the servers'; some put the last two into an object of details."""

KNOWN = {"id", "object", "created", "model", "choices", "usage", "error", "x_groq"}
"""Fields of a chunk; what has none of them is something else."""

SHORTEST = 16
"""Characters of a text that is remarkable when it comes again."""

Said = tuple[int, str, str | None, str]
"""Choice, kind of message, id of the call where it is one, text."""


def chunks(body: str) -> list[Any]:
    """The JSON of the events of a body."""
    found = []
    for event in re.sub(r"\r\n?", "\n", body).split("\n\n"):
        data = [line[5:].removeprefix(" ") for line in event.split("\n") if line.startswith("data:")]
        if data and data[0].strip() != "[DONE]":
            found.append(json.loads("\n".join(data)))
    return found


@dataclass
class Call:
    """A tool call, as its entries tell."""

    index: int | None
    id: str | None = None
    names: list[str] = field(default_factory=list)
    arguments: str = ""
    repeats_id: bool = False
    finished: bool = False
    """Whether a finish reason came after its last entry."""
    announced: bool = False

    @property
    def name(self) -> str:
        """A server that repeats the id repeats the name as well; from any other it comes in pieces."""
        whole = self.repeats_id and len(set(self.names)) == 1
        return self.names[0] if whole else "".join(self.names)


@dataclass
class Choice:
    """One choice: who spoke when, and how it ended."""

    calls: list[Call] = field(default_factory=list)
    finishes: list[str] = field(default_factory=list)
    redacted: bool = False

    @property
    def finish(self) -> str | None:
        """A cut outranks the call for tools, and anything outranks ``stop``."""
        ranks = {"tool_calls": 1, "function_call": 1, "stop": 2}
        return min(self.finishes, key=lambda word: ranks.get(word, 0), default=None)


def read(stream: list[Any], *, hides: bool = False, tags: tuple[str, str] | None = None) -> dict[str, Any]:
    """Everything that the stream says.

    Args:
        stream: its chunks.
        hides: whether a reasoning model that shows no thought is announced.
        tags: around reasoning inside content.
    """
    said: list[Said] = []
    choices: dict[int, Choice] = {}
    usage: dict[str, int] = {}
    odd: set[str] = set()
    model, error = "", None
    for chunk in stream:
        if chunk and not KNOWN & chunk.keys():
            odd.add("not_a_chunk")
        model = model or chunk.get("model") or ""
        usage |= counts(chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage") or {})
        if error:
            odd.add("late_chunk")
            continue
        for at, wire in enumerate(chunk.get("choices") or []):
            index = at if wire.get("index") is None else wire["index"]
            choice = choices.setdefault(index, Choice())
            for kind, call_id, text in spoken(wire, choice, odd):
                if not said and hides and is_reasoning_model(model) and kind not in ("reasoning", "hidden"):
                    said.append((0, "hidden", None, "omitted"))
                said.append((index, kind, call_id, text))
        if chunk.get("error"):
            error = {"code": str(chunk["error"].get("code")), "message": chunk["error"]["message"]}
    for index, choice in sorted(choices.items()):
        said += [(index, *each) for each in announced(choice.calls)]
    if tags:
        said = tagged(said, tags)
    results = [result(index, choice, said, failed=bool(error)) for index, choice in sorted(choices.items())]
    texts_said = [each[kind] for each in results for kind in ("content", "reasoning")]
    repeats = [re.fullmatch(r"(.+?)\1+", text, re.DOTALL) for text in texts_said]
    if any(found and len(found[1]) >= SHORTEST for found in repeats):
        odd.add("repeated_text")
    stop_reason = results[0]["stop_reason"] if results else "error" if error else "incomplete"
    return {
        "messages": [*coalesced(said), (0, "stop", None, stop_reason)],
        "choices": results,
        "usage": {name: usage.get(name) for name in USAGE},
        "stop_reason": stop_reason,
        "error": error,
        "anomalies": sorted(odd),
    }


def spoken(wire: dict[str, Any], choice: Choice, odd: set[str]) -> Iterator[tuple[str, str | None, str]]:
    """What one choice of one chunk says: kind of message, id of the call, text."""
    delta = wire.get("delta") or {}
    for kind, text in texts(delta):
        yield kind, None, text
    if is_encrypted(delta) and not choice.redacted:
        choice.redacted = True
        yield "hidden", None, "redacted"
    entries = delta.get("tool_calls") or []
    if delta.get("function_call"):
        entries = [*entries, {"function": delta["function_call"]}]
    for entry in entries:
        call, function = owner(choice.calls, entry, odd), entry.get("function") or {}
        if call not in choice.calls:
            yield from announced(choice.calls)
            choice.calls.append(call)
        if call.id and call.id == entry.get("id"):
            call.repeats_id = True
            odd |= {"repeated_name"} if call.names and function.get("name") else set()
        call.finished = False
        call.id = call.id or entry.get("id") or None
        call.names += [function["name"]] if function.get("name") else []
        if function.get("arguments"):
            call.arguments += function["arguments"]
            yield from announced([call])
            yield "arguments", call.id, function["arguments"]
    if wire.get("finish_reason"):
        choice.finishes.append(wire["finish_reason"])
        for call in choice.calls:
            call.finished = True
        yield from announced(choice.calls)


def texts(delta: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The texts of a delta, each with its kind; the same reasoning in two fields once."""
    content = delta.get("content") or ""
    parts = [{"text": content}] if isinstance(content, str) else content
    thoughts = [delta.get(name) or "" for name in ("reasoning_content", "reasoning", "reasoning_text")]
    thoughts = [each["text"] if isinstance(each, dict) else each for each in thoughts]
    details = delta.get("reasoning_details") or []
    thoughts.append("".join(each.get("text") or each.get("summary") or "" for each in details))
    thoughts.append("".join(each.get("thinking") or "" for each in delta.get("thinking_blocks") or []))
    found = [("reasoning", text) for text in dict.fromkeys(thoughts)]
    for part in parts:
        found += [("reasoning", each["text"]) for each in part.get("thinking") or []]
        found.append(("content", part.get("text") or ""))
    found.append(("refusal", delta.get("refusal") or ""))
    yield from (each for each in found if each[1])


def is_encrypted(delta: dict[str, Any]) -> bool:
    """Whether reasoning comes that only its own server can read."""
    details = delta.get("reasoning_details") or []
    return bool(delta.get("reasoning_opaque")) or any(each["type"] == "reasoning.encrypted" for each in details)


def owner(calls: list[Call], entry: dict[str, Any], odd: set[str]) -> Call:
    """The call that an entry belongs to: by its id, else the latest at its index; or a new one."""
    index, call_id = entry.get("index"), entry.get("id")
    here = [call for call in calls if index is None or call.index in (None, index)]
    if call_id:
        same = [call for call in here if call.id in (None, call_id)]
        if not same and any(call.id == call_id for call in calls):
            odd.add("duplicate_id")
        return same[-1] if same else Call(index)
    return here[-1] if here else Call(index)


def announced(calls: list[Call]) -> Iterator[tuple[str, str | None, str]]:
    """The names that are complete now and were not told."""
    for call in calls:
        if call.name and not call.announced:
            call.announced = True
            yield "name", call.id, call.name


def tagged(said: list[Said], tags: tuple[str, str]) -> list[Said]:
    """The same with content between tags as reasoning. Character by character: where a tag stands in the whole text."""
    spans = re.compile(f"(?P<open>{re.escape(tags[0])})(?P<inside>.*?)(?P<close>{re.escape(tags[1])}|$)", re.DOTALL)
    kinds: dict[int, list[str]] = {}
    for index in {each[0] for each in said}:
        text = joined(said, index, "content")
        kinds[index] = ["content"] * len(text)
        for span in spans.finditer(text):
            for group, kind in (("open", ""), ("inside", "reasoning"), ("close", "")):
                kinds[index][slice(*span.span(group))] = [kind] * len(span[group])
    found: list[Said] = []
    for index, kind, call_id, text in said:
        if kind == "content":
            here, kinds[index] = kinds[index][: len(text)], kinds[index][len(text) :]
            found += [(index, as_kind, None, char) for char, as_kind in zip(text, here, strict=True) if as_kind]
        else:
            found.append((index, kind, call_id, text))
    return found


def joined(said: list[Said], choice: int, kind: str) -> str:
    """The whole text of one kind in one choice."""
    return "".join(each[3] for each in said if each[:2] == (choice, kind))


def coalesced(said: list[Said]) -> list[Said]:
    """Neighbours of one kind, choice and call joined; content and refusals are both the assistant's."""
    found: list[Said] = []
    for index, kind, call_id, text in said:
        each = index, "assistant" if kind in ("content", "refusal") else kind, call_id, text
        if found and found[-1][:3] == each[:3] and each[1] in ("reasoning", "assistant", "arguments"):
            found[-1] = (*each[:3], found[-1][3] + each[3])
        else:
            found.append(each)
    return found


def result(index: int, choice: Choice, said: list[Said], *, failed: bool) -> dict[str, Any]:
    """What one choice amounts to."""
    stop_reason = "error" if failed else STOP_REASONS.get(choice.finish, "unknown")
    return {
        "index": index,
        **{kind: joined(said, index, kind) for kind in ("content", "reasoning", "refusal")},
        "finish_reason": choice.finish,
        "stop_reason": stop_reason,
        "tool_calls": [
            {
                "id": call.id,
                "name": call.name,
                "arguments": call.arguments,
                "verdict": verdict(call.arguments),
                "ready": verdict(call.arguments) in ("valid", "lenient", *(["empty"] if call.finished else []))
                and stop_reason in ("end_turn", "tool_calls"),
            }
            for call in choice.calls
        ],
    }


def verdict(arguments: str) -> str:
    """What ``json.loads`` finds in the whole arguments."""
    if arguments.strip() in ("", "null"):
        return "empty"
    for word, strict in (("valid", True), ("lenient", False)):
        if is_object(arguments, strict=strict):
            return word
    if any(map(is_object, completions(arguments))):
        return "incomplete"
    ends = (at for at, char in enumerate(arguments, 1) if char == "}")
    return "trailing" if any(is_object(arguments[:end]) for end in ends) else "invalid"


def completions(text: str) -> Iterator[str]:
    """Ways in which cut-off JSON may go on to its end."""
    quoted, closers = False, ""
    for mark in re.findall(r'\\.|["{}\[\]]', text, re.DOTALL):
        if mark == '"':
            quoted = not quoted
        elif not quoted and mark in "{[":
            closers = {"{": "}", "[": "]"}[mark] + closers
        elif not quoted:
            closers = closers[1:]
    yield from (text + missing + closers for missing in ("", '"', '":0', ":0", "0", '"":0'))


def is_object(text: str, *, strict: bool = False) -> bool:
    """Whether it is a JSON object; not ``strict``: even with raw control characters in strings."""
    try:
        return isinstance(json.loads(text, strict=strict), dict)
    except ValueError:
        return False


def counts(usage: dict[str, Any]) -> dict[str, int]:
    """The counts of one report by our names; what it does not say is absent."""
    details = [usage, usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}]
    found = {
        ours: next((place[name] for place in reversed(details) for name in names if place.get(name) is not None), None)
        for ours, names in USAGE.items()
    }
    return {name: count for name, count in found.items() if count is not None}


def is_reasoning_model(model: str) -> bool:
    """Whether a model of this name thinks without showing it: OpenAI's o-series, and gpt-5 and later but for chat."""
    family = model.rpartition("/")[2].lower()
    return bool(re.match(r"(o\d|gpt-([5-9]|\d\d))(?![a-z])", family)) and "-chat" not in family
