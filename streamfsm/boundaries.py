"""Boundaries between messages, on request: where a run begins and ends, and where a call's arguments close.

A *run* is a sequence of messages that :func:`streamfsm.coalesce` joins: they have the same otid.
``StreamParser(boundaries=True)`` returns boundaries in the same list as the messages.
"""

from dataclasses import dataclass
from typing import TypeAlias

from streamfsm.result import CallKind, ReasoningDetail, Verdict


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins. All messages up to its :class:`RunEnded`, at least one, have its otid, type, choice and call."""

    otid: str
    message_type: str
    choice_index: int
    tool_call_id: str | None = None
    """For a run of a tool call: the id in its messages, if any."""
    call_index: int | None = None
    """For a run of a tool call: the index of the :class:`~streamfsm.ParsedCall`."""
    call_kind: CallKind | None = None
    """For a run of a tool call: what is called."""
    hosted: bool = False
    """Whether it is a run of a call that the server itself runs, or asks for permission to."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The latest run has ended. Runs do not overlap: the next one begins after it."""

    otid: str
    details: tuple[ReasoningDetail, ...] = ()
    """For a run of native reasoning, shown or hidden: the structured parts of the reasoning that have arrived and must
    be sent back to the server. These are the last part with text, and up to eight later ones that contain only data,
    such as encrypted thoughts. A part can be in more than one run."""


@dataclass(frozen=True, slots=True)
class CallClosed:
    """A call's arguments have ended: the closing brace arrived, or the stream ended.

    There is one for each call that has a name, including calls of the message tool. If anything but white space follows
    the closing brace, there is a second one at the end of the stream, with the verdict ``trailing``. The last one of a
    call has the verdict of the result. None of them means that the call is safe to run; only ``ready`` in the result
    does.
    """

    choice_index: int
    index: int
    """The index of the :class:`~streamfsm.ParsedCall`."""
    tool_call_id: str | None
    name: str
    verdict: Verdict


Boundary: TypeAlias = RunStarted | RunEnded | CallClosed
