"""``OpenAIStreamingInterface``: the façade, a drop-in for the class that this library replaces.

It wraps a :class:`StreamParser`, and has the attributes and methods that existing agent loops use. Only the parser
interprets the stream; reading, observing and counting are in modules of their own.
"""

from collections.abc import AsyncGenerator, Collection, Generator
from itertools import count
from typing import Any

from streamfsm.channels import Channel, checked
from streamfsm.client import content
from streamfsm.client.call_messages import in_both_forms
from streamfsm.client.content import Content
from streamfsm.client.counting import TokenCounts
from streamfsm.client.deadlines import Deadlines
from streamfsm.client.log import harmless
from streamfsm.client.observer import LogLine, Observer, Span, SpanEvents
from streamfsm.client.overflow import is_context_overflow
from streamfsm.client.reading import Flag, Reading, read, read_sync
from streamfsm.client.statistics import statistics
from streamfsm.core.model_names import is_reasoning_model
from streamfsm.errors import MisuseError
from streamfsm.limits import Limits
from streamfsm.messages import (
    AssistantMessage,
    HiddenReasoningMessage,
    OmittedReasoningContent,
    ReasoningContent,
    ReasoningMessage,
    StopReason,
    StopReasonType,
    StreamMessage,
    TextContent,
    ToolCall,
    UsageStatistics,
    otid,
)
from streamfsm.parser import StreamParser
from streamfsm.result import ParsedCall
from streamfsm.think_tags import AnyThinkTags
from streamfsm.trace import Trace, TraceLog
from streamfsm.wires.chat.dialect import Dialect


