"""Anthropic's Messages stream: blocks, one after the other.

A block ends before the next begins, and blocks are numbered. The type of a delta depends on its block. An error ends
the stream in any state.
"""

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic_core import from_json

from streamfsm.machines.declaration import Row
from streamfsm.messages import Message, StopReasonType
from streamfsm.result import ReasoningDetail
from streamfsm.sinks.grammar import Event, Grammar, Part, Word, table
from streamfsm.sinks.sink import Ending, Fields, Piece, ProtocolSink, Writes, json_bytes

_BLOCKS = {
    "text": ("text_delta", "citations_delta"),
    "thinking": ("thinking_delta", "signature_delta"),
    "tool_use": ("input_json_delta",),
    "server_tool_use": ("input_json_delta",),
    "mcp_tool_use": ("input_json_delta",),
    "mcp_tool_result": (),
    "redacted_thinking": (),
    "other": ("other_delta",),
}
_STARTS = [f"content_block_start {kind}" for kind in _BLOCKS]
# fmt: off
_MESSAGE = (
    Row("waiting",  "message_start",      "between",  None, "has the message's id and the model"),
    *(Row("between", start,               "in_block", None, "one block at a time") for start in _STARTS),
    Row("in_block", "content_block_stop", "between",  None, "the next block may begin"),
    Row("between",  "message_delta",      "ending",   None, "the stop reason and the usage"),
    Row("ending",   "message_delta",      "ending",   None, "the same again, with later counts"),
    Row("ending",   "message_stop",       "ended",    None, "nothing follows"),
    *(Row(state, "ping", state, None, "keeps the connection alive") for state in ("waiting", "between", "in_block", "ending")),
    *(Row(state, "error", "failed", None, "nothing follows") for state in ("waiting", "between", "in_block", "ending")),
)
_BLOCK = (
    *(Row("absent", f"content_block_start {kind}", kind, None, "its first event") for kind in _BLOCKS),
    *(Row(kind, f"content_block_delta {delta}", kind, None, "more of the block") for kind, deltas in _BLOCKS.items() for delta in deltas),
    *(Row(kind, "content_block_stop", "ended", None, "the block is complete") for kind in _BLOCKS),
)
# fmt: on


def _read(event: Event) -> Iterator[Word]:
    kind = event["type"]
    if kind == "content_block_start":
        block = event["content_block"]["type"]
        kind += f" {block if block in _BLOCKS else 'other'}"
    elif kind == "content_block_delta":
        delta = event["delta"]["type"]
        known = any(delta in deltas for deltas in _BLOCKS.values())
        kind += f" {delta if known else 'other_delta'}"
    yield Word(kind, event)


GRAMMAR = Grammar(
    "anthropic",
    (
        Part(
            table(
                "message",
                {
                    "waiting": "nothing has come",
                    "between": "no block is open",
                    "in_block": "one block is open",
                    "ending": "all blocks have come",
                    "ended": "nothing follows",
                    "failed": "nothing follows",
                },
                ("ended", "failed"),
                _MESSAGE,
            )
        ),
        Part(
            table(
                "block",
                {
                    "absent": "not begun",
                    "text": "what the model says",
                    "thinking": "its thoughts, signed at the end",
                    "tool_use": "a call; its deltas are pieces of JSON",
                    "server_tool_use": "a call that the server runs",
                    "mcp_tool_use": "the same, for a tool of another server",
                    "mcp_tool_result": "the result of such a call",
                    "redacted_thinking": "thoughts that only the server can read",
                    "other": "a block of another type, such as a result of the server's tool",
                    "ended": "complete",
                },
                ("ended",),
                _BLOCK,
            ),
            ("index",),
            inside="message",
            may_speak=("between", "in_block"),
            counts=True,
        ),
    ),
    fields={
        "message_start": ("message",),
        "message_delta": ("delta", "usage"),
        "error": ("error",),
    },
    read=_read,
)


