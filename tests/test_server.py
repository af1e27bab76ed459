"""The server of recordings, as real clients of both wires see it, and with faults."""

import json
import socket
import threading
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import openai
import pytest
from helpers import call_chunks, chunk, said

from streamfsm import MisuseError, StreamParser, iter_messages
from streamfsm.cli import arguments, main
from streamfsm.replay import capture
from streamfsm.replay.loopback import serve
from streamfsm.replay.recording import Piece, Recording, parse
from streamfsm.replay.server import FAULT_HEADER, Fault, play, playing, wire_of

SECONDS = 10  # far more than anything here takes
SPEECH = parse(capture.body(call_chunks("send_message", ['{"message":"Hi"}'])).encode())
HELLO = parse(capture.body([chunk(content="hello"), chunk(finish="stop")]).encode())
RESPONSES = parse(
    b'event: response.created\ndata: {"type": "response.created", "sequence_number": 0, "response": {}}\n\n'
    b'event: response.output_text.delta\ndata: {"type": "response.output_text.delta", "item_id": "msg_1", '
    b'"output_index": 0, "content_index": 0, "sequence_number": 1, "delta": "hello"}\n\n'
)
PAGE = Recording((Piece(None, b"<html>busy</html>"),))
ALL = {"speech": SPEECH, "hello": HELLO, "responses": RESPONSES}


@contextmanager
def client_of(recordings, **options):
    with (
        serve(playing(recordings, **options)) as url,
        openai.DefaultHttpxClient(trust_env=False) as http,
        openai.OpenAI(base_url=url, api_key="none", max_retries=0, http_client=http) as client,
    ):
        yield client


def ask(client, model="any", **headers):
    """What the client's chunks say."""
    with client.chat.completions.create(model=model, messages=[], stream=True, extra_headers=headers) as stream:
        return said(iter_messages(stream))


def body(client, model="any", fault=None, path="chat/completions"):
    """The body that comes, as far as it does, and the error in which it ends."""
    url = urlsplit(str(client.base_url))
    request = json.dumps({"model": model, "stream": True}).encode()
    head = f"POST {url.path}{path} HTTP/1.1\r\nContent-Length: {len(request)}\r\nConnection: close\r\n"
    head += f"{FAULT_HEADER}: {fault}\r\n" if fault else ""
    came = b""
    with socket.create_connection((url.hostname, url.port), SECONDS) as connection:
        connection.sendall(f"{head}\r\n".encode() + request)
        try:
            while data := connection.recv(4096):
                came += data
        except ConnectionResetError:
            return came, "reset"
    return came, "whole" if came.endswith(b"0\r\n\r\n") else "lost"


# -- which recording ---------------------------------------------------------------------------------------------------


def test_a_request_names_a_recording_or_gets_those_of_its_wire_in_turn():
    speech, hello = [("assistant", "Hi"), ("stop", "tool_calls")], [("assistant", "hello"), ("stop", "end_turn")]
    with client_of(ALL) as client:
        assert ask(client, "hello") == hello
        assert ask(client, "speech") == speech
        assert [ask(client, "gpt-5") for _ in range(3)] == [speech, hello, speech]


def test_responses_are_served_too():
    with client_of(ALL) as client, client.responses.create(model="any", input="?", stream=True) as stream:
        events = list(stream)
    assert [event.type for event in events] == ["response.created", "response.output_text.delta"]
    assert events[1].delta == "hello"


def test_the_models_are_the_recordings():
    with client_of(ALL) as client:
        assert [model.id for model in client.models.list()] == ["speech", "hello", "responses"]


def test_what_cannot_be_served_is_an_error_that_says_why():
    with client_of({"hello": HELLO}) as client:
        with pytest.raises(openai.NotFoundError, match="no recording is of the wire 'responses': 'hello'"):
            client.responses.create(model="m", input="?", stream=True)
        with pytest.raises(openai.NotFoundError, match="'hello' is of the wire 'chat'"):
            client.responses.create(model="hello", input="?", stream=True)
        with pytest.raises(openai.BadRequestError, match="set stream to true"):
            client.chat.completions.create(model="hello", messages=[])
        with pytest.raises(openai.BadRequestError, match="'flood' is not a fault: stall, cut, reset, garbage"):
            ask(client, **{FAULT_HEADER: "flood"})


def test_a_request_that_is_no_json_is_refused():
    with client_of(ALL) as client:
        assert client._client.post(str(client.base_url), content=b"{").status_code == 400
        assert client._client.post(str(client.base_url), content=b"[]").status_code == 400


WIRES = [(SPEECH, "chat"), (RESPONSES, "responses"), (PAGE, None), (parse(b'data: {"error": 1}\n\ndata: 1\n\n'), None)]


@pytest.mark.parametrize(("recording", "wire"), WIRES)
def test_the_wire_of_a_recording_is_that_of_its_chunks(recording, wire):
    assert wire_of(recording) == wire


def test_a_body_of_no_wire_is_served_to_both():
    with client_of({"page": PAGE}) as client:
        for path in ("chat/completions", "responses"):
            assert b"<html>busy</html>" in body(client, path=path)[0]


