"""Telemetry, as an exporter in memory receives it; beside the official instrumentation of ``openai``, too."""

import ast
import asyncio
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from helpers import call, call_chunks, chunk
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from streamfsm import (
    Limits,
    MisuseError,
    OpenAIStreamingInterface,
    StreamError,
    StreamParser,
    aiter_messages,
    iter_messages,
)
from streamfsm.client import conventions
from streamfsm.client.reading import END, Reading
from streamfsm.client.telemetry import GenAi, Telemetry
from streamfsm.replay import capture
from streamfsm.replay.loopback import serve

USAGE = {
    "prompt_tokens": 7,
    "completion_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
SPEECH = [
    *call_chunks("send_message", ['{"thinking":"Hm.",', '"message":"Hi"}'], finish=None),
    chunk(call(1, "call_2", "search", '{"q":')),
    chunk(finish="tool_calls", usage=USAGE),
]


class Backend:
    """What an application would export to, in memory."""

    def __init__(self) -> None:
        self._spans, self._metrics = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers, self.meters = TracerProvider(), MeterProvider([self._metrics])
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.tracer = self.tracers.get_tracer("test")

    @property
    def spans(self) -> dict[str, Any]:
        """By name."""
        return {span.name: span for span in self._spans.get_finished_spans()}

    @property
    def measured(self) -> dict[str, list[Any]]:
        """The points of each metric that has any."""
        data = self._metrics.get_metrics_data()
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
        return {metric.name: list(metric.data.data_points) for metric in metrics}

    @property
    def exported(self) -> str:
        """All text that leaves the process."""
        spans = [json.loads(span.to_json()) for span in self._spans.get_finished_spans()]
        data = self._metrics.get_metrics_data()
        return json.dumps(spans, ensure_ascii=False) + (data.to_json() if data else "")

    def gen_ai(self, **options: Any) -> GenAi:
        return GenAi(tracer_provider=self.tracers, meter_provider=self.meters, **options)


@pytest.fixture
def backend() -> Backend:
    return Backend()


async def each(items):
    for item in items:
        yield item


def facade(items, observers):
    async def consume():
        interface = OpenAIStreamingInterface(observers=observers)
        return [message async for message in interface.process(each(items))]

    asyncio.run(consume())


def facade_sync(items, observers):
    list(OpenAIStreamingInterface(observers=observers).process_sync(items))


def asynchronous(items, observers):
    async def consume():
        return [message async for message in aiter_messages(each(items), observers=observers)]

    asyncio.run(consume())


def synchronous(items, observers):
    list(iter_messages(iter(items), observers=observers))


def by_hand(items, observers):
    with Reading(StreamParser(), observers) as reading:
        for item in [*items, END]:
            reading.next(item)


ENTRANCES = [facade, facade_sync, asynchronous, synchronous, by_hand]


def read(backend: Backend, items: list[Any], **options: Any) -> Any:
    """The span that was current while ``items`` were read."""
    with backend.tracer.start_as_current_span("request"):
        synchronous(items, [Telemetry(**options)])
    return backend.spans["request"]


# -- the current span --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize("items", [SPEECH, [capture.body(SPEECH).encode()]], ids=["chunks", "bytes"])
def test_every_entrance_adds_to_the_current_span_what_only_a_parser_knows(backend, entrance, items):
    with backend.tracer.start_as_current_span("request"):
        entrance(items, [Telemetry()])
    attributes = dict(backend.spans["request"].attributes)
    assert attributes.pop("streamfsm.message_id").startswith("message-")
    kinds = [name for name in attributes if name.startswith("streamfsm.time_to_first.")]
    speaks = entrance not in (facade, facade_sync)  # whose default is to show all calls as calls
    said = ["reasoning_message", "assistant_message", "tool_call_message"] if speaks else None
    said = said or ["tool_call_message", "reasoning_message"]
    assert sorted(kinds) == sorted(f"streamfsm.time_to_first.{kind}" for kind in said)
    assert all(attributes.pop(kind) >= 0 for kind in kinds)
    assert attributes == {
        "streamfsm.stop_reason": "tool_calls",
        "streamfsm.tool_calls.verdict": ("valid", "incomplete"),
        "streamfsm.tool_calls.ready": (True, False),
    }
    assert list(backend.spans) == ["request"]
    assert backend.measured == {}


def test_a_span_may_be_given_instead(backend):
    with backend.tracer.start_as_current_span("request"), backend.tracer.start_span("other") as other:
        synchronous(SPEECH, [Telemetry(other)])
    assert "streamfsm.stop_reason" in backend.spans["other"].attributes
    assert backend.spans["request"].attributes == {}


def test_without_any_span_nothing_happens(caplog):
    synchronous(SPEECH, [Telemetry()])
    assert caplog.text == ""


def test_anomalies_are_events(backend):
    span = read(backend, [chunk(call(0, "call_1", "f", '{"a":1}')), {"choices": "odd"}, chunk(content="Hi")])
    assert [(event.name, dict(event.attributes)) for event in span.events] == [
        ("streamfsm.anomaly", {"kind": "wrong_type"})
    ]
    assert span.attributes["streamfsm.anomalies"] == 1
    assert span.attributes["streamfsm.stop_reason"] == "incomplete"


def test_an_anomaly_says_where_it_is(backend):
    same = [chunk(call(0, "call_1", "f", '{"a":1,"a":2}')), chunk(finish="tool_calls")]
    (event,) = read(backend, same).events
    assert dict(event.attributes) == {"kind": "duplicate_key", "choice": 0, "call": 0}


def test_a_failure_is_told_by_its_type_and_code(backend):
    with backend.tracer.start_as_current_span("request"), pytest.raises(StreamError):
        list(
            iter_messages(iter([chunk(content="Hello")]), StreamParser(limits=Limits(text=3)), observers=[Telemetry()])
        )
    attributes = backend.spans["request"].attributes
    assert attributes["streamfsm.stop_reason"] == "error"
    assert (attributes["streamfsm.error.type"], attributes["streamfsm.error.code"]) == ("StreamError", "limit")
    assert "streamfsm.error.message" not in attributes


FAILED = [chunk(content="Hello"), {"error": {"code": "all the words", "message": "Dear Ada"}}]


@pytest.mark.parametrize("content", [False, True])
def test_a_servers_error_is_told_if_content_may_be(backend, content):
    with pytest.raises(StreamError):
        read(backend, FAILED, content=content)
    attributes = backend.spans["request"].attributes
    assert attributes["streamfsm.error.type"] == "StreamError"
    assert attributes.get("streamfsm.error.code") == ("all the words" if content else None)
    assert attributes.get("streamfsm.error.message") == ("Dear Ada" if content else None)


def test_content_adds_the_names_of_tools_and_the_details_of_anomalies(backend):
    span = read(backend, [*SPEECH, {"choices": "odd"}], content=True)
    assert span.attributes["streamfsm.tool_calls.name"] == ("send_message", "search")
    assert "odd" in span.events[0].attributes["detail"]


WORD = "xyzzy"
texts = st.sampled_from([WORD, f"{WORD} {WORD}", f'{{"{WORD}":"{WORD}"}}', f"<|channel|>{WORD}"])
telling_chunks = st.lists(
    st.builds(lambda text: chunk(content=text), texts)
    | st.builds(lambda text: chunk(reasoning_content=text), texts)
    | st.builds(lambda text: chunk(call(0, "call_1", text, text)), texts)
    | st.builds(lambda text: chunk(call(text, text, text, text)), texts)
    | st.builds(lambda text: {"choices": text}, texts)
    | st.builds(lambda text: chunk(unknown=text), texts)
    | st.builds(lambda text: {"error": {"message": text}}, texts)
    | st.builds(lambda text: {"error": text}, texts),
    max_size=4,
)


@given(telling_chunks)
def test_no_text_of_the_response_is_told_unless_asked_for(chunks):
    backend = Backend()
    with backend.tracer.start_as_current_span("request"):
        observers = [Telemetry(), backend.gen_ai().observer("gpt-5")]
        with Reading(StreamParser(), observers) as reading:
            for item in [*chunks, END]:
                reading.next(item)
            reading._errors.clear()
    assert len(backend.spans) == 2
    assert WORD not in backend.exported


# -- the conventions' span and metrics ---------------------------------------------------------------------------------


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_on_request_the_conventions_span_and_metrics_are_made(backend, entrance):
    gen_ai = backend.gen_ai(provider="groq", address="api.example", port=443)
    with backend.tracer.start_as_current_span("request"):
        entrance(SPEECH, [gen_ai.observer("m-large")])
    span = backend.spans["chat m-large"]
    assert span.parent.span_id == backend.spans["request"].context.span_id
    assert span.kind.name == "CLIENT"
    assert span.status.is_unset
    attributes = dict(span.attributes)
    assert attributes.pop("gen_ai.response.time_to_first_chunk") >= 0
    assert {name: value for name, value in attributes.items() if not name.startswith("streamfsm.")} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "groq",
        "gen_ai.request.model": "m-large",
        "gen_ai.request.stream": True,
        "gen_ai.response.id": SPEECH[0]["id"],
        "gen_ai.response.model": SPEECH[0]["model"],
        "gen_ai.response.finish_reasons": ("tool_calls",),
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "server.address": "api.example",
        "server.port": 443,
    }
    assert attributes["streamfsm.stop_reason"] == "tool_calls"
    assert set(backend.measured) == {
        conventions.DURATION_METRIC,
        conventions.TOKENS_METRIC,
        conventions.FIRST_CHUNK_METRIC,
    }
    tokens = {point.attributes["gen_ai.token.type"]: point.sum for point in backend.measured[conventions.TOKENS_METRIC]}
    assert tokens == {"input": 7, "output": 5}


