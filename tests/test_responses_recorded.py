"""Every recorded Responses stream means to the parser what it means to a slow and plain reader of the whole.

``slow_responses.py`` reads; it knows the wire and nothing of this project. The recordings lie beside the project and
are never copied.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import dropwhile
from typing import Any

import pytest
import slow_responses
import truth
from helpers import ID, told
from openai._models import construct_type
from openai.types.responses import ResponseStreamEvent
from recordings import CAPTURES, RESPONSES, network_reads

from streamfsm import StreamParser, coalesce
from streamfsm.testing import RETELLINGS, Quirk, accented
from streamfsm.testing.retellings import ROTATED

# Recordings whose reading is a judgement: the plain reader's is one, the parser's another, for the reason given.
JUDGED = {
    "quirks/unknown__gpt-response-text__1.sse": "begins with an object of another protocol, which fails",
    "quirks/unknown__x-error__1.sse": "the same",
}

# Recordings that tell something in one place only: what, and where.
ONCE = {
    "responses/openai__gpt-5.2-text__2.sse": "its author cut the deltas, which contradict what is done",
    "responses/github-copilot__gpt-5.3-codex-reason-text__1.sse": "every event has another id of the response",
    "responses/github-copilot__gpt-5.3-codex-reason-text__2.sse": "the same",
    "responses/github-copilot__gpt-5.3-codex-reason-text__3.sse": "the same",
}

CASES = sorted((CAPTURES.parent / "cases" / "responses").glob("*.json"))

Feed = Callable[[StreamParser], Iterator[Any]]


def as_dicts(stream: list[Any]) -> Feed:
    return lambda parser: (message for event in stream for message in parser.feed(event))


def as_objects(stream: list[Any]) -> Feed:
    """As the ``openai`` client yields them."""
    made = [construct_type(type_=ResponseStreamEvent, value=event) for event in stream]
    return lambda parser: (message for event in made for message in parser.feed(event))


def as_bytes(pieces: Iterable[bytes]) -> Feed:
    return lambda parser: (message for piece in pieces for message in parser.feed_bytes(piece))


def body(stream: list[Any]) -> bytes:
    """The body of one response out of several."""
    return "".join(f"data: {json.dumps(event)}\n\n" for event in stream).encode()


def sized(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def reading(feed: Feed) -> dict[str, Any]:
    """What the parser reads, in the plain reader's words."""
    parser = StreamParser(message_id=ID, inner_thoughts_kwarg=None, assistant_tool=None)
    messages = [*feed(parser), *parser.close()]
    result = parser.result
    choice = result.choices[0] if result.choices else result
    hidden = [message for message in messages if message.message_type == "hidden_reasoning_message"]
    said = [(kind, call, text) for _, kind, call, text in told(coalesce(messages)) if kind not in ("hidden", "stop")]
    encrypted = [detail.data for detail in getattr(choice, "reasoning_details", []) if detail.data]
    return {
        "content": choice.content,
        "refusal": choice.refusal,
        "reasoning": choice.reasoning,
        "encrypted": encrypted,
        "calls": [
            {"id": call.id, "name": call.name, "arguments": plain(call.arguments), "ready": call.ready}
            for call in result.tool_calls
        ],
        "usage": [getattr(result.usage, f"{name}_tokens") for name in ("input", "output", "cached", "reasoning")],
        "finish": result.finish_reason,
        "stop": result.stop_reason.value,
        "error": result.error and result.error.model_dump(),
        "hidden": len(hidden),
        "response_id": result.response_id,
        "model": result.model,
        "contradicts": any(anomaly.kind == "snapshot_conflict" for anomaly in result.anomalies),
        "messages": [(kind, call, plain(text) if kind == "arguments" else text) for kind, call, text in said],
    }


def slow_reading(stream: list[Any]) -> dict[str, Any]:
    """What the plain reader reads, as ``reading`` gives it."""
    found = slow_responses.read(stream)
    calls = [{**call, "arguments": plain(call["arguments"])} for call in found["calls"]]
    return {
        "content": found["content"],
        "refusal": found["refusal"],
        "reasoning": found["reasoning"],
        "encrypted": found["parts"]["encrypted"],
        "calls": [{name: call[name] for name in ("id", "name", "arguments", "ready")} for call in calls],
        "usage": list(found["usage"].values()),
        **{name: found[name] for name in ("finish", "stop", "error", "response_id", "model", "contradicts")},
        "hidden": int(found["hidden"]),
        "messages": [
            (kind, call, plain(text) if kind == "arguments" else text) for kind, call, text in found["messages"]
        ],
    }


