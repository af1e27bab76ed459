"""An OpenAI-compatible server on this machine's loopback interface, for replays, examples and tests.

It sends what it is given, as a real server does: over HTTP/1.1, in server-sent events, piece by piece.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, TypeAlias

_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Transfer-Encoding": "chunked"}

Respond: TypeAlias = Callable[[dict[str, Any]], Iterable[bytes]]
"""Takes a request's JSON, and returns the pieces of the response's body. Each piece is sent at once, as one chunk."""


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
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.status)
        for name, value in self.headers_sent.items():
            self.send_header(name, value)
        self.end_headers()
        for piece in type(self).respond(request):
            if piece:  # an empty HTTP chunk would end the body
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # connections not yet accepted; the standard library's 5 refuses bursts


@contextmanager
def serve(respond: Respond, *, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
    """Serve ``POST`` requests of any path, each in a thread of its own, while the context lasts.

    Args:
        respond: makes the body of each response. An iterator that raises :class:`ConnectionError` drops the connection
            in the middle of the body; one that sleeps makes a slow server. It is closed when the client leaves.
        status: of each response.
        headers: of each response, beside or in place of those of an event stream.

    Yields:
        The base URL for an OpenAI client.
    """
    attributes = {"respond": staticmethod(respond), "status": status, "headers_sent": {**_HEADERS, **headers}}
    handler = type("Handler", (_Handler,), attributes)
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()
