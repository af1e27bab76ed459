"""Up to a limit all is kept, and beyond it the stream fails, at any cut."""

import pytest
from helpers import HALF, OTHER_HALF, anomalies, call, call_chunks, chunk, run, said, splits
from streams import outcome

from streamfsm import Limits, StopReasonType, StreamParser, ThinkTags
from streamfsm.wires.chat.chunking import at_random, every, whole


def pieces_of(**field):
    """Whoever sends ``size`` characters of a field."""
    ((name, character),) = field.items()
    return lambda size: [chunk(**{name: character * size})]


# The limit; chunks of a stream of a size; and how much of it the result has.
LIMITED = {
    "content": ("text", pieces_of(content="x"), lambda result: len(result.content)),
    "reasoning": ("text", pieces_of(reasoning="x"), lambda result: len(result.reasoning)),
    "refusal": ("text", pieces_of(refusal="é"), lambda result: len(result.refusal)),
    "astral content": ("text", pieces_of(content="\U0001f600"), lambda result: len(result.content)),
    "astral content in halves": ("text", pieces_of(content=HALF + OTHER_HALF), lambda result: len(result.content)),
    "arguments": (
        "arguments",
        lambda size: call_chunks("f", ['{"a":' + "1" * size], finish=None),
        lambda result: len(result.tool_calls[0].arguments) - len('{"a":'),
    ),
    "arguments before their name": (
        "arguments",
        lambda size: [chunk(call(0, "a", None, '{"a":' + "1" * size))],
        lambda result: len(result.tool_calls[0].arguments) - len('{"a":'),
    ),
    "a message in arguments": (
        "arguments",
        lambda size: call_chunks("send_message", ['{"a":' + "1" * size], finish=None),
        lambda result: len(result.tool_calls[0].arguments) - len('{"a":'),
    ),
    "name": ("name", lambda size: [chunk(call(0, "a", "f" * size))], lambda result: len(result.tool_calls[0].name)),
    "calls": (
        "tool_calls",
        lambda size: [chunk(*(call(at, f"call_{at}", "f", "{}") for at in range(size)))],
        lambda result: len(result.tool_calls),
    ),
    "choices with text": (
        "choices",
        lambda size: [chunk(content="x", choice=2 * at) for at in range(size)],
        lambda result: len(result.choices),
    ),
    "choices with calls": (
        "choices",
        lambda size: [chunk(call(0, "a", "f", "{}"), choice=2 * at) for at in range(size)],
        lambda result: len(result.choices),
    ),
    "choices that finish": (
        "choices",
        lambda size: [chunk(finish="stop", choice=at) for at in range(size)],
        lambda result: len(result.choices),
    ),
}
UNITS = {
    "text": "characters of text",
    "arguments": "characters of arguments",
    "name": "characters of a tool's name",
    "tool_calls": "tool calls",
    "choices": "choices",
}
each_limit = pytest.mark.parametrize(("limit", "stream", "kept"), LIMITED.values(), ids=LIMITED)


@each_limit
@pytest.mark.parametrize("size", [1, 2, 6])
def test_up_to_a_limit_all_is_said_and_beyond_it_the_stream_fails(limit, stream, kept, size):
    bound = size + len('{"a":') * (limit == "arguments")
    limits = Limits(**{limit: bound})
    messages, parser = run(stream(size), limits=limits)
    assert (parser.state, parser.result.error, kept(parser.result)) == ("done", None, size)
    for more in (1, 100):
        cut_messages, parser = run(stream(size + more), limits=limits)
        result = parser.result
        assert (parser.state, result.stop_reason) == ("failed", StopReasonType.error)
        assert result.error.model_dump() == {"code": "limit", "message": f"more than {bound} {UNITS[limit]}"}
        assert said(cut_messages) == [*said(messages)[:-1], ("stop", "error")]
        assert kept(result) == size
        assert not any(each.ready for each in result.tool_calls)


@each_limit
@pytest.mark.parametrize("more", [0, 1, 5])
def test_a_limit_is_the_same_at_any_cut(limit, stream, kept, more):  # noqa: ARG001
    limits = Limits(**{limit: 3 + len('{"a":') * (limit == "arguments")})
    chunks = [*stream(3 + more), chunk(finish="stop", usage={"prompt_tokens": 1})]
    expected = outcome(chunks, limits=limits)
    for cut in (whole, *map(every, range(1, 5)), *map(at_random, range(5))):
        assert outcome(cut(chunks), limits=limits) == expected


