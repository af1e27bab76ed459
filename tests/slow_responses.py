"""What a Responses body says, read slowly, event by event and whole: an oracle that has never seen a machine.

Written from what servers were recorded to send and from the decisions that the documentation lists. It imports nothing
of ``streamfsm``. Texts are kept as UTF-16, because deltas may cut a surrogate pair which ``.done`` has whole.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

ENDS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
REASONS = {"max_output_tokens": "max_tokens_exceeded", "content_filter": "content_filter"}

# What the front of an event's type says of its text: the kind of text, the types of item that it fits.
SPOKEN = {
    "output_text": ("content", "message"),
    "refusal": ("refusal", "message"),
    "audio.transcript": ("transcript", ""),
    "reasoning_summary_text": ("summary", "reasoning"),
    "reasoning_summary": ("summary", "reasoning"),
    "reasoning_text": ("thought", "reasoning"),
    "reasoning": ("thought", "reasoning"),
    "function_call_arguments": ("arguments", "function_call"),
    "mcp_call_arguments": ("arguments", "mcp_call"),
    "mcp_call.arguments": ("arguments", "mcp_call"),
    "custom_tool_call_input": ("input", "custom_tool_call"),
}
FRAMES = ("content_part", "reasoning_summary_part", "reasoning_part")
PARTS = {"output_text": "content", "refusal": "refusal", "summary_text": "summary", "reasoning_text": "thought"}
MESSAGE = {"content": "assistant", "refusal": "assistant", "transcript": "assistant"} | {
    "summary": "reasoning",
    "thought": "reasoning",
    "arguments": "arguments",
    "input": "arguments",
}
"""Kinds of text, and of the messages that carry them."""

# Calls that come whole, with their item's type for a name: where their arguments are.
WHOLE_CALLS = {
    "computer_call": "action",
    "local_shell_call": "action",
    "shell_call": "action",
    "apply_patch_call": "operation",
    "tool_search_call": "arguments",
}
KINDS = {"function_call": "function", "custom_tool_call": "custom", "mcp_call": "mcp"}
"""Types of item that are calls, and kinds of call; that of any other is its type."""

Said = tuple[str, str | None, str]
"""Kind of message, id of the call where it is one, text."""


def responses(stream: list[Any]) -> list[list[Any]]:
    """A stream split into its responses, of which some who record join several."""
    found: list[list[Any]] = [[]]
    for event in stream:
        if event.get("type") == "response.created" and any(
            each.get("type") in ("response.created", *ENDS) for each in found[-1]
        ):
            found.append([])
        found[-1].append(event)
    return found


@dataclass(eq=False)
class Lane:
    """One text: a part of an item, or the arguments of a call."""

    kind: str
    number: int = 0
    units: bytes = b""
    closed: bool = False
    contradicted: bool = False

    @property
    def text(self) -> str:
        """The text so far, with U+FFFD for half of a pair."""
        return self.units.decode("utf-16-le", "replace")


@dataclass(eq=False)
class Item:
    """An item of the output, as everything that speaks of it tells."""

    type: str
    index: int | None = None
    ids: set[str] = field(default_factory=set)
    id: str | None = None
    call_id: str | None = None
    name: str = ""
    lanes: list[Lane] = field(default_factory=list)
    done: bool = False
    whole: dict[str, Any] = field(default_factory=dict)
    """What ``output_item.done`` said, else what the terminal event said."""
    announced: bool = False

    def lane(self, kind: str, number: object) -> Lane:
        """The part of this kind and number, which is a name and not a position."""
        number = number if isinstance(number, int) else 0
        for lane in self.lanes:
            if (lane.kind, lane.number) == (kind, number):
                return lane
        self.lanes.append(Lane(kind, number))
        return self.lanes[-1]

    def nth(self, kind: str, position: int) -> Lane:
        """The part of this kind at a position: so an item that is told whole lists them."""
        lanes = [lane for lane in self.lanes if lane.kind == kind]
        if position < len(lanes):
            return lanes[position]
        return self.lane(kind, max((lane.number for lane in lanes), default=-1) + 1)

    @property
    def is_call(self) -> bool:
        """Whether the item becomes a call: no server's own tool does but MCP's, which shows what it is asked."""
        if self.type == "tool_search_call":
            return self.whole.get("execution") == "client"
        if self.type == "shell_call":
            environment = self.whole.get("environment") or {}
            return not str(environment.get("type", "")).startswith("container")
        return self.type in WHOLE_CALLS or self.type in KINDS or self.type == "mcp_approval_request"

    @property
    def is_ours(self) -> bool:
        """Whether the client is asked to run it."""
        return self.is_call and self.type not in ("mcp_call", "mcp_approval_request")


@dataclass
class Reading:
    """Everything that one response says."""

    items: list[Item] = field(default_factory=list)
    said: list[tuple[Lane | None, Said]] = field(default_factory=list)
    usage: dict[str, int] = field(default_factory=dict)
    response_id: str | None = None
    model: str | None = None
    status: str | None = None
    reason: str | None = None
    error: dict[str, Any] | None = None
    loose: Item = field(default_factory=lambda: Item(""))
    """Has the texts that belong to no item."""

    def read(self, event: dict[str, Any]) -> None:
        """Read the next event."""
        kind = event.get("type") or ""
        response = event.get("response") or {}
        if not kind.startswith("response.") and not event.get("error") and kind != "error":
            return
        self.register(response.get("usage") or {})
        if self.status or self.error:
            self.error = self.error or error_of(event)
            return
        self.response_id = self.response_id or response.get("id")
        self.model = self.model or response.get("model")
        if kind in ("response.output_item.added", "response.output_item.done"):
            self.item(event, done=kind.endswith("done"))
        elif kind in ENDS:
            self.output(response.get("output") or [])
            self.status = response.get("status") or ENDS[kind]
            self.reason = (response.get("incomplete_details") or {}).get("reason")
        else:
            self.part(event, kind.removeprefix("response."))
        self.error = error_of(event)

    def register(self, usage: dict[str, Any]) -> None:
        """Take the counts of a report, each of which replaces the one before."""
        details = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
        found = {
            "input": usage.get("input_tokens"),
            "output": usage.get("output_tokens"),
            "cached": details[0].get("cached_tokens"),
            "reasoning": details[1].get("reasoning_tokens"),
        }
        self.usage |= {name: count for name, count in found.items() if count is not None}

    def owner(self, event: dict[str, Any], types: tuple[str, ...], ids: set[str], *, starts: bool = False) -> Item:
        """The item that an event speaks of: by its id, else by its place, else the latest that it fits."""
        index = event.get("output_index")
        fitting = [item for item in self.items if item.type in types]
        named = [item for item in fitting if ids & item.ids]
        here = [item for item in fitting if item.index == index is not None]
        if len(named) == 1:
            return named[0]
        if both := [item for item in named if item in here]:
            return both[-1]
        if here and not (starts and ids):
            return here[-1]
        is_new = index is not None and all(item.index != index for item in self.items)
        unfinished = [item for item in fitting if not item.done]
        if unfinished and not is_new and not starts:
            return unfinished[-1]
        self.items.append(Item(types[0], index))
        return self.items[-1]

    def item(self, event: dict[str, Any], *, done: bool) -> None:
        """Read an item's beginning or its end."""
        told = event.get("item") or {}
        item = self.owner(event, (told.get("type") or "",), ids_of(told), starts=not done)
        self.learn(item, told)
        if done and not item.done:
            self.whole(item, told)
            item.whole, item.done = told, True

    def learn(self, item: Item, told: dict[str, Any]) -> None:
        """Take an item's ids and its name; the first ones stay."""
        item.ids |= ids_of(told)
        item.id = item.id or told.get("id")
        item.call_id = item.call_id or told.get("call_id")
        item.name = item.name or told.get("name") or (item.type if item.type in WHOLE_CALLS else "")
        if item.type in KINDS and item.name and not item.announced:
            item.announced = True
            self.said.append((None, ("name", item.call_id or item.id, item.name)))
        for kind in ("arguments", "input"):
            if item.type in KINDS and isinstance(told.get(kind), str):
                self.report(item, item.lane(kind, 0), told[kind])

    def whole(self, item: Item, told: dict[str, Any]) -> None:
        """Read the texts of an item that is told whole."""
        places: dict[str, int] = {}
        for part in [*(told.get("summary") or []), *(told.get("content") or [])]:
            if kind := PARTS.get(part.get("type")):
                position = places[kind] = places.get(kind, -1) + 1
                self.report(item, item.nth(kind, position), part.get("refusal" if kind == "refusal" else "text"))
        for lane in item.lanes:
            lane.closed = True
        shown = WHOLE_CALLS.get(item.type) or ("arguments" if item.type == "mcp_approval_request" else None)
        item.whole = told
        if shown and item.is_call and not item.announced:
            item.announced, item.call_id = True, told.get("call_id") or item.call_id
            self.said.append((None, ("name", item.call_id or item.id, item.name)))
            value = told.get(shown)
            self.report(item, item.lane("arguments", 0), value if isinstance(value, str) else json.dumps(value))

    def output(self, output: list[dict[str, Any]]) -> None:
        """Read the items that the terminal event tells again: each is known by an id, else by its order."""
        left = list(self.items)
        known: dict[int, Item] = {}
        for by_id in (True, False):
            for place, told in enumerate(output):
                fitting = [item for item in left if item.type == told.get("type")]
                fitting = [item for item in fitting if not by_id or ids_of(told) & item.ids]
                if place not in known and fitting:
                    known[place] = fitting[0]
                    left.remove(fitting[0])
        for place, told in enumerate(output):
            if place not in known:
                self.items.append(Item(told.get("type") or "", place))
            item = known.get(place) or self.items[-1]
            whole = item.whole
            self.learn(item, told)
            self.whole(item, told)
            item.whole, item.done = whole or told, True

    def part(self, event: dict[str, Any], kind: str) -> None:
        """Read an event of a part of an item."""
        front, _, verb = re.sub(r"[._](delta|done|added)$", r" \1", kind).partition(" ")
        ids = {each for each in (event.get("item_id"), event.get("call_id")) if each}
        number = next((event[name] for name in ("content_index", "summary_index") if name in event), 0)
        if front in SPOKEN and verb in ("delta", "done"):
            text, fits = SPOKEN[front]
            item = self.owner(event, (fits,), ids) if fits else self.loose
            lane = item.lane(text, number)
            if verb == "delta" and not lane.closed:
                self.say(item, lane, event.get("delta"))
            elif verb == "done":
                names = ("text", "refusal", "arguments", "input", "transcript")
                self.report(item, lane, next((event[name] for name in names if name in event), None))
                lane.closed = True
        elif front in FRAMES:
            part = event.get("part") or {}
            if text := PARTS.get(part.get("type"), ""):
                item = self.owner(event, ("reasoning" if text in ("summary", "thought") else "message",), ids)
                self.report(item, item.lane(text, number), part.get("refusal" if text == "refusal" else "text"))

    def say(self, item: Item, lane: Lane, text: object) -> None:
        """Add a text to a lane."""
        if isinstance(text, str) and text:
            lane.units += text.encode("utf-16-le", "surrogatepass")
            call_id = item.call_id or item.id if MESSAGE[lane.kind] == "arguments" else None
            self.said.append((lane, (MESSAGE[lane.kind], call_id, text)))

    def report(self, item: Item, lane: Lane, text: object) -> None:
        """Take what is said to be the whole text so far: what goes on is new, what contradicts is not read."""
        if isinstance(text, str) and text:
            units = text.encode("utf-16-le", "surrogatepass")
            if units.startswith(lane.units):
                rest = units[len(lane.units) :]
                self.say(item, lane, rest.decode("utf-16-le", "surrogatepass"))
            else:
                lane.contradicted = True

    @property
    def finish(self) -> str | None:
        """The wire's word for the end."""
        return (self.reason or "incomplete") if self.status == "incomplete" else self.status

    @property
    def stop(self) -> str:
        """Our word for it."""
        if self.error or self.status == "failed":
            return "error"
        if self.status == "completed":
            return "tool_calls" if any(item.is_ours for item in self.items) else "end_turn"
        if self.status == "incomplete":
            return REASONS.get(self.reason, "unknown") if self.reason else "incomplete"
        return "cancelled" if self.status == "cancelled" else "incomplete"

    def texts(self, *kinds: str) -> list[str]:
        """The texts of these kinds, in the order in which they began."""
        lanes = list(dict.fromkeys(lane for lane, _ in self.said if lane and lane.kind in kinds))
        return [lane.text for lane in lanes]

    def calls(self) -> Iterator[dict[str, Any]]:
        """The calls, in the order in which they began."""
        for item in self.items:
            if item.is_call:
                kind = KINDS.get(item.type, item.type)
                arguments = "".join(lane.text for lane in item.lanes)
                yield {
                    "id": item.call_id or item.id,
                    "name": item.name,
                    "arguments": arguments,
                    "kind": kind,
                    "ready": item.is_ours
                    and bool(item.name)
                    and self.stop in ("end_turn", "tool_calls")
                    and item.whole.get("status") not in ("incomplete", "failed")
                    and not any(lane.contradicted for lane in item.lanes)
                    and (kind == "custom" or is_whole(arguments)),
                }

    def messages(self) -> list[Said]:
        """What it says, in order; neighbours of one text joined. Announcements of hidden reasoning are left out."""
        found: list[tuple[Lane | None, Said]] = []
        for lane, each in self.said:
            if found and lane and found[-1][0] is lane:
                found[-1] = (lane, (*each[:2], found[-1][1][2] + each[2]))
            else:
                found.append((lane, each))
        whole = [(*each[:2], each[2].encode("utf-16-le", "surrogatepass")) for _, each in found]
        return [(kind, call_id, units.decode("utf-16-le", "replace")) for kind, call_id, units in whole]


