"""Messages in, other protocols out: lawful, because the table that writes a protocol is the table that checks it.

``docs/sinks.md`` shows them.
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
