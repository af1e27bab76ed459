"""Retellings of a Responses stream: what each leaves out, and that recorded streams say the same without it."""

from collections import Counter

import pytest
import slow_responses
import truth
from recordings import CAPTURES, RESPONSES

from streamfsm.testing import RETELLINGS, accented
from streamfsm.testing.retellings import ROTATED

BY_NAME = {retelling.name: retelling for retelling in RETELLINGS}
MESSAGE = {"id": "m1", "type": "message", "status": "completed", "content": [{"type": "output_text", "text": "abcdef"}]}
THOUGHT = {"id": "r1", "type": "reasoning", "summary": [], "encrypted_content": "x"}
PLACE = {"item_id": "m1", "output_index": 1}
STREAM = [
    {"type": "response.created", "response": {"id": "resp_1"}},
    {"type": "response.in_progress", "response": {"id": "resp_1"}, "sequence_number": 1},
    {"type": "response.output_item.added", "output_index": 0, "item": {"id": "r1", "type": "reasoning"}},
    {"type": "response.output_item.done", "output_index": 0, "item": THOUGHT},
    {"type": "response.output_item.added", "output_index": 1, "item": {"id": "m1", "type": "message"}},
    {"type": "response.content_part.added", **PLACE, "part": {"type": "output_text", "text": ""}},
    {"type": "response.output_text.delta", **PLACE, "delta": "abcd", "logprobs": [1, 2], "obfuscation": "xy"},
    {"type": "response.output_text.delta", **PLACE, "delta": "ef", "logprobs": [3], "sequence_number": 6},
    {"type": "response.output_text.done", **PLACE, "text": "abcdef"},
    {"type": "response.content_part.done", **PLACE, "part": {"type": "output_text", "text": "abcdef"}},
    {"type": "response.output_item.done", "output_index": 1, "item": MESSAGE},
    {"type": "response.completed", "response": {"id": "resp_1", "output": [{**THOUGHT}, {**MESSAGE, "id": "m2"}]}},
]

# What each leaves out of the stream above: types of events, without "response.".
LEFT_OUT = {
    "no deltas": ["output_text.delta"] * 2,
    "no frames of parts": ["content_part.added", "content_part.done"],
    "no done of texts": ["output_text.done"],
    "no done of items": ["output_item.done"],
    "no status": ["created", "in_progress"],
}


def types(events):
    return Counter(event["type"].removeprefix("response.") for event in events)


def test_there_is_a_retelling_for_each_redundancy():
    assert len(BY_NAME) == len(RETELLINGS) == 14


@pytest.mark.parametrize("name", BY_NAME)
def test_a_retelling_says_the_same(name):
    told = accented(STREAM, [BY_NAME[name]])
    assert told != STREAM
    assert slow_responses.read(told) == slow_responses.read(STREAM)
    assert types(STREAM) - types(told) == Counter(LEFT_OUT.get(name, [])) or name == "deltas merged"


@pytest.mark.parametrize("retelling", RETELLINGS, ids=BY_NAME)
def test_a_retelling_takes_anything(retelling):
    odd = [
        None,
        [],
        {},
        {"type": 1},
        {"type": "response.output_item.done", "item": 1},
        {"type": "response.output_item.added"},
        {"type": "response.completed", "response": None},
        {"type": "response.completed", "response": {"output": [1]}},
        {"type": "response.completed", "response": {}},
        {"choices": []},
    ]
    assert len(accented(odd, [retelling])) >= len(odd) - 2


def test_deltas_are_cut_and_merged_with_what_belongs_to_them():
    deltas = [event for event in accented(STREAM, [BY_NAME["deltas of three characters"]]) if "delta" in event]
    assert [(event["delta"], event["logprobs"]) for event in deltas] == [("abc", [1, 2]), ("d", []), ("ef", [3])]
    (merged,) = (event for event in accented(STREAM, [BY_NAME["deltas merged"]]) if "delta" in event)
    assert (merged["delta"], merged["logprobs"]) == ("abcdef", [1, 2, 3])


def test_every_event_and_item_has_another_id():
    told = accented(STREAM, [BY_NAME["other item ids"]])
    ids = [event["item_id"] for event in told if "item_id" in event]
    ids += [event["item"]["id"] for event in told if "item" in event]
    ids += [item["id"] for item in told[-1]["response"]["output"]]
    assert len(set(ids)) == len(ids) == 11
    assert all(each.startswith(ROTATED) for each in ids)


@pytest.mark.parametrize("name", ["no item ids", "no output indexes", "no sequence numbers"])
def test_fields_are_left_out_of_events_only(name):
    told = accented(STREAM, [BY_NAME[name]])
    fields = {field for event in told for field in event}
    left_out = {field for event in STREAM for field in event} - fields
    expected = {
        "no item ids": {"item_id"},
        "no output indexes": {"output_index"},
        "no sequence numbers": {"sequence_number", "obfuscation", "logprobs"},
    }
    assert left_out == expected[name]
    assert told[4]["item"] == STREAM[4]["item"]


@pytest.mark.slow("every recording in fourteen retellings")
@pytest.mark.usefixtures("uncounted")
@pytest.mark.skipif(not RESPONSES, reason="the recordings are not part of the project")
def test_recordings_say_the_same_but_for_what_they_say_once():
    changed = set()
    for name in (name for name in RESPONSES if name.startswith("responses/")):
        stream = truth.chunks((CAPTURES / name).read_text(encoding="utf-8"))
        for part in slow_responses.responses(stream):
            reading = slow_responses.read(part)
            for retelling in RETELLINGS:
                if slow_responses.read(accented(part, [retelling])) != reading:
                    changed.add((name.removeprefix("responses/"), retelling.name))
    assert changed == {
        ("github-copilot__gpt-5.3-codex-reason-text__1.sse", "no status"),
        ("github-copilot__gpt-5.3-codex-reason-text__2.sse", "no status"),
        ("github-copilot__gpt-5.3-codex-reason-text__3.sse", "no status"),
        ("openai__gpt-5-mini-text__1.sse", "other item ids"),  # the id of a call that the server runs
        ("openai__gpt-5.2-text__2.sse", "no deltas"),  # which contradict what is done
    }
