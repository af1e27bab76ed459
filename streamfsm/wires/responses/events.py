"""The event types and item types of the Responses wire, and what each becomes.

For a type that `openai` declares, the table has the first version that declared it. The other types were seen on the
wire or in bug reports. An event of any other type is kept as an extra, and recorded as an anomaly.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from streamfsm.core.events import Form, TextField
from streamfsm.core.json_values import fields_of
from streamfsm.result import CallKind

Does: TypeAlias = Literal[
    "delta",
    "whole",
    "part",
    "added",
    "done",
    "citation",
    "status",
    "end",
    "failure",
    "counted",
    "kept",
    "nothing",
]
DOES = """\
What the parser does with an event. ``delta``: reads a piece of a text. ``whole``: reads the complete text, after which
no delta follows. ``part``: reads the text of a part so far, which may continue. ``added`` and ``done``: reads an item.
``citation``: keeps an annotation. ``status``: reads the id and the model. ``end``: reads the final list of items, and
how the response ended. ``failure``: fails the stream. ``counted``: counts base64, and leaves it out. ``kept``: keeps
the pieces until the end of the item has the complete value; without an end, they are the extra ``unfinished``.
``nothing``: ignores the event."""
"""What each of these means, for the docs."""
Kind: TypeAlias = Literal["content", "refusal", "transcript", "summary", "thought", "arguments", "input"]
"""A kind of text on this wire."""


class EventType(NamedTuple):
    """A row of the table."""

    type: str
    does: Does
    fits: tuple[str, ...] = ()
    """Types of the items that it may belong to. If no item fits, a new one of the first type begins."""
    kind: Kind | None = None
    """The kind of its text."""
    since: str = ""
    """The first version of ``openai`` that declared it."""
    until: str = ""
    """The last version that declared it, if later ones do not."""


_MESSAGE, _REASONING, _FUNCTION, _MCP = ("message",), ("reasoning",), ("function_call",), ("mcp_call",)
_CUSTOM, _CODE, _SHELL, _AUDIO = ("custom_tool_call",), ("code_interpreter_call",), ("shell_call",), ("audio",)
_PARTS = ("message", "reasoning")

# fmt: off
EVENTS: Mapping[str, EventType] = MappingProxyType({row.type: row for row in (
    EventType("response.created",     "status", since="1.66.0"),
    EventType("response.in_progress", "status", since="1.66.0"),
    EventType("response.queued",      "status", since="1.80.0"),
    EventType("response.completed",   "end",    since="1.66.0"),
    EventType("response.incomplete",  "end",    since="1.66.0"),
    EventType("response.failed",      "end",    since="1.66.0"),
    EventType("response.cancelled",   "end"),
    EventType("response.done",        "end"),
    EventType("error",                "failure", since="1.66.0"),
    EventType("response.error",       "failure"),
    EventType("keepalive",            "nothing"),
    EventType("response.keep_alive",  "nothing"),

    EventType("response.output_item.added", "added", since="1.66.0"),
    EventType("response.output_item.done",  "done",  since="1.66.0"),

    EventType("response.content_part.added", "part",  _PARTS, since="1.66.0"),
    EventType("response.content_part.done",  "part",  _PARTS, since="1.66.0"),
    EventType("response.output_text.delta",  "delta", _MESSAGE, "content", since="1.66.0"),
    EventType("response.output_text.done",   "whole", _MESSAGE, "content", since="1.66.0"),
    EventType("response.refusal.delta",      "delta", _MESSAGE, "refusal", since="1.66.0"),
    EventType("response.refusal.done",       "whole", _MESSAGE, "refusal", since="1.66.0"),
    EventType("response.output_text.annotation.added", "citation", _MESSAGE, since="1.66.0"),
    EventType("response.output_text_annotation.added", "citation", _MESSAGE, since="1.80.0", until="1.94.0"),
    EventType("response.audio.transcript.delta", "delta", _AUDIO, "transcript", since="1.66.0"),
    EventType("response.audio.transcript.done",  "whole", _AUDIO, "transcript", since="1.66.0"),
    EventType("response.audio.delta",            "counted", _AUDIO, since="1.66.0"),
    EventType("response.audio.done",             "nothing", _AUDIO, since="1.66.0"),

    EventType("response.reasoning_summary_part.added", "part",  _REASONING, since="1.76.0"),
    EventType("response.reasoning_summary_part.done",  "part",  _REASONING, since="1.76.0"),
    EventType("response.reasoning_summary_text.delta", "delta", _REASONING, "summary", since="1.76.0"),
    EventType("response.reasoning_summary_text.done",  "whole", _REASONING, "summary", since="1.76.0"),
    EventType("response.reasoning_summary.delta",      "delta", _REASONING, "summary", since="1.80.0", until="1.98.0"),
    EventType("response.reasoning_summary.done",       "whole", _REASONING, "summary", since="1.80.0", until="1.98.0"),
    EventType("response.reasoning_part.added",         "part",  _REASONING),
    EventType("response.reasoning_part.done",          "part",  _REASONING),
    EventType("response.reasoning_text.delta",         "delta", _REASONING, "thought", since="1.99.0"),
    EventType("response.reasoning_text.done",          "whole", _REASONING, "thought", since="1.99.0"),
    EventType("response.reasoning.delta",              "delta", _REASONING, "thought", since="1.80.0", until="1.97.0"),
    EventType("response.reasoning.done",               "whole", _REASONING, "thought", since="1.80.0", until="1.97.0"),

    EventType("response.function_call_arguments.delta", "delta", _FUNCTION, "arguments", since="1.66.0"),
    EventType("response.function_call_arguments.done",  "whole", _FUNCTION, "arguments", since="1.66.0"),
    EventType("response.custom_tool_call_input.delta",  "delta", _CUSTOM, "input", since="1.99.2"),
    EventType("response.custom_tool_call_input.done",   "whole", _CUSTOM, "input", since="1.99.2"),
    EventType("response.mcp_call_arguments.delta",      "delta", _MCP, "arguments", since="1.95.0"),
    EventType("response.mcp_call_arguments.done",       "whole", _MCP, "arguments", since="1.95.0"),
    EventType("response.mcp_call.arguments_delta",      "delta", _MCP, "arguments", since="1.80.0", until="1.94.0"),
    EventType("response.mcp_call.arguments_done",       "whole", _MCP, "arguments", since="1.80.0", until="1.94.0"),
    EventType("response.mcp_call.in_progress",          "nothing", _MCP, since="1.80.0"),
    EventType("response.mcp_call.completed",            "nothing", _MCP, since="1.80.0"),
    EventType("response.mcp_call.failed",               "nothing", _MCP, since="1.80.0"),

    EventType("response.mcp_list_tools.in_progress", "nothing", since="1.80.0"),
    EventType("response.mcp_list_tools.completed",   "nothing", since="1.80.0"),
    EventType("response.mcp_list_tools.failed",      "nothing", since="1.80.0"),
    EventType("response.web_search_call.in_progress",  "nothing", since="1.66.0"),
    EventType("response.web_search_call.searching",    "nothing", since="1.66.0"),
    EventType("response.web_search_call.completed",    "nothing", since="1.66.0"),
    EventType("response.file_search_call.in_progress", "nothing", since="1.66.0"),
    EventType("response.file_search_call.searching",   "nothing", since="1.66.0"),
    EventType("response.file_search_call.completed",   "nothing", since="1.66.0"),
    EventType("response.code_interpreter_call.in_progress",  "nothing", _CODE, since="1.66.0"),
    EventType("response.code_interpreter_call.interpreting", "nothing", _CODE, since="1.66.0"),
    EventType("response.code_interpreter_call.completed",    "nothing", _CODE, since="1.66.0"),
    EventType("response.code_interpreter_call_code.delta",   "kept", _CODE, since="1.83.0"),
    EventType("response.code_interpreter_call_code.done",    "kept", _CODE, since="1.83.0"),
    EventType("response.code_interpreter_call.code.delta",   "kept", _CODE, since="1.66.0", until="1.82.1"),
    EventType("response.code_interpreter_call.code.done",    "kept", _CODE, since="1.66.0", until="1.82.1"),
    EventType("response.image_generation_call.in_progress",   "nothing", since="1.80.0"),
    EventType("response.image_generation_call.generating",    "nothing", since="1.80.0"),
    EventType("response.image_generation_call.completed",     "nothing", since="1.80.0"),
    EventType("response.image_generation_call.partial_image", "counted", since="1.80.0"),
    EventType("response.shell_call_command.added", "kept", _SHELL, since="3.2.0"),
    EventType("response.shell_call_command.delta", "kept", _SHELL, since="3.2.0"),
    EventType("response.shell_call_command.done",  "kept", _SHELL, since="3.2.0"),
    EventType("response.shell_call_output_content.delta", "kept", ("shell_call_output",), since="3.2.0"),
    EventType("response.shell_call_output_content.done",  "kept", ("shell_call_output",), since="3.2.0"),
    EventType("response.apply_patch_call_operation_diff.delta", "kept", ("apply_patch_call",)),
    EventType("response.apply_patch_call_operation_diff.done",  "kept", ("apply_patch_call",)),
    EventType("response.compaction.compacting", "nothing", since="3.15.0"),
)})
# fmt: on

FIELDS: Mapping[Kind, TextField | None] = MappingProxyType(
    {
        "content": "content",
        "refusal": "refusal",
        "transcript": "transcript",
        "summary": "reasoning",
        "thought": "reasoning",
        "arguments": None,
        "input": None,
    }
)
"""Kind of text → the text field that it belongs to; ``None``: a call's arguments."""
PARTS: Mapping[tuple[str, str], Kind] = MappingProxyType(
    {
        ("message", "output_text"): "content",
        ("message", "text"): "content",
        ("message", "refusal"): "refusal",
        ("reasoning", "summary_text"): "summary",
        ("reasoning", "reasoning_text"): "thought",
        ("reasoning", "text"): "thought",
        ("reasoning", "output_text"): "thought",
    }
)
"""Type of an item, type of its part → the kind of the part's text."""

