"""Sinks: messages in, other protocols out. The table by which a sink writes a protocol also checks it.

See ``docs/sinks.md``.
"""

from streamfsm.sinks.ag_ui import AgUi
from streamfsm.sinks.anthropic import AnthropicEvents
from streamfsm.sinks.grammar import Grammar, Violation
from streamfsm.sinks.grammars import GRAMMARS
from streamfsm.sinks.responses import ResponsesEvents
from streamfsm.sinks.sink import Sink, encode
from streamfsm.sinks.sse import Sse
from streamfsm.sinks.ui_messages import UiMessageStream

__all__ = [
    "GRAMMARS",
    "AgUi",
    "AnthropicEvents",
    "Grammar",
    "ResponsesEvents",
    "Sink",
    "Sse",
    "UiMessageStream",
    "Violation",
    "encode",
]
