"""A log of what a parser does, as it does it: where, which row, why, what came of it, and what is held back."""

import io
import json

import pytest
from helpers import ID, THINK, call_chunks, chunk, feed
from hypothesis import given
from rich_stream import RICH, RICH_OPTIONS
from streams import chunkings, options, streams

from streamfsm import Channel, OpenAIStreamingInterface, StreamParser, TraceLog
from streamfsm.machines import MACHINES
from streamfsm.replay import capture

SPEECH = call_chunks("send_message", ['{"thinking":"a\\', 'nb","mess', 'age":"Hi"}'])


def traced(chunks, **more):
    log = TraceLog()
    parser = StreamParser(message_id=ID, trace=log, **more)
    messages = [*feed(parser, chunks), *parser.close()]
    return messages, [*log.records], log


def held(records):
    return [
        (record.chunk, record.lane, record.text, record.because) for record in records if record.event == "held back"
    ]


def test_a_record_says_where_which_row_why_and_what_came_of_it():
    _, records, log = traced(call_chunks("search", ['{"q":', "1}"]))
    named, first, *_ = [record for record in records if record.machine == "tool_call" and record.event != "held back"]
    assert named[1:] == (
        *(1, None, 6, "tool_call", 0, "call 0", "awaiting_name", "tool_named", "raw_args"),
        *("arguments, another call or the finish reason came", "tool_call_message", "search"),
    )
    assert (first.chunk, first.offset, first.event, first.text) == (1, 5, "text", '{"q":')
    assert [record.sequence for record in records] == [*range(log.count)]
    assert records[-1].chunk == log.chunks - 1 == 4


def test_what_is_held_back_is_told_with_the_reason_when_a_chunk_is_over():
    _, records, _ = traced(SPEECH)
    assert held(records) == [
        (0, "call 0", "send_message", "the name; arguments that came before it"),
        (1, "call 0", "\\", "an unfinished escape or null; half a surrogate pair"),
        (2, "call 0", ',"mess', "separators and a key"),
    ]
    _, records, _ = traced([chunk(content="<thi"), chunk(content="nk>b\ud83d")], think_tags=THINK)
    assert [text for _, _, text, _ in held(records)] == ["<thi", "\ud83d"]
    again = [*call_chunks("f", ["{}", "{"], finish=None)]
    assert held(traced(again)[1])[-1][2] == "{"


def test_a_state_of_a_declared_channel_holds_back_too():
    chunks = call_chunks("write", ['{"text":"a\\'])[:-1]
    _, records, _ = traced(chunks, channels=[Channel("$.text")])
    assert held(records)[-1][2] == "\\"


def test_records_are_bounded_and_lines_too():
    log = TraceLog(limit=2)
    feed(StreamParser(trace=log), SPEECH)
    assert [record.sequence for record in log.records] == [log.count - 2, log.count - 1]
    file = io.StringIO()
    log = TraceLog(file.write, limit=2)
    feed(StreamParser(trace=log), SPEECH)
    assert [json.loads(line)["sequence"] for line in file.getvalue().splitlines()] == [0, 1]
    assert not log.records
    assert log.count > 2


def test_a_piece_of_a_body_counts_as_a_chunk():
    log = TraceLog()
    parser = StreamParser(trace=log)
    parser.feed_bytes(capture.body(SPEECH).encode())
    assert {record.chunk for record in log.records} == {0}


def test_what_writing_raises_harms_no_stream_of_the_facade(caplog):
    def write(_):
        raise OSError("disk full")

    interface = OpenAIStreamingInterface(trace=TraceLog(write))
    assert [*interface.process_sync(iter(SPEECH))]
    assert interface.result.stop_reason == "tool_calls"
    assert "OSError" in caplog.text
    with pytest.raises(OSError, match="disk full"):
        feed(StreamParser(trace=TraceLog(write)), SPEECH)


def test_the_log_goes_on_where_a_snapshot_is_restored():
    whole = TraceLog()
    feed(StreamParser(trace=whole, **RICH_OPTIONS), RICH)
    log = TraceLog()
    parser = StreamParser(trace=log, **RICH_OPTIONS)
    for one in RICH:
        parser.feed(one)
        parser = StreamParser.restore(parser.snapshot(), trace=log)
    assert log.records == whole.records


@given(streams().flatmap(chunkings), options)
def test_every_message_is_in_one_record_and_every_record_is_a_row(chunks, chosen):
    messages, records, _ = traced(chunks, **chosen)
    emitted = [(record.message_type, record.text) for record in records if record.message_type]
    assert emitted == [(message.message_type, message.text) for message in messages]
    rows = {(machine.table.name, *cell): row for machine in MACHINES for cell, row in machine.table.by_cell.items()}
    for record in records:
        if record.event not in ("text", "held back"):
            row = rows[record.machine, record.state, record.event]
            assert (record.target, record.because) == (row.target, row.because)
        assert record.because
