"""Plays recordings as an OpenAI-compatible server, with faults if requested, for tests of clients."""

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Literal, TypeAlias, cast, get_args

from streamfsm.errors import MisuseError
from streamfsm.replay import capture
from streamfsm.replay.loopback import Reply, Request, Respond, json_reply, refusal
from streamfsm.replay.recording import Recording

FaultKind: TypeAlias = Literal["stall", "cut", "reset", "garbage"]
FAULT_HEADER = "X-Streamfsm-Fault"
"""The header of a request that asks for a fault, such as ``stall@3``."""

_FAULT = re.compile(rf"({'|'.join(get_args(FaultKind))})(?:@(\d+))?")
_GARBAGE = b'data: {"choices": [{]}\n\n\x00\xff\xfe<html>\r\n\r\n'
_STALLED = 0.05  # seconds between checks whether the client has left


@dataclass(frozen=True)
class Fault:
    """A fault in a response.

    ``stall``: nothing more is sent, and the connection stays open. ``cut``: the body ends properly, but in the middle
    of a piece. ``reset``: the connection is reset there. ``garbage``: bytes are sent that are not an event, then the
    rest.
    """

    kind: FaultKind
    at: int | None = None
    """The number of pieces before the fault; ``None``: half of them."""

    @classmethod
    def parse(cls, spec: str) -> "Fault":
        """Parse a fault such as ``stall`` or ``stall@3``.

        Raises:
            MisuseError: ``spec`` is not a fault.
        """
        found = _FAULT.fullmatch(spec)
        if not found:
            raise MisuseError(f"{spec!r} is not a fault: {', '.join(get_args(FaultKind))}, or for example stall@3")
        return cls(cast("FaultKind", found[1]), int(found[2]) if found[2] else None)


def play(
    recording: Recording,
    *,
    speed: float | None = None,
    fault: Fault | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[bytes]:
    """Yield the pieces of a recording, as a server would send them.

    Args:
        recording: the recording to play. If its transport failed, the connection fails too.
        speed: 1: at the recorded pace, 2: twice as fast; ``None``: at once.
        fault: the fault to inject.
        sleep: the function that waits for a number of seconds.

    Raises:
        ConnectionError: the connection must be dropped.
    """
    start = time.monotonic()
    place = -1 if fault is None else len(recording.pieces) // 2 if fault.at is None else fault.at
    for number, piece in enumerate(recording.pieces):
        data = piece.wire
        if speed and piece.at:
            sleep(max(0.0, piece.at / speed - (time.monotonic() - start)))
        if fault and number == place:
            if fault.kind in ("cut", "reset"):
                yield data[: len(data) // 2]
            if fault.kind == "cut":
                return
            if fault.kind == "reset":
                raise ConnectionResetError
            if fault.kind == "garbage":
                yield _GARBAGE
            while fault.kind == "stall":
                sleep(_STALLED)
                yield b""
        yield data
    if recording.end == "error":
        raise ConnectionError(recording.error)


def wire_of(recording: Recording) -> str | None:
    """Return the wire of a recording: ``chat``, ``responses``, ``None`` if it is neither."""
    for chunk in capture.chunks(recording.body.decode(errors="replace")):
        if isinstance(chunk, dict) and "choices" in chunk:
            return "chat"
        if isinstance(chunk, dict) and str(chunk.get("type")).startswith("response."):
            return "responses"
    return None


def playing(recordings: Mapping[str, Recording], *, speed: float | None = None, fault: Fault | None = None) -> Respond:
    """Return a function for :func:`streamfsm.replay.loopback.serve` that answers with recordings.

    The ``model`` of a request selects a recording by its name. Any other model gets the recordings of the request's
    wire in turn. ``GET …/models`` lists the names.

    Args:
        recordings: name → recording.
        speed: see :func:`play`.
        fault: the fault in each response whose request has no :data:`FAULT_HEADER`.
    """
    wires = {name: wire_of(recording) for name, recording in recordings.items()}
    turns = count()

    def respond(request: Request) -> Reply:
        if request.method == "GET":
            models = [{"id": name, "object": "model", "created": 0, "owned_by": "streamfsm"} for name in recordings]
            return json_reply({"object": "list", "data": models})
        wire = "responses" if request.path.partition("?")[0].endswith("/responses") else "chat"
        if not request.get("stream"):
            return refusal(400, "this server only streams: set stream to true")
        try:
            spec = request.headers.get(FAULT_HEADER)
            wanted = Fault.parse(spec) if spec else fault
        except MisuseError as error:
            return refusal(400, str(error))
        name = str(request.get("model"))
        if name not in recordings:
            fitting = [name for name in recordings if wires[name] in (wire, None)]
            if not fitting:
                return refusal(404, f"no recording is of the wire {wire!r}: {_listed(recordings)}")
            name = fitting[next(turns) % len(fitting)]
        elif wires[name] not in (wire, None):
            return refusal(404, f"{name!r} is of the wire {wires[name]!r}")
        return Reply(play(recordings[name], speed=speed, fault=wanted))

    return respond


def _listed(names: Collection[str]) -> str:
    return ", ".join(map(repr, names))
