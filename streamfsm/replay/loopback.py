"""An OpenAI-compatible server on this machine's loopback interface, for replays, examples and tests.

It sends what it is given like a real server: over HTTP/1.1, in server-sent events, piece by piece.
"""

import json
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, TypeAlias

_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8"}
_RESET = struct.pack("ii", 1, 0)  # linger for no time: what was sent may be lost, and the peer hears of a reset


class Request(dict[str, Any]):
    """The JSON of a request; empty if there is none."""

    method: str
    path: str
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Reply:
    """A response: the pieces of its body, its status, and headers beside or in place of those of an event stream."""

    pieces: Iterable[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(value: Any, status: int = 200) -> Reply:
    """A response that is JSON."""
    return Reply([json.dumps(value).encode()], status, {"Content-Type": "application/json"})


def refusal(status: int, message: str) -> Reply:
    """An error, in the form of OpenAI's servers."""
    kind = "server_error" if status >= 500 else "invalid_request_error"  # noqa: PLR2004 - as HTTP has it
    return json_reply({"error": {"message": message, "type": kind, "param": None, "code": None}}, status)


Respond: TypeAlias = Callable[[Request], Iterable[bytes] | Reply]
"""Takes a request, and returns the response, or the pieces of its body. Each piece is sent at once, as one chunk; an
empty one is not sent, but a client that has left is noticed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a piece waits 40 ms for the one before it to be acknowledged
    respond: Respond
    status: int
    headers_sent: Mapping[str, str]

    def handle(self) -> None:
        with suppress(ConnectionError):  # the client left, also between requests; or ``respond`` drops it
            super().handle()

    def do_POST(self) -> None:
        reply = type(self).respond(self._request())
        if not isinstance(reply, Reply):
            reply = Reply(reply, self.status, self.headers_sent)
        self.send_response(reply.status)
        for name, value in {**_HEADERS, **reply.headers, "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for piece in reply.pieces:
                if piece:  # an empty HTTP chunk would end the body
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                elif self._has_left():
                    raise ConnectionAbortedError
        except ConnectionResetError:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            socket.close(self.connection.detach())  # now: the server would end the connection in order first
            raise
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST  # noqa: N815 - the base class looks for it

    def _request(self) -> Request:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            fields = json.loads(body)
        except ValueError:
            fields = {}
        request = Request(fields if isinstance(fields, dict) else {})
        request.method, request.path, request.headers, request.body = self.command, self.path, self.headers, body
        return request

    def _has_left(self) -> bool:
        came, _, _ = select.select([self.connection], [], [], 0)
        return bool(came) and not self.connection.recv(1, socket.MSG_PEEK)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # connections not yet accepted; the standard library's 5 refuses bursts


@contextmanager
def serve(
    respond: Respond, *, status: int = 200, headers: Mapping[str, str] = MappingProxyType({}), port: int = 0
) -> Iterator[str]:
    """Serve ``POST`` and ``GET`` requests of any path, each in a thread of its own, while the context lasts.

    Args:
        respond: makes each response. An iterator that raises :class:`ConnectionError` drops the connection in the
            middle of the body, and :class:`ConnectionResetError` resets it; one that sleeps makes a slow server. It is
            closed when the client leaves.
        status: of each response that is no :class:`Reply`.
        headers: of each such response, beside or in place of those of an event stream.
        port: 0: any that is free.

    Yields:
        The base URL for an OpenAI client.
    """
    attributes = {"respond": staticmethod(respond), "status": status, "headers_sent": headers}
    handler = type("Handler", (_Handler,), attributes)
    with _Server(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()
