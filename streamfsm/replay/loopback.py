"""An OpenAI-compatible server on this machine's loopback interface, for replays, examples and tests.

It sends given pieces like a real server, over HTTP/1.1, one by one.
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
_RESET = struct.pack("ii", 1, 0)  # linger for no time: data may be lost, and the peer gets a reset


class Request(dict[str, Any]):
    """The JSON of a request; empty if there is none."""

    method: str
    path: str
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Reply:
    """A response: the pieces of its body, its status, and headers that add to or replace those of an event stream."""

    pieces: Iterable[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(value: Any, status: int = 200) -> Reply:
    """Return a response with JSON."""
    return Reply([json.dumps(value).encode()], status, {"Content-Type": "application/json"})


def refusal(status: int, message: str) -> Reply:
    """Return an error in the form of OpenAI's servers."""
    kind = "server_error" if status >= 500 else "invalid_request_error"  # noqa: PLR2004 - HTTP's server errors
    return json_reply({"error": {"message": message, "type": kind, "param": None, "code": None}}, status)


Respond: TypeAlias = Callable[[Request], Iterable[bytes] | Reply]
"""Takes a request, and returns the response or the pieces of its body. Each piece is sent at once as one HTTP chunk. An
empty piece is not sent, but checks whether the client has left."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or a piece would wait 40 ms for the acknowledgement of the previous one
    respond: Respond
    status: int
    headers_sent: Mapping[str, str]

    def handle(self) -> None:
        with suppress(ConnectionError):  # the client left, perhaps between requests, or ``respond`` drops it
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
            socket.close(self.connection.detach())  # at once: the server would first end the connection properly
            raise
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST  # noqa: N815 - the base class requires this name

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
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # pending connections; the default of 5 rejects bursts


@contextmanager
def serve(
    respond: Respond, *, status: int = 200, headers: Mapping[str, str] = MappingProxyType({}), port: int = 0
) -> Iterator[str]:
    """Serve ``POST`` and ``GET`` requests of any path, each in a thread of its own, while the context lasts.

    Args:
        respond: returns each response. If its iterator raises :class:`ConnectionError`, the connection is dropped in
            the middle of the body; :class:`ConnectionResetError` resets it. The iterator may sleep to imitate a slow
            server. It is closed when the client leaves.
        status: the status of each response that is not a :class:`Reply`.
        headers: headers of each such response, which add to or replace those of an event stream.
        port: the port to listen on; 0: any free one.

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
