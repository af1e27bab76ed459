"""``record``: what is read passes unchanged, and is on the disk; nothing that fails in it fails the stream."""

import asyncio
import os
import re
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path

import openai
import pytest
from helpers import call_chunks, chunk, said

from streamfsm import MisuseError, OpenAIStreamingInterface, StreamParser, aiter_messages, iter_messages, record
from streamfsm.replay import capture
from streamfsm.replay.loopback import serve
from streamfsm.replay.recording import Recording, parse

SPEECH = call_chunks("send_message", ['{"thinking":"Hm.",', '"message":"H\u00e9"}'])
BODY = capture.body(SPEECH).encode()
PIECES = [BODY[at : at + 100] for at in range(0, len(BODY), 100)]
SAID = [("reasoning", "Hm."), ("assistant", "H\u00e9"), ("stop", "tool_calls")]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "recording.jsonl"


def recorded(path) -> Recording:
    recording = parse(path.read_bytes())
    assert all(one.at <= other.at for one, other in pairwise(recording.pieces))
    return recording


async def each(items, error=None):
    for item in items:
        yield item
    if error:
        raise error


def consumed(messages):
    async def consume():
        return [message async for message in messages]

    return asyncio.run(consume())


def facade(stream):
    return consumed(OpenAIStreamingInterface(use_assistant_message=True).process(stream))


ASYNCHRONOUS = {
    "the façade": facade,
    "aiter_messages": lambda stream: consumed(aiter_messages(stream)),
    "a loop": consumed,
}
SYNCHRONOUS = {
    "the façade": lambda stream: list(OpenAIStreamingInterface(use_assistant_message=True).process_sync(stream)),
    "iter_messages": lambda stream: list(iter_messages(stream)),
    "a loop": list,
}
ITEMS = pytest.mark.parametrize("items", [SPEECH, PIECES], ids=["chunks", "bytes"])


@ITEMS
@pytest.mark.parametrize("read", ASYNCHRONOUS.values(), ids=ASYNCHRONOUS)
def test_a_stream_passes_and_is_recorded(path, items, read):
    plain = read(each(items))
    through = read(record(each(items), path))
    if read is consumed:
        assert through == plain
    else:
        assert said(through) == said(plain)
    assert [piece.data for piece in recorded(path).pieces] == items
    assert recorded(path).end in ("end", "left")  # a reader of bytes leaves at ``[DONE]``


@ITEMS
@pytest.mark.parametrize("read", SYNCHRONOUS.values(), ids=SYNCHRONOUS)
def test_a_synchronous_stream_passes_and_is_recorded(path, items, read):
    plain = read(iter(items))
    through = read(record(iter(items), path))
    if read is list:
        assert through == plain
    else:
        assert said(through) == said(plain)
    assert [piece.data for piece in recorded(path).pieces] == items


def test_what_was_recorded_is_read_as_it_was_live(path):
    list(record(iter(PIECES), path))
    assert said(iter_messages(piece.data for piece in recorded(path).pieces)) == SAID
    list(record(iter(SPEECH), path))
    assert said(iter_messages(iter([recorded(path).body]))) == SAID


@pytest.mark.parametrize("entrance", ["create", "with_streaming_response", "with_raw_response"])
def test_a_real_clients_stream_is_recorded(path, entrance):
    with (
        serve(lambda _: PIECES) as url,
        openai.DefaultHttpxClient(trust_env=False) as http,
        openai.OpenAI(base_url=url, api_key="s3cret", max_retries=0, http_client=http) as client,
    ):
        completions = client.chat.completions
        source = completions if entrance == "create" else getattr(completions, entrance)
        stream = source.create(model="m", messages=[], stream=True)
        assert said(iter_messages(record(stream, path))) == SAID
    if entrance == "create":
        assert [piece.data for piece in recorded(path).pieces] == SPEECH
    else:
        assert recorded(path).body == BODY
    assert "s3cret" not in path.read_text(encoding="utf-8")


def test_the_stream_keeps_what_it_shows():
    class Stream:
        response = "the response"

    assert record(Stream(), "nowhere").response == "the response"


