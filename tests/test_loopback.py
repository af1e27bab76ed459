"""The loopback server, as a real client and a bare socket see it."""

import json
import socket
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import openai
import pytest
from helpers import chunk

from streamfsm.replay import capture
from streamfsm.replay.loopback import serve

SECONDS = 10  # far more than anything here takes
HELLO = f"data: {json.dumps(chunk(content='hello'))}\n\n".encode()


@contextmanager
def client_of(respond):
    with (
        serve(respond) as url,
        openai.DefaultHttpxClient(trust_env=False) as http,
        openai.OpenAI(base_url=url, api_key="none", max_retries=0, http_client=http) as client,
    ):
        yield client


def ask(client, question="?"):
    messages = [{"role": "user", "content": question}]
    return client.chat.completions.create(model="m", messages=messages, stream=True)


def texts(stream):
    with stream:
        return [chunk.choices[0].delta.content for chunk in stream]


def exchange(url, path="/v1/chat/completions"):
    """Everything that the server sends for one bare request, after the head."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), SECONDS) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())
        head, body = b"".join(iter(lambda: connection.recv(4096), b"")).split(b"\r\n\r\n", 1)
    return head, body


def test_every_piece_is_an_http_chunk_of_its_own_and_empty_ones_are_left_out():
    with serve(lambda _: [b"data: {", b"", b"}\n", "\n\u00e9".encode()]) as url:
        head, body = exchange(url)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"Content-Type: text/event-stream; charset=utf-8" in head
    assert body == b"7\r\ndata: {\r\n2\r\n}\n\r\n3\r\n\n\xc3\xa9\r\n0\r\n\r\n"


def test_any_path_is_served():
    with serve(lambda _: [b"x"]) as url:
        assert exchange(url, "/elsewhere")[1] == b"1\r\nx\r\n0\r\n\r\n"


def test_the_response_may_depend_on_the_request():
    def respond(request):
        assert request["stream"] is True
        return [capture.body([chunk(content=request["messages"][0]["content"])]).encode()]

    with client_of(respond) as client:
        assert [texts(ask(client, question)) for question in ("a", "b")] == [["a"], ["b"]]


def test_a_piece_is_sent_before_the_next_is_made():
    received = threading.Event()

    def respond(_):
        yield HELLO
        assert received.wait(SECONDS)
        yield HELLO

    with client_of(respond) as client, ask(client) as stream:
        assert next(stream).choices[0].delta.content == "hello"
        received.set()
        assert next(stream).choices[0].delta.content == "hello"
        assert list(stream) == []


def test_an_event_may_be_sent_in_many_pieces():
    with client_of(lambda _: [HELLO[at : at + 1] for at in range(len(HELLO))]) as client:
        assert texts(ask(client)) == ["hello"]


def test_a_dropped_connection_is_an_error_of_the_client():
    def respond(_):
        yield HELLO
        yield HELLO[:20]
        raise ConnectionError

    with client_of(respond) as client, ask(client) as stream:
        assert next(stream).choices[0].delta.content == "hello"
        with pytest.raises(Exception, match=r"(?i)connection") as error:
            next(stream)
    assert type(error.value).__name__ in ("APIConnectionError", "RemoteProtocolError")  # openai 3, and before


def test_the_responses_iterator_is_closed_when_the_client_leaves():
    closed, left = threading.Event(), threading.Event()

    def respond(_):
        try:
            while True:
                yield HELLO
                left.wait(0.01)
        finally:
            closed.set()

    with client_of(respond) as client:
        with ask(client) as stream:
            next(stream)
        left.set()
        assert closed.wait(SECONDS)


def test_a_client_that_leaves_is_no_trouble(capfd):
    with client_of(lambda _: [HELLO] * 2000) as client:
        for _ in range(5):
            with ask(client) as stream:
                next(stream)
    assert capfd.readouterr() == ("", "")


def test_requests_are_served_at_the_same_time():
    together = threading.Barrier(4)

    def respond(request):
        together.wait(SECONDS)
        return [capture.body([chunk(content=request["messages"][0]["content"])]).encode()]

    with client_of(respond) as client, ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda question: texts(ask(client, question)), "abcd")
        assert Counter(map(tuple, answers)) == Counter((letter,) for letter in "abcd")


def test_nothing_listens_after_the_context():
    with serve(lambda _: []) as url:
        address = urlsplit(url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), SECONDS)
