"""Boundaries between messages, as values, on request: where a run begins and ends, and where a call closes.

A *run* is what :func:`streamfsm.coalesce` joins: messages of one otid. ``StreamParser(boundaries=True)`` gives
boundaries in one list with the messages. They are made where rows of the tables fire.
"""

from dataclasses import dataclass
from typing import TypeAlias

from streamfsm.result import CallKind, ReasoningDetail, Verdict


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins: all messages up to its :class:`RunEnded`, one at least, have its otid, type, choice and call."""

    otid: str
    message_type: str
    choice_index: int
    tool_call_id: str | None = None
    """For a run of a tool call: the id that its messages carry, if any."""
    call_index: int | None = None
    """For a run of a tool call: the index of the :class:`~streamfsm.ParsedCall`."""
    call_kind: CallKind | None = None
    """For a run of a tool call: what is called."""
    hosted: bool = False
    """Whether it is a run of a call that the server runs, or asks for leave to."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run that began last is over. Runs do not overlap: the next begins after it."""

    otid: str
    details: tuple[ReasoningDetail, ...] = ()
    """For a run of native thoughts, shown or hidden: what has to go back to the server with it, as far as it has come:
    the last structured part with text, and up to eight that hold only data, such as encrypted thoughts. A part can come
    with more than one run."""


@dataclass(frozen=True, slots=True)
class CallClosed:
    """A call's arguments are over: its last brace came, or the stream ended.

    It comes once for each call that has a name, including the message tool's; and once more, with the verdict
    ``trailing``, if the stream ends after more than white space followed the last brace. The last one of a call has the
    result's verdict. It never means that the call may be run: only ``ready`` in the result does.
    """

    choice_index: int
    index: int
    """The index of the :class:`~streamfsm.ParsedCall`."""
    tool_call_id: str | None
    name: str
    verdict: Verdict


Boundary: TypeAlias = RunStarted | RunEnded | CallClosed
