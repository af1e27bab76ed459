"""How far a long run has come, told on standard error."""

import sys
from threading import Lock
from time import monotonic


class Progress:
    """Tells, every two seconds, how much is done, of how much if that is known, and what of it is broken if counted.

    Args:
        what: what is counted, in the plural.
    """

    def __init__(self, what: str) -> None:
        self.done = self._broken = 0
        self._what = what
        self._next = monotonic() + 2
        self._lock = Lock()

    def step(self, of: int | None = None, *, broken: bool | None = None) -> None:
        """One more."""
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
