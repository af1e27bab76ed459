"""Laws of all sinks: what they write is lawful, whatever came; and says the same, however it was cut."""

import re
from collections import Counter
from pathlib import Path

import pytest
from helpers import call, chunk
from hypothesis import given
from hypothesis import strategies as st
from streams import options, streams
from written import ENDINGS, SINKS, chunk_lists, event_lists, write

from streamfsm.errors import TableError
from streamfsm.machines.checks import findings
from streamfsm.sinks import GRAMMARS
from streamfsm.sinks.sink import SAYS
from streamfsm.testing import chunkings

EACH_SINK = pytest.mark.parametrize("wire", SINKS)


@EACH_SINK
@given(chunks=chunk_lists(), ending=ENDINGS, options=options)
def test_what_is_written_is_lawful(wire, chunks, ending, options):
    events = write(SINKS[wire](), chunks, ending, **options).events
    assert GRAMMARS[wire].check(events) is None


@EACH_SINK
@given(events=event_lists(), ending=ENDINGS)
def test_what_is_written_of_the_other_wire_is_lawful(wire, events, ending):
    assert GRAMMARS[wire].check(write(SINKS[wire](), events, ending).events) is None


@EACH_SINK
@given(chunks=chunk_lists(), ending=ENDINGS)
def test_no_prefix_of_it_is_whole(wire, chunks, ending):
    """A reader sees that a body broke off: what is lawful before its end differs from it by the end's mark only."""
    events = write(SINKS[wire](), chunks, ending).events
    if events[-1] == "[DONE]":
        events.pop()
    for end in range(len(events)):
        assert GRAMMARS[wire].check(events[:end]) is not None


DELTAS = {
    "ag-ui": {
        "REASONING_MESSAGE_CONTENT": ("thought", "messageId", "delta"),
        "TEXT_MESSAGE_CONTENT": ("speech", "messageId", "delta"),
        "TOOL_CALL_ARGS": ("call", "toolCallId", "delta"),
    },
    "ui-messages": {
        "reasoning-delta": ("thought", "id", "delta"),
        "text-delta": ("speech", "id", "delta"),
        "tool-input-delta": ("call", "toolCallId", "inputTextDelta"),
    },
    "responses": {
        "response.reasoning_text.delta": ("thought", "output_index", "delta"),
        "response.output_text.delta": ("speech", "output_index", "delta"),
        "response.function_call_arguments.delta": ("call", "output_index", "delta"),
    },
}


def said(wire, events):
    """The texts by kind and part, and every other event without what counts events."""
    texts, others = {}, []
    for event in events:
        if isinstance(event, dict) and event["type"] in DELTAS[wire]:
            kind, key, delta = DELTAS[wire][event["type"]]
            texts[kind, event[key]] = texts.get((kind, event[key]), "") + event[delta]
        else:
            others.append({**event, "sequence_number": 0} if isinstance(event, dict) else event)
    return texts, others


@pytest.mark.parametrize("wire", DELTAS)
@given(data=st.data(), stream=streams(choices=1), options=options)
def test_no_chunking_changes_what_is_written(wire, data, stream, options):
    def make():
        return SINKS[wire]("t", "r") if wire == "ag-ui" else SINKS[wire]()

    date = {"date": "2026-01-01T00:00:00Z"}
    plain = write(make(), stream.plain(), **options, **date)
    cut = write(make(), data.draw(chunkings(stream)), **options, **date)
    assert said(wire, cut.events)[0] == said(wire, plain.events)[0]
    # Where parts interleave, how far one had come when another began may differ: the events themselves do not.
    assert Counter(map(repr, said(wire, cut.events)[1])) == Counter(map(repr, said(wire, plain.events)[1]))


@pytest.mark.parametrize("wire", DELTAS)
@given(chunks=chunk_lists() | event_lists(), options=options)
def test_all_that_was_said_is_written(wire, chunks, options):
    written = write(SINKS[wire](), chunks, **options)
    texts, _ = said(wire, written.events)
    joined = {
        kind: "".join(text for (each, _), text in texts.items() if each == kind) for kind in ("thought", "speech")
    }
    assert joined == {"thought": written.result.thoughts, "speech": written.result.assistant_text}


@EACH_SINK
def test_calls_interleave_and_each_is_written(wire):
    chunks = [
        chunk(call(0, "a", "f", '{"x"'), call(1, "b", "g", '{"y"')),
        chunk(content="and"),
        chunk(call(1, arguments=":2}")),
        chunk(call(0, arguments=":1}")),
        chunk(finish="tool_calls"),
    ]
    body = write(SINKS[wire](), chunks).body.decode()
    assert "and" in body
    for name in ("f", "g"):
        assert f'"{name}"' in body


@EACH_SINK
def test_counts_below_zero_are_left_out(wire):
    chunks = [chunk(content="Hi"), chunk(finish="stop", usage={"prompt_tokens": -1, "completion_tokens": 4})]
    assert b"-1" not in write(SINKS[wire](), chunks).body.split(b"usage")[-1]


@pytest.mark.parametrize("wire", GRAMMARS)
def test_every_table_of_a_grammar_is_proven(wire):
    for part in GRAMMARS[wire].parts:
        assert [problem for finding in findings(part.machine) for problem in finding.problems] == []


@EACH_SINK
def test_a_sink_writes_something_or_says_why_not_for_all_that_is_said(wire):
    writes = SINKS[wire].WRITES
    assert [each.said for each in writes] == [*SAYS]
    assert all(each.because for each in writes)
    words = {word for each in writes for word in each.words}
    assert words == set(SINKS[wire].FIELDS)
    assert words <= set(GRAMMARS[wire].by_word)


def test_a_contradictory_grammar_is_refused():
    from streamfsm.machines.declaration import Row
    from streamfsm.sinks.grammar import table

    with pytest.raises(TableError, match="never reached"):
        table("t", {"a": "", "b": "", "c": ""}, ("b",), [Row("a", "x", "b", None, "why")])


PAGE = (Path(__file__).parents[1] / "docs" / "sinks.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```\n", PAGE, re.DOTALL)


@pytest.mark.parametrize(("code", "output"), SHOWN)
def test_the_page_shows_what_is_printed(code, output, capsys):
    exec(compile(code, "sinks.md", "exec"), {"__name__": "__main__"})  # noqa: S102 - our own code
    assert capsys.readouterr().out == output


def test_each_block_of_the_page_is_tested():
    assert len(SHOWN) == PAGE.count("```python")
