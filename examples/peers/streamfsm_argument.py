"""streamfsm's own parser, as it comes: the argument ``message`` of ``send_message`` is what the assistant says."""

from streamfsm.testing import TracedParser

PACKAGES = ("streamfsm",)
KINDS = ("content",)
CLAIMS = dict.fromkeys(("nothing lost", "append-only", "cut off"), "[the laws](laws.md)")

Adapter = TracedParser