@pytest.mark.parametrize("read", [list, lambda stream: list(stream)[:0]])
def test_an_error_of_the_transport_is_recorded_and_raised(path, read):
    def broken():
        yield PIECES[0]
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        read(record(broken(), path))
    assert (recorded(path).end, recorded(path).error) == ("error", "ConnectionError: gone")
    with pytest.raises(ConnectionError, match="gone"):
        consumed(record(each(PIECES[:1], ConnectionError("gone")), path))
    assert (recorded(path).end, recorded(path).error) == ("error", "ConnectionError: gone")


def test_a_reader_that_leaves_is_recorded_and_the_wire_is_closed(path):
    closed = []

    async def stream():
        try:
            async for item in each(SPEECH):
                yield item
        finally:
            closed.append(True)

    async def leave():
        async with aclosing(aiter_messages(record(stream(), path))) as messages:
            async for _ in messages:
                break

    asyncio.run(leave())
    assert closed == [True]
    assert recorded(path).end == "left"
    assert 0 < len(recorded(path).pieces) < len(SPEECH)


def test_the_budget_ends_the_recording_and_not_the_stream(path):
    assert list(record(iter(PIECES), path, budget=700)) == PIECES
    assert recorded(path).end == "budget"
    assert recorded(path).body == b"".join(PIECES[: len(recorded(path).pieces)]) != b""
    assert path.stat().st_size < 800


@pytest.mark.parametrize("budget", [0, -1, "1"])
def test_a_budget_that_can_never_work_is_refused(path, budget):
    with pytest.raises(MisuseError, match="budget"):
        record([], path, budget=budget)


def test_a_file_that_cannot_be_written_is_logged_once_and_the_stream_goes_on(tmp_path, caplog):
    assert list(record(iter(PIECES), tmp_path / "no" / "such" / "place")) == PIECES
    assert len(caplog.records) == 1
    assert "FileNotFoundError" in caplog.text


def test_a_disk_that_fills_is_logged_and_the_stream_goes_on(path, caplog, monkeypatch):
    written = []

    def write(_, data):
        if len(written) > 2:
            raise OSError(28, "No space left on device")
        written.append(bytes(data[:20]))  # a part, as a full disk takes it
        return len(written[-1])

    monkeypatch.setattr(os, "write", write)
    assert list(record(iter(PIECES), path)) == PIECES
    assert len(caplog.records) == 1


def test_what_is_no_chunk_is_recorded_as_what_it_looks_like(path):
    strange = [object(), 5, [chunk()], {"a": float("nan"), "b": {1, 2}}, b"\xff", bytearray(b"a"), memoryview(b"b")]
    assert list(record(iter(strange), path)) == strange
    pieces = [piece.data for piece in recorded(path).pieces]
    assert [set(piece) for piece in pieces[:3]] == [{"not_recorded"}] * 3
    assert pieces[3]["b"] == "{1, 2}"
    assert pieces[4:] == [b"\xff", b"a", b"b"]


def test_nothing_is_written_before_reading_begins_and_only_the_owner_reads_it(path):
    stream = record(iter(PIECES), path)
    assert not path.exists()
    list(stream)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_pages_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs" / "recording.md").read_text(encoding="utf-8")
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(code, "recording.md", "exec"), {"response": iter(PIECES)})  # noqa: S102 - our own code
    assert capsys.readouterr().out == "Hm.\nH\u00e9\ntool_calls\nTrue\n"
    assert recorded(tmp_path / "answer.jsonl").body == BODY
    (file,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert parse(file.encode()).lines() == file


def test_an_empty_stream_is_recorded_as_its_end(path):
    assert list(record(iter(()), path)) == []
    assert recorded(path) == Recording((), "end", end_at=recorded(path).end_at)


def test_every_piece_is_on_the_disk_when_the_reader_has_it(path):
    for number, _ in enumerate(record(iter(PIECES), path), 1):
        assert len(recorded(path).pieces) == number
    assert StreamParser().feed_bytes(recorded(path).body)
