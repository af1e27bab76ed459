"""The exceptions of this library, by whose fault the error is.

    StreamFsmError                 anything this library raises
    ├── MisuseError                the caller's: an invalid argument, or a method that cannot be called now
    │   └── ArgumentsError         the model's, or the stream's: the arguments of a tool call cannot be used
    ├── TableError                 the table author's: the declaration contradicts itself
    ├── IllegalTransition          ours: an event arrived in a state whose table declares it illegal
    ├── StaleAttempt               nobody's: another producer has started the response again
    └── StreamError                the server's, or the network's: the stream itself failed
        └── StreamTimeout          a deadline of the façade passed

Nothing that a server sends makes ``StreamParser.feed`` raise an exception: it becomes an ``Anomaly`` or a failed
result. The façade raises ``StreamError`` if the stream failed without an exception of the transport to re-raise.
"""


class StreamFsmError(Exception):
    """The base class of every exception that this library raises."""


def with_extra(extra: str) -> str:
    """Return what to do if a package of this extra is not installed."""
    return f"install streamfsm with its extra {extra!r}"


class MisuseError(StreamFsmError, ValueError):
    """The caller made a mistake, such as an invalid argument or a snapshot of another version."""


class ArgumentsError(MisuseError):
    """The arguments of a call cannot be used: the call is not ready or takes text, or Python cannot decode them.

    Attributes:
        name: the tool.
        arguments: the raw text.
        verdict: the verdict on it, as in :class:`~streamfsm.ParsedCall`.
        error_offset: number of characters before the first error, if there is one.
    """

    def __init__(self, message: str, name: str, arguments: str, verdict: str, error_offset: int | None) -> None:
        super().__init__(message)
        self.name: str = name
        self.arguments: str = arguments
        self.verdict: str = verdict
        self.error_offset: int | None = error_offset

    def __reduce__(self) -> tuple[type["ArgumentsError"], tuple[object, ...]]:
        return type(self), (str(self), self.name, self.arguments, self.verdict, self.error_offset)


class TableError(StreamFsmError):
    """A transition table contradicts itself; raised when the table is built, before anything runs."""


class IllegalTransition(StreamFsmError):  # noqa: N818 - a public name
    """An event was triggered in a state whose table declares it illegal: a bug in this library, please report it.

    Attributes:
        machine: name of the table (``"stream"``, ``"text"`` or ``"tool_call"``).
        state: the machine's state, which has not changed.
        event: the event that was triggered.
    """

    def __init__(self, machine: str, state: str, event: str) -> None:
        super().__init__(f"{machine}: event {event!r} is illegal in state {state!r}")
        self.machine: str = machine
        self.state: str = state
        self.event: str = event

    def __reduce__(self) -> tuple[type["IllegalTransition"], tuple[str, str, str]]:
        return type(self), (self.machine, self.state, self.event)


class StaleAttempt(StreamFsmError):  # noqa: N818 - a public name
    """A producer appended to a log in which a newer attempt has begun, or its own attempt has ended. It should stop.

    Attributes:
        run: the name of the run.
        attempt: the producer's own attempt.
    """

    def __init__(self, run: str, attempt: int) -> None:
        super().__init__(f"attempt {attempt} of run {run!r} has ended")
        self.run: str = run
        self.attempt: int = attempt

    def __reduce__(self) -> tuple[type["StaleAttempt"], tuple[str, int]]:
        return type(self), (self.run, self.attempt)


class StreamError(StreamFsmError):
    """The stream failed: an error payload from the server, a limit, or a deadline.

    Attributes:
        code: the server's own code or type, or ``"limit"`` or ``"timeout"``; ``None`` if there is none.
    """

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class StreamTimeout(StreamError, TimeoutError):  # noqa: N818 - a public name
    """A deadline passed before more data arrived.

    Attributes:
        deadline: ``"first_chunk"``, ``"idle"`` or ``"total"``.
    """

    def __init__(self, deadline: str) -> None:
        super().__init__(f"the {deadline.replace('_', ' ')} deadline passed", "timeout")
        self.deadline = deadline

    def __reduce__(self) -> tuple[type["StreamTimeout"], tuple[str]]:
        return type(self), (self.deadline,)
