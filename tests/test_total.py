"""Law 6, case by case: whatever stands where, and in whatever object, is read or recorded, and never raises.

Each entrance is tried on both wires: chunks and bytes, the parser's verbs and the loops around them.
"""

import asyncio
import json
from collections import ChainMap, UserDict
from collections.abc import AsyncIterator, Callable, Iterable
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from helpers import HALF, anomalies, call, chunk, dumped, feed
from response_events import added, argued, body, created, done, ended, function, message, said, thoughts
from rich_stream import RICH, RICH_OPTIONS
from tampering import at, places

from streamfsm import OpenAIStreamingInterface, StreamParser, aiter_messages, iter_messages
from streamfsm.trace import Transition

EVENTS = [
    created(service_tier="default"),
    added(thoughts()),
    done(thoughts("Hm.", encrypted_content="e")),
    added(message(), 1),
    said("Hi", index=1),
    done(message("Hi"), 1),
    added(function(), 2),
    argued('{"a":', index=2),
    argued("1}", index=2),
    done(function('{"a":1}'), 2),
    ended(thoughts("Hm."), message("Hi"), function('{"a":1}')),
]
CHUNKS = [
    chunk(reasoning_details=[{"type": "reasoning.text", "text": "Hm.", "index": 0}], role="assistant"),
    *RICH[1:],
    {"choices": [{"index": 0, "delta": {}, "logprobs": {"content": [{"token": "a"}]}}], "x_groq": {"id": "g"}},
]
WIRES = {"chat": CHUNKS, "responses": EVENTS}
each_wire = pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)


async def each(chunks: Iterable[Any]) -> AsyncIterator[Any]:
    for piece in chunks:
        yield piece


def by_verbs(chunks: list[Any], parser: StreamParser) -> list[Any]:
    return feed(parser, chunks) + parser.close()


def by_loop(chunks: list[Any], parser: StreamParser) -> list[Any]:
    return [*iter_messages(chunks, parser)]


def by_asynchronous_loop(chunks: list[Any], parser: StreamParser) -> list[Any]:
    async def consume() -> list[Any]:
        return [message async for message in aiter_messages(each(chunks), parser)]

    return asyncio.run(consume())


ENTRANCES = [by_verbs, by_loop, by_asynchronous_loop]
each_entrance = pytest.mark.parametrize("entrance", ENTRANCES)


def facade(chunks: list[Any]) -> tuple[list[Any], Any]:
    """What the façade yields without ids, and the result."""
    interface = OpenAIStreamingInterface(use_assistant_message=True)
    messages = [m.model_dump(exclude={"id", "otid", "date"}) for m in interface.process_sync(chunks)]
    return messages, interface.result.model_dump(exclude={"anomalies": {"__all__": {"detail"}}})


def made_of(form: Callable[[dict[str, Any]], Any], value: Any) -> Any:
    """A value with each object in another form."""
    if isinstance(value, dict):
        return form({key: made_of(form, inner) for key, inner in value.items()})
    return [made_of(form, inner) for inner in value] if isinstance(value, list) else value


