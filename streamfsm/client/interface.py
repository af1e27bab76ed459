"""``OpenAIStreamingInterface``: the drop-in façade of the class that this library replaces.

I/O around a :class:`StreamParser`, token counts, and the names that agent loops were written against. What a stream
says is the parser's business alone.
"""

import time
import traceback
from collections.abc import AsyncGenerator, Callable, Collection, Generator
from functools import cached_property
from typing import Any, Protocol
from uuid import NAMESPACE_OID, uuid5

from streamfsm.client import tokens
from streamfsm.client.log import harmless, logger
from streamfsm.client.stream import END, SyncWire, Wire
from streamfsm.core.model_names import is_reasoning_model
from streamfsm.errors import MisuseError, StreamError
from streamfsm.limits import Limits
from streamfsm.messages import (
    FunctionCall,
    HiddenReasoningMessage,
    OmittedReasoningContent,
    ReasoningContent,
    ReasoningMessage,
    StopReason,
    StopReasonType,
    StreamMessage,
    TextContent,
    ToolCall,
)
from streamfsm.parser import StreamParser
from streamfsm.result import ParsedCall, StreamResult, Usage
from streamfsm.think_tags import AnyThinkTags
from streamfsm.trace import Transition
from streamfsm.wires.chat.dialect import Dialect


class Span(Protocol):
    """What receives events, such as an OpenTelemetry span."""

    def add_event(self, name: str, attributes: dict[str, Any]) -> object:
        """Record an event."""


class Flag(Protocol):
    """What says that the caller wants no more, such as an ``asyncio.Event`` or a ``threading.Event``."""

    def is_set(self) -> bool:
        """Whether it does."""


