"""Shows messages and results in a terminal, with all control characters made visible."""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from itertools import groupby
from typing import TYPE_CHECKING

from streamfsm.messages import (
    ApprovalRequestMessage,
    ArgumentMessage,
    AssistantMessage,
    HiddenReasoningMessage,
    ReasoningMessage,
    StopReason,
    StreamMessage,
    ToolCallMessage,
    ToolCallRevoked,
    ToolCallSealed,
    coalesce,
)
from streamfsm.result import ChoiceResult, StreamResult
from streamfsm.trace import Transition

if TYPE_CHECKING:
    from rich.console import Console

_STYLES: dict[type[StreamMessage], str] = {
    ReasoningMessage: "magenta",
    HiddenReasoningMessage: "magenta",
    AssistantMessage: "green",
    ToolCallMessage: "cyan",
    ApprovalRequestMessage: "cyan",
    ArgumentMessage: "blue",
    ToolCallSealed: "cyan",
    ToolCallRevoked: "red",
    StopReason: "yellow",
}


def runs(
    messages: Iterable[StreamMessage], trace: Iterable[Transition], *, deltas: bool
) -> Iterator[tuple[StreamMessage, list[Transition]]]:
    """Yield each message, coalesced unless ``deltas``, with the trace's records since the previous message."""
    records = iter(trace)
    for _, group in groupby(messages, key=lambda message: message.seq_id if deltas else message.otid):
        run = list(group)
        path = [next(records)]
        while path[-1].seq_id != run[-1].seq_id:
            path.append(next(records))
        yield from ((message, path) for message in coalesce(run))


def show_messages(
    console: "Console", runs: Iterable[tuple[StreamMessage, list[Transition]]], *, live: bool = False
) -> None:
    """Print a line for each message: its kind, its text, and the rows that led to it. ``live``: print each at once."""
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, expand=True)
    table.add_column("message", overflow="fold")
    table.add_column("text", overflow="fold", ratio=4)
    table.add_column("path", overflow="fold", ratio=5)
    with Live(table, console=console, vertical_overflow="visible") if live else nullcontext():
        for message, path in runs:
            kind = message.message_type.removesuffix("_message").replace("_", " ")
            where = f"\nchoice {message.choice_index}" if message.choice_index else ""
            style = _STYLES[type(message)]
            table.add_row(
                Text(kind + where, f"bold {style}"), Text(printable(said(message)), style), Text(_path(path), "dim")
            )
    if not live:
        console.print(table)


def said(message: StreamMessage) -> str:
    """Return the text of a message; for a call, also its name."""
    if isinstance(message, ToolCallMessage | ApprovalRequestMessage):
        return " ".join(part for part in (message.tool_call.name, message.tool_call.arguments) if part)
    return message.text


def _path(records: Iterable[Transition]) -> str:
    """Return a line for each lane's steps, such as ``call 0: awaiting_name –tool_named→ raw_args``."""
    lines = []
    boundaries = [record for record in records if record.event != "text"]
    for (choice, lane), steps in groupby(boundaries, key=lambda record: (record.choice, record.lane)):
        first, *more = steps
        where = f"choice {choice} {lane}" if choice else lane
        chain = [f"{where}: {first.state}", *(f"–{step.event}→ {step.target}" for step in (first, *more))]
        lines.append(" ".join(chain))
    return "\n".join(lines)


def printable(text: str) -> str:
    """Return ``text`` with control, format and bidirectional characters made visible, to protect the terminal."""
    return text if text.isprintable() else "".join(char if char.isprintable() else _picture(char) for char in text)


def printable_json(text: str) -> str:
    """Return equivalent JSON with such characters escaped."""
    return text if text.isprintable() else "".join(char if char.isprintable() else _escape(char) for char in text)


def printable_lines(text: str) -> str:
    """Return the text with each of its lines made printable."""
    return "\n".join(map(printable, text.split("\n")))


def _picture(char: str) -> str:
    code = ord(char)
    if code < 0x20:  # noqa: PLR2004 - C0 controls, which have pictures in Unicode
        return chr(0x2400 + code)
    return char.encode("unicode_escape").decode()


def _escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True))


def show_result(console: "Console", result: StreamResult) -> None:
    """Print a summary of the result."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in _summary(result):
        table.add_row(Text(name), Text(printable(value)))
    console.print()
    console.print(table)


def _summary(result: StreamResult) -> Iterator[tuple[str, str]]:
    choices = [(f"choice {choice.index} " if choice.index else "", choice) for choice in result.choices]
    endings: list[tuple[str, ChoiceResult | StreamResult]] = [*choices] or [("", result)]
    for where, choice in endings:
        reason = choice.stop_reason and choice.stop_reason.value
        yield f"{where}stop", f"{reason} (on the wire: {choice.finish_reason or 'no finish reason'})"
    yield "model", result.model or "not named"
    counts = [
        f"{count} {name.removesuffix('_tokens')}"
        for name, count in result.usage.model_dump(exclude={"source", "raw"}).items()
        if count is not None
    ]
    yield "usage", f"{', '.join(counts)} tokens" if counts else "not reported"
    for where, choice in choices:
        for call in choice.tool_calls:
            at = "" if call.error_offset is None else f" at character {call.error_offset}"
            ready = "ready" if call.ready else "not ready"
            yield (
                f"{where}call {call.index}",
                f"{call.name or 'nameless'} ({call.id or 'no id'}): {call.verdict}{at}, {ready}",
            )
    for anomaly in result.anomalies:
        places = (("choice", anomaly.choice), ("call", anomaly.call))
        where = "".join(f", {name} {place}" for name, place in places if place is not None)
        yield "anomaly", f"{anomaly.kind.replace('_', ' ')}{where}: {anomaly.detail}"
    if result.error:
        yield "error", f"{result.error.message} (code: {result.error.code or 'none'})"
