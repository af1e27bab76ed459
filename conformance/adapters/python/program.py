"""The protocol, for adapters in Python: one JSON line in, and one out for ``hello`` and for ``close``."""

import json
import os
import sys
from typing import Any, ClassVar, Protocol

WIRE = sys.argv[1] if len(sys.argv) > 1 else "chat"
"""The wire to read, for adapters of several wires."""


class Answers(Protocol):
    """Reads one response."""

    HELLO: ClassVar[dict[str, Any]]
    """The ``name``, ``version`` and ``claims`` of the parser."""

    def __init__(self, wire: str) -> None: ...

    def feed(self, event: Any) -> None:
        """Read an event."""

    def close(self) -> dict[str, Any]:
        """Return the answer."""


def serve(adapter: type[Answers]) -> None:
    """Answer requests until the input ends. Anything that a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    reader: Answers | None = None
    raised: str | None = None
    for line in sys.stdin:
        request = json.loads(line)
        answer = None
        if "hello" in request:
            answer = {"language": "Python", "wires": [WIRE], **adapter.HELLO}
        try:
            if "open" in request:
                reader, raised = None, None
                reader = adapter(request["open"])
            elif "feed" in request and reader and raised is None:
                reader.feed(request["feed"])
            elif "close" in request:
                answer = reader.close() if reader and raised is None else {"raised": raised}
        except Exception as error:  # any exception that its users would get
            raised = f"{type(error).__name__}: {error}"
            if "close" in request:
                answer = {"raised": raised}
        if answer is not None:
            print(json.dumps(answer), file=answers, flush=True)