class OpenAIStreamingInterface:
    """Reads one response from an ``openai`` stream and yields its messages.

    One per response. After :meth:`process` the object says what came of it, also when it ended early.

    Args:
        use_assistant_message: whether calls of ``assistant_tool`` are speech (:class:`AssistantMessage`) rather than
            tool calls.
        is_openai_proxy: whether the server may report no usage, so that tokens are counted here (extra ``tokens``).
        messages: the prompt, for that count: dicts, or objects with ``to_openai_dict``.
        tools: the tool schemas sent, likewise.
        put_inner_thoughts_in_kwarg: whether tools have an argument for the model's thoughts, ``inner_thoughts_kwarg``.
        requires_approval_tools: see :class:`StreamParser`, as for all options below that are not explained here.
        run_id: copied to all messages.
        step_id: copied to all messages.
        cancellation_event: once set, the stream ends as cancelled when the next chunk comes, which is not read.
        first_chunk_timeout: seconds until the first chunk.
        idle_timeout: seconds until each later chunk.
        total_timeout: seconds from the call of :meth:`process` to the last chunk.
        inner_thoughts_kwarg: name, or accepted names, of the thoughts' argument.
        assistant_tool: name of the message tool.
        assistant_kwarg: name of its argument that holds the message.
        reasoning_model: overrides what the model's name tells.
        think_tags: tags of reasoning inside content, with their modes.
        dialect: how the server speaks.
        limits: how much is taken.
        trace: receives the transitions; where it fails, that is logged and no harm done.
    """

    def __init__(
        self,
        use_assistant_message: bool = False,  # noqa: FBT001, FBT002 - the replaced class's signature
        is_openai_proxy: bool = False,  # noqa: FBT001, FBT002
        messages: Collection[Any] | None = None,
        tools: Collection[Any] | None = None,
        put_inner_thoughts_in_kwarg: bool = True,  # noqa: FBT001, FBT002
        *,
        requires_approval_tools: Collection[str] = (),
        run_id: str | None = None,
        step_id: str | None = None,
        cancellation_event: Flag | None = None,
        first_chunk_timeout: float | None = None,
        idle_timeout: float | None = None,
        total_timeout: float | None = None,
        inner_thoughts_kwarg: str | Collection[str] = "thinking",
        assistant_tool: str = "send_message",
        assistant_kwarg: str = "message",
        reasoning_model: bool | None = None,
        think_tags: AnyThinkTags | None = None,
        dialect: Dialect = Dialect(),  # noqa: B008 - frozen
        limits: Limits = Limits(),  # noqa: B008 - frozen
        trace: Callable[[Transition], object] | list[Transition] | None = None,
    ) -> None:
        self.use_assistant_message = use_assistant_message
        self.is_openai_proxy = is_openai_proxy
        self.messages = messages or []
        self.tools = tools or []
        self.put_inner_thoughts_in_kwarg = put_inner_thoughts_in_kwarg
        self.requires_approval_tools = requires_approval_tools
        self.cancellation_event = cancellation_event
        self.parser = StreamParser(
            inner_thoughts_kwarg=inner_thoughts_kwarg if put_inner_thoughts_in_kwarg else None,
            assistant_tool=assistant_tool if use_assistant_message else None,
            assistant_kwarg=assistant_kwarg,
            reasoning_model=reasoning_model,
            think_tags=think_tags,
            requires_approval_tools=requires_approval_tools,
            dialect=dialect,
            limits=limits,
            run_id=run_id,
            step_id=step_id,
            trace=harmless(trace) if callable(trace) else trace,
        )
        self.letta_message_id = self.parser.message_id
        self.reasoning_messages: list[str] = []
        """Texts of the reasoning messages, in order."""
        self._thoughts: list[str] = []  # those of them that are not native
        self.emitted_hidden_reasoning = False
        self.stop_reason: StopReason | None = None
        """How the stream ended. Yielded only on error or cancellation, as the replaced class did."""
        for seconds in (first_chunk_timeout, idle_timeout, total_timeout):
            if not (seconds is None or (isinstance(seconds, int | float) and seconds > 0)):
                raise MisuseError(f"a deadline is a number of seconds above 0, not {seconds!r}")
        if not (cancellation_event is None or callable(getattr(cancellation_event, "is_set", None))):
            raise MisuseError(f"cancellation_event must have is_set(), unlike {cancellation_event!r}")
        self._assistant_tool = assistant_tool
        self._reasoning_model = reasoning_model
        self._deadlines = {"first_chunk": first_chunk_timeout, "idle": idle_timeout, "total": total_timeout}
        self._written_tokens: dict[str, int] = {}
        self._errors: list[Exception] = []
        self._span: Span | None = None
        self._start: float | None = None
        self._kinds: set[str] = set()
        self._chunks = self._messages = 0
        if is_openai_proxy:
            tokens.preload()

    # -- reading ----------------------------------------------------------------------------------------------------

    async def process(self, stream: Any, ttft_span: Span | None = None) -> AsyncGenerator[StreamMessage, None]:
        """Read the stream to its end.

        The wire is closed however this ends: at the end, on an error, on a cancellation, and when the consumer stops
        early (``aclose``; use ``contextlib.aclosing``, else Python calls it some time later).

        Args:
            stream: an ``openai.AsyncStream``, or any async iterable of chunks; or, faster, a response whose body is
                still to be read, as :func:`aiter_messages` takes.
            ttft_span: receives ``first_<message_type>`` with the ``seconds`` it took, once per type; and on an error
                ``stop_reason`` with ``stop_reason``, ``error`` and ``stacktrace``.

        Yields:
            The messages. The :class:`StopReason` only on an error or when ``cancellation_event`` was set.

        Raises:
            StreamError: the server sent an error, or more than the limits allow.
            StreamTimeout: a deadline passed.
            MisuseError: this object has read a stream before.
            Exception: whatever the wire raised.
        """
        self._begin(ttft_span)
        wire = Wire(stream)
        try:
            while self.parser.state == "open":
                messages = await self._receive(wire)
                if self.parser.state != "open":
                    await wire.close()
                for message in messages:
                    yield message
            if self.is_openai_proxy and not self._errors and self.parser.result.usage.source == "absent":
                await self._count()
        except BaseException:
            self._errors.clear()  # the consumer left at the stop reason: see below
            raise
        finally:
            try:
                await wire.close()
            finally:
                self._finish()
        if self._errors:
            raise self._errors.pop()  # kept, it would keep its traceback, which keeps us until a garbage collection

    def process_sync(self, stream: Any, ttft_span: Span | None = None) -> Generator[StreamMessage, None, None]:
        """The synchronous twin of :meth:`process`, for an ``openai.Stream`` or any iterable of chunks.

        Raises:
            MisuseError: also if a deadline was asked for: nothing interrupts a blocking read but the client's own
                ``timeout``.
        """
        if any(seconds is not None for seconds in self._deadlines.values()):
            raise MisuseError("deadlines need process(); give the client a timeout instead")
        self._begin(ttft_span)
        wire = SyncWire(stream)
        try:
            while self.parser.state == "open":
                try:
                    chunk = wire.read()
                except Exception as error:  # noqa: BLE001 - raised again below
                    messages = self._fail(error)
                else:
                    messages = self._take(chunk)
                if self.parser.state != "open":
                    wire.close()
                yield from messages
        except BaseException:
            self._errors.clear()  # the consumer left at the stop reason: see below
            raise
        finally:
            wire.close()
            self._finish()
        if self._errors:
            raise self._errors.pop()  # kept, it would keep its traceback, which keeps us until a garbage collection

    def _begin(self, span: Span | None) -> None:
        if self._start is not None or self.parser.state != "open":
            raise MisuseError("one interface reads one stream; make another")
        self._span, self._start = span, time.monotonic()

    async def _receive(self, wire: Wire) -> list[StreamMessage]:
        """The messages of whatever comes next: a chunk, the end, an error, a deadline."""
        try:
            chunk = await wire.read(*self._next_deadline())
        except Exception as error:  # noqa: BLE001 - raised again by process()
            return self._fail(error)
        return self._take(chunk)

    def _next_deadline(self) -> tuple[str, float | None]:
        """The deadline that passes first, and the seconds until then."""
        name = "idle" if self._chunks else "first_chunk"
        seconds, total = self._deadlines[name], self._deadlines["total"]
        if total is not None:
            left = total - self._seconds()
            if seconds is None or left < seconds:
                return "total", left
        return name, seconds

    def _seconds(self) -> float:
        return time.monotonic() - (self._start or 0.0)

    def _take(self, chunk: Any) -> list[StreamMessage]:
        if chunk is END:
            return self._note(self.parser.close())
        if self.cancellation_event and self.cancellation_event.is_set():
            return self._note(self.parser.cancel())
        self._chunks += 1
        is_body = isinstance(chunk, bytes | bytearray | memoryview)
        messages = self._note(self.parser.feed_bytes(bytes(chunk)) if is_body else self.parser.feed(chunk))
        if self.parser.state == "failed":
            error = self.parser.result.error
            self._report(StreamError(error.message, error.code) if error else StreamError("the stream failed"))
        return messages

    def _fail(self, error: Exception) -> list[StreamMessage]:
        messages = self._note(self.parser.fail(error))
        self._report(error)
        return messages

    def _report(self, error: Exception) -> None:
        self._errors.append(error)
        attributes = {"stop_reason": StopReasonType.error.value, "error": str(error)}
        self._event("stop_reason", {**attributes, "stacktrace": "".join(traceback.format_exception(error))})

    def _note(self, messages: list[StreamMessage], *, yielded: bool = True) -> list[StreamMessage]:
        """Keep what the attributes tell; return the messages that the consumer is to see, if they are ``yielded``."""
        for message in messages:
            kind = message.message_type
            if isinstance(message, ReasoningMessage):
                self.reasoning_messages.append(message.reasoning)
                if message.source == "non_reasoner_model":
                    self._thoughts.append(message.reasoning)
            elif isinstance(message, HiddenReasoningMessage):
                self.emitted_hidden_reasoning = True
            elif isinstance(message, StopReason):
                self.stop_reason = message
                if self.parser.state == "done":
                    messages = messages[:-1]
                continue
            if yielded and kind not in self._kinds:
                self._kinds.add(kind)
                self._event(f"first_{kind}", {"seconds": self._seconds()})
        self._messages += len(messages) if yielded else 0
        return messages

    def _event(self, name: str, attributes: dict[str, Any]) -> None:
        span = self._span
        if span is not None:
            harmless(lambda: span.add_event(name, attributes))()

    def _finish(self) -> None:
        """The stream is over, one way or another."""
        self._note(self.parser.cancel(), yielded=False)  # if it is still open: the consumer left, or was cancelled
        self._span = None
        usage = self.parser.result.usage
        harmless(logger.info)(
            "%s ended (%s) after %.3f s: %d chunks, %d messages, %d tool calls, %s input and %s output tokens",
            *(self.letta_message_id, self.stop_reason and self.stop_reason.stop_reason.value, self._seconds()),
            *(self._chunks, self._messages, len(self.parser.result.tool_calls)),
            *(usage.input_tokens, usage.output_tokens),
        )

    # -- token counts -----------------------------------------------------------------------------------------------

    @property
    def input_tokens(self) -> int:
        """Tokens of the prompt as reported, or as written here by the caller; 0: unknown."""
        return self._written_tokens.get("input", self.parser.result.usage.input_tokens or 0)

    @input_tokens.setter
    def input_tokens(self, value: int) -> None:
        self._written_tokens["input"] = value

    @property
    def output_tokens(self) -> int:
        """Tokens of the response as reported, or as written here by the caller; 0: unknown."""
        return self._written_tokens.get("output", self.parser.result.usage.output_tokens or 0)

    @output_tokens.setter
    def output_tokens(self, value: int) -> None:
        self._written_tokens["output"] = value

    @cached_property
    def fallback_input_tokens(self) -> int:
        """Tokens of ``messages`` and ``tools`` as counted here; 0 unless ``is_openai_proxy``."""
        return tokens.count_prompt(self.messages, self.tools, tokens.counter()[0]) if self.is_openai_proxy else 0

    @property
    def fallback_output_tokens(self) -> int:
        """Tokens of what the model said so far as counted here; 0 unless ``is_openai_proxy``."""
        if self.parser.state == "open":
            return self._count_output()
        return self._final_output_tokens

    @cached_property
    def _final_output_tokens(self) -> int:
        return self._count_output()

    def _count_output(self) -> int:
        return tokens.count_output(self.parser.result, tokens.counter()[0]) if self.is_openai_proxy else 0

    async def _count(self) -> None:
        """Count now, off the event loop, so that reading the attributes later costs nothing."""
        from anyio import CapacityLimiter, to_thread

        await to_thread.run_sync(
            lambda: (self.fallback_input_tokens, self.fallback_output_tokens),
            abandon_on_cancel=True,
            limiter=CapacityLimiter(1),  # its own: the shared one may be busy for long
        )

    # -- what came of it --------------------------------------------------------------------------------------------

    @property
    def result(self) -> StreamResult:
        """What the stream amounts to so far; with counted tokens where a proxy reported none."""
        result = self.parser.result
        if self.is_openai_proxy and result.usage.source == "absent":
            result.usage = Usage(
                input_tokens=self.fallback_input_tokens, output_tokens=self.fallback_output_tokens, source="estimated"
            )
        return result

    @property
    def message_id(self) -> str | None:
        """The server's id of the response."""
        return self.parser.result.response_id

    @property
    def model(self) -> str | None:
        """The model, as the server first named it."""
        return self.parser.result.model

    @property
    def tool_call_name(self) -> str | None:
        """Name of the first tool call."""
        return self._first_call.name if self._first_call else None

    @property
    def tool_call_id(self) -> str | None:
        """Id of the first tool call; see :meth:`get_tool_call_objects`."""
        return self._id(self._first_call) if self._first_call else None

    def _id(self, call: ParsedCall) -> str:
        """The call's id; where the server gave none, one made of the message id and the call's position."""
        return call.id or f"call_{uuid5(NAMESPACE_OID, f'{self.letta_message_id}/{call.index}').hex[:24]}"

    last_flushed_function_name = tool_call_name
    last_flushed_function_id = tool_call_id

    @property
    def current_function_arguments(self) -> str:
        """Raw arguments of the first tool call so far, thoughts and all."""
        return self._first_call.arguments if self._first_call else ""

    @property
    def prev_assistant_message_id(self) -> str | None:
        """Id of the latest call of the message tool, where such calls are speech."""
        calls = self.parser.result.tool_calls if self.use_assistant_message else []
        return next((call.id for call in reversed(calls) if call.name == self._assistant_tool), None)

    @property
    def _first_call(self) -> ParsedCall | None:
        return next((call for call in self.parser.result.tool_calls if call.name), None)

    def get_tool_call_objects(self) -> list[ToolCall]:
        """All tool calls that have a name, in order of start. See ``result`` for which are ready to run.

        A call that the server gave no id gets one made of the message id and the call's position.
        """
        return [
            ToolCall(id=self._id(call), function=FunctionCall(name=call.name, arguments=call.arguments))
            for call in self.parser.result.tool_calls
            if call.name
        ]

    def get_tool_call_object(self) -> ToolCall:
        """The first tool call, with its raw arguments.

        Raises:
            ValueError: there is none.
        """
        calls = self.get_tool_call_objects()
        if not calls:
            raise ValueError("the response holds no tool call with a name")
        return calls[0]

    def get_reasoning_content(self) -> list[TextContent | ReasoningContent | OmittedReasoningContent]:
        """The model's thoughts, for a message store: native reasoning, the thoughts of its tool calls, both or none.

        Returns:
            ``[OmittedReasoningContent()]`` for a reasoning model that showed nothing, and where nothing can be read;
            otherwise native reasoning as :class:`ReasoningContent`, then other thoughts as :class:`TextContent`,
            stripped, which may be empty where it stands alone.
        """
        result = self.parser.result
        details = result.choices[0].reasoning_details if result.choices else []
        signature = next((detail.signature for detail in reversed(details) if detail.signature), None)
        thoughts = "".join(self._thoughts).strip()
        found: list[TextContent | ReasoningContent | OmittedReasoningContent] = []
        if result.reasoning:
            found.append(ReasoningContent(reasoning=result.reasoning, signature=signature))
        if thoughts:
            found.append(TextContent(text=thoughts))
        if not found and (details or self._reasons(result.model)):
            found.append(OmittedReasoningContent(signature=signature))
        return found or [TextContent(text="")]

    def _reasons(self, model: str | None) -> bool:
        if self._reasoning_model is not None:
            return self._reasoning_model
        return model is not None and is_reasoning_model(model)
