"""Recognises the two wires, and objects of other protocols, which are named in an anomaly but not read."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from streamfsm.core.json_values import fields_of

_Fields: TypeAlias = Mapping[str, Any]


class Protocol(NamedTuple):
    """A row of the table of protocols."""

    name: str
    keys: frozenset[str]
    """Its objects have one of these keys; an object without them is not examined further."""
    speaks: Callable[[_Fields], bool]
    """Whether an object with these fields belongs to this protocol."""
    because: str
    """How it is recognised."""


def _word(fields: _Fields, key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def _has(fields: _Fields, *keys: str) -> bool:
    return all(fields.get(key) is not None for key in keys)


def _is_chat(fields: _Fields) -> bool:
    return isinstance(fields.get("choices"), list) or _word(fields, "object").startswith("chat.completion")


def _is_responses(fields: _Fields) -> bool:
    return _word(fields, "type").startswith("response.") or _word(fields, "object") == "response"


_MESSAGES_EVENTS = (
    *("message_start", "message_delta", "message_stop"),
    *("content_block_start", "content_block_delta", "content_block_stop"),
)


def _is_messages(fields: _Fields) -> bool:
    kind = _word(fields, "type")
    return kind in _MESSAGES_EVENTS or (kind == "message" and isinstance(fields.get("content"), list))


def _is_gemini(fields: _Fields) -> bool:
    return any(
        isinstance(place.get("candidates"), list) or _has(place, "promptFeedback") or _has(place, "usageMetadata")
        for place in (fields, fields_of(fields.get("response")))
    )


def _is_ollama(fields: _Fields) -> bool:
    said = _has(fields_of(fields.get("message")), "role") or isinstance(fields.get("response"), str)
    return said and _has(fields, "done", "model")


_CONVERSE_EVENTS = (
    *("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop"),
    "contentBlockIndex",
)


def _is_converse(fields: _Fields) -> bool:
    return any(_has(fields, event) for event in _CONVERSE_EVENTS) or _has(fields, "output", "stopReason")


def _is_langchain(fields: _Fields) -> bool:
    return (
        _word(fields, "type").startswith("AIMessage")
        or ("content" in fields and any(key in fields for key in ("tool_call_chunks", "response_metadata")))
        or _word(fields, "event").startswith(("on_chat_model_", "on_llm_", "on_chain_"))
        or _has(fields, "lc", "kwargs")
    )


_COHERE_EVENTS = (
    *("message-start", "message-end", "content-start", "content-delta", "content-end"),
    *("tool-plan-delta", "tool-call-start", "tool-call-delta", "tool-call-end", "citation-start", "citation-end"),
)


def _is_cohere(fields: _Fields) -> bool:
    return _word(fields, "type") in _COHERE_EVENTS or _has(fields, "event_type", "is_finished")


def _is_text_generation(fields: _Fields) -> bool:
    return _has(fields_of(fields.get("token")), "text") or isinstance(fields.get("generated_text"), str)


def _is_llama_cpp(fields: _Fields) -> bool:
    return isinstance(fields.get("content"), str) and isinstance(fields.get("stop"), bool)


def _is_assistants(fields: _Fields) -> bool:
    return _word(fields, "object").startswith("thread.")


def _is_completions(fields: _Fields) -> bool:
    choices = fields.get("choices")
    first = fields_of(choices[0]) if isinstance(choices, list) and choices else {}
    return isinstance(first.get("text"), str) and not _has(first, "delta") and not _has(first, "message")


_UI_EVENTS = ("start-step", "text-start", "text-delta", "reasoning-delta", "tool-input-start", "finish-step")


def _is_ui(fields: _Fields) -> bool:
    kind = _word(fields, "type")
    return kind in _UI_EVENTS or kind.startswith(("RUN_", "TEXT_MESSAGE_", "TOOL_CALL_"))


CHAT = Protocol(
    "OpenAI's Chat Completions",
    frozenset({"choices", "object"}),
    _is_chat,
    "it has `choices`, or its `object` begins with `chat.completion`",
)
RESPONSES = Protocol(
    "OpenAI's Responses",
    frozenset({"type", "object"}),
    _is_responses,
    "its `type` begins with `response.`, or `object` is `response`",
)
PROTOCOLS = (
    Protocol("OpenAI's Assistants", frozenset({"object"}), _is_assistants, "its `object` begins with `thread.`"),
    Protocol(
        "OpenAI's legacy Completions",
        frozenset({"choices"}),
        _is_completions,
        "its choices have a `text`, and no `delta` or `message`",
    ),
    Protocol(
        "Anthropic's Messages",
        frozenset({"type"}),
        _is_messages,
        "its `type` is that of an event, such as `content_block_delta`",
    ),
    Protocol(
        "Google's Gemini",
        frozenset({"candidates", "promptFeedback", "usageMetadata", "response"}),
        _is_gemini,
        "it has `candidates`, `promptFeedback` or `usageMetadata`",
    ),
    Protocol("Ollama's own", frozenset({"done"}), _is_ollama, "it has `model`, `done`, and a `message` or `response`"),
    Protocol(
        "Amazon Bedrock's Converse",
        frozenset({*_CONVERSE_EVENTS, "stopReason"}),
        _is_converse,
        "it has the key of an event, such as `contentBlockDelta`",
    ),
    Protocol(
        "Cohere's Chat",
        frozenset({"type", "event_type"}),
        _is_cohere,
        "its `type` or `event_type` is that of an event, such as `content-delta`",
    ),
    Protocol(
        "Hugging Face's text generation",
        frozenset({"token", "generated_text"}),
        _is_text_generation,
        "it has a `token` or a `generated_text`",
    ),
    Protocol("llama.cpp's own", frozenset({"stop"}), _is_llama_cpp, "it has a `content` and `stop` is true or false"),
    Protocol(
        "LangChain's",
        frozenset({"type", "tool_call_chunks", "response_metadata", "event", "lc"}),
        _is_langchain,
        "it is an `AIMessageChunk` or an event of a runnable",
    ),
    Protocol(
        "a user interface's",
        frozenset({"type"}),
        _is_ui,
        "its `type` is that of an event of AG-UI, or of the AI SDK's message stream",
    ),
)
"""The protocols that this library does not read, in the order in which they are tried."""
AMID_CHAT, AMID_RESPONSES = (RESPONSES, *PROTOCOLS), (CHAT, *PROTOCOLS)
"""The protocols that are foreign in a stream of each wire."""


def protocol_of(fields: _Fields, protocols: Iterable[Protocol] = PROTOCOLS) -> Protocol | None:
    """Return the first of these protocols that an object with these fields belongs to; ``None`` if there is none."""
    for protocol in protocols:
        if not protocol.keys.isdisjoint(fields) and protocol.speaks(fields):
            return protocol
    return None


_KEEP_ALIVES = ("keepalive", "response.keep_alive")


def keeps_alive(fields: _Fields) -> bool:
    """Whether an object only keeps a connection alive, on either wire: servers send it before they know the answer."""
    return _word(fields, "type") in _KEEP_ALIVES


def begins_responses(fields: _Fields) -> bool:
    """Whether a stream whose first known object has these fields is one of the Responses API."""
    if "choices" in fields or keeps_alive(fields):
        return False
    # An error without a number may belong to either wire, and both read it in the same way.
    numbered = any(
        _word(place, "type") == "error" and "sequence_number" in place
        for place in (fields, fields_of(fields.get("error")))
    )
    return _is_responses(fields) or numbered
