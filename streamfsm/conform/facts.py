"""What a parser can be asked about a response, in words that clients of every language share."""

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
"""What a parser may claim, and is then judged on. The first nine are facts; the others are kinds of cases."""
Ending: TypeAlias = Literal["complete", "cut", "broken", "failed"]
"""``complete``: the model finished, or asks for tools. ``cut``: by the token limit or a filter. ``broken``: the stream
ended, and said nothing of why. ``failed``: the server reported an error, or what came was not a stream."""


class Strict(BaseModel):
    """A record whose fields are all known."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class Call(Strict):
    """A tool call."""

    id: str | None = None
    """The id that the wire gave. A case that has none accepts any."""
    name: str
    arguments: JsonValue = ""
    """The JSON text as it came; or the value, if the parser keeps no text. The input of a custom tool is its text."""
    safe: bool | None = None
    """Whether the call may be run. In a case, null: a parser may say either."""

    @property
    def value(self) -> str:
        """The arguments as canonical JSON, with ``{}`` for none; text that is not JSON is unchanged."""
        text: Any = self.arguments
        value = text
        if isinstance(text, str):
            try:
                value = json.loads(text, strict=False) if text.strip() else None
            except (RecursionError, ValueError):
                return text
        return without_surrogates(json.dumps({} if value is None else value, sort_keys=True, ensure_ascii=False))


class Choice(Strict):
    """What one choice says."""

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
    """What a parser has at the end of a response."""

    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    ending: Ending | None = None

    def choice(self, index: int) -> Choice:
        """Return a choice; an empty one if nothing came for it."""
        return next((choice for choice in self.choices if choice.index == index), Choice(index=index))


class Expected(Facts):
    """What is right. A fact that is null is not judged."""

    tell: str | None = None
    """What a parser must not pass over in silence: it warns, or says that the response failed."""


class Answer(Facts):
    """A parser's answer to ``close``."""

    warnings: tuple[str, ...] = ()
    raised: str | None = None
    """An exception that its users would get, and that is not one of those which report a failed response."""


class Hello(Strict):
    """A parser's answer to ``hello``."""

    name: Annotated[str, Field(min_length=1)]
    version: str
    language: str
    claims: frozenset[Claim]
    wires: frozenset[Wire] = frozenset({"chat"})
