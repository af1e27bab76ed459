"""Observers of a stream that is being read: the base class, and the façade's two, for a span and for the log."""

import time
import traceback
from typing import Any, Protocol

from streamfsm.client.log import logger
from streamfsm.messages import StopReasonType, StreamMessage
from streamfsm.parser import StreamParser
from streamfsm.result import StreamResult


class Observer:
    """Is notified of what happens in one stream, read by the façade, ``iter_messages`` or a loop around ``Reading``.

    Inherit from it, and override the methods that you need. An exception in a method is logged, and the stream
    continues. All methods are called before the consumer gets the messages in question.
    """

    def started(self, parser: StreamParser) -> None:
        """Reading begins. The observer may read ``parser``, but must not feed it."""

    def chunk_read(self) -> None:
        """A chunk, or a piece of a body, arrived; its messages follow."""

    def messages(self, messages: list[StreamMessage]) -> None:
        """The consumer gets these messages next; never empty. The façade omits a normal end's :class:`StopReason`."""

    def first(self, message: StreamMessage) -> None:
        """``message`` is the first of its type; called before :meth:`messages`."""

    def ended(self, result: StreamResult, error: Exception | None) -> None:
        """The stream ended, and the consumer gets the last messages next; or the consumer stopped. Called once.

        Args:
            result: the result of the complete stream.
            error: the error that will be raised after the :class:`StopReason`, if the stream failed.
        """


class Span(Protocol):
    """Anything that receives events, such as an OpenTelemetry span."""

    def add_event(self, name: str, attributes: dict[str, Any]) -> object:
        """Record an event."""


class SpanEvents(Observer):
    """Adds events to a span: when the first message of each type came, and why the stream failed."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._start = 0.0

    def started(self, parser: StreamParser) -> None:  # noqa: ARG002 - see Observer
        """See :class:`Observer`, as for all of them."""
        self._start = time.monotonic()

    def first(self, message: StreamMessage) -> None:
        """Add an event, except for the stop reason, which :meth:`ended` adds with its error."""
        if message.message_type != "stop_reason":
            self._span.add_event(f"first_{message.message_type}", {"seconds": time.monotonic() - self._start})

    def ended(self, result: StreamResult, error: Exception | None) -> None:  # noqa: ARG002 - see Observer
        """Add an event for an error, and for no other end."""
        if error:
            stacktrace = "".join(traceback.format_exception(error))
            attributes = {"stop_reason": StopReasonType.error.value, "error": str(error), "stacktrace": stacktrace}
            self._span.add_event("stop_reason", attributes)


class LogLine(Observer):
    """Writes one line at INFO when the stream ends: counts and the stop reason, but no text."""

    def __init__(self) -> None:
        self._message_id = ""
        self._start = 0.0
        self._chunks = self._messages = 0

    def started(self, parser: StreamParser) -> None:
        """See :class:`Observer`, as for all of them."""
        self._message_id, self._start = parser.message_id, time.monotonic()

    def chunk_read(self) -> None:
        """Count the chunk."""
        self._chunks += 1

    def messages(self, messages: list[StreamMessage]) -> None:
        """Count the messages."""
        self._messages += len(messages)

    def ended(self, result: StreamResult, error: Exception | None) -> None:  # noqa: ARG002 - see Observer
        """Write the line."""
        logger.info(
            "%s ended (%s) after %.3f s: %d chunks, %d messages, %d tool calls, %s input and %s output tokens",
            *(self._message_id, result.stop_reason and result.stop_reason.value, time.monotonic() - self._start),
            *(self._chunks, self._messages, len(result.tool_calls)),
            *(result.usage.input_tokens, result.usage.output_tokens),
        )
