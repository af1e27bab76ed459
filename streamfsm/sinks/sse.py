"""Our own messages as server-sent events."""

from streamfsm.boundaries import Boundary
from streamfsm.messages import Message, StopReason
from streamfsm.result import StreamResult
from streamfsm.sinks.sink import Sink


class Sse(Sink[Message]):
    """Writes our own messages: compact JSON without nulls, with the ``seq_id`` as the event's id.

    Boundaries are left out, and not needed: a client sees by the ``otid`` where a run ends.
    """

    def frame(self, event: Message) -> bytes:
        """Return the message as a server-sent event."""
        return f"id: {event.seq_id}\ndata: {event.model_dump_json(exclude_none=True)}\n\n".encode()

    def _take(self, item: Message | Boundary) -> list[Message]:
        return [item] if isinstance(item, Message) else []

    def _end(self, _stop: StopReason, _result: StreamResult | None) -> list[Message]:
        return []
