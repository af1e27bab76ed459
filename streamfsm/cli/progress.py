"""``Progress``: shows the progress of a long run on standard error."""

import sys
from threading import Lock
from time import monotonic


class Progress:
    """Prints every two seconds how many items are done, of how many if known, and how many are broken if counted.

    Args:
        what: the name of the items, in the plural.
    """

    def __init__(self, what: str) -> None:
        self.done = self._broken = 0
        self._what = what
        self._next = monotonic() + 2
        self._lock = Lock()

    def step(self, of: int | None = None, *, broken: bool | None = None) -> None:
        """Count one more item; ``of`` is the total, ``broken`` whether the item is."""
        with self._lock:
            self.done += 1
            self._broken += bool(broken)
            if monotonic() < self._next:
                return
            self._next = monotonic() + 2
            line = f"{self.done} {self._what}"
            if of is not None:
                bar = "#" * (20 * self.done // of)
                line = f"[{bar:<20}] {self.done} of {of} {self._what}"
            print(line if broken is None else f"{line}, {self._broken} broken", file=sys.stderr, flush=True)
