"""``Deadlines``: how long reading waits for chunks."""

from dataclasses import astuple, dataclass

from streamfsm.errors import MisuseError


@dataclass(frozen=True)
class Deadlines:
    """Seconds until the first chunk, until each later chunk, and until the last one; ``None``: no deadline.

    Raises:
        MisuseError: a deadline is not a number above 0.
    """

    first_chunk: float | None = None
    idle: float | None = None
    total: float | None = None

    def __post_init__(self) -> None:
        for seconds in astuple(self):
            if not (seconds is None or (isinstance(seconds, int | float) and seconds > 0)):
                raise MisuseError(f"a deadline must be a number of seconds above 0, not {seconds!r}")

    def __bool__(self) -> bool:
        return self != NO_DEADLINES

    def next(self, chunks: int, passed: float) -> tuple[str, float | None]:
        """Return the deadline that passes first, and the seconds until then.

        Args:
            chunks: the number of chunks that have arrived.
            passed: seconds since reading began.
        """
        name, seconds = ("idle", self.idle) if chunks else ("first_chunk", self.first_chunk)
        if self.total is not None and (seconds is None or self.total - passed < seconds):
            return "total", self.total - passed
        return name, seconds


NO_DEADLINES = Deadlines()
