"""Checks a stream of events against the grammar of its protocol."""

from collections.abc import Iterable
from typing import Any

from streamfsm.errors import MisuseError
from streamfsm.sinks import GRAMMARS
from streamfsm.testing.reports import LawBroken


def check_wire(events: Iterable[Any], wire: str) -> None:
    """Check that a complete stream of events follows its protocol, whoever wrote it.

    Args:
        events: JSON objects or pydantic models, in order; and the string ``[DONE]``, if the protocol has it.
        wire: ``ag-ui``, ``ui-messages``, ``responses``, ``anthropic`` or ``chat``.

    Raises:
        LawBroken: the grammar forbids an event; it names the first such event, and what would have been legal.
        MisuseError: there is no such wire.
    """
    if wire not in GRAMMARS:
        raise MisuseError(f"no wire is called {wire!r}: {', '.join(GRAMMARS)}")
    plain = [_plain(event) for event in events]
    if found := GRAMMARS[wire].check(plain):
        where = "at the end" if found.place is None else f"at event {found.place + 1}"
        raise LawBroken(f"the grammar of {wire}", f"{where}: {found}", plain)


def _plain(event: Any) -> Any:
    dump = getattr(event, "model_dump", None)
    return dump(mode="json", by_alias=True, exclude_none=True) if dump else event
