"""``Source``: what a wire's reader is to the parser."""

from typing import Protocol

from streamfsm.core.events import Handler


class Source(Protocol):
    """Reads the objects of one wire, of one response. Its state is what it need not read again."""

    @property
    def reasoning_field(self) -> str | None:
        """The field of a message in which reasoning came as plain text first, and goes back to the server."""

    def read(self, chunk: object, to: Handler) -> bool:
        """Tell what ``chunk`` says, in the wire's order. Never raises for anything that JSON can hold.

        Returns:
            Whether that is one text, or one piece of arguments, for a lane that is known, and nothing else. Such an
            object says the same when it is read again.
        """

    def close(self, to: Handler) -> None:
        """Tell what waits for more to be understood: nothing more comes, or nothing more is read."""
