"""What goes in, wire-neutral: what one chunk says, in the order in which it is to be read.

Sources make these; no code behind them knows a wire. An empty string and ``None`` both mean that the wire said
nothing, and sources leave such events out.
"""

from typing import Literal, NamedTuple, TypeAlias

from streamfsm.result import AnomalyKind

TextField: TypeAlias = Literal["reasoning", "content", "refusal"]


class Envelope(NamedTuple):
    """The first id or model of the response."""

    id: str | None
    model: str | None


class Text(NamedTuple):
    """A piece of one text field of one choice."""

    choice: int
    field: TextField
    text: str


class CallPiece(NamedTuple):
    """One entry of a tool-call list, with the identity it claims; :mod:`streamfsm._identity` decides whose it is."""

    choice: int
    wire_index: int | None
    id: str
    name: str
    arguments: str


class Finish(NamedTuple):
    """A finish reason, in the wire's word."""

    choice: int
    reason: str


class UsageReport(NamedTuple):
    """Token counts; ``None`` where the report is silent."""

    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None


class Failure(NamedTuple):
    """An error payload inside the stream."""

    code: str | None
    message: str


class Oddity(NamedTuple):
    """Something that the wire's own description does not allow; it becomes an anomaly of the result."""

    kind: AnomalyKind
    detail: str
    choice: int | None


Event: TypeAlias = Envelope | Text | CallPiece | Finish | UsageReport | Failure | Oddity