Becomes: TypeAlias = Literal["texts", "call", "whole_call", "extra"]
"""``texts``: messages, part by part. ``call``: a call that streams. ``whole_call``: a call when the item ends, whose
arguments are the JSON of a member. ``extra``: no message; the item is kept as an extra when it ends."""


class ItemType(NamedTuple):
    """A row of the table of items."""

    type: str
    becomes: Becomes
    because: str
    kind: CallKind = "function"
    """The kind of its call."""
    member: str = ""
    """The member that holds the call's arguments."""
    form: Form = "json"
    hosted: bool = False
    """Whether the server runs the call."""
    if_item: Callable[[Mapping[str, Any]], bool] = lambda _: True
    """Whether the row applies to an item; if not, the item is an extra."""
    when: str = ""
    """The condition in words."""


def _is_outside_a_container(item: Mapping[str, Any]) -> bool:
    return not str(fields_of(item.get("environment")).get("type") or "").startswith("container")


def _is_the_clients(item: Mapping[str, Any]) -> bool:
    return item.get("execution") == "client"


# fmt: off
ITEMS: Mapping[str, ItemType] = MappingProxyType({row.type: row for row in (
    ItemType("message",   "texts", "what the model says"),
    ItemType("reasoning", "texts", "what the model thinks: summaries, and raw text if the server shows it"),
    ItemType("audio",     "texts", "the transcript of spoken audio, which has no item on the wire"),
    ItemType("function_call",    "call", "the client runs it", "function", "arguments"),
    ItemType("custom_tool_call", "call", "the client runs it; its input is text", "custom", "input", form="text"),
    ItemType("mcp_call",         "call", "the server runs it", "mcp", "arguments", hosted=True),
    ItemType("mcp_approval_request", "whole_call", "the server asks whether to run an MCP call", "mcp_approval_request",
             "arguments", hosted=True),
    ItemType("computer_call",    "whole_call", "the client runs it", "computer_call", "action"),
    ItemType("local_shell_call", "whole_call", "the client runs it", "local_shell_call", "action"),
    ItemType("shell_call",       "whole_call", "the client runs it, unless it is in a container of the server", "shell_call",
             "action", if_item=_is_outside_a_container, when="its `environment` is not a container"),
    ItemType("apply_patch_call", "whole_call", "the client applies it", "apply_patch_call", "operation"),
    ItemType("tool_search_call", "whole_call", "the client searches, if the server does not", "tool_search_call",
             "arguments", if_item=_is_the_clients, when="its `execution` is `client`"),
)})
# fmt: on
OTHER_ITEM = ItemType("", "extra", "the server's own tools, and types that are not in the table")
"""The row of all other items."""
ENDS = ("completed", "incomplete", "failed", "cancelled")
"""Statuses of a response that has ended."""