# -- pace and faults ---------------------------------------------------------------------------------------------------

TIMED = Recording((Piece(1.0, b"a"), Piece(3.0, b"b"), Piece(None, b"c")), "end")


@pytest.mark.parametrize(("speed", "expected"), [(None, []), (1, [1, 3]), (2, [0.5, 1.5])])
def test_a_recording_is_played_at_its_pace(speed, expected):
    slept = []
    assert list(play(TIMED, speed=speed, sleep=slept.append)) == [b"a", b"b", b"c"]
    assert slept == pytest.approx(expected, abs=0.4)  # nothing is slept, so each is counted from the start


def test_a_pace_makes_up_for_what_was_late(monkeypatch):
    monkeypatch.setattr("streamfsm.replay.server.time.monotonic", iter([0, 2, 2]).__next__)
    slept = []
    list(play(TIMED, speed=1, sleep=slept.append))
    assert slept == [0, 1]


def test_a_transport_that_failed_fails_again():
    pieces = play(Recording(HELLO.pieces, "error", "Lost: gone"))
    assert next(pieces)
    with pytest.raises(ConnectionError, match="gone"):
        list(pieces)
    with client_of({"lost": Recording(HELLO.pieces, "error")}) as client:
        assert body(client)[1] == "lost"


def test_a_cut_ends_the_body_in_the_middle_of_a_piece():
    with client_of({"hello": HELLO}) as client:
        whole, _ = body(client)
        for at in range(3):
            came, ending = body(client, fault=f"cut@{at}")
            assert ending == "whole"
            sent = b"".join(piece.wire for piece in HELLO.pieces[:at])
            assert sent.count(b"\n\n") == came.count(b"\n\n\r\n")
            assert len(came) < len(whole)
        assert ask(client, **{FAULT_HEADER: "cut@1"}) == [("assistant", "hello"), ("stop", "incomplete")]


def test_a_reset_is_one():
    with client_of({"hello": HELLO}) as client:
        assert body(client, fault="reset@1")[1] == "reset"
        with pytest.raises(Exception, match=r"(?i)connection|reset|peer|read"):
            ask(client, **{FAULT_HEADER: "reset"})


def test_garbage_comes_and_then_the_rest():
    with client_of({"hello": HELLO}, fault=Fault("garbage", 1)) as client:
        came, ending = body(client)
        assert ending == "whole"
        assert came.index(b"hello") < came.index(b"<html>") < came.index(b"[DONE]")
        with pytest.raises(json.JSONDecodeError):
            ask(client)


def test_a_stall_keeps_the_connection_until_the_client_leaves():
    ended = threading.Event()

    def respond(_):
        try:
            yield from play(HELLO, fault=Fault("stall", 1))
        finally:
            ended.set()

    with serve(respond) as url:
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), 0.3) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
            came = b""
            with suppress(TimeoutError):
                while data := connection.recv(4096):
                    came += data
                pytest.fail("the connection was closed")
            assert b"hello" in came
            assert b"stop" not in came
            assert not ended.is_set()
        assert ended.wait(SECONDS)


@pytest.mark.parametrize("spec", ["", "flood", "cut@", "cut@x", "cut@-1", "cut@1@2"])
def test_a_fault_that_is_none_is_told(spec):
    with pytest.raises(MisuseError, match="is not a fault"):
        Fault.parse(spec)


def test_a_fault_without_a_place_is_in_the_middle():
    pieces = [*play(HELLO, fault=Fault.parse("cut"))]
    assert len(pieces) == len(HELLO.pieces) // 2 + 1


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def while_waiting(monkeypatch):
    """Runs the command, and something while it serves."""

    def run(command, action):
        monkeypatch.setattr(f"streamfsm.cli.{command[0]}.wait", action)
        return main([str(each) for each in command])

    return run


def test_the_command_serves_files_until_it_is_interrupted(while_waiting, tmp_path, capsys):
    path = tmp_path / "hello.sse"
    path.write_bytes(HELLO.body)
    found = []

    def action():
        url = capsys.readouterr().out.split(maxsplit=1)[0]
        with openai.DefaultHttpxClient(trust_env=False) as http:
            found.append(http.post(f"{url}/chat/completions", json={"stream": True, "model": "hello"}).content)

    assert while_waiting(["serve", path, "--speed", "2", "--fault", "cut@1"], action) == 0
    parser = StreamParser()
    assert said(parser.feed_bytes(found[0])) == [("assistant", "hello")]


def test_the_command_refuses_what_it_cannot_tell_apart(tmp_path, capsys):
    for name in ("a.sse", "a.jsonl"):
        (tmp_path / name).write_bytes(HELLO.body)
    assert main(["serve", str(tmp_path / "a.sse"), str(tmp_path / "a.jsonl")]) == 2
    assert "the same name" in capsys.readouterr().err


def test_the_command_names_a_fault_that_is_none(capsys):
    with pytest.raises(SystemExit):
        main(["serve", "x", "--fault", "flood"])
    assert "'flood' is not a fault" in capsys.readouterr().err


def test_waiting_ends_with_an_interrupt(monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Event, "wait", interrupted)
    assert arguments.wait() is None
