"""Telemetry: observers that report to OpenTelemetry how a stream went. They need the extra ``otel``.

:class:`Telemetry` adds attributes named ``streamfsm.*``, which only a parser can know, to a span that somebody else
creates. :class:`GenAi` creates the span and the metrics of OpenTelemetry's conventions for generative AI, for programs
in which the client is not instrumented. No text of the response is reported unless ``content`` asks for it.
"""

import json
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamfsm.client import conventions as gen_ai
from streamfsm.client.observer import Observer
from streamfsm.errors import MisuseError, with_extra
from streamfsm.messages import StreamMessage
from streamfsm.parser import StreamParser
from streamfsm.result import ChoiceResult, StreamResult

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, MeterProvider
    from opentelemetry.trace import Span, Tracer, TracerProvider

_CODE = re.compile(r"[\w.-]{1,64}")  # a longer one, or one with a space, is a sentence


class Telemetry(Observer):
    """Adds attributes and events to a span: what only the parser knows about a stream.

    Create one for each response, before its request, because its clock starts then. The attributes that it sets are
    listed in ``docs/telemetry.md``.

    Args:
        span: the span to add to, by default the current one.
        content: whether texts from the server may be reported: names of tools, details of anomalies, errors.

    Raises:
        MisuseError: OpenTelemetry's API is not installed.
    """

    def __init__(self, span: "Span | None" = None, *, content: bool = False) -> None:
        self.span: Span = _api().get_current_span() if span is None else span
        self._content = content
        self._start = time.monotonic()

    def started(self, parser: StreamParser) -> None:
        """Set the message id."""
        self.span.set_attribute("streamfsm.message_id", parser.message_id)

    def first(self, message: StreamMessage) -> None:
        """Set the seconds until the first message of a type, except for the stop reason, which is no answer."""
        if message.message_type != "stop_reason":
            seconds = time.monotonic() - self._start
            self.span.set_attribute(f"streamfsm.time_to_first.{message.message_type}", seconds)

    def ended(self, result: StreamResult, error: Exception | None) -> None:
        """Set the attributes and events of the complete stream."""
        calls = [call for choice in result.choices for call in choice.tool_calls]
        code, message = (result.error.code, result.error.message) if result.error else (None, None)
        told = {
            "streamfsm.stop_reason": result.stop_reason and result.stop_reason.value,
            "streamfsm.tool_calls.verdict": [call.verdict for call in calls] or None,
            "streamfsm.tool_calls.ready": [call.ready for call in calls] or None,
            "streamfsm.tool_calls.name": [call.name for call in calls] or None if self._content else None,
            "streamfsm.anomalies": len(result.anomalies) or None,
            "streamfsm.error.type": error and type(error).__qualname__,
            "streamfsm.error.code": code if self._content or _CODE.fullmatch(code or "") else None,
            "streamfsm.error.message": message if self._content else None,
        }
        self.span.set_attributes(_known(told))
        for anomaly in result.anomalies:
            detail = anomaly.detail if self._content else None
            fields = {"kind": anomaly.kind, "choice": anomaly.choice, "call": anomaly.call, "detail": detail}
            self.span.add_event("streamfsm.anomaly", _known(fields))


class GenAi:
    """Creates the span and metrics of OpenTelemetry's conventions for generative AI. Create one for a process.

    An instrumentation of the client, such as ``opentelemetry-instrumentation-openai-v2``, creates the same ones. If one
    is active, use :class:`Telemetry` alone, or each response counts twice.

    Args:
        provider: the provider of the server, as the conventions name it: ``openai``, ``azure.ai.openai``, ``x_ai``, …
        address: the server's host name.
        port: the server's port.
        content: whether the response's texts may be reported; see :class:`Telemetry`.
        per_chunk: whether the time from chunk to chunk is measured, which costs more than everything else.
        tracer_provider: by default the global one.
        meter_provider: by default the global one.

    Raises:
        MisuseError: OpenTelemetry's API is not installed.
    """

    def __init__(
        self,
        provider: str = "openai",
        *,
        address: str | None = None,
        port: int | None = None,
        content: bool = False,
        per_chunk: bool = False,
        tracer_provider: "TracerProvider | None" = None,
        meter_provider: "MeterProvider | None" = None,
    ) -> None:
        trace = _api()
        from opentelemetry.metrics import get_meter

        meter = get_meter("streamfsm", meter_provider=meter_provider)

        def histogram(name: str, unit: str, description: str, buckets: tuple[float, ...]) -> "Histogram":
            return meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=buckets)

        self.attributes: dict[str, Any] = _known(
            {
                gen_ai.OPERATION: "chat",
                gen_ai.PROVIDER: provider,
                gen_ai.SERVER_ADDRESS: address,
                gen_ai.SERVER_PORT: port,
            }
        )
        """The attributes of every span and measurement."""
        self.content = content
        self.per_chunk = per_chunk
        self.tracer: Tracer = trace.get_tracer("streamfsm", tracer_provider=tracer_provider)
        seconds = gen_ai.SECONDS_BUCKETS
        self.duration: Histogram = histogram(gen_ai.DURATION_METRIC, "s", "Duration of the operation.", seconds)
        self.first_chunk: Histogram = histogram(gen_ai.FIRST_CHUNK_METRIC, "s", "Time to the first chunk.", seconds)
        self.next_chunk: Histogram = histogram(gen_ai.NEXT_CHUNK_METRIC, "s", "Time from a chunk to the next.", seconds)
        self.tokens: Histogram = histogram(gen_ai.TOKENS_METRIC, "{token}", "Tokens used.", gen_ai.TOKENS_BUCKETS)

    def observer(self, model: str | None = None) -> "GenAiSpan":
        """Begin the span of one response. Call it before the request; ``model`` is the model that is requested.

        The span is a child of the current one, and ends when the stream does.
        """
        return GenAiSpan(self, model)


