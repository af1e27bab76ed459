"""AG-UI 1.0: the events of a run, as front ends of agents read them.

Parts may interleave. When a run finishes, no part may be open; when it fails, parts may. The published verifiers allow
an id to be opened again after its end, and a run to begin with its failure. This table does not, because readers would
join such parts, and would not know which run failed.
"""

from functools import cache
from typing import Any, ClassVar
from uuid import uuid4

from streamfsm.errors import MisuseError, with_extra
from streamfsm.machines.declaration import Row
from streamfsm.messages import Message, StopReasonType
from streamfsm.result import Anomaly
from streamfsm.sinks.grammar import Grammar, Part, table
from streamfsm.sinks.sink import Ending, Fields, Piece, ProtocolSink, Writes

# fmt: off
_ANYTIME = (
    Row("running", "TEXT_MESSAGE_CHUNK",        "running",  None, "short for start, content and end; the reader closes the message"),
    Row("running", "TOOL_CALL_CHUNK",           "running",  None, "the same, for a call"),
    Row("running", "REASONING_MESSAGE_CHUNK",   "running",  None, "the same for reasoning"),
    Row("running", "REASONING_ENCRYPTED_VALUE", "running",  None, "belongs to a message or call, open or not"),
    Row("running", "TOOL_CALL_RESULT",          "running",  None, "a message of its own, for a call that was run meanwhile"),
    Row("running", "STATE_SNAPSHOT",            "running",  None, "the state of the agent, apart from its messages"),
    Row("running", "STATE_DELTA",               "running",  None, "the same, as a patch"),
    Row("running", "MESSAGES_SNAPSHOT",         "running",  None, "all messages again"),
    Row("running", "ACTIVITY_SNAPSHOT",         "running",  None, "a message that is neither text nor call"),
    Row("running", "ACTIVITY_DELTA",            "running",  None, "the same, as a patch"),
    Row("running", "SUBAGENT_STARTED",          "running",  None, "an agent within the run"),
    Row("running", "SUBAGENT_FINISHED",         "running",  None, "that agent has finished"),
    Row("running", "SUBAGENT_ERROR",            "running",  None, "that agent has failed; the run continues"),
    Row("running", "CUSTOM",                    "running",  None, "an event that agent and front end agreed on"),
    Row("running", "RAW",                       "running",  None, "an event of another system"),
)
_RUN = (
    Row("waiting", "RUN_STARTED",               "running",  None, "has the run's id and the protocol's version"),
    *_ANYTIME,
    Row("running", "RUN_FINISHED",              "finished", None, "complete, interrupted or cancelled, as its outcome says"),
    Row("running", "RUN_ERROR",                 "failed",   None, "the run failed; what was open stays unfinished"),
)
# fmt: on


def _part(name: str, begins: str, goes_on: str | None, ends: str, key: str, *, again: bool = False) -> Part:
    rows = [
        Row("absent", begins, "open", None, "its first event"),
        *([Row("open", goes_on, "open", None, "more of its text")] if goes_on else ()),
        Row("open", ends, "ended", None, "it is complete"),
    ]
    states = {"absent": "not begun", "open": "more may come", "ended": "complete"}
    return Part(
        table(name, states, ("ended",), rows),
        (key,),
        inside="run",
        may_speak=("running",),
        ends_before=("finished",),
        again=again,
    )