class Model:
    """A client's object, with attributes of any name."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(fields)

    def __repr__(self) -> str:
        return "".join(f"{key}={value!r}" for key, value in self.__dict__.items())


FORMS = [MappingProxyType, UserDict, ChainMap, Model, lambda fields: SimpleNamespace(**fields)]
each_form = pytest.mark.parametrize("form", FORMS, ids=["proxy", "UserDict", "ChainMap", "model", "namespace"])


@each_form
@each_entrance
@each_wire
def test_an_object_says_the_same_in_every_form(wire, entrance, form):
    plain, formed = StreamParser(**RICH_OPTIONS), StreamParser(**RICH_OPTIONS)
    assert entrance(made_of(form, wire), formed) == entrance(wire, plain)
    assert len(plain.result.choices) > 0
    assert anomalies(formed) == anomalies(plain)
    drop = {"anomalies": {"__all__": {"detail"}}}
    assert formed.result.model_dump(exclude=drop) == plain.result.model_dump(exclude=drop)


@each_form
@each_wire
def test_the_facade_takes_every_form(wire, form):
    messages, result = facade(wire)
    assert len(messages) > 1
    expected = json.dumps([messages, result], default=str)
    given = json.dumps(facade(made_of(form, wire)), default=str)
    assert without_ids(given) == without_ids(expected)


def without_ids(text: str) -> Any:
    """The JSON value without the ids that a result makes up."""
    value = json.loads(text)
    for path in [*places(value)]:
        if path[-1] == "tool_call_id" and str(at(value, path)).startswith("call_"):
            at(value, path[:-1])[path[-1]] = None
    return value


STRANGE_KEYS = [0, None, True, 1.5, ("a", 1), b"b", frozenset(), HALF, f"a{HALF}", "\x00", "__dict__", "model_dump"]


@pytest.mark.slow("any object of many streams")
@pytest.mark.parametrize("key", STRANGE_KEYS, ids=ascii)
@each_wire
def test_a_key_of_any_kind_in_any_object_raises_nothing_and_changes_no_text(wire, key):
    expected = StreamParser(**RICH_OPTIONS)
    by_verbs(wire, expected)
    for number, piece in enumerate(wire):
        if not isinstance(piece, dict):
            continue
        for path in [(), *(path for path in places(piece) if isinstance(at(piece, path), dict))]:
            odd = json.loads(json.dumps(piece))
            at(odd, path)[key] = {key: [key]} if isinstance(key, str) else 1
            parser = StreamParser(**RICH_OPTIONS)
            by_verbs([*wire[:number], odd, *wire[number + 1 :]], parser)
            parser.result.model_dump_json().encode()
            StreamParser.restore(parser.snapshot())
            assert parser.result.assistant_text == expected.result.assistant_text


@pytest.mark.parametrize("key", STRANGE_KEYS, ids=ascii)
@pytest.mark.parametrize("field", ["content", "reasoning_content", "reasoning_details"])
def test_a_key_of_any_kind_in_a_part_raises_nothing_and_changes_no_text(field, key):
    parser = StreamParser()
    parser.feed(chunk(**{field: [{"type": "text", "text": "Hi", key: 1}]}))
    parser.close()
    parser.result.model_dump_json().encode()
    assert "Hi" in (parser.result.content, parser.result.reasoning)


@pytest.mark.slow("many places and forms")
@pytest.mark.parametrize("form", [dict, *FORMS], ids=lambda form: getattr(form, "__name__", "form"))
@each_wire
def test_an_object_with_half_characters_for_keys_stands_anywhere_and_raises_nothing(wire, form):
    odd = made_of(form, {HALF: {f"a{HALF}": HALF}, "b": [{HALF: 1}]})
    for number, piece in enumerate(wire):
        for path in places(piece):
            changed = json.loads(json.dumps(piece))
            at(changed, path[:-1])[path[-1]] = odd
            parser = StreamParser(**RICH_OPTIONS)
            for item in by_verbs([*wire[:number], changed, *wire[number + 1 :]], parser):
                item.model_dump_json().encode()
            parser.result.model_dump_json().encode()
            json.dumps(parser.snapshot(), ensure_ascii=False).encode()


INDEXES = {"index", "output_index", "content_index", "summary_index", "sequence_number"}


def floats(value: Any) -> Any:
    """A value whose indexes are floats, as one SDK types them."""
    if isinstance(value, dict):
        return {
            key: float(inner) if key in INDEXES and type(inner) is int else floats(inner)
            for key, inner in value.items()
        }
    return [floats(inner) for inner in value] if isinstance(value, list) else value


@each_entrance
@each_wire
def test_an_integral_float_is_an_index(wire, entrance):
    plain, parser = StreamParser(**RICH_OPTIONS), StreamParser(**RICH_OPTIONS)
    assert floats(wire) != wire or json.dumps(floats(wire)) != json.dumps(wire)
    assert entrance(floats(wire), parser) == entrance(wire, plain)
    assert parser.result == plain.result


@each_wire
def test_an_integral_float_is_an_index_in_bytes_too(wire):
    found = []
    for chunks in (wire, floats(wire)):
        parser = StreamParser(**RICH_OPTIONS)
        found.append(
            (dumped(parser.feed_bytes(body(each for each in chunks if isinstance(each, dict)))), parser.result)
        )
    assert found[0] == found[1]


@pytest.mark.parametrize("piece", [{}, {"foo": 1}, {0: 1}, {"foo": {"bar": [HALF]}}, 5, None, "x", [], [{}], 1.5, True])
@pytest.mark.parametrize("entrance", [*ENTRANCES, "bytes"])
@pytest.mark.parametrize("wire", ["auto", "chat", "responses"])
@pytest.mark.parametrize("amid", [False, True], ids=["first", "amid"])
def test_what_is_not_a_chunk_is_recorded_and_kept_and_the_stream_goes_on(wire, entrance, piece, *, amid):
    before, after = (EVENTS[:5], EVENTS[5:]) if wire == "responses" else (CHUNKS[1:3], [chunk(finish="stop")])
    pieces = [*(before if amid else ()), piece, *(after if amid else [])]
    parser = StreamParser(wire=wire)
    if entrance == "bytes":
        parser.feed_bytes(body([each for each in pieces if isinstance(each, dict)]) if piece == {} else framed(pieces))
        parser.close()
    else:
        entrance(pieces, parser)
    result = parser.result
    assert [anomaly.kind for anomaly in result.anomalies] == ["not_a_chunk"]
    assert parser.state == "done"
    if isinstance(piece, dict):
        kept = json.loads(json.dumps(piece).replace("\\ud83d", "\\ufffd"))
        assert {name: result.extras.get(name) for name in kept} == {name: [value] for name, value in kept.items()}


def framed(pieces: list[Any]) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(piece).encode() for piece in pieces)


# -- a trace that raises -----------------------------------------------------------------------------------------------


class Bad:
    """A trace that raises at some of its records, all of which it keeps."""

    def __init__(self, fails: Callable[[int], bool]) -> None:
        self.fails = fails
        self.records: list[Transition] = []

    def __call__(self, record: Transition) -> None:
        self.records.append(record)
        if self.fails(len(self.records)):
            raise LookupError(len(self.records))


FAILS = [lambda _: True, lambda number: number % 2 == 0, lambda number: number % 7 == 3, lambda number: number == 1]


@pytest.mark.parametrize("fails", FAILS, ids=["always", "every second", "every seventh", "first"])
@pytest.mark.parametrize("entrance", ["feed", "feed_bytes"])
@each_wire
def test_what_a_trace_raises_is_raised_after_all_is_read_and_nothing_is_lost(wire, entrance, fails):
    records: list[Transition] = []
    plain = StreamParser(trace=records, **RICH_OPTIONS)
    bad = Bad(fails)
    parser = StreamParser(trace=bad, **RICH_OPTIONS)
    wire = [each for each in wire if isinstance(each, dict)]
    raised, messages = [], []

    def verb(name: str, *values: Any) -> None:
        try:
            messages.extend(getattr(parser, name)(*values))
        except LookupError as error:
            raised.append(error)

    pieces = wire if entrance == "feed" else [body([each]) for each in wire] + [b"data: [DONE]\n\n", b""]
    expected = [message for piece in pieces for message in getattr(plain, entrance)(piece)] + plain.close()
    for piece in pieces:
        verb(entrance, piece)
    verb("close")
    verb("close")
    assert raised
    assert messages == expected
    assert bad.records == records
    assert parser.result == plain.result
    assert parser.snapshot() == plain.snapshot()


@each_wire
def test_a_loop_raises_what_a_trace_raises_and_the_stream_is_cancelled(wire):
    parser = StreamParser(trace=Bad(lambda _: True), **RICH_OPTIONS)
    with pytest.raises(LookupError):
        by_loop(wire, parser)
    assert parser.state == "cancelled"


@each_wire
def test_the_facade_logs_what_a_trace_raises_and_goes_on(wire, caplog):
    interface = OpenAIStreamingInterface(use_assistant_message=True, trace=Bad(lambda _: True))
    assert len([*interface.process_sync(wire)]) > 1
    assert interface.parser.state == "done"
    assert "LookupError" in caplog.text


def test_calls_with_indexes_of_other_types_are_still_calls():
    calls = [call(0.0, "a", "f", "{}"), call(1.0, "b", "g", "{}")]  # type: ignore[arg-type]
    parser = StreamParser()
    by_verbs([chunk(*calls), chunk(finish="tool_calls")], parser)
    assert [(each.index, each.name, each.ready) for each in parser.result.tool_calls] == [
        (0, "f", True),
        (1, "g", True),
    ]
    assert not parser.result.anomalies


def test_an_item_that_no_json_can_hold_is_kept_as_a_word():
    """Some of its keys are no strings, so that only what Python shows of it is left."""
    parser = StreamParser()
    parser.feed({"type": "response.output_item.added", "output_index": 0, "item": {("a",): 1, "type": "new_tool"}})
    parser.close()
    assert [*parser.result.choices[0].extras["unfinished"][0]] == ["item"]
    assert StreamParser.restore(parser.snapshot()).result == parser.result
