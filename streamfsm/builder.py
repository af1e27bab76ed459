"""Arguments that grow: the messages of declared channels put together, as plain data or as a model of what is there."""

from collections.abc import AsyncIterable, AsyncIterator
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

from streamfsm.channels import Path, Step, parse_path
from streamfsm.errors import MisuseError
from streamfsm.messages import ArgumentMessage
from streamfsm.partial import OpenDict, OpenList, OpenText, partial


class ArgumentBuilder:
    """Puts the messages of one call together: sets a value at its path, or appends a piece to the string there.

    The messages of ``$..*`` build the whole arguments; those of other channels what they take. At any moment
    :attr:`value` is what came: no closing is guessed, and nothing is taken back, unless the model repeats a key. What
    comes before an element in its array and was not taken is ``None``.
    """

    def __init__(self) -> None:
        self._root: dict[str, Any] = {}
        self._call: tuple[int, str | None] | None = None
        self._path: Path = ()  # of the latest message
        self._pieces: list[str] | None = None  # of the string there, if it is not whole

    def apply(self, message: object) -> bool:
        """Apply the next message; the cost does not depend on how much there is.

        Args:
            message: any message; only an :class:`~streamfsm.ArgumentMessage` changes something.

        Returns:
            Whether it changed something.

        Raises:
            MisuseError: the message is of another call, or its path names a channel rather than a place.
        """
        if not isinstance(message, ArgumentMessage):
            return False
        call = message.choice_index, message.tool_call_id
        if self._call not in (None, call):
            raise MisuseError(f"a builder is for one call: {self._call} came before {call}")
        path = parse_path(message.path)
        if not path or any(step.kind not in ("member", "index") for step in path):
            raise MisuseError(f"path {message.path!r} names no place in the arguments")
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
        """What came so far, to be read only. It costs as much as the string that is not whole yet is long."""
        if self._pieces:
            self._pieces[:] = ["".join(self._pieces)]
            self._set(self._path, self._pieces[0])
        return self._root

    def partial(self, model: type[BaseModel]) -> Any:
        """Return a model of what is there, whose fields are those of ``model`` and may all be ``None``.

        A field is there when its value is whole and valid; a ``str`` without constraints, a list, a dict and another
        model grow. A list ends before its first element that is not valid. Functions that validate in ``model`` are not
        called, as half the data would mislead them: :meth:`ParsedCall.parse` validates the whole. It costs as much as
        there is, so call it when you show something, not for each delta.
        """
        return partial(model, self._marked())

    def _write(self) -> None:
        """Write the string that came in pieces; it is whole, or another value began."""
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
        """Return the value with what may still grow marked as open: all that the latest path leads through."""
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
    """Return the key or index of a step into ``place``; an array is made long enough."""
    if step.kind == "member":
        return step.name
    place += [None] * (step.place + 1 - len(place))
    return step.place


async def partial_objects(
    messages: AsyncIterable[object], model: type[BaseModel], *, tool: str | None = None
) -> AsyncIterator[Any]:
    """Yield models of what is there, as :meth:`ArgumentBuilder.partial` gives them, whenever they differ from the last.

    Args:
        messages: those of a stream whose parser has ``Channel("$..*")``.
        model: what the arguments are to be.
        tool: of whose calls; ``None``: of any. Each call begins a new object.
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
