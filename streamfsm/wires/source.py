"""``Source``: the interface between a wire's reader and the parser."""

from collections.abc import Collection
from typing import Protocol

from streamfsm.core.events import Handler
from streamfsm.core.policies import Policies


class Source(Protocol):
    """Reads the objects of one response from one wire. Its state is all that is needed from earlier objects."""

    @property
    def dialect(self) -> Policies:
        """The policies for this server."""

    @property
    def reasoning_field(self) -> str | None:
        """The field in which reasoning first came as plain text, and in which it is sent back to the server."""

    def read(self, chunk: object, to: Handler) -> bool:
        """Report the events of ``chunk``, in the wire's order. Never raises for anything that JSON can hold.

        Returns:
            Whether the chunk is plain: it did not change the reader's state. So reading it again gives the same events,
            as does a chunk that differs only in a text that is not empty.
        """

    def fits(self, begun: Collection[int], calls: Collection[int]) -> bool:
        """Whether its state, from a snapshot, refers only to choices and calls that exist.

        Args:
            begun: the choices that the core knows.
            calls: the indexes of calls that the core knows, of the first choice.
        """

    def goes_on(self, chunk: object, /) -> bool:
        """Whether the wire normally sends ``chunk`` after a failure, so that it is not a late chunk."""

    def read_late(self, chunk: object, to: Handler) -> None:
        """Report the events of a chunk that came after the end; nothing is kept for later chunks."""

    def let_go(self) -> None:
        """Discard what is kept only for the result, because the parser was made with ``keep=False``."""

    def close(self, to: Handler) -> None:
        """Report the events that wait for later chunks, because no more chunks are read."""
