"""The relay that records: a client and a server that know nothing of it, and what is on the disk afterwards."""

import threading
from contextlib import contextmanager

import openai
import pytest
from helpers import call_chunks, said

from streamfsm import MisuseError, iter_messages
from streamfsm.cli import main
from streamfsm.replay import capture
from streamfsm.replay.loopback import Reply, serve
from streamfsm.replay.recording import parse
from streamfsm.replay.relay import recording_relay

BODY = capture.body(call_chunks("send_message", ['{"message":"Hi"}'])).encode()
PIECES = [BODY[at : at + 100] for at in range(0, len(BODY), 100)]
SAID = [("assistant", "Hi"), ("stop", "tool_calls")]


@contextmanager
def client_at(url):
    with (
        openai.DefaultHttpxClient(trust_env=False) as http,
        openai.OpenAI(base_url=url, api_key="s3cret", max_retries=0, http_client=http) as client,
    ):
        yield client


@contextmanager
def relayed(respond, directory, **options):
    with (
        serve(respond) as upstream,
        serve(recording_relay(upstream, directory, **options)) as url,
        client_at(url) as client,
    ):
        yield client


def ask(client):
    with client.chat.completions.create(model="m", messages=[], stream=True) as stream:
        return said(iter_messages(stream))


def recordings(directory):
    return [parse(file.read_bytes()) for file in sorted(directory.iterdir())]


def test_an_answer_passes_and_is_recorded_and_no_secret_is(tmp_path):
    asked = []
    with relayed(lambda request: asked.append(request) or PIECES, tmp_path) as client:
        assert ask(client) == SAID
        assert ask(client) == SAID
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["0001.jsonl", "0002.jsonl"]
    assert [recording.body for recording in recordings(tmp_path)] == [BODY, BODY]
    assert [recording.end for recording in recordings(tmp_path)] == ["end", "end"]
    assert len(recordings(tmp_path)[0].pieces) > 1
    assert asked[0]["model"] == "m"
    assert asked[0].path == "/v1/chat/completions"
    assert asked[0].headers["Authorization"] == "Bearer s3cret"
    assert all("s3cret" not in file.read_text(encoding="utf-8") for file in tmp_path.iterdir())


def test_the_next_run_goes_on_with_the_next_number(tmp_path):
    (tmp_path / "0001.jsonl").write_text("kept")
    with relayed(lambda _: PIECES, tmp_path) as client:
        ask(client)
    assert (tmp_path / "0001.jsonl").read_text() == "kept"
    assert (tmp_path / "0002.jsonl").exists()


def test_an_error_of_the_server_passes_with_its_status_and_is_recorded(tmp_path):
    busy = Reply([b'{"error": {"message": "busy"}}'], 503, {"Content-Type": "application/json"})
    with relayed(lambda _: busy, tmp_path) as client, pytest.raises(openai.InternalServerError, match="busy"):
        ask(client)
    assert recordings(tmp_path)[0].body == b'{"error": {"message": "busy"}}'


def test_what_is_only_looked_up_is_not_recorded(tmp_path):
    listing = Reply(
        [b'{"object": "list", "data": [{"id": "m", "object": "model"}]}'], 200, {"Content-Type": "application/json"}
    )
    with relayed(lambda _: listing, tmp_path) as client:
        assert [model.id for model in client.models.list()] == ["m"]
    assert list(tmp_path.iterdir()) == []


def test_a_lost_connection_is_passed_on_and_recorded(tmp_path):
    def broken(_):
        yield PIECES[0]
        raise ConnectionError

    with relayed(broken, tmp_path) as client, pytest.raises(Exception, match=r"(?i)connection"):
        ask(client)
    (recording,) = recordings(tmp_path)
    assert (recording.body, recording.end) == (PIECES[0], "error")
    assert "the connection to the server was lost" in recording.error


def test_a_client_that_leaves_is_recorded_as_that(tmp_path):
    written, go_on = threading.Event(), threading.Event()

    def respond(_):
        yield BODY.split(b"data: [DONE]")[0]
        go_on.wait(10)
        for _ in range(1000):
            yield b": more\n\n"
        written.set()

    with relayed(respond, tmp_path) as client:
        with client.chat.completions.create(model="m", messages=[], stream=True) as stream:
            next(iter(stream))
        go_on.set()
        for _ in range(1000):
            if recordings(tmp_path)[0].end:
                break
            written.wait(0.01)
    assert recordings(tmp_path)[0].end == "left"


def test_a_server_that_does_not_answer_is_an_error_of_the_relays_own(tmp_path):
    with serve(lambda _: []) as nobody:
        pass
    failure = pytest.raises(openai.InternalServerError, match="did not answer")
    with serve(recording_relay(nobody, tmp_path)) as url, client_at(url) as client, failure:
        ask(client)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["", "api.openai.com/v1", "ftp://host/v1", "http://"])
def test_an_address_that_is_none_is_told(url, tmp_path):
    with pytest.raises(MisuseError, match="is not the URL of a server"):
        recording_relay(url, tmp_path)


def test_a_secure_server_is_asked_securely(tmp_path, monkeypatch):
    asked = []

    class Connection:
        def __init__(self, host, port, **_):
            asked.append((host, port))

        def request(self, *_):
            raise OSError("no network here")

        def close(self):
            asked.append("closed")

    monkeypatch.setattr("streamfsm.replay.relay.HTTPSConnection", Connection)
    failure = pytest.raises(openai.InternalServerError, match="no network here")
    with serve(recording_relay("https://api.example/v1", tmp_path)) as url, client_at(url) as client, failure:
        ask(client)
    assert asked == [("api.example", None), "closed"]


def test_the_command_records_into_a_directory_that_it_makes(tmp_path, monkeypatch, capsys):
    def action():
        with client_at(capsys.readouterr().out.split(maxsplit=1)[0]) as client:
            assert ask(client) == SAID

    monkeypatch.setattr("streamfsm.cli.record.wait", action)
    with serve(lambda _: PIECES) as upstream:
        assert main(["record", str(tmp_path / "a" / "b"), "--to", upstream, "--budget", "100000"]) == 0
    assert recordings(tmp_path / "a" / "b")[0].body == BODY


def test_the_command_says_where_it_cannot_record(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["record", str(tmp_path / "file")]) == 2
    assert "File exists" in capsys.readouterr().err
