"""How the kit runs a parser and reads what it says."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from helpers import call_chunks, chunk

from streamfsm import StreamParser
from streamfsm.errors import MisuseError
from streamfsm.testing import LawBroken, Run, Said, Stream, TracedParser, read_message, run
from streamfsm.testing.streams import text

CHUNKS = [
    chunk(reasoning_content="Hm"),
    chunk(content="Hi"),
    *call_chunks("send_message", ['{"thinking":"x","message":"y"}'], finish=None),
    chunk({"index": 1, "id": "call_2", "function": {"name": "f", "arguments": "{}"}}, finish="tool_calls"),
]
SAID = [
    ("reasoning", 0, "Hm"),
    ("content", 0, "Hi"),
    ("reasoning", 0, "x"),
    ("content", 0, "y"),
    ("name", "call_2", "f"),
    ("arguments", "call_2", "{}"),
    ("stop", 0, "tool_calls"),
]


@pytest.mark.parametrize("form", ["object", "python", "json"])
def test_our_messages_and_their_json_are_read(form):
    parser = StreamParser()
    messages = [message for each in CHUNKS for message in parser.feed(each)] + parser.close()
    if form != "object":
        messages = [message.model_dump(mode=form) for message in messages]
    assert [said[:3] for message in messages for said in read_message(message)] == SAID


def test_hidden_reasoning_and_a_call_without_an_id_are_read():
    parser = StreamParser(reasoning_model=True)
    messages = parser.feed(chunk({"index": 0, "function": {"name": "f", "arguments": "{}"}}))
    assert [said for message in messages for said in read_message(message)] == [
        Said("hidden", 0, "omitted"),
        Said("name", "", "f"),
        Said("arguments", "", "{}"),
    ]


@pytest.mark.parametrize(
    "message",
    [Said("content", 0, "x"), ("content", 0, "x"), {"kind": "content", "key": 0, "text": "x"}],
)
def test_messages_of_other_parsers_are_fields_in_a_tuple_or_a_dict(message):
    assert list(read_message(message)) == [Said("content", 0, "x")]


@pytest.mark.parametrize("message", ["x", None, {}, ("content",), {"kind": "content"}, {"type": "text"}])
def test_a_message_of_no_known_form_is_misuse(message):
    with pytest.raises(MisuseError, match=r"cannot read the message .*; pass the check a read="):
        list(read_message(message))


class Snapshots:
    """Gives all so far; its end gives nothing at all."""

    result = "kept"

    def __init__(self):
        self.so_far = ""

    def feed(self, chunk):
        self.so_far += chunk["choices"][0]["delta"]["content"]
        return [self.so_far]

    def close(self):
        return None


def as_snapshot(message):
    return [Said("content", 0, message, snapshot=True)]


def test_snapshots_are_deltas_and_a_read_of_ones_own_knows_any_message():
    found = run(Snapshots, Stream(text("content", "abc")).cut([1, 2]), read=as_snapshot)
    assert found.steps == [[Said("content", 0, letter)] for letter in "abc"] + [[]]
    assert found.coalesced() == [Said("content", 0, "abc")]
    assert (found.result, found.trace) == ("kept", [])


def test_a_snapshot_that_repeats_what_was_said_adds_nothing():
    found = run(Snapshots, [chunk(content=""), chunk(content="a"), chunk(content="")], read=as_snapshot)
    assert found.coalesced() == [Said("content", 0, "a")]


def test_an_empty_message_is_kept_and_not_compared():
    found = run(Snapshots, [chunk(content="")], read=lambda _: [Said("content", 0, "")])
    assert found.said == [Said("content", 0, "")]
    assert found.coalesced() == []


def test_a_retraction_stays_apart():
    steps = [[Said("content", 0, "ab")], [Said("content", 0, "ac", snapshot=True), Said("content", 0, "d")]]
    assert Run([], steps, None, []).coalesced() == [("content", 0, "ab", False), ("content", 0, "acd", True)]


def test_a_traced_parser_has_messages_result_and_paths():
    found = run(TracedParser, CHUNKS)
    assert [said[:3] for said in found.said] == SAID
    assert [message["seq_id"] for message in found.result["messages"]] == list(range(6))
    assert found.result["result"]["finish_reason"] == "tool_calls"
    assert found.result["paths"]["choice 0 stream"] == [
        ("silent", "heard", "heard"),
        ("heard", "finish", "heard"),
        ("heard", "end", "done"),
    ]
    assert len(found.trace) > 10


# -- the time limit ----------------------------------------------------------------------------------------------------


class Loops:
    """Never ends, whatever it is told, up to three times."""

    def feed(self, _chunk):
        for _ in range(2):
            with suppress(BaseException):
                while True:
                    pass
        while True:
            pass

    def close(self):
        return ()


def test_a_parser_that_catches_everything_is_stopped_too():
    with pytest.raises(LawBroken, match=r"no answer within 0\.05 seconds, at chunk 1"):
        run(Loops, [{}], seconds=0.05)


def test_outside_the_main_thread_a_parser_runs_as_well():
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(run, TracedParser, CHUNKS).result().said == run(TracedParser, CHUNKS).said


HANGING = """
import threading
from streamfsm.testing import run

class Hangs:
    def feed(self, chunk):
        while True:
            pass
    def close(self):
        return ()

threading.Thread(target=run, args=(Hangs, [{}]), kwargs={"seconds": 0.2}).start()
"""


def test_outside_the_main_thread_a_hanging_parser_ends_the_process_and_shows_where():
    done = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own code
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert "in feed" in done.stderr
