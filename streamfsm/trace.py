"""The transition log: which row of which table did what."""

from typing import NamedTuple


class Transition(NamedTuple):
    """One record of the trace: a row that was taken, or text that arrived in a state (event ``text``, a self-loop).

    Every emitted message is in exactly one record.
    """

    machine: str
    choice: int
    lane: str
    """``stream``; the text field; or ``call`` and the call's position."""
    state: str
    event: str
    target: str
    seq_id: int | None
    """``seq_id`` of the message that this emitted, if any."""
