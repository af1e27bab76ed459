"""The facts about a response that parsers are asked for, in terms that fit clients in every language."""

import json
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from streamfsm.core.text import without_surrogates

PROTOCOL = 1
"""The version of the protocol and of the cases' format."""

Wire: TypeAlias = Literal["chat", "responses"]
Claim: TypeAlias = Literal[
    "content", "reasoning", "refusal", "calls", "ids", "safe", "usage", "ending", "warnings",
    "choices", "parts", "custom_tools", "function_call",
]  # fmt: skip
"""The claims of a parser, on which it is judged. The first nine are facts; the others are kinds of cases."""
Ending: TypeAlias = Literal["complete", "cut", "broken", "failed"]
"""``complete``: the model finished, or asks for tools. ``cut``: by the token limit or a filter. ``broken``: the stream
ended without a reason. ``failed``: the server reported an error, or did not send a stream."""


class Strict(BaseModel):
    """A record without unknown fields."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class Call(Strict):
    """A tool call."""

    id: str | None = None
    """The id on the wire. A case without one accepts any."""
    name: str
    arguments: JsonValue = ""
    """The JSON text as received, or its value if the parser does not keep the text; for a custom tool, its input."""
    safe: bool | None = None
    """Whether the call may be run. In a case, null: either is correct."""

    @property
    def value(self) -> str:
        """The arguments as canonical JSON, with ``{}`` for no arguments; text that is not JSON is unchanged."""
        text: Any = self.arguments
        value = text
        if isinstance(text, str):
            try:
                value = json.loads(text, strict=False) if text.strip() else None
            except (RecursionError, ValueError):
                return text
        return without_surrogates(json.dumps({} if value is None else value, sort_keys=True, ensure_ascii=False))


class Choice(Strict):
    """The texts and calls of one choice."""

    index: int = 0
    content: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: tuple[Call, ...] = ()


class Usage(Strict):
    """Token counts."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Facts(Strict):
    """The facts that a parser reports at the end of a response."""

    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    ending: Ending | None = None

    def choice(self, index: int) -> Choice:
        """Return a choice; an empty one if there is none."""
        return next((choice for choice in self.choices if choice.index == index), Choice(index=index))


class Expected(Facts):
    """The correct facts. A fact that is null is not judged."""

    tell: str | None = None
    """A problem that a parser must report: by a warning, or by an ending that is not ``complete``."""


class Answer(Facts):
    """A parser's answer to ``close``."""

    warnings: tuple[str, ...] = ()
    raised: str | None = None
    """An exception that its users would get, other than those that report a failed response."""


class Hello(Strict):
    """A parser's answer to ``hello``."""

    name: Annotated[str, Field(min_length=1)]
    version: str
    language: str
    claims: frozenset[Claim]
    wires: frozenset[Wire] = frozenset({"chat"})
