"""Archives: every file is read once, whatever the others do, and a run that was stopped goes on."""

import io
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest
from helpers import call_chunks, chunk

from streamfsm import StreamParser, coalesce
from streamfsm.cli import archive, main
from streamfsm.replay import capture
from streamfsm.replay.archive import in_processes, read_stream
from streamfsm.replay.recording import Piece, Recording

SPEECH = capture.body(call_chunks("send_message", ['{"message":"Hi"}']))
HELLO = capture.body([chunk(content="hello"), chunk(finish="stop")])
FILES = {
    "a.sse": SPEECH,
    "b/c.jsonl": Recording((Piece(0.1, HELLO.encode()),), "end").lines(),
    "b/d.sse": 'data: {"error": {"message": "busy"}}\n\n',
    "e.jsonl": '{"recording": "of something else"}\n',
    "readme.txt": "no recording",
}


def fill(directory, files):
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return directory


@pytest.fixture
def directory(tmp_path):
    return fill(tmp_path / "archive", FILES)


@pytest.fixture
def in_this_process(monkeypatch):
    """Processes take a second to start: what they do is tested with real ones below."""
    monkeypatch.setattr(archive, "in_processes", lambda work, items, _: ((item, work(item)) for item in items))


def lines(out: Path):
    return {line["file"]: line for line in map(json.loads, out.read_text(encoding="utf-8").splitlines())}


def run(directory, out, *options):
    return main(["replay", str(directory), "--jsonl", str(out), *options])


# -- one stream --------------------------------------------------------------------------------------------------------


def test_a_stream_is_what_a_parser_makes_of_it():
    parser = StreamParser(message_id="m", date="2026-11-27T00:00:00Z")
    messages = [*parser.feed_bytes(SPEECH.encode()), *parser.close()]
    assert read_stream(SPEECH.encode(), {"message_id": "m", "date": "2026-11-27T00:00:00Z"}) == {
        "state": "done",
        "messages": [message.model_dump(mode="json", exclude_none=True) for message in coalesce(messages)],
        "result": parser.result.model_dump(mode="json"),
    }


def test_it_depends_on_nothing_but_what_the_file_holds():
    assert read_stream(SPEECH.encode(), {}) == read_stream(SPEECH.encode(), {})
    assert read_stream(SPEECH.encode(), {})["messages"][0]["date"] == "1970-01-01T00:00:01+00:00"
    assert read_stream(b"data: {}", {})["messages"][0]["date"] == "1970-01-01T00:00:00+00:00"
    late = json.dumps({**chunk(content="Hi"), "created": 10**18})
    assert read_stream(f"data: {late}".encode(), {})["messages"][0]["date"] == "1970-01-01T00:00:00+00:00"


def test_a_lost_connection_is_a_failed_stream():
    lost = Recording((Piece(0.1, HELLO.encode()[:200]),), "error", "Lost: gone").lines()
    found = read_stream(lost.encode(), {})
    assert (found["state"], found["result"]["error"]["message"]) == ("failed", "Lost: gone")


def test_what_is_no_recording_says_why():
    assert set(read_stream(FILES["e.jsonl"].encode(), {})) == {"error"}


# -- processes ---------------------------------------------------------------------------------------------------------


def work(item):
    """What a process does; some items kill it."""
    if item == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    return item.upper()


@pytest.mark.slow("several processes")
def test_every_item_is_done_once_and_one_that_kills_its_process_costs_no_other():
    items = ["a", "deadly", *map(str, range(20)), "deadly"]
    found = list(in_processes(work, items, 2))
    assert sorted(item for item, _ in found) == sorted(items)
    assert dict(found) == {item: None if item == "deadly" else item.upper() for item in items}


@pytest.mark.slow("several processes")
def test_processes_write_what_one_process_writes(directory, tmp_path, monkeypatch, capsys):
    assert run(directory, tmp_path / "many", "--jobs", "2") == 1
    assert "with 2 processes" in capsys.readouterr().err
    monkeypatch.setattr(archive, "in_processes", lambda work, items, _: ((item, work(item)) for item in items))
    assert run(directory, tmp_path / "one") == 1
    assert lines(tmp_path / "many") == lines(tmp_path / "one")