def read(stream: list[Any]) -> dict[str, Any]:
    """Everything that the events of one response say.

    Returns:
        ``content``, ``refusal``, ``transcript``, ``reasoning``: whole texts. ``parts``: the same as lists, whose
        members must stay apart, and ``encrypted``, reasoning that the server alone reads. ``calls``: dicts of ``id``,
        ``name``, ``arguments``, ``kind`` and ``ready`` (safe to run). ``usage``: ``input``, ``output``, ``cached``,
        ``reasoning``, each a count or ``None``. ``finish``: the wire's word. ``stop``: ours. ``error``: ``code`` and
        ``message``, or ``None``. ``hidden``: whether some reasoning shows nothing. ``response_id``, ``model``.
        ``contradicts``: whether a text was told in two ways. ``messages``: kind, id of the call, text.
    """
    reading = Reading()
    for event in stream:
        if isinstance(event, dict):
            reading.read(event)
    thoughts = [item for item in reading.items if item.type == "reasoning"]
    kinds = {"content": ("content",), "refusal": ("refusal",), "transcript": ("transcript",)}
    parts = {name: reading.texts(*each) for name, each in {**kinds, "reasoning": ("summary", "thought")}.items()}
    encrypted = [item.whole["encrypted_content"] for item in thoughts if item.whole.get("encrypted_content")]
    return {
        **{name: "".join(texts) for name, texts in parts.items()},
        "parts": {**parts, "encrypted": encrypted},
        "calls": list(reading.calls()),
        "usage": {name: reading.usage.get(name) for name in ("input", "output", "cached", "reasoning")},
        "finish": reading.finish,
        "stop": reading.stop,
        "error": reading.error,
        "hidden": any(not lane.text for item in thoughts for lane in item.lanes or [Lane("")]),
        "response_id": reading.response_id,
        "model": reading.model,
        "contradicts": any(lane.contradicted for item in reading.items for lane in item.lanes),
        "messages": reading.messages(),
    }


def ids_of(item: dict[str, Any]) -> set[str]:
    """The ids by which an item may be named."""
    return {item[name] for name in ("id", "call_id") if item.get(name)}


def error_of(event: dict[str, Any]) -> dict[str, Any] | None:
    """The failure that an event reports: flat, nested, or in its response."""
    error = event.get("error") or (event.get("response") or {}).get("error")
    if not error and event.get("type") in ("error", "response.error"):
        error = event
    if not error:
        return None
    if not isinstance(error, dict):
        return {"code": None, "message": str(error)}
    code = error.get("code") or (None if error is event else error.get("type"))
    return {"code": code and str(code), "message": error.get("message")}


def is_whole(arguments: str) -> bool:
    """Whether arguments are a JSON object, even with raw control characters in strings; or none, which may be meant."""
    if arguments.strip() in ("", "null"):
        return True
    try:
        return isinstance(json.loads(arguments, strict=False), dict)
    except ValueError:
        return False