@pytest.mark.parametrize("name", ["abcd", "abcdefg", f"ab{HALF}{OTHER_HALF}cd"])
def test_the_limit_of_a_name_is_the_same_at_any_cut(name):
    def chunks(pieces):
        first, *more = pieces
        return [chunk(call(0, "a", first)), *(chunk(call(0, None, piece)) for piece in more), chunk(finish="stop")]

    expected = outcome(chunks([name]), limits=Limits(name=4))
    assert expected["messages"][0]["tool_call"]["name"] == name.encode("utf-16", "surrogatepass").decode("utf-16")[:4]
    for pieces in splits(name):
        assert outcome(chunks(pieces), limits=Limits(name=4)) == expected


def test_each_field_choice_and_call_has_a_limit_of_its_own():
    chunks = [
        *(chunk(content="xxx", refusal="xxx", reasoning="xxx", choice=choice) for choice in (0, 1)),
        chunk(call(0, "a", "f", "{ }"), call(1, "b", "g", "{ }")),
    ]
    assert run(chunks, limits=Limits(text=3, arguments=3, name=1))[1].state == "done"


def test_a_chunk_that_exceeds_a_limit_is_read_no_further():
    _, parser = run([chunk(content="xx", refusal="No", finish="stop")], limits=Limits(text=1))
    assert (parser.result.content, parser.result.refusal, parser.result.finish_reason) == ("x", "", None)
    assert anomalies(parser) == []


@pytest.mark.parametrize(
    ("count", "kinds"),
    [
        (2, ["not_a_chunk"] * 2),
        (3, ["not_a_chunk"] * 3),
        (4, ["not_a_chunk"] * 3 + ["more_anomalies"]),
        (50, ["not_a_chunk"] * 3 + ["more_anomalies"]),
    ],
)
def test_the_list_of_anomalies_is_bounded_and_says_so(count, kinds):
    messages, parser = run([*[None] * count, chunk(content="x")], limits=Limits(anomalies=3))
    assert anomalies(parser) == kinds
    assert said(messages)[0] == ("assistant", "x")


@pytest.mark.parametrize("ends", [[chunk(finish="tool_calls")], []], ids=["at a finish", "at the end"])
def test_arguments_that_find_their_call_late_are_bounded_too(ends):
    entries = [call(0, "a", "f", '{"x":'), call(1, None, None, "[1,2,3,4]")]
    _, parser = run([*map(chunk, entries), *ends], limits=Limits(arguments=10))
    assert (parser.state, parser.result.error.code) == ("failed", "limit")
    assert [each.arguments for each in parser.result.tool_calls] == ['{"x":[1,2,']


def test_the_last_brace_of_arguments_that_are_an_object_is_bounded_too():
    wire = chunk({"index": 0, "id": "a", "function": {"name": "f", "arguments": {"x": 1}}})
    for ends in ([chunk(finish="tool_calls")], []):
        _, parser = run([wire, *ends], limits=Limits(arguments=6))
        assert (parser.state, parser.result.error.code) == ("failed", "limit")


@pytest.mark.parametrize("values", ["1,1,1,1,1", "[],[[]],{}", '",,,,"'])
def test_the_values_of_an_event_are_bounded_because_it_is_read_in_one_go(values):
    event = b'data: {"choices":[{"index":0,"delta":{"content":"x","odd":[%b]}}]}\n\n' % values.encode()
    size = event.count(b",") + event.count(b"[") + event.count(b"{")
    for bound, state in ((size, "open"), (size - 1, "failed")):
        for step in (1, 7, len(event)):
            parser = StreamParser(limits=Limits(values=bound))
            messages = [each for at in range(0, len(event), step) for each in parser.feed_bytes(event[at : at + step])]
            assert parser.state == state
            assert [kind for kind, _ in said(messages)] == (["assistant"] if state == "open" else ["stop"])
    assert parser.result.error.model_dump() == {"code": "limit", "message": f"more than {size - 1} values in one event"}


def test_an_ended_stream_is_not_failed_by_a_large_event():
    parser = StreamParser(limits=Limits(values=2))
    parser.cancel()
    parser.feed_bytes(b"data: [1,2,3,4]\n\n")
    assert parser.state == "cancelled"


def test_what_a_choice_held_back_comes_after_all_of_the_choices_before_it():
    chunks = [chunk(finish="content_filter"), chunk(choice=1, content=":"), chunk(call(0, "a", "n" * 9))]
    tags = ThinkTags("[", "]", starts="auto", where="start")
    messages, _ = run(chunks, think_tags=tags, limits=Limits(name=8))
    assert said(messages) == [("name", "n" * 8), ("assistant", ":"), ("stop", "error")]