def test_one_gen_ai_watches_many_streams(backend, caplog):
    gen_ai = backend.gen_ai()
    for _ in range(3):
        synchronous(SPEECH, [gen_ai.observer()])
    (point,) = backend.measured[conventions.DURATION_METRIC]
    assert point.count == 3
    assert point.explicit_bounds == conventions.SECONDS_BUCKETS
    assert list(backend.spans) == ["chat"]
    assert caplog.text == ""


def test_the_time_between_chunks_is_measured_if_asked_for(backend):
    synchronous(SPEECH, [backend.gen_ai(per_chunk=True).observer()])
    (point,) = backend.measured[conventions.NEXT_CHUNK_METRIC]
    assert point.count == len(SPEECH) - 1


@pytest.mark.parametrize("content", [False, True])
def test_a_failure_is_the_spans_status(backend, content):
    with pytest.raises(StreamError):
        synchronous(FAILED, [backend.gen_ai(content=content).observer("m")])
    span = backend.spans["chat m"]
    assert (span.status.status_code.name, span.status.description) == ("ERROR", "Dear Ada" if content else None)
    assert span.attributes["error.type"] == "StreamError"
    (point,) = backend.measured[conventions.DURATION_METRIC]
    assert point.attributes["error.type"] == "StreamError"


def test_content_that_was_not_kept_adds_no_messages(backend):
    list(iter_messages(iter(SPEECH), StreamParser(keep=False), observers=[backend.gen_ai(content=True).observer("m")]))
    attributes = backend.spans["chat m"].attributes
    assert "gen_ai.output.messages" not in attributes
    assert attributes["streamfsm.tool_calls.name"] == ("send_message", "search")


