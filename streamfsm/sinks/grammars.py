"""The grammars by the names of their wires."""

from collections.abc import Mapping

from streamfsm.sinks import ag_ui, anthropic, chat, responses, ui_messages
from streamfsm.sinks.grammar import Grammar

GRAMMARS: Mapping[str, Grammar] = {
    module.GRAMMAR.wire: module.GRAMMAR for module in (ag_ui, ui_messages, responses, anthropic, chat)
}
