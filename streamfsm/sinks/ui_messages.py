"""UI message streams of the Vercel AI SDK, versions 6 and 7.

Parts may interleave, inside or outside of steps. Readers accept a part that is left open, but show it as streaming for
ever. So this table demands that text and reasoning end before the message does, and that each call gets its input or an
error; after an abort, nothing more is required. An error does not end the message.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from streamfsm.machines.declaration import Row
from streamfsm.messages import StopReasonType
from streamfsm.result import Anomaly
from streamfsm.sinks.grammar import DONE, Event, Grammar, Part, Word, table
from streamfsm.sinks.sink import Ending, Fields, Piece, ProtocolSink, Writes

_LOOPS = {
    "file": "a part that is complete at once",
    "reasoning-file": "the same, for reasoning",
    "source-url": "the same, for a citation",
    "source-document": "the same, for a document",
    "custom": "the same, defined by a provider",
    "data": "a part defined by the application",
    "message-metadata": "metadata of the message",
    "error": "shown to the reader; the message continues",
}
_BODY = ("before", "between", "step")
# fmt: off
_MESSAGE = (
    Row("before",   "start",       "between",  None, "may have the message's id"),
    Row("before",   "start-step",  "step",     None, "a stream may continue a message that has begun"),
    Row("between",  "start-step",  "step",     None, "one answer of the model"),
    Row("step",     "finish-step", "between",  None, "the answer is complete; readers forget its parts"),
    *(Row(state, word, state, None, because) for word, because in _LOOPS.items() for state in _BODY),
    Row("step",     "reset-step",  "step",     None, "readers must forget the parts of the step"),
    Row("between",  "steering-message", "between", None, "a message of the user in the middle of the answer"),
    *(Row(state, "finish", "finished", None, "has the finish reason") for state in _BODY),
    *(Row(state, "abort", "aborted", None, "the answer was aborted") for state in _BODY),
    *(Row(state, DONE, "done", None, "a message may end without a finish reason") for state in ("between", "before")),
    Row("finished", DONE,          "done",     None, "the end of the body"),
    Row("aborted",  DONE,          "left",     None, "the end of the body"),
)
_CALL = (
    Row("absent",    "tool-input-start",       "streaming", None, "the tool's name is known"),
    Row("streaming", "tool-input-delta",       "streaming", None, "more of the input, as text"),
    Row("streaming", "tool-input-available",   "available", None, "the reader may run the call now"),
    Row("absent",    "tool-input-available",   "available", None, "a call that is complete at once"),
    Row("streaming", "tool-input-error",       "failed",    None, "the input is invalid; the call is not run"),
    Row("absent",    "tool-input-error",       "failed",    None, "the same, complete at once"),
    Row("available", "tool-approval-request",  "available", None, "the user is asked for approval"),
    Row("available", "tool-approval-response", "available", None, "the user's answer"),
    Row("available", "tool-output-denied",     "failed",    None, "the user has not approved it"),
    Row("available", "tool-output-available",  "answered",  None, "the tool was run"),
    Row("available", "tool-output-error",      "failed",    None, "the tool failed"),
    Row("answered",  "tool-output-available",  "answered",  None, "a later output replaces a preliminary one"),
)
# fmt: on


def _text(name: str) -> Part:
    rows = (
        Row("absent", f"{name}-start", "open", None, "its first event"),
        Row("open", f"{name}-delta", "open", None, "more of its text"),
        Row("open", f"{name}-end", "ended", None, "it is complete; another part may use its id"),
    )
    states = {"absent": "not begun", "open": "shown as streaming", "ended": "shown as done"}
    return Part(
        table(name, states, ("ended",), rows),
        ("id",),
        inside="message",
        may_speak=_BODY,
        ends_before=("finished", "done"),
        again=True,
    )


def _read(event: Event) -> Iterator[Word]:
    if event == DONE:
        yield Word(DONE, {})
    else:
        kind = event["type"]
        yield Word("data" if kind.startswith("data-") else kind, event)


GRAMMAR = Grammar(
    "ui-messages",
    (
        Part(
            table(
                "message",
                {
                    "before": "nothing has come",
                    "between": "outside of steps",
                    "step": "the model answers",
                    "finished": "nothing but the end of the body follows",
                    "aborted": "the same; parts may be open",
                    "done": "the body has ended",
                    "left": "the same, after an abort",
                },
                ("done", "left"),
                _MESSAGE,
            ),
            ends_in=("finished", "aborted"),
        ),
        _text("reasoning"),
        _text("text"),
        Part(
            table(
                "call",
                {
                    "absent": "not begun",
                    "streaming": "its input is coming",
                    "available": "its input is complete",
                    "failed": "it is not run, or failed",
                    "answered": "its output has come",
                },
                ("failed", "answered"),
                _CALL,
            ),
            ("toolCallId",),
            inside="message",
            may_speak=_BODY,
            ends_before=("finished", "done"),
            ends_in=("available",),
        ),
    ),
    fields={
        "text-delta": ("delta",),
        "reasoning-delta": ("delta",),
        "tool-input-start": ("toolName",),
        "tool-input-delta": ("inputTextDelta",),
        "tool-input-available": ("toolName", "input"),
        "tool-input-error": ("toolName", "input", "errorText"),
        "tool-approval-request": ("approvalId",),
        "tool-output-available": ("output",),
        "tool-output-error": ("errorText",),
        "error": ("errorText",),
        "data": ("data",),
    },
    read=_read,
)

_FINISH = {
    StopReasonType.end_turn: "stop",
    StopReasonType.tool_calls: "tool-calls",
    StopReasonType.max_tokens_exceeded: "length",
    StopReasonType.content_filter: "content-filter",
    StopReasonType.error: "error",
}


class UiMessageStream(ProtocolSink[dict[str, Any]]):
    """Writes a UI message stream: :meth:`feed` returns its parts, as dicts.

    Clients run a call when they get ``tool-input-available``, so the sink writes that only for ready calls, at the end.

    Args:
        message_id: the id of the message, by default that of our messages.
    """

    GRAMMAR: ClassVar[Grammar] = GRAMMAR
    HEADERS: ClassVar[Mapping[str, str]] = {**ProtocolSink.HEADERS, "x-vercel-ai-ui-message-stream": "v1"}
    LAST: ClassVar[bytes] = b"data: [DONE]\n\n"
    # fmt: off
    WRITES: ClassVar[tuple[Writes, ...]] = (
        Writes("response begins",   ("start", "start-step"), "one response is one step"),
        Writes("thought begins",    ("reasoning-start",), "a part for each run of thoughts"),
        Writes("thought goes on",   ("reasoning-delta",), "as it came"),
        Writes("thought is signed", (), "the end of the thought has the signature, among its metadata"),
        Writes("thought ends",      ("reasoning-end",), "another kind of message begins, or the stream ends"),
        Writes("thought is hidden", (), "an empty part would be shown"),
        Writes("hidden thought ends", (), "the same"),
        Writes("encrypted thought ends", ("reasoning-start", "reasoning-end"), "an empty part, because its metadata must be sent back"),
        Writes("thought is encrypted", (), "the end of the thought has it, among its metadata"),
        Writes("speech begins",     ("text-start",), "a part for each run of speech"),
        Writes("speech goes on",    ("text-delta",), "as it came"),
        Writes("speech ends",       ("text-end",), "another kind of message begins, or the stream ends"),
        Writes("call begins",       ("tool-input-start",), "its name is complete; dynamic, because its tool is not known here"),
        Writes("call goes on",      ("tool-input-delta",), "as it came; calls may interleave"),
        Writes("call is whole",     (), "text may still follow the last brace and make the call invalid"),
        Writes("call ends ready",   ("tool-input-available",), "readers run it"),
        Writes("call ends approvable", ("tool-input-available", "tool-approval-request"), "it must be approved"),
        Writes("call ends",         ("tool-input-error",), "readers show it and do not run it"),
        Writes("hosted call begins", ("tool-input-start",), "marked in each of its parts as executed by the provider"),
        Writes("hosted call goes on", ("tool-input-delta",), "as it came"),
        Writes("hosted call ends", ("tool-input-available", "tool-output-available"), "the server ran it"),
        Writes("hosted call fails", ("tool-input-available", "tool-output-error"), "the server ran it, and it failed"),
        Writes("hosted call breaks off", ("tool-input-error",), "nobody ran it"),
        Writes("asking call begins", ("tool-input-start",), "its name is complete"),
        Writes("asking call goes on", ("tool-input-delta",), "as it came"),
        Writes("asking call ends", ("tool-input-available", "tool-approval-request"), "the server asks for permission to run it"),
        Writes("asking call breaks off", ("tool-input-error",), "there is nothing to approve"),
        Writes("other message",     ("data",), "its type is data- and the message type"),
        Writes("anomaly",           ("data",), "for developers: transient, so that it is not stored"),
        Writes("ends done",         ("finish-step", "finish"), "with the finish reason and the usage"),
        Writes("ends in doubt",     ("finish-step", "finish"), "the same"),
        Writes("ends cut",          ("finish-step", "finish"), "the same"),
        Writes("ends unmarked",     ("error", "finish-step", "finish"), "as if the connection was lost"),
        Writes("ends failed",       ("error", "finish-step", "finish"), "the error's text, then the end"),
        Writes("ends cancelled",    ("abort",), "nothing more is required"),
    )
    # fmt: on

    def __init__(self, message_id: str | None = None) -> None:
        super().__init__()
        self._message_id = message_id

    def _has_place(self, piece: Piece) -> bool:
        try:
            _input(piece)
        except (ValueError, RecursionError):
            return False
        return True

    def _not_available(self, piece: Piece) -> dict[str, Any]:
        why = "the call is not ready" + (f": its arguments are {piece.verdict}" if piece.verdict else "")
        return {**_call(piece), "input": piece.whole, "errorText": why}

    def _data(self, about: Any) -> dict[str, Any]:
        kind = "anomaly" if isinstance(about, Anomaly) else about.message_type
        body = about.model_dump(mode="json", exclude_none=True)
        return {"type": f"data-{kind}", "data": body, "transient": True}

    def _finish(self, ending: Ending) -> dict[str, Any]:
        fields: dict[str, Any] = {"finishReason": _FINISH.get(ending.stop_reason, "other")}
        if ending.result and (usage := ending.usage):
            model = {"model": ending.result.model} if ending.result.model else {}
            fields["messageMetadata"] = {"usage": usage.model_dump(mode="json", exclude_none=True), **model}
        return fields

    FIELDS: ClassVar[Fields] = {
        "start": lambda self, message: {"messageId": self._message_id or message.id},
        "start-step": lambda *_: {},
        "reasoning-start": lambda _, piece: {"id": piece.id},
        "reasoning-delta": lambda _, piece: {"id": piece.id, "delta": piece.text},
        "reasoning-end": lambda _, piece: {"id": piece.id, **_details(piece)},
        "text-start": lambda _, piece: {"id": piece.id},
        "text-delta": lambda _, piece: {"id": piece.id, "delta": piece.text},
        "text-end": lambda _, piece: {"id": piece.id},
        "tool-input-start": lambda _, piece: _call(piece),
        "tool-input-delta": lambda _, piece: {"toolCallId": piece.id, "inputTextDelta": piece.text},
        "tool-input-available": lambda _, piece: {**_call(piece), "input": _input(piece)},
        "tool-input-error": _not_available,
        "tool-output-available": lambda _, piece: {**_ran(piece), "output": piece.output},
        "tool-output-error": lambda _, piece: {**_ran(piece), "errorText": piece.error},
        "tool-approval-request": lambda _, piece: {"approvalId": f"approve-{piece.id}", "toolCallId": piece.id},
        "data": _data,
        "error": lambda _, ending: {"errorText": ending.error.message},
        "finish-step": lambda *_: {},
        "finish": _finish,
        "abort": lambda *_: {},
    }


def _call(piece: Piece) -> dict[str, Any]:
    hosted = {"providerExecuted": True} if piece.is_hosted else {}
    return {"toolCallId": piece.id, "toolName": piece.name, "dynamic": True, **hosted}


def _ran(piece: Piece) -> dict[str, Any]:
    return {"toolCallId": piece.id, "dynamic": True, "providerExecuted": True}


def _details(piece: Piece) -> dict[str, Any]:
    """Return the structured parts that must be sent back with thoughts, as entries of ``reasoning_details``."""
    parts = [detail.as_part() for detail in piece.details if detail.signature or detail.data]
    return {"providerMetadata": {"streamfsm": {"reasoning": parts}}} if parts else {}


def _input(piece: Piece) -> Any:
    """Return the input of a ready call: its arguments, decoded, or the text for a custom tool.

    It raises an exception for JSON that Python cannot decode, such as a number of thousands of digits.
    """
    if piece.verdict == "text":
        return piece.whole
    return (piece.whole.strip() and json.loads(piece.whole, strict=False)) or {}