GRAMMAR = Grammar(
    "ag-ui",
    (
        Part(
            table(
                "run",
                {
                    "waiting": "nothing has come",
                    "running": "the agent is working",
                    "finished": "nothing follows",
                    "failed": "nothing follows",
                },
                ("finished", "failed"),
                _RUN,
            )
        ),
        _part("step", "STEP_STARTED", None, "STEP_FINISHED", "stepName", again=True),
        _part("reasoning", "REASONING_START", None, "REASONING_END", "messageId"),
        _part(
            "thought",
            "REASONING_MESSAGE_START",
            "REASONING_MESSAGE_CONTENT",
            "REASONING_MESSAGE_END",
            "messageId",
        ),
        _part("text", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END", "messageId"),
        _part("call", "TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END", "toolCallId"),
    ),
    fields={
        "RUN_STARTED": ("threadId", "runId"),
        "RUN_FINISHED": ("threadId", "runId"),
        "RUN_ERROR": ("message",),
        "REASONING_MESSAGE_CONTENT": ("delta",),
        "TEXT_MESSAGE_CONTENT": ("delta",),
        "TOOL_CALL_START": ("toolCallName",),
        "TOOL_CALL_ARGS": ("delta",),
        "TOOL_CALL_RESULT": ("messageId", "toolCallId", "content"),
        "CUSTOM": ("name", "value"),
    },
)


@cache
def _model(word: str) -> Any:
    """Return the published model of an event."""
    try:
        from ag_ui import core
    except ImportError as error:
        raise MisuseError(f"AgUi needs ag-ui-protocol: {with_extra('ag-ui')}") from error
    return getattr(core, f"{word.title().replace('_', '')}Event")


class AgUi(ProtocolSink[Any]):
    """Writes AG-UI: :meth:`feed` returns events of the package ``ag-ui-protocol`` (extra ``ag-ui``).

    Args:
        thread_id: the id of the conversation, by default a new one.
        run_id: the id of this run of the agent, by default a new one.
    """

    GRAMMAR: ClassVar[Grammar] = GRAMMAR
    KEEPS: ClassVar[tuple[str, ...]] = ()
    # fmt: off
    WRITES: ClassVar[tuple[Writes, ...]] = (
        Writes("response begins",   ("RUN_STARTED",), "one response is one run"),
        Writes("thought begins",    ("REASONING_START", "REASONING_MESSAGE_START"), "a message for each run of thoughts"),
        Writes("thought goes on",   ("REASONING_MESSAGE_CONTENT",), "as it came"),
        Writes("thought is signed", ("REASONING_ENCRYPTED_VALUE",), "readers send it back with the message"),
        Writes("thought ends",      ("REASONING_MESSAGE_END", "REASONING_END"), "another kind of message begins, or the stream ends"),
        Writes("thought is hidden", ("REASONING_START",), "reasoning without a message: it is not shown"),
        Writes("hidden thought ends", ("REASONING_END",), "another kind of message begins, or the stream ends"),
        Writes("encrypted thought ends", ("REASONING_END",), "the same"),
        Writes("thought is encrypted", ("REASONING_ENCRYPTED_VALUE",), "readers send it back with the message; they keep the last one"),
        Writes("speech begins",     ("TEXT_MESSAGE_START",), "a message for each run of speech"),
        Writes("speech goes on",    ("TEXT_MESSAGE_CONTENT",), "as it came"),
        Writes("speech ends",       ("TEXT_MESSAGE_END",), "another kind of message begins, or the stream ends"),
        Writes("call begins",       ("TOOL_CALL_START",), "its name is complete"),
        Writes("call goes on",      ("TOOL_CALL_ARGS",), "as it came; calls may interleave"),
        Writes("call is whole",     (), "text may still follow the last brace and make the call invalid"),
        Writes("call ends ready",   ("TOOL_CALL_END",), "the outcome lists it as pending"),
        Writes("call ends approvable", ("TOOL_CALL_END",), "the outcome lists it as an interrupt"),
        Writes("call ends",         ("TOOL_CALL_END", "CUSTOM"), "it may not be run, and is not pending"),
        Writes("hosted call begins", ("TOOL_CALL_START",), "its name is complete"),
        Writes("hosted call goes on", ("TOOL_CALL_ARGS",), "as it came"),
        Writes("hosted call ends", ("TOOL_CALL_END", "TOOL_CALL_RESULT"), "the server ran it: it is not pending"),
        Writes("hosted call fails", ("TOOL_CALL_END", "TOOL_CALL_RESULT"), "the result is the error"),
        Writes("hosted call breaks off", ("TOOL_CALL_END", "CUSTOM"), "nobody ran it"),
        Writes("asking call begins", ("TOOL_CALL_START",), "its name is complete"),
        Writes("asking call goes on", ("TOOL_CALL_ARGS",), "as it came"),
        Writes("asking call ends", ("TOOL_CALL_END",), "the outcome lists it as an interrupt"),
        Writes("asking call breaks off", ("TOOL_CALL_END", "CUSTOM"), "there is nothing to approve"),
        Writes("other message",     ("CUSTOM",), "its name is streamfsm. and the message type"),
        Writes("anomaly",           ("CUSTOM",), "its name is streamfsm.anomaly"),
        Writes("ends done",         ("RUN_FINISHED",), "success with the pending calls, or an interrupt if calls wait for approval"),
        Writes("ends in doubt",     ("RUN_FINISHED",), "the same: calls that are not ready are not pending"),
        Writes("ends cut",          ("RUN_FINISHED",), "success: what came is valid, and no call is pending"),
        Writes("ends unmarked",     ("RUN_ERROR",), "as if the connection was lost"),
        Writes("ends failed",       ("RUN_ERROR",), "with the error's message and code"),
        Writes("ends cancelled",    ("RUN_FINISHED",), "with the outcome cancelled"),
    )
    # fmt: on

    def __init__(self, thread_id: str | None = None, run_id: str | None = None) -> None:
        super().__init__()
        self._names = {"threadId": thread_id or f"thread-{uuid4()}", "runId": run_id or f"run-{uuid4()}"}

    def _event(self, fields: dict[str, Any]) -> Any:
        return _model(fields["type"]).model_validate(fields)

    def frame(self, event: Any) -> bytes:
        """Return the event as a server-sent event."""
        return f"data: {event.model_dump_json(by_alias=True, exclude_none=True)}\n\n".encode()

    def _started(self, _: Message) -> dict[str, Any]:
        return {**self._names, "protocolVersion": "1.0"}

    def _call_begins(self, piece: Piece) -> dict[str, Any]:
        # One parent for all calls of a response, so that readers put them into one message.
        parent = self._message.id if self._message else None
        return {"toolCallId": piece.id, "toolCallName": piece.name, "parentMessageId": parent}

    def _call_result(self, piece: Piece) -> dict[str, Any]:
        content = piece.error or piece.output or ""
        return {"messageId": f"result-{piece.id}", "toolCallId": piece.id, "content": content, "role": "tool"}

    def _custom(self, about: Any) -> dict[str, Any]:
        if isinstance(about, Piece):
            return {"name": "streamfsm.call_not_ready", "value": {"toolCallId": about.id, "verdict": about.verdict}}
        name = "streamfsm.anomaly" if isinstance(about, Anomaly) else f"streamfsm.{about.message_type}"
        return {"name": name, "value": about.model_dump(mode="json", exclude_none=True)}

    def _failed(self, ending: Ending) -> dict[str, Any]:
        return {"message": ending.error.message, "code": ending.error.code, **_usage(ending)}

    def _finished(self, ending: Ending) -> dict[str, Any]:
        ready = [piece for piece in self._calls.values() if piece.is_ready]
        interrupts = [
            {"id": f"approve-{piece.id}", "reason": "tool_approval", "toolCallId": piece.id}
            for piece in self._calls.values()
            if piece.ending in ("call ends approvable", "asking call ends")
        ]
        outcome: dict[str, Any] = {"type": "success", "pendingToolCallIds": [piece.id for piece in ready]}
        if ending.stop_reason is StopReasonType.cancelled:
            outcome = {"type": "cancelled"}
        elif interrupts:
            outcome = {"type": "interrupt", "interrupts": interrupts}
        return {**self._names, "outcome": outcome, **_usage(ending)}

    FIELDS: ClassVar[Fields] = {
        "RUN_STARTED": _started,
        "REASONING_START": lambda _, piece: {"messageId": piece.id},
        "REASONING_MESSAGE_START": lambda _, piece: {"messageId": piece.id, "role": "reasoning"},
        "REASONING_MESSAGE_CONTENT": lambda _, piece: {"messageId": piece.id, "delta": piece.text},
        "REASONING_MESSAGE_END": lambda _, piece: {"messageId": piece.id},
        "REASONING_END": lambda _, piece: {"messageId": piece.id},
        "TEXT_MESSAGE_START": lambda _, piece: {"messageId": piece.id, "role": "assistant"},
        "TEXT_MESSAGE_CONTENT": lambda _, piece: {"messageId": piece.id, "delta": piece.text},
        "TEXT_MESSAGE_END": lambda _, piece: {"messageId": piece.id},
        "TOOL_CALL_START": _call_begins,
        "TOOL_CALL_ARGS": lambda _, piece: {"toolCallId": piece.id, "delta": piece.text},
        "TOOL_CALL_END": lambda _, piece: {"toolCallId": piece.id},
        "TOOL_CALL_RESULT": _call_result,
        "REASONING_ENCRYPTED_VALUE": lambda _, piece: {
            "subtype": "message",
            "entityId": piece.id,
            "encryptedValue": piece.text,
        },
        "CUSTOM": _custom,
        "RUN_ERROR": _failed,
        "RUN_FINISHED": _finished,
    }


def _usage(ending: Ending) -> dict[str, Any]:
    if ending.result is None or (usage := ending.usage) is None:
        return {}
    counts = {
        "model": ending.result.model,
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "reasoningTokens": usage.reasoning_tokens,
        "cachedInputTokens": usage.cached_tokens,
    }
    return {"usage": [{name: count for name, count in counts.items() if count is not None}]}
