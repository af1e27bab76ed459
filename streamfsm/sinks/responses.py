"""OpenAI Responses: the events of one response.

Items have an index, and so have their parts; items may interleave. When a response is completed or incomplete, no item
may be open; when it failed, items may. When a part or an item is done, its event repeats the complete text of its
deltas.
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from streamfsm.machines.declaration import LIVE, Row
from streamfsm.messages import Message, StopReasonType
from streamfsm.result import Usage
from streamfsm.sinks.grammar import DONE, Event, Grammar, Part, Word, table
from streamfsm.sinks.sink import Ending, Fields, Piece, ProtocolSink, Writes

_ITEMS = ("message", "reasoning", "function_call", "custom_tool_call", "mcp_call", "mcp_approval_request")
_PARTS = ("output_text", "refusal", "reasoning_text")
_HOSTED = re.compile(r"response\.(\w+_call|mcp_)\w*\.")
"""Events of tools that the server runs, of which there are many, such as ``response.web_search_call.searching``."""

# fmt: off
_RESPONSE = (
    Row("waiting",   "response.created",     "open",      None, "has the response's id"),
    Row("open",      "response.queued",      "open",      None, "the model has not begun"),
    Row("open",      "response.in_progress", "open",      None, "the model has begun"),
    Row("open",      "keepalive",            "open",      None, "keeps the connection alive"),
    Row("open",      "response.completed",   "ended",     None, "with the complete output"),
    Row("open",      "response.incomplete",  "ended",     None, "cut off by length or a filter, or cancelled"),
    Row("open",      "response.failed",      "failed",    None, "with the error; items may be open"),
    Row(LIVE,        "error",                "failed",    None, "the same, for a request that may have no response"),
    Row("ended",     DONE,                   "ended",     None, "some servers end the body as in Chat Completions"),
    Row("failed",    DONE,                   "failed",    None, "the same"),
)
_ITEM = (
    *(Row("absent", f"response.output_item.added {kind}", kind, None, "its first event") for kind in (*_ITEMS, "other")),
    *(Row(kind, f"response.output_item.done {kind}", "done", None, "the complete item") for kind in (*_ITEMS, "other")),
    Row("function_call",    "response.function_call_arguments.delta", "function_call",    None, "more of its arguments"),
    Row("function_call",    "response.function_call_arguments.done",  "arguments_done",   None, "the complete arguments"),
    Row("arguments_done",   "response.output_item.done function_call", "done",            None, "the complete item"),
    Row("custom_tool_call", "response.custom_tool_call_input.delta",  "custom_tool_call", None, "more of its input"),
    Row("custom_tool_call", "response.custom_tool_call_input.done",   "input_done",       None, "the complete input"),
    Row("input_done",       "response.output_item.done custom_tool_call", "done",         None, "the complete item"),
    Row("mcp_call",         "response.mcp_call.in_progress",          "mcp_call",         None, "the server runs it"),
    Row("mcp_call",         "response.mcp_call_arguments.delta",      "mcp_call",         None, "more of its arguments"),
    Row("mcp_call",         "response.mcp_call_arguments.done",       "mcp_call",         None, "the complete arguments"),
    Row("mcp_call",         "response.mcp_call.completed",            "mcp_call",         None, "the server has run it"),
    Row("mcp_call",         "response.mcp_call.failed",               "mcp_call",         None, "the tool failed"),
    Row("other",            "hosted",                                 "other",            None, "a tool that the server runs"),
)
_CONTENT = (
    *(Row("absent", f"response.content_part.added {kind}", kind, None, "its first event") for kind in _PARTS),
    *(Row(kind, f"response.{kind}.delta", kind, None, "more of its text") for kind in _PARTS),
    Row("output_text", "response.output_text.annotation.added", "output_text", None, "a citation"),
    *(Row(kind, f"response.{kind}.done", f"{kind}_done", None, "its complete text") for kind in _PARTS),
    *(Row(f"{kind}_done", f"response.content_part.done {kind}", "done", None, "the complete part") for kind in _PARTS),
)
_SUMMARY = (
    Row("absent", "response.reasoning_summary_part.added", "open",   None, "its first event"),
    Row("open",   "response.reasoning_summary_text.delta", "open",   None, "more of its text"),
    Row("open",   "response.reasoning_summary_text.done",  "whole",  None, "its complete text"),
    Row("whole",  "response.reasoning_summary_part.done",  "done",   None, "the complete part"),
)
# fmt: on


def _read(event: Event) -> Iterator[Word]:
    if event == DONE:
        yield Word(DONE, {})
        return
    kind = event["type"]
    if kind.startswith("response.output_item."):
        item = event["item"]["type"]
        yield Word(f"{kind} {item if item in _ITEMS else 'other'}", event)
    elif kind.startswith("response.content_part."):
        yield Word(f"{kind} {event['part']['type']}", event)
    else:
        yield Word("hosted" if _HOSTED.match(kind) and kind not in GRAMMAR.by_word else kind, event)


GRAMMAR = Grammar(
    "responses",
    (
        Part(
            table(
                "response",
                {
                    "waiting": "nothing has come",
                    "open": "the model is working",
                    "ended": "the response is complete, or cut off",
                    "failed": "the server, or the request, failed",
                },
                ("ended", "failed"),
                _RESPONSE,
            )
        ),
        Part(
            table(
                "item",
                {
                    "absent": "not begun",
                    "message": "what the model says, in parts",
                    "reasoning": "its thoughts, in parts",
                    "function_call": "a call, whose arguments are coming",
                    "arguments_done": "a call whose arguments are complete",
                    "custom_tool_call": "a call whose input is text, which is coming",
                    "mcp_call": "a call of a tool of another server, which this server runs",
                    "mcp_approval_request": "a request for permission to run such a call",
                    "input_done": "a call whose text is complete",
                    "other": "an item of another type, such as a tool that the server runs",
                    "done": "complete",
                },
                ("done",),
                _ITEM,
            ),
            ("output_index",),
            inside="response",
            may_speak=("open",),
            ends_before=("ended",),
        ),
        Part(
            table(
                "content",
                {
                    "absent": "not begun",
                    **dict.fromkeys(_PARTS, "its text is coming"),
                    **dict.fromkeys([f"{kind}_done" for kind in _PARTS], "its text is complete"),
                    "done": "complete",
                },
                ("done",),
                _CONTENT,
            ),
            ("output_index", "content_index"),
            inside="item",
            may_speak=("message", "reasoning"),
            ends_before=("done",),
        ),
        Part(
            table(
                "summary",
                {
                    "absent": "not begun",
                    "open": "its text is coming",
                    "whole": "its text is complete",
                    "done": "complete",
                },
                ("done",),
                _SUMMARY,
            ),
            ("output_index", "summary_index"),
            inside="item",
            may_speak=("reasoning",),
            ends_before=("done",),
        ),
    ),
    fields={
        **dict.fromkeys([f"response.{how}" for how in ("created", "completed", "incomplete", "failed")], ("response",)),
        **dict.fromkeys([f"response.{kind}.delta" for kind in _PARTS], ("item_id", "delta")),
        "response.output_text.done": ("item_id", "text"),
        "response.refusal.done": ("item_id", "refusal"),
        "response.reasoning_text.done": ("item_id", "text"),
        "response.reasoning_summary_text.delta": ("item_id", "delta"),
        "response.reasoning_summary_text.done": ("item_id", "text"),
        "response.function_call_arguments.delta": ("item_id", "delta"),
        "response.function_call_arguments.done": ("item_id", "arguments"),
        "response.mcp_call_arguments.delta": ("item_id", "delta"),
        "response.mcp_call_arguments.done": ("item_id", "arguments"),
        "response.custom_tool_call_input.delta": ("item_id", "delta"),
        "response.custom_tool_call_input.done": ("item_id", "input"),
    },
    read=_read,
    counter="sequence_number",
)


class ResponsesEvents(ProtocolSink[dict[str, Any]]):
    """Writes the events of the Responses API: :meth:`feed` returns them as dicts.

    When an item is done, its event repeats all of its deltas, so the sink keeps the complete response. A call of a
    custom tool, whose input is text, is written as a call of a function, because nothing shows what it is when the call
    begins.

    Args:
        model: the name of the model; in the last event, the result's model replaces it.
    """

    GRAMMAR: ClassVar[Grammar] = GRAMMAR
    KEEPS: ClassVar[tuple[str, ...]] = ("thought", "speech", "call")
    # fmt: off
    WRITES: ClassVar[tuple[Writes, ...]] = (
        Writes("response begins",   ("response.created", "response.in_progress"), "one response"),
        Writes("thought begins",    ("response.output_item.added reasoning", "response.content_part.added reasoning_text"), "an item for each run of thoughts; its text is not a summary"),
        Writes("thought goes on",   ("response.reasoning_text.delta",), "as it came"),
        Writes("thought is signed", (), "an item has no field for a signature"),
        Writes("thought ends",      ("response.reasoning_text.done", "response.content_part.done reasoning_text", "response.output_item.done reasoning"), "another kind of message begins, or the stream ends"),
        Writes("thought is hidden", ("response.output_item.added reasoning",), "an item without text, as OpenAI sends it"),
        Writes("hidden thought ends", ("response.output_item.done reasoning",), "another kind of message begins, or the stream ends"),
        Writes("encrypted thought ends", ("response.output_item.done reasoning",), "with the encrypted content"),
        Writes("thought is encrypted", (), "its item contains it"),
        Writes("speech begins",     ("response.output_item.added message", "response.content_part.added output_text"), "an item for each run of speech, including refusals"),
        Writes("speech goes on",    ("response.output_text.delta",), "as it came"),
        Writes("speech ends",       ("response.output_text.done", "response.content_part.done output_text", "response.output_item.done message"), "another kind of message begins, or the stream ends"),
        Writes("call begins",       ("response.output_item.added function_call",), "its name is complete"),
        Writes("call goes on",      ("response.function_call_arguments.delta",), "as it came; calls may interleave"),
        Writes("call is whole",     (), "text may still follow the last brace and make the call invalid"),
        Writes("call ends ready",   ("response.function_call_arguments.done", "response.output_item.done function_call"), "the item is completed"),
        Writes("call ends approvable", ("response.function_call_arguments.done", "response.output_item.done function_call"), "the same; the protocol does not know approval by the client"),
        Writes("call ends",         ("response.function_call_arguments.done", "response.output_item.done function_call"), "the item is incomplete"),
        Writes("hosted call begins", ("response.output_item.added mcp_call", "response.mcp_call.in_progress"), "its name is complete"),
        Writes("hosted call goes on", ("response.mcp_call_arguments.delta",), "as it came"),
        Writes("hosted call ends", ("response.mcp_call_arguments.done", "response.mcp_call.completed", "response.output_item.done mcp_call"), "with its output"),
        Writes("hosted call fails", ("response.mcp_call_arguments.done", "response.mcp_call.failed", "response.output_item.done mcp_call"), "with its error"),
        Writes("hosted call breaks off", ("response.mcp_call_arguments.done", "response.output_item.done mcp_call"), "the item is incomplete"),
        Writes("asking call begins", (), "the item is written at the end"),
        Writes("asking call goes on", (), "the item is written at the end"),
        Writes("asking call ends", ("response.output_item.added mcp_approval_request", "response.output_item.done mcp_approval_request"), "complete at once"),
        Writes("asking call breaks off", (), "there is nothing to approve"),
        Writes("other message",     (), "the protocol has no such event"),
        Writes("anomaly",           (), "the protocol has no such event"),
        Writes("ends done",         ("response.completed",), "with the complete output and the usage"),
        Writes("ends in doubt",     ("response.completed",), "the same; the items of calls have the status incomplete"),
        Writes("ends cut",          ("response.incomplete",), "by length or a filter"),
        Writes("ends unmarked",     ("response.incomplete",), "without a reason"),
        Writes("ends failed",       ("response.failed",), "with the error"),
        Writes("ends cancelled",    ("response.incomplete",), "with the status cancelled, which has no event of its own"),
    )
    # fmt: on

    def __init__(self, model: str = "") -> None:
        super().__init__()
        self._model = model
        self._number = 0
        self._items: dict[int, dict[str, Any]] = {}

    def frame(self, event: dict[str, Any]) -> bytes:
        """Return the event as a server-sent event, with its type as the name."""
        return f"event: {event['type']}\n".encode() + super().frame(event)

    def _write(self, word: str, fields: dict[str, Any]) -> None:
        super()._write(word, {"type": word.partition(" ")[0], "sequence_number": self._number, **fields})
        self._number += 1

    def _begins(self, message: Message) -> dict[str, Any]:
        self._response = {
            "id": f"resp_{message.id}",
            "object": "response",
            "created_at": int(message.date.timestamp()),
            "status": "in_progress",
            "model": self._model,
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "usage": None,
        }
        return {"response": {**self._response}}

    def _ends(self, ending: Ending) -> dict[str, Any]:
        response = {
            **self._response,
            "status": _STATUS[ending.how],
            "output": [self._items[at] for at in sorted(self._items)],
        }
        if result := ending.result:
            response["model"] = result.model or self._model
            response["usage"] = _usage(ending.usage)
        if ending.how == "ends failed":
            response["error"] = {"code": "server_error", "message": ending.error.message}
        if ending.stop_reason in _REASONS:
            response["incomplete_details"] = {"reason": _REASONS[ending.stop_reason]}
        return {"response": response}

    def _added(self, item: dict[str, Any], piece: Piece) -> dict[str, Any]:
        return {"output_index": piece.at, "item": item}

    def _done(self, item: dict[str, Any], piece: Piece) -> dict[str, Any]:
        self._items[piece.at] = item
        return {"output_index": piece.at, "item": item}

    FIELDS: ClassVar[Fields] = {
        "response.created": _begins,
        "response.in_progress": lambda self, _: {"response": {**self._response}},
        "response.output_item.added reasoning": lambda self, piece: self._added(
            _reasoning(piece, "in_progress"), piece
        ),
        "response.output_item.done reasoning": lambda self, piece: self._done(_reasoning(piece, "completed"), piece),
        "response.output_item.added message": lambda self, piece: self._added(_message(piece, "in_progress"), piece),
        "response.output_item.done message": lambda self, piece: self._done(_message(piece, "completed"), piece),
        "response.output_item.added function_call": lambda self, piece: self._added(_call(piece, "in_progress"), piece),
        "response.output_item.done function_call": lambda self, piece: self._done(
            _call(piece, "completed" if piece.is_ready else "incomplete"), piece
        ),
        "response.content_part.added reasoning_text": lambda _, piece: {**_part("rs", piece), "part": _thoughts("")},
        "response.content_part.done reasoning_text": lambda _, piece: {
            **_part("rs", piece),
            "part": _thoughts(piece.whole),
        },
        "response.content_part.added output_text": lambda _, piece: {**_part("msg", piece), "part": _text("")},
        "response.content_part.done output_text": lambda _, piece: {**_part("msg", piece), "part": _text(piece.whole)},
        "response.reasoning_text.delta": lambda _, piece: {**_part("rs", piece), "delta": piece.text},
        "response.reasoning_text.done": lambda _, piece: {**_part("rs", piece), "text": piece.whole},
        "response.output_text.delta": lambda _, piece: {**_part("msg", piece), "delta": piece.text, "logprobs": []},
        "response.output_text.done": lambda _, piece: {**_part("msg", piece), "text": piece.whole, "logprobs": []},
        "response.function_call_arguments.delta": lambda _, piece: {**_item("fc", piece), "delta": piece.text},
        "response.function_call_arguments.done": lambda _, piece: {
            **_item("fc", piece),
            "arguments": piece.whole,
        },
        "response.output_item.added mcp_call": lambda self, piece: self._added(_mcp(piece, "in_progress"), piece),
        "response.mcp_call.in_progress": lambda _, piece: _item("mcp", piece),
        "response.mcp_call_arguments.delta": lambda _, piece: {**_item("mcp", piece), "delta": piece.text},
        "response.mcp_call_arguments.done": lambda _, piece: {**_item("mcp", piece), "arguments": piece.whole},
        "response.mcp_call.completed": lambda _, piece: _item("mcp", piece),
        "response.mcp_call.failed": lambda _, piece: _item("mcp", piece),
        "response.output_item.done mcp_call": lambda self, piece: self._done(_mcp(piece, _MCP[piece.ending]), piece),
        "response.output_item.added mcp_approval_request": lambda self, piece: self._added(_question(piece), piece),
        "response.output_item.done mcp_approval_request": lambda self, piece: self._done(_question(piece), piece),
        "response.completed": _ends,
        "response.incomplete": _ends,
        "response.failed": _ends,
    }


_STATUS = {
    "ends done": "completed",
    "ends in doubt": "completed",
    "ends cut": "incomplete",
    "ends unmarked": "incomplete",
    "ends failed": "failed",
    "ends cancelled": "cancelled",
}
_MCP: dict[str, str] = {
    "hosted call ends": "completed",
    "hosted call fails": "failed",
    "hosted call breaks off": "incomplete",
}
_REASONS = {
    StopReasonType.max_tokens_exceeded: "max_output_tokens",
    StopReasonType.content_filter: "content_filter",
}


def _item(kind: str, piece: Piece) -> dict[str, Any]:
    return {"item_id": f"{kind}_{piece.id}", "output_index": piece.at}


def _part(kind: str, piece: Piece) -> dict[str, Any]:
    return {**_item(kind, piece), "content_index": 0}


def _text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _thoughts(text: str) -> dict[str, Any]:
    return {"type": "reasoning_text", "text": text}


def _message(piece: Piece, status: str) -> dict[str, Any]:
    content = [_text(piece.whole)] if status == "completed" else []
    return {"id": f"msg_{piece.id}", "type": "message", "role": "assistant", "status": status, "content": content}


def _reasoning(piece: Piece, status: str) -> dict[str, Any]:
    item: dict[str, Any] = {"id": f"rs_{piece.id}", "type": "reasoning", "summary": [], "status": status}
    if piece.encrypted:
        item["encrypted_content"] = piece.encrypted[-1]
    return {**item, "content": [_thoughts(piece.whole)]} if piece.pieces and status == "completed" else item


def _call(piece: Piece, status: str) -> dict[str, Any]:
    return {
        "id": f"fc_{piece.id}",
        "type": "function_call",
        "call_id": piece.id,
        "name": piece.name,
        "arguments": "" if status == "in_progress" else piece.whole,
        "status": status,
    }


def _mcp(piece: Piece, status: str) -> dict[str, Any]:
    error = piece.error and {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": piece.error}]}
    return {
        **_question(piece),
        "id": f"mcp_{piece.id}",
        "type": "mcp_call",
        "output": piece.output,
        "error": error,
        "status": status,
    }


def _question(piece: Piece) -> dict[str, Any]:
    return {
        "id": f"mcpr_{piece.id}",
        "type": "mcp_approval_request",
        "server_label": piece.server,
        "name": piece.name,
        "arguments": piece.whole,
    }


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    read, written = usage.input_tokens or 0, usage.output_tokens or 0
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens or 0, "cache_write_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": read + written,
    }
