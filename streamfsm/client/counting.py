"""The token counts of the façade: those that the server reported, or counted here if a proxy reports none."""

from collections.abc import Collection
from functools import cached_property
from typing import Any

from streamfsm.client import tokens
from streamfsm.client.waiting import in_thread
from streamfsm.parser import StreamParser
from streamfsm.result import StreamResult, Usage


class TokenCounts:
    """The part of the façade that counts tokens.

    Args:
        parser: the parser that reads the response.
        is_openai_proxy: whether the server may report no usage, so that tokens are counted here.
        messages: the messages of the prompt, to count its tokens.
        tools: the tool schemas of the request, to count their tokens.
    """

    def __init__(
        self, parser: StreamParser, *, is_openai_proxy: bool, messages: Collection[Any], tools: Collection[Any]
    ) -> None:
        self.parser = parser
        self.is_openai_proxy = is_openai_proxy
        self.messages = messages
        self.tools = tools
        self._written_tokens: dict[str, int] = {}
        if is_openai_proxy:
            tokens.preload()

    @property
    def input_tokens(self) -> int:
        """Tokens of the prompt, as reported or as set by the caller; 0: unknown."""
        return self._written_tokens.get("input", self.parser.result.usage.input_tokens or 0)

    @input_tokens.setter
    def input_tokens(self, value: int) -> None:
        self._written_tokens["input"] = value

    @property
    def output_tokens(self) -> int:
        """Tokens of the response, as reported or as set by the caller; 0: unknown."""
        return self._written_tokens.get("output", self.parser.result.usage.output_tokens or 0)

    @output_tokens.setter
    def output_tokens(self, value: int) -> None:
        self._written_tokens["output"] = value

    @cached_property
    def fallback_input_tokens(self) -> int:
        """Tokens of ``messages`` and ``tools``, as counted here; 0 unless ``is_openai_proxy``."""
        return tokens.count_prompt(self.messages, self.tools, tokens.counter()[0]) if self.is_openai_proxy else 0

    @property
    def fallback_output_tokens(self) -> int:
        """Tokens of what the model has written so far, as counted here; 0 unless ``is_openai_proxy``."""
        if self.parser.state == "open":
            return self._count_output()
        return self._final_output_tokens

    @cached_property
    def _final_output_tokens(self) -> int:
        return self._count_output()

    def _count_output(self) -> int:
        return tokens.count_output(self.parser.result, tokens.counter()[0]) if self.is_openai_proxy else 0

    async def _count(self) -> None:
        """Count the tokens in a thread, so that reading the attributes later does not block the event loop."""
        if self.is_openai_proxy and self.parser.result.usage.source == "absent":
            await in_thread(lambda: (self.fallback_input_tokens, self.fallback_output_tokens))

    @property
    def result(self) -> StreamResult:
        """The result of the stream so far, with counted tokens if a proxy reported none."""
        result = self.parser.result
        if self.is_openai_proxy and result.usage.source == "absent":
            result.usage = Usage(
                input_tokens=self.fallback_input_tokens, output_tokens=self.fallback_output_tokens, source="estimated"
            )
        return result
