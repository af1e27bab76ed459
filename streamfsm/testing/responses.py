"""Logical streams of the Responses API: functions that build items as OpenAI's servers send them, and a strategy.

Every text is sent four times: as a delta, in ``.done``, in its item, and in the response that ends the stream.
Chunkings cut the delta, and :data:`streamfsm.testing.RETELLINGS` leave out one of the four.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, TypeAlias

from hypothesis import strategies as st

from streamfsm.testing.strategies import NAMES, Fault, arguments, faults_with, texts
from streamfsm.testing.streams import Stream
from streamfsm.wires.chat.chunking import split

Event: TypeAlias = dict[str, Any]

ENDS = ("completed", "max_output_tokens", "content_filter", "steered", "failed", "cancelled", None)
"""How a stream ends: its status, or why it is incomplete; ``None``: the end never comes."""

_RESPONSE = {"id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4.1", "error": None}


def _event(kind: str, **fields: Any) -> Event:
    return {"type": f"response.{kind}", **fields}


def _whole(text: str) -> str:
    """Return the text with surrogate pairs joined, as it comes in one piece."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _item(index: int, item: Event, inner: Iterable[Event], **begun: Any) -> list[Event]:
    """Return an item's events between those that begin and end it; ``begun``: fields that differ when it begins."""
    return [
        _event("output_item.added", output_index=index, item={**item, **begun}),
        *inner,
        _event("output_item.done", output_index=index, item=item),
    ]


def _told(kind: str, place: Event, text: str, field: str = "text") -> list[Event]:
    """Return one text, as a delta and in ``.done``."""
    deltas = [_event(f"{kind}.delta", **place, delta=text)] if text else []
    return [*deltas, _event(f"{kind}.done", **place, **{field: _whole(text)})]


def _framed(frame: str, kind: str, place: Event, part: Event) -> list[Event]:
    """Return the events of one part of an item; its text is the part's last field."""
    *_, field = part
    return [
        _event(f"{frame}.added", **place, part={**part, field: ""}),
        *_told(kind, place, part[field], field),
        _event(f"{frame}.done", **place, part={**part, field: _whole(part[field])}),
    ]


def message(index: int, parts: Sequence[tuple[str, str]]) -> list[Event]:
    """Return the events of a message; each part is a pair of ``content`` or ``refusal``, and its text."""
    found = [
        {"type": "refusal", "refusal": text} if kind == "refusal" else {"type": "output_text", "text": text}
        for kind, text in parts
    ]
    item_id = f"msg_{index}"
    inner = [
        event
        for number, part in enumerate(found)
        for event in _framed(
            "content_part",
            str(part["type"]),
            {"item_id": item_id, "output_index": index, "content_index": number},
            part,
        )
    ]
    content = [{name: _whole(value) for name, value in part.items()} for part in found]
    item = {"id": item_id, "type": "message", "role": "assistant", "status": "completed", "content": content}
    return _item(index, item, inner, status="in_progress", content=[])


def reasoning(index: int, summary: Sequence[str] = (), *, text: str = "", encrypted: str = "") -> list[Event]:
    """Return the events of reasoning: the parts of a summary, raw text, and encrypted content."""
    item_id = f"rs_{index}"
    place = {"item_id": item_id, "output_index": index}
    inner = [
        event
        for number, part in enumerate(summary)
        for event in _framed(
            "reasoning_summary_part",
            "reasoning_summary_text",
            {**place, "summary_index": number},
            {"type": "summary_text", "text": part},
        )
    ]
    item: Event = {"id": item_id, "type": "reasoning"}
    item["summary"] = [{"type": "summary_text", "text": _whole(part)} for part in summary]
    if text:
        inner += _told("reasoning_text", {**place, "content_index": 0}, text)
        item["content"] = [{"type": "reasoning_text", "text": _whole(text)}]
    if encrypted:
        item["encrypted_content"] = encrypted
        return _item(index, item, inner, summary=[], content=[], encrypted_content="provisional")
    return _item(index, item, inner, summary=[], content=[])


def call(index: int, name: str, text: str, *, custom: bool = False) -> list[Event]:
    """Return the events of a call of a function, or of a ``custom`` tool with text input. Its id: ``call_<index>``."""
    kind, field, item_id = ("custom_tool_call", "input", "ctc") if custom else ("function_call", "arguments", "fc")
    item_id = f"{item_id}_{index}"
    item = {"id": item_id, "type": kind, "call_id": f"call_{index}", "name": name, field: _whole(text)}
    place = {"item_id": item_id, "output_index": index}
    inner = _told("custom_tool_call_input" if custom else "function_call_arguments", place, text, field)
    return _item(index, {**item, "status": "completed"}, inner, status="in_progress", **{field: ""})