class AnthropicEvents(ProtocolSink[dict[str, Any]]):
    """Writes Anthropic's Messages stream: :meth:`feed` returns its events, as dicts.

    Blocks may not be interleaved, and Anthropic's client rejects input that is not JSON. So the sink keeps a call until
    its arguments are complete (at most ``Limits.arguments`` characters for each call), and then writes it as one block,
    when no text is being written. A call whose arguments are not JSON is not written. If there is such a call, or any
    call that is not ready, the stream ends with an error, because a client would run every ``tool_use``.

    Thoughts are signed if their signature came before anything else did. Calls that the server ran are written at the
    end, with their results, as MCP blocks, which ``client.beta.messages`` reads.

    Args:
        model: the name of the model.
    """

    GRAMMAR: ClassVar[Grammar] = GRAMMAR
    KEEPS: ClassVar = ("thought", "call")
    # fmt: off
    WRITES: ClassVar[tuple[Writes, ...]] = (
        Writes("response begins",   ("message_start",), "one response is one message"),
        Writes("thought begins",    ("content_block_start thinking",), "a block for each run of thoughts"),
        Writes("thought goes on",   ("content_block_delta thinking_delta",), "as it came"),
        Writes("thought is signed", ("content_block_delta signature_delta",), "if the signature is that of the complete text"),
        Writes("thought ends",      ("content_block_stop",), "another kind of message begins, or the stream ends"),
        Writes("thought is hidden", (), "a redacted block contains data, and there are none yet"),
        Writes("hidden thought ends", (), "there were no data"),
        Writes("encrypted thought ends", (), "the block is written"),
        Writes("thought is encrypted", ("content_block_start redacted_thinking", "content_block_stop"), "complete at once; only the model that thought it can read it"),
        Writes("speech begins",     ("content_block_start text",), "a block for each run of speech"),
        Writes("speech goes on",    ("content_block_delta text_delta",), "as it came"),
        Writes("speech ends",       ("content_block_stop",), "another kind of message begins, or the stream ends"),
        Writes("call begins",       (), "held back until it is complete"),
        Writes("call goes on",      (), "held back until it is complete"),
        Writes("call is whole",     ("content_block_start tool_use", "content_block_delta input_json_delta", "content_block_stop"), "when no other block is open"),
        Writes("call ends ready",   (), "it was written"),
        Writes("call ends approvable", (), "it was written"),
        Writes("call ends",         (), "the stream ends with an error"),
        Writes("hosted call begins", (), "held back until its result is known"),
        Writes("hosted call goes on", (), "held back until its result is known"),
        Writes("hosted call ends", ("content_block_start mcp_tool_use", "content_block_delta input_json_delta", "content_block_stop", "content_block_start mcp_tool_result", "content_block_stop"), "with its result, at the end"),
        Writes("hosted call fails", ("content_block_start mcp_tool_use", "content_block_delta input_json_delta", "content_block_stop", "content_block_start mcp_tool_result", "content_block_stop"), "with its error, at the end"),
        Writes("hosted call breaks off", (), "nobody ran it"),
        Writes("asking call begins", (), "the protocol has no such event"),
        Writes("asking call goes on", (), "the same"),
        Writes("asking call ends", (), "the same"),
        Writes("asking call breaks off", (), "the same"),
        Writes("other message",     (), "the protocol has no such event"),
        Writes("anomaly",           (), "the protocol has no such event"),
        Writes("ends done",         ("message_delta", "message_stop"), "with the stop reason and the usage"),
        Writes("ends in doubt",     ("error",), "readers would run every tool_use"),
        Writes("ends cut",          ("message_delta", "message_stop"), "by length or a filter; in that case, readers run no tool_use"),
        Writes("ends unmarked",     ("error",), "as if the connection was lost"),
        Writes("ends failed",       ("error",), "with the error's message"),
        Writes("ends cancelled",    ("error",), "the protocol has no other early end"),
    )
    # fmt: on

    def __init__(self, model: str = "") -> None:
        super().__init__()
        self._model = model
        self._whole: list[Piece] = []
        """Complete calls that wait for the end of the open block."""
        self._index = -1

    def frame(self, event: dict[str, Any]) -> bytes:
        """Return the event as a server-sent event, with its type as the name."""
        return f"event: {event['type']}\n".encode() + super().frame(event)

    def _say(self, said: str, about: Any) -> None:
        if said != "call is whole":
            super()._say(said, about)
        elif self._piece is not None:
            self._whole.append(about)
        elif _input(about) is not None:
            super()._say(said, about)

    def _end_run(self, details: tuple[ReasoningDetail, ...] = ()) -> None:
        super()._end_run(details)
        held, self._whole = self._whole, []
        for piece in held:
            self._say("call is whole", piece)

    def _has_place(self, piece: Piece) -> bool:
        return _input(piece) is not None

    def _starts(self, block: dict[str, Any]) -> dict[str, Any]:
        self._index += 1
        return {"type": "content_block_start", "index": self._index, "content_block": block}

    def _goes_on(self, delta: dict[str, Any]) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def _begins(self, message: Message) -> dict[str, Any]:
        body = {"id": message.id, "type": "message", "role": "assistant", "model": self._model, "content": []}
        usage = {"input_tokens": 0, "output_tokens": 0}
        return {"message": {**body, "stop_reason": None, "stop_sequence": None, "usage": usage}}

    def _stops(self, ending: Ending) -> dict[str, Any]:
        reason = _REASONS.get(ending.stop_reason, "end_turn")
        if ending.how == "ends done" and any(piece.is_ready for piece in self._calls.values()):
            reason = "tool_use"
        usage = {"output_tokens": 0}
        if counts := ending.usage:
            usage = {"input_tokens": counts.input_tokens or 0, "output_tokens": counts.output_tokens or 0}
        return {"delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}

    def _fails(self, ending: Ending) -> dict[str, Any]:
        why = ending.error.message
        if ending.how == "ends in doubt":
            names = [f"{piece.name} ({piece.verdict})" for piece in self._calls.values() if piece.ending == "call ends"]
            why = f"calls that are not ready, or that this protocol cannot represent: {', '.join(names)}"
        return {"error": {"type": "api_error", "message": why}}

    FIELDS: ClassVar[Fields] = {
        "message_start": _begins,
        "content_block_start text": lambda self, _: self._starts({"type": "text", "text": ""}),
        "content_block_start thinking": lambda self, _: self._starts(
            {"type": "thinking", "thinking": "", "signature": ""}
        ),
        "content_block_start tool_use": lambda self, piece: self._starts(
            {"type": "tool_use", "id": piece.id, "name": piece.name, "input": {}}
        ),
        "content_block_start mcp_tool_use": lambda self, piece: self._starts(
            {"type": "mcp_tool_use", "id": piece.id, "name": piece.name, "server_name": piece.server, "input": {}}
        ),
        "content_block_start mcp_tool_result": lambda self, piece: self._starts(_result(piece)),
        "content_block_start redacted_thinking": lambda self, piece: self._starts(
            {"type": "redacted_thinking", "data": piece.text}
        ),
        "content_block_delta signature_delta": lambda self, piece: self._goes_on(
            {"type": "signature_delta", "signature": piece.text}
        ),
        "content_block_delta text_delta": lambda self, piece: self._goes_on({"type": "text_delta", "text": piece.text}),
        "content_block_delta thinking_delta": lambda self, piece: self._goes_on(
            {"type": "thinking_delta", "thinking": piece.text}
        ),
        "content_block_delta input_json_delta": lambda self, piece: self._goes_on(
            {"type": "input_json_delta", "partial_json": _input(piece)}
        ),
        "content_block_stop": lambda self, _: {"index": self._index},
        "message_delta": _stops,
        "message_stop": lambda *_: {},
        "error": _fails,
    }


_REASONS = {StopReasonType.max_tokens_exceeded: "max_tokens", StopReasonType.content_filter: "refusal"}


def _result(piece: Piece) -> dict[str, Any]:
    text = piece.error or piece.output or ""
    result = {"tool_use_id": piece.id, "is_error": piece.error is not None}
    return {"type": "mcp_tool_result", **result, "content": [{"type": "text", "text": text}]}


def _input(piece: Piece) -> str | None:
    """Return the arguments as JSON that Anthropic's client reads; ``None``: they cannot be written."""
    text = piece.whole
    if piece.verdict == "empty":
        return ""
    if piece.verdict not in ("valid", "lenient", "incomplete"):
        return None
    try:
        from_json(text, allow_partial=piece.verdict == "incomplete")
    except ValueError:
        if piece.verdict == "incomplete":
            return None
    else:
        return text
    # Strict readers reject raw control characters and lone surrogates.
    try:
        return json_bytes(json.loads(text, strict=False)).decode()
    except (ValueError, RecursionError):
        return None
