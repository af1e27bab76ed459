"""``Source``: the interface between a wire's reader and the parser."""

from collections.abc import Collection
from typing import Protocol

from streamfsm.core.events import Handler
from streamfsm.core.policies import Policies


class Source(Protocol):
    """Reads the objects of one response from one wire. Its state replaces reading earlier objects again."""

    @property
    def dialect(self) -> Policies:
        """How the server speaks."""

    @property
    def reasoning_field(self) -> str | None:
        """The field in which reasoning first came as plain text, and in which it goes back to the server."""

    def read(self, chunk: object, to: Handler) -> bool:
        """Pass the events of ``chunk`` on, in the wire's order. Never raises for anything that JSON can hold.

        Returns:
            Whether the chunk is plain: it left the reader as it was, so that it gives the same events when it is read
            again, and so does a chunk that is like it but for a text that is not empty.
        """

    def fits(self, begun: Collection[int], calls: Collection[int]) -> bool:
        """Whether its state, from a snapshot, refers to what is there.

        Args:
            begun: the choices that the core knows.
            calls: the indexes of calls that the core knows, of the first choice.
        """

    def goes_on(self, chunk: object, /) -> bool:
        """Whether the wire sends ``chunk`` after a failure as a matter of course, so that it is not late."""

    def read_late(self, chunk: object, to: Handler) -> None:
        """Pass the events of a chunk on that came after the end; nothing is kept for a later one."""

    def let_go(self) -> None:
        """Let go what is kept only for the result, because the parser keeps nothing."""

    def close(self, to: Handler) -> None:
        """Pass on the events that wait for later chunks: nothing more comes, or nothing more is read."""