def web_search(index: int, query: str) -> list[Event]:
    """Return the events of a web search, which the server runs."""
    place = {"item_id": f"ws_{index}", "output_index": index}
    item = {"id": f"ws_{index}", "type": "web_search_call", "status": "completed", "action": {"query": query}}
    steps = [_event(f"web_search_call.{step}", **place) for step in ("in_progress", "searching", "completed")]
    return _item(index, item, steps, status="in_progress")


def mcp_call(index: int, name: str, text: str, *, output: str | None = "42", error: Any = None) -> list[Event]:
    """Return the events of a call of an MCP tool, which the server runs, with its output or error."""
    place = {"item_id": f"mcp_{index}", "output_index": index}
    item = {"id": f"mcp_{index}", "type": "mcp_call", "name": name, "server_label": "wiki", "arguments": _whole(text)}
    inner = [
        _event("mcp_call.in_progress", **place),
        *_told("mcp_call_arguments", place, text, "arguments"),
        _event(f"mcp_call.{'completed' if error is None else 'failed'}", **place),
    ]
    return _item(
        index,
        {**item, "output": output, "error": error, "status": "completed" if error is None else "failed"},
        inner,
        arguments="",
        output=None,
        error=None,
        status="in_progress",
    )


def mcp_approval_request(index: int, name: str, text: str) -> list[Event]:
    """Return the events of the server's question whether to run an MCP call; the item comes complete."""
    item = {"id": f"mcpr_{index}", "type": "mcp_approval_request", "name": name, "server_label": "wiki"}
    return _item(index, {**item, "arguments": _whole(text)}, [])


def response(events: Iterable[Event], end: str | None = "completed", usage: Event | None = None) -> list[Event]:
    """Return the events of a response.

    Args:
        events: those of its items, in order.
        end: one of :data:`ENDS`.
        usage: the token counts.
    """
    events = list(events)
    begun = {**_RESPONSE, "status": "in_progress", "output": [], "usage": None}
    found = [_event("created", response=begun), _event("in_progress", response=begun), *events]
    if end:
        status = end if end in ("completed", "failed", "cancelled") else "incomplete"
        items = {each["output_index"]: each["item"] for each in events if each["type"] == "response.output_item.done"}
        ended = {**_RESPONSE, "status": status, "output": [items[index] for index in sorted(items)], "usage": usage}
        if status == "incomplete":
            ended["incomplete_details"] = {"reason": end}
        if status == "failed":
            ended["error"] = {"code": "server_error", "message": "The server failed."}
        found.append(_event(status, response=ended))
    return [{**event, "sequence_number": number} for number, event in enumerate(found)]


# -- the strategy ------------------------------------------------------------------------------------------------------

KINDS = ("message", "reasoning", "function_call", "custom_tool_call", "web_search_call")


