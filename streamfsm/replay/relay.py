"""A proxy that records the answers of a server, for clients in which only the base URL can be changed."""

from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from streamfsm.errors import MisuseError
from streamfsm.replay.loopback import Reply, Request, Respond, refusal
from streamfsm.replay.recorder import BUDGET, record

# Headers of a single connection, and of encodings, in which the recording would be unreadable.
_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding", "te"}
_SECONDS = 600  # the longest silence of a server, as in the openai client


def recording_relay(upstream: str, directory: Path, *, budget: int = BUDGET) -> Respond:
    """Return a function for :func:`streamfsm.replay.loopback.serve` that forwards requests to ``upstream``.

    Args:
        upstream: the base URL of the server, such as ``https://api.openai.com/v1``.
        directory: where to write a recording of each answer to a ``POST``, whatever its status.
        budget: the most bytes in a recording.

    Raises:
        MisuseError: ``upstream`` is not the URL of a server.
    """
    url = urlsplit(upstream)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise MisuseError(f"{upstream!r} is not the URL of a server, such as https://api.openai.com/v1")
    connect = HTTPSConnection if url.scheme == "https" else HTTPConnection
    numbers = count(1)

    def respond(request: Request) -> Reply:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _NOT_PASSED_ON}
        connection = connect(str(url.hostname), url.port, timeout=_SECONDS)
        path = url.path.rstrip("/") + request.path.removeprefix("/v1")
        try:
            connection.request(request.method, path, request.body, headers)
            response = connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            return refusal(502, f"{upstream} did not answer: {error!r}")
        pieces = _pieces(response, connection)
        passed_on = {name: value for name, value in response.headers.items() if name.lower() not in _NOT_PASSED_ON}
        if request.method != "POST":
            return Reply(pieces, response.status, passed_on)
        file = next(file for file in (directory / f"{number:04}.jsonl" for number in numbers) if not file.exists())
        return Reply(record(pieces, file, budget=budget), response.status, passed_on)

    return respond


def _pieces(response: HTTPResponse, connection: HTTPConnection) -> Iterator[bytes]:
    """Yield the body as it arrives.

    Raises:
        ConnectionError: the connection to the server was lost.
    """
    try:
        while piece := response.read1():
            yield piece
    except (OSError, HTTPException) as error:
        raise ConnectionAbortedError(f"the connection to the server was lost: {error!r}") from error
    finally:
        connection.close()
