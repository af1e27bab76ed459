"""Every message leads to the characters that made it, and every character to what became of it."""

from functools import partial
from typing import Any

import pytest
from helpers import ID, THINK, call, call_chunks, chunk
from hypothesis import given
from recordings import CAPTURES, FILES, RESPONSES
from streams import chunkings, options, streams

from streamfsm import Dialect, StreamParser
from streamfsm.replay import capture
from streamfsm.replay.provenance import Provenance, provenance, says
from streamfsm.testing import responses_streams
from streamfsm.wires.responses.chunking import text_of


def read(chunks: list[Any], **more: Any) -> Provenance:
    return provenance(chunks, partial(StreamParser, message_id=ID, **more))


def assert_conserved(found: Provenance) -> None:
    """The spans of a field are its text, and what a record emitted is what its characters say."""
    made: dict[int, str] = {}
    for field in found.fields:
        assert [span.start for span in field.spans] == [0, *(span.end for span in field.spans)][:-1]
        assert (field.spans[-1].end if field.spans else 0) == len(field.text)
        for span in field.spans:
            if span.fate == "emitted":
                made[span.record] = made.get(span.record, "") + field.text[span.start : span.end]
    emitted = {
        record.sequence: record.text for record in found.records if record.message_type and record.field is not None
    }
    assert made.keys() == emitted.keys()
    for record, text in emitted.items():
        assert says(made[record], text)
    assert [record.sequence for record in found.records] == [*range(len(found.records))]


def fates(found: Provenance) -> list[tuple[str, str, str]]:
    """The fields, cut into spans."""
    return [(each.name, each.text[start:end], fate) for each in found.fields for start, end, fate, _ in each.spans]


def test_every_character_of_a_call_of_the_message_tool_is_told():
    chunks = [*call_chunks("send_message", ['{"thinking":"a\\', 'nb","mess', 'age":"\\ud83d', '\\ude00"}'])[:-1]]
    found = read(chunks)
    assert found.exact
    assert fates(found) == [
        ("call 0 name", "send_message", "structure"),
        ("call 0 arguments", '{"thinking":"', "structure"),
        ("call 0 arguments", "a", "emitted"),
        ("call 0 arguments", "\\nb", "emitted"),
        ("call 0 arguments", '"', "structure"),
        ("call 0 arguments", ',"message":"', "structure"),
        ("call 0 arguments", "\\ud83d\\ude00", "emitted"),
        ("call 0 arguments", '"', "structure"),
        ("call 0 arguments", "}", "structure"),
    ]
    assert_conserved(found)


def test_a_record_says_where_which_row_and_why():
    found = read(call_chunks("search", ['{"q":', "1}"]))
    named, *_ = [record for record in found.records if record.event == "tool_named"]
    assert named[1:] == (
        *(1, 0, 6, "tool_call", 0, "call 0", "awaiting_name", "tool_named", "raw_args"),
        *("arguments, another call or the finish reason came", "tool_call_message", "search"),
    )
    assert [(record.chunk, record.state, record.text) for record in found.records if record.event == "text"] == [
        (1, "raw_args", '{"q":'),
        (2, "raw_args", "1}"),
    ]


def test_what_is_held_back_is_told_with_the_reason():
    found = read([chunk(content="<thi"), chunk(content="nk>b")], think_tags=THINK)
    held = [record for record in found.records if record.event == "held back"]
    assert [(record.chunk, record.lane, record.text, record.because) for record in held] == [
        (0, "content", "<thi", "half a surrogate pair, the beginning of a tag"),
    ]
    cut = read(call_chunks("search", ['{"q":"a\\u12'])[:2])
    assert [(record.chunk, record.text, record.because) for record in cut.records if record.event == "held back"] == [
        (0, "search", "the name; arguments that came before it"),
        (1, "\\u12", "separators and a key; or an unfinished escape"),
    ]
    assert_conserved(cut)


def test_what_is_held_back_to_the_end_has_that_fate():
    found = read(call_chunks("search", ['{"thinking":"a\\u12'])[:-1])
    assert fates(found)[-1] == ("call 0 arguments", "\\u12", "held back")
    assert_conserved(found)


def test_messages_are_those_of_the_chunks_as_they_were_recorded():
    found = read([chunk(content="ab"), chunk(content="c"), chunk(finish="stop")])
    assert [message.text for message in found.messages] == ["ab", "c", "end_turn"]
    assert found.given == [1, 2, 2, 3]
    assert [field.cuts for field in found.fields] == [[(0, 0), (2, 1)]]


def test_a_stream_that_means_something_else_when_it_is_cut_is_not_exact():
    dialect = Dialect(content="snapshot")
    assert not read([chunk(content="ab"), chunk(content="abc")], dialect=dialect).exact


