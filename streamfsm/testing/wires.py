"""Any stream of events against the grammar of its protocol."""

from collections.abc import Iterable
from typing import Any

from streamfsm.errors import MisuseError
from streamfsm.sinks import GRAMMARS
from streamfsm.testing.reports import LawBroken


def check_wire(events: Iterable[Any], wire: str) -> None:
    """Check that a whole stream of events is lawful, whoever wrote it.

    Args:
        events: JSON objects, or pydantic models, in order; the text ``[DONE]`` as it is.
        wire: ``ag-ui``, ``ui-messages``, ``responses``, ``anthropic`` or ``chat``.

    Raises:
        LawBroken: the first event that its grammar forbids, and what would have been legal.
        MisuseError: no such wire.
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
