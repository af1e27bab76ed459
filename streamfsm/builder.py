"""``ArgumentBuilder``: builds arguments, while they stream, from the messages of declared channels."""

from collections.abc import AsyncIterable, AsyncIterator
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

from streamfsm.channels import Path, Step, parse_path
from streamfsm.errors import MisuseError
from streamfsm.messages import ArgumentMessage
from streamfsm.partial import OpenDict, OpenList, OpenText, partial


class ArgumentBuilder:
    """Builds the arguments of one call: each message sets a value at its path, or appends to the string there.

    The messages of ``$..*`` build the complete arguments; those of other channels, only the values that these capture.
    At any moment, :attr:`value` is what has arrived: no closing is guessed, and nothing is retracted, unless the model
    repeats a key. Elements of an array that no channel captured are ``None`` if a later element was captured.
    """

    def __init__(self) -> None:
        self._root: dict[str, Any] = {}
        self._call: tuple[int, str | None] | None = None
        self._path: Path = ()  # of the latest message
        self._pieces: list[str] | None = None  # of the string there, if it is incomplete

    def apply(self, message: object) -> bool:
        """Apply the next message. The cost does not depend on the size of the value.

        Args:
            message: any message; all but :class:`~streamfsm.ArgumentMessage` are ignored.

        Returns:
            Whether the message was an :class:`~streamfsm.ArgumentMessage`.

        Raises:
            MisuseError: the message is of another call, or its path, such as ``$.a[*]``, is not that of a single value.
        """
        if not isinstance(message, ArgumentMessage):
            return False
        call = message.choice_index, message.tool_call_id
        if self._call not in (None, call):
            raise MisuseError(f"a builder is for one call: {self._call} came before {call}")
        path = parse_path(message.path)
        if not path or any(step.kind not in ("member", "index") for step in path):
            raise MisuseError(f"path {message.path!r} is not the path of a single value")
        self._call = call
        if message.delta is None:
            self._write()
            self._set(path, message.value)
            self._path = path
            return True
        if self._pieces is None or path != self._path:
            self._write()
            self._path, self._pieces = path, []
            self._set(path, "")
        self._pieces.append(message.delta)
        if message.done:
            self._write()
        return True

    @property
    def value(self) -> dict[str, Any]:
        """What has arrived so far, to be read only. The cost is linear in the length of an incomplete string."""
        if self._pieces:
            self._pieces[:] = ["".join(self._pieces)]
            self._set(self._path, self._pieces[0])
        return self._root

    def partial(self, model: type[BaseModel]) -> Any:
        """Return an instance of a partial ``model``: the same fields, each of them ``None`` until its value is known.

        A value is known when it is complete and valid. Strings without constraints, lists, dicts and nested models are
        shown while they grow; a list ends before its first invalid element. Validator functions of ``model`` are not
        called, because most expect complete data: :meth:`ParsedCall.parse` validates that. The cost is linear in the
        size of the value, so call this when you show something, not for each delta.
        """
        return partial(model, self._marked())

    def _write(self) -> None:
        """Write the string that came in pieces: it is complete, or another value began."""
        if self._pieces is not None:
            self._set(self._path, "".join(self._pieces))
            self._pieces = None

    def _set(self, path: Path, value: Any) -> None:
        place: Any = self._root
        for step, following in pairwise(path):
            key = _slot(place, step)
            kind = dict if following.kind == "member" else list
            inner = place.get(key) if isinstance(place, dict) else place[key]
            if not isinstance(inner, kind):
                inner = place[key] = kind()
            place = inner
        place[_slot(place, path[-1])] = value

    def _marked(self) -> dict[str, Any]:
        """Return the value with all that may still grow, which is everything along the latest path, marked as open."""
        root = OpenDict(self.value)
        place: Any = root
        for step in self._path:
            key = _slot(place, step)
            inner = place[key]
            if isinstance(inner, dict):
                place[key] = OpenDict(inner)
            elif isinstance(inner, list):
                place[key] = OpenList(inner)
            elif self._pieces is not None:
                place[key] = OpenText(inner)
            place = place[key]
        return root


def _slot(place: Any, step: Step) -> Any:
    """Return the key or index of a step into ``place``; an array is extended to contain it."""
    if step.kind == "member":
        return step.name
    place += [None] * (step.place + 1 - len(place))
    return step.place


async def partial_objects(
    messages: AsyncIterable[object], model: type[BaseModel], *, tool: str | None = None
) -> AsyncIterator[Any]:
    """Yield :meth:`ArgumentBuilder.partial` after each message that changes it.

    Args:
        messages: the messages of a stream whose parser has ``Channel("$..*")``.
        model: the model of the complete arguments.
        tool: the tool whose calls are built; ``None``: all calls. Each call begins a new object.
    """
    builders: dict[tuple[int, str | None], ArgumentBuilder] = {}
    shown: Any = None
    async for message in messages:
        if isinstance(message, ArgumentMessage) and tool in (None, message.tool_name):
            builder = builders.setdefault((message.choice_index, message.tool_call_id), ArgumentBuilder())
            builder.apply(message)
            found = builder.partial(model)
            if found != shown:
                shown = found
                yield found
