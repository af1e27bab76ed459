"""``Source``: what a wire's reader is to the parser."""

from typing import Protocol

from streamfsm.core.events import Handler


class Source(Protocol):
    """Reads the objects of one wire, of one response. Its state is what it need not read again."""

    @property
    def settled(self) -> bool:
        """Whether all that objects say only once, such as the response's id, was read."""

    def read(self, chunk: object, to: Handler) -> None:
        """Tell what ``chunk`` says, in the wire's order. Never raises for anything that JSON can hold.

        Once settled, an object that is read again says the same.
        """