@st.composite
def responses_streams(
    draw: st.DrawFn,
    *,
    arguments: st.SearchStrategy[str] = arguments(),  # noqa: B008 - strategies are immutable
    names: st.SearchStrategy[str] = st.sampled_from(NAMES),  # noqa: B008
    texts: st.SearchStrategy[str] = texts(),  # noqa: B008
    kinds: Sequence[str] = KINDS,
    fields: Sequence[str] = ("content",),
    thoughts: Sequence[str] = ("summary", "text"),
    ends: Sequence[str | None] = ENDS,
    interleaved: bool = True,
    max_items: int = 4,
) -> Stream:
    """Generate streams with any mix of messages, reasoning, calls and hosted tools, endings and usage.

    Args:
        draw: Hypothesis's ``draw``.
        arguments: the arguments of each call.
        names: the names of the tools.
        texts: the text of each part, and the input of custom tools.
        kinds: the kinds of items that there may be; also ``mcp_call`` and ``mcp_approval_request``.
        fields: which of ``content`` and ``refusal`` a message may have.
        thoughts: how reasoning may be shown. OpenAI's servers send a ``summary``, others ``text``.
        ends: how the stream may end.
        interleaved: whether the events of items may be interleaved, which is rare. For such a stream, the retelling
            without deltas has the same texts in another order.
        max_items: the most items of the response.
    """
    # Half a surrogate pair at either end would be held back while other parts speak.
    texts = texts.map(lambda text: text.strip("\ud83d\ude00"))  # noqa: B005 - characters
    parts = st.lists(st.tuples(st.sampled_from(fields), texts), min_size=1, max_size=2)
    encrypted = st.sampled_from(["", "gAAAA"])
    makers = {
        "message": lambda index: message(index, draw(parts)),
        "reasoning": lambda index: (
            reasoning(index, draw(st.lists(texts, max_size=2)), encrypted=draw(encrypted))
            if draw(st.sampled_from(thoughts)) == "summary"
            else reasoning(index, text=draw(texts), encrypted=draw(encrypted))
        ),
        "function_call": lambda index: call(index, draw(names), draw(arguments)),
        "custom_tool_call": lambda index: call(index, draw(names), draw(texts), custom=True),
        "web_search_call": lambda index: web_search(index, draw(texts)),
        "mcp_call": lambda index: mcp_call(
            index, draw(names), draw(arguments), error=draw(st.sampled_from([None, "x"]))
        ),
        "mcp_approval_request": lambda index: mcp_approval_request(index, draw(names), draw(arguments)),
    }
    chosen = draw(st.lists(st.sampled_from(kinds), max_size=max_items))
    items = [makers[kind](index) for index, kind in enumerate(chosen)]
    if interleaved and draw(st.booleans()):
        items = [[event] for event in _dealt(draw, items)]
    end = draw(st.sampled_from(ends))
    usage = {"input_tokens": draw(st.integers(0, 9)), "output_tokens": 5} if draw(st.booleans()) else None
    return Stream(split(response((event for item in items for event in item), end, usage)))


def _dealt(draw: st.DrawFn, items: list[list[Event]]) -> Iterator[Event]:
    """Yield the events of the items interleaved; each item's events keep their order, and items begin in order."""
    waiting, open_items = items[:], list[list[Event]]()
    while waiting or open_items:
        if waiting and (not open_items or draw(st.booleans())):
            open_items.append(waiting.pop(0))
            item = open_items[-1]
        else:
            item = draw(st.sampled_from(open_items))
        yield item.pop(0)
        open_items = [each for each in open_items if each]


ERRORS = (
    {"type": "error", "code": "rate_limit_exceeded", "message": "Too fast.", "param": None, "sequence_number": 9},
    {"type": "error", "error": {"type": "server_error", "code": "overloaded", "message": "The server is overloaded"}},
    {"type": "response.failed", "response": {**_RESPONSE, "status": "failed", "error": {"code": "x", "message": "y"}}},
    {"error": {"message": "Rate limit reached", "code": 429}},
    {"type": "error"},
)


@cache
def responses_faults(*, garbage: bool = True) -> st.SearchStrategy[Fault]:
    """Generate faults as :func:`streamfsm.testing.faults` does, with errors and garbage of the Responses API."""
    return faults_with(ERRORS, garbage_events() if garbage else None)


@cache
def garbage_events() -> st.SearchStrategy[Any]:
    """Generate events with one wrong value at any place."""
    return st.builds(_spoilt, responses_streams(), st.integers(0, 40), st.integers(0, 8), _VALUES)


_VALUES = st.sampled_from([None, 0, -1, True, 1.5, "", "x", "\ud83d", [], [None], {}, {"type": "x"}, {"id": 1}])


def _spoilt(stream: Stream, place: int, field: int, value: Any) -> Event:
    """Return an event of the stream with another value in one field, perhaps of its item, its part or its response."""
    events = stream.plain()
    event: Event = json.loads(json.dumps(events[place % len(events)]))
    inner = [event, *(event[name] for name in ("item", "part", "response") if name in event)]
    fields = [(place, name) for place in inner for name in place]
    spoilt, name = fields[field % len(fields)]
    spoilt[name] = value
    return event


# -- law 7 -------------------------------------------------------------------------------------------------------------


def long_message(length: int) -> list[Event]:
    """Return the events of a message of ``length`` characters, four per delta; the text is repeated three times."""
    stream = Stream(split(response(message(0, [("content", "word " * (length // 5))]))))
    return stream.cut(range(0, len(stream.pieces), 4))


def long_call(length: int) -> list[Event]:
    """Return the events of a call with arguments of ``length`` characters, four per delta, repeated three times."""
    arguments = '{"message":"' + "word " * (length // 5) + '"}'
    stream = Stream(split(response(call(0, "send_message", arguments))))
    return stream.cut(range(0, len(stream.pieces), 4))