def test_items_are_taken_by_processes_that_ignore_an_interrupt(monkeypatch):
    class Pool:
        def __init__(self, jobs, *, mp_context, initializer):
            assert (jobs, mp_context.get_start_method()) == (1, "spawn")
            before = signal.getsignal(signal.SIGINT)
            initializer()
            assert signal.signal(signal.SIGINT, before) is signal.SIG_IGN

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def submit(self, each, work, batch):
            future = Future()
            if "deadly" in batch:
                future.set_exception(BrokenProcessPool())
            else:
                future.set_result(each(work, batch))
            return future

    from concurrent.futures import Future
    from concurrent.futures.process import BrokenProcessPool

    monkeypatch.setattr("streamfsm.replay.archive.ProcessPoolExecutor", Pool)
    for others in (["a", "b"], [str(number) for number in range(200)], []):  # alone in their batches, and in large ones
        items = [*others, "deadly", *others]
        expected = [(item, None if item == "deadly" else item.upper()) for item in items]
        assert sorted(in_processes(str.upper, items, 1)) == sorted(expected)
    assert list(in_processes(str.upper, [], 1)) == []


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("in_this_process")
def test_a_line_for_each_file_and_a_bad_one_does_not_stop_the_run(directory, tmp_path, capsys):
    assert run(directory, tmp_path / "out") == 1
    found = lines(tmp_path / "out")
    assert {name: line.get("state") for name, line in found.items()} == {
        "a.sse": "done",
        "b/c.jsonl": "done",
        "b/d.sse": "failed",
        "e.jsonl": None,
    }
    assert [message.get("content") for message in found["b/c.jsonl"]["messages"]] == ["hello", None]
    assert "unknown version" in found["e.jsonl"]["error"]
    assert "2 done, 1 failed, 1 unreadable" in capsys.readouterr().err


@pytest.mark.usefixtures("in_this_process")
def test_options_are_the_parsers(directory, tmp_path):
    run(directory, tmp_path / "out", "--no-assistant-tool")
    assert lines(tmp_path / "out")["a.sse"]["messages"][0]["message_type"] == "tool_call_message"


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("length", [0, 1, 50, -1, -30])
def test_a_run_that_was_stopped_anywhere_goes_on(directory, tmp_path, length, capsys):
    out, whole = tmp_path / "out", tmp_path / "whole"
    run(directory, whole)
    out.write_bytes(whole.read_bytes()[:length])
    kept = out.read_text().count("\n")
    assert run(directory, out) in (0, 1)
    assert lines(out) == lines(whole)
    assert out.read_text().count("\n") == len(lines(whole))
    assert (f"{kept} were read before" in capsys.readouterr().err) == (kept > 0)


@pytest.mark.usefixtures("in_this_process")
def test_a_run_that_is_complete_has_nothing_to_do_and_its_output_is_no_input(tmp_path, capsys):
    directory = fill(tmp_path / "archive", {"a.sse": HELLO})
    for told in ("1 done", "nothing to do"):
        assert run(directory, directory / "out.jsonl") == 0
        assert told in capsys.readouterr().err
    assert list(lines(directory / "out.jsonl")) == ["a.sse"]


@pytest.mark.usefixtures("in_this_process")
def test_a_file_that_cannot_be_opened_or_breaks_a_reader_is_a_line(directory, tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(archive, "read_stream", broken)
    run(directory, tmp_path / "out")
    assert {line["error"] for line in lines(tmp_path / "out").values()} == {"ZeroDivisionError: on purpose"}


def test_a_file_whose_process_died_is_a_line(directory, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "in_processes", lambda _, items, __: ((item, None) for item in items))
    assert run(directory, tmp_path / "out") == 1
    assert {line["error"] for line in lines(tmp_path / "out").values()} == {"the process that read it died"}


def test_an_interrupt_ends_the_run_and_says_how_far_it_came(directory, tmp_path, monkeypatch, capsys):
    def interrupted(work, items, _):
        yield items[0], work(items[0])
        raise KeyboardInterrupt

    monkeypatch.setattr(archive, "in_processes", interrupted)
    assert run(directory, tmp_path / "out") == 130
    assert capsys.readouterr().err == "stopped after 1 of 4 files; the next run continues\n"
    assert len(lines(tmp_path / "out")) == 1


@pytest.mark.usefixtures("in_this_process")
def test_a_terminal_shows_progress(directory, tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    run(directory, tmp_path / "out")
    assert "4/4" in sys.stderr.getvalue()


def test_what_cannot_be_replayed_is_one_line_and_exit_code_2(directory, tmp_path, capsys):
    (tmp_path / "other").write_text("{}\n")
    for arguments, complaint in (
        (["replay", directory], "a directory needs --jsonl OUT"),
        (["replay", directory / "a.sse", "--jsonl", tmp_path / "out"], "--jsonl is for directories"),
        (["replay", directory, "--jsonl", tmp_path / "other"], "not the output of an earlier run"),
        (["replay", directory, "--jsonl", tmp_path], "Is a directory"),
    ):
        assert main([*map(str, arguments)]) == 2
        assert complaint in capsys.readouterr().err


def test_what_a_process_does_can_be_sent_to_it():
    import pickle

    assert pickle.loads(pickle.dumps(partial(archive._line, Path(), {})))  # noqa: S301 - our own
