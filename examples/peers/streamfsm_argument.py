"""streamfsm's parser with its default options: the argument ``message`` of ``send_message`` is speech."""

from streamfsm.testing import TracedParser

PACKAGES = ("streamfsm",)
KINDS = ("content",)
CLAIMS = dict.fromkeys(("nothing lost", "append-only", "cut off"), "[the laws](laws.md)")

Adapter = TracedParser