class GenAiSpan(Telemetry):
    """Reports one response for a :class:`GenAi`. Its span also has the attributes of :class:`Telemetry`."""

    def __init__(self, maker: GenAi, model: str | None) -> None:
        self._maker = maker
        self._attributes = {**maker.attributes, **_known({gen_ai.REQUEST_MODEL: model})}
        kind = _api().SpanKind.CLIENT
        name = " ".join(filter(None, ("chat", model)))
        attributes = {**self._attributes, gen_ai.REQUEST_STREAM: True}
        super().__init__(maker.tracer.start_span(name, kind=kind, attributes=attributes), content=maker.content)
        self._last_chunk = 0.0
        self._context = _api().set_span_in_context(self.span)

    def chunk_read(self) -> None:
        """Measure the time to the first chunk, and between chunks if ``per_chunk`` asks for it."""
        if not self._last_chunk:
            self._last_chunk = time.monotonic()
            seconds = self._last_chunk - self._start
            self.span.set_attribute(gen_ai.TIME_TO_FIRST_CHUNK, seconds)
            self._maker.first_chunk.record(seconds, self._attributes, self._context)
        elif self._maker.per_chunk:
            now = time.monotonic()
            self._maker.next_chunk.record(now - self._last_chunk, self._attributes, self._context)
            self._last_chunk = now

    def ended(self, result: StreamResult, error: Exception | None) -> None:
        """Set the conventions' attributes, record the metrics, and end the span."""
        super().ended(result, error)
        self._attributes |= _known(
            {gen_ai.RESPONSE_MODEL: result.model, gen_ai.ERROR_TYPE: error and type(error).__qualname__}
        )
        usage = result.usage
        finish_reasons = [choice.finish_reason for choice in result.choices if choice.finish_reason]
        tells = self._content and result.has_texts
        messages = tells and json.dumps([_message(choice) for choice in result.choices], ensure_ascii=False)
        told = {
            gen_ai.RESPONSE_ID: result.response_id,
            gen_ai.FINISH_REASONS: finish_reasons or None,
            gen_ai.INPUT_TOKENS: usage.input_tokens,
            gen_ai.OUTPUT_TOKENS: usage.output_tokens,
            gen_ai.CACHED_TOKENS: usage.cached_tokens or None,
            gen_ai.REASONING_TOKENS: usage.reasoning_tokens or None,
            gen_ai.OUTPUT_MESSAGES: messages or None,
        }
        self.span.set_attributes({**self._attributes, **_known(told)})
        if error:
            description = str(error) if self._content else None
            self.span.set_status(_api().StatusCode.ERROR, description)
        for kind, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if count is not None:
                attributes = {**self._attributes, gen_ai.TOKEN_TYPE: kind}
                self._maker.tokens.record(count, attributes, self._context)
        self._maker.duration.record(time.monotonic() - self._start, self._attributes, self._context)
        self.span.end()


def _message(choice: ChoiceResult) -> dict[str, Any]:
    """Return a choice as an output message of the conventions."""
    texts = (("reasoning", choice.reasoning), ("text", choice.content or choice.refusal))
    parts: list[dict[str, Any]] = [{"type": kind, "content": text} for kind, text in texts if text]
    parts += [
        {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments}
        for call in choice.tool_calls
    ]
    return {"role": "assistant", "parts": parts, "finish_reason": choice.finish_reason}


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _api() -> Any:
    try:
        from opentelemetry import trace
    except ImportError as error:
        raise MisuseError(f"telemetry needs opentelemetry-api: {with_extra('otel')}") from error
    return trace