def test_content_adds_the_messages(backend):
    chunks = [chunk(reasoning_content="Hm."), chunk(content="Hi"), *SPEECH]
    synchronous(chunks, [backend.gen_ai(content=True).observer("m")])
    assert json.loads(backend.spans["chat m"].attributes["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "Hm."},
                {"type": "text", "content": "Hi"},
                {
                    "type": "tool_call",
                    "id": "call_1",
                    "name": "send_message",
                    "arguments": '{"thinking":"Hm.","message":"Hi"}',
                },
                {"type": "tool_call", "id": "call_2", "name": "search", "arguments": '{"q":'},
            ],
            "finish_reason": "tool_calls",
        }
    ]


def test_without_the_api_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    for make in (Telemetry, GenAi):
        with pytest.raises(MisuseError, match="install streamfsm with its extra 'otel'"):
            make()


# -- the page ----------------------------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[1] / "docs" / "telemetry.md").read_text(encoding="utf-8")


def test_the_pages_examples_run(backend, capsys):
    class Client:
        chat = completions = property(lambda self: self)

        async def create(self, **_):
            return each(SPEECH)

    names = {"OpenAIStreamingInterface": OpenAIStreamingInterface, "tracer": backend.tracer, "client": Client()}
    names |= {"messages": [], "send": str}

    async def run() -> None:
        for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
            found = eval(compile(code, "telemetry.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)  # noqa: S307
            if found is not None:
                await found

    asyncio.run(run())
    assert capsys.readouterr().out == "Hi\nincomplete\n"
    assert "streamfsm.tool_calls.ready" in backend.spans["answer"].attributes


def test_every_attribute_is_on_the_page(backend):
    with pytest.raises(StreamError):
        read(backend, [*SPEECH, {"choices": "odd"}, *FAILED], content=True)
    names = {name for name in backend.spans["request"].attributes if "time_to_first" not in name}
    assert len(names) == 9
    assert [name for name in names if f"`{name}`" not in PAGE] == []


# -- beside the official instrumentation -------------------------------------------------------------------------------


@pytest.fixture
def instrumented(backend) -> Iterator[Backend]:
    """A backend to which the official instrumentation of ``openai`` exports, too."""
    instrumentor = OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=backend.tracers, meter_provider=backend.meters)
    yield backend
    instrumentor.uninstrument()


def ask(read: Any, *observers: Any) -> None:
    """A request of the real client, whose answer ``read`` reads."""
    with (
        serve(lambda _: [capture.body(SPEECH).encode()]) as url,
        openai.DefaultHttpxClient(trust_env=False) as http,
        openai.OpenAI(base_url=url, api_key="none", max_retries=0, http_client=http) as client,
    ):
        stream = client.chat.completions.create(model="test", messages=[], stream=True)
        read(stream, observers)


def test_beside_the_official_instrumentation_nothing_counts_twice(instrumented):
    with instrumented.tracer.start_as_current_span("request"):
        ask(facade_sync, Telemetry())
    assert sorted(instrumented.spans) == ["chat test", "request"]
    theirs, ours = (instrumented.spans[name].attributes for name in ("chat test", "request"))
    assert ours
    assert not set(theirs) & set(ours)
    assert all(name.startswith("streamfsm.") for name in ours)
    assert [point.count for point in instrumented.measured[conventions.DURATION_METRIC]] == [1]
    assert [point.count for point in instrumented.measured[conventions.TOKENS_METRIC]] == [1, 1]


def test_our_own_span_and_metrics_say_what_the_official_ones_say(instrumented):
    ask(facade_sync)
    theirs, measured = dict(instrumented.spans["chat test"].attributes), instrumented.measured
    own = Backend()
    ask(facade_sync, own.gen_ai(per_chunk=True).observer("test"))
    ours = dict(own.spans["chat test"].attributes)
    alike = {name for name in theirs if name.startswith("gen_ai.")} - {conventions.TIME_TO_FIRST_CHUNK}
    assert alike >= {conventions.INPUT_TOKENS, conventions.RESPONSE_MODEL}
    assert {name: theirs[name] for name in alike} == {name: ours.get(name) for name in alike}
    assert conventions.TIME_TO_FIRST_CHUNK in ours
    assert set(own.measured) >= set(measured)
    for name, points in measured.items():
        assert own.measured[name][0].explicit_bounds == points[0].explicit_bounds
        keys = [{key for key in point.attributes if key.startswith("gen_ai.")} for point in points]
        assert [{key for key in point.attributes if key.startswith("gen_ai.")} for point in own.measured[name]] == keys
