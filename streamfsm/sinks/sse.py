"""Our own messages as server-sent events."""

from streamfsm.boundaries import Boundary
from streamfsm.messages import Message, StopReason
from streamfsm.result import StreamResult
from streamfsm.sinks.message_json import MessageJson
from streamfsm.sinks.sink import Sink


class Sse(Sink[Message]):
    """Writes our own messages: compact JSON without nulls, with the ``seq_id`` as the event's id.

    Boundaries are not needed, and left out: a client sees from the ``otid`` where a run ends.
    """

    def __init__(self) -> None:
        super().__init__()
        self._json = MessageJson()

    def frame(self, event: Message) -> bytes:
        """Return the message as a server-sent event."""
        return b"id: %b\ndata: %b\n\n" % (str(event.seq_id).encode(), self._json.write(event))

    def _take(self, item: Message | Boundary) -> list[Message]:
        return [item] if isinstance(item, Message) else []

    def _end(self, _stop: StopReason, _result: StreamResult | None) -> list[Message]:
        return []