def test_text_in_structures_leads_to_its_chunk_only():
    found = read([chunk(content=[{"type": "text", "text": "Hi"}])])
    (said,) = [record for record in found.records if record.event == "text"]
    assert (said.field, said.chunk, said.text) == (None, 0, "Hi")
    assert found.fields == []


def test_what_belongs_to_no_call_is_accounted_for():
    found = read([chunk(content=None, tool_calls=[{"index": 3, "function": {"arguments": "x"}}])])
    assert_conserved(found)


def test_a_call_after_the_end_is_no_field_of_a_call():
    late = chunk(tool_calls=[{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}])
    found = read([chunk(content="a"), {"error": {"message": "gone"}}, late])
    assert ("content", "a", "emitted") in fates(found)
    assert_conserved(found)


def test_what_may_be_the_object_again_belongs_to_its_call():
    found = read([*call_chunks("f", ["{}", "{"])[:-1], chunk(tool_calls=[call(0, arguments='"a":1}')])])
    assert [field.text for field in found.fields] == ["f", '{}{"a":1}']
    assert_conserved(found)


def test_a_choice_that_counts_tokens_is_one_field_for_each_index():
    chunks = [{"choices": [{"index": index, "delta": {"content": text}}]} for index, text in enumerate("ab")]
    found = read(chunks, dialect=Dialect(choice="one"))
    assert [(field.text, field.choice) for field in found.fields] == [("a", 0), ("b", 1)]
    assert [record.field for record in found.records if record.event == "text"] == [0, 1]
    assert_conserved(found)


def test_events_of_another_wire_have_fields_too():
    event = {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": "Hi"}
    found = read([event])
    assert [field.text for field in found.fields] == ["Hi"]
    assert_conserved(found)


def test_the_text_of_an_event_leads_to_it_and_what_only_its_end_says_to_no_field():
    place = {"item_id": "i", "output_index": 0, "content_index": 0}
    found = read(
        [
            {"type": "response.output_text.delta", **place, "delta": "Hi\ud83d"},
            {"type": "response.output_text.delta", **place, "delta": "\ude00"},
            {"type": "response.output_text.done", **place, "text": "Hi\ud83d\ude00!"},
        ]
    )
    assert [(record.field, record.text) for record in found.records if record.event == "text"] == [
        (0, "Hi"),
        (0, "\U0001f600"),
        (None, "!"),
    ]
    assert [record.text for record in found.records if record.event == "held back"] == ["\ud83d"]
    assert_conserved(found)


def assert_every_event_is_a_field(chunks: list[Any], found: Provenance) -> None:
    """What an event's text became leads to that event; a name is in no text, and may wait for it."""
    for record in found.records:
        if record.field is None and record.event == "text":
            assert not text_of(chunks[record.chunk])


@given(streams().flatmap(chunkings), options)
def test_nothing_is_lost_or_invented_on_the_way(chunks, chosen):
    found = read(chunks, **chosen)
    assert found.exact
    assert_conserved(found)
    assert [record for record in found.records if record.event == "text" and record.field is None] == []


@given(responses_streams().flatmap(chunkings), options)
def test_nothing_of_events_is_lost_or_invented_on_the_way(chunks, chosen):
    found = read(chunks, **chosen)
    assert found.exact
    assert_conserved(found)
    assert_every_event_is_a_field([*chunks, None], found)


@pytest.mark.slow("every recording")
@pytest.mark.parametrize("name", [*FILES, *RESPONSES])
def test_nothing_of_a_recording_is_lost_or_invented(name):
    chunks = capture.chunks((CAPTURES / name).read_text(encoding="utf-8"))
    found = read(chunks, think_tags=THINK)
    assert found.exact
    assert_conserved(found)
    if name in RESPONSES:
        assert_every_event_is_a_field([*chunks, None], found)


def test_a_character_whose_first_half_came_in_an_odd_chunk_leads_to_the_second():
    begun, *rest = call_chunks("send_message", ['{"thinking":"a\\ud83', 'd\\ude00b","mess'], finish=None)
    rest[0]["model"] = {}
    found = read([begun, *rest])
    assert "\U0001f600b" in [record.text for record in found.records]


def test_a_body_that_breaks_off_fails_in_both_readings():
    make = partial(StreamParser, message_id=ID)
    found = provenance([chunk(content="Hi")], make, "not JSON at byte 40")
    assert (found.messages[-1].stop_reason, found.exact) == ("error", True)
    assert [(record.event, record.target) for record in found.records if record.machine == "stream"][-1:] == [
        ("error", "failed")
    ]
    assert [field.text for field in found.fields] == ["Hi"]