class OpenAIStreamingInterface(TokenCounts):
    """Reads one response from an ``openai`` stream and yields its messages.

    Create one for each response. After :meth:`process` the object has the result, even if the stream ended early.

    Args:
        use_assistant_message: whether calls of ``assistant_tool`` are speech (:class:`AssistantMessage`) rather than
            tool calls. Off by default, unlike in :class:`StreamParser`, because it was off in the replaced class.
        is_openai_proxy: whether the server may report no usage, so that tokens are counted here (extra ``tokens``).
        messages: the prompt, to count its tokens: dicts, or objects with ``to_openai_dict``.
        tools: the tool schemas of the request, to count their tokens.
        put_inner_thoughts_in_kwarg: whether tools have an argument for the model's thoughts, ``inner_thoughts_kwarg``.
        requires_approval_tools: see :class:`StreamParser`, as for ``seal_tools`` and ``keep``.
        model: the model of the request. If it reasons without showing it, according to its name or ``reasoning_model``,
            hidden reasoning is announced before the first chunk is read.
        seal_tools: see :class:`StreamParser`.
        run_id: copied to all messages.
        step_id: copied to all messages.
        cancellation_event: once it is set, the stream ends as cancelled when the next chunk arrives; that chunk is
            ignored.
        first_chunk_timeout: seconds until the first chunk; ``None``, here and below: no deadline.
        idle_timeout: seconds from one chunk to the next.
        total_timeout: seconds from the call of :meth:`process` to the last chunk.
        inner_thoughts_kwarg: the name, or the accepted names, of the argument for thoughts.
        assistant_tool: the name of the message tool.
        assistant_kwarg: the name of its argument for the message.
        channels: other values of arguments that are emitted as messages of their own. A path is an error if the schema
            of its tool in ``tools`` does not allow it.
        reasoning_model: whether the model reasons without showing it; ``None``: this is decided from its name.
        reasoning_as_text: whether an answer that consists only of native reasoning is also passed on as text, because
            some servers put the answer of a small model there.
        think_tags: tags around thoughts in the content, with their modes.
        dialect: how the server's format differs from OpenAI's.
        limits: the most that the parser accepts before the stream fails.
        keep: see :class:`StreamParser`. With ``False``, :attr:`reasoning_messages` stays empty, and methods that return
            texts raise :class:`MisuseError`.
        trace: see :class:`StreamParser`; but if it raises an exception, that is logged, and the stream continues.
        observers: notified of what happens, in addition to the span and the log.
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
        model: str | None = None,
        seal_tools: Collection[str] = (),
        run_id: str | None = None,
        step_id: str | None = None,
        cancellation_event: Flag | None = None,
        first_chunk_timeout: float | None = None,
        idle_timeout: float | None = None,
        total_timeout: float | None = None,
        inner_thoughts_kwarg: str | Collection[str] = "thinking",
        assistant_tool: str = "send_message",
        assistant_kwarg: str = "message",
        channels: Collection[Channel] = (),
        reasoning_model: bool | None = None,
        reasoning_as_text: bool = False,
        think_tags: AnyThinkTags | None = None,
        dialect: Dialect = Dialect(),  # noqa: B008 - frozen
        limits: Limits = Limits(),  # noqa: B008 - frozen
        keep: bool = True,
        trace: Trace = None,
        observers: Collection[Observer] = (),
    ) -> None:
        for option, asked in (("is_openai_proxy", is_openai_proxy), ("reasoning_as_text", reasoning_as_text)):
            if asked and not keep:
                raise MisuseError(f"{option} needs the texts, which keep=False does not keep")
        self.use_assistant_message = use_assistant_message
        self.put_inner_thoughts_in_kwarg = put_inner_thoughts_in_kwarg
        self.requires_approval_tools = requires_approval_tools
        self.cancellation_event = cancellation_event
        parser = StreamParser(
            inner_thoughts_kwarg=inner_thoughts_kwarg if put_inner_thoughts_in_kwarg else None,
            assistant_tool=assistant_tool if use_assistant_message else None,
            assistant_kwarg=assistant_kwarg,
            channels=checked(channels, tools or ()),
            reasoning_model=reasoning_model,
            think_tags=think_tags,
            requires_approval_tools=requires_approval_tools,
            seal_tools=seal_tools,
            dialect=dialect,
            limits=limits,
            keep=keep,
            run_id=run_id,
            step_id=step_id,
            trace=_harmless(trace),
        )
        super().__init__(parser, is_openai_proxy=is_openai_proxy, messages=messages or [], tools=tools or [])
        self.letta_message_id: str = parser.message_id
        self.reasoning_messages: list[str] = []
        """Texts of the reasoning messages, in order."""
        self._thoughts: list[str] = []  # texts of reasoning messages that are not native
        self.emitted_hidden_reasoning: bool = False
        self.stop_reason: StopReason | None = None
        """How the stream ended. It is yielded only on an error or a cancellation, as by the replaced class. It is not
        yielded if the prompt was too long for the model, so that the caller can shorten it and ask again."""
        if not (cancellation_event is None or callable(getattr(cancellation_event, "is_set", None))):
            raise MisuseError(f"cancellation_event must have is_set(), unlike {cancellation_event!r}")
        self._assistant_tool = assistant_tool
        self._model = model
        self._reasoning_model = reasoning_model
        self._reasoning_as_text = reasoning_as_text
        self._deadlines = Deadlines(first_chunk_timeout, idle_timeout, total_timeout)
        self._observers = observers
        self._keeps = keep
        self._is_used = False

    # -- reading ----------------------------------------------------------------------------------------------------

    def process(self, stream: Any, ttft_span: Span | None = None) -> AsyncGenerator[StreamMessage, None]:
        """Read the stream to its end.

        The stream is always closed: at its end, on an error, on a cancellation, and when the consumer stops early. For
        the last case, use ``contextlib.aclosing``; otherwise Python closes it some time later.

        Args:
            stream: an ``openai.AsyncStream``, or any async iterable of chunks; or, faster, a response whose body has
                not been read, as for :func:`aiter_messages`.
            ttft_span: receives an event ``first_<message_type>`` with ``seconds`` since the start, once per type; and
                on an error, an event ``stop_reason`` with ``stop_reason``, ``error`` and ``stacktrace``.

        Yields:
            The messages. The :class:`StopReason` only on an error, unless the prompt was too long for the model, or
            when ``cancellation_event`` was set.

        Raises:
            StreamError: the stream failed: the server sent an error, exceeded a limit, or sent no event stream.
            StreamTimeout: a deadline passed.
            MisuseError: this object has read a stream before.
            Exception: the exception that the stream raised.
        """
        return read(stream, self._reading(ttft_span), self._deadlines, self._count)

    def process_sync(self, stream: Any, ttft_span: Span | None = None) -> Generator[StreamMessage, None, None]:
        """The synchronous version of :meth:`process`, for an ``openai.Stream`` or any iterable of chunks.

        Raises:
            MisuseError: also if there is a deadline, because only the client's own ``timeout`` can interrupt a blocking
                read.
        """
        if self._deadlines:
            raise MisuseError("deadlines need process(); give the client a timeout instead")
        return read_sync(stream, self._reading(ttft_span))

    def _reading(self, span: Span | None) -> Reading:
        if self._is_used or self.parser.state != "open":
            raise MisuseError("one interface reads one stream; make another")
        self._is_used = True
        observers = [*self._observers, LogLine()]
        if span is not None:
            observers.insert(0, SpanEvents(span))
        return Reading(
            self.parser,
            observers,
            cancelled=self.cancellation_event,
            begin=self._begin,
            keep=self._keep,
        )

    def _begin(self) -> list[StreamMessage]:
        asked_to_think = self._model is not None and self._reasons(self._model)
        return self.parser.announce_hidden() if asked_to_think else []

    def _keep(self, messages: list[StreamMessage]) -> list[StreamMessage]:
        """Keep what the attributes show; return the messages for the consumer."""
        for message in messages:
            if isinstance(message, ReasoningMessage) and self._keeps:
                self.reasoning_messages.append(message.reasoning)
                if message.source == "non_reasoner_model":
                    self._thoughts.append(message.reasoning)
            elif isinstance(message, HiddenReasoningMessage):
                self.emitted_hidden_reasoning = True
            elif isinstance(message, StopReason):
                self.stop_reason = message
                messages = [*messages[:-1], *self._last(message)]
        return [in_both_forms(message) for message in messages]

    def _last(self, stop: StopReason) -> list[StreamMessage]:
        """Return the last messages for the consumer."""
        error = self.parser.result.error
        if self.parser.state == "done":
            return self._reasoning_spoken(stop)
        return [] if self.parser.state == "failed" and error and is_context_overflow(error) else [stop]

    def _reasoning_spoken(self, stop: StopReason) -> list[StreamMessage]:
        """Return the reasoning as text, in place of the stop reason, if ``reasoning_as_text`` asks for it."""
        text = self._answer_in_reasoning()
        if not text:
            return []
        place = next(place for place in count() if otid(stop.id, place) == stop.otid)
        self.stop_reason = stop.model_copy(update={"seq_id": (stop.seq_id or 0) + 1, "otid": otid(stop.id, place + 1)})
        fields = stop.model_dump(exclude={"message_type", "stop_reason"})
        return [AssistantMessage(**fields, content=text)]

    def _answer_in_reasoning(self) -> str:
        """Return the reasoning if the answer is nothing else and ``reasoning_as_text`` asks for it, else ``""``."""
        if not self._reasoning_as_text:
            return ""
        result = self.parser.result
        nothing_else = not (result.assistant_text or result.tool_calls)
        is_whole = result.stop_reason == StopReasonType.end_turn
        return result.reasoning if nothing_else and is_whole else ""

    # -- state and result -------------------------------------------------------------------------------------------

    @property
    def final_response(self) -> Any:
        """See :attr:`StreamParser.final_response`."""
        return self.parser.final_response

    @property
    def message_id(self) -> str | None:
        """The server's id of the response."""
        return self.parser.result.response_id

    @property
    def model(self) -> str | None:
        """The model, as the server first named it; before that, as the caller named it."""
        return self.parser.result.model or self._model

    @property
    def tool_call_name(self) -> str | None:
        """Name of the first tool call."""
        return self._first_call.name if self._first_call else None

    @property
    def tool_call_id(self) -> str | None:
        """Id of the first tool call; see :meth:`get_tool_call_objects`."""
        return self._first_call.tool_call_id if self._first_call else None

    last_flushed_function_name = tool_call_name
    last_flushed_function_id = tool_call_id

    @property
    def current_function_arguments(self) -> str:
        """Raw arguments of the first tool call so far, including thoughts."""
        return self._first_call.arguments if self._first_call else ""

    @property
    def prev_assistant_message_id(self) -> str | None:
        """Id of the latest call of the message tool, if such calls are speech."""
        calls = self.parser.result.tool_calls if self.use_assistant_message else []
        return next((call.id for call in reversed(calls) if call.name == self._assistant_tool), None)

    @property
    def _first_call(self) -> ParsedCall | None:
        return next((call for call in self.parser.result.tool_calls if call.name), None)

    def get_tool_call_objects(self) -> list[ToolCall]:
        """Return all tool calls that have a name, in the order in which they began. ``result`` says which are ready.

        Their ids are unique: a call without an id, or with an earlier call's id, gets one computed from the
        message id and the call's position. Fields that the provider added to a call, such as a signature, are included.
        """
        found = []
        for call in self.parser.result.tool_calls:
            if call.name:
                entry = call.as_tool_call()
                read = {"name": call.name, "arguments": call.arguments}  # verbatim, also for custom tools
                found.append(ToolCall(**{**entry, "function": {**entry.get("function", {}), **read}}))
        return found

    def get_tool_call_object(self) -> ToolCall:
        """Return the first tool call, with its raw arguments.

        Raises:
            ValueError: the response has no tool call with a name.
        """
        calls = self.get_tool_call_objects()
        if not calls:
            raise ValueError("the response has no tool call with a name")
        return calls[0]

    def get_content(self) -> list[Content]:
        """Return the model's text and native reasoning, for a message store; the tool calls are separate.

        Returns:
            :class:`SummarizedReasoningContent` for each item with a summary, or with encrypted data only;
            :class:`ReasoningContent` for readable text; or one :class:`OmittedReasoningContent` if a model reasoned and
            showed nothing. Then :class:`TextContent` for each part of the content. For the Responses API, they are in
            the order in which they came; for Chat Completions, reasoning is first. A refusal is last. Thoughts and
            speech in a call's arguments are not included. No part is empty, but the list may be.
        """
        result = self.parser.result
        spoken = self._answer_in_reasoning()
        if spoken:
            return [TextContent(text=spoken)]
        parts = content.parts(result.choices[0]) if result.choices else []
        if self._thinks_unseen and all(isinstance(part, TextContent) for part in parts):
            return [OmittedReasoningContent(), *parts]
        return parts

    @property
    def _thinks_unseen(self) -> bool:
        """Whether the model reasoned without showing it."""
        return self.emitted_hidden_reasoning or self._reasons(self.model)

    def get_usage_statistics(self) -> UsageStatistics:
        """Return the token counts, reported or counted here, as clients of the agent server read them."""
        usage = self.result.usage
        return statistics(
            usage, self.input_tokens or usage.input_tokens or 0, self.output_tokens or usage.output_tokens or 0
        )

    @property
    def raw_usage(self) -> dict[str, Any] | None:
        """The usage that the server reported: the last value of each field."""
        return self.parser.result.usage.raw

    def get_reasoning_content(self) -> list[TextContent | ReasoningContent | OmittedReasoningContent]:
        """Return the model's thoughts, for a message store: native reasoning, the thoughts of its tool calls, or both.

        Returns:
            ``[OmittedReasoningContent()]`` for a reasoning model that showed nothing readable. Otherwise native
            reasoning as :class:`ReasoningContent`, then other thoughts, stripped, as :class:`TextContent`. If there is
            neither, one :class:`TextContent` with an empty text.
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
        if not found and (details or self._reasons(self.model)):
            found.append(OmittedReasoningContent(signature=signature))
        return found or [TextContent(text="")]

    def _reasons(self, model: str | None) -> bool:
        if self._reasoning_model is not None:
            return self._reasoning_model
        return model is not None and is_reasoning_model(model)


def _harmless(trace: Trace) -> Trace:
    if isinstance(trace, TraceLog):
        trace.write = trace.write and harmless(trace.write)
        return trace
    return harmless(trace) if callable(trace) else trace
