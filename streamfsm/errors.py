"""Whose fault is it? One exception type for each answer.

    StreamFsmError                 anything this library raises
    ├── MisuseError                the caller's: an argument or a call that can never work
    │   └── ArgumentsError         the model's, or the stream's: a call has no arguments that can be used
    ├── TableError                 the author's of a table: the declaration contradicts itself
    ├── IllegalTransition          ours: an event arrived in a state whose table declares it illegal
    ├── StaleAttempt               nobody's: another producer has begun the response anew
    └── StreamError                the server's, or the network's: the stream itself failed
        └── StreamTimeout          a deadline of the façade passed

What a server sends never raises out of ``StreamParser.feed``: it becomes an ``Anomaly`` or a failed result.
``StreamError`` is what the façade raises where the transport has no exception of its own to re-raise.
"""


class StreamFsmError(Exception):
    """Base of every exception that this library raises."""


class MisuseError(StreamFsmError, ValueError):
    """The caller asked for something that can never work, such as restoring a snapshot of another version."""


class ArgumentsError(MisuseError):
    """The arguments of a call cannot be used: the call is not ready or takes text, or Python cannot decode them.

    Attributes:
        name: the tool.
        arguments: the raw text.
        verdict: the verdict on it, as in :class:`~streamfsm.ParsedCall`.
        error_offset: characters before the first error, if there is one.
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
    """A producer appended to a log in which a newer attempt has begun, or its own has ended. The producer should stop.

    Attributes:
        run: the name of the run.
        attempt: the producer's own attempt.
    """

    def __init__(self, run: str, attempt: int) -> None:
        super().__init__(f"attempt {attempt} of run {run!r} is over")
        self.run: str = run
        self.attempt: int = attempt

    def __reduce__(self) -> tuple[type["StaleAttempt"], tuple[str, int]]:
        return type(self), (self.run, self.attempt)


class StreamError(StreamFsmError):
    """The stream failed: an error payload from the server, a limit, or a deadline.

    Attributes:
        code: the server's own code or type, otherwise ``"limit"`` or ``"timeout"``; ``None`` if there is none.
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
