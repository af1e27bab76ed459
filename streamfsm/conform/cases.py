"""Cases: what a server sends, and the correct result. They are files of JSON lines, in the repository and the wheel."""

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, ValidationError

from streamfsm.conform.facts import Claim, Expected, Strict, Wire
from streamfsm.errors import MisuseError


class Case(Strict):
    """One case."""

    id: Annotated[str, Field(pattern="^[a-z0-9-]+(/[a-z0-9-]+)+$")]
    wire: Wire
    title: str
    why: str
    """The servers that do this, or what it tests: one or two sentences."""
    law: Literal["texts", "dialects"]
    """The law that a wrong text or call breaks: ``texts`` if the server uses the wire as its makers describe it,
    ``dialects`` if it deviates."""
    needs: tuple[Claim, ...] = ()
    """The claims that a parser must make for the case to be run."""
    certain: bool = True
    """Whether there is only one way to read the events. If not, the parser must answer and warn, and must not call
    anything safe that the model did not write."""
    cut: bool = True
    """Whether the texts can be cut elsewhere; cumulative texts cannot."""
    stream: tuple[Any, ...]
    """The logical stream, before a server cuts it into events: for each piece, an object with its kind, choice and
    text."""
    events: tuple[Any, ...]
    """The objects that the server sends: the data of its server-sent events, without ``[DONE]``."""
    expected: Expected


class Located(NamedTuple):
    """A case and its place."""

    case: Case
    file: Path
    line: int
    digest: str
    """Distinguishes this case from any other, and from its older versions."""


def directory() -> Path:
    """Return the directory of the cases: in the installed package, or in the repository."""
    package = Path(__file__).parent / "cases"
    return package if package.is_dir() else Path(__file__).parents[2] / "conformance" / "cases"


def load(paths: Iterable[Path]) -> list[Located]:
    """Return the cases in files, and in the ``*.jsonl`` files of directories, in order.

    Raises:
        MisuseError: a file cannot be read, a line is not a case, or two cases have one id.
    """
    found = [each for path in paths for each in _of(path)]
    seen: dict[str, Located] = {}
    for each in found:
        other = seen.setdefault(each.case.id, each)
        if other is not each:
            raise MisuseError(f"{each.file}:{each.line}: {each.case.id} is also at {other.file}:{other.line}")
    return found


def _of(path: Path) -> Iterator[Located]:
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise MisuseError(f"{path}: no cases")
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8").split("\n")
        except OSError as error:
            raise MisuseError(f"{file}: {error.strerror}") from error
        for number, text in enumerate(lines, 1):
            if text:
                digest = sha256(text.encode()).hexdigest()[:16]
                yield Located(_case(text, f"{file}:{number}"), file, number, digest)


def _case(text: str, place: str) -> Case:
    try:
        return Case.model_validate(json.loads(text))  # pydantic's own reader rejects lone surrogates
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the line"
        raise MisuseError(f"{place}: not a case: {where}: {first['msg']}") from error
    except ValueError as error:
        raise MisuseError(f"{place}: not JSON: {error}") from error


def line(case: Case) -> str:
    """Return a case as the line of a file."""
    return json.dumps(case.model_dump(mode="python")) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a case."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Case.model_json_schema()}