def plain(arguments: str) -> str:
    """Arguments without regard to white space and order, which a call that comes as an object does not have."""
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except ValueError:
        return arguments


@pytest.mark.slow("every recording in several ways")
@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("name", RESPONSES)
def test_a_recording_means_to_the_parser_what_it_means_to_a_plain_reader(name: str):
    parts = slow_responses.responses(truth.chunks((CAPTURES / name).read_text(encoding="utf-8")))
    for part in parts:
        data, received = body(part), network_reads(name)
        ways = {
            "as dicts": as_dicts(part),
            "as objects": as_objects(part),
            "as bytes": as_bytes([data] if len(parts) > 1 else received),
            "as bytes, 97 at a time": as_bytes(sized(data if len(parts) > 1 else b"".join(received), 97)),
        }
        found = {way: reading(feed) for way, feed in ways.items()}
        expected = dict.fromkeys(ways, slow_reading(part))
        if name in JUDGED:
            assert found != expected
        else:
            assert found == expected


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_reported_stream_is_read_rightly(path):
    case = json.loads(path.read_text(encoding="utf-8"))
    assert reading(as_dicts(case["events"])) == slow_reading(case["events"])
    assert reading(as_bytes(sized(body(case["events"]), 1))) == slow_reading(case["events"])


def test_every_exception_is_a_recording():
    assert not JUDGED or not RESPONSES or JUDGED.keys() <= set(RESPONSES)


# -- the laws of retelling ---------------------------------------------------------------------------------------------


def ids_of(stream: list[Any]) -> set[str]:
    """All ids of items that a stream holds."""
    places = [*stream, *(event["item"] for event in stream if "item" in event)]
    places += [item for event in stream for item in (event.get("response") or {}).get("output") or []]
    return {place[name] for place in places for name in ("item_id", "id") if place.get(name)}


def masked(value: Any, ids: set[str]) -> Any:
    """A value with one word for every id of an item, and without log probabilities, which deltas alone may have."""
    if isinstance(value, dict):
        return {name: masked(each, ids) for name, each in value.items() if name != "logprobs"}
    if isinstance(value, list | tuple):
        return [masked(each, ids) for each in value]
    is_id = isinstance(value, str) and (value in ids or value.startswith(ROTATED))
    return "item" if is_id else value


# Here the id of the call changes too, so that nothing says that the item announced is the one that ended: it is kept.
ANOTHER = ("quirks/openai__gpt-5.4-text__2.sse", "other item ids")


def everything(stream: list[Any], ids: set[str], *, by_status: bool) -> Any:
    """Messages with their ids, and the result without its anomalies; without the response's id unless ``by_status``."""
    parser = StreamParser(message_id=ID)
    messages = [*as_dicts(stream)(parser), *parser.close()]
    told = [message.model_dump(exclude={"date"}) for message in coalesce(messages)]
    left_out = {"anomalies"} if by_status else {"anomalies", "response_id"}
    return masked({"messages": told, "result": parser.result.model_dump(exclude=left_out)}, ids)


@pytest.mark.slow("every recording in fourteen retellings")
@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("retelling", RETELLINGS, ids=lambda retelling: retelling.name)
@pytest.mark.parametrize("name", RESPONSES)
def test_each_redundancy_can_be_left_out(name: str, retelling: Quirk):
    stream = truth.chunks((CAPTURES / name).read_text(encoding="utf-8"))
    for each in slow_responses.responses(stream):
        # What comes before the wire can be recognised is read in another way after it: a keepalive is enough.
        part = list(dropwhile(lambda event: not str(event.get("type")).startswith(("response.", "error")), each))
        told = accented(part, [retelling])
        ids, by_status = ids_of(part), retelling.name != "no status"
        if masked(slow_reading(told), ids) == masked(slow_reading(part), ids):
            found, right = (everything(stream, ids, by_status=by_status) for stream in (told, part))
            if (name, retelling.name) == ANOTHER:
                assert found["result"]["choices"][0]["extras"].pop("unfinished")
            assert found == right
        else:  # the one place where something was told
            assert name.startswith("quirks/") or name in ONCE
